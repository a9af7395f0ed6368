"""A row of tabs with readable names at any width: whole names, then short ones, in two rows where there is room, else a strip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

#: Rows of a screen from which on a second row of tabs is worth its place.
_TALL, _LOW = 30, 16


@dataclass(frozen=True)
class Tab:
    """One tab."""

    key: str
    "The digit that leads to it, or a blank."
    title: str
    short: str

    def text(self, name: str) -> str:
        """As it is written."""
        return f" {self.key} {name} "


def tab_rows(tabs: Sequence[Tab], current: int, width: int, height: int) -> list[list[tuple[str, bool]]]:
    """Rows of (text, whether it is the current one) that fit `width` cells, on a screen of `height` rows."""
    if not tabs:
        return []
    whole = [(tab.text(tab.title), place == current) for place, tab in enumerate(tabs)]
    short = [(tab.text(tab.short), place == current) for place, tab in enumerate(tabs)]
    # One space between two where that saves a row.
    tight = [(text.rstrip(), now) for text, now in short]
    ways = (
        (whole, 1),
        (whole, 2 if height >= _TALL else 1),
        (short, 1),
        (tight, 1),
        (short, 2 if height >= _LOW else 1),
    )
    for texts, most in ways:
        rows = _flowed(texts, width)
        if len(rows) <= most and all(_width(row) <= width for row in rows):
            return rows
    return [_strip(short, current, width)]


def _width(row: Sequence[tuple[str, bool]]) -> int:
    return sum(cell_len(text) for text, _ in row)


def _flowed(texts: Sequence[tuple[str, bool]], width: int) -> list[list[tuple[str, bool]]]:
    rows: list[list[tuple[str, bool]]] = [[]]
    for one in texts:
        if rows[-1] and _width([*rows[-1], one]) > width:
            rows.append([])
        rows[-1].append(one)
    return rows


def _strip(texts: Sequence[tuple[str, bool]], current: int, width: int) -> list[tuple[str, bool]]:
    """The current one and as many neighbours as fit, with a sign at an end where there are more."""
    first = last = current
    grown = True
    while grown:
        grown = False
        for start, end in ((first, last + 1), (first - 1, last)):
            signs = (start > 0) + (end < len(texts) - 1)
            if start >= 0 and end < len(texts) and _width(texts[start : end + 1]) + signs <= width:
                first, last, grown = start, end, True
    before, after = "<" if first > 0 else "", ">" if last < len(texts) - 1 else ""
    row = [(before, False), *texts[first : last + 1], (after, False)]
    return [one for one in row if one[0]]
