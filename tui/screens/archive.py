"""All runs of the runs directory, of this and earlier sittings: filter, sort, look at, go on, rename, delete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input

from ...engine.errors import LaderaError
from ...engine.store.listing import RunInfo, delete_run, list_runs, rename_run
from ..mendable import MENDABLE, in_words
from ..query import wanted
from ..text import clean, duration, number
from ..widgets.line import Line
from .choice import ChoiceScreen
from .prompt import PromptScreen

COLUMNS = ("run", "state", "epoch", "best", "age", "experiment")

_NEWEST_FIRST = "age"


def row(run: RunInfo) -> tuple[str, ...]:
    """One run as the table shows it."""
    status = run.status
    best = "" if status.best_value is None else f"{number(status.best_value).strip()} @ {status.best_epoch}"
    return (
        clean(run.name, 40), run.state.replace("_", " "), f"{status.epoch}/{status.epochs}", best,
        duration(run.age), clean(run.fault or status.description, 60),
    )  # fmt: skip


def _fields(run: RunInfo) -> dict[str, str]:
    return {"name": run.name, "state": run.state.replace("_", " "), "experiment": run.status.description}


def ordered(runs: list[RunInfo], by: str) -> list[RunInfo]:
    """Sort by a column: age and epoch downwards, best by validation value, the rest by the alphabet."""
    if by == "age":
        return sorted(runs, key=lambda run: run.age)
    if by == "best":
        return sorted(runs, key=lambda run: (run.status.best_value is None, run.status.best_value or 0.0))
    if by == "epoch":
        return sorted(runs, key=lambda run: -run.status.epoch)
    return sorted(runs, key=lambda run: row(run)[COLUMNS.index(by)])


class ArchiveScreen(ModalScreen[tuple[str, Path] | None]):
    """Ends with ("look", directory) or ("resume", directory), or None."""

    BINDINGS = [
        Binding("escape", "back", "Back"),
        Binding("slash", "filter", "Filter"),
        Binding("o", "sort", "Sort"),
        Binding("g", "resume", "Go on"),
        Binding("f2", "rename", "Rename"),
        Binding("delete", "delete", "Delete"),
        Binding("y", "copy", "Copy path"),
    ]

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self._runs: list[RunInfo] = []
        self._sort = _NEWEST_FIRST

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide tall"):
            yield Line(
                "All runs: Enter look at, / filter, o sort, g go on, F2 rename, Delete, y copy path, Escape back",
                classes="dialog-title",
            )
            yield Input(placeholder="words, !words, /patterns/, state:finished", id="filter")
            yield DataTable[Text](cursor_type="row", id="archive")
            yield Line("", id="archive-note")

    def on_mount(self) -> None:
        """List what there is."""
        table = self.query_one(DataTable)
        for column in COLUMNS:
            table.add_column(column, key=column)
        self._runs = list_runs(self._root)
        self._show()
        table.focus()

    def _show(self) -> None:
        table, note = self.query_one(DataTable), self.query_one("#archive-note", Line)
        try:
            wants = wanted(self.query_one(Input).value, ("name", "state", "experiment"))
        except ValueError as error:
            note.set(str(error))
            return
        found = [run for run in ordered(self._runs, self._sort) if wants(_fields(run))]
        table.clear()
        for run in found:
            table.add_row(*(Text(value) for value in row(run)), key=str(run.path))
        where = clean(str(self._root), 80)
        note.set(
            f"{len(found)} of {len(self._runs)} runs in {where}, by {self._sort}"
            if self._runs
            else f"no runs in {where} yet"
        )

    @property
    def chosen(self) -> Path | None:
        """The run under the cursor."""
        table = self.query_one(DataTable)
        if not table.row_count:
            return None
        return Path(str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the list."""
        self.query_one(DataTable).focus()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Look at it."""
        if self.chosen:
            self.dismiss(("look", self.chosen))

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

    def action_resume(self) -> None:
        """Go on with it in a process of its own."""
        if self.chosen:
            self.dismiss(("resume", self.chosen))

    def action_copy(self) -> None:
        """Put its path on the terminal's clipboard."""
        if self.chosen:
            self.app.copy_to_clipboard(str(self.chosen.absolute()))
            self.query_one("#archive-note", Line).set(f"copied: {clean(str(self.chosen), 200)}")

    def action_rename(self) -> None:
        """Ask for another name."""
        path = self.chosen
        if path is None:
            return

        def go(name: str | None) -> None:
            if name and name != path.name:
                self._do(lambda: rename_run(path, name))

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
            lambda answer: self._do(lambda: delete_run(path)) if answer == "yes" else None,
        )

    def _do(self, what: Callable[[], object]) -> None:
        try:
            what()
        except MENDABLE as error:
            self.query_one("#archive-note", Line).set(in_words(error))
            return
        self._runs = list_runs(self._root)
        self._show()


def _no_name(name: str) -> str | None:
    from ...engine.store.directory import refuse_name

    try:
        refuse_name(name)
    except LaderaError as error:
        return str(error)
    return None
