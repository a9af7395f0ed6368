"""The lecture's figures by name: what each shows, what it is computed from, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .blocks import Block, Page


@dataclass(frozen=True)
class Choice:
    """What of a figure is looked at; only that of the optimizers has a choice."""

    surface: str = "quadratic"
    formula: str = "pytorch"
    cut: int = 0
    "The step from which on the rate is a tenth; 0 for never."


@dataclass(frozen=True)
class Figure:
    """One figure of the lecture."""

    name: str
    title: str
    sentence: str
    "What it shows."
    rows: str
    "Rows of docs/lecture.md."
    compute: Callable[[Choice, int], Any]
    "The numbers, for so many steps; slow enough for a thread, and cached."
    draw: Callable[[Any, Choice, int, Page], Block]
    "The picture of the numbers at a step."
    steps: bool = False
    "Whether it has steps, surfaces and formulas to choose."


def _nothing(choice: Choice, steps: int) -> None:
    return None


def _surprise(found: Any, choice: Choice, step: int, page: Page) -> Block:
    from .figure_surprise import costs

    return costs(page)


def _walked(choice: Choice, steps: int) -> Any:
    from ..engine.figure_paths import paths

    return paths(choice.surface, steps, choice.formula, choice.cut)


def _paths(found: Any, choice: Choice, step: int, page: Page) -> Block:
    from ..engine.figure_surfaces import SURFACES
    from .figure_optimizers import paths

    cut = f", a tenth of η from step {choice.cut} on" if choice.cut else ""
    formula = ", the lecture's formulas" if choice.formula == "lecture" else ""
    return paths(SURFACES[choice.surface], found, step, page, cut + formula)


def _polynomials(found: Any, choice: Choice, step: int, page: Page) -> Block:
    from .figure_polynomials import polynomials

    return polynomials(page)


def _fitted(choice: Choice, steps: int) -> Any:
    from ..engine.figure_fits import fits

    return fits()


def _fits(found: Any, choice: Choice, step: int, page: Page) -> Block:
    from .figure_fits import fits

    return fits(found, page)


def _swept(choice: Choice, steps: int) -> Any:
    from ..engine.figure_fits import sweep

    return sweep()


def _sweep(found: Any, choice: Choice, step: int, page: Page) -> Block:
    from .figure_fits import sweep

    return sweep(found, page)


FIGURES: tuple[Figure, ...] = (
    Figure(
        "surprise", "Surprise",
        "what a probability costs in BCE and CCE: −ln p for what happened, −ln(1 − p) for what did not", "L6",
        _nothing, _surprise,
    ),
    Figure(
        "optimizers", "Optimizers",
        "the paths of gradient descent, momentum, AdaGrad, RMSProp and Adam over one surface, step by step",
        "O3, O4, O12, O14", _walked, _paths, steps=True,
    ),
    Figure(
        "polynomials", "Polynomials",
        "three polynomials for the same points with MSE, L1 and L2 norm: the wilder, the larger the weights", "R8 to R10",
        _nothing, _polynomials,
    ),
    Figure(
        "fits", "Fits",
        "fits of degree 1, 5 and 11 to a noisy sine: too simple, right, too complex", "B3", _fitted, _fits,
    ),
    Figure(
        "sweep", "Sweep",
        "train and unseen error over the degree: one falls, the other is U-shaped", "B2", _swept, _sweep,
    ),
)  # fmt: skip
