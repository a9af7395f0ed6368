"""What the probes of pictures answer, drawn: decision boundary, fitted curve, augmented examples, spectrogram."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ..engine.history import History
from .blocks import Block, Page, beside, blank, in_rows
from .curves import Floats
from .pictures import VIRIDIS, half_blocks, heat
from .scatter import Layer, scatter
from .text import clean, fit, number
from .thumbnails import thumbnail, wave

Answer = Mapping[str, Any]

#: One colour a class, told apart by colour-blind eyes (Okabe and Ito).
_CLASSES = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (204, 121, 167),
    (0, 114, 178),
    (213, 94, 0),
    (240, 228, 66),
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
#: From negative through nothing to positive, as in heat maps of signed values.
_SIGNED = ("#0072b2", "#56b4e9", "#303030", "#e69f00", "#d55e00")
_SIGNED_ON_LIGHT = ("#0072b2", "#9fd3f2", "#f2f2f2", "#f5c877", "#b34700")
_TRUTH, _FITTED = "#999999", "#e69f00"


def boundary(answer: Answer, history: History, page: Page) -> Block:
    """The network's answer all over the plane, with the examples on top, and a map of each hidden unit beside it."""
    features = [clean(str(name), 20) for name in answer["features"]]
    height = max(4, page.height - 3)
    units: Sequence[Mapping[str, Any]] = answer.get("units", ())
    width = max(10, min(page.width - (34 if units and page.width >= 90 else 0), int(height * 2.2)))
    lines = _plane(answer, width, height, page)
    xs, ys = answer["x"], answer["y"]
    ends = f"{features[0]}: {number(xs[0]).strip()} to {number(xs[-1]).strip()}   {features[1]}: {number(ys[0]).strip()} to {number(ys[-1]).strip()} (up)"
    plane = [_legend(answer, page), *lines, page.line(ends, "dim")]
    if not units or page.width - width < 30:
        return plane
    return beside([plane, _unit_maps(units, page.width - width - 3, page.height, page)], 3)


def _legend(answer: Answer, page: Page) -> Text:
    line = Text(no_wrap=True, end="")
    if not answer["classes"]:
        return page.line("predicted value, low (dark) to high (light)")
    for index, name in enumerate(answer["classes"]):
        sign = f"{_LETTERS[index % 26].upper()} " if page.ascii else "■ "
        line.append(sign, page.style("#{:02x}{:02x}{:02x}".format(*_CLASSES[index % len(_CLASSES)])))
        line.append(page.written(clean(str(name), 20)) + "   ")
    line.append(page.written("points are examples"), "dim")
    return line


def _plane(answer: Answer, width: int, height: int, page: Page) -> Block:
    """The grid at the resolution of the page, low y at the bottom."""
    rows = height if page.ascii else 2 * height
    values = _resized(np.asarray(answer["values"], dtype=np.float64)[::-1], rows, width)
    classes = len(answer["classes"])
    if not classes:
        return heat(values, width, height, ascii_only=page.ascii)
    if "classes_map" in answer:
        taken = _resized(np.asarray(answer["classes_map"], dtype=np.float64)[::-1], rows, width).astype(int)
        certainty = (values - 1 / classes) / (1 - 1 / classes)
    else:
        taken = (values >= 0.5).astype(int)
        certainty = np.abs(values - 0.5) * 2
    points = _points(answer, rows, width)
    if page.ascii:
        text = [[_LETTERS[c % 26] if s > 0.5 else "." for c, s in zip(*row, strict=True)] for row in zip(taken.tolist(), certainty.tolist(), strict=True)]  # fmt: skip
        for row, column, one in points:
            text[row][column] = _LETTERS[one % 26].upper()
        return [page.line("".join(row)) for row in text]
    hues = np.array(_CLASSES, dtype=np.float64)
    ground = 255.0 if page.light else 18.0
    # Areas keep to half of the class's colour, so that its points stand out on them.
    share = (0.12 + 0.38 * np.nan_to_num(certainty).clip(0, 1))[..., None]
    image = ground * (1 - share) + hues[taken % len(hues)] * share
    for row, column, one in points:
        image[row, column] = hues[one % len(hues)]
    return half_blocks(np.rint(image).astype(np.uint8))


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


