"""Charts as lines of styled text; the only module that imports plotext.

plotext 6 draws the lines: the points of one curve, connected, as dots on a canvas without axes, colours or text,
in coordinates that are dots already. Its own axes move with the data, each of its cells carries a colour sequence,
drawn or not, and odd values make it raise; so ranges, axes, labels and colours are ours, around and over the dots.
A figure of one's own is only to be had through the private `terminal._master`: this name, and the public ones used
here, are held by a contract test.
"""

from __future__ import annotations

import numpy as np
from rich.text import Text

from .axes import nice_range
from .cells import Cells
from .chart_frame import Frame
from .chart_layout import draw
from .curves import Band, ChartSpec, Curve, Mark, Marker, Palette
from .dots import DOTS, Dots, Whole, decisive, decode
from .scale import Ranges
from .text import shorten

__all__ = ["Band", "Chart", "ChartSpec", "Curve", "Mark", "Palette", "nice_range"]


class Chart:
    """A chart that remembers its ranges and its last picture; one a widget, used by one thread.

    It never raises: what cannot be drawn becomes a line that says so.
    """

    def __init__(self) -> None:
        self._canvas: _Canvas | None = None
        self._spec: ChartSpec | None = None
        self._lines: list[Text] = []
        self._ranges: Ranges | None = None

    def render(self, spec: ChartSpec) -> list[Text]:
        """`spec.height` lines of `spec.width` cells.

        The same spec gives the same list, and a line that did not change is the same Text object, so that a
        widget repaints only the lines that are not (`is`) the ones it has.
        """
        if spec == self._spec:
            return self._lines
        lines: list[Text] = []
        if spec.width > 0 and spec.height > 0:
            try:
                cells, self._ranges = draw(spec, self._line, self._ranges)
                lines = cells.lines()
            except Exception as error:
                self._canvas = None  # it may have stopped half way
                lines = _unavailable(spec, error)
        if len(lines) == len(self._lines):
            lines = [old if old == new else new for old, new in zip(self._lines, lines, strict=True)]
        self._spec, self._lines = spec, lines
        return lines

    def _line(self, columns: int, rows: int, marker: Marker, x: Whole, y: Whole, joined: Dots) -> Dots:
        self._canvas = self._canvas or _Canvas()
        return self._canvas.line(columns, rows, marker, x, y, joined)

    def plain(self, spec: ChartSpec) -> str:
        """The chart without styles, a line end between lines."""
        return "\n".join(line.plain for line in self.render(spec))

    def x_at(self, column: int) -> float | None:
        """The value of x in a column of the picture that was drawn last; None outside the axes."""
        if self._spec is None or self._ranges is None or not self._spec.curves:
            return None
        frame, (low, high) = Frame(self._spec, self._ranges), self._ranges.x
        share = (column - frame.left + 0.5) / frame.width if frame.width > 0 else -1.0
        return low + share * (high - low) if 0 <= share <= 1 else None

    def warm(self) -> None:
        """Do once what only the first line costs."""
        self._canvas = self._canvas or _Canvas()

    def reset(self) -> None:
        """Forget the ranges, as when another metric is to be shown."""
        self._spec, self._ranges = None, None


class _Canvas:
    """A private plotext figure as a canvas of dots."""

    def __init__(self) -> None:
        import plotext  # 0.14 s, which the first, empty screen need not wait for

        terminal = type(plotext.terminal)()
        terminal.limit(False, False)  # else the figure is cut to the size of the terminal
        self._figure = terminal._master
        self._figure.axes(False)
        self._figure.legend(False)

    def line(self, columns: int, rows: int, marker: Marker, x: Whole, y: Whole, joined: Dots) -> Dots:
        """A line through points; see chart_layout.Rasterize. About 9 us a point, so only those that matter."""
        x, y, joined = decisive(x, y, joined)
        across, down = DOTS[marker]
        figure = self._figure
        figure.clear.data()
        figure.plot_size(columns, rows)
        # With limits at the edges a cell is one unit, and the middle of a dot lies half a dot inside.
        figure.ruler("x", "lower").lim(0, columns).alignment(lim="edge").frequency(0)
        figure.ruler("y", "left").lim(0, rows).alignment(lim="edge").frequency(0)
        symbol = {"braille": "braille", "block": "hd", "ascii": "*"}[marker]
        places = ((x + 0.5) / across).tolist(), ((y + 0.5) / down).tolist()
        signal = figure.signal(*places, marker=symbol).lines()
        for index in np.flatnonzero(~joined).tolist():
            signal.line(index, False)
        figure.draw(signal)
        return decode(str(figure.build().string(colorless=True)), columns, rows, marker)


def _unavailable(spec: ChartSpec, error: Exception) -> list[Text]:
    cells = Cells(spec.width, spec.height)
    reason = str(error) or type(error).__name__
    cells.put(0, 0, shorten(f"chart unavailable: {reason}", spec.width, spec.marker == "ascii"))
    return cells.lines()
