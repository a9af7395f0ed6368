"""Chance: the loss of always giving the best constant answer, which every loss is read against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .training import Training


def chance(training: Training) -> float:
    """Return the loss, in the target's own unit, of the best constant answer to the training part.

    Classes: the entropy of their shares p (bce, cce); behind mse and mae the mean of p (1 - p) and of min(p, 1 - p).
    Regression: the mean (mse), the median (mae), the median weighted by 1 / |y| (mape).
    """
    data, kind = training.data, training.experiment.loss.kind
    if data.task != "regression":
        if kind in ("bce", "cce"):
            return chance_level(kind, data.class_shares)
        costs = [p * (1 - p) if kind == "mse" else min(p, 1 - p) for p in data.class_shares]
        return sum(costs) / len(costs)
    y = data.train.y
    answers = _best_constant(kind, y).expand_as(y).clone()
    return training.loss.per_example(answers, y).mean().item() * training.unit


def chance_level(kind: str, class_shares: Sequence[float]) -> float:
    """Return the cross-entropy of a model that knows only how frequent the classes are: -sum p ln p.

    For c classes of equal share it is ln c: 0.693, 1.099, 2.303 for 2, 3, 10. A loss that stays above it
    points to a fault. `class_shares` (for bce of both classes) must sum to 1; raises ValueError otherwise,
    and for losses that have no classes.
    """
    if kind not in ("bce", "cce"):
        raise ValueError(f"{kind} has no chance level: it compares no classes")
    if any(not share >= 0 for share in class_shares) or not math.isclose(sum(class_shares), 1, abs_tol=1e-6):
        raise ValueError("class shares must be non-negative and sum to 1")
    return -sum(share * math.log(share) for share in class_shares if share > 0)


def _best_constant(kind: str, y: Tensor) -> Tensor:
    """Return the constant answer to targets y of the least mse, mae or mape."""
    if kind == "mse":
        return y.mean()
    ordered = y.view(-1).sort().values
    weights = (1 / ordered.abs() if kind == "mape" else torch.ones_like(ordered)).double().cumsum(0)
    return ordered[int(torch.searchsorted(weights, weights[-1] / 2))]