def _unit_maps(layers: Sequence[Mapping[str, Any]], width: int, height: int, page: Page) -> Block:
    lines: Block = []
    for layer in layers:
        maps = layer["maps"]
        across = max(1, min(len(maps), (width + 2) // 14))
        down = math.ceil(len(maps) / across)
        room = max(2, (height // len(layers) - 2) // down - 1)
        size = max(4, min((width + 2) // across - 2, 2 * room))
        blocks: list[Block] = []
        for one in maps:
            values = np.asarray(one, dtype=np.float64)[::-1]
            most = float(np.nanmax(np.abs(values), initial=1e-9)) or 1.0
            colours = _SIGNED_ON_LIGHT if page.light else _SIGNED
            blocks.append(heat(values, size, max(2, size // 2), colours, page.ascii, -most, most))
        lines += [
            page.line(
                f"{layer['name']} ({layer['kind']}), first {len(maps)} units: orange is on", "dim", width
            )
        ]
        lines += [*in_rows(blocks, width), blank(0)]
    return lines


def fitted_curve(answer: Answer, history: History, page: Page) -> Block:
    """The network's curve over the training and validation examples."""
    train, validation = answer["points"]["train"], answer["points"]["validation"]
    layers = [
        Layer("train", train["x"], train["target"], _TRUTH, sign="."),
        Layer("validation", validation["x"], validation["target"], "#56b4e9", sign="o"),
        Layer("network", answer["x"], answer["curve"], _FITTED, line=True, sign="#"),
    ]
    return scatter(page, layers, clean(str(answer["target"]), 30), clean(str(answer["feature"]), 30))


def augmentation(answer: Answer, history: History, page: Page) -> Block:
    """One training example as it is, and as training may see it."""
    target = clean(str(answer["target"]), 40) if answer["target"] is not None else ""
    head = page.line(
        f"A training example{' of class ' + target if target else ''}, and what augmentation makes of it."
    )
    shown: list[tuple[str, Any]] = [("original", answer["original"])]
    shown += [(f"variant {number}", one) for number, one in enumerate(answer["variants"], 1)]
    if answer["form"] == "image":
        blocks = [[page.line(name, "dim" if index else "bold", 20), *thumbnail(one, page, 20)] for index, (name, one) in enumerate(shown)]  # fmt: skip
        return [head, blank(0), *in_rows(blocks, page.width, gap=3)]
    if answer["form"] == "audio":
        width = min(60, (page.width - 3) // 2) if page.width >= 70 else page.width
        blocks = [[page.line(name, "dim" if index else "bold", width), *wave(one, page, width, 3)] for index, (name, one) in enumerate(shown)]  # fmt: skip
        return [head, blank(0), *in_rows(blocks, page.width, gap=3)]
    lines = [head, blank(0)]
    for name, values in shown:
        row = "  ".join(number(value) for value in values)
        lines.append(page.line(f"{fit(name, 12)}{row}"))
    return lines


def spectrogram(answer: Answer, history: History, page: Page) -> Block:
    """Loudness by time (across) and frequency (up), 0 dB is the loudest."""
    decibels: NDArray[np.float64] = np.asarray(answer["decibels"], dtype=np.float64)
    target = clean(str(answer["target"]), 40) if answer["target"] is not None else ""
    head = page.line(f"A training signal{' of class ' + target if target else ''}: {answer['samples']:,} samples; dark is silent, light is loud.")  # fmt: skip
    height = max(2, page.height - 4)
    labels = 8
    width = max(8, min(page.width - labels, 100))
    picture = heat(decibels[::-1], width, height, VIRIDIS, page.ascii, -80.0, 0.0)
    top, middle = answer["frequencies"][-1], answer["frequencies"][len(answer["frequencies"]) // 2]
    lines = [head, page.line("cycles per sample", "dim")]
    for row, line in enumerate(picture):
        value = {0: top, height // 2: middle, height - 1: answer["frequencies"][0]}.get(row)
        label = Text("" if value is None else f"{value:.3f}", "dim", no_wrap=True, end="")
        label.append(" " * (labels - label.cell_len))
        lines.append(label.append_text(line))
    end = f"{answer['times'][-1]:,.0f} samples"
    return [*lines, page.line(" " * labels + "0" + end.rjust(width - 1), "dim")]
