"""Where everything in a chart goes: axes, lines, bands, marks and the labels at the lines' ends.

Lines are drawn as dots by the rasterizer that is passed in; everything else is placed here. A cell shows the dots
of all curves in it, in the colour of the topmost. Training is a dotted line, or one in the shade of its envelope,
and dim; validation is a full line: the two differ without colour. A bar from low to high has a dot in every cell
and at both ends, so that a spike is seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from rich.cells import cell_len
from rich.style import Style

from .cells import Cells
from .chart_empty import SMALLEST, without_curves
from .chart_frame import Frame, last_value
from .chart_labels import best_place, spread
from .curves import Band, ChartSpec, Mark, Marker, MarkKind, Strip
from .dots import Dots, Whole, bars, cells_with, dotted, encode
from .scale import Ranges, choose_ranges
from .text import shorten

#: Columns and rows in cells, marker, x and y of the points in dots (from the left, from the bottom), and whether
#: each point is joined to the one before; gives the dots of the line.
Rasterize = Callable[[int, int, Marker, Whole, Whole, Dots], Dots]

#: How each kind of mark is drawn, with Unicode and without, the later over the earlier.
_LINES: dict[MarkKind, tuple[str, str]] = {
    "check": ("┴", "'"),
    "save": ("▴", "^"),
    "command": ("╎", ";"),
    "resume": ("╎", "="),
    "stop": ("┊", "!"),
    "best": ("┊", ":"),
    "cursor": ("│", "|"),
}
_KINDS: list[MarkKind] = list(_LINES)
_ON_AXIS = ("check", "save")


def draw(
    spec: ChartSpec, rasterize: Rasterize, previous: Ranges | None = None
) -> tuple[Cells, Ranges | None]:
    """The chart, and the ranges it was drawn with (the previous ones where it is too small for axes)."""
    if not spec.curves:
        return without_curves(spec), previous
    if spec.width < SMALLEST[0] or spec.height < SMALLEST[1]:
        cells = Cells(spec.width, spec.height)
        cells.put(0, 0, shorten(_summary(spec), spec.width, spec.marker == "ascii"))
        return cells, previous
    layout = _Layout(spec, choose_ranges(spec, previous))
    layout.draw(rasterize)
    return layout.cells, layout.scale.ranges


def _summary(spec: ChartSpec) -> str:
    curves = sorted(spec.curves, key=lambda c: c.style != "strong")
    return ", ".join(f"{c.label} {last_value(c).strip()}" for c in curves)


class _Layout(Frame):
    """One drawing of one spec."""

    def __init__(self, spec: ChartSpec, ranges: Ranges) -> None:
        super().__init__(spec, ranges)
        self.traces = [self.scale.trace(curve) for curve in spec.curves]
        self.taken: set[tuple[int, int]] = set()  # cells that curves and labels hold

    def draw(self, rasterize: Rasterize) -> None:
        self.draw_frame()
        if self.spec.strip is not None:
            self._draw_strip(self.spec.strip)
        for band in self.spec.bands:
            self._draw_band(band)
        self._draw_curves(rasterize)
        placed = [(mark, self.cell_column(mark.x)) for mark in self.spec.marks]
        marks = [(mark, column) for mark, column in placed if column is not None]
        marks.sort(key=lambda one: _KINDS.index(one[0].kind))
        for mark, column in marks:
            self._draw_mark(mark, column)
        lines = {column for mark, column in marks if mark.kind not in _ON_AXIS}
        for mark, column in reversed(marks):
            if mark.kind not in _ON_AXIS:
                self._draw_mark_label(mark, column, lines - {column})
        if self.gutter:
            self._draw_end_labels()
        if not any(len(trace.x) for trace in self.traces):
            asked = any(len(curve.x) for curve in self.spec.curves)
            text = self.short(
                "no finite value to draw" if asked else self.spec.empty.split("\n")[0], self.width
            )
            column = self.left + (self.width - cell_len(text)) // 2
            self.cells.put(self.top + self.height // 2, column, text, self.style(self.spec.palette.text))

    def _draw_strip(self, strip: Strip) -> None:
        """Patience, in place of the axis it lies on: used up to the newest check, left up to where it ends."""
        if not all(map(math.isfinite, (strip.began, strip.used, strip.end))):
            return
        places = self.scale.dot_columns(np.array([strip.began, strip.used, strip.end])) // self.across
        began, used, end = (min(max(int(place), 0), self.width) for place in places)
        full, left = ("#", ".") if self.ascii else ("▰", "▱")
        style = self.style(self.spec.palette.stop)
        for place in range(began, end):
            column = self.left + place
            if self.cells.glyphs[self.axis][column] in ("─", "-"):  # ticks stay
                self.cells.put(self.axis, column, full if place < used else left, style)

    def _draw_band(self, band: Band) -> None:
        if any(map(math.isnan, (band.low, band.high, band.x0, band.x1))):
            return
        left, right = sorted((self.scale.dot_columns(np.array([band.x0, band.x1])) // self.across).tolist())
        low, high = sorted(self.scale.dot_rows(np.array([band.low, band.high])).tolist())
        left, right = max(left, 0), min(right, self.width - 1)
        glyph = "~" if self.ascii else "┈" if high - low < self.down else "░"
        for row in range(max(0, low // self.down), min(self.height - 1, high // self.down) + 1):
            text = glyph * (right - left + 1)
            self.cells.put(self.axis - 1 - row, self.left + left, text, self.style(self.spec.palette.band))

    def _draw_curves(self, rasterize: Rasterize) -> None:
        marker = self.spec.marker
        total = np.zeros((self.scale.rows, self.scale.columns), dtype=np.bool_)
        owners: dict[tuple[int, int], tuple[str, Style]] = {}

        def add(dots: Dots, glyph: str, style: Style) -> None:
            np.logical_or(total, dots, out=total)
            for row, column in np.argwhere(cells_with(dots, marker)).tolist():
                owners[row, column] = (glyph, style)

        order = sorted(range(len(self.traces)), key=lambda i: self.spec.curves[i].style == "strong")
        for index in order:
            trace = self.traces[index]
            dots = bars(trace.x, trace.low, trace.high, self.scale.rows, self.scale.columns, marker)
            add(dots, "|", self.style(self.spec.curves[index].colour, dim=True))
        for index in order:
            trace, curve = self.traces[index], self.spec.curves[index]
            if len(trace.x):
                dots = rasterize(self.width, self.height, marker, trace.x, trace.y, trace.joined)
                # Inside a shade of its own a dotted line would be lost, and the shade tells it apart as well.
                shaded = float((trace.high - trace.low > self.down).mean()) > 0.5
                thin = curve.style == "dim" and not shaded and not self.ascii and not curve.points
                add(dotted(dots, marker) if thin else dots, self.sample(index), self.line_style(curve))
        glyphs = encode(total, marker)
        for (row, column), (glyph, style) in owners.items():
            place = (self.top + row, self.left + column)
            self.cells.put(*place, glyph if self.ascii else glyphs[row][column], style)
            self.taken.add(place)

    # Marks and labels

    def _mark_style(self, mark: Mark) -> Style:
        palette = self.spec.palette
        colours = {"best": palette.best, "stop": palette.stop, "cursor": palette.cursor}
        return self.style(colours.get(mark.kind, palette.event))

    def _draw_mark(self, mark: Mark, column: int) -> None:
        glyph, style = _LINES[mark.kind][self.ascii], self._mark_style(mark)
        rows = range(self.top, self.axis, 1 if mark.kind in ("best", "stop", "cursor") else 2)
        for row in (self.axis,) if mark.kind in _ON_AXIS else rows:
            if (row, column) not in self.taken:
                self.cells.put(row, column, glyph, style)

    def _draw_mark_label(self, mark: Mark, column: int, lines: set[int]) -> None:
        """Write it where it hides least; `lines` are the columns of the other marks."""
        text = self.short(mark.label, self.width // 2)
        if not text:
            return
        area = (self.top, self.left, self.axis, self.left + self.width)
        place = best_place(area, column, cell_len(text), self.taken, lines)
        # The label of a command is not worth a piece of a curve.
        if place and (not place.hides or mark.kind in ("best", "stop", "cursor")):
            self.cells.put(place.row, place.column, text, self._mark_style(mark))
            self.taken.update((place.row, place.column + i) for i in range(cell_len(text)))

    def _draw_end_labels(self) -> None:
        curves = self.spec.curves
        named = [index for index, curve in enumerate(curves) if curve.label]
        size = 2 if 2 * len(named) <= self.height else 1  # the name, and the value below it
        ends = [int(t.y[-1]) // self.down if len(t.y) else 0 for t in self.traces]
        wanted = [self.height - 1 - min(max(end, 0), self.height - 1) for end in ends]
        # Where there is no room for all, the dim lines go unnamed.
        chosen = sorted(named, key=lambda i: curves[i].style != "strong")[: self.height // size]
        chosen.sort(key=lambda i: wanted[i])
        for row, index in zip(spread([wanted[i] for i in chosen], size, self.height), chosen, strict=True):
            style = self.line_style(curves[index])
            column = self.left + self.width + 1
            self.cells.put(self.top + row, column, self.short(curves[index].label, self.gutter - 1), style)
            if size == 2:
                self.cells.put(self.top + row + 1, column, last_value(curves[index]), style)
