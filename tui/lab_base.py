"""What every part of the lab works on: the experiment of the form, the runs of the sitting, the view."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import App
from textual.content import Content
from textual.events import DescendantFocus, Event, Key, MouseDown
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import Screen
from textual.widgets import Input

from ..engine.errors import InputError
from ..engine.experiment import Experiment
from ..presets.catalog import change
from . import memory
from .driver import ResilientDriver
from .filters import Colourless, SevenBit
from .fit import MARKERS, fit, seven_bit
from .mendable import MENDABLE, in_words
from .naming import run_name
from .run import Run
from .screen_cost import ScreenCost
from .screens.lab import LabScreen
from .sitting import Sitting
from .themes import THEMES, ink_of
from .training_thread import Trainer, keep_in
from .view import View
from .widgets.chart import warm
from .widgets.line import Line, written

if TYPE_CHECKING:
    from .kept import Kept

_COLOURLESS, _SEVEN_BIT = Colourless(), SevenBit()

T = TypeVar("T")


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
        prepare: Callable[[], None] = warm,
        **options: Any,
    ) -> None:
        """`base` names the preset that the experiment began with; `watched` is a run of another process to look at.

        `trainer` trains (tests give their own). `prepare` imports, in a thread behind the first frame, what is
        needed soon.
        """
        super().__init__(**options)
        self.experiment = experiment
        self.base = base
        self.begun = experiment
        "What `base` stands for."
        self.runs_dir = runs_dir
        self.earlier = 0
        "How many runs the directory held when the lab was opened."
        self.prepare = prepare
        self.fit = fit()
        self.complaints = list(self.fit.complaints)
        for theme in THEMES:
            self.register_theme(theme)
        self.first_theme = self._first_theme()
        self._begin_with(self.first_theme)
        if not self.fit.motion:
            self.animation_level = "none"
        self.view = view or View(marker=self.fit.marker, colour=self.fit.colours != "none")
        self.set_class(self.view.marker == "ascii", "-ascii")
        self.sitting = Sitting(trainer or keep_in(runs_dir), self._work)
        self.kept: Kept | None = None
        "Who is asked about networks that are on the disk only, once somebody was."
        self.current: Run | None = watched
        self.saving: Run | None = None
        "The run that was told to stop when the lab was left."
        self.handing: Run | None = None
        "The run that is being given a process of its own."
        if watched is not None:
            self.sitting.add(watched)
        self.cost = ScreenCost()
        self._before: list[tuple[Experiment, str, Experiment]] = []

    def on_mount(self) -> None:
        """Open the main screen."""
        self.lab = LabScreen()
        self.push_screen(self.lab)
        if isinstance(self._driver, ResilientDriver):
            self._driver.on_act = lambda: self.sitting.give_way(time.monotonic())
        for complaint in self.complaints:
            self.call_after_refresh(self.note, complaint)

    async def on_event(self, event: Event) -> None:
        """Handle an event; what a key or click leads to is looked for soon."""
        await super().on_event(event)
        if isinstance(event, Key | MouseDown) and self.lab.is_attached:
            self.lab.look_soon()

    def on_unmount(self) -> None:
        """Nobody will ask any more: the event loop waits for threads that only answer questions."""
        self.sitting.close()
        if self.kept is not None:
            self.kept.close()

    def _work(self, run: Run) -> None:
        self.run_worker(
            partial(self.sitting.work, run),
            thread=True,
            group="training",
            exit_on_error=False,
            name=run.label,
        )

    async def let_go(self, run: Run) -> None:
        """Wait for the end of a run of ours, and for its thread, which holds its directory to answer questions."""
        while run.history.ended is None and not run.trouble:
            await asyncio.sleep(0.05)
        run.controls.stop()
        while run.working:
            await asyncio.sleep(0.05)

    @property
    def label(self) -> str:
        """What a run of the form's experiment is called."""
        return run_name(self.experiment, self.base, self.begun)

    def take(self, experiment: Experiment, base: str | None = None) -> None:
        """Make this the experiment of the form, and `base` what it began with; `u` undoes it."""
        before = self.experiment, self.base, self.begun
        self.experiment = experiment
        if base is not None:
            self.base, self.begun = base, experiment
        if experiment != before[0]:
            self._before.append(before)
            self.lab.show_experiment()

    def look_at(self, number: int) -> None:
        """Make a run the current one."""
        run = next((run for run in self.sitting.runs if run.number == number), None)
        if run is not None:
            self.current = run
            self.lab.show_all()

    @property
    def shown_view(self) -> View:
        """The view, with colours for the theme's ground."""
        return replace(self.view, ink=ink_of(self.current_theme))

    def look(self, view: View) -> None:
        """Look at the charts in another way."""
        self.view = view
        self.lab.show_all()

    @property
    def terminal_behind(self) -> bool:
        """Whether the terminal is still busy with what was drawn last."""
        return isinstance(self._driver, ResilientDriver) and self._driver.behind

    @property
    def written(self) -> int:
        """Bytes written to the terminal so far; 0 where nothing counts them."""
        driver = self._driver
        return driver.written if isinstance(driver, ResilientDriver) else 0

    # -- what may go wrong -------------------------------------------------------------------------------------------

    def attempt(self, what: Callable[[], T]) -> T | None:
        """Do something and return its result; of a fault that a user can mend say what is wrong, and return None."""
        try:
            return what()
        except MENDABLE as error:
            self.note(in_words(error))
            return None

    def ask(self, screen: Screen[T | None], go: Callable[[T], object]) -> None:
        """Push a screen, and attempt to act on its answer if it has one."""

        def answered(answer: T | None) -> None:
            if answer is not None:
                self.attempt(partial(go, answer))

        self.push_screen(screen, answered)

    def behind(self, work: Coroutine[Any, Any, object], group: str) -> None:
        """Attempt something that takes a while, without holding up the screen."""

        async def attempted() -> None:
            try:
                await work
            except MENDABLE as error:
                self.note(in_words(error))

        self.run_worker(attempted(), group=group)

    # -- the terminal -------------------------------------------------------------------------------------------------

    def _first_theme(self) -> str:
        """The theme that is wished for, if there is one of that name, else the one that suits the terminal."""
        if self.fit.theme in self.available_themes:
            return self.fit.theme
        own = ", ".join(theme.name for theme in THEMES)
        self.complaints.append(f"LADERA_THEME={self.fit.theme} is no theme; of ladera's own there are {own}")
        return fit({**os.environ, "LADERA_THEME": ""}).theme

    @property
    def _few_colours(self) -> bool:
        return self.fit.colours in ("none", "16")

    def _begin_with(self, theme: str) -> None:
        """Take a theme before the first frame; to assign it would parse every style a second time."""
        self.set_reactive(App.theme, theme)
        self.stylesheet.set_variables(self.get_css_variables())
        dark = self.current_theme.dark
        self.set_class(dark, "-dark-mode").set_class(not dark, "-light-mode")
        self._refresh_truecolor_filter(self.ansi_theme)

    def recall(self) -> None:
        """Look at things as in the last sitting; before the first frame."""
        self.view, theme = memory.recalled(self.view, self._few_colours, self.fit.fixed)
        self.set_class(self.view.marker == "ascii", "-ascii")
        if theme in self.available_themes:
            self._begin_with(theme)

    def remember(self) -> None:
        """Keep how things are looked at; a theme only if it was chosen."""
        chosen = self.theme if self.theme != self.first_theme else ""
        memory.remember(self.view, chosen, self._few_colours, self.fit.fixed)

    def get_css_variables(self) -> dict[str, str]:
        """Textual's variables, and `rule`: the colour of lines between panels."""
        variables = super().get_css_variables()
        variables.setdefault("rule", "ansi_bright_black" if self.current_theme.ansi else variables["panel"])
        return variables

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What becomes of every line before it is written: no colours, or 7-bit characters, where that is wanted."""
        filters = super().get_line_filters()
        if self.no_color:
            filters = [*(one for one in filters if not isinstance(one, Monochrome | NoColor)), _COLOURLESS]
        return [*filters, _SEVEN_BIT] if self.has_class("-ascii") else filters

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Cursors blink only where motion is welcome."""
        if isinstance(event.widget, Input):
            event.widget.cursor_blink = self.fit.motion

    def action_marker(self) -> None:
        """Draw charts in braille dots, in blocks, or in 7-bit characters, and then everything else too."""
        if why := seven_bit():
            self.note(f"7-bit characters only: {why}")
            return
        marker = MARKERS[(MARKERS.index(self.view.marker) + 1) % len(MARKERS)]
        self.view = replace(self.view, marker=marker)
        self.set_class(marker == "ascii", "-ascii")
        for screen in self.screen_stack:
            for line in screen.query(Line):
                line.update(Content(written(line, line.text)))
        self.lab.show_all()
        self.refresh(layout=True)
        self.note(
            {"braille": "charts in braille dots", "block": "charts in blocks", "ascii": "7-bit characters"}[
                marker
            ]
        )

    def note(self, text: str) -> None:
        """Say something in passing."""
        self.lab.note(text)

    def complaint(self, *settings: str) -> str | None:
        """Why the experiment of the form would not bear a change; None if it does."""
        try:
            change(self.experiment, settings)
        except InputError as error:
            return str(error).removeprefix(f"--set {settings[0]}: ")
        return None
