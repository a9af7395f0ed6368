"""Steering: train, pause, step, stop, change while training, branch."""

from __future__ import annotations

import shlex
from typing import Any

from pydantic import ValidationError

from ..engine.branching import Branch, Retrace
from ..engine.changes import changeable, changed_live, flat, live_keys
from ..engine.errors import InputError, LaderaError
from ..engine.experiment import Experiment
from ..engine.history import History
from ..engine.store.directory import KEPT_CHECKPOINTS, split_name
from ..presets.catalog import change, difference
from ..presets.settings import parsed
from .lab_base import LabBase
from .naming import run_name
from .run import Run
from .screens.choice import ChoiceScreen
from .screens.prompt import PromptScreen
from .text import clean, duration, typed
from .values import in_force, live_changes

#: Least seconds per epoch in slow motion.
_SLOW = 0.25
#: What a number alone is the value of.
_RATE = "optimizer.lr"


class Steering(LabBase):
    """What a user does to runs that train."""

    _slow = False

    def action_train(self) -> None:
        """Train the experiment of the form; queued if another one trains, and going on with one that is paused."""
        run = self.current
        if run is not None and run.history.paused and run.active and run.experiment == self.experiment:
            self.action_pause()
            return
        self._look_at_new(self.sitting.start(self.experiment, self.label))

    def _look_at_new(self, run: Run) -> None:
        if run.queued:
            other = self.sitting.training
            name = other.name if other else "the other"
            paused = f", which is paused: n looks at it, p goes on with {name}" * (
                other is not None and other.history.paused
            )
            self.note(f"{run.name} is queued; it starts when {name} ends{paused}")
        else:
            self.current = run
        if self._slow:
            run.controls.pace(_SLOW)
        self.view = self.view.unzoomed()
        self.lab.begin_run()
        self.call_after_refresh(self.lab.show_all)

    def _command(self, command: str, words: str, value: Any = None) -> None:
        run = self.current
        if run is None or not run.active:
            training = self.sitting.training
            self.note(
                "Nothing trains now: press r to train the experiment"
                if training is None
                else f"{training.name} trains, and is not the run that is looked at: n goes to it"
            )
            return
        run.ask(command, value)
        if words:
            self.note(words)
        self.lab.show_text()

    def action_pause(self) -> None:
        """Pause, or go on."""
        paused = self.current is not None and self.current.history.paused
        self._command(
            "resume" if paused else "pause",
            "goes on" if paused else "pauses after this step: p goes on, space makes one step, ] some epochs",
        )

    def action_single_step(self) -> None:
        """Make one step and pause."""
        self._command("step", "", 1)

    def action_some_epochs(self) -> None:
        """Ask how many epochs, make them and pause."""

        def go(text: str | None) -> None:
            if text is not None:
                self._command("run_epochs", f"{text} epoch{'s' * (text != '1')}, then a pause", int(text))

        self.push_screen(
            PromptScreen("Epochs to make before the next pause", "1", "a whole number from 1", _no_count), go
        )

    def action_finish_epoch(self) -> None:
        """Ask whether to finish the epoch, save and stop."""
        self._ask_to_stop("Stop this run after this epoch?", ("finish_epoch",))

    def action_checkpoint(self) -> None:
        """Save the state now."""
        self._command("checkpoint", "saves a checkpoint after this step")

    def action_stop(self) -> None:
        """Ask how to stop."""
        self._ask_to_stop("Stop this run?", ("finish_epoch", "stop", "abandon"))

    def _ask_to_stop(self, question: str, ways: tuple[str, ...]) -> None:
        """Ask for one of the ways to stop; the first answer goes on training."""
        run = self.current
        if run is None or not run.active:
            self._command("stop", "")
            return
        told = {
            "finish_epoch": ("Finish this epoch, then save and stop", "stops after this epoch and saves"),
            "stop": (
                "Save and stop now: best weights restored and tested",
                "stops after this step and saves",
            ),
            "abandon": ("Abandon: no final save, no test", "stops after this step"),
        }
        choices = [("on", "Go on training"), *((way, told[way][0]) for way in ways)]
        self.ask(
            ChoiceScreen(question, choices, lambda: run.active),
            lambda way: self._command(way, told[way][1]) if way in told else None,
        )

    def action_slow_motion(self) -> None:
        """Give each epoch at least a quarter of a second, or go at full speed again; no number changes."""
        run = self.current
        self._slow = not (run.history.pace > 0 if run is not None and run.active else self._slow)
        words = (
            f"slow motion: at most {1 / _SLOW:g} epochs a second; o goes back" if self._slow else "full speed"
        )
        pace = _SLOW if self._slow else 0.0
        for other in self.sitting.runs:
            if other is not run and other.source is None and other.history.ended is None:
                other.controls.pace(pace)
        if run is not None and run.active:
            self._command("pace", words, pace)
        else:
            self.note(words)

    def action_change_live(self) -> None:
        """Change a hyperparameter of the run that trains."""
        run = self.current
        if run is None or not run.active:
            self._command("set", "")
            return
        experiment, done = run.in_force, run.history.epochs_done

        def complaint(text: str) -> str | None:
            changed = experiment
            try:
                for key, value in map(parsed, _settings(text)):
                    changed = changed_live(changed, key, value)
            except (InputError, ValueError) as error:
                return str(error)
            if changed.training.epochs < experiment.training.epochs and changed.training.epochs <= done:
                return f"{done} epochs are made already, so this would end the run: s stops it"
            return None

        def go(text: str | None) -> None:
            for key, value in map(parsed, _settings(text or "")):
                words = f"{key} becomes {typed(value)} after this step"
                self._command("set", words, {"key": key, "value": value})

        plain = flat(experiment.plain())
        keys = "\n".join(f"  {key} = {typed(plain.get(key))}" for key in live_keys(experiment))
        help_text = f"key=value, several with spaces between; a number alone is the learning rate.\nWhat can change, as it is:\n{keys}"
        rate = f"{_RATE}={experiment.optimizer.lr:g}"
        self.push_screen(PromptScreen("Change while training", rate, help_text, complaint), go)

    def action_branch(self) -> None:
        """Start a new run from a state of this one, with something changed; the cursor says where."""
        run = self.current
        if run is None or run.history.started is None:
            self.note("No run to branch from: press r to train one")
            return
        at = self.view.cursor if self.view.cursor is not None else float(run.history.epoch)
        branch = run.ring.branch(run.name, at)
        if branch is not None:
            epoch = branch.parent["epoch"]
            try:
                before = Experiment.model_validate(branch.plain["experiment"])
            except ValidationError as error:  # a state of another version
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"]))
                self.note(clean(f"no branch from epoch {epoch} of {run.name}: {where}: {first['msg']}", 600))
                return
            self._ask_branch(run, branch, epoch, before, at)
        elif run.directory is not None:
            epoch = _ended(run.history, at)
            before = in_force(run.experiment, live_changes(run.history, epoch))
            self._ask_branch(run, Retrace(run.directory, epoch), epoch, before, at)
        else:
            self.note(f"no state of {run.name} is kept from before epoch {at:g}")

    def _ask_branch(
        self, run: Run, branch: Branch | Retrace, epoch: int, before: Experiment, at: float
    ) -> None:
        """Ask what shall differ from what was in force at the state, that of the end of an epoch not after `at`."""

        def from_start(changed: Experiment) -> list[str]:
            return [key for key, _, _ in difference(before, changed) if not changeable(key)]

        def notice(text: str) -> str:
            keys = from_start(change(before, _settings(text)))
            acts = "acts" if len(keys) == 1 else "act"
            return (
                f"{', '.join(keys)} {acts} from the first step on: the new run starts at epoch 0"
                if keys
                else ""
            )

        def complaint(text: str) -> str | None:
            try:
                changed = change(before, _settings(text))
            except (LaderaError, ValueError) as error:
                return str(error).replace("--set ", "")
            if "data.name" in from_start(changed):
                return f"with other data nothing is left of {run.name}: choose them in the form (e), and train anew (r)"
            if changed.training.epochs <= epoch and not from_start(changed):
                return f"no epoch is left after epoch {epoch}: choose an earlier one (, and .), or add training.epochs={2 * epoch}"
            return None

        def go(text: str | None) -> None:
            if text is None:
                return
            changed = change(before, _settings(text))
            if words := notice(text):
                self.note(words)
            name = split_name(run.name)[0] if run.directory is not None else self.base
            label = run_name(changed, name, before)
            self._look_at_new(self.sitting.start(changed, label, None if from_start(changed) else branch))
            self.take(changed)  # what is looked at and what the form shows are the same; u takes it back

        where = "the cursor is" if self.view.cursor is not None else "the run is"
        last = "the last kept state" if isinstance(branch, Branch) else "the last end of an epoch"
        why = f"{where} at epoch {at:g}" if epoch == at else f"{last} before epoch {at:g}, where {where}"
        help_text = (
            f"A new run from epoch {epoch} of {run.name} ({why}; , and . move the cursor), with the same data order, the values "
            "that were in force there, and these changes: key=value, or a part such as regularization=l2; several with spaces "
            "between; a number alone is the learning rate. What acts from the first step on, such as init or another optimizer, "
            "starts at epoch 0. Early stopping begins anew."
            + ("" if isinstance(branch, Branch) else _way(run, epoch))
        )
        begin = f"{_RATE}={before.optimizer.lr / 10:g}"
        if before.training.epochs <= epoch:
            begin += f" training.epochs={2 * epoch}"
        self.push_screen(PromptScreen("Branch with", begin, clean(help_text, 800), complaint, notice), go)


