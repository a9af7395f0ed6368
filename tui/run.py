"""One run as the lab sees it: what it is told, what it was asked, and the fold of its events.

No widget and no terminal in here. A training thread, or whoever reads a log, only appends events to a queue; `Run.poll` folds them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..engine.branching import Branch, Retrace, Ring
from ..engine.controls import Controls
from ..engine.data.names import to_be_fetched
from ..engine.events import (
    CheckpointSaved,
    CommandTaken,
    Event,
    Probed,
    Resumed,
    RunEnded,
    RunStarted,
    StorageFailed,
)
from ..engine.experiment import Experiment
from ..engine.history import History
from ..engine.store import log
from .values import Values, in_force, live_changes

#: Seconds that one poll may fold events, and events between looks at the clock: a burst cannot hold up a key press.
BUDGET, _AT_ONCE = 0.01, 64

#: What is waited for after each command.
_AWAITED = {
    "pause": "pausing",
    "resume": "going on",
    "step": "stepping",
    "run_epochs": "going on",
    "set": "changing",
    "checkpoint": "saving",
    "finish_epoch": "ends after this epoch",
    "stop": "stopping",
    "abandon": "stopping",
}
#: Of those the ones that take longer than until the training has heard of them.
_LONGER = ("checkpoint", "finish_epoch", "stop", "abandon")


def _nothing() -> None:
    """Nothing to let go of."""


@dataclass(eq=False)
class Run:
    """One run on the screen."""

    experiment: Experiment
    label: str
    "Its name until it has a directory."
    number: int
    "Counts the runs of the sitting from 0; gives the colour."
    history: History = field(default_factory=History)
    controls: Controls = field(default_factory=Controls)
    incoming: deque[Event] = field(default_factory=deque)
    "Filled by the training thread or by whoever reads the log; emptied by `poll`."
    directory: Path | None = None
    nth: int = 1
    "Which of the runs with this label it is that have no directory yet."
    queued: bool = False
    "Waits for its turn."
    trouble: str = ""
    "Why it could not even start, in words."
    shown: bool = True
    "Whether its curves are overlaid."
    pinned: bool = False
    "Whether it stays on top of the list."
    working: bool = False
    "Whether its thread is at work, be it only to answer probes."
    loading: bool = False
    "Whether its thread waits for torch to be imported."
    answers: dict[str, Probed] = field(default_factory=dict)
    "The latest answer to each probe."
    ring: Ring = field(default_factory=Ring)
    "States along its way, to branch from."
    branch: Branch | Retrace | None = None
    "The state it starts from, if it is a branch."
    retracing: str = ""
    "How far the way to that state has been gone again, in words, while it is."
    source: Callable[[Run], list[Event]] | None = None
    "Where events come from if this sitting does not train the run."
    asked: str = ""
    "The command that it was given last, until it has taken effect."
    outside: str = ""
    "What its directory says if its process is gone: crashed, stalled or damaged."
    unread: int = 0
    "Lines of its log that are no record."
    senseless: int = 0
    "Records of its log that contradict what came before, and were passed over."
    damage_told: int = 0
    "How many of both were told of."
    let_go: Callable[[], None] = _nothing
    "Called when it is taken off the list."
    _known: tuple[tuple[int, int, int], Experiment, Values] | None = None
    "What its values were asked for after, and the answers."
    _told: tuple[bool, str, str] = (False, "", "")
    "What `loading`, `outside` and `retracing` were at the last poll: they change without an event."

    @property
    def in_force(self) -> Experiment:
        """Its experiment with what commands have changed since it began."""
        return self._looked()[1]

    @property
    def values(self) -> Values:
        """The values of its experiment, and what was changed since it began."""
        return self._looked()[2]

    def _looked(self) -> tuple[tuple[int, int, int], Experiment, Values]:
        history = self.history
        after = id(history), len(history.commands), len(history.resumes)
        if self._known is None or self._known[0] != after:
            changes = live_changes(history)
            experiment = in_force(self.experiment, changes) if changes else self.experiment
            self._known = after, experiment, Values.of(self.experiment.plain(), changes)
        return self._known

    @property
    def preparing(self) -> str:
        """What it is doing until it has begun, in words."""
        if self.loading:
            return "loading torch…"
        return self.retracing or self._fetching or "reading the data…"

    @cached_property
    def _fetching(self) -> str:
        name = self.experiment.data.name
        if not to_be_fetched(name):
            return ""
        return f"{name} is fetched from openml.org, once;\nthe first epoch comes when it is here, in a minute or some"

    @property
    def name(self) -> str:
        """Its directory's name, or before it has one its label, numbered where others wait under the same."""
        if self.directory:
            return self.directory.name
        return f"{self.label} ({self.nth})" if self.nth > 1 else self.label

    @property
    def state(self) -> str:
        """The state of its history, or queued, or refused."""
        if self.trouble:
            return "refused"
        if self.queued:
            return "queued"
        return self.outside if self.outside and self.history.ended is None else self.history.state

    @property
    def active(self) -> bool:
        """Whether it is training or paused, or about to."""
        return not self.trouble and self.history.ended is None and self.outside in ("", "stalled")

    def ask(self, command: str, value: Any = None) -> None:
        """Give a command; what is waited for is known until the training has obeyed."""
        self.controls.send(command, value)
        self.asked = command

    @property
    def awaited(self) -> str:
        """What is being waited for, in words; "" for nothing."""
        return _AWAITED.get(self.asked, "") if self.active else ""

    @property
    def damaged(self) -> int:
        """Lines of its log that could not be taken in."""
        return self.unread + self.senseless

    def damage(self) -> str:
        """What to say of lines that could not be taken in, if there are far more than were told of; "" if not."""
        if self.damaged <= 2 * self.damage_told:
            return ""
        self.damage_told = self.damaged
        lines = f"{self.damaged:,} damaged line{'s' * (self.damaged != 1)}"
        return f"{lines} in the log of {self.name}, passed over: G shows its log"

    def poll(self, until: float | None = None) -> bool:
        """Fold what arrived, until that time of the monotonic clock if there is much; whether anything arrived."""
        if self.source is not None:
            self.incoming.extend(self.source(self))
        until = time.monotonic() + BUDGET if until is None else until
        now = self.loading, self.outside, self.retracing
        news = bool(self.incoming) or now != self._told
        self._told = now
        while self.incoming:
            for _ in range(min(len(self.incoming), _AT_ONCE)):
                self._take(self.incoming.popleft())
            if time.monotonic() >= until:
                break
        return news

    def _take(self, event: Event) -> None:
        if isinstance(event, Probed):
            self.answers[event.probe] = event
        begun = self.history.started is not None
        if self.source is None:
            self.history.apply(event)
        else:  # a log may be damaged, or of a version to come
            self.senseless += log.fold(self.history, [event])
        another = isinstance(event, RunEnded | Resumed) or (begun and isinstance(event, RunStarted))
        if self.asked and (another or self._obeyed(event)):
            self.asked = ""  # no attempt hears what the one before it was told

    def _obeyed(self, event: Event) -> bool:
        """Whether an event ends the wait for the command that was given last."""
        if isinstance(event, CommandTaken):
            return event.command == self.asked and (self.asked not in _LONGER or bool(event.error))
        return self.asked == "checkpoint" and isinstance(event, CheckpointSaved | StorageFailed)
