"""The experiment as a list to walk through: Enter picks a preset for a part or edits a value."""

from __future__ import annotations

from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...engine.experiment import Experiment
from ..form import Row, rows
from ..text import fit


class ExperimentForm(OptionList):
    """Rows of the experiment; tells what the user wants to change."""

    class Chosen(Message):
        """A row was chosen."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    class Looked(Message):
        """The highlight moved to a row."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    def __init__(self, experiment: Experiment, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, markup=False, compact=True)
        self._rows: list[Row] = []
        self._experiment = experiment

    def on_mount(self) -> None:
        """Fill the list."""
        self.show(self._experiment)

    def show(self, experiment: Experiment) -> None:
        """Show an experiment; the highlight stays on its key."""
        here = self.current.key if self.current else None
        self._experiment = experiment
        self._rows = rows(experiment)
        self.clear_options()
        self.add_options(Option(self._prompt(row), id=row.key) for row in self._rows)
        keys = [row.key for row in self._rows]
        self.highlighted = keys.index(here) if here in keys else 0

    @property
    def current(self) -> Row | None:
        """The highlighted row."""
        if self.highlighted is None or self.highlighted >= len(self._rows):
            return None
        return self._rows[self.highlighted]

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Pass the row on."""
        event.stop()
        if self.current:
            self.post_message(self.Looked(self.current))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Pass the row on."""
        event.stop()
        if self.current:
            self.post_message(self.Chosen(self.current))

    def _prompt(self, row: Row) -> Content:
        space = max(12, self.size.width or 30)
        if row.is_part:
            left = fit(row.title, 12)
            return Content.assemble((left, "bold"), fit(row.value, max(4, space - 16)), " ▾")
        return Content.assemble(("  " + fit(row.title, 14), "dim"), fit(row.value, max(4, space - 18)))
