"""What the probes of the weights answer, drawn: histograms, and what multiplies their gradients, now and over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from ..engine.history import History
from .blocks import Block, Page, blank
from .histograms import histograms
from .look_colours import layer_colour, layer_sign
from .over_time import Track, over_time
from .text import number, percent, shorten

Answer = Mapping[str, Any]


def weights(answer: Answer, history: History, page: Page) -> Block:
    """A histogram of each weight matrix with its zeros and norms."""
    parts: Sequence[Mapping[str, Any]] = answer["weights"]
    titles = [f"{place} {part['layer']}" for place, part in enumerate(parts, 1)]
    notes = [
        f"rms {number(part['rms'])} Σ|w| {number(part['l1'])} Σw² {number(part['l2'] ** 2)}"
        f" zeros {percent(part['exact_zeros'] / max(1, math.prod(part['shape']))).strip()}"
        for part in parts
    ]
    return histograms(parts, titles, notes, page)


def rates(answer: Answer, history: History, page: Page) -> Block:
    """What multiplies each weight's gradient: quartiles per weight matrix now, and the medians over the epochs."""
    found: Sequence[Mapping[str, Any]] = [one for one in answer["rates"] if one["values"]]
    if answer.get("shared"):
        rate = number(found[0]["values"][2]).strip()
        lines = page.paragraph(f"This optimizer multiplies every gradient by the same learning rate: {rate}")
        for line in page.paragraph("AdaGrad, RMSProp and Adam give each weight a rate of its own."):
            line.stylize("dim")
            lines.append(line)
    else:
        lines = _boxes(found, history, page)
    return [*lines, *_medians(history, page, page.height - len(lines))]


def _boxes(found: Sequence[Mapping[str, Any]], history: History, page: Page) -> Block:
    positive = [value for one in found for value in one["values"] if value > 0 and math.isfinite(value)]
    if not positive:
        return [page.line("All rates are zero.")]
    # Whole decades, so that the axis stays while the rates move.
    low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
    high = max(high, low + 1)
    title, end = (24 if page.width >= 60 else 16), 9
    width = max(8, page.width - title - end)

    def place(value: float) -> int:
        share = (math.log10(value) - low) / (high - low) if value > 0 else 0.0
        return min(width - 1, max(0, round(share * (width - 1)))) if math.isfinite(share) else width - 1

    rule, left, right, box, middle = ("-", "|", "|", "=", "#") if page.ascii else ("─", "├", "┤", "━", "┃")
    head = f"{'weights of':<{title}}{'lowest, quartiles, highest rate':<{width}}  median"
    lines = [page.line(head, "dim")]
    for index, one in enumerate(found):
        places = [place(value) for value in one["values"]]
        cells = [" "] * width
        cells[places[0] : places[4] + 1] = rule * (places[4] - places[0] + 1)
        cells[places[1] : places[3] + 1] = box * (places[3] - places[1] + 1)
        cells[places[0]], cells[places[4]], cells[places[2]] = left, right, middle
        line = Text(page.cell(_layer_of(one["name"], history), title - 1) + " ", no_wrap=True, end="")
        line.append("".join(cells), page.style(layer_colour(index, len(found), page)))
        line.append("  " + number(one["values"][2]))
        lines.append(line)
    return [*lines, page.line(" " * title + _decades(low, high, width), "dim")]


def _decades(low: int, high: int, width: int) -> str:
    """Labels of the whole decades, as many as fit."""
    cells, free = [" "] * width, 0
    for decade in range(low, high + 1):
        label = f"{10.0**decade:g}"
        start = round((decade - low) / (high - low) * (width - 1)) - len(label) // 2
        start = max(0, min(start, width - len(label)))
        if start >= free:
            cells[start : start + len(label)] = label
            free = start + len(label) + 2
    return "".join(cells)


def _medians(history: History, page: Page, room: int) -> Block:
    """The median of each layer's rates, as the log has them; nothing of a log that has none."""
    probes = [probe for probe in history.layers if probe.layers_health]
    if not probes:
        return []
    count = len(probes[-1].layers_health)
    tracks = [
        Track(
            layer_sign(index),
            layer_colour(index, count, page),
            [probe.layers_health[index].get("rate") if index < len(probe.layers_health) else None for probe in probes],
        )
        for index in range(count)
    ]  # fmt: skip
    if all(value is None for track in tracks for value in track.values):
        return []
    labels, height = [str(probe.epoch) for probe in probes], min(20, max(8, room - 3))
    chart = over_time(page, labels, tracks, page.width, height, log=True, name="rates")
    title = page.line("Median rate of the weights into each hidden layer, log scale", "bold")
    return [blank(0), title, *chart, page.line("A point a layer, numbered from the input.", "dim")]


def _layer_of(name: str, history: History) -> str:
    """The layer of a weight matrix in words: "1.weight" belongs to the second layer."""
    index = name.partition(".")[0]
    known = history.started.layers if history.started else ()
    return shorten(known[int(index)] if index.isdecimal() and int(index) < len(known) else name, 40)
