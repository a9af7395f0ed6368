"""The lab as a Textual app: keeps the experiment, the runs and the view, and turns wishes into commands."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.screen import Screen
from textual.worker import get_current_worker

from ..engine import diagnosis
from ..engine.changes import changeable
from ..engine.errors import InputError, LaderaError
from ..engine.experiment import Experiment
from ..presets.catalog import (
    EXPERIMENTS,
    catalog,
    change,
    command_line,
    compatible,
    difference,
    find,
    load,
    named,
    own_path,
    save_as,
)
from . import views
from .detach import start_detached
from .form import Row, meaning
from .help import HELP, SECTIONS, shown
from .plots import View
from .screens.archive import ArchiveScreen
from .screens.choice import ChoiceScreen
from .screens.inside import InsideScreen
from .screens.lab import LabScreen
from .screens.picker import PickerScreen, explained
from .screens.prompt import PromptScreen
from .screens.text import TextScreen
from .screens.what_if import WhatIfScreen
from .sitting import Run, Sitting, Trainer, keep_in
from .text import clean
from .watching import watch
from .widgets.chart import ChartView

#: Least seconds per epoch in slow motion.
_SLOW = 0.25


class LabApp(App[str]):
    """The lab."""

    TITLE = "ladera"
    CSS_PATH = "lab.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[Any]] = [
        Binding("f1", "help", "Help", show=False),
        Binding("ctrl+q", "leave", "Quit", show=False),
        Binding("ctrl+c", "leave", "Quit", show=False),
        Binding("ctrl+s", "save_preset", "Save preset", show=False),
        Binding("ctrl+o", "open_experiment", "Open experiment", show=False),
    ]

    def __init__(
        self,
        experiment: Experiment,
        base: str = "digits",
        runs_dir: Path = Path("runs"),
        *,
        trainer: Trainer | None = None,
        view: View | None = None,
        watched: Run | None = None,
        **options: Any,
    ) -> None:
        """`base` names the preset that the experiment began with; `watched` is a run of another process to look at.

        `trainer` trains (tests give their own).
        """
        super().__init__(**options)
        self.experiment = experiment
        self.base = base
        self.runs_dir = runs_dir
        self.view = view or View(
            marker="ascii" if os.environ.get("LADERA_ASCII") else "braille",
            colour="NO_COLOR" not in os.environ,
        )
        self.set_class(self.view.marker == "ascii", "-ascii")
        self.sitting = Sitting(trainer or keep_in(runs_dir), self._work)
        self.current: Run | None = watched
        if watched is not None:
            self.sitting.add(watched)
        self._before: list[tuple[Experiment, str]] = []
        self._slow = False

    def on_mount(self) -> None:
        """Open the main screen."""
        self.lab = LabScreen()
        self.push_screen(self.lab)

    def on_unmount(self) -> None:
        """Nobody will ask any more: the event loop waits for threads that only answer questions."""
        self.sitting.close()

    # -- training ----------------------------------------------------------------------------------------------------

    def _work(self, run: Run) -> None:
        self.run_worker(
            lambda: self._train_in_thread(run),
            thread=True,
            group="training",
            exit_on_error=False,
            name=run.label,
        )

    def _train_in_thread(self, run: Run) -> None:
        get_current_worker()
        self.sitting.work(run)

    def action_train(self) -> None:
        """Train the experiment of the form; queued if another one trains."""
        self._look_at_new(self.sitting.start(self.experiment, self.base))

    def _look_at_new(self, run: Run) -> None:
        if run.queued:
            other = self.sitting.training
            self.lab.note(
                f"{self.base} is queued; it starts when {other.name if other else 'the other'} ends"
            )
        else:
            self.current = run
        if self._slow:
            run.controls.pace(_SLOW)
        self.view = replace(self.view, start=None, end=None, cursor=None)
        self.lab.remove_class("-editing")
        for chart in self.lab.query(ChartView):
            chart.reset()
        self.call_after_refresh(self.lab.show_all)

    def _command(self, what: Callable[[Run], None], words: str) -> None:
        run = self.current
        if run is None or not run.active:
            self.lab.note("Nothing trains now: press r to train the experiment")
            return
        try:
            what(run)
        except LaderaError as error:
            self.lab.note(str(error))
            return
        self.lab.note(words)

    def action_pause(self) -> None:
        """Pause, or go on."""
        paused = self.current is not None and self.current.history.paused
        self._command(
            lambda run: run.controls.resume() if paused else run.controls.pause(),
            "goes on" if paused else "pauses after this step: p goes on, space makes one step, ] some epochs",
        )

    def action_single_step(self) -> None:
        """Make one step and pause."""
        self._command(lambda run: run.controls.step(), "one step")

    def action_some_epochs(self) -> None:
        """Ask how many epochs, make them and pause."""

        def go(text: str | None) -> None:
            if text is not None:
                self._command(lambda run: run.controls.run_epochs(int(text)), f"{text} epochs, then a pause")

        self.push_screen(
            PromptScreen("Epochs to make before the next pause", "1", "a whole number from 1", _no_count), go
        )

    def action_finish_epoch(self) -> None:
        """Finish the epoch, save and stop."""
        self._command(lambda run: run.controls.finish_epoch(), "stops after this epoch and saves")

    def action_checkpoint(self) -> None:
        """Save the state now."""
        self._command(lambda run: run.controls.checkpoint(), "saves a checkpoint after this step")

    def action_stop(self) -> None:
        """Ask how to stop."""
        if self.current is None or not self.current.active:
            self.lab.note("Nothing trains now")
            return

        def go(way: str | None) -> None:
            ways: dict[str, tuple[Callable[[Run], None], str]] = {
                "stop": (lambda run: run.controls.stop(), "stops after this step and saves"),
                "finish": (lambda run: run.controls.finish_epoch(), "stops after this epoch and saves"),
                "abandon": (lambda run: run.controls.abandon(), "stops after this step"),
            }
            if way in ways:
                self._command(*ways[way])

        self.push_screen(
            ChoiceScreen(
                "Stop this run?",
                [
                    ("stop", "Save and stop now: best weights restored and tested"),
                    ("finish", "Finish this epoch, then save and stop"),
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
        self.lab.note(
            f"slow motion: at most {1 / _SLOW:g} epochs a second; o goes back" if self._slow else "full speed"
        )

    def action_change_live(self) -> None:
        """Change a hyperparameter of the run that trains."""
        run = self.current
        if run is None or not run.active:
            self.lab.note("Nothing trains now: edit the experiment with e")
            return
        lr = run.history.setting("optimizer.lr", 0.01)

        def go(text: str | None) -> None:
            if text:
                key, value = _parsed(text)
                self._command(
                    lambda run: run.controls.set(key, value), f"{key} becomes {value} after this step"
                )

        help_text = "for example optimizer.lr=0.001, stopping.patience=20, regularization.l2=0.001, training.epochs=200"
        self.push_screen(
            PromptScreen("Change while training", f"optimizer.lr={lr:g}", help_text, _no_setting), go
        )

    def action_branch(self) -> None:
        """Start a new run from a state of this one, with one value changed; the cursor says where."""
        run = self.current
        if run is None or not run.ring.epochs:
            self.lab.note("No state to branch from: only runs trained in this sitting keep them")
            return
        at = self.view.cursor if self.view.cursor is not None else float(run.history.epoch)
        branch = run.ring.branch(run.name, at)
        if branch is None:
            self.lab.note(f"no state is kept before epoch {at:g}")
            return
        epoch = branch.parent["epoch"]

        def complaint(text: str) -> str | None:
            return _no_setting(text) or self._complaint(text, run.experiment)

        def go(text: str | None) -> None:
            if not text:
                return
            changed = change(run.experiment, [text])
            from_start = [key for key, _, _ in difference(run.experiment, changed) if not changeable(key)]
            if from_start:
                self.lab.note(
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

    # -- the experiment ----------------------------------------------------------------------------------------------

    def about(self, row: Row) -> str:
        """What to know of a row of the form."""
        meant = "" if row.is_part else meaning(self.experiment, row.key)
        preset = named(self.experiment, row.part)
        return meant or (explained(preset, None) if preset else "changed by hand: equals no preset")

    def edit(self, row: Row) -> None:
        """Pick a preset for a part, or edit a value."""
        if row.is_part:
            self._pick(row)
        else:
            self.push_screen(
                PromptScreen(
                    row.key, row.value, self.about(row), lambda text: self._complaint(f"{row.key}={text}")
                ),
                lambda text: self._set(f"{row.key}={text}") if text is not None else None,
            )

    def _pick(self, row: Row) -> None:
        presets = [preset for preset in catalog(row.part) if not preset.fault]
        reasons = [compatible(self.experiment, row.part, preset) for preset in presets]
        current = named(self.experiment, row.part)
        key = "data.augmentation" if row.part == "augmentation" else row.part
        self.push_screen(
            PickerScreen(row.title, presets, reasons, current.short if current else None),
            lambda name: self._set(f"{key}={name}") if name else None,
        )

    def _complaint(self, setting: str, experiment: Experiment | None = None) -> str | None:
        try:
            change(experiment or self.experiment, [setting])
        except InputError as error:
            return str(error).removeprefix(f"--set {setting}: ")
        return None

    def _set(self, setting: str) -> None:
        try:
            changed = change(self.experiment, [setting])
        except InputError as error:
            self.lab.note(str(error))
            return
        self.take(changed)

    def take(self, experiment: Experiment, base: str | None = None) -> None:
        """Make this the experiment of the form, `base` the preset it began with; `u` undoes it."""
        if experiment != self.experiment:
            self._before.append((self.experiment, self.base))
            self.experiment, self.base = experiment, base or self.base
            self.lab.show_experiment()

    def action_undo(self) -> None:
        """Take back the last change of the form."""
        if self._before:
            self.experiment, self.base = self._before.pop()
            self.lab.show_experiment()
        else:
            self.lab.note("nothing to undo")

    def action_open_experiment(self) -> None:
        """Begin from another experiment preset."""
        presets = [preset for preset in catalog(EXPERIMENTS) if not preset.fault]

        def go(name: str | None) -> None:
            preset = find(EXPERIMENTS, name) if name else None
            if preset is not None:
                self.take(load(preset.short), preset.short)

        self.push_screen(PickerScreen("Experiment", presets, [None] * len(presets), self.base), go)

    def action_command_line(self) -> None:
        """Show the experiment as one command line."""
        line = command_line(self.experiment, self.base)
        self.push_screen(TextScreen("This experiment as a command", line, line))

    def action_save_preset(self) -> None:
        """Save the experiment as a preset of one's own."""

        def complaint(name: str) -> str | None:
            try:
                return f"{own_path(name)} is there already" if own_path(name).exists() else None
            except (LaderaError, ValueError) as error:
                return str(error)

        def go(name: str | None) -> None:
            if name:
                path = own_path(name)
                save_as(self.experiment, path, self.base)
                self.base = name
                self.lab.note(f"saved as {path}")

        self.push_screen(
            PromptScreen(
                "Save this experiment as", f"{self.base}-mine", "letters, digits, - and _", complaint
            ),
            go,
        )

    # -- runs --------------------------------------------------------------------------------------------------------

    def look_at(self, number: int) -> None:
        """Make a run the current one."""
        run = next((run for run in self.sitting.runs if run.number == number), None)
        if run is not None:
            self.current = run
            self.lab.show_all()

    def action_next_run(self) -> None:
        """Look at the next run."""
        runs = self.sitting.runs
        if runs:
            here = runs.index(self.current) if self.current in runs else -1
            self.look_at(runs[(here + 1) % len(runs)].number)

    def action_archive(self) -> None:
        """All runs of the runs directory; look at one, or go on with it."""

        def go(answer: tuple[str, Path] | None) -> None:
            if answer is None:
                return
            what, directory = answer
            if what == "resume":
                self.run_worker(self._resume(directory), group="detach")
            else:
                self._watch(directory)

        self.push_screen(ArchiveScreen(self.runs_dir), go)

    def _watch(self, directory: Path) -> None:
        run = next((run for run in self.sitting.runs if run.directory == directory), None)
        if run is None:
            try:
                run = watch(directory)
            except LaderaError as error:
                self.lab.note(str(error))
                return
            self.sitting.add(run)
        self.look_at(run.number)

    async def _resume(self, directory: Path) -> None:
        self.lab.note(f"{directory.name} goes on in a process of its own…")
        code, answer = await asyncio.to_thread(start_detached, ["resume", str(directory), "--quiet"])
        if code:
            self.lab.note(answer)
        else:
            self._watch(directory)

    def action_compare(self) -> None:
        """What differs between the runs of this sitting, and how they did; ranked by validation, never by test."""
        self.push_screen(TextScreen("Comparison", views.comparison(self.sitting.runs)))

    def action_runs(self) -> None:
        """Go to the runs table."""
        self.lab.query_one("#runs").focus()

    # -- explanations ------------------------------------------------------------------------------------------------

    def action_diagnosis(self) -> None:
        """Explain the diagnosis with its evidence, and what was noticed before the start."""
        run = self.current
        if run is None:
            self.lab.note("No run yet: press r")
            return
        self.push_screen(TextScreen("Diagnosis", diagnosis_text(run)))

    def action_inside(self) -> None:
        """Look inside the network of the current run."""
        if self.current is None:
            self.lab.note("No network yet: press r to train one")
            return
        self.push_screen(InsideScreen(self.current))

    def action_what_if(self) -> None:
        """Replay the recorded checks with another early stopping."""
        run = self.current
        if run is None or not run.history.checks:
            self.lab.note("No check recorded yet: press r to train")
            return
        self.push_screen(WhatIfScreen(run))

    def action_help(self) -> None:
        """All keys."""
        self.push_screen(TextScreen("Help", HELP))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action of the lab is in the command palette."""
        yield from super().get_system_commands(screen)
        for key in (key for _, keys in SECTIONS for key in keys if key.name):
            first = key.keys.split(",")[0]
            for node in (self.lab, self):
                for binding in node._bindings.key_to_bindings.get(first, ()):
                    act = partial(node.run_action, binding.action)
                    yield SystemCommand(key.name, f"{key.text} ({shown(first)})", act)

    # -- looking -----------------------------------------------------------------------------------------------------

    @property
    def shown_view(self) -> View:
        """The view, with colours for the theme's ground."""
        return replace(self.view, light=not self.current_theme.dark)

    def look(self, **changes: Any) -> None:
        """Look at the charts in another way."""
        self.view = replace(self.view, **changes)
        self.lab.show_all()

    # -- leaving -----------------------------------------------------------------------------------------------------

    def action_leave(self) -> None:
        """Leave; asks while something trains here."""
        training = self.sitting.training
        if training is None or not training.active:
            self.exit()
            return

        def go(way: str | None) -> None:
            if way == "stop":
                training.controls.stop("leaving the lab")
                self.exit(f"{training.name} was saved: `ladera resume {training.name}` goes on")
            elif way == "detach":
                self.action_detach()

        self.push_screen(
            ChoiceScreen(
                f"{clean(training.name)} is training.",
                [
                    ("on", "Go on training, stay here"),
                    ("detach", "Leave and let it train in the background (ladera watch shows it)"),
                    ("stop", "Save it, stop it and leave (ladera resume goes on later)"),
                ],
            ),
            go,
        )

    def action_detach(self) -> None:
        """Hand the run that trains to a process of its own, and leave."""
        training = self.sitting.training
        if training is None:
            self.lab.note("Nothing trains here that could go on in the background")
            return
        self.lab.note("saves it and hands it to a process of its own…")
        self.run_worker(self._hand_over(training), group="detach")

    async def _hand_over(self, run: Run) -> None:
        while run.directory is None and not run.trouble:
            await asyncio.sleep(0.05)
        run.controls.stop("handing over")
        while run.history.ended is None and not run.trouble:
            await asyncio.sleep(0.05)
        run.controls.stop()
        while run.working:
            await asyncio.sleep(0.05)
        if run.directory is None:
            return
        code, answer = await asyncio.to_thread(start_detached, ["resume", str(run.directory), "--quiet"])
        if code:
            self.lab.note(
                f"it could not go on in the background: {answer}. It is saved: `ladera resume {run.name}`"
            )
            return
        self.exit(f"{run.name} trains in the background: `ladera watch {run.name}` shows it")


def diagnosis_text(run: Run) -> str:
    """All findings with their evidence, the notes before the start, and how the run ended."""
    history = run.history
    lines: list[str] = []
    if run.trouble:
        return run.trouble
    for finding in diagnosis.current(history):
        lines += [f"{finding.finding.replace('_', ' ')}", f"  {clean(finding.text, 600)}"]
        lines += [
            f"    {clean(str(key))}: {clean(str(value), 120)}" for key, value in finding.evidence.items()
        ]
        lines.append("")
    earlier = [finding for finding in history.diagnoses if finding.finding != "healthy"]
    if earlier:
        lines.append("Told during the run:")
        lines += [f"  epoch {finding.epoch}: {clean(finding.text, 300)}" for finding in earlier]
        lines.append("")
    if history.started and history.started.notes:
        lines.append("Noted before the start:")
        lines += [f"  {clean(note, 400)}" for note in history.started.notes]
        lines.append("")
    if history.started:
        lines.append(
            f"Network: {' · '.join(history.started.layers)} ({history.started.parameters:,} parameters)"
        )
        lines.append(f"Data: {clean(history.started.source, 200)}")
    if history.ended:
        lines.append(views.test_line(history))
    return "\n".join(lines)


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
