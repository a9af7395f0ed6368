"""A newcomer's walk through the lab, by keyboard alone; docs/tour.md tells it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terminal

DOWN, UP, HOME = "\x1b[B", "\x1b[A", "\x1b[H"


class Walker:
    """Reads the screen and presses keys, one at a time, as a person does."""

    def __init__(self, window: Any) -> None:
        self.window = window

    def press(self, key: str, times: int = 1) -> None:
        for _ in range(times):
            self.window.send(key)
            time.sleep(0.08)

    def see(self, what: Any) -> str:
        return self.window.wait_for(what)

    def form_row(self, title: str) -> None:
        """Highlight a row of the form and press Enter."""
        self.press("e")
        self.press(HOME)
        rows = [line for line in self.window.text.split("\n") if re.match("│(  )?[A-Z a-z]", line)]
        self.press(DOWN, next(number for number, line in enumerate(rows) if line.startswith(f"│{title}")))
        self.press("\r")
        self.see(f"{title}: ")

    def choose(self, name: str) -> None:
        """Choose an entry of the open list."""
        current, wanted = re.compile(r"│\s*● "), re.compile(rf"│\s+{re.escape(name)} ")
        lines = self.see(lambda text: current.search(text) and wanted.search(text)).split("\n")
        here = next(number for number, line in enumerate(lines) if current.search(line))
        there = next(number for number, line in enumerate(lines) if wanted.search(line))
        self.press(DOWN if there > here else UP, abs(there - here))
        self.press("\r")

    def trained(self, number: int) -> str:
        """Wait until the run with this number has ended and is the one looked at."""
        return self.see(lambda text: re.search(rf"▸━. \S+-{number:04d} +[■✗]", text))


def test_the_tour(terminal: Callable[..., Any], python: str, tmp_path: Path) -> None:
    walker = Walker(terminal(python, "-m", "ladera.tui", cwd=tmp_path, columns=120, lines=40))

    # An empty lab says what to do.
    walker.see("press r to train")
    walker.press("r")
    text = walker.trained(1)
    assert "stopped early" in text
    assert "weights of epoch" in text
    assert re.search(r"test: loss .* accuracy 9\d\.\d%", text)

    # Two optimizers, compared: the curves lie over each other, the table says what differs.
    walker.form_row("Optimizer")
    walker.see("When:")
    walker.choose("momentum")
    walker.see("Next experiment: r trains it")
    walker.press("r")
    text = walker.see(lambda text: "  momentum lr=0.05" in text and "  adam lr=0.001" in text)
    walker.trained(2)

    # A deep tanh net with small weights does not learn; the lab says so, and why.
    walker.press("\x0f")
    walker.choose("vanishing")
    walker.see("Model      deep-tanh")
    walker.press("r")
    text = walker.see("The signal vanishes")
    assert "init.kind = xavier-uniform" in text
    walker.see(lambda text: "vanishing-0001" in text and "finished" in text)
    walker.press("d")
    walker.see(lambda text: "Diagnosis: " in text and "The signal vanishes" in text)
    walker.press("\x1b")
    walker.press("i")
    walker.see("gradient")
    time.sleep(0.5)
    walker.press("\x1b")

    # The advice, followed: the same data order, a better start.
    walker.see("Early stopping")
    walker.press("b")
    walker.see("Branch with")
    for letter in "init.kind=xavier-uniform":
        walker.press(letter)
    walker.press("\r")
    text = walker.see(lambda text: "vanishing-0002" in text and "xavier-uniform" in text.split("\n")[0])
    text = walker.see(lambda text: re.search(r"▸━. vanishing-0002 +■", text))
    accuracy = re.search(r"test: loss .* accuracy (\d+\.\d)%", text)
    assert accuracy is not None
    assert float(accuracy[1]) > 80  # lessons: Xavier reaches 0.93 where N(0, 0.01) stays at chance

    walker.press("q")
    assert walker.window.wait() == 0
    assert walker.window.restored() == []
