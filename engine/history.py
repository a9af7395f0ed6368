"""The fold of a run's events: everything a view, a summary or a diagnosis needs to know of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from .changes import with_changes
from .controls import COMMANDS
from .events import (
    Checked,
    CheckpointSaved,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    LayersProbed,
    PausedAt,
    Resumed,
    RunEnded,
    RunStarted,
    StepsEnded,
    StorageFailed,
)
from .stopping import bar, would_stop_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .series import Series


@dataclass(frozen=True, slots=True)
class _Mark:
    """How much was known when a checkpoint was saved: to there a resumed run rewinds."""

    checks: int
    layers: int
    diagnoses: int
    commands: int
    saved: int
    changes: Mapping[str, Any]


class Turn(NamedTuple):
    """A value that a run took on after it began."""

    epoch: int
    "Epochs that had ended by then."
    step: int
    key: str
    value: Any


class History:
    """A run as far as its events tell; `apply` is the only way in, beside `take_steps` for very many of a kind.

    Curves are `Series` over the epoch (`train`, `validation`: by metric name, "loss" among them) or the step
    (`steps`: batch losses with their extremes). `version` grows with every event, so that a view knows what is new.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        # With it comes numpy, which lists of runs and the first frame of the lab do not wait for.
        from .series import Series

        self.started: RunStarted | None = None
        self.ended: RunEnded | None = None
        self.train: dict[str, Series] = {}
        self.validation: dict[str, Series] = {}
        self.steps = Series()
        self.batches = Series()
        "Batch losses by epoch: mean, lowest, highest."
        self.penalty = Series()
        self.lr = Series()
        self.epoch_seconds = Series()
        self.epoch_times = Series()
        "Seconds since the run began at each epoch's end."
        self.checks: list[Checked] = []
        self.layers: list[LayersProbed] = []
        self.diagnoses: list[Diagnosed] = []
        self.commands: list[CommandTaken] = []
        self.resumes: list[Resumed] = []
        self.saved: list[CheckpointSaved] = []
        self.storage: StorageFailed | None = None
        "The last storage fault since the last good checkpoint; None while all is well."
        self.epoch = 0
        self.step = 0
        self.batch_loss: float | None = None
        "The newest batch loss, or mean of some; None before the first."
        self.time = 0.0
        self.examples_per_second = 0.0
        self.paused = False
        self.pace = 0.0
        "Least seconds per epoch that were asked for."
        self.version = 0
        self._changes: dict[str, Any] = {}
        self._marks: dict[tuple[int, int], _Mark] = {}

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        """Fold a whole run."""
        history = cls()
        for event in events:
            history.apply(event)
        return history

    def apply(self, event: Event) -> None:
        """Take one event in."""
        self.version += 1
        self.time = max(self.time, event.time)
        match event:
            case EpochEnded():
                self._epoch_ended(event)
            case StepsEnded():
                self.epoch, self.step, self.batch_loss = event.epoch, event.step, event.loss
                self.steps.append(event.step, event.loss, event.low, event.high)
            case Checked():
                self.checks.append(event)
            case RunStarted():
                if self.version > 1 and not event.again:
                    self._start_over()
                self.started = event
            case LayersProbed():
                self.layers.append(event)
            case Diagnosed():
                self.diagnoses.append(event)
            case CommandTaken():
                self._command(event)
            case CheckpointSaved():
                self.saved.append(event)
                self.storage = None
                self._set_mark(event)
            case StorageFailed():
                self.storage = event
            case PausedAt():
                self.step, self.batch_loss = event.step, event.loss
            case Resumed():
                self._rewind(event)
            case RunEnded():
                self.ended, self.paused = event, False
                self.epoch, self.step = event.epoch, event.step
            case _:
                pass

    def take_steps(
        self, curve: Iterable[Sequence[NDArray[Any]]], count: int, ends: Sequence[StepsEnded]
    ) -> int:
        """Take in `count` step reports at once, as `apply` does one by one; return how many of them could not be.

        `curve` gives their steps, losses, lowest and highest in portions: without those that a later attempt superseded,
        and neighbours may be merged. `ends` are the last reports of each attempt, of which the very last says where the
        run is.
        """
        bad = 0
        for columns in curve:
            try:
                self.steps.extend(*columns)
            except ValueError:
                # Steps that go back without a resume: a damaged record among them; each is tried alone.
                for point in zip(*(column.tolist() for column in columns), strict=True):
                    try:
                        self.steps.append(*point)
                    except ValueError:
                        bad += 1
        self.version += count
        for event in ends:
            self.time = max(self.time, event.time)
            self.epoch, self.step, self.batch_loss = event.epoch, event.step, event.loss
        return bad

    def _epoch_ended(self, event: EpochEnded) -> None:
        epoch = self.epoch = event.epoch
        self.step = event.step
        self.examples_per_second = event.examples_per_second
        _curves(self.train, epoch, event.train)
        if event.validation is not None:
            _curves(self.validation, epoch, event.validation)
        self.penalty.append(epoch, event.train.get("penalty", 0.0))
        batches = event.train.get("batches")
        if batches:
            self.batches.append(epoch, batches["mean"], batches["low"], batches["high"])
        self.lr.append(epoch, event.lr)
        self.epoch_seconds.append(epoch, event.seconds)
        self.epoch_times.append(epoch, event.time)

    def _command(self, event: CommandTaken) -> None:
        if (
            event.command in ("set", "pace")
            and not event.error
            and not COMMANDS[event.command].takes(event.value)
        ):
            raise ValueError(f"{event.command} cannot have been obeyed with {repr(event.value)[:60]}")
        self.commands.append(event)
        self.step = max(self.step, event.step)  # single steps are too few for a report of their own
        if event.error:
            return
        if event.command == "pause":
            self.paused = True
        elif event.command in COMMANDS and COMMANDS[event.command].ends_pause:
            self.paused = False
        elif event.command == "pace":
            self.pace = float(event.value)
        elif event.command == "set":
            self._changes[event.value["key"]] = event.value["value"]

    def _rewind(self, event: Resumed) -> None:
        """Forget what lies after the checkpoint, so that no curve shows a step twice."""
        last_epoch, changed = event.epoch, {key: new for key, (_, new) in event.changes.items()}
        for series in (*self.train.values(), *self.validation.values(), self.penalty, self.batches, self.lr,
                       self.epoch_seconds, self.epoch_times):  # fmt: skip
            series.truncate_after(last_epoch)
        self.steps.truncate_after(event.step)
        mark = self._marks.get((event.step, event.epoch))
        if mark is not None:
            del self.checks[mark.checks :]
            del self.layers[mark.layers :]
            del self.diagnoses[mark.diagnoses :]
            del self.commands[mark.commands :]
            del self.saved[mark.saved :]
            self._changes = dict(mark.changes)
        else:
            # The kill came before the log told of the checkpoint: nothing lies after it, except from other attempts.
            self.checks = [check for check in self.checks if check.epoch <= last_epoch]
            self.layers = [probe for probe in self.layers if probe.step <= event.step]
            self.diagnoses = [finding for finding in self.diagnoses if finding.epoch <= last_epoch]
            self.commands = [command for command in self.commands if command.step <= event.step]
            self.saved = [one for one in self.saved if one.step <= event.step]
        self.resumes.append(event)
        self.epoch, self.step = event.epoch, event.step
        self.ended, self.paused, self.pace = None, False, 0.0
        self._changes |= changed
        self._marks = {at: mark for at, mark in self._marks.items() if at <= (event.step, event.epoch)}
        self._set_mark(event)

    def _set_mark(self, event: CheckpointSaved | Resumed) -> None:
        self._marks[event.step, event.epoch] = _Mark(
            len(self.checks), len(self.layers), len(self.diagnoses), len(self.commands), len(self.saved),
            dict(self._changes),
        )  # fmt: skip

    def _start_over(self) -> None:
        """Forget an attempt that was cut off before its first checkpoint: the run was started again from the beginning."""
        version, time = self.version, self.time
        self.reset()
        self.version, self.time = version, time

    # -- what views ask ----------------------------------------------------------------------------------------------

    def setting(self, key: str, default: Any = None) -> Any:
        """Return a value of the experiment by its dotted key, as changed by commands since."""
        if key in self._changes:
            return self._changes[key]
        section: Mapping[str, Any] = self.started.experiment if self.started else {}
        *path, last = key.split(".")
        for name in path:
            section = section.get(name, {})
        return section.get(last, default)

    @property
    def in_force(self) -> dict[str, Any]:
        """The experiment as plain values, with what commands changed since; empty before the run began."""
        return with_changes(self.started.experiment, self._changes) if self.started else {}

    def turns(self, before: float = math.inf) -> list[Turn]:
        """Return the values that commands and a going-on with other values set, in order, up to the end of epoch `before`."""
        found: list[Turn] = []
        for event in sorted([*self.commands, *self.resumes], key=lambda event: event.time):
            if isinstance(event, Resumed):
                new = {key: value for key, (_, value) in event.changes.items()}
            elif event.command == "set" and not event.error:
                new = {str(event.value["key"]): event.value["value"]}
            else:
                continue
            found += (Turn(event.epoch, event.step, key, value) for key, value in new.items())
        return [turn for turn in found if turn.epoch < before]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know of how the run went on last, or else of how it began."""
        if self.resumes:
            return self.resumes[-1].notes
        return self.started.notes if self.started else ()

    @property
    def epochs_done(self) -> int:
        """Epochs that have ended; `epoch` is the one in progress while steps are reported."""
        last = self.epoch_seconds.last
        return int(last.x) if last else 0

    @property
    def state(self) -> str:
        """Return waiting, training, paused, or the reason why the run ended."""
        if self.ended is not None:
            return self.ended.reason
        if self.started is None:
            return "waiting"
        return "paused" if self.paused else "training"

    @property
    def epochs(self) -> int:
        """Epochs the run may make."""
        return int(self.setting("training.epochs", 0))

    @property
    def monitor(self) -> str:
        """The validation value that early stopping reads."""
        return str(self.setting("stopping.monitor", "loss"))

    @property
    def best(self) -> tuple[int, float] | None:
        """Epoch and value of the best check so far."""
        if not self.checks or self.checks[-1].best_epoch is None or self.checks[-1].best is None:
            return None
        return self.checks[-1].best_epoch, self.checks[-1].best

    @property
    def bar(self) -> float | None:
        """The value that the next check must beat to count as an improvement; None before the first one."""
        if not self.checks or self.checks[-1].reference is None:
            return None
        delta = float(self.setting("stopping.min_delta", 0.0))
        return bar(self.checks[-1].reference, delta, self.setting("stopping.mode", "min"))

    @property
    def gap(self) -> float | None:
        """Validation loss minus train loss at the last check, both measured the same way."""
        validation, train = self.validation.get("loss"), self.train.get("loss")
        last = validation.last if validation else None
        same = train.value_at(last.x) if train and last else None
        return last.y - same.y if last and same else None

    @property
    def stops_at(self) -> int | None:
        """Epoch at which early stopping would end the run if nothing improves; None if it never would."""
        if not self.checks or self.ended is not None or not self.setting("stopping.enabled", True):
            return None
        last = self.checks[-1]
        return would_stop_at(
            last.epoch,
            last.wait,
            int(self.setting("stopping.patience", last.patience)),
            int(self.setting("training.validate_every", 1)),
            int(self.setting("stopping.warm_up", 0)),
        )

    def eta(self) -> float | None:
        """Return the seconds to the end of the last epoch at the pace of the recent ones, evaluations included.

        An upper bound, since the run may stop early; None before the first epoch has ended, and after the run has.
        Of five epochs or more the longest counts as the next longest: single steps or a page that was opened stretch one.
        """
        last = self.epoch_seconds.last
        if last is None or self.started is None or self.ended is not None:
            return None
        # Four evaluations at least: one of them is no accident.
        count = max(20, 4 * int(self.setting("training.validate_every", 1)))
        recent = sorted(
            self.epoch_seconds.envelope(max(1.0, last.x - count + 1), last.x, count).mean.tolist()
        )
        if len(recent) >= 5:
            recent[-1] = recent[-2]
        pace = sum(recent) / len(recent) if recent else math.nan
        return max(pace, self.pace) * max(0.0, self.epochs - self.step / self.started.steps_per_epoch)


def _curves(curves: dict[str, Series], epoch: int, values: Mapping[str, Any]) -> None:
    from .series import Series

    for name, value in (("loss", values["loss"]), *values.get("metrics", {}).items()):
        if name not in curves:
            curves[name] = Series()
        curves[name].append(epoch, value)
