"""The runs of one sitting at the lab: those it trains, one at a time, and those it looks at.

No widget and no terminal in here. A training thread only appends events to a queue; `Sitting.poll` folds them.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator
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
from .native_output import crash_traces
from .text import clean
from .values import Values, in_force, live_changes

#: Seconds that one poll may fold events, and events between looks at the clock: a burst cannot hold up a key press.
_BUDGET, _AT_ONCE = 0.01, 64

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
        until = time.monotonic() + _BUDGET if until is None else until
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


#: Trains an experiment: yields events, and gives the directory once there is one.
Trainer = Callable[[Run], Iterator[Event]]


class Sitting:
    """All runs, oldest first; at most one of them trains here, the next queued one follows."""

    def __init__(self, trainer: Trainer, begin: Callable[[Run], None]) -> None:
        """`trainer` yields a run's events; `begin(run)` must call `work(run)` in a thread."""
        self.runs: list[Run] = []
        self.training: Run | None = None
        self.held = False
        "Whether the queue waits: the lab is about to be left."
        self.closed = False
        "Nobody looks any more: a run that ends answers no probes."
        self.dropped: list[Run] = []
        "Those that waited when the queue was dropped."
        self._trainer = trainer
        self.begin = begin
        "Calls `work` for a run in a thread."

    def start(self, experiment: Experiment, label: str, branch: Branch | Retrace | None = None) -> Run:
        """Train an experiment now, or queue it behind the one that trains; `branch` is the state to start from."""
        alike = [run.nth for run in self.runs if run.label == label and run.directory is None]
        nth = 1 + max(alike, default=0)
        run = Run(experiment, label, number=self._number(), nth=nth, queued=True, branch=branch)
        self.runs.append(run)
        self._next()
        return run

    def _number(self) -> int:
        """The lowest number that no run on the list has: colours come back into use."""
        return next(i for i in range(len(self.runs) + 1) if all(run.number != i for run in self.runs))

    def add(self, run: Run) -> None:
        """Show a run that is not trained here."""
        run.number = self._number()
        self.runs.append(run)

    def remove(self, run: Run) -> None:
        """Take a run off the list, or out of the queue; one that trains stays. What is on the disk stays too."""
        if run is not self.training:
            run.queued = False
            if run.source is None:  # a run of another process goes on
                run.controls.stop()
            run.let_go()
            self.runs.remove(run)

    @property
    def queued(self) -> list[Run]:
        """The runs that wait, in the order of their turns."""
        return [run for run in self.runs if run.queued]

    def move(self, run: Run, by: int) -> None:
        """Let a queued run train earlier (-1) or later (1) than its neighbour in the queue."""
        queue = [place for place, other in enumerate(self.runs) if other.queued]
        if run.queued:
            here = queue.index(self.runs.index(run))
            there = min(max(here + by, 0), len(queue) - 1)
            one, other = queue[here], queue[there]
            self.runs[one], self.runs[other] = self.runs[other], self.runs[one]

    def work(self, run: Run) -> None:
        """Train; called in the training thread, never raises."""
        try:
            for event in self._trainer(run):
                run.incoming.append(event)
                if self.closed and isinstance(event, RunEnded):
                    run.controls.stop()
        except Exception as error:
            run.trouble = clean(str(error), 2000) or type(error).__name__
        finally:
            run.working = False

    def close(self) -> None:
        """End what only waits for questions; what trains goes on to its end."""
        self.closed = True
        for run in self.runs:
            if run.source is None and any(
                isinstance(event, RunEnded) for event in [*run.incoming, run.history.ended]
            ):
                run.controls.stop()

    def drop_queue(self) -> None:
        """Train nothing of what waits."""
        self.dropped += self.queued
        for run in self.runs:
            run.queued = False

    def poll(self) -> bool:
        """Fold what arrived for all runs, and start the next queued one; whether anything is new."""
        news, until = False, time.monotonic() + _BUDGET
        for run in self.runs:
            news = run.poll(until) or news
        current = self.training
        if current is not None and (current.trouble or current.history.ended is not None):
            self.training, news = None, True
        return self._next() or news

    def _next(self) -> bool:
        if self.training is not None or self.held:
            return False
        for run in self.runs:
            if run.queued:
                run.queued, self.training = False, run
                self._let_go(run)
                run.working = True
                self.begin(run)
                return True
        return False

    def _let_go(self, starting: Run) -> None:
        """End the threads of earlier runs that still answer probes: memory is for the run that trains."""
        for run in self.runs:
            if run is not starting and run.source is None and run.history.ended is not None:
                run.controls.stop()


def keep_in(root: Path) -> Trainer:
    """Return the trainer that records each run below `root`; torch is imported here, in the training thread."""

    def train(run: Run) -> Iterator[Event]:
        run.loading = True
        from ..engine.loop import run as train_experiment
        from ..engine.store.recorder import Recorder

        run.loading = False
        recorder = Recorder(root, run.label, run.controls)
        events = train_experiment(
            run.experiment,
            run.controls,
            keeper=recorder,
            checkpoint=starting_state(run),
            ring=run.ring,
            linger=True,
        )
        with crash_traces() as trace:
            for event in recorder.record(events):
                if isinstance(event, RunStarted):
                    # What was imported and read stays; a collector that walks through it would hold up a key press.
                    gc.freeze()
                    if recorder.directory is not None:
                        run.directory = recorder.directory
                        trace(run.directory)
                yield event

    return train


def without_directory(run: Run) -> Iterator[Event]:
    """Train and keep nothing, as pictures and tests do."""
    from ..engine.loop import run as train_experiment

    yield from train_experiment(
        run.experiment, run.controls, checkpoint=starting_state(run), ring=run.ring, linger=True
    )


def starting_state(run: Run) -> Branch | None:
    """The state that a run starts from; one that no memory holds is fetched here, in the training thread."""
    if not isinstance(run.branch, Retrace):
        return run.branch
    from ..engine.store.retrace import reach

    def say(words: str) -> None:
        run.retracing = words

    try:
        return reach(run.branch, run.controls, say)
    finally:
        run.retracing = ""
