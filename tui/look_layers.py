"""What the probes of the layers answer, drawn: health over time, histograms of activations and weights, rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from rich.text import Text

from ..engine.history import History
from .blocks import Block, Page, beside, blank, in_rows
from .curves import ChartSpec, Curve, Floats
from .pictures import VIRIDIS
from .text import fit, number, percent, shorten

Answer = Mapping[str, Any]

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_EIGHTHS_ASCII = " ...::||#"
#: Shares and ratios from which a layer's number is trouble; the diagnosis has the exact rules.
_MANY_DEAD, _MANY_SATURATED, _LARGE_UPDATE = 0.5, 0.5, 0.1


def layers(answer: Answer, history: History, page: Page) -> Block:
    """A row of numbers per hidden layer, and below it how two of them went over the epochs."""
    rows: Sequence[Mapping[str, Any]] = answer["layers"]
    if not rows:
        return [page.line("A linear model has no hidden layers: choose a model with some to look inside.")]
    table = _table(rows, page)
    below = page.height - len(table) - 2
    if below < 7 or not history.layers:
        return table
    wide = page.width >= 90
    if not wide and below < 14:
        return [*table, blank(0), *_over_time(history, page, "gradient", page.width, below)]
    room = ((page.width - 3) // 2, below) if wide else (page.width, (below - 1) // 2)
    charts = [_over_time(history, page, measure, *room) for measure in ("std", "gradient")]
    return [*table, blank(0), *(beside(charts, 3) if wide else [*charts[0], blank(0), *charts[1]])]


#: Column, width, and what is shown of a row, with whether it is trouble.
_COLUMNS: tuple[tuple[str, int, Callable[[Mapping[str, Any]], tuple[str, bool]]], ...] = (
    ("layer", 10, lambda row: (str(row["name"]), False)),
    ("kind", 10, lambda row: (str(row["kind"]), False)),
    ("units", 6, lambda row: (f"{row['units']}", False)),
    ("std", 8, lambda row: (number(row["std"]), not math.isfinite(row["std"]))),
    ("gradient", 9, lambda row: (number(row["gradient"]), not math.isfinite(row["gradient"]))),
    ("update/weight", 14, lambda row: (number(row["update_ratio"]), not row["update_ratio"] <= _LARGE_UPDATE)),
    ("saturated", 10, lambda row: (percent(row["saturated"]).strip(), row["saturated"] > _MANY_SATURATED)),
    ("dead", 8, lambda row: (percent(row["dead"]).strip(), row["dead"] > _MANY_DEAD)),
    ("alike", 6, lambda row: (str(row["twins"]) if row["twins"] > 1 else "-", row["twins"] > 1)),
)  # fmt: skip


def _table(rows: Sequence[Mapping[str, Any]], page: Page) -> Block:
    head = Text("".join(fit(title, width) for title, width, _ in _COLUMNS), "dim", no_wrap=True, end="")
    lines = [head]
    for row in rows:
        line = Text(no_wrap=True, end="")
        for _, width, show in _COLUMNS:
            text, trouble = show(row)
            line.append(page.cell(text, width), page.trouble if trouble else "")
        lines.append(line)
    return lines


_MEASURES = {"std": "std of the activations, log scale", "gradient": "gradient at the activations, log scale"}


def _over_time(history: History, page: Page, measure: str, width: int, height: int) -> Block:
    names = [row["name"] for row in history.layers[-1].layers_health]
    curves: list[Curve] = []
    for index, name in enumerate(names):
        probes = [probe for probe in history.layers if index < len(probe.layers_health)]
        curve = Curve(
            f"{index + 1}" if len(names) > 4 else str(name),
            [probe.epoch for probe in probes],
            [float(probe.layers_health[index][measure]) for probe in probes],
            colour=layer_colour(index, len(names), page),
        )
        curves.append(curve)
    spec = ChartSpec(
        width, height - 1, tuple(curves), x_label="epoch", log_y=True, marker=page.marker, palette=page.palette,
        empty="measured at the epochs 0, 1, 2, 4, 8, ...",
    )  # fmt: skip
    return [page.line(_MEASURES[measure], "bold", width), *page.chart(measure, spec)]


def layer_colour(index: int, count: int, page: Page) -> str:
    """Colours from the first layer to the last, dark ones left out on a dark ground, light ones on a light one."""
    shades = VIRIDIS[:7] if page.light else VIRIDIS[3:]
    return shades[round(index * (len(shades) - 1) / max(1, count - 1))]


def activations(answer: Answer, history: History, page: Page) -> Block:
    """A histogram of each hidden layer's activations."""
    parts: Sequence[Mapping[str, Any]] = answer["layers"]
    titles = [f"{part['name']} ({part['kind']})" for part in parts]
    return _histograms(parts, titles, [""] * len(parts), page)


def weights(answer: Answer, history: History, page: Page) -> Block:
    """A histogram of each weight matrix with its zeros and norms."""
    parts: Sequence[Mapping[str, Any]] = answer["weights"]
    titles = [str(part["layer"]) for part in parts]
    notes = [
        f"rms {number(part['rms'])} Σ|w| {number(part['l1'])} Σw² {number(part['l2'] ** 2)}"
        f" zeros {percent(part['exact_zeros'] / max(1, math.prod(part['shape']))).strip()}"
        for part in parts
    ]
    return _histograms(parts, titles, notes, page)


