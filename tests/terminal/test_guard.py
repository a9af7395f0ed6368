"""The guard between a shell and a program: each signal comes once whichever way it was sent, and Ctrl-Z stops both."""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terminal

# Notes each signal that it gets, in a line of its own.
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from ladera.tui.guard import guarded

log = Path(sys.argv[1])

def program():
    def note(number, _):
        with log.open("a") as file:
            file.write(signal.Signals(number).name + "\\n")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGCONT):
        signal.signal(number, note)
    print("ready", flush=True)
    while "SIGUSR1" not in (log.read_text() if log.exists() else ""):
        time.sleep(0.02)
    print("the end", flush=True)
    return 7

sys.exit(guarded(program))
"""


@pytest.fixture
def script(python: str, tmp_path: Path) -> list[str]:
    (tmp_path / "program.py").write_text(PROGRAM)
    return [python, str(tmp_path / "program.py"), str(tmp_path / "log")]


def noted(folder: Path, count: int = 1) -> list[str]:
    """The signals noted, once there are that many and a moment has passed in which one too many would come."""
    until = time.monotonic() + 30
    while not (folder / "log").exists() or len((folder / "log").read_text().split()) < count:
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.3)
    return (folder / "log").read_text().split()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["to the process", "to its group"])
def test_a_signal_comes_once(
    terminal: Callable[..., Any],
    script: list[str],
    tmp_path: Path,
    name: str,
    send: Callable[[int, int], None],
) -> None:
    window = terminal(*script)
    window.wait_for("ready")
    send(window.pid, getattr(signal, name))
    assert noted(tmp_path) == [name]
    window.signal(signal.SIGUSR1)
    assert window.wait() == 7


def test_an_interrupt_by_key_comes_once(
    terminal: Callable[..., Any], script: list[str], tmp_path: Path
) -> None:
    window = terminal(*script)
    window.wait_for("ready")
    window.send("\x03")
    assert noted(tmp_path) == ["SIGINT"]
    window.signal(signal.SIGUSR1)
    assert window.wait() == 7
    assert window.restored() == []


def test_a_shell_can_suspend_it_and_gets_its_terminal_back(
    terminal: Callable[..., Any], script: list[str], tmp_path: Path
) -> None:
    window = terminal("bash", "--norc", "-i", env={"PS1": "$ "})
    window.send(f"{shlex.join(script)}; echo code $?\n")
    window.wait_for("ready")
    window.send("\x1a")
    window.wait_for("Stopped")
    window.send("echo alive\n")
    window.wait_for("\nalive")
    window.send("fg\n")
    assert noted(tmp_path) == ["SIGCONT"]
    window.send("\x03")  # by key again: the terminal is the program's
    assert noted(tmp_path, 2) == ["SIGCONT", "SIGINT"]
    window.send("\x1a")
    window.wait_for(lambda text: text.count("Stopped") == 2)
    window.send("kill -USR1 %1; fg\n")
    window.wait_for("the end")
    window.send("echo and alive\n")
    window.wait_for("\nand alive")


LEAVES = """
import os, sys, tty
from ladera.tui.guard import guarded

def program():
    tty.setraw(0)
    os.write(1, b"\\x1b[?1049h\\x1b[?25l\\x1b[?1003h")
    os._exit(130)

sys.exit(guarded(program))
"""


def test_a_program_that_leaves_without_a_word_leaves_the_terminal_as_it_was(
    terminal: Callable[..., Any], python: str, tmp_path: Path
) -> None:
    """As another Ctrl-C does while the lab saves: the screen is still up, and nobody takes it down."""
    (tmp_path / "leaves.py").write_text(LEAVES)
    window = terminal(python, str(tmp_path / "leaves.py"))
    assert window.wait() == 130
    assert window.restored() == []
