"""Small pictures of examples: images in half blocks or shades of ASCII, waves as bars around a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .blocks import Block, Page
from .curves import Floats
from .dots import DOTS, Dots, Whole, encode
from .pictures import half_blocks, heat

#: Pixels a side that the engine sends, at most (engine.probe_examples), and cells of an enlarged picture.
PIXELS, _LARGEST = 64, 32

Pixels = Sequence[Sequence[Sequence[float]]]


def arrange(
    page: Page, shape: Sequence[int], wanted: int, *, head: int, caption: int, width: int = 0, gap: int = 3
) -> tuple[int, int]:
    """The factor to enlarge images of `shape` (channels, rows, columns) by, and how many then fit on the page.

    The largest factor that leaves room for `wanted` pictures, else the one that leaves room for the most. `head` lines
    stand above them all, `caption` lines of `width` cells below or above each.
    """
    rows, columns = max(1, min(PIXELS, shape[1])), max(1, min(PIXELS, shape[2]))
    best = (1, 0)
    for factor in range(max(1, _LARGEST // max(rows, columns)), 0, -1):
        across = max(1, (page.width + gap) // (max(width, factor * columns) + gap))
        down = (page.height - head + 1) // (-(-factor * rows // 2) + caption + 1)
        if across * down >= wanted:
            return factor, across * down
        if across * down > best[1]:
            best = factor, across * down
    return best


def thumbnail(pixels: Pixels, page: Page, factor: int = 1) -> Block:
    """An image [channel][row][column] of values 0 to 1, enlarged by a whole number; two rows of it are one of cells.

    One channel is grey, three are red, green and blue; of others the first is shown.
    """
    image = np.nan_to_num(np.asarray(pixels, dtype=np.float64))
    image = image if len(image) == 3 else image[:1]
    image = image.repeat(factor, axis=1).repeat(factor, axis=2).clip(0, 1)
    rows, columns = image.shape[1:]
    if page.shades:
        # A bright dot is a full character on a dark ground and an empty one on a light ground.
        shades = page.shades[::-1] if page.light else page.shades
        return heat(image.mean(axis=0), columns, max(1, rows // 2), shades=shades, low=0.0, high=1.0)
    rgb = np.rint(255 * image.transpose(1, 2, 0)).astype(np.uint8)
    return half_blocks(np.ascontiguousarray(rgb if rgb.shape[2] == 3 else rgb.repeat(3, axis=2)))


def wave(shape: Mapping[str, Sequence[float]], page: Page, width: int, height: int) -> Block:
    """A signal as bars from the lowest to the highest sample of each stretch; full height is -1 to 1, or more if louder."""
    across, down = DOTS[page.marker]
    columns, rows = max(1, width) * across, max(1, height) * down
    low, high = np.asarray(shape["low"], dtype=np.float64), np.asarray(shape["high"], dtype=np.float64)
    peak = max(1.0, float(np.nanmax(np.abs([low, high]), initial=0.0)))
    nearest = (np.arange(columns) + 0.5).astype(int) * len(low) // columns

    def row(values: Floats) -> Whole:
        return np.rint((np.nan_to_num(values[nearest]) / peak + 1) / 2 * (rows - 1)).astype(np.int64)

    up = np.arange(rows - 1, -1, -1)[:, None]
    dots: Dots = (up >= row(low)) & (up <= row(high))
    return [page.line(line) for line in encode(dots, page.marker)]
