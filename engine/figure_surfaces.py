"""Surfaces to descend on, for pictures of an optimizer's path: their values, slopes and starts in plain numbers. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Point = tuple[float, float]

#: Beale's three terms (c − x + x·yᵏ)²: c and k.
_BEALE = ((1.5, 1), (2.25, 2), (2.625, 3))


@dataclass(frozen=True)
class Surface:
    """A function of two parameters with one minimum, where f is 0."""

    name: str
    formula: str
    value: Callable[[Any, Any], Any]
    "f(x, y), of numbers or of arrays."
    slope: Callable[[float, float], Point]
    "∂f/∂x and ∂f/∂y."
    start: Point
    minimum: Point
    x: Point
    "The stretch of x that a picture shows."
    y: Point
    rates: Mapping[str, Mapping[str, float]]
    "The hyperparameters that each optimizer descends with, by its kind."


def quadratic(x: Any, y: Any) -> Any:
    """Return ½(x² + 25y²), a valley 25 times as steep across as along (O14)."""
    return 0.5 * (x * x + 25 * y * y)


def quadratic_slope(x: float, y: float) -> Point:
    """Return (x, 25y)."""
    return x, 25 * y


def rosenbrock(x: Any, y: Any) -> Any:
    """Return (1 − x)² + 100(y − x²)², a bent valley with a flat floor (lesson 9)."""
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def rosenbrock_slope(x: float, y: float) -> Point:
    """Return the two derivatives of Rosenbrock's function."""
    return -2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)


def beale(x: Any, y: Any) -> Any:
    """Return Σ (c − x + x·yᵏ)² for c = 1.5, 2.25, 2.625 and k = 1, 2, 3: flat far out, steep at the corners (lesson 9)."""
    return sum((c - x + x * y**k) ** 2 for c, k in _BEALE)


def beale_slope(x: float, y: float) -> Point:
    """Return the two derivatives of Beale's function."""
    terms = [(c - x + x * y**k, y**k - 1, k * x * y ** (k - 1)) for c, k in _BEALE]
    return sum(2 * t * dx for t, dx, _ in terms), sum(2 * t * dy for t, _, dy in terms)


#: Rates of lesson 9 for the two curved surfaces.
_CURVED: Mapping[str, Mapping[str, float]] = {
    "sgd": {"lr": 0.001},
    "momentum": {"lr": 0.001},
    "adagrad": {"lr": 0.5},
    "rmsprop": {"lr": 0.01, "beta": 0.99},
    "adam": {"lr": 0.02},
}

#: The surfaces by name.
SURFACES: Mapping[str, Surface] = {
    surface.name: surface
    for surface in (
        Surface(
            "quadratic", "f = ½(x² + 25y²)", quadratic, quadratic_slope, (4.0, 1.5), (0.0, 0.0),
            (-3.0, 5.0), (-2.0, 2.0),
            {
                "sgd": {"lr": 0.02}, "momentum": {"lr": 0.02}, "adagrad": {"lr": 0.5}, "rmsprop": {"lr": 0.1},
                "adam": {"lr": 0.1},
            },
        ),
        Surface(
            "rosenbrock", "f = (1 − x)² + 100(y − x²)²", rosenbrock, rosenbrock_slope, (-1.2, 1.0), (1.0, 1.0),
            (-1.6, 1.4), (-0.5, 1.7), _CURVED,
        ),
        Surface(
            "beale", "f = (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²", beale, beale_slope,
            (1.0, 1.0), (3.0, 0.5), (-0.5, 4.5), (-1.5, 1.5), _CURVED,
        ),
    )
}  # fmt: skip
