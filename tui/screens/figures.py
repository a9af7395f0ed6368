"""The lecture's figures: one at a time, that of the optimizers step by step."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.events import MouseScrollDown, MouseScrollUp
from textual.screen import Screen

from ...engine.figure_paths import FORMULAS, MOST_STEPS
from ...engine.figure_surfaces import SURFACES
from .. import plots
from ..blocks import Block, Page
from ..figure_list import FIGURES, Choice, Figure
from ..redraw import Redraw
from ..tabs import Tab, tab_rows
from ..widgets.line import Line, written
from ..widgets.picture import Picture
from .text import TextScreen

if TYPE_CHECKING:
    from ..app import LabApp

#: The step that is shown first, the steps of a long move, and the seconds of one while it plays.
_FIRST, _LONG, _PACE = 25, 25, 0.1
#: The share of the time that drawing may take beside training.
_SHARE = 0.02
#: The step from which on a cut rate is a tenth.
_CUT = 11

_HELP = """\
← →, , .           of the optimizers: a step back, a step on
[ ]                25 steps back or on
Home End           step 0, the last step
space              play, or stop playing
s                  another surface
f                  PyTorch's formulas, or the lecture's
c                  a tenth of the rate from step 11 on, or not
n, Tab, digits     another figure
↑ ↓ PgUp PgDn      move a page that is longer than the window
Escape, L, q       back"""


class FiguresScreen(Screen[None]):
    """Tabs of figures; the numbers come from a thread, so that no key waits for them."""

    app: LabApp  # type: ignore[assignment]

    BINDINGS = [
        Binding("escape,L,q", "dismiss", "Back"),
        Binding("n,tab", "turn(1)", "Next figure"),
        Binding("shift+tab", "turn(-1)", "Figure before"),
        *(Binding(str(number + 1), f"figure({number})", show=False) for number in range(len(FIGURES))),
        Binding("right,full_stop", "step(1)", "Step on"),
        Binding("left,comma", "step(-1)", "Step back"),
        Binding("right_square_bracket", f"step({_LONG})", "Steps on"),
        Binding("left_square_bracket", f"step(-{_LONG})", "Steps back"),
        Binding("home", f"step(-{MOST_STEPS})", "First step"),
        Binding("end", f"step({MOST_STEPS})", "Last step"),
        Binding("space", "play", "Play"),
        Binding("s", "surface", "Surface"),
        Binding("f", "formula", "Formula"),
        Binding("c", "cut", "Cut the rate"),
        Binding("up", "move(-1)", "Up"),
        Binding("down", "move(1)", "Down"),
        Binding("pageup", "move(-10)", "Page up"),
        Binding("pagedown", "move(10)", "Page down"),
        Binding("question_mark", "keys", "Keys"),
    ]

    def __init__(self, first: str = "") -> None:
        """`first` names the figure to begin with."""
        super().__init__()
        names = [figure.name for figure in FIGURES]
        self._index = names.index(first) if first in names else 0
        self.choice = Choice()
        self.step = _FIRST
        self._found: dict[tuple[str, Choice], Any] = {}
        self._trouble = ""
        self._page = Page(0, 0)
        self._redraw = Redraw(time.thread_time())
        self._tabs: object = None

    def compose(self) -> ComposeResult:
        yield Line("", id="figures-title")
        yield Line("", id="figures-tabs")
        yield Picture(moves=True, id="figures-picture")
        yield Line("", id="figures-keys")

    def on_mount(self) -> None:
        """Draw the first figure; the clock of playing waits."""
        self._clock = self.set_interval(_PACE, self.tick, pause=True)
        self.playing = False
        self.call_after_refresh(self._begin)

    def on_picture_resized(self) -> None:
        """Draw for the new size."""
        self._draw()

    @property
    def figure(self) -> Figure:
        """What is looked at."""
        return FIGURES[self._index]

    # -- computing ---------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._draw()
        if (self.figure.name, self.choice) not in self._found:
            self.run_worker(self._compute(self.figure, self.choice), group="figure", exclusive=True)

    async def _compute(self, figure: Figure, choice: Choice) -> None:
        self._trouble = ""
        try:
            found = await asyncio.to_thread(figure.compute, choice, MOST_STEPS)
        except Exception as error:  # a figure may never end the lab
            self._trouble = f"cannot be computed: {type(error).__name__}: {error}"
        else:
            self._found[figure.name, choice] = found
        self._draw()

    # -- showing -----------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        view, picture = self.app.shown_view, self.query_one(Picture)
        self._page = replace(
            self._page, width=picture.size.width, height=picture.size.height, marker=view.marker,
            palette=plots.palette_of(view), light=view.light, colours=self.app.fit.colours,
        )  # fmt: skip
        if self._page.width:
            picture.show(self._block(self._page))
        self._tell()

    def _block(self, page: Page) -> Block:
        key = self.figure.name, self.choice
        if key not in self._found:
            return page.paragraph(self._trouble or "Computing; a moment.", "dim")
        try:
            return self.figure.draw(self._found[key], self.choice, self.step, page)
        except Exception as error:
            return [page.line(f"cannot be drawn: {type(error).__name__}: {error}", page.trouble)]

    def _tell(self) -> None:
        figure = self.figure
        sentence = figure.sentence[:1].upper() + figure.sentence[1:]
        self.query_one("#figures-title", Line).set(f"Lecture: {figure.title} ({figure.rows})   {sentence}")
        tabs = [Tab(str(place + 1), one.title, one.title[:6]) for place, one in enumerate(FIGURES)]
        rows = tab_rows(tabs, self._index, self.size.width - 2, self.size.height)
        if rows != self._tabs:
            self._tabs = rows
            parts: list[str | tuple[str, str]] = []
            for row in rows:
                parts += ["\n"] if parts else []
                parts += [(text, "reverse bold" if current else "dim") for text, current in row]
            self.query_one("#figures-tabs", Line).update(Content.assemble(*parts))
        self.query_one("#figures-keys", Line).set(written(self, "   ".join(self._keys())))

    def _keys(self) -> list[str]:
        part = self.query_one(Picture).part
        keys = [f"↑ ↓ lines {part[0]}-{part[1]}/{part[2]}"] if part else []
        if self.figure.steps:
            play = "stop" if self.playing else "play"
            keys += ["← → step", f"space {play}"]
        keys += ["n next figure", "Escape back"]
        if self.figure.steps:
            keys += ["s surface", "f formula", "c cut η"]
        return [*keys, "? all keys"]

    # -- choosing ----------------------------------------------------------------------------------------------------

    def action_turn(self, by: int) -> None:
        """Look at the next one."""
        self.action_figure((self._index + by) % len(FIGURES))

    def action_figure(self, index: int) -> None:
        """Look at the chosen one."""
        self._index = index
        self._play(False)
        self.query_one(Picture).move(-1_000_000)
        self._begin()

    def action_step(self, by: int) -> None:
        """Move the step of the optimizers; one by one it goes no faster than it is drawn."""
        if self.figure.steps:
            self.step = max(0, min(self.step + by, MOST_STEPS))
            self._draw()

    def action_play(self) -> None:
        """Go on step by step, or stop; from the start if it stands at the end."""
        if self.figure.steps:
            self.step = 0 if self.step >= MOST_STEPS else self.step
            self._play(not self.playing)
            self._tell()

    def _play(self, playing: bool) -> None:
        self.playing = playing
        (self._clock.resume if playing else self._clock.pause)()

    def tick(self) -> None:
        """One step while it plays and is looked at; beside training as seldom as the lab draws its charts."""
        now, training = time.monotonic(), self.app.sitting.training
        if self.app.screen is not self or self.app.terminal_behind:
            return
        if training is not None and not training.history.paused and not self._redraw.due(now):
            return
        self.action_step(1)
        self._redraw.drawn(now, time.thread_time(), _SHARE, self.app.written)
        if self.step >= MOST_STEPS:
            self._play(False)
            self._tell()

    def _choose(self, choice: Choice) -> None:
        if self.figure.steps:
            self.choice = choice
            self._begin()

    def action_surface(self) -> None:
        """Descend on the next surface."""
        names = list(SURFACES)
        self._choose(replace(self.choice, surface=names[(names.index(self.choice.surface) + 1) % len(names)]))

    def action_formula(self) -> None:
        """Descend by the other formulas."""
        self._choose(replace(self.choice, formula=FORMULAS[1 - FORMULAS.index(self.choice.formula)]))

    def action_cut(self) -> None:
        """Descend at a tenth of the rate from a step on, or at one rate."""
        self._choose(replace(self.choice, cut=0 if self.choice.cut else _CUT))

    def action_move(self, lines: int) -> None:
        """Move up or down a page that is longer than the window."""
        self.query_one(Picture).move(lines)
        self._tell()

    def action_keys(self) -> None:
        """All keys, and what each figure shows."""
        figures = "\n".join(f"{one.title} ({one.rows}): {one.sentence}" for one in FIGURES)
        self.app.push_screen(TextScreen("Figures of the lecture", f"{_HELP}\n\n{figures}"))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Move down."""
        self.action_move(3)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Move up."""
        self.action_move(-3)
