"""Pictures in a terminal: images in half blocks, and matrices as heat maps or shades of ASCII."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style
from rich.text import Text

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]

#: Dark to light in steps of even lightness, readable without colour vision (viridis, CC0).
VIRIDIS = (
    "#440154",
    "#482878",
    "#3e4989",
    "#31688e",
    "#26828e",
    "#1f9e89",
    "#35b779",
    "#6ece58",
    "#b5de2b",
    "#fde725",
)
#: Shades of 7-bit characters, and of blocks, from nothing to full.
SHADES = " .:-=+*#%@"
BLOCKS = " ░▒▓█"
_UNKNOWN = "#808080"


def half_blocks(rgb: Image) -> list[Text]:
    """An image of (height, width, 3) values 0..255, two pixels in a cell; an odd last row leaves half a cell bare.

    ValueError for another shape or type.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(
            f"an image is uint8 of shape (height, width, 3), got {rgb.dtype} of shape {rgb.shape}"
        )
    packed = rgb.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    lines: list[Text] = []
    for top in range(0, len(packed), 2):
        upper = packed[top]
        lower = packed[top + 1] if top + 1 < len(packed) else np.full_like(upper, -1)
        line = Text(no_wrap=True, end="")
        starts = np.flatnonzero(np.diff(upper, prepend=-2) | np.diff(lower, prepend=-2))
        for start, end in pairwise([*starts.tolist(), len(upper)]):
            # One colour in both halves is a blank on it: one sequence, and one byte a cell instead of three.
            alike = upper[start] == lower[start]
            style = Style(color=None if alike else _colour(upper[start]), bgcolor=_colour(lower[start]))
            line.append((" " if alike else "▀") * (end - start), style)
        lines.append(line)
    return lines


def heat(
    matrix: Floats | Sequence[Sequence[float]],
    width: int,
    height: int,
    palette: Sequence[str] = VIRIDIS,
    shades: str = "",
    low: float | None = None,
    high: float | None = None,
) -> list[Text]:
    """A matrix, (rows, columns), as `height` lines of `width` cells; the first row on top.

    Colours run along `palette` ("#rrggbb", evenly spaced) from `low` to `high`, by default the lowest and the
    highest finite value; a cell shows two values, one above the other. With `shades`, characters from low to high, a
    cell is one of them and has no colour. The matrix is stretched or thinned to the nearest entry, so a class keeps
    its full colour. NaN is grey, or `?`; infinities take the ends. A matrix without entries gives blank lines.
    ValueError when it is not two-dimensional.
    """
    values = np.asarray(matrix, dtype=np.float64)
    if values.size == 0:
        return [Text(" " * max(0, width), no_wrap=True, end="") for _ in range(max(0, height))]
    if values.ndim != 2:
        raise ValueError(f"a heat map shows a matrix, got shape {values.shape}")
    if width < 1 or height < 1:
        return []
    rows = height if shades else 2 * height
    shown = values[_nearest(values.shape[0], rows)][:, _nearest(values.shape[1], width)]
    share = _share(shown, low, high, values[np.isfinite(values)])
    if shades:
        levels = np.rint(np.nan_to_num(share) * (len(shades) - 1)).astype(int)
        text = [[shades[level] for level in row] for row in levels.tolist()]
        unknown = np.isnan(share)
        return [
            Text("".join("?" if bad else c for c, bad in zip(line, dark, strict=True)), no_wrap=True, end="")
            for line, dark in zip(text, unknown.tolist(), strict=True)
        ]
    return half_blocks(_colours(share, palette))


def _colour(packed: int) -> Color | None:
    return (
        None if packed < 0 else Color.from_rgb(int(packed) >> 16, int(packed) >> 8 & 255, int(packed) & 255)
    )


def _nearest(entries: int, places: int) -> NDArray[np.int64]:
    """The entry under the middle of each place."""
    return ((np.arange(places) + 0.5) * entries / places).astype(np.int64)


def _share(values: Floats, low: float | None, high: float | None, finite: Floats) -> Floats:
    """Where each value lies from low (0) to high (1); 0.5 when they are one."""
    low = low if low is not None else float(finite.min()) if len(finite) else 0.0
    high = high if high is not None else float(finite.max()) if len(finite) else 1.0
    if not high > low:
        return np.where(np.isnan(values), np.nan, 0.5)
    scale = max(abs(low), abs(high))  # first, so that no difference overflows
    with np.errstate(over="ignore"):
        return np.clip((values / scale - low / scale) / (high / scale - low / scale), 0.0, 1.0)


def _colours(share: Floats, palette: Sequence[str]) -> Image:
    stops = np.array([_rgb(colour) for colour in palette], dtype=np.float64)
    places = np.linspace(0.0, 1.0, len(stops))
    known = np.nan_to_num(share)
    channels = [np.interp(known, places, stops[:, channel]) for channel in range(3)]
    image = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    image[np.isnan(share)] = _rgb(_UNKNOWN)
    return image


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = Color.parse(colour).get_truecolor()
    return red, green, blue
