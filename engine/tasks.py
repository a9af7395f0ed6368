"""What each task is measured by, and which loss is usual for it."""

from __future__ import annotations

from typing import Literal

from .data.names import Task

#: Metrics that validation emits for each task, with the direction in which each is better.
METRICS: dict[Task, dict[str, Literal["min", "max"]]] = {
    "multiclass": {"loss": "min", "accuracy": "max", "macro_recall": "max"},
    "binary": {"loss": "min", "accuracy": "max", "recall": "max", "precision": "max"},
    "regression": {"loss": "min", "mae": "min", "rmse": "min", "r2": "max"},
}

#: The loss of a task unless another is asked for.
USUAL_LOSS: dict[Task, Literal["cce", "bce", "mse"]] = {
    "multiclass": "cce",
    "binary": "bce",
    "regression": "mse",
}
