"""Training without the lab: a live line on a terminal, plain lines in a pipe, or the events themselves as JSON."""

from __future__ import annotations

import io
import os
import shutil
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TextIO

from rich.console import Console
from rich.text import Text

from ..engine.event_lines import to_line
from ..engine.events import Checked, EpochEnded, Event, RunStarted
from ..engine.history import History
from .fit import speaks_unicode
from .output import Output
from .progress import HANGING, header, live_line, plain_line, remark
from .seven_bit import seven_bit
from .summary import summary
from .terminal import Style

#: Exit codes of runs that had come to their end before.
EXIT = {"finished": 0, "stopped_early": 0, "failed": 3, "diverged": 4}

_LIVE_SECONDS = 0.1
_PLAIN_SECONDS = 1.0


class Teller:
    """Tells people of a run on one stream, as it goes."""

    def __init__(
        self,
        stream: TextIO,
        style: Style,
        name: Callable[[], str],
        hurry: Callable[[], bool] = lambda: False,
    ) -> None:
        """Tell of the run of that name, which is known from its first event on; see Output for the rest."""
        self._stream, self._style, self._name = stream, style, name
        self._output = Output(stream, hurry)
        self._unicode = speaks_unicode(stream)
        self._told_at = -_PLAIN_SECONDS
        self._told_epoch = 0

    @property
    def width(self) -> int:
        """Columns of the terminal now; 80 elsewhere."""
        if self._style != "live":
            return 80
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError, io.UnsupportedOperation):
            columns = shutil.get_terminal_size().columns
        return max(20, columns or 80)  # a terminal that does not know its size says 0

    def tell(self, event: Event, history: History) -> None:
        """Take notice of an event that was folded into the history."""
        if self._style == "quiet":
            return
        if isinstance(event, RunStarted):
            for line in header(event, self._name()):
                self._say(*self._wrapped(line, HANGING))
        elif words := remark(event):
            self._say(*self._wrapped(words, 2))
        self._progress(event, history)

    def _progress(self, event: Event, history: History) -> None:
        now = time.monotonic()
        if self._style == "live":
            if now - self._told_at >= _LIVE_SECONDS and history.ended is None:
                self._told_at = now
                width = self.width - 1  # the last column stays free, or some terminals wrap
                text = self._rendered(live_line(history, width, self._unicode), width)
                self._output.live(self._written(text))
        elif isinstance(event, Checked) or (isinstance(event, EpochEnded) and event.validation is None):
            last = history.ended is not None or history.epoch >= history.epochs
            if now - self._told_at >= _PLAIN_SECONDS or last:
                self._told_at, self._told_epoch = now, history.epoch
                self._say(plain_line(history))
        elif event.name == "run_ended" and 0 < self._told_epoch != history.epoch:
            self._say(plain_line(history))

    def finish(
        self,
        history: History,
        directory: str = "",
        go_on: Mapping[str, str] | None = None,
        missing: Sequence[str] = (),
    ) -> None:
        """Write the summary and wait until it is out."""
        self._output.live(None)
        if self._style == "quiet":
            if directory:
                self._say(directory)
        else:
            lines = summary(
                history, self.width - (self._style == "live"), unicode=self._unicode,
                wrap=self._style == "live", directory=directory, go_on=go_on, missing=missing,
            )  # fmt: skip
            for line in lines:
                self._say(self._rendered(line) if self._style == "live" else line.plain.rstrip())
        self._output.close()

    @property
    def fault(self) -> OSError | None:
        """Why not everything could be told; None as well if nobody listens any more."""
        return self._output.fault

    def close(self) -> None:
        """Take the live line away and wait until everything is out."""
        self._output.live(None)
        self._output.close()

    def _wrapped(self, line: str, hanging: int) -> list[str]:
        """Break a line between words where a terminal would break it anywhere; in a pipe it stays whole."""
        if self._style != "live":
            return [line]
        return textwrap.wrap(line, self.width - 1, subsequent_indent=" " * hanging, drop_whitespace=True)

    def _say(self, *lines: str) -> None:
        for line in lines:
            self._output.line(self._written(line))

    def _written(self, text: str) -> str:
        """The text in characters that the stream takes."""
        return text if self._unicode else seven_bit(text)

    def _rendered(self, text: Text, width: int | None = None) -> str:
        """Write styled text as bytes for this terminal; NO_COLOR and the terminal's depth are respected."""
        console = Console(
            file=io.StringIO(), force_terminal=True, width=width or 10_000, legacy_windows=False
        )
        with console.capture() as captured:
            console.print(text, end="", soft_wrap=True, highlight=False, markup=False)
        return captured.get()


def drain(
    events: Iterable[Event], teller: Teller, history: History, json_output: Output | None = None
) -> History:
    """Take every event: fold it, print it where JSON is wanted, tell of it; return the history."""
    for event in events:
        history.apply(event)
        if json_output is not None and event.recorded:
            json_output.line(to_line(event))
        teller.tell(event, history)
    return history
