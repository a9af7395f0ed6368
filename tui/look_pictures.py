"""What the probes of inputs answer, drawn: a fitted curve, augmented examples, a spectrogram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ..engine.history import History
from .blocks import Block, Page, blank, in_rows
from .look_colours import ends, quiet, right, wrong
from .pictures import VIRIDIS, heat
from .scatter import Layer, scatter
from .text import clean, fit, number
from .thumbnails import arrange, thumbnail, wave

Answer = Mapping[str, Any]

#: Variants that are drawn where there is room for them, and rows of a wave.
_VARIANTS, _WAVE_ROWS = 8, 3


def fitted_curve(answer: Answer, history: History, page: Page) -> Block:
    """The network's curve over the training and validation examples."""
    train, validation = answer["points"]["train"], answer["points"]["validation"]
    layers = [
        Layer("train", train["x"], train["target"], quiet(page), sign=".", glyph="·"),
        Layer("validation", validation["x"], validation["target"], right(page), sign="o", glyph="○"),
        Layer("network", answer["x"], answer["curve"], wrong(page), line=True, sign="#"),
    ]
    name = page.line(
        f"{clean(str(answer['target']), 30)} against {clean(str(answer['feature']), 30)}", "bold"
    )
    height = max(6, page.height - 1)
    return [name, *scatter(page, layers, page.width, height, clean(str(answer["feature"]), 30))]


def augmentation_options(page: Page, history: History) -> dict[str, int]:
    """As many variants as there is room for, a few in any case."""
    shape = history.started.shape if history.started is not None else ()
    room = 1 + _VARIANTS
    if len(shape) == 3:
        room = arrange(page, shape, room, head=2, caption=1)[1]
    elif len(shape) == 2:
        room = (2 if page.width >= 70 else 1) * ((page.height - 1) // (_WAVE_ROWS + 2))
    return {"example": page.at, "variants": max(3, min(_VARIANTS, room - 1))}


def augmentation(answer: Answer, history: History, page: Page) -> Block:
    """One training example as it is, and as training may see it."""
    target = clean(str(answer["target"]), 40) if answer["target"] is not None else ""
    head = page.paragraph(
        f"A training example{' of class ' + target if target else ''}, and what augmentation makes of it."
    )
    shown: list[tuple[str, Any]] = [("original", answer["original"])]
    shown += [(f"variant {number}", one) for number, one in enumerate(answer["variants"], 1)]
    if answer["form"] == "image":
        shape = np.shape(answer["original"])
        factor, _ = arrange(page, shape, len(shown), head=2, caption=1)
        blocks = [
            [page.line(name, "dim" if index else "bold", factor * shape[2]), *thumbnail(one, page, factor)]
            for index, (name, one) in enumerate(shown)
        ]
        return [*head, blank(0), *in_rows(blocks, page.width, gap=3)]
    if answer["form"] == "audio":
        width = min(60, (page.width - 3) // 2) if page.width >= 70 else page.width
        blocks = [
            [page.line(name, "dim" if index else "bold", width), *wave(one, page, width, _WAVE_ROWS)]
            for index, (name, one) in enumerate(shown)
        ]
        return [*head, blank(0), *in_rows(blocks, page.width, gap=3)]
    lines = [*head, blank(0)]
    for name, values in shown:
        row = "  ".join(number(value) for value in values)
        lines.append(page.line(f"{fit(name, 12)}{row}"))
    return lines


def spectrogram(answer: Answer, history: History, page: Page) -> Block:
    """Loudness by time (across) and frequency (up), 0 dB is the loudest."""
    decibels: NDArray[np.float64] = np.asarray(answer["decibels"], dtype=np.float64)
    target = clean(str(answer["target"]), 40) if answer["target"] is not None else ""
    head = page.paragraph(
        f"A training signal{' of class ' + target if target else ''}: {answer['samples']:,} samples; "
        f"{ends(page, 'silent', 'loud')}."
    )
    height = max(2, page.height - len(head) - 2)
    labels = 8
    width = max(8, page.width - labels)
    picture = heat(decibels[::-1], width, height, VIRIDIS, page.shades, -80.0, 0.0)
    top, middle = answer["frequencies"][-1], answer["frequencies"][len(answer["frequencies"]) // 2]
    lines = [*head, page.line("cycles per sample", "dim")]
    for row, line in enumerate(picture):
        value = {0: top, height // 2: middle, height - 1: answer["frequencies"][0]}.get(row)
        label = Text("" if value is None else f"{value:.3f}", "dim", no_wrap=True, end="")
        label.append(" " * (labels - label.cell_len))
        lines.append(label.append_text(line))
    end = f"{answer['times'][-1]:,.0f} samples"
    return [*lines, page.line(" " * labels + "0" + end.rjust(width - 1), "dim")]
