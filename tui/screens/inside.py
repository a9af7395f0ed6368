"""Look inside the network while it trains or after: one look at a time, asked for only while it is looked at."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen

from ...engine.errors import LaderaError
from ...engine.events import Probed
from ...engine.history import History
from .. import plots, views
from ..blocks import Page
from ..inside import Look, drawn, looks_for
from ..sitting import Run
from ..text import clean
from ..widgets.line import Line, written
from ..widgets.picture import Picture

if TYPE_CHECKING:
    from ..app import LabApp

#: While training, an answer is asked for at most this often, and so seldom that answering takes 2 % of the time.
_SECONDS, _SHARE, _MOST_SECONDS = 1.0, 0.02, 30.0


def when(answer: Probed | None, history: History) -> str:
    """Which weights an answer is about, and how old it is."""
    if answer is None:
        return ""
    ended = history.ended
    if ended is not None and answer.step >= ended.step:
        restored = ended.restored_epoch
        return "The final weights." if restored is None else f"The final weights: those of epoch {restored}."
    per_epoch = history.started.steps_per_epoch if history.started else 1
    behind = history.step - answer.step
    age = "as it is now" if behind <= 0 else f"{behind:,} steps ago"
    return f"Step {answer.step:,} (epoch {answer.step / max(1, per_epoch):.1f}), {age}."


class InsideScreen(Screen[None]):
    """Tabs of looks; the engine answers from the network as it is at the next step."""

    app: LabApp  # type: ignore[assignment]

    BINDINGS = [
        Binding("escape,i,q", "dismiss", "Back"),
        Binding("right,tab", "turn(1)", "Next look"),
        Binding("left,shift+tab", "turn(-1)", "Look before"),
        *(Binding(str((number + 1) % 10), f"look({number})", show=False) for number in range(10)),
        Binding("comma,up", "example(-1)", "Example before"),
        Binding("full_stop,down", "example(1)", "Next example"),
        Binding("p", "app.pause", "Pause"),
        Binding("space", "app.single_step", "One step"),
    ]

    def __init__(self, run: Run, first: str = "") -> None:
        """`first` is the probe of the look to begin with."""
        super().__init__()
        self.run = run
        self._looks = looks_for(run.history)
        names = [look.probe for look in self._looks]
        self._index = names.index(first) if first in names else 0
        self._example = 0
        self._page = Page(0, 0)
        self._asked: tuple[float, int] | None = None
        "When the last question was asked, and at which step."
        self._answered: tuple[Probed, float] | None = None
        "The answer on the screen, and how long it took."
        self._shown: object = None

    def compose(self) -> ComposeResult:
        yield Line("", id="inside-title")
        yield Line("", id="inside-tabs")
        yield Picture(id="inside-picture")
        yield Line("", id="inside-about")
        yield Line("", id="inside-keys")

    def on_mount(self) -> None:
        """Ask at once; then as often as it costs little."""
        self.set_interval(0.1, self.tick)
        self.call_after_refresh(self._begin)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self._draw)

    @property
    def look(self) -> Look | None:
        """What is looked at."""
        return self._looks[self._index] if self._looks else None

    # -- asking ------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Take an answer that came, and ask again when it is due."""
        if self.app.screen is not self:
            return
        if not self._looks and self.run.history.started is not None:
            self._looks = looks_for(self.run.history)
            self._begin()
        if self.look is None:
            return
        answer = self.run.answers.get(self.look.probe)
        known = self._answered[0] if self._answered is not None else None
        if answer is not None and answer is not known:
            took = time.monotonic() - self._asked[0] if self._asked is not None else 0.0
            self._answered = answer, took
            self._draw()
        elif self._due():
            self._ask()
        self._tell()

    def _due(self) -> bool:
        history = self.run.history
        if self._asked is None:
            return history.started is not None
        if not self.run.active or history.paused:
            # The network stands still: ask again only after a step.
            return history.step != self._asked[1]
        if self._answered is None:
            return False
        pause = max(_SECONDS, min(_MOST_SECONDS, self._answered[1] / _SHARE))
        return time.monotonic() - self._asked[0] >= pause

    def _ask(self) -> None:
        look = self.look
        if look is None or not self._alive():
            return
        self._asked = time.monotonic(), self.run.history.step
        try:
            self.run.controls.probe(look.probe, **look.options(self._room(), self._example))
        except LaderaError as error:
            self.query_one("#inside-about", Line).set(clean(str(error), 300))

    def _alive(self) -> bool:
        """Whether anybody is there to answer."""
        return self.run.active or self.run.working

    def _begin(self) -> None:
        self._asked = self._answered = self._shown = None
        if self.look is not None:
            self.run.answers.pop(self.look.probe, None)
            self._ask()
        self._draw()
        self._tell()

    # -- showing -----------------------------------------------------------------------------------------------------

    def _room(self) -> Page:
        """The page as it is now; its charts keep their ranges while the look stays."""
        view, size = self.app.shown_view, self.query_one(Picture).size
        return replace(
            self._page, width=size.width, height=size.height, marker=view.marker, palette=plots.palette_of(view),
            light=view.light,
        )  # fmt: skip

    def _draw(self) -> None:
        look, page = self.look, self._room()
        if not page.width:
            return
        if look is None:
            block = [page.line("Nothing to look at yet: the data are being read.")]
        elif self._answered is None:
            block = [page.line(self._waiting())]
        else:
            block = drawn(look, self._answered[0].answer, self.run.history, page)
        self.query_one(Picture).show(block)

    def _waiting(self) -> str:
        if not self._alive():
            return "This network is no longer in memory: only the latest run can be looked into. Press Escape, then r."
        return "Asked; the answer comes at the next step."

    def _tell(self) -> None:
        history = self.run.history
        self.query_one("#inside-title", Line).set(
            f"Inside {clean(self.run.name, 40)}   {views.status(self.run)}"
        )
        tabs: list[Content | tuple[str, str]] = []
        room = self.size.width - 2
        short = sum(len(look.title) + 5 for look in self._looks) > room
        for index, look in enumerate(self._looks):
            number = str((index + 1) % 10) if index < 10 else " "
            if index == self._index:
                tabs.append((f" {number} {look.title} ", "reverse bold"))
            else:
                tabs.append((f" {number} " + ("" if short else f"{look.title} "), "dim"))
        content = Content.assemble(*tabs)
        if content != self._shown:
            self._shown = content
            self.query_one("#inside-tabs", Line).update(content)
        look = self.look
        if look is None:
            return
        answer = self._answered[0] if self._answered is not None else None
        self.query_one("#inside-about", Line).set(f"{when(answer, history)} {look.about}".strip())
        keys = ["← → another look"]
        keys += [f", . another example (#{self._example})"] if look.by_example else []
        keys += ["p go on" if history.paused else "p pause", "space one step"] if self.run.active else []
        self.query_one("#inside-keys", Line).set(written(self, "   ".join([*keys, "Escape back"])))

    # -- choosing ----------------------------------------------------------------------------------------------------

    def action_turn(self, by: int) -> None:
        """Look at the next one."""
        if self._looks:
            self.action_look((self._index + by) % len(self._looks))

    def action_look(self, index: int) -> None:
        """Look at the chosen one."""
        if 0 <= index < len(self._looks):
            self._index, self._page = index, Page(0, 0)
            self._begin()

    def action_example(self, by: int) -> None:
        """Look at another example."""
        look = self.look
        if look is None or not look.by_example:
            return
        most = int(self.run.history.started.sizes["train"]) if self.run.history.started else 1
        self._example = (self._example + by) % max(1, most)
        self._asked = None
        self._ask()
