"""How the network does on single validation examples: confusion, calibration, the worst, true against predicted.

Everything is measured in evaluation mode, which changes nothing in the training.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from . import metrics

if TYPE_CHECKING:
    from .training import Training

#: Widest and highest picture that is sent to a screen.
PIXELS = 64
#: Stretches of a signal that are sent, at most.
COLUMNS = 128
_MOST_EXAMPLES = 100
_MOST_POINTS = 2000
_MOST_COSTS, _DEAREST = 256, 9


def confusion(training: Training) -> dict[str, Any]:
    """Answer with counts by true (row) and predicted (column) class, the recall of each class, and the class names."""
    data = training.data
    if data.task == "regression":
        return {
            "error": "a regression task has no classes to confuse; ask for predictions: true against predicted"
        }
    predicted = metrics.predicted_classes(training.outputs(data.validation.x), training.threshold)
    target = data.validation.y.view(-1).long()
    classes = max(2, len(data.classes))
    table = metrics.confusion_matrix(predicted, target, classes)
    support = torch.bincount(target, minlength=classes)
    recalls: list[float] = metrics.per_class_recall(table, support).tolist()
    return {
        "classes": list(data.classes),
        "matrix": table.tolist(),
        "recall": [None if math.isnan(recall) else recall for recall in recalls],
        "support": support.tolist(),
        "part": "validation",
    }


def calibration(training: Training, bins: int = 10) -> dict[str, Any]:
    """Answer with how often predictions of each confidence come true: of class 1, or of the class predicted."""
    data = training.data
    if data.task == "regression":
        return {"error": "a regression task gives no probabilities; ask for predictions instead"}
    shares = probabilities(training, training.outputs(data.validation.x))
    if shares is None:
        return {
            "error": f"{training.experiment.loss.kind} on linear outputs gives no probabilities; use bce or cce"
        }
    if not bool(shares.isfinite().all()):
        return {"error": "the network's outputs are not finite: training diverged; lower optimizer.lr"}
    shares = shares[:, 1] if data.task == "binary" else shares
    found = metrics.calibration(shares.clamp(0, 1), data.validation.y, max(1, min(int(bins), 100)))
    return {
        "bins": [
            {
                "lower": part.lower,
                "upper": part.upper,
                "count": part.count,
                "confidence": part.confidence if part.count else None,
                "accuracy": part.accuracy if part.count else None,
            }
            for part in found
        ],
        "error_mean": metrics.calibration_error(found),
        "of": data.classes[1] if data.task == "binary" and len(data.classes) == 2 else "predicted class",
        "part": "validation",
    }


def surprise(training: Training) -> dict[str, Any]:
    """Answer with what validation examples were given: p of class 1 and whether it was class 1, or p of the right class.

    Of more than 256 those at equal distances, and the dearest; `count` and `mean`, of -ln p, are of all.
    """
    data, part, kind = training.data, training.data.validation, training.experiment.loss.kind
    if kind not in ("bce", "cce"):
        return {"error": f"the loss {kind} is no −ln p of a probability; use bce or cce"}
    target = part.y.view(-1).long()
    output = training.outputs(part.x)
    shares = probabilities(training, output)
    if shares is None:
        return {"error": "a regression task gives no probabilities; ask for predictions instead"}
    if not bool(shares.isfinite().all()):
        return {"error": "the network's outputs are not finite: training diverged; lower optimizer.lr"}
    binary = data.task == "binary"
    right = shares.gather(1, target[:, None])[:, 0].clamp(0, 1)
    shown = torch.zeros(len(part), dtype=torch.bool)
    shown[:: math.ceil(len(part) / _MOST_COSTS)] = True
    shown[right.cpu().argsort()[:_DEAREST]] = True
    p, target = (shares[:, 1].clamp(0, 1) if binary else right).cpu()[shown], target.cpu()[shown]
    return {
        "p": p.tolist(),
        "happened": (target == 1).tolist() if binary else [True] * len(target),
        "count": len(part),
        "mean": float(training.loss.per_example(output, training.as_target(part.y, output)).mean()),
        "of": f"class {data.classes[1]}" if binary and len(data.classes) == 2 else "the right class",
        "part": "validation",
    }


def worst(training: Training, n: int = 9) -> dict[str, Any]:
    """Answer with the n validation examples of largest loss, worst first.

    index is the position in the data set; probability that of the predicted class (None where there is none). Images
    come with pixels in [0, 1], [channel][row][column], shrunk to 64 at most; sounds with the lowest and highest sample
    of 128 stretches; tables with their raw values.
    """
    data, part = training.data, training.data.validation
    output = training.outputs(part.x)
    losses = training.loss.per_example(output, training.as_target(part.y, output)).view(len(part))
    losses = losses.nan_to_num(nan=math.inf)
    chosen = losses.topk(min(max(1, int(n)), _MOST_EXAMPLES, len(part))).indices
    shares = probabilities(training, output)
    classes = metrics.predicted_classes(output, training.threshold) if data.classes else None
    examples: list[dict[str, Any]] = []
    for row in chosen.tolist():
        example: dict[str, Any] = {
            "index": int(part.ids[row]),
            "loss": float(losses[row]) * training.unit,
            "probability": None,
        }
        if classes is None:
            center, scale = data.target_center, data.target_scale
            example["target"] = float(part.y[row]) * scale + center
            example["predicted"] = float(output[row]) * scale + center
        else:
            found = int(classes[row])
            example["target"] = data.classes[int(part.y[row])]
            example["predicted"] = data.classes[found] if found >= 0 else None
            if shares is not None and found >= 0:
                example["probability"] = float(shares[row, found])
        own = raw(training, part.x[row : row + 1])
        if data.form == "image":
            example["pixels"] = picture(own[0])
        elif data.form == "audio":
            example["wave"] = wave(own[0])
        elif data.form == "table":
            names = data.feature_names or tuple(f"x{i + 1}" for i in range(own.shape[1]))
            example["values"] = dict(list(zip(names, own[0].tolist(), strict=True))[:30])
        examples.append(example)
    return {"examples": examples, "form": data.form, "part": "validation"}


def predictions(training: Training) -> dict[str, Any]:
    """Answer with true and predicted values in the target's own unit, of 2000 validation examples at most."""
    data = training.data
    if data.task != "regression":
        return {"error": f"a {data.task} task predicts classes; ask for confusion or calibration instead"}
    part = data.validation
    every = math.ceil(len(part) / _MOST_POINTS)
    center, scale = data.target_center, data.target_scale
    return {
        "true": (part.y[::every].view(-1) * scale + center).tolist(),
        "predicted": (training.outputs(part.x[::every]).view(-1) * scale + center).tolist(),
        "target": data.target_name,
        "part": "validation",
    }


