"""How the learning rate changes over a run: a pure function of the step, and a small machine for plateaus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .experiment import Schedule
from .stopping import EarlyStopping, Mode


def rate(schedule: Schedule, lr: float, step: int, steps_per_epoch: int, epochs: int) -> float:
    """Return the learning rate of update `step`, counted from 0, for a peak rate `lr`.

    warm-up: lr (step + 1) / W for the first W = warmup * steps_per_epoch updates, never 0.
    step: lr factor^k after k times `every` epochs, counted from the run's start.
    cosine: from lr after the warm-up down to lr final at the end of the last epoch, changed each update
    (torch: CosineAnnealingLR stepped per batch, T_max = all updates); it depends on `epochs`.
    constant and plateau: lr; a plateau's cuts are `Plateau.scale`, to be multiplied by the caller.
    """
    warmup = schedule.warmup * steps_per_epoch
    if step < warmup:
        return lr * (step + 1) / warmup
    if schedule.kind == "step":
        return lr * schedule.factor ** (step // (schedule.every * steps_per_epoch))
    if schedule.kind == "cosine":
        done = min(1.0, (step - warmup) / max(1, epochs * steps_per_epoch - warmup))
        return lr * (schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * done)) / 2)
    return lr


class Plateau:
    """Cuts the rate each time the monitored value has not improved for `patience` checks; feed it every check.

    Improvement is as in early stopping without min_delta: strict, and never by NaN or infinities. torch's
    ReduceLROnPlateau(patience=p - 1, threshold=0) cuts at the same checks as patience p here. For schedules
    of another kind the scale stays 1.
    """

    def __init__(self, schedule: Schedule, mode: Mode = "min") -> None:
        self._active = schedule.kind == "plateau"
        self._factor = schedule.factor
        self._judge = EarlyStopping(mode=mode, patience=schedule.patience)
        #: What to multiply the scheduled rate by.
        self.scale = 1.0

    def update(self, value: float) -> bool:
        """Take the value of one check and tell whether it cut the rate; the count then starts anew."""
        if not self._active or not self._judge.update(0, value).stop:
            return False
        self.scale *= self._factor
        self._judge.restore({**self._judge.state(), "wait": 0})
        return True

    def state(self) -> dict[str, Any]:
        """Return scale and count, without the configuration, as values that JSON can hold."""
        # The judge's epochs say nothing here: checks are only counted.
        return {"scale": self.scale, **self._judge.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state()` returned; raises ValueError if the mapping is not such a state."""
        rest = dict(state)
        scale = rest.pop("scale", None)
        if not isinstance(scale, float):
            raise ValueError(f"not a state of a plateau schedule: {sorted(state)}")
        self._judge.restore(rest)
        self.scale = scale
