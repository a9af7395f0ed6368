"""The lab told to end while its training does something that takes far longer than anybody waits."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terminal

PROGRAM = """
import os, sys, time
from pathlib import Path
what, folder = sys.argv[1], Path(sys.argv[2])
def take_long():
    (folder / "now").touch()
    for _ in range(3000):
        time.sleep(0.1)
import ladera.engine.training as training
from ladera.tui import ending
if what == "data":
    training.prepare = lambda *_: take_long()
elif what == "validation":
    original = training.Training.portions
    def portions(self, x):
        for portion in original(self, x):
            if x is self.data.validation.x:
                (folder / "now").touch()
                time.sleep(0.2)
            yield portion
    training.Training.portions = portions
    training._EVALUATE, training._PORTION = 1, 1  # an example at a time: more than a minute
elif what == "storage":
    ending.SILENCE = 1.0
    fsync = os.fsync
    def hang(descriptor):
        if list(folder.glob("runs/*/control.sock")):
            take_long()
        fsync(descriptor)
    os.fsync = hang
sys.argv = ["ladera"]
from ladera.tui.__main__ import main
main()
"""


@pytest.mark.parametrize("what", ["data", "validation", "storage"])
def test_a_signal_ends_the_lab_whatever_its_training_does(
    terminal: Callable[..., Any], python: str, tmp_path: Path, what: str
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    window = terminal(python, str(tmp_path / "program.py"), what, str(tmp_path), cwd=tmp_path)
    window.wait_for("press r")
    window.send("r")
    until = time.monotonic() + 60
    while not (tmp_path / "now").exists():
        assert time.monotonic() < until, window.text
        time.sleep(0.02)
    window.signal(signal.SIGTERM)
    assert window.wait() == 143
    assert window.restored() == []
    assert (tmp_path / "runs").exists() == (what != "data")
    assert (b"left without saving" in window.output) == (what == "storage")