def _settings(text: str) -> list[str]:
    """The settings that somebody typed: a number alone is the learning rate. Raises ValueError: a quotation mark is left open."""
    words = shlex.split(text)
    return [f"{_RATE}={word}" if len(words) == 1 and "=" not in word else word for word in words]


def _ended(history: History, at: float) -> int:
    """The last epoch of a run that had ended by then; where it began, if none had."""
    begun = int(history.started.parent.get("epoch", 0)) if history.started else 0
    return max(begun, min(int(at), history.epochs_done))


def _way(run: Run, epoch: int) -> str:
    """How the state at the end of an epoch is come by, if no checkpoint is from then; "" if one is."""
    # By the log, without a look at a disk that may be slow.
    kept = (one.epoch for one in run.history.saved[-KEPT_CHECKPOINTS:])
    since = max((one for one in kept if one <= epoch), default=0)
    if since == epoch:
        return ""
    times = run.history.epoch_times
    seconds = [point.y if at and (point := times.value_at(at)) else 0.0 for at in (since, epoch)]
    start = f"epoch {since}" if since else "its start"
    return (
        f" No state of then is kept: before it begins, the run is trained again from {start} to epoch {epoch} with its old "
        f"values, about {duration(seconds[1] - seconds[0])}."
    )


def _no_count(text: str) -> str | None:
    return None if text.isdecimal() and 0 < int(text) < 10**7 else "a whole number from 1, please"
