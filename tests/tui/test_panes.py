"""The system and the log under the pilot: sizes, keys, a driver that hangs, a run of another process, hostile names."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ladera.engine.event_lines import to_line
from ladera.engine.events import CommandTaken, Diagnosed, StorageFailed
from ladera.engine.store.process import this_process
from ladera.engine.store.status import Status, write_status
from ladera.tui.native_output import native_log, native_output_to
from ladera.tui.nvidia import Gpu, Gpus
from ladera.tui.panes import Panes
from ladera.tui.screens import system
from ladera.tui.screens.log import LogScreen, changed
from ladera.tui.screens.system import SystemScreen, process_of
from ladera.tui.view import View
from ladera.tui.widgets.picture import Picture

#: Terminals, and what they draw with.
TERMINALS = [((20, 5), "ascii"), ((80, 24), "braille"), ((300, 100), "braille")]


@pytest.fixture(autouse=True)
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same card everywhere."""
    card = Gpu(0, "NVIDIA \x1b[31mT4", 0.37, 4 << 30, 16 << 30, None, 61, 68.0, 70.0, 1230, 1590)
    monkeypatch.setattr(system, "read_gpus", lambda pid: Gpus((card,)))


async def look(lab: Any, pane: str) -> Any:
    """Open a pane."""
    getattr(Panes, f"action_{pane}")(lab.app)
    await lab.pilot.pause()
    return lab.app.screen


# -- the system ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "marker"), TERMINALS)
async def test_the_system_at_every_size(open_lab: Any, script: Any, size: Any, marker: Any) -> None:
    view = View(marker=marker, colour=marker != "ascii")
    async with open_lab(size=size, view=view, watched=script.states()["hostile"]) as lab:
        screen = await look(lab, "system")
        assert isinstance(screen, SystemScreen)
        await lab.until(lambda: "CPU" in screen.query_one(Picture).plain)
        assert len(lab.text.splitlines()) == size[1]
        assert "\x1b" not in lab.text
        assert marker != "ascii" or lab.text.isascii()
        if size[0] >= 80:
            await lab.sees("37.0% of the time")
            assert "61" in lab.text and "68 of 70 W, 1,230 of 1,590 MHz, not slowed" in lab.text
            assert f"pid {os.getpid()}" in lab.text
        await lab.press("escape")
        assert lab.app.screen is lab.app.lab


async def test_nothing_is_sampled_unless_it_is_looked_at(open_lab: Any) -> None:
    async with open_lab() as lab:
        screen = await look(lab, "system")
        await lab.until(lambda: screen.samples.answers >= 1)
        lab.app.action_help()
        await lab.pilot.pause()
        asked = screen.samples.answers
        for _ in range(3):
            screen._ask()
            screen.tick()
        assert not screen.samples.waiting and screen.samples.answers == asked


