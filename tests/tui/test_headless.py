"""Headless: how often it speaks, and the real program in pipes: flushed lines, a reader that leaves, signals, resume."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ladera.engine.events import Checked, Diagnosed, EpochEnded, Event, RunEnded, RunStarted
from ladera.engine.experiment import Experiment
from ladera.engine.history import History
from ladera.tui import headless
from ladera.tui.headless import Teller, drain
from ladera.tui.terminal import can_hold_a_screen, style_of

LADERA = str(Path(sys.executable).with_name("ladera"))
#: A run that goes on for minutes unless it is stopped.
LONG = ("run", "digits", "--set", "training.epochs=1000000", "--set", "stopping.enabled=false",
        "--set", "training.threads=1")  # fmt: skip


def epochs(count: int) -> Iterator[Event]:
    yield RunStarted(
        experiment=Experiment.model_validate({"data": {"name": "digits"}}).plain(), parameters=1, task="multiclass",
        sizes={"train": 10, "validation": 3, "test": 3}, steps_per_epoch=1,
    )  # fmt: skip
    for epoch in range(1, count + 1):
        part = {"loss": 1.0, "metrics": {"accuracy": 0.5}}
        yield EpochEnded(
            epoch=epoch,
            step=epoch,
            train=part,
            validation=part,
            lr=0.1,
            seconds=0.1,
            examples_per_second=100.0,
        )
        if epoch == 7:
            yield Diagnosed(finding="overfit", text="Overfitting.", epoch=7)
        yield Checked(epoch=epoch, value=1.0, best=1.0, best_epoch=1, wait=0, patience=10, verdict="waiting")
    yield RunEnded(reason="finished", epoch=count, step=count)


class Clock:
    """A clock that goes on by a tenth of a second each time it is read."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 0.1
        return self.now


def test_plain_text_is_a_line_a_second_and_one_per_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headless, "time", Clock())
    stream = io.StringIO()
    teller = Teller(stream, "plain", lambda: "x-0001")
    drain(epochs(100), teller, History())
    teller.close()
    lines = [line for line in stream.getvalue().splitlines() if line[0] != " "]
    told = [line for line in lines if line.startswith("epoch")]
    # The clock is read once an epoch at most three times: 100 epochs are 10 to 30 seconds.
    assert 8 <= len(told) <= 32
    assert told[0].startswith("epoch   1/100")
    assert told[-1].startswith("epoch 100/100")
    assert [line for line in lines if "finding" in line] == ["finding: Overfitting."]
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("count", [1, 2])
def test_an_epoch_is_told_once_with_its_check(count: int) -> None:
    stream = io.StringIO()
    teller = Teller(stream, "plain", lambda: "x-0001")
    started, *rest = epochs(count)
    assert isinstance(started, RunStarted)
    plain = Experiment.model_validate({"training": {"epochs": count}}).plain()
    drain([replace(started, experiment=plain), *rest], teller, History())
    teller.close()
    told = [line for line in stream.getvalue().splitlines() if line.startswith("epoch")]
    assert [line.split()[1] for line in told] == [f"{epoch}/{count}" for epoch in range(1, count + 1)]
    assert all("best 1.0000 @ 1  wait 0/10" in line for line in told)
    assert "left" not in told[-1]


def test_quiet_says_nothing_but_the_place() -> None:
    stream = io.StringIO()
    teller = Teller(stream, "quiet", lambda: "x-0001")
    history = drain(epochs(3), teller, History())
    teller.finish(history, "runs/x-0001")
    assert stream.getvalue() == "runs/x-0001\n"


class Tty(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_a_dumb_terminal_and_a_pipe_get_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert (style_of(Tty()), style_of(io.StringIO())) == ("live", "plain")
    monkeypatch.setenv("TERM", "dumb")
    assert style_of(Tty()) == "plain"
    monkeypatch.delenv("TERM")
    assert style_of(Tty()) == "plain"


@pytest.mark.parametrize(
    ("value", "style"), [("1", "plain"), ("true", "plain"), ("", "live"), ("false", "live")]
)
def test_a_build_service_gets_plain_lines_and_no_screen(
    monkeypatch: pytest.MonkeyPatch, value: str, style: str
) -> None:
    monkeypatch.setenv("CI", value)
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Tty())
    assert (style_of(Tty()), can_hold_a_screen()) == (style, style == "live")


