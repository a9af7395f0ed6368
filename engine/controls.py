"""What a viewer may ask of a running training: commands and questions, taken at a step boundary.

Any thread may call these methods: they only append to a queue and set a flag. A signal handler may not: it can run
while the same thread holds the flag's lock.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import quoted


@dataclass(frozen=True, slots=True)
class Command:
    """One request."""

    name: str
    "One of COMMANDS."
    value: Any = None


def _nothing(value: Any) -> bool:
    return value is None


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000_000


def _seconds(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= 3600


def _cause(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.isprintable() and len(value) <= 40)


def _setting(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"key", "value"} and isinstance(value["key"], str)


def _question(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str)


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of one command."""

    takes: Callable[[Any], bool]
    "Whether a value is one for it."
    ends_pause: bool = False
    "Whether training goes on with it."


#: Every command by its name.
COMMANDS: dict[str, Kind] = {
    "pause": Kind(_nothing),
    "resume": Kind(_nothing, ends_pause=True),
    "step": Kind(_count, ends_pause=True),
    "run_epochs": Kind(_count, ends_pause=True),
    "finish_epoch": Kind(_nothing, ends_pause=True),
    "stop": Kind(_cause, ends_pause=True),
    "abandon": Kind(_nothing, ends_pause=True),
    "checkpoint": Kind(_nothing),
    "set": Kind(_setting),
    "pace": Kind(_seconds),
    "probe": Kind(_question),
}


def refusal(name: str, value: Any) -> str:
    """Return why a command cannot be obeyed whatever the run; empty if it can."""
    kind = COMMANDS.get(name)
    if kind is None:
        return f"there is no command {quoted(name, 40)}; there are {', '.join(COMMANDS)}"
    return "" if kind.takes(value) else f"{name}: {repr(value)[:80]} is no value for it"


class Controls:
    """The one way into a running training."""

    def __init__(self) -> None:
        self._queue: deque[Command] = deque()
        self._wake = threading.Event()
        #: True while commands wait; read once per step, so it is a plain attribute.
        self.pending = False
        self._way_until = 0.0
        "Until when the next step waits, by the monotonic clock."

    def give_way(self, seconds: float) -> None:
        """Leave the processor to somebody who acts now: the next step waits until so many seconds from now."""
        self._way_until = time.monotonic() + seconds
        self.pending = True

    def send(self, name: str, value: Any = None) -> None:
        """Queue a command."""
        self._queue.append(Command(name, value))
        self.pending = True
        self._wake.set()

    def pause(self) -> None:
        """Stop after the current step and wait."""
        self.send("pause")

    def resume(self) -> None:
        """Go on after a pause."""
        self.send("resume")

    def step(self, count: int = 1) -> None:
        """Make `count` steps and pause."""
        self.send("step", count)

    def run_epochs(self, count: int = 1) -> None:
        """Go on to the end of the `count`-th epoch from here and pause."""
        self.send("run_epochs", count)

    def finish_epoch(self) -> None:
        """Finish this epoch, save and stop."""
        self.send("finish_epoch")

    def stop(self, interrupted_by: str = "") -> None:
        """Finish this step, save and stop; a run that something interrupted is not tested, since it goes on later."""
        self.send("stop", interrupted_by or None)

    def abandon(self) -> None:
        """Finish this step and stop without saving or testing."""
        self.send("abandon")

    def checkpoint(self) -> None:
        """Save the complete state after this step and go on."""
        self.send("checkpoint")

    def set(self, key: str, value: Any) -> None:
        """Change a live hyperparameter, for example ("optimizer.lr", 0.01)."""
        self.send("set", {"key": key, "value": value})

    def pace(self, seconds: float) -> None:
        """Give each epoch at least this long, so that an eye can follow; 0 is as fast as it goes."""
        self.send("pace", seconds)

    def probe(self, name: str, **options: Any) -> None:
        """Ask for a look inside; the answer comes as a Probed event."""
        self.send("probe", {"name": name, **options})

    @property
    def leaving(self) -> bool:
        """Whether a command that ends the run waits."""
        return self.pending and any(
            command.name in ("stop", "abandon", "finish_epoch") for command in tuple(self._queue)
        )

    def take(self) -> list[Command]:
        """Return the waiting commands, oldest first (called by the engine)."""
        self.pending = False
        self._wake.clear()
        taken: list[Command] = []
        while self._queue:
            taken.append(self._queue.popleft())
        return taken

    def stand_aside(self) -> None:
        """Sleep while way is given, or until a command comes (called by the engine between steps)."""
        left = self._way_until - time.monotonic()
        if left > 0:
            self.wait(left)

    def wait(self, seconds: float) -> None:
        """Sleep until a command comes or the time is over (called by the engine)."""
        self._wake.wait(seconds)
