"""Points and lines in a plane, where x goes to and fro: true against predicted, a fitted curve over its data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .axes import Range, nice_range
from .blocks import Block, Page
from .chart_frame import SMALLEST, Frame
from .curves import ChartSpec, Floats, Numbers
from .dots import Dots, Whole, cells_with, encode
from .scale import Ranges

#: Cells that there are for each point where it is drawn as a glyph.
_CELLS_A_POINT = 4


@dataclass(frozen=True, eq=False)
class Layer:
    """Points of one kind, or a line through them; arrays of one length."""

    label: str
    x: Numbers
    y: Numbers
    colour: str | None = None
    line: bool = False
    "Whether the points are joined in their order."
    sign: str = "*"
    "What a point is in 7-bit characters."
    glyph: str = "•"
    "What it is in others, where the points are so few that each can be seen."
    words: Sequence[str] = ()
    "What is written beside each point."


def scatter(
    page: Page, layers: Sequence[Layer], width: int, height: int, x_label: str = "", *, square: bool = False,
    x_range: Range | None = None, y_range: Range | None = None,
) -> Block:  # fmt: skip
    """Draw the layers, the later over the earlier, on axes around all that is finite in them, or of a given range.

    `square` gives both axes one range. Points are drawn as their glyphs, or as dots where they are too many for that and
    colours tell the layers apart. A picture too small for axes is a line that says so.
    """
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return [page.line("too small to draw")]
    points = sum(len(layer.x) for layer in layers if not layer.line)
    few = not page.painted or points * _CELLS_A_POINT <= width * height
    names = ", ".join(f"{_sample(layer, page, few)} {layer.label}" for layer in layers if layer.label)
    spec = ChartSpec(
        width, height, title=names, x_label=x_label, marker=page.marker, palette=page.palette
    )  # fmt: skip
    x, y = _finite([layer.x for layer in layers]), _finite([layer.y for layer in layers])
    if square:
        x = y = np.concatenate([x, y])
    frame = Frame(spec, Ranges(x_range or _around(x), y_range or _around(y), log_y=False))
    frame.draw_frame()
    total = np.zeros((frame.scale.rows, frame.scale.columns), dtype=np.bool_)
    owners: dict[tuple[int, int], Layer] = {}
    for layer in layers:
        dots = _dots(frame, layer)
        total |= dots
        for row, column in np.argwhere(cells_with(dots, page.marker)).tolist():
            owners[row, column] = layer
    glyphs = encode(total, page.marker)
    for (row, column), layer in owners.items():
        alone = layer.sign if page.ascii else layer.glyph if few and not layer.line else glyphs[row][column]
        frame.cells.put(frame.top + row, frame.left + column, alone, frame.style(layer.colour))
    for layer in layers:
        _write_words(frame, layer)
    return frame.cells.lines()


def _write_words(frame: Frame, layer: Layer) -> None:
    """Write what belongs to a point right of it, or left where there is no room."""
    if not layer.words:
        return
    columns = frame.scale.dot_columns(np.asarray(layer.x, dtype=np.float64)) // frame.across
    rows = frame.height - 1 - frame.scale.dot_rows(np.asarray(layer.y, dtype=np.float64)) // frame.down
    for column, row, words in zip(columns.tolist(), rows.tolist(), layer.words, strict=True):
        text = frame.short(words, frame.width)
        place = column + 2 if column + 2 + len(text) <= frame.width else column - 1 - len(text)
        if place >= 0 and 0 <= row < frame.height:
            frame.cells.put(frame.top + row, frame.left + place, text, frame.style(layer.colour))


def _sample(layer: Layer, page: Page, few: bool) -> str:
    """What a layer looks like in the legend."""
    if page.ascii:
        return layer.sign
    return "─" if layer.line else layer.glyph if few else "•"


def _finite(arrays: Sequence[Numbers]) -> Floats:
    values = np.concatenate([np.asarray(one, dtype=np.float64) for one in arrays]) if arrays else np.empty(0)
    return values[np.isfinite(values)]


def _around(values: Floats) -> Range:
    return nice_range(*((float(values.min()), float(values.max())) if len(values) else (math.nan, math.nan)))


def _dots(frame: Frame, layer: Layer) -> Dots:
    scale = frame.scale
    x, y = np.asarray(layer.x, dtype=np.float64), np.asarray(layer.y, dtype=np.float64)
    good = np.isfinite(x) & np.isfinite(y)
    columns, rows = scale.dot_columns(x[good]), scale.dot_rows(y[good])
    if layer.line and len(columns) > 1:
        columns, rows = joined(columns, rows, scale.columns + scale.rows)
    dots = np.zeros((scale.rows, scale.columns), dtype=np.bool_)
    inside = (columns >= 0) & (columns < scale.columns) & (rows >= 0) & (rows < scale.rows)
    dots[scale.rows - 1 - rows[inside], columns[inside]] = True
    return dots


def joined(columns: Whole, rows: Whole, most: int) -> tuple[Whole, Whole]:
    """Points on the way between neighbours, at most `most` for each, close enough that no dot is left out."""
    steps = int(min(most, max(1, np.abs(np.diff(columns)).max(), np.abs(np.diff(rows)).max())))
    share = np.arange(steps + 1) / steps
    along = columns[:-1, None] + share * np.diff(columns)[:, None]
    up = rows[:-1, None] + share * np.diff(rows)[:, None]
    return np.rint(along).astype(np.int64).ravel(), np.rint(up).astype(np.int64).ravel()
