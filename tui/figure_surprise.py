"""What a probability costs, as a curve: −ln p where it happened, −ln(1 − p) where it did not (L6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..engine.history import History
from ..engine.worked import surprise
from .axes import Range
from .blocks import Block, Page
from .look_colours import quiet, right, wrong
from .scatter import Layer, scatter
from .text import number

#: The probabilities whose cost is marked: ln 2, ln 10, ln 100.
MARKED = (0.5, 0.1, 0.01)
#: What a curve shows: beyond 5, a probability of 0.7 %, it goes on without an end.
_HIGHEST = 5.0
_SMALLEST_PICTURE = 6


def costs(page: Page, answer: Mapping[str, Any] | None = None) -> Block:
    """Draw −ln p and −ln(1 − p) with p = 0.5, 0.1, 0.01 marked, and the examples of a run on them if there is an answer (L6)."""
    p = np.linspace(0.001, 0.999, 999)
    layers = [
        Layer("−ln p: y = 1", p, _shown(-np.log(p)), right(page), line=True, sign="*"),
        Layer("−ln(1 − p): y = 0", p, _shown(-np.log(1 - p)), wrong(page), line=True, sign="-"),
    ]
    if answer is not None:
        layers += _examples(answer, page)
    else:
        values = [surprise(one) for one in MARKED]
        words = [f"{value:.3f} at p = {one:g}" for one, value in zip(MARKED, values, strict=True)]
        layers.append(Layer("", MARKED, values, sign="O", glyph="●", words=words))
    said = " ".join(_said(answer) if answer is not None else (_table(), _WHY))
    below = page.paragraph(said, "dim")
    height = max(_SMALLEST_PICTURE, page.height - len(below))
    named = [_named(layer, page) for layer in layers]
    picture = scatter(
        page, named, page.width, height, "p", x_range=Range(0.0, 1.0), y_range=Range(0.0, _HIGHEST)
    )
    return [*picture, *below]


def look(answer: Mapping[str, Any], history: History, page: Page) -> Block:
    """The same as a look inside a run: its validation examples on the two curves."""
    return costs(page, answer)


_WHY = "A sure answer that is right costs nothing, one that is wrong costs without bound; each example pays on one curve only."


def _table() -> str:
    return "−ln p: " + ", ".join(f"{one:g} → {surprise(one):.3f}" for one in MARKED) + "."


def _named(layer: Layer, page: Page) -> Layer:
    """The layer with a name of 7-bit characters where only these may be used."""
    return Layer(
        page.written(layer.label), layer.x, layer.y, layer.colour, layer.line, layer.sign, layer.glyph, layer.words
    )  # fmt: skip


def _shown(values: Any) -> Any:
    return np.where(values <= _HIGHEST, values, np.nan)


def _examples(answer: Mapping[str, Any], page: Page) -> list[Layer]:
    """A layer of points for each curve; what costs more than the picture shows lies at its upper edge."""
    p, happened = np.asarray(answer["p"], dtype=np.float64), np.asarray(answer["happened"], dtype=np.bool_)
    smallest = float(np.exp(-_HIGHEST))
    cost = -np.log(np.clip(np.where(happened, p, 1 - p), smallest, 1.0))
    shown = [
        Layer("", p[chosen], cost[chosen], colour, sign="o", glyph="●")
        for chosen, colour in ((happened, right(page)), (~happened, wrong(page)))
        if chosen.any()
    ]
    name = f"{len(p)} of {answer['count']:,} examples" if len(p) < answer["count"] else f"{len(p)} examples"
    return [*shown, Layer(name, (), (), quiet(page), sign="o", glyph="●")]


def _said(answer: Mapping[str, Any]) -> tuple[str, ...]:
    p, happened = np.asarray(answer["p"], dtype=np.float64), np.asarray(answer["happened"], dtype=np.bool_)
    right_share = np.where(happened, p, 1 - p)
    beyond = int(np.sum(right_share < np.exp(-_HIGHEST)))
    more = f"At the upper edge: {beyond} that cost more than {_HIGHEST:g}." if beyond else ""
    return (
        f"p is the probability of {answer['of']}. The mean cost of all {answer['count']:,} {answer['part']} examples is "
        f"{number(answer['mean']).strip()}; shown are {'all' if len(p) == answer['count'] else 'some of them, the dearest too'}.",
        more,
    )
