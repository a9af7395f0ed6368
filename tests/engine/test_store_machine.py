"""Any order of step, epoch, check, NaN, save, crash, resume and stop: a run directory keeps its promises throughout.

Hypothesis drives a real run and its recorder; beside them a run that nothing disturbs tells what must come out. A crash
is a copy of the directory as it is on disk at that moment: the process that goes on knows nothing else.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ladera.engine import Experiment, run
from ladera.engine.controls import Controls
from ladera.engine.errors import StoreError
from ladera.engine.events import CheckpointSaved, CommandTaken, Event, Resumed, RunEnded, RunStarted
from ladera.engine.history import History
from ladera.engine.store import checkpoints
from ladera.engine.store.listing import run_info
from ladera.engine.store.load import load_history
from ladera.engine.store.lock import Lock
from ladera.engine.store.recorder import Recorder
from ladera.engine.store.resume import AlreadyEndedError, Resumption
from ladera.engine.store.status import read_status, write_status
from ladera.engine.training import Training

EXPERIMENT = Experiment.model_validate(
    {
        "data": {"name": "iris"},
        "model": {"kind": "mlp", "hidden": [6], "dropout": 0.2},
        "optimizer": {"kind": "momentum", "lr": 0.05},
        "training": {"epochs": 12, "batch_size": 20, "device": "cpu", "threads": 1, "checkpoint_every": 0},
        "stopping": {"patience": 2, "min_delta": 0.01},
    }
)
CLOCK = {"time": 0.0, "seconds": 0.0, "examples_per_second": 0.0}


def timeless(events: list[Event]) -> list[str]:
    return [
        repr(replace(event, **{k: v for k, v in CLOCK.items() if k in {f.name for f in fields(event)}}))
        for event in events
        if not isinstance(event, CheckpointSaved | CommandTaken | Resumed)
    ]


def told(history: History) -> dict[str, Any]:
    return {
        "curves": {
            name: [series.envelope(columns=10**6).x.tolist(), series.envelope(columns=10**6).mean.tolist()]
            for name, series in (*history.train.items(), ("steps", history.steps), ("lr", history.lr))
        },
        "events": timeless([*history.checks, *history.layers, *history.diagnoses]),
    }


class Poison:
    """Makes the loss NaN at one step of every attempt, or never."""

    def __init__(self) -> None:
        self.at: int | None = None
        original = Training.update
        poison = self

        def update(training: Training, epoch: int, index: int) -> float:
            if training.step + 1 == poison.at:
                return float("nan")
            return original(training, epoch, index)

        self.update = update


class RunDirectory(RuleBasedStateMachine):
    """The model: which checkpoints there must be, and what the undisturbed run tells."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.patch = pytest.MonkeyPatch()
        self.poison = Poison()
        self.patch.setattr(Training, "report_every", lambda _: 2)
        self.patch.setattr(Training, "update", self.poison.update)
        torch.set_num_threads(1)
        self.expected = list(run(EXPERIMENT))
        self.stream: Iterator[Event] | None = None
        self.saved: int | None = None
        self.attempts = 0
        self.ended: RunEnded | None = None
        self.poisoned = False

    @initialize()
    def start(self) -> None:
        self.controls = Controls()
        self.recorder = Recorder(self.root, "run", self.controls)
        self.stream = self.recorder.record(run(EXPERIMENT, self.controls, keeper=self.recorder))
        self.controls.pause()
        self.step(until="pause")
        assert self.recorder.directory is not None
        self.directory = self.recorder.directory

    def step(self, until: str) -> None:
        """Read events until a command was taken or the run ended."""
        assert self.stream is not None
        for event in self.stream:
            if isinstance(event, CheckpointSaved):
                self.saved = event.step
            if isinstance(event, RunEnded):
                self.ended = event
            if isinstance(event, CommandTaken) and event.command == until:
                return
        self.stream = None

    @precondition(lambda self: self.stream)
    @rule(count=st.integers(1, 7))
    def make_steps(self, count: int) -> None:
        self.controls.step(count)
        self.step(until="step")
        self.step(until="pause") if self.stream else None

    @precondition(lambda self: self.stream)
    @rule()
    def make_an_epoch_and_its_check(self) -> None:
        self.controls.run_epochs(1)
        self.step(until="pause")

    @precondition(lambda self: self.stream)
    @rule()
    def save(self) -> None:
        self.controls.checkpoint()
        self.controls.step(1)
        self.step(until="pause")

    @precondition(lambda self: self.stream and not self.poisoned)
    @rule(steps=st.integers(1, 9))
    def meet_a_nan(self, steps: int) -> None:
        self.poison.at = load_history(self.directory).step + steps
        self.poisoned = True

    @precondition(lambda self: self.stream)
    @rule(signal=st.sampled_from([None, "SIGTERM"]))
    def stop(self, signal: str | None) -> None:
        self.controls.send("stop", signal)
        self.step(until="never")
        assert self.ended is not None
        assert self.ended.reason == "stopped"
        assert self.saved == self.ended.step

    @precondition(lambda self: self.stream)
    @rule(lost=st.integers(0, 400))
    def crash(self, lost: int) -> None:
        """The process is gone: what is on the disk stays, but for a few last bytes of the log."""
        assert isinstance(self.stream, Generator)
        self.recorder._writer.flush()
        self.attempts += 1
        place = self.root / f"after-{self.attempts}"
        shutil.copytree(self.directory, place, ignore=shutil.ignore_patterns("control.sock", "lock"))
        self.stream.close()
        self.stream = None
        log = place / "events.jsonl"
        # What a checkpoint waited for is on the disk; only what came after it can be lost.
        state = checkpoints.latest_valid(place)
        least = state.log_bytes if state else 400
        with log.open("r+b") as file:
            file.truncate(max(least, log.stat().st_size - lost))
        # The process of the test lives on; the one that is gone is another.
        status = read_status(place)
        write_status(place, replace(status, process={**status.process, "start": "1"}), durable=False)
        self.directory = place
        self.ended = None

    @precondition(lambda self: self.stream is None)
    @rule()
    def resume(self) -> None:
        self.poison.at = None
        try:
            resumption = Resumption(self.directory)
        except AlreadyEndedError:
            assert self.ended is not None
            assert self.ended.reason in ("finished", "stopped_early", "diverged")
            return
        assert resumption.state is None or resumption.state.step == self.saved
        assert (resumption.state is None) == (self.saved is None)
        self.controls, self.ended = Controls(), None
        self.stream = resumption.events(self.controls)
        first = next(self.stream)
        assert isinstance(first, Resumed if resumption.state else RunStarted)
        self.recorder = resumption.recorder
        self.controls.pause()
        self.step(until="pause")

    @invariant()
    def nobody_else_may_write(self) -> None:
        if self.stream is None:
            return
        with pytest.raises(StoreError):
            Lock(self.directory).acquire()
        with pytest.raises(StoreError):
            Resumption(self.directory)

    @invariant()
    def curves_are_those_of_the_undisturbed_run_as_far_as_they_go(self) -> None:
        if self.stream is not None:
            self.recorder._writer.flush()
        history = load_history(self.directory)
        one, whole = told(history), told(History.of(self.expected))
        for name, (x, y) in one["curves"].items():
            number = len(x)
            if history.ended is None or history.ended.reason != "diverged":
                assert [x, y] == [column[:number] for column in whole["curves"][name]]
        checks = [line for line in one["events"] if line.startswith("Checked")]
        assert checks == [line for line in whole["events"] if line.startswith("Checked")][: len(checks)]
        if history.ended is not None and history.ended.reason in ("finished", "stopped_early"):
            assert one == whole
            assert timeless([history.ended]) == timeless(
                [event for event in self.expected if isinstance(event, RunEnded)]
            )

    @invariant()
    def the_list_tells_the_state(self) -> None:
        found = run_info(self.directory)
        assert found is not None
        if self.stream is not None:
            assert found.state in ("training", "paused")
        elif self.ended is not None:
            assert found.state == self.ended.reason
        else:
            assert found.state == "crashed"

    def teardown(self) -> None:
        if isinstance(self.stream, Generator):
            self.stream.close()
        self.patch.undo()
        shutil.rmtree(self.root)


TestRunDirectory = RunDirectory.TestCase
TestRunDirectory.settings = settings(max_examples=25, stateful_step_count=14, deadline=None)
