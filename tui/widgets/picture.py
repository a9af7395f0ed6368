"""A picture made of lines of text, as much of it as there is room for, moved up and down by the screen it is on."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.message import Message

from ..blocks import Block, fitted
from .text_rows import TextRows


class Picture(TextRows):
    """Shows a block of lines from its top left corner on, or from a line further down."""

    class Resized(Message):
        """Its size changed: what is drawn for the room it has is to be drawn again."""

    def __init__(self, *, moves: bool = False, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        """`moves`: the screen moves it and says so; otherwise the last line tells how many are cut."""
        super().__init__(id=id)
        self._moves = moves
        self._block: Block = []
        self._top = 0

    def on_resize(self) -> None:
        """Tell the screen."""
        self.post_message(self.Resized())

    def show(self, block: Sequence[Text]) -> None:
        """Show a block, from the line on that was at the top."""
        self._block = list(block)
        self.move(0)

    def move(self, lines: int) -> None:
        """Move down, or up; no further than the ends."""
        width, height = self.size
        self._top = max(0, min(self._top + lines, len(self._block) - height)) if self._moves else 0
        shown = self._block[self._top : self._top + height] if self._moves else self._block
        self.set_rows(fitted(shown, width, height))

    @property
    def part(self) -> tuple[int, int, int] | None:
        """First and last line that are shown, counted from 1, and how many there are; None if all are shown."""
        if len(self._block) <= self.size.height:
            return None
        return self._top + 1, self._top + self.size.height, len(self._block)
