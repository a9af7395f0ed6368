"""All runs of the runs directory, of this and earlier sittings: filter, sort, look at, go on, use again, rename, delete."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

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
from ..archived import COLUMNS, Archived, Listing, listing, read
from ..mendable import MENDABLE, in_words
from ..text import clean
from ..widgets.line import Line, written
from .choice import ChoiceScreen
from .prompt import PromptScreen

_NEWEST_FIRST = "age"
#: What may name a run.
_NAMES = "the name of a folder: no slash or backslash in it, no dot or dash in front, no space around it"
#: Seconds after which the directory is read again, and the share of the time that reading may take: training has the rest.
_AGAIN, _SHARE = 1.5, 0.05
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
        self._one_at_a_time = asyncio.Lock()
        self._renamed: dict[Path, Path] = {}
        "Where runs went that the table still has under their old names."
        self._filled: Listing | None = None
        "What the table holds."

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide tall"):
            yield Line(
                "All runs: Enter look at, / filter, o sort, g go on, E use its experiment, F2 rename, Del delete, y copy path, "
                "Escape back",
                classes="dialog-title",
            )
            yield Input(placeholder="words, !words, /patterns/, state:finished, lr:<0.01", id="filter")
            yield DataTable[Text](cursor_type="row", id="archive")
            yield Line("reading the directory…", id="archive-note")

    def on_mount(self) -> None:
        """List what there is, without waiting for a slow disk."""
        self.query_one(DataTable).focus()
        self.run_worker(self._follow(), group="list")

    def on_resize(self, event: Resize) -> None:
        """Show as much of what differs as there is room for."""
        self.call_after_refresh(self._show)

    # -- showing -----------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Read the directory behind the screen again and again: runs of other processes go on meanwhile."""
        while True:
            began = time.monotonic()
            await self._list()
            await asyncio.sleep(max(_AGAIN, (time.monotonic() - began) / _SHARE))

    async def _list(self) -> None:
        async with self._one_at_a_time:
            runs = await asyncio.to_thread(read, self._root, self._runs or ())
            if self._runs is None or [run.info for run in runs] != [run.info for run in self._runs]:
                self._runs = runs
                await self._list_anew()

    @property
    def _wish(self) -> tuple[str, str, int]:
        """What is to be listed, in which order, in how many cells."""
        return self.query_one(Input).value, self._sort, self.query_one(DataTable).size.width

    def _show(self) -> None:
        if self._runs is not None:
            self.run_worker(self._list_anew(), group="show", exclusive=True)

    async def _list_anew(self) -> None:
        """Put what is wanted into the table; thousands of runs take a thread half a second."""
        wish = self._wish
        shown = await asyncio.to_thread(listing, self._runs or (), *wish)
        if wish == self._wish:  # else whoever changed it has asked, too
            self._put(shown)

    def _put(self, shown: Listing) -> None:
        if shown.trouble:
            self._say(shown.trouble)
            return
        self._fill(self.query_one(DataTable), shown)
        where = clean(str(self._root), 80)
        count = len(self._runs or ())
        self._say(
            f"{len(shown.rows)} of {count} runs in {where}, by {self._sort}{' within data and monitor' * (self._sort == 'best')}"
            if count
            else f"no runs in {where} yet"
        )

    def _fill(self, table: DataTable[Text], shown: Listing) -> None:
        """Write the cells that changed, or all of them where rows or columns did; the cursor stays on its run."""
        before, self._filled = self._filled, shown
        if before is not None and before.widths == shown.widths and list(before.rows) == list(shown.rows):
            for path, cells in shown.rows.items():
                for column, old, new in zip(shown.widths, before.rows[path], cells, strict=True):
                    if old != new:
                        table.update_cell(str(path), column, Text(written(self, new)))
            return
        chosen, row, top = self.chosen, table.cursor_row, table.scroll_offset.y
        table.clear(columns=True)
        for column, width in shown.widths.items():
            table.add_column(column, key=column, width=width)
        for path, cells in shown.rows.items():
            table.add_row(*(Text(written(self, cell)) for cell in cells), key=str(path))
        paths = list(shown.rows)
        chosen = self._renamed.pop(chosen, chosen) if chosen else None
        if chosen and paths:
            # One that is gone leaves the cursor to its neighbour.
            place = paths.index(chosen) if chosen in paths else min(row, len(paths) - 1)
            table.move_cursor(row=place)
            if before is not None:  # it stays where it is on the screen, too
                self.call_after_refresh(table.scroll_to, y=top + place - row, animate=False)

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

        def complaint(name: str) -> str | None:
            # By the list, not the disk, which may be slow: what the list does not know is refused when it is done.
            taken = name != path.name and any(run.info.name == name for run in self._runs or ())
            return f"{name} exists already; choose another name" if taken else None

        def go(name: str | None) -> None:
            if name and name != path.name:
                self._do(path, lambda: rename_run(path, name))

        self.app.push_screen(
            PromptScreen(
                f"Rename {clean(path.name)}",
                path.name,
                _NAMES,
                lambda name: _no_name(name) or complaint(name),
            ),
            go,
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
            if where is not None:
                self._renamed[path] = where
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
