"""From values to dots: the ranges of a chart's axes and the curves in whole dots."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .axes import LARGEST, Range, nice_range, tame
from .curves import ChartSpec, Curve, Floats
from .dots import Dots, Whole

_FAR = 10  # canvases: what lies further out is drawn as if it lay there, so that no line takes for ever


@dataclass(frozen=True)
class Ranges:
    """The two axes of a chart; given back to `choose_ranges`, they change seldom."""

    x: Range
    y: Range
    log_y: bool
    "Whether y is logarithmic; False, although it was asked for, where a value is negative or none is positive."


def choose_ranges(spec: ChartSpec, previous: Ranges | None) -> Ranges:
    """The ranges that were asked for, otherwise round numbers around everything finite in the curves."""
    fitted = [curve for curve in spec.curves if curve.fits] or spec.curves
    parts = [np.asarray(a) for c in fitted for a in (c.y, c.low, c.high) if a is not None]
    y = np.concatenate(parts) if parts else np.empty(0)
    parts = [np.asarray(a) for c in spec.curves for a in (c.x, c.nonfinite)]
    x = np.concatenate(parts) if parts else np.empty(0)
    asked = spec.y_range if spec.y_range and all(map(math.isfinite, spec.y_range)) else ()
    above = y[np.isfinite(y) & (y > 0)]
    bearable = not (y < 0).any() and (len(above) > 0 or not np.isfinite(y).any())
    log = spec.log_y and bearable and all(tame(end) > 0 for end in asked)
    old_y = previous.y if previous and previous.log_y == log else None
    return Ranges(
        _choose(spec.x_range, x, previous.x if previous else None, log=False),
        _choose(spec.y_range, above if log else y, old_y, log),
        log,
    )


def _choose(asked: tuple[float, float] | None, values: Floats, previous: Range | None, log: bool) -> Range:
    if asked and all(map(math.isfinite, asked)):
        low, high = sorted(map(tame, asked))
        apart = high - low > 1e-9 * max(abs(low), abs(high))
        return Range(low, high) if apart else nice_range(low, high, log=log)
    values = values[np.isfinite(values)]
    if not len(values):
        return previous or nice_range(math.nan, math.nan, log=log)
    return nice_range(float(values.min()), float(values.max()), previous, log)


@dataclass(frozen=True, eq=False)
class Trace:
    """The finite points of a curve in whole dots, columns from the left and rows from the bottom."""

    x: Whole
    y: Whole
    joined: Dots
    "Whether a point is connected to the one before: no value between them is NaN or infinite."
    low: Whole
    high: Whole


@dataclass(frozen=True)
class Scale:
    """Places of values on a canvas of `columns` by `rows` dots; the ends of a range fall on the outermost dots."""

    ranges: Ranges
    columns: int
    rows: int

    def dot_columns(self, x: Floats) -> Whole:
        """Dot columns from the left; outside the canvas where x is outside the range."""
        low, high = self.ranges.x
        return _dots(np.clip(x, -LARGEST, LARGEST) - low, high - low, self.columns)

    def dot_rows(self, y: Floats) -> Whole:
        """Dot rows from the bottom; on a logarithmic axis whatever is not positive lies far below."""
        low, high = self.ranges.y
        y = np.clip(y, -LARGEST, LARGEST)
        if self.ranges.log_y:
            low, high, y = math.log10(low), math.log10(high), np.log10(np.maximum(y, 1 / LARGEST))
        return _dots(y - low, high - low, self.rows)

    def column(self, x: float) -> int | None:
        """The dot column of one value, None when it is not on the canvas."""
        column = -1 if math.isnan(x) else int(self.dot_columns(np.array([x]))[0])
        return column if 0 <= column < self.columns else None

    def trace(self, curve: Curve) -> Trace:
        """The curve on the canvas."""
        x, y = np.asarray(curve.x), np.asarray(curve.y)
        good = np.isfinite(y) & np.isfinite(x)
        low = y if curve.low is None else np.where(np.isfinite(curve.low), curve.low, y)
        high = y if curve.high is None else np.where(np.isfinite(curve.high), curve.high, y)
        breaks = np.sort(nonfinite(curve))
        x, y, low, high = x[good], y[good], low[good], high[good]
        before = np.searchsorted(breaks, x, side="left")
        joined = np.concatenate([np.zeros(1, dtype=np.bool_), before[1:] == before[:-1]])[: len(x)]
        if curve.points:
            joined = np.zeros(len(x), dtype=np.bool_)
        return Trace(self.dot_columns(x), self.dot_rows(y), joined, self.dot_rows(low), self.dot_rows(high))


def nonfinite(curve: Curve) -> Floats:
    """Positions at which the curve has no finite value."""
    x = np.asarray(curve.x)
    found = np.concatenate([x[~np.isfinite(curve.y)], np.asarray(curve.nonfinite)])
    return found[np.isfinite(found)]


def _dots(distance: Floats, span: float, most: int) -> Whole:
    with np.errstate(over="ignore"):  # infinitely far, when zoomed in, is as far as is drawn
        share = distance / span
    return np.rint(np.clip(share * (most - 1), -_FAR * most, (_FAR + 1) * most)).astype(np.int64)
