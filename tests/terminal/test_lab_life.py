"""The lab in a pseudo-terminal when its world ends: closed terminals, signals, kill -9, detaching and watching."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from safetensors.numpy import load_file

pytestmark = pytest.mark.terminal

#: Long enough in slow motion for what the tests do to it, and over soon.
SHORT = ("digits", "--set", "training.epochs=30")

ENDED = ("finished", "stopped_early", "stopped", "diverged", "failed")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The final weights of the short experiment, trained without a screen."""
    import sys

    folder = tmp_path_factory.mktemp("undisturbed")
    subprocess.run([sys.executable, "-m", "ladera.tui", "run", *SHORT, "--quiet"], cwd=folder, check=True)
    return load_file(folder / "runs" / "digits-0001" / "final.safetensors")


@pytest.fixture
def lab(terminal: Callable[..., Any], python: str, tmp_path: Path) -> Callable[..., Any]:
    """Open the lab and start the short experiment in slow motion."""

    def start(*arguments: str, slow: bool = True, **options: Any) -> Any:
        window = terminal(
            python, "-m", "ladera.tui", *(arguments or ("lab", *SHORT)), cwd=tmp_path, **options
        )
        if not arguments:
            window.wait_for("press r")
            window.send("or" if slow else "r")
            window.wait_for(lambda text: "waiting " in text)
        return window

    return start


def status(folder: Path, name: str = "digits-0001") -> dict[str, Any]:
    try:
        return json.loads((folder / "runs" / name / "status.json").read_text())
    except (OSError, ValueError):
        return {}


def wait_for_end(folder: Path, name: str = "digits-0001", seconds: float = 90) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if status(folder, name).get("ended"):
            return str(status(folder, name)["state"])
        time.sleep(0.1)
    raise AssertionError(status(folder, name))


def same(folder: Path, expected: dict[str, Any], name: str = "digits-0001") -> bool:
    final = load_file(folder / "runs" / name / "final.safetensors")
    return final.keys() == expected.keys() and all((final[key] == expected[key]).all() for key in expected)


