"""The lab in a pseudo-terminal, by keyboard alone: pick, train, watch the curves grow, stop, leave."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladera.engine.experiment import Experiment
from ladera.presets.catalog import change, load
from ladera.tui.form import rows

pytestmark = pytest.mark.terminal

DOWN, UP, HOME, ESCAPE = "\x1b[B", "\x1b[A", "\x1b[H", "\x1b"


def epoch(text: str) -> int:
    """The epoch that the figures tell, 0 before there are any."""
    found = re.search(r"epoch +(\d+)/\d+", text)
    return int(found[1]) if found else 0


def dots(text: str) -> list[int]:
    """The cells of the charts that a curve holds."""
    return [place for place, character in enumerate(text) if "⠀" < character <= "⣿"]


def pick(window: Any, experiment: Experiment, part: str, wanted: str) -> None:
    """Walk down the form to a part, open its picker and walk to a preset."""
    row = [row.key for row in rows(experiment)].index(part)
    window.send(HOME + DOWN * row + "\r")
    current, other = re.compile(r"│ ● "), re.compile(rf"│ +{wanted} ")
    lines = window.wait_for(lambda text: current.search(text) and other.search(text)).split("\n")
    here = next(number for number, line in enumerate(lines) if current.search(line))
    there = next(number for number, line in enumerate(lines) if other.search(line))
    window.send((DOWN if there > here else UP) * abs(there - here) + "\r")
    window.wait_for(lambda text: "Enter choose" not in text)


@pytest.mark.parametrize(("columns", "lines"), [(120, 40), (80, 24)])
def test_a_sitting_by_keyboard(
    terminal: Callable[..., Any], python: str, tmp_path: Path, columns: int, lines: int
) -> None:
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    window = terminal(python, "-m", "ladera.tui", columns=columns, lines=lines, cwd=tmp_path, env=env)
    first = window.wait_for(lambda text: "press r to train" in text and "q Quit" in text)
    assert "? Help" in first.splitlines()[-1]
    assert "q Quit" in first.splitlines()[-1]
    window.send("o")
    window.wait_for("slow motion")
    window.send("e")
    window.wait_for("Optimizer")
    digits = load("digits")
    pick(window, digits, "optimizer", "rmsprop")
    window.wait_for("rmsprop")
    pick(window, change(digits, ["optimizer=rmsprop"]), "init", "xavier-uniform")
    window.wait_for(lambda text: "xavier-uniform" in text)
    window.send(ESCAPE)
    window.wait_for("press r to train")
    time.sleep(0.3)  # an escape and a letter that are read at once are Alt and the letter
    window.send("r")
    early = window.wait_for(lambda text: epoch(text) >= 3 and len(dots(text)) > 3)
    later = window.wait_for(lambda text: epoch(text) > epoch(early) + 3)
    assert "rmsprop" in later.splitlines()[0]
    assert "train" in later
    assert "validation" in later
    assert dots(later) != dots(early)
    window.send("s")
    window.wait_for("Stop this run?")
    window.send(DOWN + DOWN + "\r")  # the first answer goes on training
    window.wait_for("stopped on request at epoch")
    window.wait_for("test: loss")
    window.send("q")
    assert window.wait() == 0
    assert window.restored() == []
    folder = tmp_path / "runs" / "digits-0001"
    told = json.loads((folder / "status.json").read_text())
    assert told["state"] == "stopped"
    settings = (folder / "experiment.toml").read_text()
    assert 'kind = "rmsprop"' in settings
    assert 'kind = "xavier-uniform"' in settings
    for name in ("events.jsonl", "best.safetensors", "checkpoints"):
        assert (folder / name).exists(), name
    events = [json.loads(line)["event"] for line in (folder / "events.jsonl").read_text().splitlines()]
    assert (events[0], events[-1]) == ("run_started", "run_ended")
