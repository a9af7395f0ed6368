"""Exact minimum, maximum, sum and count of any range of a growing curve, at a cost that does not grow with it.

Level k summarizes every complete block of 16^k points. A range is then the union of at most 30 blocks of each
level, so m ranges of a curve of n points read O(m * 16 * log16 n) numbers, vectorized over the ranges.
Memory: 2.2 bytes a point, and an eighth of spare room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

FACTOR = 16
SLAB = 1 << 20  # points handled at a time when many are added, so that temporaries stay small


@dataclass(frozen=True, eq=False)
class Summary:
    """What is known of stretches of points: four arrays with one entry a stretch."""

    low: Floats
    "Lowest finite value, +inf where there is none."
    high: Floats
    "Highest finite value, -inf where there is none."
    total: Floats
    "Sum of the finite values; of huge values it may overflow to an infinity or NaN."
    count: Floats
    "Number of finite values."

    def mean(self) -> Floats:
        """total / count, kept between low and high; meaningless where count is 0."""
        with np.errstate(all="ignore"):
            mean = np.where(np.isfinite(self.total), self.total / self.count, self.low / 2 + self.high / 2)
        return np.clip(mean, self.low, self.high)


#: Reads single points as stretches of one: the pyramid's level 0 belongs to the curve itself.
Read = Callable[["Indices | slice"], Summary]


class Column:
    """A float64 array that grows by an eighth when it is full; who uses it knows how much of it is filled."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data: Floats = np.empty(64, dtype=np.float64)

    def room(self, size: int) -> None:
        """Make `data` at least `size` long; what was in it stays."""
        if size > len(self.data):
            grown = np.empty(max(size, len(self.data) + len(self.data) // 8 + 64), dtype=np.float64)
            grown[: len(self.data)] = self.data
            self.data = grown


class _Level:
    """Summaries of the complete blocks of one size."""

    def __init__(self) -> None:
        self.low, self.high, self.total, self.count = Column(), Column(), Column(), Column()
        self.length = 0

    def read(self, index: Indices | slice) -> Summary:
        return Summary(
            self.low.data[index], self.high.data[index], self.total.data[index], self.count.data[index]
        )

    def write(self, below: Summary) -> None:
        """Append the summaries of blocks, given what they consist of."""
        with np.errstate(all="ignore"):
            rows = (
                (self.low, below.low.reshape(-1, FACTOR).min(axis=1)),
                (self.high, below.high.reshape(-1, FACTOR).max(axis=1)),
                (self.total, below.total.reshape(-1, FACTOR).sum(axis=1)),
                (self.count, below.count.reshape(-1, FACTOR).sum(axis=1)),
            )
        end = self.length + len(rows[0][1])
        for column, values in rows:
            column.room(end)
            column.data[self.length : end] = values
        self.length = end


class Pyramid:
    """The levels above the points of one curve."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._levels: list[_Level] = []

    def grow(self, length: int) -> None:
        """Summarize the blocks that the first `length` points complete and that are not summarized yet."""
        depth = 0
        while length >= FACTOR:
            if depth == len(self._levels):
                self._levels.append(_Level())
            level = self._levels[depth]
            below = self._levels[depth - 1].read if depth else self._read
            length, depth = length // FACTOR, depth + 1
            if level.length == length:
                return
            while level.length < length:
                stop = min(length, level.length + SLAB // FACTOR)
                level.write(below(slice(level.length * FACTOR, stop * FACTOR)))

    def shrink(self, length: int) -> None:
        """Forget the blocks that reach beyond the first `length` points."""
        for level in self._levels:
            length //= FACTOR
            level.length = min(level.length, length)

    def reduce(self, start: Indices, end: Indices) -> Summary:
        """Summaries of the half-open ranges start[i]..end[i] of points, all of which `grow` has seen."""
        size = len(start)
        out = Summary(np.full(size, np.inf), np.full(size, -np.inf), np.zeros(size), np.zeros(size))
        ranges = np.arange(size)
        read, depth = self._read, 0
        while len(ranges):
            first, stop = -(-start // FACTOR), end // FACTOR  # the whole blocks inside, on the level above
            climbs = first < stop
            _add(out, ranges, read, start, np.where(climbs, first * FACTOR, end))
            _add(out, ranges, read, np.where(climbs, stop * FACTOR, end), end)
            start, end, ranges = first[climbs], stop[climbs], ranges[climbs]
            if len(ranges):
                read, depth = self._levels[depth].read, depth + 1
        return out


def _add(out: Summary, ranges: Indices, read: Read, start: Indices, end: Indices) -> None:
    """Add the entries start..end-1 of one level to the summaries of their ranges."""
    some = end > start
    if not some.any():
        return
    start, length, ranges = start[some], (end - start)[some], ranges[some]
    first = np.cumsum(length) - length
    part = read(np.arange(int(length.sum())) + np.repeat(start - first, length))
    out.low[ranges] = np.minimum(out.low[ranges], np.minimum.reduceat(part.low, first))
    out.high[ranges] = np.maximum(out.high[ranges], np.maximum.reduceat(part.high, first))
    with np.errstate(all="ignore"):
        out.total[ranges] += np.add.reduceat(part.total, first)
    out.count[ranges] += np.add.reduceat(part.count, first)
