"""Lines of styled text as a widget; only the rows that changed are painted."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from ..blocks import fitted


class Picture(Widget, can_focus=False):
    """Shows a block of lines from its top left corner."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._lines: list[Text] = []

    def show(self, block: Sequence[Text]) -> None:
        """Show a block, cut to the size of the widget."""
        lines = fitted(block, self.size.width, self.size.height)
        changed = [
            row for row, line in enumerate(lines) if row >= len(self._lines) or line != self._lines[row]
        ]
        whole = len(lines) != len(self._lines)
        self._lines = lines
        if whole:
            self.refresh()
        elif changed:
            self.refresh(*(Region(0, row, self.size.width, 1) for row in changed))

    def render_line(self, y: int) -> Strip:
        """Give one row."""
        width, style = self.size.width, self.rich_style
        if y >= len(self._lines):
            return Strip.blank(width, style)
        segments = [segment for segment in self._lines[y].render(self.app.console) if segment.text]
        return Strip(segments).apply_style(style).adjust_cell_length(width, style)

    @property
    def plain(self) -> str:
        """The lines as text."""
        return "\n".join(line.plain for line in self._lines)
