"""Run a small training once for every system call it makes, that call failing or being the last; run by test_failing_calls.py.

Started with failing_calls.c preloaded. Arguments: a directory, and the error's number (0: kill -9). Prints how many
calls were tried.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

import torch

from ladera.engine import Experiment, run
from ladera.engine.controls import Controls
from ladera.engine.errors import StoreError
from ladera.engine.events import EpochEnded
from ladera.engine.store import checkpoints, log, recorder
from ladera.engine.store.load import load_history
from ladera.engine.store.resume import AlreadyEndedError, resume

EXPERIMENT = Experiment.model_validate(
    {
        "data": {"name": "iris"},
        "model": {"kind": "mlp", "hidden": [8], "dropout": 0.2},
        "training": {"epochs": 5, "batch_size": 16, "device": "cpu", "threads": 1},
    }
)
shim = ctypes.CDLL(None)


def train(root: Path) -> bool:
    """Train with a checkpoint in the middle; tell whether everything was kept."""
    controls = Controls()
    keeper = recorder.Recorder(root, "run", controls)
    try:
        for event in keeper.record(run(EXPERIMENT, controls, keeper=keeper)):
            if isinstance(event, EpochEnded) and event.epoch in (2, 3):
                controls.checkpoint()
    except StoreError:
        return False  # refused before training: nothing could be written
    return not keeper.lost


def in_child(root: Path, nth: int, error: int) -> tuple[int, int]:
    """Train in a forked process with the n-th call failing; return its end and whether the call was reached."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        code = 70
        try:
            shim.failing_calls_arm(str(root).encode(), nth, error)
            code = 0 if train(root) else 3
        except BaseException:
            traceback.print_exc()
        finally:
            os.write(write, str(shim.failing_calls_seen()).encode())
            os._exit(code)
    os.close(write)
    seen = int(os.read(read, 64) or nth)
    os.close(read)
    return os.waitpid(child, 0)[1], seen


def story(directory: Path) -> dict[str, Any]:
    history = load_history(directory)
    return {
        "checks": [(check.epoch, check.value, check.verdict) for check in history.checks],
        "loss": [history.train["loss"].value_at(epoch) for epoch in range(1, 6)],
        "state": history.state,
    }


def main(root: Path, error: int) -> None:
    torch.set_num_threads(1)
    recorder.LAST_ATTEMPTS = (0.01, 0.01)
    assert train(root / "whole")
    weights = (root / "whole/run-0001/final.safetensors").read_bytes()
    expected = story(root / "whole/run-0001")
    nth = 0
    while True:
        nth += 1
        place = root / str(nth)
        place.mkdir()
        status, seen = in_child(place, nth, error)
        if seen < nth:
            break
        directory = place / "run-0001"
        kept = os.waitstatus_to_exitcode(status)
        assert kept == -9 if not error else kept in (0, 3), (nth, kept)
        try:
            if error and kept == 0:
                # One failure that went by: everything is there, no line is torn, and nothing is in the way.
                assert log.read(directory / log.NAME)[2] == 0, nth
            elif (directory / "experiment.toml").exists():
                with contextlib.suppress(AlreadyEndedError):
                    list(resume(directory))
            else:
                assert not checkpoints.found(directory)
                continue
            assert story(directory) == expected, nth
            if kept == 0 or (directory / "final.safetensors").exists():
                assert (directory / "final.safetensors").read_bytes() == weights, nth
            state = checkpoints.latest_valid(directory)
            assert state is not None, nth
            assert not state.skipped, nth
        finally:
            shutil.rmtree(place)
    print(nth - 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
