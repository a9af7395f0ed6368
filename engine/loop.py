"""The training loop: an experiment in, events out.

    for event in run(Experiment.model_validate({"data": {"name": "digits"}})):
        print(event)

One epoch sees every training example once. At its end the loss and the metrics are measured on the training and,
every `validate_every` epochs and at the last, on the validation part, both in evaluation mode. Early stopping reads
the validation value only. The test part is evaluated once, at the end, with the best weights.
"""

from __future__ import annotations

import math
import platform
import time
import traceback
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

import torch

from . import diagnosis, ending, probes
from .branching import Branch, Ring
from .changes import changes, refuse_unchangeable
from .clock import Clock
from .controls import Command, Controls, refusal
from .data.prepare import Examples
from .ending import Ending
from .errors import InputError, LaderaError
from .events import (
    Checked,
    CheckpointSaved,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    LayersProbed,
    PausedAt,
    Probed,
    Resumed,
    RunEnded,
    RunStarted,
    StepsEnded,
    StorageFailed,
)
from .experiment import Experiment
from .history import History
from .saving import Keeper, Saving
from .spread import Spread
from .training import Training


class Checkpoint(Protocol):
    """A saved state to go on from."""

    @property
    def tensors(self) -> Mapping[str, torch.Tensor]:
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


def run(
    experiment: Experiment,
    controls: Controls | None = None,
    *,
    keeper: Keeper | None = None,
    checkpoint: Checkpoint | None = None,
    ring: Ring | None = None,
    linger: bool = False,
) -> Iterator[Event]:
    """Train and yield what happens; the last event but probes is RunEnded.

    Args:
        experiment: what to train.
        controls: commands from another thread or a signal handler, taken at step boundaries.
        keeper: keeps checkpoints and the final weights; None keeps nothing.
        checkpoint: go on from this state; from there on the events are those of an undisturbed run. A `Branch`
            begins a run of its own.
        ring: keeps states to branch from.
        linger: after the end, answer probes until `controls.stop()`.

    Raises:
        InputError: the data cannot be read or do not fit the experiment; nothing was yielded before.
    """
    loop = _Loop(experiment, controls or Controls(), keeper, checkpoint, ring)
    history = checkpoint.history if checkpoint else History()
    begun, failure = False, ""
    threads = torch.get_num_threads()
    try:
        for event in loop.events():
            begun = True
            history.apply(event)
            yield event
            for finding in _findings(history, event):
                history.apply(finding)
                yield finding
    except Exception as error:
        if not begun or history.ended is not None:
            raise
        failure = _in_words(error, loop.training)
        # What the failed step held is free before anything is saved.
        traceback.clear_frames(error.__traceback__)
    finally:
        torch.set_num_threads(threads)
    if failure:
        yield from loop.fail(failure)
    if linger:
        yield from loop.answer_probes()


def _findings(history: History, event: Event) -> list[Diagnosed]:
    """What the diagnosis finds; a fault of its own is one finding, and no end of the run."""
    try:
        return [*diagnosis.news(history, event)]
    except Exception as error:
        if any(one.finding == _NO_DIAGNOSIS for one in history.diagnoses):
            return []
        text = f"The diagnosis failed ({type(error).__name__}: {error}); training goes on without it."
        return [Diagnosed(time=event.time, finding=_NO_DIAGNOSIS, text=text, epoch=history.epoch)]


_NO_DIAGNOSIS = "no_diagnosis"
_OTHER_RANDOM_NUMBERS = "other_random_numbers"


def _in_words(error: Exception, training: Training) -> str:
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return f"out of memory with batches of {training.batch_size}: try a smaller training.batch_size"
    return f"{type(error).__name__}: {error}"


