"""What the probes of classes answer, drawn: the confusion matrix with recalls, and how far confidence can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from ..engine.history import History
from .blocks import Block, Page, blank
from .look_colours import ends, right, wrong
from .pictures import heat
from .text import clean, percent

Answer = Mapping[str, Any]

#: Standard deviations to each side that hold the true share 95 times of 100.
_Z = 1.96


def confusion(answer: Answer, history: History, page: Page) -> Block:
    """Counts by true class (row) and predicted class (column), stronger for larger shares of the row, with recalls."""
    classes = [clean(str(name), 30) for name in answer["classes"]]
    matrix = np.asarray(answer["matrix"], dtype=np.int64)
    off, total = int(matrix.sum() - np.trace(matrix)), int(matrix.sum())
    head = [
        *page.paragraph(f"{off} of {total} {answer['part']} examples are taken for another class."),
        blank(0),
    ]
    name = min(14, max(4, *(cell_len(one) for one in classes)))
    cell = max(2, len(str(matrix.max()))) + 1
    if name + 2 + cell * len(classes) + 18 > page.width:
        return head + _large(matrix, classes, page)
    wide = min(10, max(cell, (page.width - name - 20) // len(classes), 4))
    cell = max(cell, min(wide, max(6, *(cell_len(one) + 1 for one in classes))))
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


def _shade(share: float, hit: bool, page: Page) -> Style:
    """The ground of a cell: blue where it is right, orange where it is wrong, by the share of the row."""
    if not share:
        return page.style(dim=True)
    if not page.painted:
        return page.style(right(page) if hit else wrong(page), bold=hit, reverse=not hit and share >= 0.1)
    strength = math.sqrt(share)  # so that a single mistake is seen
    ground = (255, 255, 255) if page.light else (18, 18, 18)
    dark, light = ((0, 114, 178), (120, 190, 240)) if hit else ((213, 94, 0), (255, 170, 90))
    hue = light if page.light else dark
    mixed = [round(g + (h - g) * (0.25 + 0.75 * strength)) for g, h in zip(ground, hue, strict=True)]
    return page.style("black" if page.light else "white", "#{:02x}{:02x}{:02x}".format(*mixed), bold=hit)


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
    return page.paragraph("Most often taken: " + ", ".join(said) + ".", "dim") if said else []


def _large(matrix: Any, classes: Sequence[str], page: Page) -> Block:
    """The matrix as a heat map of the shares of each row, where the counts find no room."""
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    rows = len(classes) if page.shades else math.ceil(len(classes) / 2)
    height = max(1, min(page.height - 6, rows))
    lines = heat(shares, min(page.width, 2 * len(classes)), height, shades=page.shades, low=0.0, high=1.0)
    note = f"Rows are true classes, columns predicted ones; {ends(page, 'seldom', 'often')}. A wider window shows the counts."
    return [*lines, blank(0), *page.paragraph(note, "dim"), *_worst_pairs(matrix, classes, page)]


def calibration(answer: Answer, history: History, page: Page) -> Block:
    """How often predictions of each confidence come true: a reliability diagram lying on its side.

    Each bin is a row with its count; a thin line is where the true share lies 95 times of 100 (Wilson's interval), so
    that a bin of one example looks as vague as it is.
    """
    bins = [part for part in answer["bins"] if part["count"]]
    if not bins:
        return [page.line("no prediction to judge by")]
    of = clean(str(answer["of"]), 40)
    what = "the predicted class" if of == "predicted class" else f"class {of}"
    error = 100 * float(answer["error_mean"])
    head = page.paragraph(
        f"Confidence and truth are {error:.1f} percentage points apart, on average over the {answer['part']} examples."
    )
    whisker, point, sure = ("-", "o", "|") if page.ascii else ("─", "●", "┃")
    legend = f"{point} how often {what} comes true, {whisker * 3} 95 % interval of that, {sure} how sure the network was"
    width = max(10, min(100, page.width - 38))
    titles = f"{'sure':<8}{'true':<8}{'0 %':<{width // 2 - 2}}50 %{'100 %':>{width - width // 2 - 2}}  {'examples':>8}"
    lines = [*head, *page.paragraph(legend, "dim"), blank(0), page.line(titles, "dim")]
    most = max(part["count"] for part in bins)
    for part in bins:
        low, high = _interval(part["accuracy"], part["count"])
        verdict = "too sure" if high < part["confidence"] else "too timid" if low > part["confidence"] else ""
        weak = part["count"] < 0.05 * most or part["count"] < 5
        line = Text(f"{percent(part['confidence']):<8}{percent(part['accuracy']):<8}", no_wrap=True, end="")
        cells = [(" ", Style())] * width
        for place in range(_at(low, width), _at(high, width) + 1):
            cells[place] = (whisker, Style(dim=True))
        cells[_at(part["confidence"], width)] = (sure, page.style(bold=True))
        cells[_at(part["accuracy"], width)] = (
            point, page.style(wrong(page) if verdict else right(page), bold=not weak, dim=weak)
        )  # fmt: skip
        for glyph, style in cells:
            line.append(glyph, style)
        line.append(f"  {part['count']:>8,}", page.style(dim=weak))
        line.append(f"  {verdict}", page.style(wrong(page)))
        lines.append(line)
    return lines


def _at(share: float, width: int) -> int:
    return max(0, min(width - 1, round(share * (width - 1))))


def _interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's interval of a share that was seen among `count` examples."""
    spread = _Z**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)
