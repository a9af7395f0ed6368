"""The paths of five optimizers over one surface, and what each remembers at the step that is shown (O3, O4, O12, O14)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from rich.style import Style
from rich.text import Text

from ..engine.figure_paths import Path
from ..engine.figure_surfaces import Surface
from .blocks import Block, Page, beside
from .curves import Floats
from .dots import DOTS, Dots, cells_with, encode
from .inks import INKS
from .look_colours import own
from .scatter import joined
from .text import number

#: The letter of each optimizer and its name, by kind.
NAMES = {
    "sgd": ("S", "gradient descent"),
    "momentum": ("M", "momentum"),
    "adagrad": ("G", "AdaGrad"),
    "rmsprop": ("R", "RMSProp"),
    "adam": ("A", "Adam"),
}
#: Columns of the table, from which width on it stands beside the picture, and the rows of a picture at least.
_TABLE, _BESIDE, _LEAST = 32, 70, 8
#: Contours of f: two a decade where the paths end, one where they come from.
_LEVELS = (0.01, 0.032, 0.1, 0.32, 1.0, 3.2, 10.0, 32.0, 100.0, 1000.0)
#: Grey of the lowest and of the highest ground, on a dark page and on a light one.
_DARK, _LIGHT = (96, 22), (190, 250)


def paths(surface: Surface, walks: Sequence[Path], step: int, page: Page, about: str = "") -> Block:
    """Draw each path up to a step over the contours of f, its letter at the end, and a table of f, the step and the memory (O14)."""
    head = page.line(f"step {step}{about}   {surface.formula}", "bold")
    table = _table(walks, step, page)
    wide = page.width >= _BESIDE
    width = max(10, page.width - _TABLE - 2) if wide else page.width
    height = max(_LEAST, page.height - 2 if wide else page.height - 2 - len(table))
    legend = f"x {surface.x[0]:g} to {surface.x[1]:g}, y {surface.y[0]:g} to {surface.y[1]:g} (up)   + least   {_contours(page)}"
    picture = _picture(surface, walks, step, width, height, page)
    body = beside([picture, table]) if wide else [*picture, *table]
    return [head, *body, page.line(legend, "dim")]


def colour_of(index: int, page: Page) -> str:
    """The colour of an optimizer's path."""
    return own(index, page) if page.colours == "16" else INKS["light" if page.light else "dark"].runs[index]


def _contours(page: Page) -> str:
    where = "shades change" if page.painted else "dots"
    return f"{where} at f = 0.1, 0.32, 1, 3.2, 10"


def _table(walks: Sequence[Path], step: int, page: Page) -> Block:
    """For each optimizer f, the length of the last step, and what it remembers along x and y."""
    lines: Block = []
    for index, walk in enumerate(walks):
        letter, name = NAMES[walk.kind]
        at = walk.at(step)
        ended = f", not finite after {at}" if at < step else ""
        colour = page.style(colour_of(index, page), bold=True)
        lines += [
            page.line(f"{letter} {name}, η {walk.hyper['lr']:g}{ended}", colour, _TABLE),
            page.line(f"  f {number(walk.values[at])}  step {number(walk.lengths[at])}", "", _TABLE),
        ]
        for symbol, (x, y) in walk.memory[at].items():
            lines.append(page.line(f"  {symbol} {_signed(x)} {_signed(y)}", "dim", _TABLE))
    return lines


def _signed(value: float) -> str:
    text = number(value, 8).strip()
    return f"{text:>9}"


def _picture(
    surface: Surface, walks: Sequence[Path], step: int, width: int, height: int, page: Page
) -> Block:
    """The ground in bands of f, the paths over it as dots of their colour, or as letters where there are no colours."""
    bands = _bands(surface, width, height)
    across, down = DOTS[page.marker]
    coloured = page.palette.colour and page.colours != "none" and not page.ascii
    glyphs, grounds = _ground(bands, page)
    inks: list[list[Style]] = [[Style(dim=True)] * width for _ in range(height)]
    total: Dots = np.zeros((height * down, width * across), dtype=np.bool_)
    owners: dict[tuple[int, int], int] = {}
    for index, walk in enumerate(walks):
        dots = _dots(surface, walk, step, total.shape)
        total |= dots
        for row, column in np.argwhere(cells_with(dots, page.marker)).tolist():
            owners[row, column] = index
    drawn = encode(total, page.marker)
    for (row, column), index in owners.items():
        letter = NAMES[walks[index].kind][0].lower()
        glyphs[row][column] = drawn[row][column] if coloured else letter
        inks[row][column] = page.style(colour_of(index, page))
    marks: list[tuple[tuple[float, float], str, Style]] = [(surface.minimum, "+", page.style(bold=True))]
    for index, walk in enumerate(walks):
        ink = page.style(colour_of(index, page), bold=True)
        marks.append((walk.places[walk.at(step)], NAMES[walk.kind][0], ink))
    for place, sign, ink in marks:
        found = _cell(surface, place, width, height)
        if found is not None:
            glyphs[found[0]][found[1]], inks[found[0]][found[1]] = sign, ink
    return [_line(*row) for row in zip(glyphs, inks, grounds, strict=True)]


