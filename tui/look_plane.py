"""The decision boundary over the plane of two features, and what single hidden units put out over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ..engine.history import History
from .blocks import Block, Page, beside, in_rows
from .curves import Floats
from .look_colours import (
    CLASSES,
    SIGNED,
    SIGNED_ON_LIGHT,
    SIGNED_SHADES,
    class_colour,
    class_letter,
    ends,
)
from .pictures import half_blocks, heat
from .text import clean, number

Answer = Mapping[str, Any]

#: Columns from which on maps of units stand beside the plane, and the cells they get at least.
_BESIDE, _UNITS_WIDTH = 90, 34
#: Cells of one unit's map across, and how many maps are worth smaller ones.
_SMALLEST_MAP, _LARGEST_MAP, _MANY_MAPS = 10, 24, 12
#: Units of a layer that are paged through.
_MOST_UNITS = 1 << 16
#: Points of the grid a side that are asked for, at most.
_FINEST = 120


@dataclass(frozen=True)
class _Room:
    """How a page is shared out."""

    plane: tuple[int, int]
    "Cells and rows of the plane; (0, 0) where the page shows units alone."
    units: tuple[int, int]
    "Cells and rows for the maps of units; (0, 0) where it shows the plane alone."

    @property
    def map_width(self) -> int:
        """Cells of one map across: as large as leaves room for many, a row of numbers over each."""
        width, height = self.units
        for size in range(_LARGEST_MAP, _SMALLEST_MAP, -1):
            if _across(width, size) * _down(height, size) >= _MANY_MAPS:
                return size
        return _SMALLEST_MAP

    @property
    def maps(self) -> int:
        """How many maps there is room for."""
        width, height = self.units
        if not width:
            return 0
        return max(1, min(64, _across(width, self.map_width) * _down(height, self.map_width)))


def _across(width: int, size: int) -> int:
    return (width + 2) // (size + 2)


def _down(height: int, size: int) -> int:
    return (height - 2) // (size // 2 + 2)


def _shared(page: Page) -> _Room:
    rows = max(4, page.height - 3)
    if page.width >= _BESIDE:
        width = max(10, min(page.width - _UNITS_WIDTH, int(rows * 2.2)))
        return _Room((width, rows), (page.width - width - 3, page.height))
    if page.at == 0:
        return _Room((max(10, min(page.width, int(rows * 2.2))), rows), (0, 0))
    return _Room((0, 0), (page.width, page.height))


def _pages(page: Page, history: History) -> list[tuple[int, int]]:
    """Hidden layer and first unit of each page of maps; a narrow window shows the plane before them."""
    narrow = page.width < _BESIDE
    room = _Room((0, 0), (page.width, page.height)) if narrow else _shared(page)
    rows: Sequence[Mapping[str, Any]] = history.layers[-1].layers_health if history.layers else ()
    found = [
        (layer, first)
        for layer, row in enumerate(rows)
        for first in range(0, min(row["units"], _MOST_UNITS), max(1, room.maps))
    ]
    return [(0, 0), *found] if narrow else found or [(0, 0)]


def boundary_pages(page: Page, history: History) -> int:
    """How many pages of units there are."""
    return len(_pages(page, history))


def boundary_options(page: Page, history: History) -> dict[str, int]:
    """What to ask for so that it fills the page."""
    pages, room = _pages(page, history), _shared(page)
    layer, first = pages[page.at % len(pages)]
    size = max(24, min(_FINEST, 2 * page.height))
    return {"size": size, "units": room.maps, "layer": layer, "first": first}


def boundary(answer: Answer, history: History, page: Page) -> Block:
    """The network's answer all over the plane with the examples on top, and maps of hidden units beside or behind it."""
    room = _shared(page)
    parts: list[Block] = []
    if room.plane[0]:
        parts.append(_plane_with_legend(answer, room.plane, page))
    units = answer.get("units")
    if room.units[0] and units and units["maps"]:
        parts.append(_unit_maps(units, room, page, boundary_pages(page, history)))
    return beside(parts, 3) if parts else page.paragraph("A linear model has no hidden units.")


def _plane_with_legend(answer: Answer, size: tuple[int, int], page: Page) -> Block:
    features = [clean(str(name), 20) for name in answer["features"]]
    xs, ys = answer["x"], answer["y"]
    across = f"{features[0]}: {number(xs[0]).strip()} to {number(xs[-1]).strip()}"
    up = f"{features[1]}: {number(ys[0]).strip()} to {number(ys[-1]).strip()} (up)"
    return [_legend(answer, page), *_plane(answer, *size, page), page.line(f"{across}   {up}", "dim")]


def _legend(answer: Answer, page: Page) -> Text:
    if not answer["classes"]:
        return page.line(f"predicted value: {ends(page, 'low', 'high')}")
    line = Text(no_wrap=True, end="")
    for index, name in enumerate(answer["classes"]):
        sign = "■ " if _by_colour(answer, page) else f"{class_letter(index)} {class_letter(index).upper()} "
        line.append(page.written(sign), page.style(class_colour(index, page)))
        line.append(page.written(clean(str(name), 20)) + "   ")
    words = "points are examples" if _by_colour(answer, page) else "capitals are examples, . is unsure"
    line.append(words, "dim")
    return line


