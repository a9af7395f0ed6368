"""What was measured at a few epochs only, as points: one column for each time of measuring, evenly spaced.

The epochs 0, 1, 2, 4, 8, ... would lie on top of each other on an axis of epochs; a line through them would tell of
values that nobody measured. Here each is a point under its own label, drawn as its layer's number, and thin dots lead
from one to the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.style import Style

from .axes import Range, nice_range
from .blocks import Block, Page
from .chart_empty import SMALLEST
from .chart_frame import Frame
from .curves import ChartSpec
from .dots import cells_with, encode
from .scale import Ranges
from .scatter import joined

#: Cells from one time of measuring to the next, at most.
_APART = 16


@dataclass(frozen=True)
class Track:
    """One layer's values."""

    sign: str
    "One character."
    colour: str | None
    values: Sequence[float | None]
    "One for each time of measuring; None where there was nothing to measure."


def over_time(
    page: Page,
    labels: Sequence[str],
    tracks: Sequence[Track],
    width: int,
    height: int,
    *,
    log: bool = False,
    name: str = "",
    tops: Sequence[float] = (),
) -> Block:
    """Draw the tracks over the labels of their columns.

    `name` is what the chart's range is remembered by; with `tops` the axis goes from 0 to the first of them that is high
    enough. On a logarithmic axis what is 0 lies on the axis; what is not finite is marked there.
    """
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return []
    known = [
        value for track in tracks for value in track.values if value is not None and math.isfinite(value)
    ]
    log = log and any(value > 0 for value in known)
    drawn = [value for value in known if value > 0] if log else known
    low, high = (min(drawn), max(drawn)) if drawn else (math.nan, math.nan)
    if tops:
        span = Range(0.0, next((top for top in tops if not high > top), tops[-1]))
    else:
        span = page.ranges[name] = nice_range(low, high, page.ranges.get(name), log)
    spec = ChartSpec(width, height, x_label="epoch", log_y=log, marker=page.marker, palette=page.palette)
    frame = _Frame(spec, Ranges(Range(0.0, 1.0), span, log), labels)
    frame.draw_frame()
    frame.draw(tracks)
    if not known:
        text = frame.short("nothing measured yet", frame.width)
        frame.cells.put(frame.top + frame.height // 2, frame.left + 1, text, Style(dim=True))
    return frame.cells.lines()


class _Frame(Frame):
    """A frame whose x axis has a label for each time of measuring."""

    def __init__(self, spec: ChartSpec, ranges: Ranges, labels: Sequence[str]) -> None:
        super().__init__(spec, ranges)
        self.labels = labels
        apart = min(_APART, self.width / max(1, len(labels)))
        self.columns = [int((place + 0.5) * apart) for place in range(len(labels))]
        self.apart = max(1, int(apart))

    def _draw_x_axis(self) -> None:
        style = self.style(self.spec.palette.axis)
        line, tee = "-+" if self.ascii else "─┬"
        self.cells.put(self.axis, self.left, line * self.width, style)
        # Left of the labels: the last of them would find no room beside it.
        name = self.short(self.spec.x_label, self.left - 1)
        self.cells.put(self.axis + 1, self.left - 1 - len(name), name, style)
        free, end = self.left - 1, self.spec.width + 1
        places = list(zip(self.columns, self.labels, strict=True))
        # The last first: it is the one that is looked at.
        for place, (column, label) in enumerate([*places[-1:], *places[:-1]]):
            self.cells.put(self.axis, self.left + column, tee, style)
            start = min(self.left + column - len(label) // 2, self.spec.width - len(label))
            if start >= free and start + len(label) < end:
                self.cells.put(self.axis + 1, start, label, style)
                free, end = (free, start) if place == 0 else (start + len(label) + 1, end)

    def draw(self, tracks: Sequence[Track]) -> None:
        """Thin dots first, then the points over them."""
        dots = np.zeros((self.scale.rows, self.scale.columns), dtype=np.bool_)
        owners: dict[tuple[int, int], Track] = {}
        for track in tracks:
            own = np.zeros_like(dots)
            before: tuple[int, int] | None = None
            for column, value in zip(self.columns, track.values, strict=True):
                row = self._dot_row(value)
                here = None if row is None else (column * self.across + self.across // 2, row)
                if before is not None and here is not None:
                    x, y = joined(np.array([before[0], here[0]]), np.array([before[1], here[1]]), 10_000)
                    thin = x % (2 * self.across) == 0
                    own[self.scale.rows - 1 - y[thin], x[thin]] = True
                before = here
            dots |= own
            for row, column in np.argwhere(cells_with(own, self.spec.marker)).tolist():
                owners[row, column] = track
        glyphs = encode(dots, self.spec.marker)
        for (row, column), track in owners.items():
            glyph = "." if self.ascii else glyphs[row][column]
            self.cells.put(self.top + row, self.left + column, glyph, self.style(track.colour, dim=True))
        self._draw_points(tracks)

    def _dot_row(self, value: float | None) -> int | None:
        """Dots from the bottom; None for what has no place."""
        if value is None or not math.isfinite(value):
            return None
        row = int(self.scale.dot_rows(np.array([float(value)]))[0])
        return max(0, min(self.scale.rows - 1, row))

    def _draw_points(self, tracks: Sequence[Track]) -> None:
        for place, column in enumerate(self.columns):
            cells: dict[int, list[Track]] = {}
            for track in tracks:
                value = track.values[place]
                row = self._dot_row(value)
                if row is not None:
                    cells.setdefault(self.axis - 1 - row // self.down, []).append(track)
                elif value is not None:
                    trouble = self.style(self.spec.palette.trouble)
                    self.cells.put(self.axis, self.left + column, "x" if self.ascii else "×", trouble)
            for row, together in cells.items():
                self._put_signs(row, self.left + column, together)

    def _put_signs(self, row: int, column: int, together: Sequence[Track]) -> None:
        """Those that share a cell stand beside each other, as far as there is room: 123, or 1-9."""
        room = max(1, min(self.apart - 1, self.left + self.width - column))
        shown: list[tuple[str, str | None]] = [(track.sign, track.colour) for track in together]
        if len(shown) > room:
            dash = ("-" if self.ascii else "…", None)
            shown = [shown[0], dash, shown[-1]] if room >= 3 else shown[-1:]
        for offset, (sign, colour) in enumerate(shown):
            self.cells.put(row, column + offset, sign, self.style(colour) + Style(bold=True))
