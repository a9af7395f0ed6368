"""Where a run is, which is what a checkpoint keeps and a run goes on from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from .clock import Clock
from .errors import InputError
from .history import History
from .spread import Spread

if TYPE_CHECKING:
    from torch import Tensor

    from .training import Training


class Checkpoint(Protocol):
    """A saved state to go on from."""

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """What Training.tensors returned."""
        ...

    @property
    def plain(self) -> Mapping[str, Any]:
        """What the keeper was given beside them."""
        ...

    @property
    def history(self) -> History:
        """The fold of the run's log up to the checkpoint."""
        ...


class Position:
    """The state of a training, its clock, and how far it came in its epochs."""

    def __init__(self, training: Training) -> None:
        self.training = training
        self.clock = Clock()
        self.epoch = 1
        "The epoch in progress."
        self.index = 0
        "Its next batch."
        self.in_epoch = Spread()
        self.in_report = Spread()
        self.first_loss: float | None = None
        self.last_loss = math.nan
        "Of the last step made here; no checkpoint keeps it."
        self.tests = 0
        "How often the test part was evaluated."

    def now(self) -> float:
        """Seconds of training so far, without pauses."""
        return self.clock.seconds

    def take(self, loss: float) -> None:
        """Go one batch on, whose loss this is."""
        self.index += 1
        self.in_epoch.add(loss)
        self.in_report.add(loss)
        self.last_loss = loss
        if self.first_loss is None:
            self.first_loss = loss

    def reported(self) -> Spread:
        """Return the losses since the last report and begin the next."""
        spread, self.in_report = self.in_report, Spread()
        return spread

    def next_epoch(self) -> None:
        """Go on to the first batch of the next epoch."""
        self.epoch, self.index, self.in_epoch = self.epoch + 1, 0, Spread()

    def plain(self) -> dict[str, Any]:
        """Return every number a run needs to go on from here, ready for JSON; `training.tensors` is the rest."""
        return {
            "training": self.training.plain(), "experiment": self.training.experiment.plain(),
            "data_digest": self.training.data.digest, "epoch": self.epoch, "index": self.index,
            "in_epoch": asdict(self.in_epoch), "in_report": asdict(self.in_report), "first_loss": self.first_loss,
            "seconds": self.clock.seconds, "epoch_seconds": self.clock.epoch_seconds,
            "tests": self.tests,
        }  # fmt: skip

    def restore(self, checkpoint: Checkpoint) -> tuple[str, ...]:
        """Go to where a checkpoint was saved; return the random choices that do not go on where it left them.

        Raises InputError if the data, or the shapes of this experiment, are not those of the checkpoint.
        """
        plain = checkpoint.plain
        if plain["data_digest"] != self.training.data.digest:
            raise InputError(
                "the data changed since the checkpoint was saved; start a new run with `ladera run`"
            )
        anew = self.training.restore(checkpoint.tensors, plain["training"])
        self.epoch, self.index = plain["epoch"], plain["index"]
        self.in_epoch, self.in_report = Spread(**plain["in_epoch"]), Spread(**plain["in_report"])
        self.first_loss, self.tests = plain["first_loss"], plain["tests"]
        self.clock = Clock(plain["seconds"], plain["epoch_seconds"])
        return anew
