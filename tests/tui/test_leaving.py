"""Leaving: what is asked, what is said, and that nothing of the queue begins meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ladera.engine.events import CheckpointSaved, RunEnded
from ladera.tui import lab_process
from ladera.tui.driver import ResilientDriver
from ladera.tui.hints import command
from ladera.tui.leaving import not_trained
from ladera.tui.screens.lab import LabScreen
from ladera.tui.sitting import Sitting
from ladera.tui.widgets.line import Line


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Processes that would have been started; each one's answer is that it trains."""
    asked: list[list[str]] = []

    def start(arguments: list[str]) -> tuple[int, str]:
        asked.append(arguments)
        return 0, arguments[1]

    monkeypatch.setattr("ladera.tui.leaving.start_detached", start)
    return asked


async def begin(lab: Any, script: Any, *queued: str) -> Any:
    """One run that trains in a directory, and others behind it."""
    await lab.press("r")
    await lab.sees("training")
    run = lab.run
    run.directory = Path("runs/digits-0001")
    for name in queued:
        lab.app.sitting.start(script.experiment(), name)
    return run


def question(lab: Any) -> str:
    return lab.app.screen.query(".dialog-title").first(Line).text


def test_commands_find_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LADERA_RUNS", raising=False)
    assert command(Path("runs"), "watch", "digits-0001") == "ladera watch digits-0001"
    assert command(Path("my runs"), "watch", "digits-0001") == "ladera watch digits-0001 --runs-dir 'my runs'"
    monkeypatch.setenv("LADERA_RUNS", "my runs")
    assert command(Path("my runs"), "watch", "digits-0001") == "ladera watch digits-0001"


def test_queued_runs_of_one_name_are_told_apart(script: Any) -> None:
    sitting = Sitting(script.trainer(()), lambda run: None)
    for settings in ((), ("optimizer.lr=0.1",), ("optimizer.lr=0.2",)):
        sitting.start(script.experiment(*settings), "digits")
    assert [run.name for run in sitting.runs] == ["digits", "digits (2)", "digits (3)"]
    told = "digits (2) lr=0.1, digits (3) lr=0.2"
    assert not_trained(sitting.queued) == f" 2 queued runs will not be trained: {told}."
    sitting.runs[0].directory = Path("digits-0001")
    assert [run.name for run in sitting.runs] == ["digits-0001", "digits (2)", "digits (3)"]
    assert sitting.start(script.experiment(), "wine").name == "wine"


def test_queued_runs_are_named(script: Any) -> None:
    runs = [script.run(label=name) for name in "abcdef"]
    assert not_trained([]) == ""
    assert not_trained(runs[:1]) == " 1 queued run will not be trained: a."
    assert not_trained(runs) == " 6 queued runs will not be trained: a, b, c, d, …."


