"""The runs of this sitting as a table: which one is looked at, whose curves are shown, what is pinned, the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.events import Blur, Focus
from textual.widgets import DataTable

from ..run_rows import COLUMNS, ORDERS, ordered, run_row
from ..sitting import Run
from .line import written

if TYPE_CHECKING:
    from ..app import LabApp

_KEYS = "Enter look at · space curves · P pin · S sort · Shift+↑↓ queue · B background · Y path · Del off the list"


class RunsTable(DataTable[Text]):
    """One row a run; its keys work while it has the focus."""

    app: LabApp  # type: ignore[assignment]

    BINDINGS: ClassVar[list[Any]] = [
        Binding("space", "curves", "Curves", show=False),
        Binding("P", "pin", "Pin", show=False),
        Binding("S", "sort", "Sort", show=False),
        Binding("shift+up", "queue(1)", "Later", show=False),
        Binding("shift+down", "queue(-1)", "Earlier", show=False),
        Binding("B", "background", "Background", show=False),
        Binding("Y", "copy", "Copy path", show=False),
        Binding("delete,backspace", "remove", "Off the list", show=False),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._by = ORDERS[0]
        self._rows: dict[int, tuple[str, ...]] = {}

    def on_mount(self) -> None:
        """Columns of fixed widths."""
        self._entitle()
        for column, width in COLUMNS.items():
            self.add_column(column, key=column, width=width)

    def _entitle(self) -> None:
        self.border_title = "Runs" if self._by == ORDERS[0] else f"Runs, by {self._by}"

    def on_focus(self, event: Focus) -> None:
        """Its keys are shown where they work."""
        self.border_subtitle = written(self, _KEYS)

    def on_blur(self, event: Blur) -> None:
        """And not elsewhere."""
        self.border_subtitle = ""

    def show(self) -> None:
        """Show what is new; rows are made anew only if their order changed."""
        runs, current = self.app.sitting.runs, self.app.current
        rows = {run.number: run_row(run, runs, current) for run in ordered(runs, self._by)}
        chosen = self.chosen if self.has_focus else current
        if list(rows) != list(self._rows):
            self.clear()
            for number, row in rows.items():
                # A plain string would be read as markup.
                self.add_row(*(Text(written(self, value)) for value in row), key=str(number))
        else:
            for number, row in rows.items():
                for column, value, before in zip(COLUMNS, row, self._rows[number], strict=True):
                    if value != before:
                        self.update_cell(str(number), column, Text(written(self, value)))
        self._rows = rows
        if chosen is not None and chosen.number in rows:
            self.move_cursor(row=list(rows).index(chosen.number))

    @property
    def chosen(self) -> Run | None:
        """The run under the cursor."""
        numbers = list(self._rows)
        if not 0 <= self.cursor_row < len(numbers):
            return None
        number = numbers[self.cursor_row]
        return next((run for run in self.app.sitting.runs if run.number == number), None)

    def action_curves(self) -> None:
        """Show or hide its curves below those of the run that is looked at."""
        if run := self.chosen:
            run.shown = not run.shown
            self.app.lab.show_all()

    def action_pin(self) -> None:
        """Keep it on top, or let it go."""
        if run := self.chosen:
            run.pinned = not run.pinned
            self.show()

    def action_sort(self) -> None:
        """By the next order."""
        self._by = ORDERS[(ORDERS.index(self._by) + 1) % len(ORDERS)]
        self._entitle()
        self.show()

    def action_queue(self, by: int) -> None:
        """Train a queued run earlier or later."""
        if run := self.chosen:
            self.app.sitting.move(run, by)
            self.show()

    def action_background(self) -> None:
        """Train a queued run in a process of its own, now."""
        if run := self.chosen:
            self.app.start_apart(run)

    def action_copy(self) -> None:
        """Put its directory's path on the terminal's clipboard."""
        run = self.chosen
        if run is not None and run.directory is not None:
            self.app.copy_to_clipboard(str(run.directory.absolute()))
            self.app.note(f"copied: {run.directory}")

    def action_remove(self) -> None:
        """Off the list, or out of the queue; its directory stays."""
        if run := self.chosen:
            self.app.take_off(run)