def _by_colour(answer: Answer, page: Page) -> bool:
    """Whether colours tell the classes apart; otherwise letters do."""
    return page.painted and len(answer["classes"]) <= len(CLASSES)


def _plane(answer: Answer, width: int, height: int, page: Page) -> Block:
    """The grid at the resolution of the page, low y at the bottom."""
    classes = len(answer["classes"])
    grid = np.asarray(answer["values"], dtype=np.float64)[::-1]
    if not classes:
        return heat(grid, width, height, shades=page.shades)
    rows = 2 * height if _by_colour(answer, page) else height
    values = _resized(grid, rows, width)
    if "classes_map" in answer:
        taken = _resized(np.asarray(answer["classes_map"], dtype=np.float64)[::-1], rows, width).astype(int)
        certainty = (values - 1 / classes) / (1 - 1 / classes)
    else:
        taken = (values >= 0.5).astype(int)
        certainty = np.abs(values - 0.5) * 2
    certainty = np.nan_to_num(certainty).clip(0, 1)
    points = _points(answer, rows, width)
    return (_painted if _by_colour(answer, page) else _written)(taken, certainty, points, page)


def _painted(taken: NDArray[Any], certainty: Floats, points: list[tuple[int, int, int]], page: Page) -> Block:
    hues = np.array(CLASSES, dtype=np.float64)
    ground = 255.0 if page.light else 18.0
    # Areas keep to half of the class's colour, so that its points stand out on them.
    share = (0.12 + 0.38 * certainty)[..., None]
    image = ground * (1 - share) + hues[taken] * share
    marks = hues * (0.7 if page.light else 1.0)
    for row, column, one in points:
        image[row, column] = marks[one]
    return half_blocks(np.rint(image).astype(np.uint8))


def _written(taken: NDArray[Any], certainty: Floats, points: list[tuple[int, int, int]], page: Page) -> Block:
    examples = {(row, column): one for row, column, one in points}
    lines: Block = []
    for row, (classes, shares) in enumerate(zip(taken.tolist(), certainty.tolist(), strict=True)):
        line = Text(no_wrap=True, end="")
        for column, (one, sure) in enumerate(zip(classes, shares, strict=True)):
            example = examples.get((row, column))
            if example is not None:
                line.append(class_letter(example).upper(), page.style(class_colour(example, page), bold=True))
            elif sure > 0.5:
                line.append(class_letter(one), page.style(class_colour(one, page), dim=True))
            else:
                line.append(".", page.style(dim=True))
        lines.append(line)
    return lines


def _points(answer: Answer, rows: int, columns: int) -> list[tuple[int, int, int]]:
    """Row from the top, column and class of every example."""
    found: list[tuple[int, int, int]] = []
    x0, x1, y0, y1 = answer["x"][0], answer["x"][-1], answer["y"][0], answer["y"][-1]
    for part in answer["points"].values():
        for x, y, one in zip(part["x"], part["y"], part["target"], strict=True):
            column = round((x - x0) / (x1 - x0) * (columns - 1))
            row = round((y1 - y) / (y1 - y0) * (rows - 1))
            if 0 <= column < columns and 0 <= row < rows:
                found.append((row, column, int(one)))
    return found


def _resized(grid: Floats, rows: int, columns: int) -> Floats:
    """The grid by the nearest entry."""
    down = ((np.arange(rows) + 0.5) * grid.shape[0] / rows).astype(int)
    across = ((np.arange(columns) + 0.5) * grid.shape[1] / columns).astype(int)
    return grid[down][:, across]


def _unit_maps(units: Mapping[str, Any], room: _Room, page: Page, pages: int) -> Block:
    """A map for each unit under its number, every one on a scale of its own."""
    first, shown, size = units["first"], units["maps"], room.map_width
    blocks: list[Block] = []
    for offset, one in enumerate(shown):
        values = np.asarray(one, dtype=np.float64)[::-1]
        finite = values[np.isfinite(values)]
        most = float(np.abs(finite).max()) if finite.size and np.abs(finite).max() > 0 else 1.0
        colours, shades = (SIGNED_ON_LIGHT if page.light else SIGNED), SIGNED_SHADES if page.shades else ""
        picture = heat(values, size, max(2, size // 2), colours, shades, -most, most)
        blocks.append([page.line(f"{first + offset + 1}", "dim", size), *picture])
    of = f"units {first + 1}-{first + len(shown)} of {units['of']}"
    turn = " · [ ] pages" if pages > 1 else ""
    sides = "orange is above 0, blue below" if page.painted else "+ and # are above 0, - and = below"
    width = room.units[0]
    return [
        page.line(f"{units['name']} ({units['kind']}): {of}{turn}", "bold", width),
        page.line(sides, "dim", width),
        *in_rows(blocks, width),
    ]
