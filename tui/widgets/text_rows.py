"""Rows of styled text as a widget; only the rows that changed are painted."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class TextRows(Widget, can_focus=False):
    """Shows rows from its top left corner; what lies beyond its size is cut."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._rows: list[Text] = []

    def set_rows(self, rows: Sequence[Text]) -> None:
        """Show these rows; those that equal the ones before cost nothing."""
        new, old = list(rows), self._rows
        self._rows = new
        if len(new) != len(old):
            self.refresh()
            return
        changed = [
            row
            for row, (one, other) in enumerate(zip(new, old, strict=True))
            if one is not other and one != other
        ]
        if changed:
            self.refresh(*(Region(0, row, self.size.width, 1) for row in changed))

    def render_line(self, y: int) -> Strip:
        """Give one row."""
        width, style = self.size.width, self.rich_style
        if y >= len(self._rows):
            return Strip.blank(width, style)
        segments = [segment for segment in self._rows[y].render(self.app.console) if segment.text]
        return Strip(segments).apply_style(style).adjust_cell_length(width, style)

    @property
    def plain(self) -> str:
        """The rows as text."""
        return "\n".join(row.plain for row in self._rows)
