"""Grids of dots finer than a terminal cell: how they become characters, and back, and how they are thinned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .curves import Marker

#: Dots of a canvas, (rows, columns), the top row first.
Dots = NDArray[np.bool_]
Whole = NDArray[np.int64]

#: Dots in a cell: across, down.
DOTS: dict[Marker, tuple[int, int]] = {"braille": (2, 4), "block": (2, 2), "ascii": (1, 1)}

_QUARTERS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
#: The bit of each dot in a cell: U+2800 plus the sum is the braille character, _QUARTERS[sum] the block.
_BITS = {"braille": np.array([[0, 3], [1, 4], [2, 5], [6, 7]]), "block": np.array([[0, 1], [2, 3]])}


def cells_with(dots: Dots, marker: Marker) -> Dots:
    """Which cells hold a dot, (rows, columns) of cells."""
    held: Dots = np.logical_or.reduce(_by_cell(dots, marker), axis=(1, 3))
    return held


def encode(dots: Dots, marker: Marker) -> list[str]:
    """One string of characters a row of cells; an asterisk where ASCII has a dot."""
    if marker == "ascii":
        return ["".join("*" if dot else " " for dot in row) for row in dots.tolist()]
    codes = (_by_cell(dots, marker) * (1 << _BITS[marker])[None, :, None, :]).sum(axis=(1, 3))
    if marker == "braille":
        return ["".join(map(chr, row)) for row in (codes + 0x2800).tolist()]
    return ["".join(_QUARTERS[code] for code in row) for row in codes.tolist()]


def decode(text: str, columns: int, rows: int, marker: Marker) -> Dots:
    """The dots of `rows` lines of `columns` characters, each with its line end; ValueError for anything else."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype(np.int64)
    if len(codes) != rows * (columns + 1):
        raise ValueError(f"a canvas of {columns} x {rows} cells came back as {len(codes)} characters")
    codes = codes.reshape(rows, columns + 1)[:, :-1]
    if marker == "ascii":
        return codes != ord(" ")
    if marker == "braille":
        codes = np.where(codes == ord(" "), 0x2800, codes) - 0x2800
    else:
        table = np.full(0x2700, -1)
        table[[ord(c) for c in _QUARTERS]] = np.arange(16)
        codes = table[np.minimum(codes, 0x26FF)]
    if codes.min(initial=0) < 0 or codes.max(initial=0) > 255:
        raise ValueError(f"a {marker} canvas came back with other characters")
    dots = (codes[:, None, :, None] >> _BITS[marker][None, :, None, :]) & 1
    across, down = DOTS[marker]
    return dots.astype(np.bool_).reshape(rows * down, columns * across)


def dotted(dots: Dots, marker: Marker) -> Dots:
    """Every second dot, as on a chessboard; a cell that would lose its last dot keeps them all."""
    rows, columns = dots.shape
    thin = dots & (np.add.outer(np.arange(rows), np.arange(columns)) % 2 == 0)
    across, down = DOTS[marker]
    kept = np.kron(cells_with(thin, marker), np.ones((down, across), dtype=np.bool_))
    return np.where(kept, thin, dots)


def bars(x: Whole, low: Whole, high: Whole, rows: int, columns: int, marker: Marker) -> Dots:
    """Bars from low to high, counted from the bottom: both ends, and one dot in every cell between them, at
    another height in odd columns, so that a bar is seen alone and many make an even shade."""
    dots = np.zeros((rows, columns), dtype=np.bool_)
    seen = (high > low) & (x >= 0) & (x < columns) & (high >= 0) & (low < rows)
    x, low, high = x[seen], np.maximum(low[seen], 0), np.minimum(high[seen], rows - 1)
    down = DOTS[marker][1]
    up = np.arange(rows)[:, None]
    row, which = np.nonzero((up >= low) & (up <= high) & ((up + x % 2 * (down // 2)) % down == 0))
    dots[rows - 1 - row, x[which]] = True
    dots[rows - 1 - low, x] = True
    dots[rows - 1 - high, x] = True
    return dots


def decisive(x: Whole, y: Whole, joined: Dots) -> tuple[Whole, Whole, Dots]:
    """The points of a line that decide which dots it takes.

    Of neighbours in one column of dots the first, the lowest, the highest and the last; of a level stretch its
    two ends. `joined` tells whether a point is connected to the one before it.
    """
    if not len(x):
        return x, y, joined
    starts = np.flatnonzero(np.concatenate([[True], (x[1:] != x[:-1]) | ~joined[1:]]))
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(x))))
    ranked = np.lexsort((y, group))
    ends = np.append(starts[1:], len(x)) - 1
    keep = np.unique(np.concatenate([starts, ends, ranked[starts], ranked[ends]]))
    x, y, joined = x[keep], y[keep], joined[keep]
    inner = np.zeros(len(x), dtype=np.bool_)
    inner[1:-1] = (y[1:-1] == y[:-2]) & (y[1:-1] == y[2:]) & joined[1:-1] & joined[2:]
    return x[~inner], y[~inner], joined[~inner]


def _by_cell(dots: Dots, marker: Marker) -> NDArray[np.bool_]:
    across, down = DOTS[marker]
    rows, columns = dots.shape
    return dots.reshape(rows // down, down, columns // across, across)
