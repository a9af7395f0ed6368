"""`ladera run` in a pseudo-terminal: the live line, Ctrl-C, a window that shrinks or closes, terminals that can do less."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terminal

LADERA = str(Path(sys.executable).with_name("ladera"))
SHORT = ("run", "digits", "--set", "training.epochs=60", "--set", "training.threads=1")
LONG = ("run", "digits", "--set", "training.epochs=1000000", "--set", "stopping.enabled=false",
        "--set", "training.threads=1")  # fmt: skip


def status(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "runs" / "digits-0001" / "status.json").read_text())


def test_a_run_on_a_terminal(terminal: Callable[..., Any], tmp_path: Path) -> None:
    window = terminal(LADERA, *SHORT, columns=100, lines=60, cwd=tmp_path)
    assert window.wait() == 0
    text = window.text
    assert "Finished after epoch 60 of at most 60" in text
    assert "┤" in text  # the chart's axis
    assert re.search(r"accuracy +100\.0% +9\d\.\d% +9\d\.\d%", text)
    assert "kept in  runs/digits-0001" in text
    assert "ex/s" not in text  # the live line went away
    assert b"\x1b[?1049h" not in window.output  # no other screen: what was there before stays
    assert window.restored() == []


def test_the_live_line_stays_one_line(terminal: Callable[..., Any], tmp_path: Path) -> None:
    window = terminal(LADERA, *LONG, columns=120, lines=40, cwd=tmp_path)
    window.wait_for(
        lambda text: re.search(r"epoch \d+/1000000  train .*  validation .*  best .* @ \d+ .*≤ \d", text)
    )
    window.resize(60, 40)
    first = window.wait_for(lambda text: re.search(r"epoch \d+/1000000 .*val", text) and "x/s" not in text)
    time.sleep(0.5)
    later = window.text
    assert len(re.findall(r"epoch \d+/1000000", later)) == len(re.findall(r"epoch \d+/1000000", first)) == 1
    window.send("\x03")
    assert window.wait() == 130
    assert "ladera resume runs/digits-0001" in window.text
    assert status(tmp_path)["exit_code"] == 130
    assert window.restored() == []


def test_ctrl_c_twice_is_now(terminal: Callable[..., Any], tmp_path: Path) -> None:
    window = terminal(LADERA, *LONG, cwd=tmp_path)
    window.wait_for("epoch")
    window.send("\x03")
    time.sleep(0.15)  # a second press, not the same one come twice
    with contextlib.suppress(OSError):  # the run may have been saved by now, and the program be about to end
        window.send("\x03")
    assert window.wait() in (130, -2)
    assert "Traceback" not in window.text


def test_a_closed_window_does_not_end_the_training(terminal: Callable[..., Any], tmp_path: Path) -> None:
    epochs = ("--set", "training.epochs=400", "--set", "stopping.enabled=false")
    window = terminal(LADERA, *SHORT, *epochs, cwd=tmp_path)
    window.wait_for("validation")
    window.close()
    assert window.wait() == 0
    assert (status(tmp_path)["state"], status(tmp_path)["epoch"]) == ("finished", 400)


def test_a_stalled_window_does_not_hold_the_training_up(terminal: Callable[..., Any], tmp_path: Path) -> None:
    window = terminal(LADERA, *LONG, cwd=tmp_path)
    window.wait_for("validation")
    window.stall()
    time.sleep(1)
    log = tmp_path / "runs" / "digits-0001" / "events.jsonl"
    before = log.stat().st_size
    time.sleep(1)
    assert log.stat().st_size > before
    window.signal(15)
    assert window.wait() == 143


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("CI", "1"), ("NO_COLOR", "1")])
def test_terminals_that_can_do_less(
    terminal: Callable[..., Any], tmp_path: Path, name: str, value: str
) -> None:
    window = terminal(LADERA, *SHORT, columns=160, lines=60, cwd=tmp_path, env={name: value})
    assert window.wait() == 0
    assert "Finished after epoch 60" in window.text
    escapes = set(re.findall(rb"\x1b\[[0-9;?]*[a-zA-Z]", bytes(window.output)))
    colours = {escape for escape in escapes if re.search(rb"\[(.*;)?(3|9|4|10)\d", escape)}
    assert colours == set()
    if name != "NO_COLOR":
        assert b"\x1b" not in window.output
