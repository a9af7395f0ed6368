"""Text that is shown as it is: no markup is read from it, and nothing is repainted while it stays the same."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Line(Static):
    """A Static for text from anywhere; setting the same text again costs nothing."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(Content(text), id=id, classes=classes, markup=False)
        self._text = text

    @property
    def text(self) -> str:
        """What is shown."""
        return self._text

    def set(self, text: str) -> None:
        """Show a text."""
        if text != self._text:
            self._text = text
            self.update(Content(text))
