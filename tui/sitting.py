"""The runs of one sitting at the lab: those it trains, one at a time, and those it looks at.

No widget and no terminal in here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..engine.branching import Branch, Retrace
from ..engine.events import RunEnded
from ..engine.experiment import Experiment
from .run import BUDGET, Run
from .text import clean
from .training_thread import Trainer

#: Seconds for which training stands aside for a key, about what it takes to show its effect; and from one time to the
#: next, so that a key held down leaves training four fifths of the time.
_ASIDE, _ASIDE_EVERY = 0.04, 0.2


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
        self._not_before = 0.0
        "When training may be asked to stand aside again."
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

    def give_way(self, now: float) -> None:
        """Let what trains stand aside for somebody who acts; any thread may call this. `now` is of the monotonic clock."""
        run = self.training
        if run is not None and now >= self._not_before:
            self._not_before = now + _ASIDE_EVERY
            run.controls.give_way(_ASIDE)

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
        news, until = False, time.monotonic() + BUDGET
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
