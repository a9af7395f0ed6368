"""The last step before the terminal: no colours where none are wanted, no bytes above 127 where none are understood.

They hold for every widget, Textual's own included.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from rich.color import ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from .seven_bit import seven_bit

#: Where a sign of one cell stands for a word.
_ONE_CELL = {"↑": "^", "↓": "v", "←": "<", "→": ">"}


@lru_cache(4096)
def same_width(text: str) -> str:
    """Text in 7-bit characters, each in as many cells as before, so that nothing moves."""
    if text.isascii():
        return text
    return "".join(map(_one, text))


def _one(character: str) -> str:
    if character.isascii():
        return character
    width = cell_len(character)
    like = _ONE_CELL.get(character) or seven_bit(character).strip() or " "
    return like[:width].ljust(width)


class SevenBit(LineFilter):
    """Writes every character in 7 bits."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments so written."""
        return [Segment(same_width(text), style, control) for text, style, control in segments]


@lru_cache(1024)
def colourless(style: Style) -> Style:
    """The style without its colours; bold, dim and underline stay, and what has a ground of its own is reversed.

    Own grounds are those of the 16 colours: with them only what is chosen has one.
    """
    ground = style.bgcolor
    reverse = ground is not None and ground.type is ColorType.STANDARD
    return style.without_color + Style(reverse=True) if reverse else style.without_color


class Colourless(LineFilter):
    """Writes no colour at all, not even a grey, as NO_COLOR asks; Textual's own filter writes greys."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments so written."""
        return [
            Segment(text, None if style is None else colourless(style), control)
            for text, style, control in segments
        ]
