"""The runs of this sitting as a table: which one is looked at, whose curves are shown, what is pinned, the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding
from textual.events import Resize
from textual.widgets import DataTable

from ..plots import colour_of
from ..run import Run
from ..run_rows import ORDERS, SIGN, Table, table
from .line import written

if TYPE_CHECKING:
    from ..app import LabApp

#: What the keys do, the most wanted first: as many are told as there is room for.
_KEYS = (
    "Enter look at", "space curves", "E use its values", "P pin", "S sort", "Del off", "Shift+↑↓ queue", "A apart",
    "Y path",
)  # fmt: skip
_EMPTY = Table((), {})


class RunsTable(DataTable[Text]):
    """One row a run; its keys work while it has the focus."""

    app: LabApp  # type: ignore[assignment]

    BINDINGS: ClassVar[list[Any]] = [
        Binding("space", "curves", "Curves", show=False),
        Binding("E", "use", "Use its experiment", show=False),
        Binding("P", "pin", "Pin", show=False),
        Binding("S", "sort", "Sort", show=False),
        Binding("delete,backspace", "remove", "Off the list", show=False),
        Binding("shift+up", "queue(1)", "Later", show=False),
        Binding("shift+down", "queue(-1)", "Earlier", show=False),
        Binding("A", "apart", "On its own", show=False),
        Binding("Y", "copy", "Copy path", show=False),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._by = ORDERS[0]
        self._shown = _EMPTY
        self._current: Run | None = None
        "The run that was looked at when it was shown last."
        self._look: object = None
        "How the rows were written: they are written anew in another ink."

    def watch_has_focus(self, has_focus: bool) -> None:
        """Its keys are shown where they work, and not elsewhere."""
        super().watch_has_focus(has_focus)
        self._entitle()

    def on_resize(self, event: Resize) -> None:
        """Another width holds other columns."""
        self._entitle()
        self.show()

    def _entitle(self) -> None:
        words = "Runs" if self._by == ORDERS[0] else f"Runs, by {self._by}"
        if not self.has_focus:
            earlier = f", / lists {self.app.earlier:,} earlier" if self.app.earlier else ""
            title = f"{words}: t to the table{earlier}"
            if self.border_title != title:  # to set it paints the whole table
                self.border_title = title
            return
        line = f"{words}: {_KEYS[0]}"
        for key in _KEYS[1:]:
            if cell_len(f"{line} · {key}") <= self.size.width - 6:
                line = f"{line} · {key}"
        self.border_title = written(self, line)

    def show(self) -> None:
        """Show what is new; rows are made anew only if their order or the columns changed."""
        if not self.has_focus:
            self._entitle()
        runs, current, view = self.app.sitting.runs, self.app.current, self.app.shown_view
        # One cell is the scroll bar's.
        new = table(runs, self._by, current, max(20, self.size.width - 1), view.colour)
        look = view.ink, view.colour, view.marker
        # Whoever looks at another run sees it; else the cursor stays where keys have put it.
        chosen = self.chosen if self.has_focus and current is self._current else current
        self._current = current
        before, self._shown = self._shown, new
        if new.columns != before.columns:
            self.clear(columns=True)
            for title, width in new.columns:
                self.add_column(Text(title), key=title, width=width)
            before = _EMPTY
        if list(new.rows) != list(before.rows) or look != self._look:
            self.clear()
            for number, row in new.rows.items():
                cells = [self._cell(number, place, value) for place, value in enumerate(row)]
                self.add_row(*cells, key=str(number))
        else:
            for number, row in new.rows.items():
                for place, (value, old) in enumerate(zip(row, before.rows[number], strict=True)):
                    if value != old:
                        self.update_cell(str(number), new.columns[place][0], self._cell(number, place, value))
        self._look = look
        if chosen is not None and chosen.number in new.rows:
            self.move_cursor(row=list(new.rows).index(chosen.number))

    def _cell(self, number: int, place: int, value: str) -> Text:
        # A plain string would be read as markup.
        text = Text(written(self, value))
        view = self.app.shown_view
        if place == 0 and view.colour:
            run = next(run for run in self.app.sitting.runs if run.number == number)
            text.stylize(colour_of(run, view), SIGN, SIGN + 1)
        return text

    @property
    def chosen(self) -> Run | None:
        """The run under the cursor."""
        numbers = list(self._shown.rows)
        if not 0 <= self.cursor_row < len(numbers):
            return None
        number = numbers[self.cursor_row]
        return next((run for run in self.app.sitting.runs if run.number == number), None)

    def action_curves(self) -> None:
        """Show or hide its curves below those of the run that is looked at."""
        if run := self.chosen:
            run.shown = not run.shown
            self.app.lab.show_all()

    def action_use(self) -> None:
        """Put its experiment into the form."""
        if run := self.chosen:
            self.app.use_experiment(run.in_force, run.name, run.values.changes)

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

    def action_apart(self) -> None:
        """Train a queued run in a process of its own, now."""
        if run := self.chosen:
            self.app.start_apart(run)

    def action_copy(self) -> None:
        """Put its directory's path on the terminal's clipboard."""
        run = self.chosen
        if run is not None and run.directory is not None:
            self.app.copy_to_clipboard(str(run.directory.absolute()))
            self.app.note(f"copied: {run.directory}")
        elif run is not None:
            self.app.note(f"{run.name} has no directory yet")

    def action_remove(self) -> None:
        """Off the list, or out of the queue; its directory stays."""
        if run := self.chosen:
            self.app.take_off(run)
