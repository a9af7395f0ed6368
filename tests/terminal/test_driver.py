"""The driver and the guard around a small app with a training thread: lost, stalled, killed and resized terminals."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terminal

# The thread stands for training: it counts for about a second and a half, then notes that it came to its end.
APP = """
import json, os, signal, sys, threading, time
from pathlib import Path
from textual.app import App
from textual.widgets import Static
from ladera.tui.driver import ResilientDriver
from ladera.tui.guard import guarded
from ladera.tui.native_output import native_output_to

folder, steps = Path(sys.argv[1]), int(sys.argv[2])

def train():
    for step in range(steps):
        time.sleep(0.05)
        (folder / "step").write_text(str(step + 1))
    (folder / "done").write_text("done")

class Small(App):
    def compose(self):
        yield Static(id="line")
    def on_mount(self):
        self.ticks = 0
        self.set_interval(0.05, self.tick)
    def tick(self):
        self.ticks += 1
        (folder / "tick").write_text(str(self.ticks))
        self.query_one("#line", Static).update(f"tick {self.ticks} " + "\\u2580" * (self.size.width * 20))

def main():
    app = Small(driver_class=ResilientDriver)
    engine = threading.Thread(target=train)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda *_: app._driver.leave("signal"))
    engine.start()
    (folder / "pid").write_text(str(os.getpid()))
    with native_output_to(folder / "native.log"):
        print("a stray print")
        os.write(2, b"a stray write\\n")
        app.run()
    driver = app._driver
    engine.join()
    (folder / "end.json").write_text(json.dumps({"reason": driver.lost_reason, "written": driver.written}))
    return 0

sys.exit(guarded(main) if sys.argv[3] == "guard" else main())
"""


@pytest.fixture
def app(terminal: Callable[..., Any], python: str, tmp_path: Path) -> Callable[..., Any]:
    def start(steps: int = 30, guard: bool = False, **options: Any) -> Any:
        script = tmp_path / "app.py"
        script.write_text(APP)
        window = terminal(
            python, str(script), str(tmp_path), str(steps), "guard" if guard else "plain", **options
        )
        window.wait_for("tick")
        return window

    return start


def number(path: Path) -> int:
    """The number in a file; between its truncation and its writing a file is empty."""
    for _ in range(100):
        if path.exists() and (text := path.read_text()):
            return int(text)
        time.sleep(0.01)
    return 0


def end_of(folder: Path, seconds: float = 30) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if (folder / "end.json").exists() and (folder / "end.json").read_text():
            return json.loads((folder / "end.json").read_text())
        time.sleep(0.05)
    raise AssertionError(f"no end after {number(folder / 'step')} steps")


def test_a_closed_terminal_ends_the_screen_and_not_the_training(app: Any, tmp_path: Path) -> None:
    window = app(steps=40)
    window.close()
    end = end_of(tmp_path)
    assert (tmp_path / "done").exists()
    assert end["reason"] is not None
    assert window.wait() == 0


def test_a_lost_terminal_costs_no_time(app: Any, tmp_path: Path) -> None:
    window = app(steps=80)
    window.close()
    time.sleep(0.7)
    assert window.cpu_share(1.0) < 0.1  # upstream spins at a whole core
    end_of(tmp_path)


def test_a_stalled_terminal_stops_nothing_and_is_painted_again(app: Any, tmp_path: Path) -> None:
    window = app(steps=200)
    window.stall()
    time.sleep(2.5)
    ticks, steps = number(tmp_path / "tick"), number(tmp_path / "step")
    time.sleep(1.5)
    assert number(tmp_path / "tick") > ticks + 5
    assert number(tmp_path / "step") > steps + 10
    window.read_again()
    now = number(tmp_path / "tick")
    window.wait_for(lambda text: text.startswith("tick ") and int(text.split()[1]) >= now)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_leaves_the_terminal_as_it_was(app: Any, tmp_path: Path, name: str) -> None:
    window = app(steps=20)
    window.signal(getattr(signal, name))
    assert end_of(tmp_path)["reason"] == "signal"
    assert window.wait() == 0
    assert window.restored() == []
    assert (tmp_path / "done").exists()


def test_a_signal_under_a_stall_still_ends_the_program(app: Any, tmp_path: Path) -> None:
    window = app(steps=30)
    window.stall()
    time.sleep(2.5)
    window.signal(signal.SIGTERM)
    end_of(tmp_path)
    assert window.wait() == 0


def test_the_size_is_the_terminals_though_output_goes_to_a_log(app: Any) -> None:
    window = app(steps=10, columns=97, lines=33)
    window.wait_for(lambda text: "\u2580" * 97 in text)


def test_stray_output_goes_to_the_log(app: Any, tmp_path: Path) -> None:
    window = app(steps=10)
    window.signal(signal.SIGTERM)
    window.wait()
    assert b"stray" not in bytes(window.output)
    log = (tmp_path / "native.log").read_text()
    assert "a stray print" in log
    assert "a stray write" in log


def test_a_storm_of_sizes_leaves_one_good_frame(app: Any, tmp_path: Path) -> None:
    window = app(steps=100)
    for index in range(200):
        window.resize(1 + index % 130, 1 + index % 45)
    window.resize(100, 30)
    now = number(tmp_path / "tick") + 5
    window.wait_for(lambda text: text.startswith("tick ") and int(text.split()[1]) >= now)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_the_guard_restores_the_terminal_after_a_violent_death(app: Any, tmp_path: Path, name: str) -> None:
    window = app(steps=400, guard=True)
    window.wait_for(lambda _: (tmp_path / "pid").exists())
    os.kill(number(tmp_path / "pid"), getattr(signal, name))
    assert window.wait() == 128 + getattr(signal, name)
    assert window.restored() == []
    window.wait_for("was killed by signal")


def test_the_guard_passes_signals_and_the_exit_code_on(app: Any, tmp_path: Path) -> None:
    window = app(steps=15, guard=True)
    window.signal(signal.SIGTERM)  # to the guard alone
    assert end_of(tmp_path)["reason"] == "signal"
    assert window.wait() == 0
    assert window.restored() == []
