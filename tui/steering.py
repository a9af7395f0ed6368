"""Steering: train, pause, step, stop, change while training, branch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..engine.changes import changeable
from ..engine.errors import LaderaError
from ..presets.catalog import change, difference
from .lab_base import LabBase
from .screens.choice import ChoiceScreen
from .screens.prompt import PromptScreen
from .sitting import Run
from .text import clean
from .widgets.chart import ChartView

#: Least seconds per epoch in slow motion.
_SLOW = 0.25


class Steering(LabBase):
    """What a user does to runs that train."""

    _slow = False

    def action_train(self) -> None:
        """Train the experiment of the form; queued if another one trains."""
        self._look_at_new(self.sitting.start(self.experiment, self.base))

    def _look_at_new(self, run: Run) -> None:
        if run.queued:
            other = self.sitting.training
            self.note(f"{self.base} is queued; it starts when {other.name if other else 'the other'} ends")
        else:
            self.current = run
        if self._slow:
            run.controls.pace(_SLOW)
        self.view = replace(self.view, start=None, end=None, cursor=None)
        self.lab.remove_class("-editing")
        for chart in self.lab.query(ChartView):
            chart.reset()
        self.call_after_refresh(self.lab.show_all)

    def _command(self, command: str, words: str, value: Any = None) -> None:
        run = self.current
        if run is None or not run.active:
            self.note("Nothing trains now: press r to train the experiment")
            return
        try:
            run.ask(command, value)
        except LaderaError as error:
            self.note(str(error))
            return
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
        self._command("step", "one step", 1)

    def action_some_epochs(self) -> None:
        """Ask how many epochs, make them and pause."""

        def go(text: str | None) -> None:
            if text is not None:
                self._command("run_epochs", f"{text} epochs, then a pause", int(text))

        self.push_screen(
            PromptScreen("Epochs to make before the next pause", "1", "a whole number from 1", _no_count), go
        )

    def action_finish_epoch(self) -> None:
        """Finish the epoch, save and stop."""
        self._command("finish_epoch", "stops after this epoch and saves")

    def action_checkpoint(self) -> None:
        """Save the state now."""
        self._command("checkpoint", "saves a checkpoint after this step")

    def action_stop(self) -> None:
        """Ask how to stop."""
        if self.current is None or not self.current.active:
            self.note("Nothing trains now")
            return

        def go(way: str | None) -> None:
            words = {
                "stop": "stops after this step and saves",
                "finish_epoch": "stops after this epoch and saves",
                "abandon": "stops after this step",
            }
            if way in words:
                self._command(way, words[way])

        self.push_screen(
            ChoiceScreen(
                "Stop this run?",
                [
                    ("stop", "Save and stop now: best weights restored and tested"),
                    ("finish_epoch", "Finish this epoch, then save and stop"),
                    ("abandon", "Abandon: no final save, no test"),
                    ("on", "Go on training"),
                ],
            ),
            go,
        )

    def action_slow_motion(self) -> None:
        """Give each epoch at least a quarter of a second, or go at full speed again; no number changes."""
        self._slow = not self._slow
        if self.current is not None and self.current.active:
            self.current.controls.pace(_SLOW if self._slow else 0.0)
        self.note(
            f"slow motion: at most {1 / _SLOW:g} epochs a second; o goes back" if self._slow else "full speed"
        )

    def action_change_live(self) -> None:
        """Change a hyperparameter of the run that trains."""
        run = self.current
        if run is None or not run.active:
            self.note("Nothing trains now: edit the experiment with e")
            return
        lr = run.history.setting("optimizer.lr", 0.01)

        def go(text: str | None) -> None:
            if text:
                key, value = _parsed(text)
                self._command("set", f"{key} becomes {value} after this step", {"key": key, "value": value})

        help_text = "for example optimizer.lr=0.001, stopping.patience=20, regularization.l2=0.001, training.epochs=200"
        self.push_screen(
            PromptScreen("Change while training", f"optimizer.lr={lr:g}", help_text, _no_setting), go
        )

    def action_branch(self) -> None:
        """Start a new run from a state of this one, with one value changed; the cursor says where."""
        run = self.current
        if run is None or not run.ring.epochs:
            self.note("No state to branch from: only runs trained in this sitting keep them")
            return
        at = self.view.cursor if self.view.cursor is not None else float(run.history.epoch)
        branch = run.ring.branch(run.name, at)
        if branch is None:
            self.note(f"no state is kept before epoch {at:g}")
            return
        epoch = branch.parent["epoch"]

        def complaint(text: str) -> str | None:
            return _no_setting(text) or self.complaint(text, run.experiment)

        def go(text: str | None) -> None:
            if not text:
                return
            changed = change(run.experiment, [text])
            from_start = [key for key, _, _ in difference(run.experiment, changed) if not changeable(key)]
            if from_start:
                self.note(
                    f"{', '.join(from_start)} acts from the first step on: the new run starts at epoch 0"
                )
            self._look_at_new(self.sitting.start(changed, self.base, None if from_start else branch))

        help_text = (
            f"Starts a new run from epoch {epoch} of {run.name} (move the cursor with , and . to choose another), "
            "with the same data order. What acts only at the start, such as init.kind, starts at epoch 0."
        )
        lr = run.history.setting("optimizer.lr", 0.01)
        self.push_screen(
            PromptScreen("Branch with", f"optimizer.lr={lr / 10:g}", clean(help_text, 400), complaint), go
        )


def _no_count(text: str) -> str | None:
    return None if text.isdecimal() and 0 < int(text) < 10**7 else "a whole number from 1, please"


def _no_setting(text: str) -> str | None:
    return (
        None
        if "=" in text and text.split("=")[0].count(".") == 1
        else "key=value, for example optimizer.lr=0.001"
    )


def _parsed(text: str) -> tuple[str, Any]:
    import tomllib

    key, value = text.split("=", 1)
    try:
        return key.strip(), tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()
