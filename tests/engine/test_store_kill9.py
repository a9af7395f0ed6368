"""kill -9 at random moments: whatever the moment, the run goes on and ends with the bits of one that was not killed.

Each round forks a training process, kills it after a random time, and does so again until the run is through; the
process is forked after torch was imported, so that a round costs a fraction of a second. `make soak` makes 500.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import time
import traceback
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ladera.engine import Experiment, run
from ladera.engine.controls import Controls
from ladera.engine.events import CheckpointSaved, CommandTaken, Event, Resumed, RunEnded
from ladera.engine.history import History
from ladera.engine.store.listing import run_info
from ladera.engine.store.load import load_history
from ladera.engine.store.recorder import Recorder
from ladera.engine.store.resume import AlreadyEndedError, resume
from ladera.engine.training import Training

ROUNDS = 50
# Saves every few milliseconds, so that most kills come while something is being written.
EXPERIMENT = Experiment.model_validate(
    {
        "data": {"name": "shapes", "examples": 80, "augmentation": {"flip": 0.5, "noise": 0.1}},
        "model": {"kind": "mlp", "hidden": [16], "dropout": 0.3, "batch_norm": True},
        "optimizer": {"kind": "adam", "lr": 0.01},
        "training": {
            "epochs": 16, "batch_size": 12, "device": "cpu", "threads": 1, "checkpoint_every": 0.02,
            "schedule": {"kind": "plateau", "patience": 2},
        },
        "stopping": {"patience": 30},
    }
)  # fmt: skip
CLOCK = {"time": 0.0, "seconds": 0.0, "examples_per_second": 0.0}


@pytest.fixture(scope="module", autouse=True)
def frequent_reports() -> Any:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "report_every", lambda _: 2)
        yield


def timeless(events: list[Event]) -> list[str]:
    return [
        repr(replace(event, **{k: v for k, v in CLOCK.items() if k in {f.name for f in fields(event)}}))
        for event in events
        if not isinstance(event, CheckpointSaved | CommandTaken | Resumed)
    ]


def told(history: History) -> dict[str, Any]:
    """Everything a view draws, without clocks."""

    def curve(series: Any) -> list[list[float]]:
        box = series.envelope(columns=10**6)
        return [
            box.x.tolist(),
            box.mean.tolist(),
            box.low.tolist(),
            box.high.tolist(),
            box.nonfinite_x.tolist(),
        ]

    return {
        "train": {name: curve(series) for name, series in history.train.items()},
        "validation": {name: curve(series) for name, series in history.validation.items()},
        **{name: curve(getattr(history, name)) for name in ("steps", "batches", "penalty", "lr")},
        "events": timeless([*history.checks, *history.layers, *history.diagnoses]),
        "end": timeless([history.ended] if history.ended else []),
    }


def train(directory: Path) -> None:
    """What the training process does: begin, or go on, to the end."""
    if (directory / "experiment.toml").exists():
        try:
            stream = resume(directory)
        except AlreadyEndedError:
            return
    else:
        controls = Controls()
        recorder = Recorder(directory.parent, "killed", controls)
        stream = recorder.record(run(EXPERIMENT, controls, keeper=recorder))
    for _ in stream:
        pass


def forked(directory: Path) -> int:
    """Train in a new process and return its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        train(directory)
        code = 0
    except BaseException:
        (directory.parent / "fault").write_text(traceback.format_exc())
    finally:
        os._exit(code)


def strays(directory: Path, last: int) -> list[Path]:
    """What lies about that nobody uses; what the last process left, nobody could have taken away."""
    return [path for path in directory.rglob(".*") if not re.search(rf"[.-]{last}-\d+$", path.name)]


def one_run(root: Path, draw: random.Random, undisturbed: float) -> int:
    """Kill a run again and again until it gets through; return how often it was killed."""
    directory = root / "killed-0001"
    kills = 0
    while True:
        child = forked(directory)
        # Ever longer lives, so that the run gets through; the first are short, to meet the beginning.
        time.sleep(draw.uniform(0.0, undisturbed * (0.3 + 0.15 * kills)))
        if not os.waitpid(child, os.WNOHANG)[0]:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            kills += 1
        fault = root / "fault"
        assert not fault.exists(), fault.read_text()
        if not (directory / "experiment.toml").exists():
            # Killed before there was anything to go on with: the same command is given again.
            shutil.rmtree(directory, ignore_errors=True)
            continue
        history = load_history(directory)
        found = run_info(directory)
        assert found is not None
        if isinstance(history.ended, RunEnded):
            assert strays(directory, child) == []
            return kills
        assert found.state == "crashed"


def rounds(root: Path, number: int, seed: int) -> None:
    """Make so many kills, and hold every run that got through to the one that nobody killed."""
    began = time.monotonic()
    recorder = Recorder(root / "whole", "whole", Controls())
    list(recorder.record(run(EXPERIMENT, keeper=recorder)))
    undisturbed = time.monotonic() - began
    assert recorder.directory is not None
    expected = told(load_history(recorder.directory))
    weights = {
        name: (recorder.directory / name).read_bytes() for name in ("final.safetensors", "best.safetensors")
    }
    draw, kills, runs = random.Random(seed), 0, 0
    while kills < number:
        runs += 1
        place = root / f"run-{runs}"
        place.mkdir()
        kills += one_run(place, draw, undisturbed)
        directory = place / "killed-0001"
        assert told(load_history(directory)) == expected
        assert {name: (directory / name).read_bytes() for name in weights} == weights
        assert len(list((directory / "checkpoints").iterdir())) <= 2


def test_fifty_kills_change_no_bit(tmp_path: Path) -> None:
    rounds(tmp_path, ROUNDS, seed=9)