def probabilities(training: Training, output: Tensor) -> Tensor | None:
    """Return class probabilities (n, classes), two columns for a binary task; None where the outputs are none.

    What ends in a softmax or sigmoid is taken as it stands, linear outputs as logits if the loss treats them as such.
    """
    last, kind = training.experiment.model.output, training.experiment.loss.kind
    if training.data.task == "regression" or (last == "linear" and kind not in ("bce", "cce")):
        return None
    if training.data.task == "binary":
        one = output.view(-1).sigmoid() if last == "linear" else output.view(-1)
        return torch.stack([1 - one, one], 1)
    if last == "linear":
        return output.softmax(1)
    return output / output.sum(1, keepdim=True).clamp_min(torch.finfo(output.dtype).tiny)


def raw(training: Training, x: Tensor) -> Tensor:
    """Undo the preprocessing: inputs in their own unit."""
    return x * training.data.scale + training.data.center


def picture(image: Tensor) -> list[list[list[float]]]:
    """Return an image (channels, height, width) in [0, 1] as lists of 4 digits, averaged down to 64 pixels a side."""
    image = image.detach().float().clamp(0, 1)
    height, width = (min(PIXELS, size) for size in image.shape[1:])
    if (height, width) != tuple(image.shape[1:]):
        image = F.adaptive_avg_pool2d(image, (height, width))
    return [[[round(value, 4) for value in row] for row in channel] for channel in image.tolist()]


def wave(signal: Tensor) -> dict[str, list[float]]:
    """Return lowest and highest sample of up to 128 stretches of a signal (1, samples)."""
    columns = min(COLUMNS, signal.shape[-1])
    flat = signal.reshape(1, 1, -1).float()
    high = F.adaptive_max_pool1d(flat, columns)[0, 0]
    low = -F.adaptive_max_pool1d(-flat, columns)[0, 0]
    return {"low": low.tolist(), "high": high.tolist()}
