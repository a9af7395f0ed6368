"""When a run's state is saved, and what is told of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

import torch

from .events import CheckpointSaved, StorageFailed
from .position import Position

#: Seconds until the next attempt after a checkpoint that could not be written.
_RETRY = 5.0


class Keeper(Protocol):
    """Where a run's state is kept; the run directory is one."""

    def save(self, tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any]) -> str:
        """Keep the complete state and return its place. Raises OSError; training goes on."""
        ...

    def finish(self, tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any]) -> None:
        """Keep the final weights and running statistics. Raises OSError."""
        ...


class Saving:
    """Saves to a keeper, every so many seconds if asked; after a failure sooner."""

    def __init__(self, keeper: Keeper | None) -> None:
        self.keeper = keeper
        self._saved_at = time.monotonic()
        self._failed = False

    def due(self, every: float) -> bool:
        """Tell whether `every` seconds have passed since the last save; 0 is never."""
        if self.keeper is None or every <= 0:
            return False
        return time.monotonic() - self._saved_at >= (min(every, _RETRY) if self._failed else every)

    def save(self, position: Position) -> CheckpointSaved | StorageFailed:
        """Save now and return what is told of it; where nothing is kept, that is a failure."""
        try:
            path, seconds = self._save(position.training.tensors(), position.plain())
        except OSError as error:
            return StorageFailed(time=position.now(), what="checkpoint", error=str(error))
        return CheckpointSaved(
            time=position.now(),
            epoch=position.epoch - 1,
            step=position.training.step,
            path=path,
            seconds=seconds,
        )

    def _save(self, tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any]) -> tuple[str, float]:
        self._saved_at = began = time.monotonic()
        if self.keeper is None:
            raise OSError("this run keeps nothing on disk")
        self._failed = True
        path = self.keeper.save(tensors, plain)
        self._failed = False
        return path, time.monotonic() - began
