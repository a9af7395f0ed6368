"""Pictures side by side, or one below the other where the page is narrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .blocks import Block, Page, beside, blank
from .chart_empty import SMALLEST

#: Cells between panels, and rows of each where they stand below one another.
_GAP, _LOW = 2, 10

#: Draws one panel in so many cells and rows.
Panel = Callable[[int, int], Block]


def panels(page: Page, drawn: Sequence[Panel], below: int = 0) -> Block:
    """Draw each panel in an equal share of the page's width; `below` rows of the page are left for others."""
    width = (page.width - _GAP * (len(drawn) - 1)) // max(1, len(drawn))
    if width >= SMALLEST[0]:
        return beside([panel(width, max(SMALLEST[1] + 4, page.height - below)) for panel in drawn], _GAP)
    lines: Block = []
    for panel in drawn:
        lines += [*panel(page.width, _LOW), blank(0)]
    return lines[:-1]