def _bands(surface: Surface, width: int, height: int) -> Floats:
    """How many levels f exceeds in the middle of each cell, the highest y on top."""
    x = surface.x[0] + (np.arange(width) + 0.5) / width * (surface.x[1] - surface.x[0])
    y = surface.y[1] - (np.arange(height) + 0.5) / height * (surface.y[1] - surface.y[0])
    return np.digitize(surface.value(x[None, :], y[:, None]), _LEVELS).astype(np.float64)


def _ground(bands: Floats, page: Page) -> tuple[list[list[str]], list[list[str | None]]]:
    """A character and a colour of the ground for each cell: shades of grey, or dots where a band ends."""
    if page.painted:
        low, high = _LIGHT if page.light else _DARK
        span = max(1.0, float(bands.max() - bands.min()))
        greys = np.rint(low + (bands - bands.min()) / span * (high - low)).astype(int)
        colours: list[list[str | None]] = [[f"#{g:02x}{g:02x}{g:02x}" for g in row] for row in greys.tolist()]
        return [[" "] * bands.shape[1] for _ in range(len(bands))], colours
    edge = np.zeros(bands.shape, dtype=np.bool_)
    edge[:, 1:] |= bands[:, 1:] != bands[:, :-1]
    edge[1:] |= bands[1:] != bands[:-1]
    sign = "." if page.ascii else "·"
    signs: list[list[str]] = np.where(edge, sign, " ").tolist()
    return signs, [[None] * len(row) for row in signs]


def _dots(surface: Surface, walk: Path, step: int, shape: tuple[int, ...]) -> Dots:
    """The dots of a path up to a step, in rows from the top; what leaves the picture is not seen."""
    rows, columns = shape
    dots: Dots = np.zeros((rows, columns), dtype=np.bool_)
    places = np.array(walk.places[: walk.at(step) + 1], dtype=np.float64)
    places = places[np.isfinite(places).all(axis=1)]
    shares = (places - (surface.x[0], surface.y[0])) / (
        surface.x[1] - surface.x[0],
        surface.y[1] - surface.y[0],
    )
    found = np.floor(np.clip(shares, -4, 5) * (columns, rows)).astype(np.int64)
    moved = np.ones(len(found), dtype=np.bool_)
    moved[1:] = (np.diff(found, axis=0) != 0).any(axis=1)
    right, up = found[moved].T
    if len(right) > 1:
        right, up = joined(right, up, 10 * (columns + rows))
    inside = (right >= 0) & (right < columns) & (up >= 0) & (up < rows)
    dots[rows - 1 - up[inside], right[inside]] = True
    return dots


def _cell(surface: Surface, place: tuple[float, float], width: int, height: int) -> tuple[int, int] | None:
    """Row from the top and column of a place; None outside the picture."""
    right = (place[0] - surface.x[0]) / (surface.x[1] - surface.x[0])
    up = (place[1] - surface.y[0]) / (surface.y[1] - surface.y[0])
    if not (0 <= right < 1 and 0 <= up < 1):
        return None
    return height - 1 - int(up * height), int(right * width)


def _line(glyphs: Sequence[str], inks: Sequence[Style], grounds: Sequence[str | None]) -> Text:
    """One row, cells of one look together."""
    line = Text(no_wrap=True, end="")
    cells: Any = zip(glyphs, inks, grounds, strict=True)
    for (ink, ground), run in groupby(cells, key=lambda cell: (cell[1], cell[2])):
        line.append("".join(cell[0] for cell in run), ink + Style(bgcolor=ground) if ground else ink)
    return line