async def test_the_question_names_what_waits_and_its_first_answer_stays(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        await begin(lab, script, "wine", "iris")
        await lab.press("q")
        assert "2 queued runs will not be trained: wine, iris." in question(lab)
        await lab.press("enter")
        assert isinstance(lab.app.screen, LabScreen) and not lab.app._exit
        assert lab.run.active


async def test_a_question_about_a_run_that_has_ended_goes_away(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        run = await begin(lab, script)
        for key in ("q", "s"):
            await lab.press(key)
            assert not isinstance(lab.app.screen, LabScreen)
            run.trouble = "ended"  # whatever the reason: nothing trains any more
            await lab.until(lambda: isinstance(lab.app.screen, LabScreen))
            run.trouble = ""
        assert not lab.app._exit


async def test_nothing_of_the_queue_begins_while_the_run_is_handed_over(
    open_lab: Any, script: Any, started: list[list[str]]
) -> None:
    async with open_lab(script.events()) as lab:
        run = await begin(lab, script, "wine")
        waits = lab.app.sitting.runs[1]
        await lab.press("D")
        assert "1 queued run will not be trained: wine." in question(lab)
        await lab.press("down", "enter")
        await lab.until(lambda: lab.app._exit)
        assert started == [["resume", "runs/digits-0001", "--quiet"]]
        assert not run.working and waits.history.started is None and not waits.working
        assert "digits-0001 trains in the background" in str(lab.app.return_value)


async def test_a_hand_over_that_is_refused_stays_and_the_queue_goes_on(
    open_lab: Any, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ladera.tui.leaving.start_detached", lambda arguments: (3, "no room"))
    async with open_lab(script.events()) as lab:
        await begin(lab, script, "wine")
        waits = lab.app.sitting.runs[1]
        await lab.press("D", "down", "enter")
        await lab.until(lambda: any("no room" in note for note in lab.notes))
        assert any("`ladera resume digits-0001" in note for note in lab.notes)
        await lab.until(lambda: waits.history.started is not None)
        assert not lab.app._exit


async def test_a_run_that_ends_before_it_is_handed_over_is_not_started_again(
    open_lab: Any, script: Any, started: list[list[str]]
) -> None:
    async with open_lab(script.events(reason="finished")) as lab:
        await lab.press("r")
        await lab.until(lambda: lab.app.sitting.training is None)
        lab.run.directory = Path("runs/digits-0001")
        lab.app._leave_behind(lab.run)
        await lab.until(lambda: lab.app._exit)
        assert started == []
        assert lab.app.return_value == "digits-0001 finished before it could be handed over"


async def test_stopping_and_leaving_drops_the_queue_and_remembers_it(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        run = await begin(lab, script, "wine")
        await lab.press("q", "end", "enter")
        assert lab.app._exit and lab.app.saving is run
    assert [one.label for one in lab.app.sitting.dropped] == ["wine"]
    assert lab_process.dropped(lab.app.sitting.dropped) == ["1 queued run was not trained: wine"]


def test_what_is_said_after_the_screen(script: Any) -> None:
    place = Path("runs/digits-0001")
    runs = Path("runs")
    training = script.run(script.events(), directory=place)
    assert lab_process.still(training, runs, saves=False) == (
        "digits-0001 still trains (8/100); Ctrl-C saves and stops, `ladera watch digits-0001` looks"
    )
    assert lab_process.still(training, runs, saves=True) == "saving digits-0001 (8/100)…"
    assert "digits still trains;" in lab_process.still(script.run(), runs, saves=False)
    saved = CheckpointSaved(epoch=8, step=80, path="step-80")
    stopped = RunEnded(reason="stopped", epoch=8, step=80, interrupted_by="leaving the lab")
    kept = script.run([*script.events(), saved, stopped], directory=place)
    assert lab_process.ended(kept, runs) == (
        "digits-0001 was saved after 80 steps: `ladera resume digits-0001` goes on"
    )
    lost = script.run([*script.events(), stopped], directory=place)
    assert lab_process.ended(lost, runs) == "digits-0001 stopped at epoch 8"
    failed = script.run(
        [*script.events(), RunEnded(reason="failed", epoch=8, detail="no memory")], directory=place
    )
    assert lab_process.ended(failed, runs) == "digits-0001 failed at epoch 8: no memory"
    assert lab_process.ended(script.run(trouble="no data"), runs) == "digits: no data"


def test_a_process_told_to_end_is_left_only_when_its_run_has_had_time_to_be_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, driver = 100.0, ResilientDriver.__new__(ResilientDriver)  # no terminal
    monkeypatch.setattr(time, "monotonic", lambda: now)
    run = SimpleNamespace(working=True, directory=Path("runs/digits-0001"))
    driver.closed = False
    idle = lab_process._Idle(SimpleNamespace(_driver=driver, sitting=SimpleNamespace(runs=[run])))  # type: ignore[arg-type]
    assert not idle()
    driver.closed, now = True, 110.0
    assert not idle()
    run.working, now = False, 120.0
    assert not idle()  # it ended a moment ago, the screen long before
    now = 120.4
    assert not idle()
    now = 120.6
    assert idle()


def test_a_run_that_still_loads_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now, driver = 100.0, ResilientDriver.__new__(ResilientDriver)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    driver.closed = True
    loading = SimpleNamespace(working=True, directory=None)
    idle = lab_process._Idle(SimpleNamespace(_driver=driver, sitting=SimpleNamespace(runs=[loading])))  # type: ignore[arg-type]
    assert not idle()
    now = 100.6
    assert idle()
