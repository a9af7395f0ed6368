"""The driver and the guard around a small app with a training thread: lost, stalled, killed and resized terminals."""

from __future__ import annotations

import json
import os
import re
import signal
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
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


# While it reads one size the window gets the next, so that the second signal is handled within the first.
HASTY = APP.replace(
    "class Small",
    """class Hasty(ResilientDriver):
    def _get_terminal_size(self):
        columns, lines = super()._get_terminal_size()
        if columns == 50:
            import termios
            termios.tcsetwinsize(self.fileno, (25, 90))
            signal.pthread_sigmask(signal.SIG_BLOCK, [])  # what is pending is handled here
        return columns, lines

class Small""",
).replace("driver_class=ResilientDriver", "driver_class=Hasty")


@pytest.fixture
def app(terminal: Callable[..., Any], python: str, tmp_path: Path) -> Callable[..., Any]:
    def start(steps: int = 30, guard: bool = False, code: str = APP, **options: Any) -> Any:
        script = tmp_path / "app.py"
        script.write_text(code)
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


def shown(text: str) -> int:
    """The tick on the screen; a frame that is half drawn shows none."""
    found = re.match(r"tick (\d+) ", text)
    return int(found[1]) if found else -1


def wait_until(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


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
    window.wait_for(lambda text: shown(text) >= now)


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
    window.wait_for(lambda text: shown(text) >= now)


def test_the_last_of_two_sizes_holds_though_its_signal_came_within_the_first(
    app: Any, tmp_path: Path
) -> None:
    window = app(steps=100, code=HASTY)
    window.resize(50, 20)
    wait_until(lambda: termios.tcgetwinsize(window.slave) == (25, 90))
    window.screen.resize(25, 90)
    now = number(tmp_path / "tick") + 5
    window.wait_for(lambda text: shown(text) >= now and "\u2580" * 90 in text)


def painted_after(window: Any, folder: Path) -> None:
    """Wait for a frame that is drawn after this moment."""
    now = number(folder / "tick") + 2
    window.wait_for(lambda text: shown(text) >= now)


def is_raw(window: Any) -> bool:
    return not termios.tcgetattr(window.slave)[3] & (termios.ICANON | termios.ECHO)


def test_continued_without_a_stop_nothing_is_started_twice(app: Any, tmp_path: Path) -> None:
    window = app(steps=400)
    painted_after(window, tmp_path)
    process = psutil.Process(window.pid)
    threads = process.num_threads()
    for _ in range(3):
        window.signal(signal.SIGCONT)
        painted_after(window, tmp_path)
    assert process.num_threads() == threads
    window.signal(signal.SIGTERM)
    window.wait_for(lambda _: window.restored() == [])
    window.end()


def test_stopped_and_continued_twenty_times_the_screen_comes_back_and_goes(app: Any, tmp_path: Path) -> None:
    window = app(steps=2000)
    process = psutil.Process(window.pid)
    painted_after(window, tmp_path)
    threads = process.num_threads()
    for _ in range(20):
        window.signal(signal.SIGTSTP)
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
        wait_until(lambda: window.restored() == [])  # once it was read
        window.signal(signal.SIGCONT)
        painted_after(window, tmp_path)
        assert is_raw(window)
    assert process.num_threads() == threads
    window.signal(signal.SIGTERM)
    window.wait_for(lambda _: window.restored() == [])
    window.end()


@pytest.mark.parametrize("name", ["SIGTSTP", "SIGSTOP"])
def test_a_shell_stops_it_and_brings_it_back(
    terminal: Callable[..., Any], python: str, tmp_path: Path, name: str
) -> None:
    (tmp_path / "app.py").write_text(APP)
    window = terminal("bash", "--norc", "--noprofile", "-i", env={"PS1": "prompt> "}, cwd=tmp_path)
    window.wait_for("prompt>")
    window.send(f"{python} app.py {tmp_path} 2000 plain\r")
    window.wait_for(lambda text: text.startswith("tick "))
    for _ in range(2):
        os.kill(number(tmp_path / "pid"), getattr(signal, name))
        window.wait_for("Stopped")
        window.send("echo th$((1 + 1))s is the shell\r")
        window.wait_for("th2s is the shell")
        window.send("fg\r")
        painted_after(window, tmp_path)
        assert is_raw(window)
    os.kill(number(tmp_path / "pid"), signal.SIGTERM)
    window.wait_for(lambda _: window.restored() == [])


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
