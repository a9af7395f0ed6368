"""From an experiment to tensors ready for training: split, corrupted and preprocessed as it asks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import augmentation
from ..errors import InputError
from ..experiment import Augmentation, Experiment
from ..seeds import stream
from . import statistics
from .checks import near_zero, refuse_infinite, refuse_misfits, refuse_no_statistics, refuse_small
from .dataset import Dataset, load
from .names import Form, PartName, Task
from .split import split_indices, stratified_subset


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """One part of the data, on the training device."""

    x: Tensor
    "(n, *shape), preprocessed, contiguous."
    y: Tensor
    "multiclass: int64 (n,). binary: 0 or 1, (n, 1). regression: (n, 1), (target - target_center) / target_scale."
    ids: Tensor
    "int64 (n,): positions in the data set."

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """The three parts and all that was fitted on the training part.

    Tables are preprocessed value by value. So are images, unless augmentation is active: then
    channel by channel, because a flipped or shifted pixel must meet the statistics of its new place.
    Audio has one center and scale for the whole signal.
    """

    train: Examples
    validation: Examples
    test: Examples
    "Empty when the test share is 0."
    task: Task
    form: Form
    shape: tuple[int, ...]
    "Of one example: (features,), (channels, height, width) or (1, samples)."
    classes: tuple[str, ...]
    feature_names: tuple[str, ...]
    target_name: str
    notes: tuple[str, ...]
    "What was done to the data, for people."
    source: str
    center: Tensor
    "Broadcasts against one example; see `normalize`."
    scale: Tensor
    fill: Tensor | None
    "Training means that stand in for missing values; None if nothing is missing in the training part."
    target_center: float
    "Regression: what turns a trained target back into its own unit, target * target_scale + target_center; else 0."
    target_scale: float
    raw_train: Tensor | None
    "Training inputs before preprocessing (images in [0, 1], audio in [-1, 1]); kept only when augmentation is active."
    augmentation: Augmentation
    class_weights: Tensor | None
    "(classes,): n / (classes * count) in the training part; None unless loss.class_weights is balanced."
    class_shares: tuple[float, ...]
    "Share of each class among the training labels; empty for regression."
    digest: str
    "SHA-256 of the raw data and its split, in hexadecimal: a run is resumed on the same data only."

    def part(self, name: PartName) -> Examples:
        """Return train, validation or test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]

    def normalize(self, raw: Tensor) -> Tensor:
        """Return (raw - center) / scale for raw inputs (n, *shape), with the statistics of the training part."""
        if self.fill is not None:
            raw = torch.where(torch.isnan(raw), self.fill, raw)
        return (raw - self.center) / self.scale

    def augmented(self, positions: Tensor, generator: torch.Generator) -> Tensor:
        """Return training inputs changed at random (augmentation.augment) and then preprocessed.

        `positions` (batch,) count within the training part; `generator` lives on the device of the data. Only for active augmentation.
        """
        assert self.raw_train is not None
        raw = self.raw_train.index_select(0, positions)
        return self.normalize(augmentation.augment(raw, self.augmentation, self.form, generator, self.scale))


