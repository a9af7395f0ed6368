"""What the rules of the diagnosis read of a run, and what they find."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from .history import History

if TYPE_CHECKING:
    from .series import Series

Layers = tuple[Mapping[str, Any], ...]

#: The advice that comes before all others where inputs are as they come.
SCALE = "Scale the inputs (data.preprocess = standardize)"


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found."""

    text: str
    "What is seen and what to try next."
    evidence: dict[str, Any] = field(default_factory=dict)
    "The numbers it rests on."


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the diagnosis."""

    name: str
    "Stable name of the finding."
    look: Callable[[View, bool], Found | None]
    "Takes the run and whether this finding stands already: what stands is given up later than it is first told."
    unless: tuple[str, ...] = ()
    "Findings that explain this one; while one of them holds, this one is not told."
    kind: Literal["problem", "note"] = "problem"
    "A note explains what looks odd and is fine; a run with notes alone is healthy."


class View:
    """A run as the rules see it: losses relative to chance, the hyperparameters as they are now, the probed layers.

    Everything is read from the end of curves or from a few points of them, so that a view of a long run costs as
    much as one of a short run.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        from .series import Series

        self.losses = history.train.get("loss") or Series()
        self.validations = history.validation.get("loss") or Series()
        last, check = self.losses.last, self.validations.last
        self.epoch = int(last.x) if last else 0
        "The last epoch that ended; 0 while there is none."
        self.train = last.y if last else math.nan
        "Its train loss."
        self.validation = check.y if check else math.nan
        "Validation loss of the last check."
        self.checked = int(check.x) if check else 0
        "The epoch of the last check."

    def setting(self, key: str, default: Any = None) -> Any:
        """Return a value of the experiment as it is now."""
        return self.history.setting(key, default)

    @cached_property
    def reference(self) -> float:
        """The loss of knowing nothing: that of the best constant answer, or ln c where balanced weights ask for more.

        Losses that have no such level are compared with their largest batch of the first epoch.
        """
        started = self.history.started
        if started is not None and self.setting("loss.class_weights") == "balanced" and started.classes:
            return math.log(len(started.classes))
        if started is not None and started.chance and math.isfinite(started.chance):
            return started.chance
        first = self.history.batches.value_at(1)
        return first.high if first and math.isfinite(first.high) and first.high > 0 else math.nan

    @property
    def level(self) -> float:
        """Train loss relative to knowing nothing: 1 has learned nothing, 0 is perfect; NaN before the first epoch."""
        return self.train / self.reference

    @property
    def validation_level(self) -> float:
        """Validation loss relative to knowing nothing."""
        return self.validation / self.reference

    def untrained(self, standing: bool) -> bool:
        """Whether no epoch has ended or the train loss is still at least 0.7 of knowing nothing (0.5 for what stands)."""
        return not self.epoch or not self.level < (0.5 if standing else 0.7)

    @property
    def final(self) -> bool:
        """Whether the run has ended, or ends with the check just made."""
        history = self.history
        if history.ended is not None:
            return True
        stops = bool(history.checks) and history.checks[-1].verdict == "stop"
        return stops or (self.epoch > 0 and self.epoch >= history.epochs)

    @property
    def kept(self) -> int:
        """The epoch whose weights the run ends with, or would end with now: the best one where it is restored."""
        history = self.history
        if history.ended is not None:
            return history.ended.restored_epoch or self.epoch
        restores = self.final and history.best and self.setting("stopping.restore_best", True)
        return history.best[0] if restores and history.best else self.epoch

    @property
    def at(self) -> str:
        """Says at the end of which epoch numbers of the last one are, where other weights are kept; else empty."""
        return f" at epoch {self.epoch}" if self.final and self.kept != self.epoch else ""

    @property
    def kept_losses(self) -> tuple[float, float]:
        """Train and validation loss of the kept weights; the last check's where they were not validated."""
        train, validation = self.losses.value_at(self.kept), self.validations.value_at(self.kept)
        return (train.y if train else math.nan), (validation.y if validation else math.nan)

    @cached_property
    def best_checked(self) -> int:
        """The epoch of the lowest validation loss, whatever early stopping reads; 0 before the first check."""
        curve, low = self.validations, self.best_validation
        if math.isnan(low):
            return 0
        before, after = 0, self.checked
        while after - before > 1:  # the first end of a range that holds it
            middle = (before + after) // 2
            box = curve.bounds(x1=middle)
            before, after = (before, middle) if box and box.low == low else (middle, after)
        return after

    @property
    def since_best(self) -> int:
        """Checks since the lowest validation loss."""
        return math.ceil((self.checked - self.best_checked) / self.every)

    @property
    def every(self) -> int:
        """Epochs between two checks."""
        return max(1, int(self.setting("training.validate_every", 1)))

    def gap(self, epoch: int, validation: float) -> float:
        """Return by how much of knowing nothing a validation loss lies above the train loss of an epoch.

        For numbers it is no more than the difference of R², which compares each part with its own spread: a small
        part may hold more of what no model can foretell, such as outliers.
        """
        train = self.losses.value_at(epoch)
        wide = (validation - train.y) / self.reference if train else math.nan
        difference = self.r2("train", epoch) - self.r2("validation", epoch)
        return wide if math.isnan(difference) else min(wide, difference)

    def r2(self, part: Literal["train", "validation"], epoch: int) -> float:
        """Return R² of a part at an epoch; NaN where it is not measured."""
        curve = (self.history.train if part == "train" else self.history.validation).get("r2")
        point = curve.value_at(epoch) if curve is not None else None
        return point.y if point is not None else math.nan

    @property
    def chance_of_draw(self) -> float:
        """By how much of chance the losses of small parts may differ for no reason: it falls as 1 / √n of validation."""
        sizes = self.history.started.sizes if self.history.started else {}
        return 0.6 / math.sqrt(max(1, sizes.get("validation", 1000)))

    @property
    def unscaled(self) -> bool:
        """Whether the columns of a table go in as they come, some a thousand times as large as others."""
        shape = self.history.started.shape if self.history.started else ()
        return self.setting("data.preprocess") == "none" and len(shape) == 1

    @property
    def layers(self) -> Layers:
        """The hidden layers as last probed."""
        return self.history.layers[-1].layers_health if self.history.layers else ()

    @property
    def first_layers(self) -> Layers:
        """The hidden layers as first probed, before training."""
        return self.history.layers[0].layers_health if self.history.layers else ()

    @cached_property
    def best_train(self) -> float:
        """Lowest train loss so far."""
        box = self.losses.bounds()
        return box.low if box else math.nan

    @cached_property
    def best_validation(self) -> float:
        """Lowest validation loss so far."""
        box = self.validations.bounds()
        return box.low if box else math.nan

    @property
    def lr(self) -> float:
        """The learning rate that is set; NaN if unknown."""
        return float(self.setting("optimizer.lr", math.nan))

    @property
    def dropout(self) -> float:
        """The dropout rate; 0 where there is none."""
        return float(self.setting("model.dropout", 0.0))

    @property
    def batch_mean(self) -> float:
        """Mean batch loss of the last epoch, measured in training mode while the weights changed."""
        last = self.history.batches.last
        return last.y if last else math.nan

    @property
    def penalized(self) -> bool:
        """Whether an L1 or L2 penalty is on."""
        return bool(self.setting("regularization.l1", 0) or self.setting("regularization.l2", 0))

    @property
    def crushed(self) -> bool:
        """Whether a penalty has driven the weights of a hidden layer to less than a tenth of their first size."""
        pairs = zip(self.first_layers, self.layers, strict=False)
        return self.penalized and any(now["weight_rms"] < 0.1 * before["weight_rms"] for before, now in pairs)

    def recent(self, curve: Series, count: int) -> list[float]:
        """Return the values of up to `count` last epochs of a curve that has one point per epoch or check."""
        every = self.every if curve is self.validations else 1
        last = curve.last
        if last is None:
            return []
        found: dict[float, float] = {}
        for back in range(count):
            point = curve.value_at(last.x - back * every)
            if point is not None and last.x - back * every > 0:
                found[point.x] = point.y
        return [found[x] for x in sorted(found)]

    @property
    def _span(self) -> int:
        return max(5, self.epoch // 3)

    @cached_property
    def fell(self) -> float:
        """Return by what share of itself the best train loss fell over the last third of the run (5 epochs at least).

        NaN where fewer epochs than that have ended.
        """
        before = self.losses.bounds(x1=self.epoch - self._span) if self.epoch > self._span else None
        if before is None or not before.low > 0:
            return math.nan
        return (before.low - self.best_train) / before.low

    @property
    def speed(self) -> float:
        """That share per epoch."""
        return self.fell / self._span


def changed(history: History) -> int:
    """Return the last epoch after which a hyperparameter was changed while it trained; 0 if none was."""
    made = (one.epoch for one in reversed(history.commands) if one.command == "set" and not one.error)
    return next(made, 0)


def short(value: float) -> str:
    """Return a number in three significant digits: 0.112, 5962 (whole digits are never cut), 7.51e-04.

    The form is that of the numbers on the screen, with an exponent below 0.001 and from a million on; round numbers,
    which are settings, are as one types them: 0.0001.
    """
    size = abs(value)
    if not math.isfinite(value) or value == float(f"{value:.1g}"):
        return f"{value:g}"
    if not 0.001 <= size < 1e6:
        digits, exponent = f"{value:.2e}".split("e")
        return f"{digits.rstrip('0').rstrip('.')}e{exponent}"
    text = f"{value:.{max(0, 2 - math.floor(math.log10(size)))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(**values: float) -> dict[str, float]:
    """Return evidence in six significant digits."""
    return {
        name: value if isinstance(value, int) else float(f"{value:.6g}") for name, value in values.items()
    }