class _Loop:
    """The loop and its position in the run, which together with `training` is what a checkpoint keeps."""

    def __init__(
        self,
        experiment: Experiment,
        controls: Controls,
        keeper: Keeper | None,
        checkpoint: Checkpoint | None,
        ring: Ring | None,
    ) -> None:
        self.training = Training(experiment)
        self.controls = controls
        self.saving = Saving(keeper)
        self.clock = Clock()
        self.checkpoint = checkpoint
        self.ring = ring
        self.epoch = 1
        "The epoch in progress."
        self.index = 0
        "Its next batch."
        self.in_epoch = Spread()
        self.in_report = Spread()
        self.first_loss: float | None = None
        self.last_loss = math.nan
        self.tests = 0
        self.anew: tuple[str, ...] = ()
        "Random choices that do not go on where the checkpoint left them."
        self.ending: Ending | None = None
        "Set once the run is to end."
        self.paused = False
        self.pause_at_step: int | None = None
        self.pause_after_epoch: int | None = None
        self.stop_after_epoch = False
        self.pace = 0.0
        "Least seconds per epoch; 0 is as fast as it goes."

    # -- the story ---------------------------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        training = self.training
        torch.set_num_threads(training.threads())
        chance = training.chance()
        report_every = training.report_every()
        if self.checkpoint is None or isinstance(self.checkpoint, Branch):
            if self.checkpoint is not None:
                refuse_unchangeable(changes(self.checkpoint.plain["experiment"], training.experiment.plain()))
                self._restore(self.checkpoint)
                # What was best before the branch is the parent's: a new run is judged by what it does itself.
                training.forget_best()
                self.tests = 0
            yield self._started(chance)
            yield from self._other_random_numbers()
            yield self._probe_layers()
            self._keep_in_ring()
        else:
            self._restore(self.checkpoint)
            if self.checkpoint.history.started is None:
                yield replace(self._started(chance), time=self.now(), again=True)
            yield self._resumed(self.checkpoint)
            yield from self._other_random_numbers()
        while self.ending is None and self.epoch <= training.experiment.training.epochs:
            while self.index < training.steps_per_epoch:
                loss = training.update(self.epoch, self.index) * training.unit
                self.index += 1
                self._take(loss)
                if not math.isfinite(loss):
                    self.ending = ending.diverged(f"the loss became {loss} at step {training.step + 1}")
                    yield self._steps_ended(training.step + 1)
                    break
                if training.step % report_every == 0:
                    yield self._steps_ended()
                if self.controls.pending or self.paused or training.step == self.pause_at_step:
                    yield from self._obey()
                    self.clock.start()
                if self.ending is not None:
                    break
                if self.saving.due(training.experiment.training.checkpoint_every):
                    yield self._save()
            if self.ending is None:
                yield from self._end_epoch(chance)
        if self.ending is None:
            self.ending = ending.finished(self.epoch - 1, training.experiment.training.epochs)
        yield from self._end()

    def _started(self, chance: float | None) -> RunStarted:
        training, data = self.training, self.training.data
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
            parent=self.checkpoint.parent if isinstance(self.checkpoint, Branch) else {},
        )

    def _resumed(self, checkpoint: Checkpoint) -> Resumed:
        training, checks = self.training, checkpoint.history.checks
        if checks and checks[-1].verdict == "stop" and training.stopping.exhausted:
            self.ending = ending.stopped_early(training.experiment.stopping, checks[-1])
        found = changes(checkpoint.plain["experiment"], training.experiment.plain())
        return Resumed(time=self.now(), epoch=self.epoch - 1, step=training.step, changes=found)

    def _other_random_numbers(self) -> Iterator[Event]:
        """Say so if the run is not the bit-exact continuation of the one that was saved."""
        if self.anew:
            text = (
                "The checkpoint is of another kind of device, whose random numbers this one cannot go on with: "
                f"those of {' and '.join(self.anew)} begin anew here, from the same seed and this step."
            )
            yield Diagnosed(time=self.now(), finding=_OTHER_RANDOM_NUMBERS, text=text, epoch=self.epoch - 1)

    def _take(self, loss: float) -> None:
        self.in_epoch.add(loss)
        self.in_report.add(loss)
        self.last_loss = loss
        if self.first_loss is None:
            self.first_loss = loss

    def _steps_ended(self, step: int | None = None) -> StepsEnded:
        spread, self.in_report = self.in_report, Spread()
        return StepsEnded(
            time=self.now(), epoch=self.epoch, step=self.training.step if step is None else step,
            loss=spread.mean, low=spread.low, high=spread.high,
        )  # fmt: skip

    def _end_epoch(self, chance: float | None) -> Iterator[Event]:
        training = self.training
        epoch, spread = self.epoch, self.in_epoch
        train = yield from self._evaluate(training.data.train)
        if train is None:
            return
        train |= {
            "penalty": training.penalty(),
            "batches": {"mean": spread.mean, "low": spread.low, "high": spread.high},
        }
        config, validation = training.experiment.training, None
        if epoch % config.validate_every == 0 or epoch == config.epochs:
            validation = yield from self._evaluate(training.data.validation)
            if validation is None:
                return
        seconds = self.clock.lap()
        yield EpochEnded(
            time=self.now(), epoch=epoch, step=training.step, train=train, validation=validation, lr=training.optimizer.lr,
            seconds=seconds, examples_per_second=len(training.data.train.x) / seconds,
        )  # fmt: skip
        self.epoch, self.index, self.in_epoch = epoch + 1, 0, Spread()
        if validation is not None:
            yield self._check(epoch, validation)
        if epoch & (epoch - 1) == 0:
            yield self._probe_layers()
        self._keep_in_ring()
        start = max(self.first_loss or 0.0, chance or 0.0)
        # One batch loss, taken before its update, may be a single overshoot: the epoch's end must be as bad.
        if not math.isfinite(train["loss"]):
            self.ending = ending.diverged(f"the training loss became {train['loss']} in epoch {epoch}")
        elif self.ending is None and spread.low > 10 * start > 0 and train["loss"] > 10 * start:
            words = f"the loss stayed above ten times its start ({start:.4g}) through epoch {epoch}"
            self.ending = ending.diverged(words)
        if self.ending is None and self.stop_after_epoch:
            self.ending = Ending("stopped", f"stopped on request after epoch {epoch}")
        if self.ending is None and self.pause_after_epoch is not None and epoch >= self.pause_after_epoch:
            self.pause_after_epoch = None
            yield self._taken(Command("pause"))
            self.paused = True
            yield from self._obey()
        yield from self._keep_pace(seconds)

    def _evaluate(self, examples: Examples) -> Generator[Event, None, dict[str, Any] | None]:
        """Evaluate, obeying commands between portions; None if the run is to end before it is through.

        What is saved meanwhile is the state after the epoch's last step: who goes on from it evaluates anew.
        """
        parts: list[torch.Tensor] = []
        for part in self.training.portions(examples.x):
            parts.append(part)
            if self.controls.pending:
                yield from self._obey()
                self.clock.start()
            if self.ending is not None:
                return None
        return self.training.measured(torch.cat(parts), examples.y)

    def _keep_pace(self, seconds: float) -> Iterator[Event]:
        """Wait out what is left of the pace asked for, so that an eye can follow; no training time, no other number."""
        began = time.monotonic() - seconds
        self.clock.stop()
        while self.ending is None and (left := began + self.pace - time.monotonic()) > 0:
            self.controls.wait(left)
            yield from self._obey()
        self.clock.start()

    def _check(self, epoch: int, validation: Mapping[str, Any]) -> Checked:
        training, stopping = self.training, self.training.experiment.stopping
        value = validation["loss"] if stopping.monitor == "loss" else validation["metrics"][stopping.monitor]
        training.torn = True
        verdict = training.stopping.update(epoch, value)
        training.plateau.update(value)
        if verdict.best_epoch == epoch:
            training.keep_best()
        training.torn = False
        if verdict.stop:
            self.ending = ending.stopped_early(stopping, verdict)
        return Checked(
            time=self.now(), epoch=epoch, value=value, best=verdict.best, best_epoch=verdict.best_epoch,
            reference=verdict.reference, wait=verdict.wait, patience=verdict.patience,
            verdict="stop" if verdict.stop else "improved" if verdict.improved else "waiting",
        )  # fmt: skip

    def _end(self) -> Iterator[Event]:
        assert self.ending is not None
        training, keeper = self.training, self.saving.keeper
        restores = training.experiment.stopping.restore_best and training.best_parameters is not None
        if keeper is not None and self.ending.saves:
            yield self._save()
        restored = training.stopping.state()["best_epoch"] if restores and training.restore_best() else None
        test = None
        # Weights that diverged tell nothing.
        if self.ending.tests and len(training.data.test.x) and (self.ending.reason != "diverged" or restores):
            test = yield from self._test()
        event = self.ended(self.ending, restored=restored, test=test)
        if keeper is not None and self.ending.keeps:
            try:
                keeper.finish(training.tensors(), self._plain())
            except OSError as error:
                yield StorageFailed(time=self.now(), what="final weights", error=str(error))
        yield event

    def _test(self) -> Generator[Event, None, dict[str, Any] | None]:
        """Evaluate the test part; None, and another ending, if somebody asks for the end meanwhile.

        The state was saved before, unless the run diverged, which it will do again: going on leads here once more.
        """
        training, parts = self.training, list[torch.Tensor]()
        for part in training.portions(training.data.test.x):
            parts.append(part)
            command = yield from self._asked_to_leave()
            if command is not None:
                wish = ending.asked(command)
                self.ending = replace(wish, detail=f"{wish.detail} before the test part was evaluated")
                return None
        self.tests += 1
        return training.measured(torch.cat(parts), training.data.test.y) | {"evaluations": self.tests}

    def fail(self, detail: str) -> Iterator[Event]:
        """End a run that an exception cut off: whatever can be kept is, and it can go on from its last complete step."""
        whole = not self.training.torn
        self.ending = Ending("failed", detail, keeps=whole, saves=whole, tests=False)
        try:
            yield from self._end()
        except Exception as error:
            yield self.ended(replace(self.ending, detail=f"{detail}; nor could it be saved ({error})"))

    def ended(
        self, end: Ending, *, restored: int | None = None, test: Mapping[str, Any] | None = None
    ) -> RunEnded:
        """Build the last event."""
        return RunEnded(
            time=self.now(), reason=end.reason, epoch=self.epoch - 1, step=self.training.step,
            best_epoch=self.training.stopping.state()["best_epoch"], restored_epoch=restored, test=test,
            weights=self.training.sparsity(), seconds=self.now(), detail=end.detail, interrupted_by=end.interrupted_by,
        )  # fmt: skip

    # -- commands ----------------------------------------------------------------------------------------------------

    def _obey(self) -> Iterator[Event]:
        """Take waiting commands; while paused, wait for more, with the clock stopped."""
        if self.training.step == self.pause_at_step:
            self.pause_at_step, self.paused = None, True
            yield self._taken(Command("pause"))
        told = False
        while True:
            for command in self.controls.take():
                yield from self._one(command)
            if not self.paused or self.ending is not None:
                return
            if not told:
                told = True
                yield PausedAt(
                    time=self.now(), epoch=self.epoch, step=self.training.step, loss=self.last_loss
                )
            self.clock.stop()
            self.controls.wait(60.0)

    def _one(self, command: Command) -> Iterator[Event]:
        training, value = self.training, command.value
        error = refusal(command.name, value)
        if error:
            yield self._taken(Command(command.name), error)  # without a value that no log may be able to hold
            return
        match command.name:
            case "pause":
                self.paused = True
            case "resume":
                self.paused = False
            case "step":
                self.pause_at_step, self.paused = training.step + value, False
            case "run_epochs":
                self.pause_after_epoch, self.paused = self.epoch - 1 + value, False
            case "finish_epoch":
                self.stop_after_epoch, self.paused = True, False
            case "stop" | "abandon":
                self.ending = ending.asked(command)
            case "pace":
                self.pace = float(value)
            case "checkpoint":
                yield self._taken(command)
                yield self._save()
                return
            case "set":
                try:
                    training.change(value["key"], value["value"])
                except LaderaError as fault:
                    error = str(fault)
            case "probe":
                yield self._probe(command)
                return
            case name:
                raise AssertionError(f"{name} is in COMMANDS and not obeyed")
        yield self._taken(command, error)

    def _taken(self, command: Command, error: str = "") -> CommandTaken:
        return CommandTaken(
            time=self.now(), command=command.name, value=command.value, epoch=self.epoch - 1,
            step=self.training.step, error=error,
        )  # fmt: skip

    def _asked_to_leave(self) -> Generator[Event, None, Command | None]:
        """Take waiting commands once training is over: answer questions, and return what asks for the end, if anything."""
        leave: Command | None = None
        for command in self.controls.take() if self.controls.pending else ():
            if refusal(command.name, command.value):
                continue
            if command.name == "probe":
                yield self._probe(command)
            elif command.name in ("stop", "abandon"):
                leave = leave or command
        return leave

    def answer_probes(self) -> Iterator[Event]:
        """After the end, answer questions about the final network until told to stop."""
        self.clock.stop()
        while (yield from self._asked_to_leave()) is None:
            self.controls.wait(60.0)

    def _probe(self, command: Command) -> Probed:
        options = dict(command.value)
        name = options.pop("name")
        try:
            answer = probes.PROBES[name](self.training, **options)
        except Exception as error:  # A question may never end a run.
            answer = {"error": f"{type(error).__name__}: {error}"}
        return Probed(time=self.now(), probe=name, step=self.training.step, answer=answer)

    def _probe_layers(self) -> LayersProbed:
        health = probes.layer_health(self.training)
        return LayersProbed(
            time=self.now(), epoch=self.epoch - 1, step=self.training.step, layers_health=health
        )

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def _save(self) -> Event:
        try:
            path, seconds = self.saving.save(self.training.tensors(), self._plain())
        except OSError as error:
            return StorageFailed(time=self.now(), what="checkpoint", error=str(error))
        return CheckpointSaved(
            time=self.now(), epoch=self.epoch - 1, step=self.training.step, path=path, seconds=seconds
        )

    def _plain(self) -> dict[str, Any]:
        return {
            "training": self.training.plain(), "experiment": self.training.experiment.plain(),
            "data_digest": self.training.data.digest, "epoch": self.epoch, "index": self.index,
            "in_epoch": asdict(self.in_epoch), "in_report": asdict(self.in_report), "first_loss": self.first_loss,
            "seconds": self.clock.seconds, "epoch_seconds": self.clock.epoch_seconds,
            "tests": self.tests,
        }  # fmt: skip

    def _keep_in_ring(self) -> None:
        if self.ring is not None and self.ring.due(self.epoch - 1):
            self.ring.keep(self.epoch - 1, self.training.tensors(), self._plain())

    def _restore(self, checkpoint: Checkpoint) -> None:
        plain = checkpoint.plain
        if plain["data_digest"] != self.training.data.digest:
            raise InputError(
                "the data changed since the checkpoint was saved; start a new run with `ladera run`"
            )
        self.anew = self.training.restore(checkpoint.tensors, plain["training"])
        self.epoch, self.index = plain["epoch"], plain["index"]
        self.in_epoch, self.in_report = Spread(**plain["in_epoch"]), Spread(**plain["in_report"])
        self.first_loss, self.tests = plain["first_loss"], plain["tests"]
        self.clock = Clock(plain["seconds"], plain["epoch_seconds"])

    def now(self) -> float:
        """Seconds of training so far, without pauses."""
        return self.clock.seconds


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