def ladera(python: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", "ladera.tui", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_closed_terminal_ends_the_screen_and_the_training_goes_on_to_its_end(
    lab: Any, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    window = lab()
    window.close()
    time.sleep(1.0)
    assert window.cpu_share(1.0) < 0.5  # it trains in slow motion; a lost terminal would cost a whole core
    assert wait_for_end(tmp_path) == "finished"
    assert window.wait() == 0
    assert same(tmp_path, undisturbed)


def test_what_waits_behind_it_gets_its_turn_without_a_terminal(lab: Any, tmp_path: Path) -> None:
    window = lab("lab", "digits", "--set", "training.epochs=500", "--set", "stopping.enabled=false")
    window.wait_for("press r")
    window.send("r")
    window.wait_for("● training")
    window.send("r")
    window.wait_for("is queued")
    window.close()
    assert window.wait() == 0
    for name in ("digits-0001", "digits-0002"):
        assert status(tmp_path, name)["state"] == "finished"


def test_a_hand_over_is_finished_without_a_terminal(
    lab: Any, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    window = lab()
    window.send("D")
    window.wait_for("saves it and hands it")
    window.close()
    window.wait()
    until = time.monotonic() + 60
    while status(tmp_path).get("state") != "finished":  # final weights are there from the stop on
        assert time.monotonic() < until, status(tmp_path)
        time.sleep(0.1)
    assert same(tmp_path, undisturbed)


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_saves_ends_and_restores_and_resume_goes_on(
    lab: Any, python: str, tmp_path: Path, undisturbed: dict[str, Any], name: str, code: int
) -> None:
    window = lab()
    window.signal(getattr(signal, name))
    assert window.wait() == code
    assert window.restored() == []
    assert wait_for_end(tmp_path) == "stopped"
    assert ladera(python, tmp_path, "resume", "digits-0001", "--quiet").returncode == 0
    assert wait_for_end(tmp_path) == "finished"
    assert same(tmp_path, undisturbed)


def checkpoints(folder: Path, name: str = "digits-0001") -> list[Path]:
    return [*(folder / "runs" / name).glob("checkpoints/step-*/manifest.json")]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_to_the_whole_group_is_one_signal(lab: Any, tmp_path: Path, name: str) -> None:
    """As `kill -- -GROUP` and a shell's `kill %1` send it: taken for two interrupts it would end the run unsaved."""
    window = lab()
    os.killpg(window.pid, getattr(signal, name))
    assert window.wait() == {"SIGTERM": 143, "SIGINT": 130}[name]
    assert wait_for_end(tmp_path) == "stopped"
    assert checkpoints(tmp_path)
    assert window.restored() == []


BROKEN = """
import sys
from ladera.tui.editing import Editing
from ladera.tui.__main__ import main

def fail(self):
    raise RuntimeError("the screen has a fault")

Editing.action_undo = fail
sys.argv = ["ladera"]
main()
"""


def test_a_screen_that_fails_says_that_the_training_goes_on_and_ctrl_c_saves(
    terminal: Callable[..., Any], python: str, tmp_path: Path
) -> None:
    window = terminal(python, "-c", BROKEN, cwd=tmp_path)
    window.wait_for("press r")
    window.send("or")
    window.wait_for(lambda text: "waiting " in text)
    window.send("u")
    window.wait_for("the screen failed; digits-0001 still trains")
    assert "Ctrl-C saves and stops, `ladera watch digits-0001` looks" in window.text.replace("\n", "")
    assert window.restored() == []
    log = (tmp_path / "runs" / "digits-0001" / "native.log").read_text()
    assert "RuntimeError: the screen has a fault" in log
    assert "\x1b" not in log
    assert not status(tmp_path).get("ended")
    window.send("\x03")
    assert window.wait() == 130
    assert wait_for_end(tmp_path) == "stopped"
    assert checkpoints(tmp_path)


def test_a_screen_that_ends_on_a_terminal_that_is_still_there_says_what_goes_on(
    lab: Any, python: str, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    window = lab()
    window.signal(signal.SIGHUP)
    window.wait_for("digits-0001 still trains")
    assert window.restored() == []
    assert not status(tmp_path).get("ended")
    window.send("\x03")
    assert window.wait() == 130
    assert "digits-0001 was saved after" in window.text
    assert "ladera resume digits-0001" in window.text
    assert ladera(python, tmp_path, "resume", "digits-0001", "--quiet").returncode == 0
    assert same(tmp_path, undisturbed)


def test_leaving_while_others_wait_trains_none_of_them(lab: Any, tmp_path: Path) -> None:
    window = lab()
    window.send("r")
    window.wait_for("is queued")
    window.send("q")
    window.wait_for("1 queued run will not be trained")
    window.send("\x1b[F\r")  # the last way: save and stop
    assert window.wait() == 0
    assert wait_for_end(tmp_path) == "stopped"
    assert "1 queued run was not trained: digits" in window.text
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["digits-0001"]


def test_kill_9_leaves_a_usable_terminal_and_a_run_that_goes_on(
    lab: Any, python: str, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    window = lab()
    window.send("k")
    window.wait_for("checkpoint")
    until = time.monotonic() + 30
    while (
        not list((tmp_path / "runs" / "digits-0001").glob("checkpoints/step-*")) and time.monotonic() < until
    ):
        time.sleep(0.05)
    (child,) = psutil.Process(window.pid).children()
    child.kill()
    assert window.wait() == 128 + signal.SIGKILL
    assert window.restored() == []
    assert "crashed" in ladera(python, tmp_path, "runs").stdout
    assert ladera(python, tmp_path, "resume", "digits-0001", "--quiet").returncode == 0
    assert same(tmp_path, undisturbed)


def test_leaving_asks_and_can_hand_the_run_over_to_the_background(
    lab: Any, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    window = lab()
    window.send("q")
    window.wait_for("in the background")
    window.send("\x1b[B\r")
    assert window.wait() == 0
    assert window.restored() == []
    assert wait_for_end(tmp_path) == "finished"
    assert same(tmp_path, undisturbed)


def test_another_process_is_watched_and_steered(lab: Any, python: str, tmp_path: Path) -> None:
    started = ladera(
        python,
        tmp_path,
        "run",
        "digits",
        "--detach",
        "--set",
        "training.epochs=1000000",
        "--set",
        "stopping.enabled=false",
    )
    assert started.returncode == 0, started.stderr
    assert "digits-0001" in started.stdout
    window = lab("watch", "digits-0001")
    window.wait_for("● training")
    window.send("p")
    window.wait_for("paused")
    until = time.monotonic() + 15  # the directory tells of it about once a second
    while "paused" not in ladera(python, tmp_path, "runs").stdout:
        assert time.monotonic() < until
    frame = ladera(python, tmp_path, "watch", "--once").stdout
    assert "digits-0001" in frame
    assert "\x1b" not in frame
    window.send("q")
    assert window.wait() == 0
    assert window.restored() == []
    assert not status(tmp_path).get("ended"), "leaving the screen must not end another process's run"
    (tmp_path / "runs" / "digits-0001" / "STOP").touch()
    assert wait_for_end(tmp_path) == "stopped"


def test_a_detached_run_that_cannot_start_says_so_at_once(python: str, tmp_path: Path) -> None:
    refused = ladera(python, tmp_path, "run", "digits", "--detach", "--set", "optimizer.lrr=1")
    assert refused.returncode == 2
    assert 'did you mean "lr"' in refused.stderr
    assert not (tmp_path / "runs").exists()


def test_the_lab_opens_on_what_is_asked_for(lab: Any, tmp_path: Path) -> None:
    window = lab("lab", "moons", "--set", "optimizer=momentum")
    window.wait_for(lambda text: "moons · " in text and "momentum" in text)
    window.send("q")
    assert window.wait() == 0
    assert window.restored() == []
    refused = lab("lab", "moonz")
    assert refused.wait() == 2
    assert 'did you mean "moons"' in refused.text
    assert refused.restored() == []
    assert not (tmp_path / "runs").exists()


def test_an_unknown_run_is_refused(python: str, tmp_path: Path) -> None:
    answer = ladera(python, tmp_path, "watch", "nothing-0001", "--once")
    assert answer.returncode == 2
    assert list(tmp_path.iterdir()) == []
