"""The frame of a chart: where the canvas lies in it, its axes, its title row, and its colours."""

from __future__ import annotations

import math

import numpy as np
from rich.cells import cell_len
from rich.color import ColorParseError
from rich.style import Style

from .axes import ticks
from .cells import PLAIN, Cells
from .chart_empty import SMALLEST
from .curves import ChartSpec, Curve
from .dots import DOTS
from .scale import Ranges, Scale, nonfinite
from .text import number, shorten

_TICK_WIDTH = 7
_LABELLED_WIDTH = 60  # narrower charts name their lines in the title row
_STRONG_ASCII = "*o+#@&"
#: Lines of other runs, which nothing else tells apart without colour.
_OTHERS_ASCII = "abcdefghjkmnpqrstuvwxyz"
_OWN = ("", "train", "batches")


def last_value(curve: Curve) -> str:
    """The value at the line's end, of fixed width."""
    finite = np.asarray(curve.y)[np.isfinite(curve.y)]
    if curve.last is None and not len(curve.y):
        return " " * 7
    return number(curve.last if curve.last is not None else float(finite[-1]) if len(finite) else math.nan)


class Frame:
    """One chart's cells and the geometry of its parts.

    Rows and columns are cells of the whole chart unless they are called dots. The canvas lies in rows
    top..axis-1 and columns left..left+width-1, the x axis in row `axis`, its labels below, and the names of the
    lines in the `gutter` right of the canvas.
    """

    def __init__(self, spec: ChartSpec, ranges: Ranges) -> None:
        self.spec, self.cells = spec, Cells(spec.width, spec.height)
        self.ascii = spec.marker == "ascii"
        self.across, self.down = DOTS[spec.marker]
        widest = max((cell_len(self.short(c.label, 13)) for c in spec.curves), default=0)
        self.gutter = max(8, widest + 1) if widest and spec.width >= _LABELLED_WIDTH else 0
        self.titles = self._titles(ranges)
        self.top = 1 if self.titles and spec.height > SMALLEST[1] else 0
        self.left = _TICK_WIDTH + 1
        self.width = spec.width - self.left - self.gutter
        self.axis = spec.height - 2
        self.height = self.axis - self.top
        self.scale = Scale(ranges, self.width * self.across, self.height * self.down)

    def draw_frame(self) -> None:
        """The axes, the marks of values that are not finite, and the title row."""
        self._draw_y_axis()
        self._draw_x_axis()
        column = 1
        for text, style in self.titles if self.top else []:
            text = self.short(text, self.spec.width - column)
            self.cells.put(0, column, text, style)
            column += cell_len(text) + 2

    def short(self, text: str, width: int) -> str:
        """Clean text, cut to a width, in 7 bits where the chart is."""
        return shorten(text, width, self.ascii)

    def style(self, colour: str | None, dim: bool = False) -> Style:
        """A colour without a background; none when the palette has none or does not know the name."""
        name = (colour or "").removeprefix("ansi_") if self.spec.palette.colour else ""
        try:
            return Style(color=name or None, dim=dim or None) if name or dim else PLAIN
        except ColorParseError:
            return Style(dim=True) if dim else PLAIN

    def line_style(self, curve: Curve) -> Style:
        """The style of a line and of its name."""
        return self.style(curve.colour, dim=curve.style == "dim")

    def cell_column(self, x: float) -> int | None:
        """The column of a value of x, None when it is not on the canvas."""
        dot = self.scale.column(x)
        return None if dot is None else self.left + dot // self.across

    def _titles(self, ranges: Ranges) -> list[tuple[str, Style]]:
        spec, style = self.spec, self.style(self.spec.palette.text)
        trouble = self.style(spec.palette.trouble)
        notes: list[tuple[str, Style]] = []
        if spec.log_y and not ranges.log_y:
            notes.append(("linear y: a logarithm needs values above 0", trouble))
        elif ranges.log_y and any(_reaches_zero(curve) for curve in spec.curves):
            notes.append(("0 lies below", style))
        if any(len(nonfinite(c)) for c in spec.curves):
            notes.append((f"{'x' if self.ascii else '×'} not finite", trouble))
        names: list[tuple[str, Style]] = []
        if not self.gutter:
            for index, curve in sorted(enumerate(spec.curves), key=lambda c: c[1].style != "strong"):
                if not curve.label:
                    continue
                text = f"{self.sample(index)} {self.short(curve.label, 24)} {last_value(curve)}"
                names.append((text.rstrip(), self.line_style(curve)))
        texts = [(self.short(text, 60), style) for text in (spec.title, spec.y_label) if text]
        # Where there is no room for all, what the lines are says more than what the chart is.
        for kept in (texts + names + notes, texts[:1] + names + notes, names + notes):
            if sum(cell_len(text) + 2 for text, _ in kept) <= spec.width + 1:
                return kept
        return names + notes or texts

    def _draw_y_axis(self) -> None:
        style = self.style(self.spec.palette.axis)
        bar, tick, corner = "|++" if self.ascii else "│┤└"
        for row in range(self.top, self.axis):
            self.cells.put(row, self.left - 1, bar, style)
        self.cells.put(self.axis, self.left - 1, corner, style)
        used: set[int] = set()
        for value, label in ticks(
            self.scale.ranges.y, max(self.height // 3, min(5, self.height // 2)), self.scale.ranges.log_y
        ):
            dot = int(self.scale.dot_rows(np.array([value]))[0])
            row = self.axis - 1 - dot // self.down
            if 0 <= dot < self.scale.rows and row not in used:
                used.add(row)
                self.cells.put(row, 0, label.rjust(_TICK_WIDTH) + tick, style)

    def _draw_x_axis(self) -> None:
        spec, cells, span = self.spec, self.cells, self.scale.ranges.x
        style = self.style(spec.palette.axis)
        line, tee = "-+" if self.ascii else "─┬"
        cells.put(self.axis, self.left, line * self.width, style)
        name = self.short(spec.x_label, self.width // 2)
        end = spec.width - cell_len(name)
        cells.put(self.axis + 1, end, name, style)
        free = 0
        for value, label in ticks(span, self.width // 10, whole=True):
            column = self.cell_column(value)
            start = -1 if column is None else max(0, column - len(label) // 2)
            if column is not None and start >= free and start + len(label) < end + (not name):
                cells.put(self.axis, column, tee, style)
                cells.put(self.axis + 1, start, label, style)
                free = start + len(label) + 1
        trouble = self.style(spec.palette.trouble)
        for curve in spec.curves:
            for x in nonfinite(curve).tolist():
                column = self.cell_column(x)
                if column is not None:
                    cells.put(self.axis, column, "x" if self.ascii else "×", trouble)

    def sample(self, index: int) -> str:
        """What a line looks like in a legend; in ASCII also what it is drawn with."""
        curves = self.spec.curves
        dim = curves[index].style == "dim"
        if not self.ascii:
            return "┄" if dim else "━"
        if dim:
            others = [c.label for c in curves if c.style == "dim" and c.label not in _OWN]
            place = others.index(curves[index].label) if curves[index].label in others else -1
            return "." if place < 0 else _OTHERS_ASCII[place % len(_OTHERS_ASCII)]
        strong = sum(c.style == "strong" for c in curves[:index])
        return _STRONG_ASCII[strong % len(_STRONG_ASCII)]


def _reaches_zero(curve: Curve) -> bool:
    return any(bool((np.asarray(values) == 0).any()) for values in (curve.y, curve.low) if values is not None)
