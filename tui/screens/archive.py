"""All runs of the runs directory, of this and earlier sittings: filter, sort, look at, go on, use again, rename, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import DataTable, Input

from ...engine.errors import LaderaError
from ...engine.store.listing import delete_run, rename_run
from ..archived import COLUMNS, SPOKEN, Archived, known_fields, ordered, read, rows
from ..mendable import MENDABLE, in_words
from ..query import wanted
from ..text import clean
from ..values import in_cells
from ..widgets.line import Line, written
from .choice import ChoiceScreen
from .prompt import PromptScreen

_NEWEST_FIRST = "age"
#: Cells between two columns, that what differs has at least, and the columns that make room for it.
_GAP, _LEAST = 2, 20
_DROPPED = ("epoch", "age")
#: Runs from which on typing is not held up by showing, and seconds without a key after which they are shown.
_MANY, _PAUSE = 200, 0.15


async def _nothing(_: Path) -> None:
    """Nobody is at work in the directory."""


def _nobody(_: Path, __: Path | None) -> None:
    """Nobody asks where the directory went."""


class ArchiveScreen(ModalScreen[tuple[str, Path] | None]):
    """Ends with ("look", directory), ("resume", directory) or ("use", directory), or None.

    `free(directory)` ends what this process does there before it is renamed or deleted; `moved(directory, where)` is
    told afterwards, `where` None for one that is gone.
    """

    DEFAULT_CSS = "ArchiveScreen .dialog { width: 96%; }"
    BINDINGS = [
        Binding("escape", "back", "Back"),
        Binding("slash", "filter", "Filter"),
        Binding("o", "sort", "Sort"),
        Binding("g", "end('resume')", "Go on"),
        Binding("E", "end('use')", "Use its experiment"),
        Binding("f2", "rename", "Rename"),
        Binding("delete", "delete", "Delete"),
        Binding("y", "copy", "Copy path"),
    ]

    def __init__(
        self,
        root: Path,
        free: Callable[[Path], Awaitable[None]] = _nothing,
        moved: Callable[[Path, Path | None], None] = _nobody,
    ) -> None:
        super().__init__()
        self._root, self._free, self._moved = root, free, moved
        self._runs: list[Archived] | None = None
        "None until the directory was read."
        self._sort = _NEWEST_FIRST
        self._typing: Timer | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide tall"):
            yield Line(
                "All runs: Enter look at, / filter, o sort, g go on, E use its experiment, F2 rename, Del delete, y copy path, "
                "Escape back",
                classes="dialog-title",
            )
            yield Input(
                placeholder="words, !words, /patterns/, state:finished, optimizer:adam, lr:<0.01", id="filter"
            )
            yield DataTable[Text](cursor_type="row", id="archive")
            yield Line("reading the directory…", id="archive-note")

    def on_mount(self) -> None:
        """List what there is, without waiting for a slow disk."""
        self.query_one(DataTable).focus()
        self.run_worker(self._list(), group="list", exclusive=True)

    def on_resize(self, event: Resize) -> None:
        """Show as much of what differs as there is room for."""
        self.call_after_refresh(self._show)

    # -- showing -----------------------------------------------------------------------------------------------------

    async def _list(self) -> None:
        self._runs = await asyncio.to_thread(read, self._root)
        self._show()

    def _show(self) -> None:
        if self._runs is None:
            return
        try:
            wants = wanted(self.query_one(Input).value, known_fields(self._runs), SPOKEN)
        except ValueError as error:
            self._say(str(error))
            return
        table, chosen = self.query_one(DataTable), self.chosen
        found = ordered([run for run in self._runs if wants(run.fields)], self._sort)
        self._fill(table, found)
        paths = [run.info.path for run in found]
        if chosen in paths:
            table.move_cursor(row=paths.index(chosen))
        where = clean(str(self._root), 80)
        count = len(self._runs)
        self._say(
            f"{len(found)} of {count} runs in {where}, by {self._sort}{' within data and monitor' * (self._sort == 'best')}"
            if count
            else f"no runs in {where} yet"
        )

    def _fill(self, table: DataTable[Text], found: list[Archived]) -> None:
        table.clear(columns=True)
        told = rows(found)
        widths = {
            column: max([cell_len(column), *(cell_len(row[place]) for row, _ in told)]) + _GAP
            for place, column in enumerate(COLUMNS[:-1])
        }
        room = table.size.width - 1 - _GAP
        for column in _DROPPED:
            if room - sum(widths.values()) < _LEAST:
                del widths[column]
        room = max(1, room - sum(widths.values()))
        for column, width in (widths | {COLUMNS[-1]: room + _GAP}).items():
            table.add_column(column, key=column, width=width - _GAP)
        for run, (row, words) in zip(found, told, strict=True):
            cells = [value for column, value in zip(COLUMNS, row, strict=False) if column in widths]
            cells.append(in_cells(words, room))
            table.add_row(*(Text(written(self, cell)) for cell in cells), key=str(run.info.path))

    def _say(self, text: str) -> None:
        self.query_one("#archive-note", Line).set(clean(text, 300))

    @property
    def chosen(self) -> Path | None:
        """The run under the cursor."""
        table = self.query_one(DataTable)
        if not table.row_count:
            return None
        return Path(str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value))

    # -- keys --------------------------------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing; a long list waits for a pause between two keys."""
        if self._typing is not None:
            self._typing.stop()
        if len(self._runs or ()) < _MANY:
            self._show()
        else:
            self._typing = self.set_timer(_PAUSE, self._show)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the list."""
        self.query_one(DataTable).focus()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Look at it."""
        self.action_end("look")

    def action_back(self) -> None:
        """From the filter to the list, from the list to the lab."""
        if self.query_one(Input).has_focus:
            self.query_one(DataTable).focus()
        else:
            self.dismiss(None)

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(Input).focus()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._sort = COLUMNS[(COLUMNS.index(self._sort) + 1) % len(COLUMNS)]
        self._show()

    def action_end(self, what: str) -> None:
        """Do something with the chosen run, in the lab."""
        if self.chosen:
            self.dismiss((what, self.chosen))

    def action_copy(self) -> None:
        """Put its path on the terminal's clipboard."""
        if self.chosen:
            self.app.copy_to_clipboard(str(self.chosen.absolute()))
            self._say(f"copied: {self.chosen}")

    def action_rename(self) -> None:
        """Ask for another name."""
        path = self.chosen
        if path is None:
            return

        def go(name: str | None) -> None:
            if name and name != path.name:
                self._do(path, lambda: rename_run(path, name))

        self.app.push_screen(
            PromptScreen(f"Rename {clean(path.name)}", path.name, "letters, digits, - and _", _no_name), go
        )

    def action_delete(self) -> None:
        """Ask, then delete."""
        path = self.chosen
        if path is None:
            return
        question = f"Delete {clean(path.name)} with its log, checkpoints and weights? This cannot be undone."
        self.app.push_screen(
            ChoiceScreen(question, [("no", "Keep it"), ("yes", "Delete it")]),
            lambda answer: self._do(path, lambda: delete_run(path)) if answer == "yes" else None,
        )

    def _do(self, path: Path, what: Callable[[], Path | None]) -> None:
        """Change a directory in a thread; a disk may be slow. What is wrong is said."""

        async def work() -> None:
            try:
                await self._free(path)
                where = await asyncio.to_thread(what)
            except MENDABLE as error:
                self._say(in_words(error))
                return
            self._moved(path, where)
            await self._list()

        self._say(f"{path.name}…")
        self.run_worker(work(), group="change")


def _no_name(name: str) -> str | None:
    from ...engine.store.directory import refuse_name

    try:
        refuse_name(name)
    except LaderaError as error:
        return str(error)
    return None
