"""The training loop: an experiment in, events out.

    for event in run(Experiment.model_validate({"data": {"name": "digits"}})):
        print(event)

One epoch sees every training example once. At its end the loss and the metrics are measured on the training and,
every `validate_every` epochs and at the last, on the validation part, both in evaluation mode. Early stopping reads
the validation value only. The test part is evaluated once, at the end, with the best weights.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from . import beginning, diagnosis, ending, probes
from .branching import Branch, Ring
from .chance import chance
from .changes import changes, refuse_unchangeable
from .controls import Controls
from .data.prepare import Examples
from .ending import Ending
from .events import (
    Checked,
    Diagnosed,
    EpochEnded,
    Event,
    LayersProbed,
    RunEnded,
    StepsEnded,
    StorageFailed,
)
from .experiment import Experiment
from .history import History
from .machine import TorchSettings
from .obeying import Obeying
from .position import Checkpoint, Position
from .saving import Keeper, Saving
from .training import Training


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
    before = TorchSettings.now()
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
        before.apply()
    if failure:
        yield from loop.fail(failure)
    if linger:
        yield from loop.obeying.answer_probes()


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


def _in_words(error: Exception, training: Training) -> str:
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return f"out of memory with batches of {training.batch_size}: try a smaller training.batch_size"
    return f"{type(error).__name__}: {error}"


class _Loop:
    """One run from its first step to its last."""

    def __init__(
        self,
        experiment: Experiment,
        controls: Controls,
        keeper: Keeper | None,
        checkpoint: Checkpoint | None,
        ring: Ring | None,
    ) -> None:
        self.training = Training(experiment)
        self.position = Position(self.training)
        self.saving = Saving(keeper)
        self.obeying = Obeying(controls, self.position, self.saving)
        self.checkpoint = checkpoint
        self.ring = ring
        self.chance = 0.0
        "Loss of the best constant answer."
        self.ending: Ending | None = None
        "Set once the run is to end."

    # -- the story ---------------------------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        training, position = self.training, self.position
        TorchSettings(training.threads(), deterministic=True, tf32=False).apply()
        self.chance = chance(training)
        report_every = training.report_every()
        if self.checkpoint is None or isinstance(self.checkpoint, Branch):
            yield from self._begin(self.checkpoint)
        else:
            yield from self._go_on(self.checkpoint)
        while self.ending is None and position.epoch <= training.experiment.training.epochs:
            while position.index < training.steps_per_epoch:
                loss = training.update(position.epoch, position.index) * training.unit
                position.take(loss)
                if not math.isfinite(loss):
                    self.ending = ending.diverged(f"the loss became {loss} at step {training.step + 1}")
                    yield self._steps_ended(training.step + 1)
                    break
                if training.step % report_every == 0:
                    yield self._steps_ended()
                if self.obeying.due:
                    self.ending = yield from self.obeying.obey()
                if self.ending is not None:
                    break
                if self.saving.due(training.experiment.training.checkpoint_every):
                    yield self.saving.save(position)
            if self.ending is None:
                yield from self._end_epoch()
        if self.ending is None:
            self.ending = ending.finished(position.epoch - 1, training.experiment.training.epochs)
        yield from self._end()

    def _begin(self, branch: Branch | None) -> Iterator[Event]:
        training, anew = self.training, tuple[str, ...]()
        if branch is not None:
            refuse_unchangeable(changes(branch.plain["experiment"], training.experiment.plain()))
            anew = self.position.restore(branch)
            # What was best before the branch is the parent's: a new run is judged by what it does itself.
            training.forget_best()
            self.position.tests = 0
        yield beginning.started(training, self.chance, branch)
        yield from beginning.other_random_numbers(self.position, anew)
        yield self._probe_layers()
        self._keep_in_ring()

    def _go_on(self, checkpoint: Checkpoint) -> Iterator[Event]:
        training, checks = self.training, checkpoint.history.checks
        anew = self.position.restore(checkpoint)
        if checks and checks[-1].verdict == "stop" and training.stopping.exhausted:
            self.ending = ending.stopped_early(training.experiment.stopping, checks[-1])
        if checkpoint.history.started is None:
            yield replace(
                beginning.started(training, self.chance, None), time=self.position.now(), again=True
            )
        yield beginning.resumed(self.position, checkpoint)
        yield from beginning.other_random_numbers(self.position, anew)

    def _steps_ended(self, step: int | None = None) -> StepsEnded:
        spread = self.position.reported()
        return StepsEnded(
            time=self.now(), epoch=self.position.epoch, step=self.training.step if step is None else step,
            loss=spread.mean, low=spread.low, high=spread.high,
        )  # fmt: skip

    def _end_epoch(self) -> Iterator[Event]:
        training, position = self.training, self.position
        epoch, spread = position.epoch, position.in_epoch
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
        seconds = position.clock.lap()
        yield EpochEnded(
            time=self.now(), epoch=epoch, step=training.step, train=train, validation=validation, lr=training.optimizer.lr,
            seconds=seconds, examples_per_second=len(training.data.train.x) / seconds,
        )  # fmt: skip
        position.next_epoch()
        if validation is not None:
            yield self._check(epoch, validation)
        if epoch & (epoch - 1) == 0:
            yield self._probe_layers()
        self._keep_in_ring()
        start = max(position.first_loss or 0.0, self.chance)
        # One batch loss, taken before its update, may be a single overshoot: the epoch's end must be as bad.
        if not math.isfinite(train["loss"]):
            self.ending = ending.diverged(f"the training loss became {train['loss']} in epoch {epoch}")
        elif self.ending is None and spread.low > 10 * start > 0 and train["loss"] > 10 * start:
            words = f"all of epoch {epoch} above ten times the first loss ({start:.4g})"
            self.ending = ending.diverged(words)
        if self.ending is None:
            self.ending = yield from self.obeying.after_epoch(epoch, seconds)

    def _evaluate(self, examples: Examples) -> Generator[Event, None, dict[str, Any] | None]:
        """Evaluate, obeying commands between portions; None if the run is to end before it is through.

        What is saved meanwhile is the state after the epoch's last step: who goes on from it evaluates anew.
        """
        parts: list[torch.Tensor] = []
        for part in self.training.portions(examples.x):
            parts.append(part)
            if self.obeying.due:
                self.ending = yield from self.obeying.obey()
            if self.ending is not None:
                return None
        return self.training.measured(torch.cat(parts), examples.y)

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
            yield self.saving.save(self.position)
        restored = training.stopping.state()["best_epoch"] if restores and training.restore_best() else None
        test = None
        # Weights that diverged tell nothing.
        if self.ending.tests and len(training.data.test.x) and (self.ending.reason != "diverged" or restores):
            test = yield from self._test()
        event = self.ended(self.ending, restored=restored, test=test)
        if keeper is not None and self.ending.keeps:
            try:
                keeper.finish(training.tensors(), self.position.plain())
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
            command = yield from self.obeying.asked_to_leave()
            if command is not None:
                wish = ending.asked(command)
                self.ending = replace(wish, detail=f"{wish.detail} before the test part was evaluated")
                return None
        self.position.tests += 1
        return training.measured(torch.cat(parts), training.data.test.y) | {
            "evaluations": self.position.tests
        }

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
            time=self.now(), reason=end.reason, epoch=self.position.epoch - 1, step=self.training.step,
            best_epoch=self.training.stopping.state()["best_epoch"], restored_epoch=restored, test=test,
            weights=self.training.sparsity(), seconds=self.now(), detail=end.detail, interrupted_by=end.interrupted_by,
        )  # fmt: skip

    # -- between epochs ----------------------------------------------------------------------------------------------

    def _probe_layers(self) -> LayersProbed:
        health = probes.layer_health(self.training)
        return LayersProbed(
            time=self.now(), epoch=self.position.epoch - 1, step=self.training.step, layers_health=health
        )

    def _keep_in_ring(self) -> None:
        made = self.position.epoch - 1
        if self.ring is not None and self.ring.due(made):
            self.ring.keep(made, self.training.tensors(), self.position.plain())

    def now(self) -> float:
        """Seconds of training so far, without pauses."""
        return self.position.now()
