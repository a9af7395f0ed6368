"""An append-only curve that answers at any zoom, spikes included, at a cost that does not grow with its length.

Memory: 16 bytes a point (32 once `low` or `high` was given), 2.2 for the pyramid, and an eighth of spare room:
at most 38.5. One thread only: whoever appends also reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .pyramid import SLAB, Column, Floats, Indices, Pyramid, Summary

Numbers = Floats | Sequence[float]


@dataclass(frozen=True)
class Point:
    """One point of a curve."""

    x: float
    "Position: epoch, step or seconds."
    y: float
    "Value; may be NaN or infinite."
    low: float
    "Lowest value the point stands for (of a batch of steps, say); y where none was given."
    high: float
    "Highest value the point stands for; y where none was given."


@dataclass(frozen=True)
class Bounds:
    """The lowest and the highest finite value of a range."""

    low: float
    "Lowest finite value."
    high: float
    "Highest finite value."


@dataclass(frozen=True, eq=False)
class Envelope:
    """A curve cut into buckets: x, mean, low and high have one length and are finite, and x does not decrease."""

    x: Floats
    "Middle between the first and the last point of the bucket."
    mean: Floats
    "Mean of the finite values in the bucket."
    low: Floats
    "Lowest finite value in the bucket."
    high: Floats
    "Highest finite value in the bucket."
    nonfinite_x: Floats
    "Middles of the buckets that hold a NaN or an infinity; a bucket that holds nothing else is only here."

    def __len__(self) -> int:
        return len(self.x)


class Series:
    """A curve of (x, y[, low, high]) in which x is finite and never decreases.

    y may be NaN or infinite: such a point is kept, left out of every mean, low and high, and reported by
    `Envelope.nonfinite_x`. A `low` above y, a `high` below y, or one that is not finite counts as y.
    """

    def __init__(self) -> None:
        self._x, self._y = Column(), Column()
        self._low: Column | None = None  # both are None until the first low or high is given
        self._high: Column | None = None
        self._length = 0
        self._pyramid = Pyramid(self._read)

    def __len__(self) -> int:
        return self._length

    @property
    def last(self) -> Point | None:
        """The newest point, None while there is none."""
        return self._point(self._length - 1) if self._length else None

    def append(self, x: float, y: float, low: float | None = None, high: float | None = None) -> None:
        """Add one point, in amortized constant time; ValueError when x is not finite or goes back."""
        index = self._length
        if not math.isfinite(x) or (index and x < self._x.data[index - 1]):
            raise ValueError(f"x must be finite and not go back, got {x!r}; truncate_after rewinds a curve")
        if index == len(self._x.data):
            self._x.room(index + 1)
            self._y.room(index + 1)
        self._x.data[index] = x
        self._y.data[index] = y
        if low is not None or high is not None or self._low is not None:
            lows, highs = self._spread(index + 1)
            lows[index] = low if low is not None and math.isfinite(low) and low < y else y
            highs[index] = high if high is not None and math.isfinite(high) and high > y else y
        self._length = index + 1

    def extend(self, x: Numbers, y: Numbers, low: Numbers | None = None, high: Numbers | None = None) -> None:
        """Add many points, arrays of one shape (n,); ValueError when the shapes differ or x goes back.

        Nothing is added when anything is refused.
        """
        xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        lows = ys if low is None else np.asarray(low, dtype=np.float64)
        highs = ys if high is None else np.asarray(high, dtype=np.float64)
        shapes = [a.shape for a in (xs, ys, lows, highs)]
        if xs.ndim != 1 or len(set(shapes)) > 1:
            raise ValueError(f"x, y, low and high must be of one length, got shapes {shapes}")
        start, end = self._length, self._length + len(xs)
        if start == end:
            return
        backwards = bool((xs[1:] < xs[:-1]).any()) or (start > 0 and bool(xs[0] < self._x.data[start - 1]))
        if backwards or not np.isfinite(xs).all():
            raise ValueError("x must be finite and not go back; truncate_after rewinds a curve")
        self._x.room(end)
        self._y.room(end)
        self._x.data[start:end] = xs
        self._y.data[start:end] = ys
        if low is not None or high is not None or self._low is not None:
            room_low, room_high = self._spread(end)
            for a in range(0, len(xs), SLAB):
                part = slice(a, min(a + SLAB, len(xs)))
                to = slice(start + part.start, start + part.stop)
                room_low[to] = np.where(np.isfinite(lows[part]), np.minimum(lows[part], ys[part]), ys[part])
                room_high[to] = np.where(
                    np.isfinite(highs[part]), np.maximum(highs[part], ys[part]), ys[part]
                )
        self._length = end

    def truncate_after(self, x: float) -> None:
        """Forget the points beyond x, as a run does that resumes from an earlier checkpoint."""
        self._length = int(np.searchsorted(self._x.data[: self._length], x, side="right"))
        self._pyramid.shrink(self._length)

    def points(self) -> Iterator[Point]:
        """Every point as it was appended, oldest first; the curve must not change meanwhile.

        An export needs them all; a chart asks for an envelope.
        """
        for start in range(0, self._length, SLAB):
            part = slice(start, min(start + SLAB, self._length))
            y = self._y.data[part].tolist()
            low = y if self._low is None else self._low.data[part].tolist()
            high = y if self._high is None else self._high.data[part].tolist()
            for point in zip(self._x.data[part].tolist(), y, low, high, strict=True):
                yield Point(*point)

    def value_at(self, x: float) -> Point | None:
        """The point nearest to x; of points at one x the newest, of two equally near the later."""
        if not self._length or math.isnan(x):
            return None
        xs = self._x.data[: self._length]
        after = int(np.searchsorted(xs, x, side="left"))
        if after == self._length or (after > 0 and x - xs[after - 1] < xs[after] - x):
            after -= 1
        return self._point(int(np.searchsorted(xs, float(xs[after]), side="right")) - 1)

    def before(self, x: float) -> float:
        """The position of the newest point before x; x itself where there is none."""
        place = int(np.searchsorted(self._x.data[: self._length], x, side="left"))
        return float(self._x.data[place - 1]) if place else x

    def after(self, x: float) -> float:
        """The position of the first point after x; x itself where there is none."""
        place = int(np.searchsorted(self._x.data[: self._length], x, side="right"))
        return float(self._x.data[place]) if place < self._length else x

    def bounds(self, x0: float = -math.inf, x1: float = math.inf) -> Bounds | None:
        """The bounds of the finite values with x0 <= x <= x1; None where there is none."""
        start, end = self._range(x0, x1)
        box = self._summaries(np.array([start]), np.array([end]))
        if not box.count[0]:
            return None
        return Bounds(float(box.low[0]), float(box.high[0]))

    def envelope(self, x0: float = -math.inf, x1: float = math.inf, columns: int = 400) -> Envelope:
        """The points with x0 <= x <= x1 in at most `columns` buckets of equal width in x.

        Exact: the highest `high` is the highest finite value of the range, the lowest `low` the lowest. With
        no more points than columns every point is a bucket of its own. ValueError when columns < 1.
        """
        edges = self._edges(*self._range(x0, x1), columns)
        buckets = self._summaries(edges[:-1], edges[1:])
        return self._visible(edges, buckets, buckets.mean())

    def smoothed(
        self, weight: float, x0: float = -math.inf, x1: float = math.inf, columns: int = 400
    ) -> Envelope:
        """The envelope with its mean replaced by the de-biased exponential moving average; low and high stay raw.

        For points y_1, y_2, ...: s_t = w s_(t-1) + (1 - w) y_t from s_0 = 0, shown as s_t / (1 - w^t) (the
        bias correction of Adam, Kingma and Ba 2015, section 3). A bucket of n finite points of mean m counts as
        n points of value m: s <- w^n s + (1 - w^n) m. Exact where a bucket holds one point; otherwise the order
        within a bucket is lost. It starts so far before x0 that what is left out weighs less than 1e-9.
        Values that are not finite are passed over. ValueError unless 0 <= weight < 1.
        """
        if not 0 <= weight < 1:
            raise ValueError(f"weight must be at least 0 and below 1, got {weight}")
        start, end = self._range(x0, x1)
        memory = math.ceil(math.log(1e-9) / math.log(weight)) if weight else 0
        before = self._edges(max(0, start - memory), start, columns)[:-1]
        edges = np.concatenate([before, self._edges(start, end, columns)])
        buckets = self._summaries(edges[:-1], edges[1:])
        average = buckets.mean()
        keep: list[float] = (weight**buckets.count).tolist()  # w^n of each bucket
        state, seen = 0.0, 0.0
        for i in np.flatnonzero(buckets.count).tolist():
            # Products, not a difference: values near the largest float must not overflow.
            state = keep[i] * state + (1 - keep[i]) * float(average[i])
            seen = keep[i] * seen + (1 - keep[i])
            average[i] = state / seen
        return self._visible(edges, buckets, average, hidden=len(before))

    def _summaries(self, start: Indices, end: Indices) -> Summary:
        # Whole stretches are summarized when somebody looks: one point at a time would cost the fold most of its time.
        self._pyramid.grow(self._length)
        return self._pyramid.reduce(start, end)

    def _visible(self, edges: Indices, buckets: Summary, mean: Floats, hidden: int = 0) -> Envelope:
        first, last = self._x.data[edges[:-1]], self._x.data[edges[1:] - 1]
        middle = np.where(first == last, first, first / 2 + last / 2)
        shown = np.arange(len(mean)) >= hidden
        some, bad = shown & (buckets.count > 0), shown & (buckets.count < edges[1:] - edges[:-1])
        return Envelope(middle[some], mean[some], buckets.low[some], buckets.high[some], middle[bad])

    def _range(self, x0: float, x1: float) -> tuple[int, int]:
        xs = self._x.data[: self._length]
        start, end = int(np.searchsorted(xs, x0, side="left")), int(np.searchsorted(xs, x1, side="right"))
        return start, max(start, end)

    def _edges(self, start: int, end: int, columns: int) -> Indices:
        """Indices that cut points start..end-1 into at most `columns` buckets, none of them empty."""
        if columns < 1:
            raise ValueError(f"columns must be at least 1, got {columns}")
        if end - start <= columns:
            return np.arange(start, end + 1)
        xs = self._x.data[start:end]
        share = np.linspace(0.0, 1.0, columns + 1)[1:-1]
        cuts: Floats = xs[0] * (1 - share) + xs[-1] * share
        inner: Indices = np.searchsorted(xs, cuts, side="left") + start
        return np.unique(np.concatenate([np.array([start]), inner, np.array([end])]))

    def _point(self, index: int) -> Point:
        y = float(self._y.data[index])
        low = y if self._low is None else float(self._low.data[index])
        high = y if self._high is None else float(self._high.data[index])
        return Point(float(self._x.data[index]), y, low, high)

    def _spread(self, size: int) -> tuple[Floats, Floats]:
        """Room for `size` lows and highs; at the first use every earlier point gets its own y."""
        if self._low is None or self._high is None:
            self._low, self._high = Column(), Column()
            for column in (self._low, self._high):
                column.room(size)
                column.data[: self._length] = self._y.data[: self._length]
        self._low.room(size)
        self._high.room(size)
        return self._low.data, self._high.data

    def _read(self, index: Indices | slice) -> Summary:
        """Single points as summaries, neutral where y is not finite."""
        y = self._y.data[index]
        finite = np.isfinite(y)
        low = y if self._low is None else self._low.data[index]
        high = y if self._high is None else self._high.data[index]
        return Summary(
            np.where(finite, low, np.inf),
            np.where(finite, high, -np.inf),
            np.where(finite, y, 0.0),
            finite.astype(np.float64),
        )
