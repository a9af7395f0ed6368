"""Text that is shown as it is: no markup is read from it, and nothing is repainted while it stays the same."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ..seven_bit import seven_bit
from ..text import harmless


def written(widget: Widget, text: str) -> str:
    """The text as the terminal can write it, and nothing that drives it."""
    text = text if text.isprintable() else harmless(text)
    return seven_bit(text) if "-ascii" in widget.app.classes else text


class Line(Static):
    """A Static for text from anywhere; setting the same text again costs nothing."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes, markup=False)
        self._text = text

    def on_mount(self) -> None:
        """Show the first text."""
        self.update(Content(written(self, self._text)))

    @property
    def text(self) -> str:
        """What is shown."""
        return self._text

    def set(self, text: str) -> None:
        """Show a text."""
        if text != self._text:
            # A layout of the whole screen costs more than all the rest; only a change of size needs one.
            grows = self.styles.auto_dimensions and (len(text), text.count("\n")) != (
                len(self._text),
                self._text.count("\n"),
            )
            self._text = text
            self.update(Content(written(self, text)), layout=bool(grows))
