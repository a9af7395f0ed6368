"""The lab as a Textual app: its parts put together, every action a name in the command palette."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

from .explanation import diagnosis_text
from .exporting import Exporting
from .help import SECTIONS, TABLE, Key, page, shown
from .leaving import Leaving
from .panes import Panes
from .run_keeping import RunKeeping
from .screens.text import TextScreen
from .steering import Steering
from .widgets.runs_table import RunsTable


class LabApp(Steering, RunKeeping, Leaving, Panes, Exporting):
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

    def action_diagnosis(self) -> None:
        """Explain the diagnosis with its evidence, and what was noticed before the start."""
        run = self.current
        if run is None:
            self.note("No run yet: press r to train")
            return
        self.push_screen(TextScreen("Diagnosis", diagnosis_text(run)))

    def action_inside(self) -> None:
        """Look inside the network of the current run."""
        if self.current is None:
            self.note("No network yet: press r to train one")
            return
        from .screens.inside import InsideScreen  # the first frame waits for nothing that it does not show

        self.push_screen(InsideScreen(self.current))

    def action_what_if(self) -> None:
        """Replay the recorded checks with another early stopping."""
        run = self.current
        if run is None or not run.history.checks:
            self.note("No check recorded yet: press r to train")
            return
        from .screens.what_if import WhatIfScreen

        self.push_screen(WhatIfScreen(run))

    def action_help(self) -> None:
        """All keys."""
        self.push_screen(TextScreen("Help", page))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action of the lab is in the command palette; Textual's own Quit would not ask."""
        yield from (command for command in super().get_system_commands(screen) if command.title != "Quit")
        keys = [key for _, keys in SECTIONS for key in keys]
        yield from self._commands(keys, self.lab, self)
        yield from self._commands(TABLE, self.lab.query_one(RunsTable))

    def _commands(self, keys: Iterable[Key], *owners: DOMNode) -> Iterator[SystemCommand]:
        for key in keys:
            first = key.keys.split(",")[0]
            bindings = [
                (owner, binding)
                for owner in owners
                for binding in owner._bindings.key_to_bindings.get(first, ())
            ]
            for owner, binding in bindings[:1] if key.name else ():
                act = partial(self.run_action, binding.action, owner)
                yield SystemCommand(key.name, f"{key.text} ({shown(first)})", act)