@pytest.mark.parametrize("redirected", ["stdin", "stdout", "stderr"])
def test_a_screen_needs_a_terminal_on_every_side(monkeypatch: pytest.MonkeyPatch, redirected: str) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Tty())
    assert can_hold_a_screen()
    monkeypatch.setattr(sys, redirected, io.StringIO())
    assert not can_hold_a_screen()


@pytest.mark.parametrize(("variable", "coloured"), [("NO_COLOR", False), ("COLORTERM", True)])
def test_colours_can_be_forbidden(monkeypatch: pytest.MonkeyPatch, variable: str, coloured: bool) -> None:
    for name in ("NO_COLOR", "COLORTERM", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv(variable, "truecolor")
    stream = Tty()
    teller = Teller(stream, "live", lambda: "x-0001")
    teller.finish(drain(epochs(30), teller, History()))
    assert ("\x1b[36m" in stream.getvalue()) == coloured  # cyan: the train loss


# -- the real program ----------------------------------------------------------------------------------------------


def start(folder: Path, *arguments: str, **options: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [LADERA, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "LADERA_RUNS": "runs"}, **options,  # type: ignore[call-overload]
    )  # fmt: skip


def status(folder: Path) -> dict[str, object]:
    return json.loads((folder / "runs" / "digits-0001" / "status.json").read_text())


def read_until(process: subprocess.Popen[bytes], what: bytes) -> bytes:
    """Read lines until one holds a text; a line that is not flushed would not come."""
    assert process.stdout is not None
    read = b""
    for line in process.stdout:
        read += line
        if what in line:
            return read
    raise AssertionError(f"{what!r} did not come: {read!r}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_the_run_goes_on_later(tmp_path: Path, number: int, code: int) -> None:
    process = start(tmp_path, *LONG)
    read_until(process, b"epoch")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err == b""
    assert b"Stopped after epoch" in out
    assert b"go on    ladera resume runs/digits-0001" in out
    kept = status(tmp_path)
    assert (kept["state"], kept["exit_code"], kept["test"]) == ("stopped", code, None)
    again = subprocess.run(
        [LADERA, "resume", "digits", "--set", f"training.epochs={kept['epoch'] + 2}", "--json"],  # type: ignore[operator]
        cwd=tmp_path, capture_output=True, env={**os.environ, "LADERA_RUNS": "runs"}, timeout=120, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    events = [json.loads(line) for line in again.stdout.splitlines()]
    assert events[0]["event"] == "resumed"
    assert events[-1]["reason"] == "finished"
    assert [e["epoch"] for e in events if e["event"] == "epoch_ended"][-1] == kept["epoch"] + 2  # type: ignore[operator]


def test_usr1_saves_and_hup_changes_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, *LONG, "--json")
    read_until(process, b"epoch_ended")
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGUSR1)
    read_until(process, b"checkpoint_saved")
    read_until(process, b"epoch_ended")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143


def test_a_reader_that_leaves_does_not_end_the_training(tmp_path: Path) -> None:
    process = start(tmp_path, "run", "digits", "--set", "training.epochs=60", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(60) == 0
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err
    assert b"60 of at most 60" in err
    assert status(tmp_path)["state"] == "finished"


def test_other_commands_end_quietly_too(tmp_path: Path) -> None:
    process = start(tmp_path, "presets", "schema")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait(60)


def test_a_reader_that_does_not_read_holds_up_neither_training_nor_the_end(tmp_path: Path) -> None:
    process = start(tmp_path, *LONG, "--json", "-q")
    log = tmp_path / "runs" / "digits-0001" / "events.jsonl"
    until = time.monotonic() + 60
    # A pipe holds 64 KiB; the log goes on past it.
    while not (log.exists() and log.stat().st_size > 200_000):
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert status(tmp_path)["state"] == "stopped"


def test_a_stop_file_ends_the_run_well(tmp_path: Path) -> None:
    process = start(tmp_path, *LONG)
    read_until(process, b"epoch")
    (tmp_path / "runs" / "digits-0001" / "STOP").touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"stopped on request" in out
