"""The lecture's three polynomials as curves, with their error and the size of their weights (R8, R9, R10)."""

from __future__ import annotations

import textwrap

import numpy as np

from ..engine.worked import POLYNOMIALS, Polynomial
from .axes import Range
from .blocks import Block, Page
from .figure_panels import Panel, panels
from .look_colours import right
from .scatter import Layer, scatter

_NAMES = ("degree 2", "degree 8, penalty", "degree 8, all points")
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸"
_X, _Y = Range(-1.0, 1.0), Range(-0.5, 1.5)
_WHY = (
    "The wilder the curve, the larger its weights: a penalty on them prefers the simple one. MSE 0.035 of a polynomial that "
    "contains degree 2, which has 0.006: it is no least-squares fit."
)


def polynomials(page: Page) -> Block:
    """Draw the three on [−1, 1] with MSE, Σ|w| and √Σw²: 0.006, 0.98, 0.90; 0.035, 2.32, 1.06; 0, 70.03, 32.69 (R8 to R10)."""
    below = page.paragraph(_WHY, "dim")
    drawn = [_panel(page, name, model) for name, model in zip(_NAMES, POLYNOMIALS, strict=True)]
    return [*panels(page, drawn, len(below)), *below]


def _panel(page: Page, name: str, model: Polynomial) -> Panel:
    def draw(width: int, height: int) -> Block:
        x = np.linspace(-1, 1, 401)
        norms = model.norms()
        words = textwrap.wrap(page.written(written(model)), width)
        most = max(len(textwrap.wrap(page.written(written(one)), width)) for one in POLYNOMIALS)
        told = [
            page.line(f"MSE     {model.mse:g}", "", width),
            page.line(f"Σ|w|    {norms.l1:.2f}  (L1)", "", width),
            page.line(f"√Σw²    {norms.l2:.2f}  (L2)", "", width),
            *(page.line(line, "dim", width) for line in words),
        ]
        layer = Layer("", x, [model(float(one)) for one in x], right(page), line=True)
        picture = scatter(
            page, [layer], width, max(5, height - most - 4), "x", x_range=_X, y_range=_Y
        )  # fmt: skip
        return [page.line(name, "bold", width), *picture, *told]

    return draw


def written(model: Polynomial) -> str:
    """The polynomial as the lecture prints it: ŷ = 0.04 + 0.04x + 0.9x²."""
    terms: list[str] = []
    for power, weight in enumerate(model.coefficients):
        sign = "−" if weight < 0 else "+" if terms else ""
        letter = "" if power == 0 else "x" if power == 1 else f"x{_RAISED[power]}"
        gap = " " if terms else ""
        terms.append(f"{sign}{gap}{abs(weight):g}{letter}")
    return "ŷ = " + " ".join(terms)
