"""Histograms as bars of eighths, as many beside each other as there is room for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.text import Text

from .blocks import Block, Page, in_rows
from .curves import Floats
from .look_colours import layer_colour
from .text import number, percent

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_EIGHTHS_ASCII = " ...::||#"
#: Rows of bars.
_LOWEST, _HIGHEST = 2, 20


def histograms(
    parts: Sequence[Mapping[str, Any]], titles: Sequence[str], notes: Sequence[str], page: Page
) -> Block:
    """As many beside each other as there is room for, all of one size."""
    extra = 3 + any(notes)
    across = max(1, min(len(parts), page.width // 46))
    down = math.ceil(len(parts) / across)
    width = (page.width - 3 * (across - 1)) // across
    height = min(_HIGHEST, max(_LOWEST, (page.height - (down - 1)) // down - extra))
    blocks: list[Block] = []
    for index, (part, title, note) in enumerate(zip(parts, titles, notes, strict=True)):
        block = [Text(page.cell(title, width), "bold", no_wrap=True, end="")]
        if note:
            block.append(page.line(note, "dim", width))
        colour = layer_colour(index, len(parts), page)
        block += histogram(part["edges"], part["counts"], width, height, page, colour)
        if part.get("nonfinite"):
            block.append(page.line(f"{part['nonfinite']} values are not finite", page.trouble))
        blocks.append(block)
    return in_rows(blocks, page.width, gap=3)


def histogram(
    edges: Sequence[float], counts: Sequence[int], width: int, height: int, page: Page, colour: str | None
) -> Block:
    """Bars over a line with the two ends and zero; bars of equal share are of equal height."""
    if not counts or width < 1:
        return [page.line("no finite value")]
    steps = _EIGHTHS_ASCII if page.ascii else _EIGHTHS
    # Each column takes the nearest bin: bins are as many as columns or fewer, none is lost.
    bins = np.asarray(counts, dtype=np.float64)[(np.arange(width) + 0.5).astype(int) * len(counts) // width]
    # One bar that dwarfs the others, as the zeros of ReLU do, is cut, and says so.
    top = _tallest(bins)
    cut = (bins > top).tolist()
    levels = np.ceil(np.minimum(bins, top) * (8 * height) / max(1.0, top)).astype(int).tolist()
    lines: Block = []
    for row in range(height - 1, -1, -1):
        glyphs = [steps[min(8, max(0, level - 8 * row))] for level in levels]
        if row == height - 1:
            glyphs = [
                ("^" if page.ascii else "▲") if one else glyph for glyph, one in zip(glyphs, cut, strict=True)
            ]
        lines.append(Text("".join(glyphs), page.style(colour), no_wrap=True, end=""))
    low, high = float(edges[0]), float(edges[-1])
    rule, mark = ("-", "+") if page.ascii else ("─", "┬")
    axis = [rule] * width
    if low < 0 < high:
        axis[min(width - 1, int(-low / (high - low) * width))] = mark
    left, right = number(low).strip(), number(high).strip()
    share = f"{percent(max(counts) / max(1, sum(counts))).strip()} in the cut bar" if any(cut) else ""
    ends = left + share.center(max(1, width - len(left) - len(right))) + right
    return [
        *lines,
        Text("".join(axis), "dim", no_wrap=True, end=""),
        Text(ends[:width], "dim", no_wrap=True, end=""),
    ]


def _tallest(bins: Floats) -> float:
    """The height that fills the room: the highest bar, or the second where the highest is more than thrice that."""
    different = np.unique(bins)
    first = float(different[-1])
    second = float(different[-2]) if len(different) > 1 else 0.0
    return second if second > 0 and first > 3 * second else max(first, 1.0)