def _histograms(
    parts: Sequence[Mapping[str, Any]], titles: Sequence[str], notes: Sequence[str], page: Page
) -> Block:
    """As many beside each other as there is room for, all of one size."""
    extra = 3 + any(notes)
    across = max(1, min(len(parts), page.width // 46))
    down = math.ceil(len(parts) / across)
    width = (page.width - 3 * (across - 1)) // across
    height = min(12, max(1, (page.height - (down - 1)) // down - extra))
    blocks: list[Block] = []
    for index, (part, title, note) in enumerate(zip(parts, titles, notes, strict=True)):
        block = [Text(page.cell(title, width), "bold", no_wrap=True, end="")]
        if note:
            block.append(page.line(note, "dim", width))
        colour = layer_colour(index, len(parts), page)
        block += histogram(part["edges"], part["counts"], width, height, page, colour)
        if part.get("nonfinite"):
            block.append(page.line(f"{part['nonfinite']} values are not finite", page.trouble))
        blocks.append(block)
    return in_rows(blocks, page.width, gap=3)


def histogram(
    edges: Sequence[float], counts: Sequence[int], width: int, height: int, page: Page, colour: str | None
) -> Block:
    """Bars over a line with the two ends and zero; bars of equal share are of equal height."""
    if not counts or width < 1:
        return [page.line("no finite value")]
    steps = _EIGHTHS_ASCII if page.ascii else _EIGHTHS
    # Each column takes the nearest bin: bins are as many as columns or fewer, none is lost.
    bins = np.asarray(counts, dtype=np.float64)[(np.arange(width) + 0.5).astype(int) * len(counts) // width]
    # One bar that dwarfs the others, as the zeros of ReLU do, is cut, and says so.
    top = _tallest(bins)
    cut = (bins > top).tolist()
    levels = np.ceil(np.minimum(bins, top) * (8 * height) / max(1.0, top)).astype(int).tolist()
    lines: Block = []
    for row in range(height - 1, -1, -1):
        glyphs = [steps[min(8, max(0, level - 8 * row))] for level in levels]
        if row == height - 1:
            glyphs = [
                ("^" if page.ascii else "▲") if one else glyph for glyph, one in zip(glyphs, cut, strict=True)
            ]
        lines.append(Text("".join(glyphs), page.style(colour), no_wrap=True, end=""))
    low, high = float(edges[0]), float(edges[-1])
    rule, mark = ("-", "+") if page.ascii else ("─", "┬")
    axis = [rule] * width
    if low < 0 < high:
        axis[min(width - 1, int(-low / (high - low) * width))] = mark
    left, right = number(low).strip(), number(high).strip()
    share = f"{percent(max(counts) / max(1, sum(counts))).strip()} in the cut bar" if any(cut) else ""
    ends = left + share.center(max(1, width - len(left) - len(right))) + right
    return [
        *lines,
        Text("".join(axis), "dim", no_wrap=True, end=""),
        Text(ends[:width], "dim", no_wrap=True, end=""),
    ]


def _tallest(bins: Floats) -> float:
    """The height that fills the room: the highest bar, or the second where the highest is more than thrice that."""
    different = np.unique(bins)
    first = float(different[-1])
    second = float(different[-2]) if len(different) > 1 else 0.0
    return second if second > 0 and first > 3 * second else max(first, 1.0)


def rates(answer: Answer, history: History, page: Page) -> Block:
    """What multiplies each weight's gradient: quartiles per weight matrix on a logarithmic line."""
    found: Sequence[Mapping[str, Any]] = [one for one in answer["rates"] if one["values"]]
    if answer.get("shared"):
        rate = number(found[0]["values"][2]).strip()
        return [
            page.line(f"This optimizer multiplies every gradient by the same learning rate: {rate}"),
            page.line("AdaGrad, RMSProp and Adam give each weight a rate of its own.", "dim"),
        ]
    positive = [value for one in found for value in one["values"] if value > 0 and math.isfinite(value)]
    if not positive:
        return [page.line("All rates are zero.")]
    low, high = math.log10(min(positive)), math.log10(max(positive))
    title, end = 24, 9
    width = max(8, page.width - title - end - 2)

    def place(value: float) -> int:
        share = (math.log10(value) - low) / (high - low) if value > 0 and high > low else 0.0
        return min(width - 1, max(0, round(share * (width - 1))))

    rule, left, right, box, middle = ("-", "|", "|", "=", "#") if page.ascii else ("─", "├", "┤", "━", "┃")
    lines = [
        page.line(f"{'weights of':<{title}}lowest, quartiles and highest rate, logarithmic{'':<4}", "dim")
    ]
    for index, one in enumerate(found):
        places = [place(value) for value in one["values"]]
        cells = [" "] * width
        cells[places[0] : places[4] + 1] = rule * (places[4] - places[0] + 1)
        cells[places[1] : places[3] + 1] = box * (places[3] - places[1] + 1)
        cells[places[0]], cells[places[4]], cells[places[2]] = left, right, middle
        line = Text(page.cell(_layer_of(one["name"], history), title - 1) + " ", no_wrap=True, end="")
        line.append("".join(cells), page.style(layer_colour(index, len(found), page)))
        line.append("  " + number(one["values"][2]))
        lines += [line, blank(0)]
    ends = number(10**low).strip(), number(10**high).strip()
    lines.append(
        page.line(" " * title + ends[0] + " " * max(1, width - len(ends[0]) - len(ends[1])) + ends[1], "dim")
    )
    note = "The number at the end is the median."
    return [*lines, blank(0), page.line(note, "dim")]


def _layer_of(name: str, history: History) -> str:
    """The layer of a weight matrix in words: "1.weight" belongs to the second layer."""
    index = name.partition(".")[0]
    known = history.started.layers if history.started else ()
    return shorten(known[int(index)] if index.isdecimal() and int(index) < len(known) else name, 40)
