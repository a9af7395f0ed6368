"""A chart without a curve: it says what will appear; axes without values would be made up."""

from __future__ import annotations

from rich.cells import cell_len

from .cells import Cells
from .curves import ChartSpec
from .text import shorten

#: Columns and rows from which on a chart has axes.
SMALLEST = (24, 5)


def without_curves(spec: ChartSpec) -> Cells:
    """The title, and the words of `spec.empty` in the middle; of a very small chart their first line."""
    cells, ascii_only = Cells(spec.width, spec.height), spec.marker == "ascii"
    words = spec.empty.split("\n")
    if spec.width < SMALLEST[0] or spec.height < SMALLEST[1]:
        cells.put(0, 0, shorten(words[0], spec.width, ascii_only))
        return cells
    cells.put(0, 1, shorten(spec.title, spec.width - 1, ascii_only))
    lines = [shorten(line, spec.width, ascii_only) for line in words][: spec.height - 1]
    top = max(1, (spec.height - len(lines)) // 2)
    for row, line in enumerate(lines):
        cells.put(top + row, (spec.width - cell_len(line)) // 2, line)
    return cells
