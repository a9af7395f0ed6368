"""What a training thread of the lab does: it trains a run, and keeps it in a directory.

Torch is imported here, in that thread.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

from ..engine.branching import Branch, Retrace
from ..engine.events import Event, RunStarted
from .native_output import crash_traces
from .run import Run

#: Trains an experiment: yields events, and gives the directory once there is one.
Trainer = Callable[[Run], Iterator[Event]]


def keep_in(root: Path) -> Trainer:
    """Return the trainer that records each run below `root`."""

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
