"""How a run begins: what is told first, of a new one and of one that goes on."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import torch

from . import diagnosis
from .changes import changes
from .events import Diagnosed, Resumed, RunStarted

if TYPE_CHECKING:
    from .position import Checkpoint, Position
    from .training import Training

_OTHER_RANDOM_NUMBERS = "other_random_numbers"


def started(training: Training, chance: float, parent: Mapping[str, Any]) -> RunStarted:
    """Build the first event; `parent` is the run and the epoch that it branches from, empty if from none."""
    data = training.data
    return RunStarted(
        experiment=training.experiment.plain(),
        parameters=training.network.parameters.numel(),
        layers=tuple(layer.describe() for layer in training.network.layers),
        task=data.task,
        classes=tuple(data.classes),
        target=data.target_name,
        shape=tuple(data.shape),
        sizes={
            "train": len(data.train.x),
            "validation": len(data.validation.x),
            "test": len(data.test.x),
        },
        steps_per_epoch=training.steps_per_epoch,
        chance=chance,
        source=data.source,
        notes=(*data.notes, *diagnosis.before_training(training)),
        versions={
            "ladera": _version("ladera"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        device=str(training.device),
        threads=torch.get_num_threads(),
        data_digest=data.digest,
        parent=parent,
    )


def resumed(position: Position, checkpoint: Checkpoint) -> Resumed:
    """Build the first event of a run that goes on."""
    found = changes(checkpoint.plain["experiment"], position.training.experiment.plain())
    return Resumed(time=position.now(), epoch=position.epoch - 1, step=position.training.step, changes=found)


def other_random_numbers(position: Position, anew: tuple[str, ...]) -> Iterator[Diagnosed]:
    """Say so if the run is not the bit-exact continuation of the one that was saved."""
    if anew:
        text = (
            "The checkpoint is of another kind of device, whose random numbers this one cannot go on with: "
            f"those of {' and '.join(anew)} begin anew here, from the same seed and this step."
        )
        yield Diagnosed(
            time=position.now(), finding=_OTHER_RANDOM_NUMBERS, text=text, epoch=position.epoch - 1
        )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
