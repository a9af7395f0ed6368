"""Look inside the network while it trains or after: one look at a time, asked for only while it is looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.events import MouseScrollDown, MouseScrollUp
from textual.screen import Screen

from ...engine.history import History
from .. import plots, views
from ..blocks import Block, Page
from ..inquiry import Inquiry, Seen
from ..inside import Look, asked, drawn, looks_for, parts
from ..kept import Kept
from ..run import Run
from ..tabs import Tab, tab_rows
from ..text import clean
from ..widgets.line import Line, written
from ..widgets.picture import Picture
from .text import TextScreen

if TYPE_CHECKING:
    from ..app import LabApp


#: The weights that a directory may keep.
_KEPT = ("final", "best", "latest")


_HELP = """\
← →, Tab, digits   another look
↑ ↓ Page Home End  move a page that is longer than the window
m                  other measures of the layers over the epochs
[ ]                other hidden units over the plane
, .                another example
w                  other weights that the run directory keeps
p, space           pause or go on; one step, while it trains
Escape, i, q       back"""


def when(seen: Seen | None, history: History) -> str:
    """Which weights an answer is about, and how old it is."""
    if seen is None or "error" in seen.answer:
        return ""
    if seen.words:
        return f"{seen.words[:1].upper()}{seen.words[1:]}."
    ended = history.ended
    if ended is not None and seen.step >= ended.step:
        restored = ended.restored_epoch
        return "The final weights." if restored is None else f"The final weights: those of epoch {restored}."
    per_epoch = history.started.steps_per_epoch if history.started else 1
    behind = history.step - seen.step
    age = "as it is now" if behind <= 0 else f"{behind:,} steps ago"
    return f"Step {seen.step:,} (epoch {seen.step / max(1, per_epoch):.1f}), {age}."


class InsideScreen(Screen[None]):
    """Tabs of looks; the engine answers from the network as it is at the next step, or as the disk keeps it."""

    app: LabApp  # type: ignore[assignment]

    BINDINGS = [
        Binding("escape,i,q", "dismiss", "Back"),
        Binding("right,tab", "turn(1)", "Next look"),
        Binding("left,shift+tab", "turn(-1)", "Look before"),
        *(Binding(str((number + 1) % 10), f"look({number})", show=False) for number in range(10)),
        Binding("comma,left_square_bracket", "part(-1)", "Part before"),
        Binding("full_stop,right_square_bracket,m", "part(1)", "Next part"),
        Binding("up", "move(-1)", "Up"),
        Binding("down", "move(1)", "Down"),
        Binding("pageup", "move_page(-1)", "Page up"),
        Binding("pagedown", "move_page(1)", "Page down"),
        Binding("home", "move(-1000000)", "Top"),
        Binding("end", "move(1000000)", "Bottom"),
        Binding("w", "weights", "Other weights"),
        Binding("p", "app.pause", "Pause"),
        Binding("space", "app.single_step", "One step"),
        Binding("question_mark", "keys", "Keys"),
    ]

    def __init__(self, run: Run, first: str = "") -> None:
        """`first` is the probe of the look to begin with."""
        super().__init__()
        self.run = run
        self._looks = looks_for(run.history)
        names = [look.probe for look in self._looks]
        self._index = names.index(first) if first in names else 0
        self._at = 0
        "Which part of the look is shown."
        self._page = Page(0, 0)
        self._shown: object = None

    def compose(self) -> ComposeResult:
        yield Line("", id="inside-title")
        yield Line("", id="inside-tabs")
        yield Picture(moves=True, id="inside-picture")
        yield Line("", id="inside-about")
        yield Line("", id="inside-keys")

    def on_mount(self) -> None:
        """Ask at once; then as often as it costs little."""
        self.app.kept = self.app.kept or Kept()
        self.inquiry = Inquiry(self.run, self.app.kept)
        self.call_after_refresh(self._open)

    def _open(self) -> None:
        """The first question, which fits the page, goes before the clockwork can ask one."""
        self._begin()
        self.set_interval(0.1, self.tick)

    def on_picture_resized(self) -> None:
        """Draw for the new size, and ask for as much as it holds."""
        if self.look is not None:
            self.inquiry.resized(asked(self.look, self._room(), self.run.history))
        self._draw()
        self._tell()

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
        look = self.look
        if look is None:
            return
        if self.inquiry.poll(look.probe):
            self._draw()
        elif self.inquiry.due():
            self._ask(look)
        self._tell()

    def _ask(self, look: Look) -> None:
        page = self._room()
        if page.width:
            self.inquiry.ask(look.probe, asked(look, page, self.run.history))

    def _begin(self) -> None:
        look = self.look
        if look is not None:
            self.inquiry.begin(look.probe)
            if self.inquiry.due():
                self._ask(look)
        self.query_one(Picture).move(-1_000_000)
        self._draw()
        self._tell()

    # -- showing -----------------------------------------------------------------------------------------------------

    def _room(self) -> Page:
        """The page as it is now; its charts keep their ranges while the look stays."""
        view, size, seen = self.app.shown_view, self.query_one(Picture).size, self.inquiry.seen
        ended = self.run.history.ended is not None
        return replace(
            self._page, width=size.width, height=size.height, marker=view.marker, palette=plots.palette_of(view),
            light=view.light, colours=self.app.fit.colours, at=self._at,
            moment=(seen.which if seen is not None else "") or ("final" if ended else "now"),
        )  # fmt: skip

    def _draw(self) -> None:
        page = self._room()
        if page.width:
            self.query_one(Picture).show(self._block(page))

    def _block(self, page: Page) -> Block:
        look, seen, history = self.look, self.inquiry.seen, self.run.history
        if look is None:
            return page.paragraph("Nothing to look at yet: the data are being read.")
        if seen is None:
            return drawn(look, {}, history, page) if look.from_log else page.paragraph(self._waiting(), "dim")
        warnings = [line for text in seen.warnings for line in page.paragraph(clean(text, 300), page.trouble)]
        return [*warnings, *drawn(look, seen.answer, history, page)]

    def _waiting(self) -> str:
        return {
            "memory": "Asked; the answer comes at the next step.",
            "disk": "Reading the data and the weights that the run kept; a moment.",
            "nowhere": "This network is no longer in memory and was not kept on the disk: train it again. Press Escape, "
            "then r.",
        }[self.inquiry.place]

    def _tell(self) -> None:
        history, look, seen = self.run.history, self.look, self.inquiry.seen
        name = clean(self.run.name, 40) + (f": {look.title}" if look is not None else "")
        self.query_one("#inside-title", Line).set(f"Inside {name}   {views.status(self.run)}")
        self._tell_tabs()
        if look is None:
            return
        of = self._waiting() if seen is None and look.from_log else when(seen, history)
        about = f"{of} {look.about}".strip()
        self.query_one("#inside-about", Line).set(about)
        self.query_one("#inside-keys", Line).set(written(self, "   ".join(self._keys(look))))

    def _tell_tabs(self) -> None:
        tabs = [
            Tab(str((place + 1) % 10) if place < 10 else " ", look.title, look.short)
            for place, look in enumerate(self._looks)
        ]
        rows = tab_rows(tabs, self._index, self.size.width - 2, self.size.height)
        if rows == self._shown:
            return
        self._shown = rows
        parts: list[str | tuple[str, str]] = []
        for row in rows:
            parts += ["\n"] if parts else []
            parts += [(text, "reverse bold" if current else "dim") for text, current in row]
        self.query_one("#inside-tabs", Line).update(Content.assemble(*parts))

    def _keys(self, look: Look) -> list[str]:
        """What can be pressed now, what matters most first: a narrow window cuts the end."""
        history, page, seen = self.run.history, self._room(), self.inquiry.seen
        part = self.query_one(Picture).part
        keys = [f"↑ ↓ lines {part[0]}-{part[1]}/{part[2]}"] if part else []
        if look.parts is not None and (count := parts(look, page, history)) > 1:
            keys.append(f"{look.parts.keys} {look.parts.words} {self._at % count + 1}/{count}")
        keys += ["← → looks", "Escape back"]
        if seen is not None and seen.others:
            keys.append(f"w {' or '.join(seen.others)} weights")
        if self.run.active:
            keys += ["p go on" if history.paused else "p pause", "space one step"]
        return [*keys, "? all keys"]

    # -- choosing ----------------------------------------------------------------------------------------------------

    def action_turn(self, by: int) -> None:
        """Look at the next one."""
        if self._looks:
            self.action_look((self._index + by) % len(self._looks))

    def action_look(self, index: int) -> None:
        """Look at the chosen one."""
        if 0 <= index < len(self._looks):
            self._index, self._at, self._page = index, 0, Page(0, 0)
            self._begin()

    def action_part(self, by: int) -> None:
        """Another example, other units, other measures."""
        look = self.look
        if look is None or look.parts is None:
            return
        self._at = (self._at + by) % parts(look, self._room(), self.run.history)
        if look.parts.asks:
            self.inquiry.again()
            if self.inquiry.due():
                self._ask(look)
        self._draw()
        self._tell()

    def action_keys(self) -> None:
        """All keys, and what each look shows."""
        looks = "\n".join(f"{look.title}: {look.about}" for look in self._looks)
        self.app.push_screen(TextScreen("Looking inside", f"{_HELP}\n\n{looks}"))

    def action_weights(self) -> None:
        """Look at other weights that the disk keeps: the best, the final, those of the newest checkpoint."""
        seen, look = self.inquiry.seen, self.look
        if look is None or seen is None or not seen.others:
            return
        kept = [which for which in _KEPT if which in (seen.which, *seen.others)]
        self.inquiry.which = kept[(kept.index(seen.which) + 1) % len(kept)]
        self.inquiry.again()

    def action_move(self, lines: int) -> None:
        """Move up or down a page that is longer than the window."""
        self.query_one(Picture).move(lines)
        self._tell()

    def action_move_page(self, pages: int) -> None:
        """Move by a window."""
        self.action_move(pages * max(1, self.query_one(Picture).size.height - 1))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Move down."""
        self.action_move(3)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Move up."""
        self.action_move(-3)
