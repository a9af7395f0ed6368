"""The lecture's worked examples in plain numbers, term by term: cross-entropy, sales errors, polynomial norms. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CrossEntropy:
    """The categorical cross-entropy of one example, -Σ y_i ln p_i."""

    terms: tuple[float, ...]
    "-y_i ln p_i of each class; 0 where y_i is 0."
    loss: float
    "Their sum."
    doubled: float
    "What the same numbers cost if they are taken for logits, so that the loss's own softmax comes second."
    floor: float
    "The least that such a doubled softmax can cost, ln(1 + (c - 1) / e)."


def cross_entropy(probabilities: Sequence[float], truth: int) -> CrossEntropy:
    """Return the cross-entropy of the class probabilities of one example whose class is `truth`, with its terms.

    A probability of 0 for the right class costs inf. Raises ValueError on probabilities outside [0, 1] or
    that do not sum to 1, and on a class that is not there.
    """
    if any(not 0 <= p <= 1 for p in probabilities) or abs(sum(probabilities) - 1) > 1e-6:
        raise ValueError(f"the probabilities must lie in [0, 1] and sum to 1, not {list(probabilities)}")
    if not 0 <= truth < len(probabilities):
        raise ValueError(f"class {truth} is out of range; there are classes 0 to {len(probabilities) - 1}")
    terms = tuple(surprise(p) if i == truth else 0.0 for i, p in enumerate(probabilities))
    return CrossEntropy(
        terms=terms,
        loss=sum(terms),
        doubled=math.log(sum(math.exp(p) for p in probabilities)) - probabilities[truth],
        floor=math.log(1 + (len(probabilities) - 1) / math.e),
    )


def surprise(p: float) -> float:
    """Return -ln p, what a probability p for what happened costs: 0 at 1, 0.693 at 1/2, 2.303 at 1/10, inf at 0."""
    return 0.0 if p == 1 else -math.log(p) if p > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Errors:
    """Three measures of the same errors, with the term of each example."""

    absolute: tuple[float, ...]
    "|y - yhat|, in the unit of the target."
    squared: tuple[float, ...]
    "(y - yhat)^2, in the squared unit."
    relative: tuple[float, ...]
    "100 |y - yhat| / |y| in per cent; NaN where y is 0."
    mae: float
    mse: float
    rmse: float
    "√mse, back in the unit of the target."
    mape: float
    "Mean of the relative errors; NaN if a target is 0, where it is undefined."


def errors(target: Sequence[float], prediction: Sequence[float]) -> Errors:
    """Return MAE, MSE, RMSE and MAPE with their terms; raises ValueError on lists of unequal length or without a number."""
    if not target or len(target) != len(prediction):
        raise ValueError(
            f"{len(prediction)} predictions for {len(target)} targets; give one for each, and at least one"
        )
    absolute = tuple(abs(y - yhat) for y, yhat in zip(target, prediction, strict=True))
    squared = tuple(error * error for error in absolute)
    relative = tuple(
        100 * error / abs(y) if y else math.nan for y, error in zip(target, absolute, strict=True)
    )
    count = len(target)
    mse = sum(squared) / count
    return Errors(
        absolute, squared, relative,
        mae=sum(absolute) / count, mse=mse, rmse=math.sqrt(mse), mape=sum(relative) / count,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Norms:
    """The size of a model's coefficients."""

    l1: float
    "Σ|w|."
    l2: float
    "√Σw², the Euclidean norm, which the lecture prints."
    squared: float
    "Σw², which the L2 penalty adds."


@dataclass(frozen=True, slots=True)
class Polynomial:
    """One of the lecture's three models of the same points."""

    coefficients: tuple[float, ...]
    "Of 1, x, x², …"
    mse: float
    "Mean squared error as printed; the points it was taken on are not in the lecture."

    def __call__(self, x: float) -> float:
        """Return the value at x."""
        value = 0.0
        for coefficient in reversed(self.coefficients):
            value = value * x + coefficient
        return value

    def norms(self, constant: bool = True) -> Norms:
        """Return the norms; the lecture's count the constant term, a penalty on weight matrices leaves it out."""
        kept = self.coefficients[0 if constant else 1 :]
        squared = sum(w * w for w in kept)
        return Norms(sum(map(abs, kept)), math.sqrt(squared), squared)


#: A car of the classes car, motorbike, plane: a good answer and a bad one.
CAR = 0
CLASSES = ("car", "motorbike", "plane")
GOOD_ANSWER = (0.8, 0.1, 0.1)
BAD_ANSWER = (0.1, 0.1, 0.8)

#: Units sold on four days and what a model foretold.
SOLD = (90.0, 50.0, 30.0, 60.0)
FORETOLD = (100.0, 25.0, 28.0, 75.0)

#: Degree 2; a fit of degree 8 with a penalty; one of degree 8 that meets every point.
POLYNOMIALS = (
    Polynomial((0.04, 0.04, 0.9), 0.006),
    Polynomial((-0.01, 0.01, 0.8, 0.5, -0.1, -0.1, 0.3, -0.3, 0.2), 0.035),
    Polynomial((-0.01, 0.57, 2.67, -4.08, -12.25, 7.41, 24.87, -3.79, -14.38), 0.0),
)
