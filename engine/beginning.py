"""How a run begins: what is told first, of a new one and of one that goes on."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import torch

from . import diagnosis
from .changes import changes
from .events import Diagnosed, Resumed, RunStarted

if TYPE_CHECKING:
    from .branching import Branch
    from .position import Checkpoint, Position
    from .training import Training

_OTHER_RANDOM_NUMBERS = "other_random_numbers"


def started(training: Training, chance: float, branch: Branch | None) -> RunStarted:
    """Build the first event; of a run that branches from another, `branch` is the state that it starts from."""
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
        notes=(*data.notes, *diagnosis.before_training(training), *(branch.notes if branch else ())),
        versions={
            "ladera": _version("ladera"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        device=str(training.device),
        threads=torch.get_num_threads(),
        data_digest=data.digest,
        parent=branch.parent if branch else {},
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
