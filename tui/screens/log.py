"""What happened in a run, line by line, and what libraries printed; the end is followed until one scrolls away."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Input

from ...engine.store.log import NAME as LOG
from .. import plots, views
from ..blocks import Page
from ..log import LEVELS, Entry, clock, wanted
from ..log_lines import BUDGET, FromFile, FromHistory, FromOutput, Lines
from ..native_output import NATIVE, native_log
from ..run import Run
from ..text import clean
from ..widgets.line import Line, written
from ..widgets.picture import Picture
from .text import TextScreen

if TYPE_CHECKING:
    from ..app import LabApp

_NARROW = 60


def changed(run: Run, runs: list[Run]) -> str:
    """What a run changes of the run that it branched from, or of the one before it; "" if there is none."""
    from ...presets.catalog import difference

    parent = run.history.started.parent.get("run") if run.history.started else None
    before = runs[: runs.index(run)] if run in runs else []
    same = next((other for other in runs if other is not run and other.name == parent), None)
    other = same or (before[-1] if before else None)
    if other is None:
        return ""
    told = [f"{key} {old} → {new}" for key, old, new in difference(other.experiment, run.experiment)]
    return clean(f"since {other.name}: {', '.join(told) or 'nothing'}", 600)


class LogScreen(Screen[None]):
    """Two lists: the run's events, and the output of libraries."""

    app: LabApp  # type: ignore[assignment]

    DEFAULT_CSS = """
    LogScreen #log-title { height: 1; background: $panel; padding: 0 1; text-style: bold; }
    LogScreen #log-tabs { height: 1; padding: 0 1; color: $text-muted; }
    LogScreen #log-filter { height: 1; border: none; padding: 0 1; display: none; }
    LogScreen #log-filter:focus { border: none; }
    LogScreen.-filtering #log-filter { display: block; }
    LogScreen #log-columns { height: 1; padding: 0 1; color: $text-muted; text-style: dim; }
    LogScreen.-low #log-columns, LogScreen.-narrow #log-columns, LogScreen.-output #log-columns { display: none; }
    LogScreen Picture { height: 1fr; margin: 0 1; }
    LogScreen #log-whole { height: 4; padding: 0 1; border-top: solid $rule; display: none; }
    LogScreen.-whole #log-whole { display: block; }
    LogScreen.-low #log-whole { display: none; }
    LogScreen #log-keys { height: 1; padding: 0 1; background: $panel; }
    """
    AUTO_FOCUS = ""  # the filter's line waits until it is asked for
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_NARROW + 2, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (12, "-high")]
    BINDINGS = [
        Binding("escape", "back", "Back"),
        Binding("q", "dismiss", "Back"),
        Binding("up,k", "move(-1)", "Line up"),
        Binding("down,j", "move(1)", "Line down"),
        Binding("pageup,b", "page(-1)", "Page up"),
        Binding("pagedown,space", "page(1)", "Page down"),
        Binding("home", "end(False)", "First"),
        Binding("end,G", "end(True)", "Follow"),
        Binding("slash", "filter", "Filter"),
        Binding("question_mark", "app.help", "Help"),
        Binding("l", "level", "How much"),
        Binding("tab", "turn", "Events or output"),
        Binding("enter", "open", "Whole record"),
        Binding("y", "copy", "Copy"),
    ]

    def __init__(self, run: Run | None, runs: list[Run]) -> None:
        """`runs` are all of the sitting: what is new in a run is told by the one before."""
        super().__init__()
        self.run, self._runs = run, runs
        self._output = False
        self._level = 0
        self._lines: Lines | None = None
        self._source: object = None
        "What the lines are made of; other lines are read when it changes."
        self._at = self._top = 0
        self._follow = True
        self._due = 0.0
        "When the next news are read."
        self._wrong = ""
        "What is wrong with the filter; its last good form holds meanwhile."

    def compose(self) -> ComposeResult:
        yield Line("", id="log-title")
        yield Line("", id="log-tabs")
        yield Input(placeholder="words, !words, /patterns/, kind:finding, epoch:>40", id="log-filter")
        yield Line("   time epoch what", id="log-columns")
        yield Picture(id="log-lines")
        yield Line("", id="log-whole")
        yield Line("", id="log-keys")

    def on_mount(self) -> None:
        """Read at once, and then what is new."""
        keys = "Escape back  Enter whole  / filter  l how much  Tab output  End follow  y copy"
        self.query_one("#log-keys", Line).set(written(self, keys))
        self.set_interval(0.1, self.tick)
        self.call_after_refresh(self.tick)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self._draw)

    # -- reading -----------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Take in what is new."""
        if self.app.screen is not self:
            return
        if time.monotonic() < self._due:
            return
        self._choose()
        lines, begin = self._lines, time.monotonic()
        if lines is not None and begin >= self._due:
            gone, news = lines.dropped, lines.read()
            # Two looks a second cost a training little; a long log is caught up with sooner.
            self._due = begin + (0.1 if time.monotonic() - begin > BUDGET else 0.5)
            if news:
                self._at = max(0, self._at - (lines.dropped - gone))
                self._top = max(0, self._top - (lines.dropped - gone))
                self._draw()
        self._tell()

    def _choose(self) -> None:
        """Make the lines of what is to be looked at."""
        query, level = self.query_one(Input).value, list(LEVELS)[self._level]
        run = self.run
        file = run.directory / LOG if run is not None and run.directory is not None else None
        outputs = [Path(path) for path in (native_log(),) if path and (run is None or run.source is None)]
        if run is not None and run.directory is not None:
            outputs.append(run.directory / NATIVE)
        known = file is not None and file.exists()
        # A run that starts again in its directory has another history; its monitor is known once it started.
        history = run.history if run is not None else None
        monitor = history.monitor if history is not None else ""
        source = (self._output, query, level, known, id(history), monitor, tuple(outputs))
        try:
            wanted(query)
        except ValueError as error:
            self._wrong = str(error)
            return
        self._wrong = ""
        if source == self._source:
            return
        self._source = source
        if self._output:
            self._lines = FromOutput(outputs, query)
        elif run is None or history is None:
            self._lines = None
        else:
            new = changed(run, self._runs)
            if known and file is not None:
                self._lines = FromFile(file, level, query, monitor, new)
            else:
                self._lines = FromHistory(history, level, query, new)
        self._at = self._top = 0
        self._follow = True
        if self._lines is not None:
            self._lines.read()
        self._draw()

    # -- showing -----------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        picture, view, lines = self.query_one(Picture), self.app.shown_view, self._lines
        page = Page(
            picture.size.width, picture.size.height, view.marker, plots.palette_of(view), light=view.light
        )
        if not page.width or not page.height:
            return
        there = len(lines) if lines is not None else 0
        if self._follow:
            self._at = there - 1
        self._at = max(0, min(self._at, there - 1))
        self._top = max(0, min(self._top, there - page.height))
        self._top = min(max(self._top, self._at - page.height + 1), self._at)
        if lines is None or not there:
            picture.show([page.line(words) for words in self._nothing()])
            self._open(False)
            return
        shown = lines.part(self._top, page.height)
        block: list[Text] = []
        for row, entry in enumerate(shown):
            here = self._top + row == self._at and not self._follow
            block.append(_row(entry, page, here))
        picture.show(block)
        chosen = self._at - self._top
        whole = not self._follow and chosen < len(shown)
        if whole:
            entry = shown[chosen]
            self.query_one("#log-whole", Line).set(clean(f"{entry.kind} {entry.text}", 2000))
        self._open(whole)

    def _open(self, whole: bool) -> None:
        """Show the chosen line whole, or no more; the list is drawn again in the room that is left."""
        if self.has_class("-whole") != whole:
            self.set_class(whole, "-whole")
            self.call_after_refresh(self._draw)

    def _nothing(self) -> list[str]:
        if self.query_one(Input).value.strip():
            return ["No line holds these words."]
        if self._output:
            return ["No library has printed anything."]
        if self.run is None:
            return [
                "No run yet: press Escape, then r to train.",
                "Then each line here is something that happened.",
            ]
        return [(self.run.trouble and clean(self.run.trouble, 300)) or "Nothing has happened yet."]

    def _tell(self) -> None:
        run, lines = self.run, self._lines
        name = clean(run.name, 40) if run is not None else ""
        self.query_one("#log-title", Line).set(f"Log   {name}   {views.status(run)}")
        here, there = ("output", "events") if self._output else ("events", "output")
        many = len(lines) if lines is not None else 0
        parts = [f"[{here}] {there}", f"{many:,} line{'s' * (many != 1)}"]
        if not self._output:
            parts.append(list(LEVELS)[self._level])
        if self._wrong:
            parts.append(clean(self._wrong, 100))
        elif self.query_one(Input).value.strip():
            parts.append(f"with {clean(self.query_one(Input).value, 60)}")
        parts.append("follows the end" if self._follow else f"line {self._at + 1:,}")
        if lines is not None and lines.note:
            parts.append(lines.note)
        if run is not None and run.history.storage is not None:
            parts.append("the newest may be missing: storage fails")
        self.query_one("#log-tabs", Line).set(" · ".join(parts))

    # -- keys --------------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """From the filter to the lines, from the lines to the lab."""
        box = self.query_one(Input)
        if box.has_focus:
            box.value = ""
            self._leave_filter()
        else:
            self.dismiss()

    def _leave_filter(self) -> None:
        self.set_focus(None)
        self.set_class(bool(self.query_one(Input).value.strip()), "-filtering")
        self.call_after_refresh(self._draw)

    def action_filter(self) -> None:
        """Type words."""
        self.add_class("-filtering")
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self._choose()
        self._tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the lines."""
        self._leave_filter()

    def action_move(self, by: int) -> None:
        """Go some lines up or down; at the end it is followed again."""
        last = (len(self._lines) if self._lines is not None else 0) - 1
        self._at = max(0, min(last, self._at + by))
        self._follow = self._at >= last and by > 0
        self._draw()
        self._tell()

    def action_page(self, by: int) -> None:
        """Go a page up or down."""
        self.action_move(by * max(1, self.query_one(Picture).size.height - 1))

    def action_end(self, last: bool) -> None:
        """Go to the first line, or to the end and follow it."""
        self.action_move(MANY if last else -MANY)

    def on_mouse_scroll_up(self) -> None:
        """Scroll by wheel."""
        self.action_move(-3)

    def on_mouse_scroll_down(self) -> None:
        """Scroll by wheel."""
        self.action_move(3)

    def action_level(self) -> None:
        """Tell more, or less."""
        self._level = (self._level + 1) % len(LEVELS)
        self._choose()
        self._tell()

    def action_turn(self) -> None:
        """From the events to the output of libraries, and back."""
        self._output = not self._output
        self.set_class(self._output, "-output")
        self._choose()
        self._tell()

    def action_open(self) -> None:
        """Show all of the record, however long it is."""
        text = self._lines.whole(self._at) if self._lines is not None else ""
        if text:
            self.app.push_screen(TextScreen("The whole record", text, text))

    def action_copy(self) -> None:
        """Put the line on the terminal's clipboard."""
        found = self._lines.part(self._at, 1) if self._lines is not None else []
        if found:
            self.app.copy_to_clipboard(found[0].plain)
            self.notify("copied (if the terminal allows it)", markup=False)


#: More lines than there are.
MANY = 1 << 40


def _row(entry: Entry, page: Page, here: bool) -> Text:
    style = page.trouble if entry.trouble else Style.null()
    line = Text(no_wrap=True, end="")
    if entry.kind:
        wide = page.width >= _NARROW
        epoch = "" if entry.epoch is None else str(entry.epoch)
        line.append(f"{clock(entry.time)} {epoch:>5} " if wide else f"{epoch} ", "dim")
        kind = page.cell(entry.kind, 10) if wide else entry.kind
        line.append(f"{kind} ", Style(bold=entry.kind not in ("steps", "epoch", "check")))
    line.append(page.written(entry.text), style)
    line.truncate(page.width, overflow="ellipsis", pad=here)
    if here:
        line.stylize("reverse")
    return line
