"""Where labels find room: beside a vertical line without hiding a curve, and one above the other at the lines' ends."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import NamedTuple


class Place(NamedTuple):
    """A place for a label; the smaller the better."""

    hides: int
    "Cells of curves and labels that it would cover."
    crosses: int
    "Other vertical lines that it would cut."
    row: int
    left: bool
    "Left of its line, which is second choice."
    column: int


def best_place(
    area: tuple[int, int, int, int],
    line: int,
    width: int,
    taken: Set[tuple[int, int]],
    lines: Set[int],
) -> Place | None:
    """The best place for a label of `width` cells beside the vertical line in column `line`.

    `area` is top, left, bottom and right, the last two exclusive; a blank is kept on both sides of the label.
    None where neither side of the line is wide enough.
    """
    top, first, bottom, right = area
    places: list[Place] = []
    for left, column in ((False, line + 2), (True, line - 1 - width)):
        if column < first or column + width > right:
            continue
        span = range(column - 1, column + width + 1)
        crosses = sum(c in lines for c in span)
        places += [
            Place(sum((row, c) in taken for c in span), crosses, row, left, column)
            for row in range(top, bottom)
        ]
    return min(places, default=None)


def spread(wanted: Sequence[int], size: int, height: int) -> list[int]:
    """Rows for labels of `size` rows each, near the wanted ones (ascending), apart, in 0..height-1.

    Needs len(wanted) * size <= height.
    """
    rows: list[int] = []
    for row in wanted:
        rows.append(max(row, rows[-1] + size) if rows else row)
    limit = height
    for i in range(len(rows) - 1, -1, -1):
        rows[i] = limit = min(rows[i], limit - size)
    return rows