def prepare(experiment: Experiment, device: str | torch.device = "cpu") -> Prepared:
    """Load, split and preprocess the experiment's data.

    In this order: split the examples; cut the training part to `subset`; replace `label_noise` of its labels; fit
    statistics on what is left of the training part, and apply them to all three parts. Each random choice has a stream of its own,
    derived from training.seed. Floating dtype as in training.precision; statistics in double precision.

    The loss mape trains on targets divided by their mean size and not centred: a relative error
    survives scaling but means nothing once a mean is subtracted. A loss that follows the task is settled first.

    Raises InputError where the data cannot be read or does not fit the experiment, listing all misfits.
    """
    data = load(experiment.data, experiment.training.seed)
    experiment = experiment.for_task(data.task)
    refuse_misfits(experiment, data)
    settings, seed = experiment.data, experiment.training.seed
    train, validation, test = split_indices(data.y, settings.split, data.task, seed)
    digest = _digest(data, (train, validation, test))
    notes = list(data.notes)
    if settings.subset is not None:
        train = train[stratified_subset(data.y[train], settings.subset, data.task, seed)]
        notes.append(f"training part cut to {len(train)} examples")
    refuse_small(experiment, len(train))

    y = data.y.copy()
    if settings.label_noise > 0:
        y[train], replaced = _replace_labels(y[train], settings.label_noise, len(data.classes), seed)
        notes.append(f"{replaced} of {len(train)} training labels replaced by another class")

    dtype = np.float64 if experiment.training.precision == "float64" else np.float32
    augmented = settings.augmentation.active
    pool: statistics.Pool = (
        "all" if data.form == "audio" else "channel" if data.form == "image" and augmented else "value"
    )
    if pool == "channel" and settings.preprocess != "none":
        notes.append(
            f"data.preprocess = {settings.preprocess} takes one mean and scale per channel, not per pixel: "
            "augmentation moves pixels to other places"
        )
    fitted = statistics.fit(data.x[train], settings.preprocess, pool)
    refuse_no_statistics(fitted, data, dtype)
    if data.form == "table" and fitted.fill is None and np.isnan(data.x).any():
        # Nothing is missing in training, so its mean has to be taken for the other parts alone.
        fitted = statistics.Statistics(fitted.center, fitted.scale, data.x[train].mean(axis=0))
    target_center, target_scale = _target_statistics(experiment, data.task, y[train])
    if experiment.loss.kind == "mape":
        notes += filter(None, [near_zero(y, target_scale, dtype)])

    def part(indices: NDArray[np.int64]) -> Examples:
        x = fitted.apply(data.x[indices], dtype)
        refuse_infinite(x, data)
        return Examples(
            x=torch.as_tensor(x).to(device),
            y=_targets(y[indices], data.task, target_center, target_scale, dtype).to(device),
            ids=torch.as_tensor(indices).to(device),
        )

    def tensor(values: NDArray[Any]) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values, dtype=dtype)).to(device)

    counts = np.bincount(y[train], minlength=len(data.classes)) if data.classes else np.zeros(0)
    weights = None
    if experiment.loss.class_weights == "balanced" and data.classes:
        # A class without a training example is never weighed.
        weights = np.where(counts > 0, len(train) / (len(counts) * np.maximum(counts, 1)), 0.0)
    return Prepared(
        train=part(train),
        validation=part(validation),
        test=part(test),
        task=data.task,
        form=data.form,
        shape=tuple(data.x.shape[1:]),
        classes=data.classes,
        feature_names=data.feature_names,
        target_name=data.target_name,
        notes=tuple(notes),
        source=data.source,
        center=tensor(fitted.center),
        scale=tensor(fitted.scale),
        fill=None if fitted.fill is None else tensor(fitted.fill),
        target_center=target_center,
        target_scale=target_scale,
        raw_train=tensor(data.x[train]) if augmented else None,
        augmentation=settings.augmentation,
        class_weights=None if weights is None else tensor(weights),
        class_shares=tuple((counts / len(train)).tolist()),
        digest=digest,
    )


def _replace_labels(labels: NDArray[Any], share: float, classes: int, seed: int) -> tuple[NDArray[Any], int]:
    """Return labels of which round(share * n) were replaced by another class, all others equally likely, and how many."""
    rng = stream(seed, "label_noise")
    count = round(share * len(labels))
    chosen = rng.permutation(len(labels))[:count]
    noisy = labels.copy()
    noisy[chosen] = (labels[chosen] + rng.integers(1, classes, count)) % classes
    return noisy, count


def _target_statistics(experiment: Experiment, task: Task, y: NDArray[Any]) -> tuple[float, float]:
    """Return (center, scale) of regression targets, fitted on training targets; 0 and 1 where nothing is scaled."""
    if task != "regression" or not experiment.data.scale_target:
        return 0.0, 1.0
    if experiment.loss.kind == "mape":
        return 0.0, float(np.abs(y).mean())
    fitted = statistics.fit(y, "standardize", "value")
    center, scale = fitted.center.item(), fitted.scale.item()
    if not np.isfinite(center) or not np.isfinite(scale):
        raise InputError("the targets hold numbers too large to take a mean of; rescale them")
    return center, scale


def _targets(
    y: NDArray[Any], task: Task, center: float, scale: float, dtype: type[np.floating[Any]]
) -> Tensor:
    if task == "multiclass":
        return torch.as_tensor(y.astype(np.int64))
    with np.errstate(over="ignore"):
        scaled = ((y - center) / scale).astype(dtype)
    if not np.isfinite(scaled).all():
        raise InputError(
            f'the targets hold numbers too large for {scaled.dtype}; set data.scale_target = true or training.precision = "float64"'
        )
    return torch.as_tensor(scaled[:, None])


def _digest(data: Dataset, split: tuple[NDArray[np.int64], ...]) -> str:
    digest = hashlib.sha256(
        repr(
            (
                data.task,
                data.form,
                data.x.shape,
                str(data.x.dtype),
                data.classes,
                [len(part) for part in split],
            )
        ).encode("utf-8", "surrogatepass")
    )
    for array in (data.x, data.y, *split):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
