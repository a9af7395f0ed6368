"""The experiment as a list to walk through: Enter picks a preset for a part or edits a value."""

from __future__ import annotations

from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...engine.experiment import Experiment
from ..form import Row, rows
from ..text import fit
from .choices import Choices
from .line import written

#: Columns of the titles of a part and of a value: the longest are "Regularize" and "validate every".
_PART, _VALUE = 10, 14


class ExperimentForm(Choices):
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
        self._rows = rows(experiment)
        self._width = 0

    def show(self, experiment: Experiment) -> None:
        """Show an experiment; the highlight stays on its key."""
        here = self.current.key if self.current else None
        self._rows = rows(experiment)
        self._fill(here)

    def _fill(self, here: str | None) -> None:
        self._width = self.scrollable_content_region.width
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

    def on_resize(self) -> None:
        """Fit the rows to the new width."""
        if self.scrollable_content_region.width != self._width:
            self._fill(self.current.key if self.current else None)

    def _prompt(self, row: Row) -> Content:
        space = max(14, self._width)
        title = written(self, row.title)
        left = fit(title, _PART) + " " if row.is_part else "  " + fit(title, _VALUE) + " "
        style = "bold" if row.is_part else "dim"
        room = space - len(left) - (2 if row.is_part else 0)
        value = fit(written(self, row.value), max(1, room))
        return Content.assemble((left, style), value, written(self, " ▾") if row.is_part else "")
