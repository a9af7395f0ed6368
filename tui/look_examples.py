"""What the probes of single examples answer, drawn: confusion, calibration, the worst, true against predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from ..engine.history import History
from .blocks import Block, Page, beside, blank, in_rows, width_of
from .curves import ChartSpec, Curve
from .pictures import heat
from .scatter import Layer, scatter
from .text import clean, number, percent, shorten
from .thumbnails import thumbnail

Answer = Mapping[str, Any]

_RIGHT, _WRONG = "#56b4e9", "#e69f00"
_RIGHT_ON_LIGHT, _WRONG_ON_LIGHT = "#00598c", "#8f3d00"


def confusion(answer: Answer, history: History, page: Page) -> Block:
    """Counts by true class (row) and predicted class (column), darker for larger shares of the row, with recalls."""
    classes = [clean(str(name), 30) for name in answer["classes"]]
    matrix = np.asarray(answer["matrix"], dtype=np.int64)
    wrong = int(matrix.sum() - np.trace(matrix))
    total = int(matrix.sum())
    head = [
        page.line(f"{wrong} of {total} {answer['part']} examples are taken for another class."),
        blank(0),
    ]
    name = min(14, max(4, *(cell_len(one) for one in classes)))
    cell = max(2, len(str(matrix.max()))) + 1
    if name + 2 + cell * len(classes) + 18 > page.width or len(classes) + 5 > page.height:
        return head + _large(matrix, classes, page)
    wide = min(10, max(cell, (page.width - name - 20) // len(classes), 4))
    cell = max(cell, min(wide, max(cell_len(one) for one in classes) + 1))
    lines = [
        page.line(" " * (name + 2) + "predicted", "dim"),
        page.line(f"{'true':<{name}}  " + "".join(page.cell(one, cell - 1, "right") + " " for one in classes) + "  recall", "dim"),
    ]  # fmt: skip
    for row, one in enumerate(classes):
        line = Text(page.cell(one, name) + "  ", no_wrap=True, end="")
        support = max(1, int(matrix[row].sum()))
        for column in range(len(classes)):
            value = int(matrix[row, column])
            text = (str(value) if value else ("." if page.ascii else "·")).rjust(cell - 1) + " "
            line.append(text, _shade(value / support, row == column, page))
        recall = answer["recall"][row]
        line.append("  " + ("  none " if recall is None else percent(recall)))
        line.append(f"  of {matrix[row].sum()}", "dim")
        lines.append(line)
    return [*head, *lines, blank(0), *_worst_pairs(matrix, classes, page)]


def _shade(share: float, right: bool, page: Page) -> Style:
    """The background of a cell: blue where it is right, orange where it is wrong, by the share of the row."""
    if not share:
        return page.style(dim=True)
    if not page.palette.colour:
        return page.style(bold=right, reverse=not right and share >= 0.1)
    strength = math.sqrt(share)  # so that a single mistake is seen
    ground = (255, 255, 255) if page.light else (18, 18, 18)
    hue = (
        ((0, 114, 178) if right else (213, 94, 0))
        if not page.light
        else ((120, 190, 240) if right else (255, 170, 90))
    )
    mixed = [round(g + (h - g) * (0.25 + 0.75 * strength)) for g, h in zip(ground, hue, strict=True)]
    return page.style("black" if page.light else "white", "#{:02x}{:02x}{:02x}".format(*mixed), bold=right)


def _worst_pairs(matrix: Any, classes: Sequence[str], page: Page) -> Block:
    """The three most frequent mistakes in words."""
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    order = [divmod(int(place), len(classes)) for place in np.argsort(off, axis=None)[::-1][:3]]
    said = [
        f"{classes[true]} for {classes[taken]} ({off[true, taken]}×)"
        for true, taken in order
        if off[true, taken]
    ]
    return [page.line("Most often taken: " + ", ".join(said) + ".", "dim")] if said else []


def _large(matrix: Any, classes: Sequence[str], page: Page) -> Block:
    """The matrix as a heat map of the shares of each row, where the counts find no room."""
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    height = max(1, min(page.height - 6, len(classes) if page.ascii else math.ceil(len(classes) / 2)))
    lines = heat(shares, min(page.width, 2 * len(classes)), height, ascii_only=page.ascii, low=0.0, high=1.0)
    note = "Rows are true classes, columns predicted ones; light is often. A larger window shows the counts."
    return [*lines, blank(0), page.line(note, "dim"), *_worst_pairs(matrix, classes, page)]


def calibration(answer: Answer, history: History, page: Page) -> Block:
    """How often predictions of each confidence come true, against what a calibrated network would show."""
    bins = [part for part in answer["bins"] if part["count"]]
    if not bins:
        return [page.line("no prediction to judge by")]
    of = clean(str(answer["of"]), 40)
    what = "the predicted class" if of == "predicted class" else f"class {of}"
    error = 100 * float(answer["error_mean"])
    head = [
        page.line(f"Confidence and truth are {error:.1f} percentage points apart, on average over the {answer['part']} examples."),
        blank(0),
    ]  # fmt: skip
    table = [page.line(f"{'probability of':<17}{'comes':<9}", "dim"), page.line(f"{shorten(what, 15):<17}{'true':<9}examples", "dim")]  # fmt: skip
    for part in bins:
        off = part["accuracy"] - part["confidence"]
        text = f"{percent(part['confidence']):<17}{percent(part['accuracy']):<9}{part['count']:>8,}"
        line = page.line(text)
        if part["count"] >= 10 and abs(off) > 0.15:
            line.append("  too sure" if off < 0 else "  too timid", page.style(_wrong(page)))
        table.append(line)
    room = page.width - 52
    height = page.height - len(head)
    if room < 30 or height < 8:
        return [*head, *table]
    colour = _WRONG_ON_LIGHT if page.light else _WRONG
    x = [part["confidence"] for part in bins]
    spec = ChartSpec(
        min(room, 3 * height), height,
        (
            Curve("calibrated", [0.0, 1.0], [0.0, 1.0], style="dim"),
            Curve("network", x, [part["accuracy"] for part in bins], colour=colour),
        ),
        title="share that comes true", x_label="probability", x_range=(0.0, 1.0), y_range=(0.0, 1.0),
        marker=page.marker, palette=page.palette,
    )  # fmt: skip
    return head + beside([table, page.chart("calibration", spec)], 4)


def _wrong(page: Page) -> str:
    return _WRONG_ON_LIGHT if page.light else _WRONG


def worst(answer: Answer, history: History, page: Page) -> Block:
    """The validation examples with the largest loss: pictures where they are images, values where they are rows."""
    examples: Sequence[Mapping[str, Any]] = answer["examples"]
    head = [page.line(f"The {answer['part']} examples with the largest loss, the worst first."), blank(0)]
    if answer["form"] == "image":
        blocks = [_captioned(example, page) for example in examples]
        most = max(1, (page.height - 1) // (max(map(len, blocks)) + 1))
        across = max(1, (page.width + 3) // (max(map(width_of, blocks)) + 3))
        return head + in_rows(blocks[: most * across], page.width, gap=3)
    width = max(
        6, *(cell_len(_said(example[key])) for example in examples for key in ("target", "predicted"))
    )
    width = min(width, 16) + 2
    titles = f"{'index':>7}  {'loss':<9}{'true':<{width}}{'predicted':<{max(width, 11)}}{'sure':<9}"
    lines = [page.line(titles + ("values" if answer["form"] == "table" else ""), "dim")]
    for example in examples:
        text = f"{example['index']:>7,}  {number(example['loss']):<9}"
        text += page.cell(_said(example["target"]), width - 1) + " "
        text += page.cell(_said(example["predicted"]), max(width, 11) - 1) + " "
        text += f"{_sure(example):<9}"
        values = example.get("values", {})
        text += "  ".join(f"{clean(str(key), 20)} {number(value).strip()}" for key, value in values.items())
        lines.append(page.line(text))
    return head + lines


def _said(value: Any) -> str:
    return number(value).strip() if isinstance(value, float) else clean(str(value), 40)


def _sure(example: Mapping[str, Any]) -> str:
    return "" if example["probability"] is None else percent(example["probability"]).strip()


def _captioned(example: Mapping[str, Any], page: Page) -> Block:
    picture = thumbnail(example["pixels"], page, most=20)
    true, taken, sure = _said(example["target"]), _said(example["predicted"]), _sure(example)
    lines = [
        f"{true}, as it should be" if true == taken else f"{true}, taken for {taken}",
        (f"only {sure} sure" if true == taken else f"{sure} sure") if sure else "",
        f"loss {number(example['loss']).strip()}  #{example['index']}",
    ]
    return picture + [page.line(line, "dim" if index else "", 26) for index, line in enumerate(lines) if line]


def predictions(answer: Answer, history: History, page: Page) -> Block:
    """Each example's true value against the predicted one; on the diagonal the two are equal."""
    true, predicted = (
        np.asarray(answer["true"], dtype=np.float64),
        np.asarray(answer["predicted"], dtype=np.float64),
    )
    good = np.isfinite(true) & np.isfinite(predicted)
    if not good.any():
        return [page.line("no finite prediction: training diverged", page.trouble)]
    error = predicted[good] - true[good]
    spread = float(((true[good] - true[good].mean()) ** 2).sum())
    r2 = 1 - float((error**2).sum()) / spread if spread else math.nan
    target = clean(str(answer["target"]), 40) or "target"
    head = page.line(
        f"{answer['part']}: RMSE {number(math.sqrt(float((error**2).mean()))).strip()}, mean error {number(float(error.mean())).strip()}, "
        f"R² {number(r2).strip()}"
    )  # fmt: skip
    ends = [
        float(min(true[good].min(), predicted[good].min())),
        float(max(true[good].max(), predicted[good].max())),
    ]
    layers = [
        Layer("equal", ends, ends, page.palette.event, line=True, sign="."),
        Layer(f"predicted {target} against true", true, predicted, _wrong(page)),
    ]
    height = page.height - 2
    plane = Page(min(page.width, max(40, 4 * height)), height, page.marker, page.palette, page.light)
    return [head, blank(0), *scatter(plane, layers, x_label=f"true {target}", square=True)]
