"""Pictures made of lines of styled text, put side by side, in rows, and cut to a page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from .axes import Range
from .charts import Chart
from .curves import ChartSpec, Marker, Palette
from .fit import Colours
from .pictures import BLOCKS, SHADES
from .seven_bit import seven_bit
from .text import fit, harmless

Block = list[Text]


@dataclass(frozen=True)
class Page:
    """The room a picture has, and what the terminal can show."""

    width: int
    "Terminal cells."
    height: int
    "Terminal rows."
    marker: Marker = "braille"
    palette: Palette = field(default_factory=Palette)
    light: bool = False
    "Whether the ground is light."
    colours: Colours = "24-bit"
    "How many the terminal shows, where the palette has any."
    at: int = 0
    "Which of its parts a picture is to show, if it has several: the example, the page of units, the measures."
    moment: str = "now"
    "What to call the network that is drawn, beside what was measured of it earlier."
    charts: dict[str, Chart] = field(default_factory=dict, compare=False, repr=False)
    "Charts by name; they remember their ranges from one drawing to the next."
    ranges: dict[str, Range] = field(default_factory=dict, compare=False, repr=False)
    "Ranges of other axes by name, for the same purpose."

    @property
    def ascii(self) -> bool:
        """Whether only 7-bit characters may be used."""
        return self.marker == "ascii"

    @property
    def painted(self) -> bool:
        """Whether a picture can be painted in shades of its own; otherwise it is written in characters."""
        return not self.ascii and self.palette.colour and self.colours in ("256", "24-bit")

    @property
    def shades(self) -> str:
        """The characters, from low to high, that stand for shades where nothing is painted; empty where it is."""
        return "" if self.painted else SHADES if self.ascii else BLOCKS

    def written(self, text: str) -> str:
        """The text as the terminal can write it, in one line, and nothing that drives it."""
        text = text if text.isprintable() else harmless(text).replace("\n", " ")
        return seven_bit(text) if self.ascii else text

    def line(self, text: str, style: str | Style = "", width: int | None = None) -> Text:
        """One line of text, cut to the page or to `width`."""
        width, text = self.width if width is None else width, self.written(text)
        if cell_len(text) > width:
            text = set_cell_size(text, max(0, width))
        return Text(text, style, no_wrap=True, end="")

    def paragraph(self, text: str, style: str | Style = "") -> Block:
        """Text of ours in as many lines as it needs."""
        return [self.line(line, style) for line in textwrap.wrap(self.written(text), max(1, self.width))]

    def cell(self, text: str, width: int, align: Literal["left", "right"] = "left") -> str:
        """Text of ours or from outside in exactly `width` cells."""
        return fit(self.written(text), width, align, seven_bit=self.ascii)

    @property
    def trouble(self) -> Style:
        """The style of what is wrong."""
        return self.style(self.palette.trouble)

    def chart(self, name: str, spec: ChartSpec) -> Block:
        """Draw a chart that keeps its ranges under a name."""
        return [line.copy() for line in self.charts.setdefault(name, Chart()).render(spec)]

    def style(
        self,
        foreground: str | None = None,
        background: str | None = None,
        *,
        bold: bool | None = None,
        dim: bool | None = None,
        reverse: bool | None = None,
    ) -> Style:
        """A style with these colours where there are any."""
        if not self.palette.colour:
            foreground = background = None
        return Style(color=foreground, bgcolor=background, bold=bold, dim=dim, reverse=reverse)


def width_of(block: Sequence[Text]) -> int:
    """The cells of the longest line."""
    return max((line.cell_len for line in block), default=0)


def blank(width: int) -> Text:
    """A line of blanks."""
    return Text(" " * max(0, width), no_wrap=True, end="")


def beside(blocks: Sequence[Block], gap: int = 2) -> Block:
    """Blocks side by side, tops aligned."""
    if not blocks:
        return []
    height, widths = max(map(len, blocks)), [width_of(block) for block in blocks]
    lines: Block = []
    for row in range(height):
        line = Text(no_wrap=True, end="")
        for index, (block, width) in enumerate(zip(blocks, widths, strict=True)):
            part = block[row] if row < len(block) else Text("")
            line.append_text(part)
            space = width - part.cell_len + (gap if index < len(blocks) - 1 else 0)
            line.append(" " * space)
        lines.append(line)
    return lines


def in_rows(blocks: Sequence[Block], width: int, gap: int = 2, between: int = 1) -> Block:
    """Blocks from left to right in as many rows as they need, `between` blank lines between the rows."""
    rows: list[list[Block]] = []
    used = 0
    for block in blocks:
        own = width_of(block)
        if not rows or used + gap + own > width:
            rows.append([])
            used = -gap
        rows[-1].append(block)
        used += gap + own
    lines: Block = []
    for row in rows:
        lines += [blank(0)] * between if lines else []
        lines += beside(row, gap)
    return lines


def fitted(block: Sequence[Text], width: int, height: int) -> Block:
    """The block in exactly `height` lines of `width` cells; what is too much is cut, and its last line says so."""
    width, height = max(0, width), max(0, height)
    lines = [line.copy() for line in block[:height]]
    if len(block) > height > 1:
        lines[-1] = Text(
            f"{len(block) - height + 1} more lines: a larger window shows them", "dim", no_wrap=True, end=""
        )
    for line in lines:
        if line.cell_len > width:
            line.truncate(width)
        line.append(" " * (width - cell_len(line.plain)))
    return lines + [blank(width) for _ in range(height - len(lines))]