async def test_a_driver_that_hangs_hides_nothing_else(open_lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setattr(system, "read_gpus", lambda pid: go.wait(60) and Gpus(trouble="gone"))
    monkeypatch.setattr(system, "_LATE", 0.0)
    async with open_lab() as lab:
        await look(lab, "system")
        await lab.sees("the NVIDIA driver has not answered for 0 s")
        assert "Memory" in lab.text
        go.set()
        await lab.until(lambda: "gone" in lab.text)


def test_which_process_is_looked_at(script: Any, tmp_path: Path) -> None:
    assert process_of(None) == process_of(script.run()) == os.getpid()
    other = script.run(source=lambda run: [], directory=tmp_path)
    assert process_of(other) is None
    write_status(tmp_path, Status(process=this_process().plain()), durable=False)
    assert process_of(other) == os.getpid()
    gone = replace(this_process(), start="1")
    write_status(tmp_path, Status(process=gone.plain()), durable=False)
    assert process_of(other) is None


# -- the log ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "marker"), TERMINALS[:2])
async def test_the_log_at_every_size(open_lab: Any, script: Any, size: Any, marker: Any) -> None:
    view = View(marker=marker, colour=marker != "ascii")
    async with open_lab(size=size, view=view) as lab:
        states = script.states()
        for name in ("none", "hostile"):
            if name in states:
                lab.app.sitting.add(states[name])
                lab.app.current = states[name]
            await look(lab, "log")
            for key in ("up", "tab"):
                await lab.press(key)
                assert len(lab.text.splitlines()) == size[1], name
                assert "\x1b" not in lab.text
                assert marker != "ascii" or lab.text.isascii(), name
            await lab.press("escape")
            assert lab.app.screen is lab.app.lab


async def test_the_log_follows_its_end_until_one_looks_elsewhere(
    open_lab: Any, script: Any, tmp_path: Path
) -> None:
    told = script.events()
    path = tmp_path / "events.jsonl"
    path.write_text("".join(to_line(event) + "\n" for event in told))
    run = script.run(told, directory=tmp_path)
    async with open_lab(size=(100, 12), watched=run) as lab:
        screen = await look(lab, "log")
        await lab.sees("no improvement, 3 of 10 checks; best 0.5000 at epoch 5")
        assert "follows the end" in lab.text and "epoch      train 2.0000" not in lab.text
        await lab.press("home")
        await lab.sees("line 1")
        assert "started" in lab.text
        assert "1,077 train, 360 validation" in lab.text  # whole, though the line itself is cut
        with path.open("a") as file:
            file.write(to_line(CommandTaken(time=16, command="pause", epoch=8, step=80)) + "\n")
        await lab.sees("18 lines")
        assert "line 1" in lab.text and "pause" not in lab.text
        await lab.press("end")
        await lab.sees("pause (step 80)")
        with path.open("a") as file:
            file.write(to_line(StorageFailed(time=17, what="checkpoint", error="no space left")) + "\n")
        await lab.sees("no space left")
        await lab.press("y")
        assert lab.app.clipboard.endswith("storage    not saved: checkpoint: no space left; training goes on")
        screen.on_mouse_scroll_up()
        await lab.sees("line 16")


async def test_the_log_is_filtered(open_lab: Any, script: Any) -> None:
    async with open_lab(size=(100, 24), watched=script.run(script.events(reason="finished"))) as lab:
        await look(lab, "log")
        await lab.sees("kept in memory only")
        await lab.press("slash", *"oved")
        await lab.sees("5 lines")  # five of the eight checks improve
        await lab.press("enter", "up")
        await lab.sees("line 4")
        await lab.press("slash", *"zz")
        await lab.sees("No line holds these words.")
        await lab.press("escape")
        await lab.sees("11 lines")
        await lab.press("slash", *"knd:ended")
        await lab.sees("no field 'knd'; did you mean kind?")
        await lab.press("escape")
        await lab.sees("11 lines")
        await lab.press("l")
        await lab.sees("events only")
        assert "check " not in lab.text
        await lab.press("escape")
        assert lab.app.screen is lab.app.lab


async def test_a_line_that_is_cut_is_read_whole(open_lab: Any, script: Any) -> None:
    told = [
        *script.events(),
        Diagnosed(time=17.0, finding="overfit", text="The gap grows. " * 60 + "At last.", epoch=8),
    ]
    async with open_lab(size=(80, 24), watched=script.run(told)) as lab:
        await look(lab, "log")
        await lab.sees("The gap grows.")
        assert "last." not in lab.text
        await lab.press("enter")
        await lab.sees("The whole record")
        await lab.press("end")
        await lab.sees("last.")
        await lab.press("y")
        assert lab.app.clipboard.endswith("At last.\nepoch  8")
        await lab.press("escape", "escape")
        assert lab.app.screen is lab.app.lab


async def test_what_libraries_print_has_its_place(open_lab: Any, script: Any, tmp_path: Path) -> None:
    assert native_log() == ""
    with native_output_to(tmp_path / "stray.log"):
        async with open_lab(size=(100, 24), watched=script.run(script.events())) as lab:
            await look(lab, "log")
            await lab.press("tab")
            await lab.sees("No library has printed anything.")
            os.write(2, b"UserWarning: \x1b[31mlr_scheduler.step() before optimizer.step()\n")
            await lab.sees("UserWarning: [31mlr_scheduler.step() before optimizer.step()")
            await lab.press("tab")
            await lab.sees("[events] output")
    assert native_log() == ""


def test_what_is_new_in_a_run(script: Any) -> None:
    first = script.run(label="first")
    second = script.run(label="second", experiment=script.experiment("optimizer.lr=0.5"))
    branch = script.run(
        [script.started(script.experiment(), parent={"run": "first", "epoch": 3})],
        label="branch", experiment=script.experiment("optimizer.lr=0.25"),
    )  # fmt: skip
    runs = [first, second, branch]
    assert changed(first, runs) == ""
    assert changed(second, runs) == "since first: optimizer.lr 0.001 → 0.5"
    assert changed(branch, runs) == "since first: optimizer.lr 0.001 → 0.25"
    assert changed(script.run(), []) == ""
    assert isinstance(LogScreen(second, runs), LogScreen)
