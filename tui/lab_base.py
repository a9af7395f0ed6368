"""What every part of the lab works on: the experiment of the form, the runs of the sitting, the view."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from textual.app import App

from ..engine.errors import InputError
from ..engine.experiment import Experiment
from ..presets.catalog import change
from .plots import View
from .screens.lab import LabScreen
from .sitting import Run, Sitting, Trainer, keep_in


class LabBase(App[str]):
    """The state of the lab; its parts add what a user can do."""

    lab: LabScreen

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

    def on_mount(self) -> None:
        """Open the main screen."""
        self.lab = LabScreen()
        self.push_screen(self.lab)

    def on_unmount(self) -> None:
        """Nobody will ask any more: the event loop waits for threads that only answer questions."""
        self.sitting.close()

    def _work(self, run: Run) -> None:
        self.run_worker(
            partial(self.sitting.work, run),
            thread=True,
            group="training",
            exit_on_error=False,
            name=run.label,
        )

    def look_at(self, number: int) -> None:
        """Make a run the current one."""
        run = next((run for run in self.sitting.runs if run.number == number), None)
        if run is not None:
            self.current = run
            self.lab.show_all()

    @property
    def shown_view(self) -> View:
        """The view, with colours for the theme's ground."""
        return replace(self.view, light=not self.current_theme.dark)

    def look(self, **changes: Any) -> None:
        """Look at the charts in another way."""
        self.view = replace(self.view, **changes)
        self.lab.show_all()

    def note(self, text: str) -> None:
        """Say something in passing."""
        self.lab.note(text)

    def complaint(self, setting: str, experiment: Experiment | None = None) -> str | None:
        """Why an experiment, the form's by default, would not bear a change; None if it does."""
        try:
            change(experiment or self.experiment, [setting])
        except InputError as error:
            return str(error).removeprefix(f"--set {setting}: ")
        return None
