"""What is measured beside the loss: accuracy, recall, precision, errors in the target's unit, confusion, calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .data.names import Task

Output = Literal["linear", "sigmoid", "softmax"]


@dataclass(frozen=True, slots=True)
class Bin:
    """The examples whose probability falls into one part of [0, 1]."""

    lower: float
    "Least probability of the bin."
    upper: float
    "End of the bin; it belongs to the next one, 1 to the last."
    count: int
    "Examples in the bin."
    confidence: float
    "Mean probability; NaN in an empty bin."
    accuracy: float
    "Share that is of class 1, or that was predicted right; NaN in an empty bin."


def evaluate(task: Task, prediction: Tensor, target: Tensor, threshold: float = 0.0) -> dict[str, float]:
    """Return the metrics of a task by the names of experiment.METRICS, the loss aside.

    multiclass: prediction (batch, classes), target classes (batch,); accuracy and macro_recall, the mean
    recall of the classes that occur (scikit-learn: balanced accuracy). binary: prediction (batch,) or
    (batch, 1), target 0 or 1; recall and precision of class 1. Recall is NaN if class 1 does not occur,
    precision 0 if it was never predicted. regression: both (batch,) or (batch, 1), in the target's own
    unit; mae, rmse and r2 = 1 - sum (y - yhat)^2 / sum (y - mean y)^2, which is NaN for a constant target.
    `threshold` is that of `predicted_classes`. Raises ValueError on shapes that do not fit.
    """
    if len(prediction) != len(target) or len(target) == 0:
        raise ValueError(f"{len(prediction)} predictions for {len(target)} targets: nothing to measure")
    if task == "regression":
        return _errors(_column(prediction), _column(target))
    truth = _column(target).long()
    if task == "binary":
        predicted = predicted_classes(prediction, threshold)
        positives, found = int((truth == 1).sum()), int((predicted == 1).sum())
        hits = int(((predicted == 1) & (truth == 1)).sum())
        return {
            "accuracy": int((predicted == truth).sum()) / len(truth),
            "recall": hits / positives if positives else math.nan,
            "precision": hits / found if found else 0.0,
        }
    table = confusion_matrix(predicted_classes(prediction, threshold), truth, prediction.shape[1])
    recalls = per_class_recall(table, torch.bincount(truth, minlength=prediction.shape[1]))
    return {
        "accuracy": int(table.diagonal().sum()) / len(truth),
        "macro_recall": float(recalls.nanmean()),
    }


def threshold(output: Output, loss: str) -> float:
    """Return above what a model's single output says class 1.

    0 for a logit, which is a linear output behind a loss that holds its own sigmoid. Else 0.5, for a probability
    and for what mse or mae trained towards targets of 0 and 1.
    """
    return 0.0 if output == "linear" and loss in ("bce", "cce") else 0.5


def predicted_classes(prediction: Tensor, threshold: float = 0.0) -> Tensor:
    """Return the class of each row, int64 (batch,): argmax, or for a single column whether it is above `threshold`.

    A row with a NaN has no class: -1.
    """
    if prediction.dim() == 2 and prediction.shape[1] > 1:
        chosen, broken = prediction.argmax(1), prediction.isnan().any(1)
    else:
        column = _column(prediction)
        chosen, broken = (column > threshold).long(), column.isnan()
    return chosen.masked_fill(broken, -1)


def confusion_matrix(prediction: Tensor, target: Tensor, classes: int) -> Tensor:
    """Return counts of shape (classes, classes): row = true class, column = predicted class, both int64 (batch,).

    Rows predicted as no class (-1) are left out. Raises ValueError on classes out of range.
    """
    if prediction.shape != target.shape or prediction.dim() != 1:
        raise ValueError(
            f"classes of shapes {tuple(prediction.shape)} and {tuple(target.shape)} do not pair up"
        )
    if bool(((target < 0) | (target >= classes) | (prediction >= classes)).any()):
        raise ValueError(f"a class is out of range; there are classes 0 to {classes - 1}")
    known = prediction >= 0
    pairs = target[known] * classes + prediction[known]
    return torch.bincount(pairs, minlength=classes * classes).view(classes, classes)


def per_class_recall(confusion: Tensor, support: Tensor | None = None) -> Tensor:
    """Return the share of each true class that was found, float64 (classes,); NaN for a class that does not occur.

    `support` gives the examples per class where the confusion matrix leaves some out.
    """
    counts = confusion.sum(1) if support is None else support
    return confusion.diagonal().cpu().double() / counts.cpu().double()


def calibration(probabilities: Tensor, target: Tensor, bins: int = 10) -> list[Bin]:
    """Return how often predictions of each confidence come true, in bins of equal width.

    probabilities (batch,) of class 1 with target 0 or 1; or (batch, classes) with target classes, judged
    by the largest probability of each row. Raises ValueError on probabilities outside [0, 1].
    """
    if not bool(((probabilities >= 0) & (probabilities <= 1)).all()):
        raise ValueError("probabilities must lie in [0, 1]")
    if probabilities.dim() == 2 and probabilities.shape[1] > 1:
        confidence, chosen = probabilities.max(1)
        right = chosen == _column(target)
    else:
        confidence, right = _column(probabilities), _column(target) == 1
    confidence, right = confidence.cpu().double(), right.cpu().double()
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    index = torch.bucketize(confidence, edges[1:-1], right=True)
    counts = torch.bincount(index, minlength=bins)
    means = torch.bincount(index, confidence, bins) / counts
    shares = torch.bincount(index, right, bins) / counts
    return [
        Bin(float(edges[i]), float(edges[i + 1]), int(counts[i]), float(means[i]), float(shares[i]))
        for i in range(bins)
    ]


def calibration_error(bins: list[Bin]) -> float:
    """Return the expected calibration error: the gap between confidence and accuracy, weighted by the bins' counts."""
    total = sum(part.count for part in bins)
    if not total:
        raise ValueError("no examples to judge a calibration by")
    return sum(part.count * abs(part.accuracy - part.confidence) for part in bins if part.count) / total


def _errors(prediction: Tensor, target: Tensor) -> dict[str, float]:
    # float64 sums: the squares of a large target's unit leave no digits in float32.
    yhat, y = prediction.cpu().double(), target.cpu().double()
    error = yhat - y
    spread = math.nan if bool(y.min() == y.max()) else float((y - y.mean()).square().sum())
    return {
        "mae": float(error.abs().mean()),
        "rmse": math.sqrt(float(error.square().mean())),
        "r2": 1 - float(error.square().sum()) / spread,
    }


def _column(values: Tensor) -> Tensor:
    if values.dim() == 2 and values.shape[1] == 1:
        return values.squeeze(1)
    if values.dim() != 1:
        raise ValueError(f"expected one value per example, not shape {tuple(values.shape)}")
    return values
