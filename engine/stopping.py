"""Early stopping: decides at each check whether the validation value still improves; knows no trainer and no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Mode = Literal["min", "max"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What early stopping decided at one check."""

    improved: bool
    "The value beats the reference by more than min_delta."
    stop: bool
    "Training ends here."
    wait: int
    "Checks in a row that did not reset the count."
    patience: int
    "The count at which training stops; at least 1."
    best: float | None
    "The best value ever seen; None while no finite one was."
    best_epoch: int | None
    "The earliest epoch with the best value: the one to restore."
    reference: float | None
    "The value to beat: the best among those that improved by more than min_delta."
    reference_epoch: int | None
    "The epoch of the reference."


@dataclass(frozen=True, slots=True)
class _State:
    wait: int = 0
    best: float | None = None
    best_epoch: int | None = None
    reference: float | None = None
    reference_epoch: int | None = None


@dataclass(kw_only=True)
class EarlyStopping:
    """Stops training when the monitored validation value has not improved for `patience` checks.

    A value improves if it beats the reference by more than `min_delta` (v < reference - min_delta, or
    v > reference + min_delta for mode "max"; a tie, or a gain of exactly min_delta, does not) and then
    becomes the reference, so that many small gains add up. NaN and infinities never improve and never
    become the best. Training stops when `wait`, the checks in a row without improvement, reaches
    max(1, patience), as in Keras. With a `baseline` only an improvement that is also strictly better than
    the baseline resets the count. Up to and including epoch `warm_up`, of epochs counted from 1, the best
    and the reference are recorded, nothing is counted and nothing stops. Not `enabled`: everything is
    recorded and counted, nothing stops.

    The epoch to restore is that of the best value ever seen, the earliest of ties; Keras and Lightning
    restore the reference instead. Configuration comes from the arguments only, never from a saved state.
    Raises ValueError on values that have no meaning.
    """

    enabled: bool = True
    monitor: str = "loss"
    mode: Mode = "min"
    patience: int = 10
    min_delta: float = 0.0
    baseline: float | None = None
    warm_up: int = 0
    restore_best: bool = True

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max"):
            raise ValueError(f'mode must be "min" or "max", not {self.mode!r}')
        if self.patience < 0 or self.warm_up < 0:
            raise ValueError("patience and warm_up must not be negative")
        if not (math.isfinite(self.min_delta) and self.min_delta >= 0):
            raise ValueError(f"min_delta must be finite and not negative, not {self.min_delta}")
        if self.baseline is not None and not math.isfinite(self.baseline):
            raise ValueError(f"baseline must be finite, not {self.baseline}")
        self._state = _State()

    def update(self, epoch: int, value: float) -> Verdict:
        """Take the value of one check, at the end of `epoch`, and decide."""
        value, old = float(value), self._state
        best, best_epoch = old.best, old.best_epoch
        if self.beats(value, best):
            best, best_epoch = value, epoch
        improved = self.beats(value, old.reference, self.min_delta)
        reference, reference_epoch = (value, epoch) if improved else (old.reference, old.reference_epoch)
        resets = improved and (self.baseline is None or self.beats(value, self.baseline))
        warming = self.warm_up > 0 and epoch <= self.warm_up
        wait = 0 if resets or warming else old.wait + 1
        self._state = _State(wait, best, best_epoch, reference, reference_epoch)
        patience = max(1, self.patience)
        return Verdict(
            improved=improved,
            stop=self.enabled and wait >= patience,
            patience=patience,
            **asdict(self._state),
        )

    @property
    def exhausted(self) -> bool:
        """Whether the count, as it is now, ends the training."""
        return self.enabled and self._state.wait >= max(1, self.patience)

    def beats(self, value: float, other: float | None, margin: float = 0.0) -> bool:
        """Tell whether a value is finite and better than another (any finite one beats None) by more than a margin."""
        if not math.isfinite(value):
            return False
        if other is None:
            return True
        return value < other - margin if self.mode == "min" else value > other + margin

    def state(self) -> dict[str, Any]:
        """Return what was seen so far, without the configuration, as values that JSON can hold."""
        return asdict(self._state)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state()` returned; raises ValueError if the mapping is not such a state."""
        if state.keys() != asdict(self._state).keys():
            raise ValueError(f"not a state of early stopping: {sorted(state)}")
        self._state = _State(**state)


def bar(reference: float, min_delta: float, mode: str) -> float:
    """Return what the next value must beat: the reference, less min_delta where lower is better, plus it elsewhere."""
    return reference - min_delta if mode == "min" else reference + min_delta


def replay(values: Sequence[tuple[int, float]], **config: Any) -> list[Verdict]:
    """Return the verdicts that a configuration would have given on recorded (epoch, value) pairs.

    The list ends with the first verdict that stops: later values would not have been measured.
    """
    stopping, verdicts = EarlyStopping(**config), list[Verdict]()
    for epoch, value in values:
        verdicts.append(stopping.update(epoch, value))
        if verdicts[-1].stop:
            break
    return verdicts


def would_stop_at(epoch: int, wait: int, patience: int, every: int = 1, warm_up: int = 0) -> int:
    """Return the epoch at which training stops if no coming check improves.

    `epoch` is the last finished one and `wait` its count; checks happen at the multiples of `every`.
    The run's last epoch is checked too, and may come first.
    """
    missing = max(1, patience) - wait
    return epoch if missing <= 0 else (max(epoch, warm_up) // every + missing) * every
