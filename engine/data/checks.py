"""What is refused once the data is known: misfits with the experiment, parts too small, numbers too large."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, quoted
from ..experiment import Cnn, Experiment, Mlp
from ..misfits import Misfit, problems
from .dataset import Dataset
from .statistics import Statistics


def refuse_misfits(experiment: Experiment, data: Dataset) -> None:
    """Refuse, all at once, what does not fit now that task, form, shape and targets are known."""
    found = problems(experiment, data.task, data.form)
    settings = experiment.data
    if experiment.loss.kind == "mape" and data.task == "regression" and (zeros := int((data.y == 0).sum())):
        found.append(
            Misfit(
                "loss.kind",
                f"mape divides by the target, which is 0 in {zeros} of {len(data.y)} examples; use mae or mse, or leave these examples out",
            )
        )
    if data.form == "image":
        channels, height, width = data.x.shape[1:]
        if settings.augmentation.permute_channels and channels == 1:
            found.append(
                Misfit(
                    "data.augmentation.permute_channels",
                    "grey images have one channel, there is nothing to shuffle; set it to false",
                )
            )
        for name in ("shift", "crop"):
            if getattr(settings.augmentation, name) >= min(height, width):
                found.append(
                    Misfit(
                        f"data.augmentation.{name}",
                        f"{getattr(settings.augmentation, name)} pixels move images of {height} x {width} out of sight; lower it",
                    )
                )
    if found:
        raise InputError("; ".join(f"{one.key}: {one.reason}" for one in found))


def near_zero(y: NDArray[Any], scale: float, dtype: type[np.floating[Any]]) -> str:
    """Refuse targets of mape that become 0 in `dtype`, or so small that relative errors overflow; note those that decide alone.

    `y` are all targets, `scale` what they are divided by. Returns the note, empty if there is none.
    """
    size, limits = np.abs(y) / scale, np.finfo(dtype)
    # The derivative is 100 / |y|, and optimizers square it.
    least = max(float(limits.tiny), 100 / float(np.sqrt(float(limits.max))))
    lost = int((size < least).sum())
    if lost:
        raise InputError(
            f"loss.kind: mape divides by the target, which in {lost} of {len(y)} examples is so near 0 ({np.abs(y).min():.3g}) that the "
            f"error overflows in {np.dtype(dtype)}; use mae or mse, or leave these examples out"
        )
    small = int((size < 1e-3 * size.mean()).sum())
    if not small:
        return ""
    return (
        f"mape: {small} of {len(y)} targets are smaller than a thousandth of their mean size; they outweigh all others: use mae, or "
        "leave them out"
    )


def refuse_small(experiment: Experiment, n: int) -> None:
    """Refuse a training part that cannot be trained on, or that leaves batch norm a batch of one example."""
    if n < 2:
        raise InputError(
            "data.split: the training part has only 1 example; enlarge its share or use more examples"
        )
    model, batch_size = experiment.model, experiment.training.batch_size
    if not isinstance(model, Mlp | Cnn) or not model.batch_norm or batch_size == "full":
        return
    size = min(batch_size, n)
    if size == 1 or n % size == 1:
        last = (
            "every batch has 1 example"
            if size == 1
            else f"{n} training examples in batches of {size} leave a last batch of 1"
        )
        way_out = next(
            b for step in range(1, n) for b in (size + step, size - step) if b > 1 and (b >= n or n % b != 1)
        )
        raise InputError(
            f"training.batch_size: {last}, and batch norm cannot take the deviation of one example; use for instance {way_out}, or set model.batch_norm = false"
        )


def refuse_no_statistics(fitted: Statistics, data: Dataset, dtype: type[np.floating[Any]]) -> None:
    """Refuse a column without a mean, and numbers whose mean or deviation overflows or vanishes in `dtype`."""
    if fitted.fill is not None and np.isnan(fitted.fill).any():
        name = data.feature_names[int(np.flatnonzero(np.isnan(fitted.fill))[0])]
        raise InputError(
            f'data.missing: column {quoted(name)} has no value in the training part, so there is no mean to fill in; remove the column or set data.missing = "drop"'
        )
    with np.errstate(over="ignore", under="ignore"):
        center, scale = fitted.center.astype(dtype), fitted.scale.astype(dtype)
    wrong = ~(np.isfinite(center) & np.isfinite(scale) & (scale > 0))
    if wrong.any():
        raise InputError(
            f"{_feature(data, wrong)} holds numbers too large or too small for {np.dtype(dtype)}; {_way_out(dtype)}"
        )


def refuse_infinite(x: NDArray[Any], data: Dataset) -> None:
    """Refuse preprocessed inputs that overflow the training precision."""
    wrong = ~np.isfinite(x)
    if wrong.any():
        raise InputError(
            f"{_feature(data, np.asarray(wrong.any(axis=0)))} holds numbers too large for {x.dtype}; {_way_out(x.dtype)}"
        )


def _feature(data: Dataset, wrong: NDArray[np.bool_]) -> str:
    index = int(np.flatnonzero(wrong)[0])
    return (
        f"column {quoted(data.feature_names[index])}" if data.form == "table" else f"{data.source}: the data"
    )


def _way_out(dtype: Any) -> str:
    return "rescale it" + (' or set training.precision = "float64"' if np.dtype(dtype) == np.float32 else "")
