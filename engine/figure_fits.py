"""Least-squares polynomials of lesson 13's noisy sine: single fits, and the errors over the degree (B2, B3). Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial as Powers
from numpy.polynomial.legendre import legvander
from numpy.typing import NDArray

from .data.synthetic import noisy_sine

Floats = NDArray[np.float64]

#: Points of one data set and the deviation of their noise, as in lesson 13.
POINTS, NOISE = 15, 0.2
#: Too simple, right, too complex.
DEGREES = (1, 5, 11)
#: Degrees of the sweep, those of lesson 13: an even power tells nothing of an odd curve.
SWEPT = (0, 1, 3, 5, 7, 9, 11)
#: Points that a fit has not seen, and data sets whose median the sweep takes.
_UNSEEN, SETS = 400, 200


@dataclass(frozen=True, eq=False)
class Fit:
    """A polynomial through the points of one data set."""

    degree: int
    curve: Floats
    "Its values at `Fits.grid`."
    train: float
    "Mean squared error on the points."
    unseen: float
    "Mean squared error on points of the same kind that it has not seen."
    l1: float
    "Σ|w| of the coefficients of 1, x, x², …"


@dataclass(frozen=True, eq=False)
class Fits:
    """One data set and polynomials of several degrees through it."""

    x: Floats
    y: Floats
    grid: Floats
    truth: Floats
    "The sine without noise at `grid`."
    fits: tuple[Fit, ...]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Median errors over many data sets, by degree (B2)."""

    degrees: tuple[int, ...]
    train: tuple[float, ...]
    unseen: tuple[float, ...]

    @property
    def best(self) -> int:
        """The degree of least unseen error."""
        return self.degrees[int(np.argmin(self.unseen))]


def sine(x: Any) -> Any:
    """Return sin(1.5πx), what the points are without noise (lesson 13)."""
    return np.sin(1.5 * np.pi * x)


@lru_cache(maxsize=4)
def fits(degrees: tuple[int, ...] = DEGREES, seed: int = 0) -> Fits:
    """Fit polynomials of these degrees to 15 noisy points: argmin_w Σ(y − Σ w_k x^k)² (B3)."""
    rng = np.random.default_rng(seed)
    inputs, y = noisy_sine(rng, POINTS, NOISE)
    unseen_inputs, unseen_y = noisy_sine(rng, _UNSEEN, NOISE)
    x, unseen_x, grid = inputs[:, 0], unseen_inputs[:, 0], np.linspace(-1, 1, 401)
    found: list[Fit] = []
    for degree in degrees:
        model = Powers.fit(x, y, degree, domain=(-1, 1))
        found.append(
            Fit(
                degree, model(grid), float(np.mean((model(x) - y) ** 2)),
                float(np.mean((model(unseen_x) - unseen_y) ** 2)), float(np.abs(model.convert().coef).sum()),
            )
        )  # fmt: skip
    return Fits(x, y, grid, sine(grid), tuple(found))


@lru_cache(maxsize=4)
def sweep(degrees: tuple[int, ...] = SWEPT, sets: int = SETS, seed: int = 0) -> Sweep:
    """Return the medians over many data sets of train and unseen error for each degree (B2).

    Least squares by Q·R·w = y in Legendre's polynomials, which span what the powers span; the unseen error is that
    against the sine plus the variance of the noise.
    """
    rng = np.random.default_rng(seed)
    drawn = [noisy_sine(rng, POINTS, NOISE) for _ in range(sets)]
    x, y = np.stack([inputs[:, 0] for inputs, _ in drawn]), np.stack([target for _, target in drawn])
    grid = np.linspace(-1, 1, 401)
    train: list[float] = []
    unseen: list[float] = []
    for degree in degrees:
        features = legvander(x, degree)
        q, r = np.linalg.qr(features)
        weights = np.linalg.solve(r, np.swapaxes(q, 1, 2) @ y[:, :, None])
        train.append(float(np.median(np.mean(((features @ weights)[:, :, 0] - y) ** 2, axis=1))))
        curves = legvander(grid, degree) @ weights[:, :, 0].T
        errors = np.mean((curves - sine(grid)[:, None]) ** 2, axis=0)
        unseen.append(float(np.median(errors)) + NOISE**2)
    return Sweep(degrees, tuple(train), tuple(unseen))
