"""The lab under Textual's pilot: every state at three sizes, the form, steering, what-if, leaving, resizing."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual.widgets import DataTable, Input, OptionList
from textual.widgets.option_list import Option

from ladera.engine.errors import InputError
from ladera.engine.events import CommandTaken, Event
from ladera.tui.help import SECTIONS, TABLE, page, shown
from ladera.tui.inks import INKS
from ladera.tui.run import Run
from ladera.tui.screens.lab import LabScreen
from ladera.tui.screens.picker import PickerScreen
from ladera.tui.screens.what_if import WhatIfScreen
from ladera.tui.widgets.chart import ChartView
from ladera.tui.widgets.experiment_form import ExperimentForm
from ladera.tui.widgets.key_line import Item, fitting
from ladera.tui.widgets.line import Line
from ladera.tui.widgets.runs_table import RunsTable

SIZES = [(80, 24), (120, 40), (200, 60)]


def row(lab: Any, key: str) -> str:
    """The value of a row of the form."""
    form = lab.app.lab.query_one(ExperimentForm)
    return next(row.value for row in form._rows if row.key == key)


async def choose(lab: Any, key: str) -> None:
    """Go to a row of the form and press Enter."""
    form = lab.app.lab.query_one(ExperimentForm)
    await lab.press("e")
    form.highlighted = [row.key for row in form._rows].index(key)
    await lab.press("enter")


async def pick(lab: Any, part: str, name: str) -> None:
    """Pick a preset by keys."""
    await choose(lab, part)
    options = lab.app.screen.query_one(OptionList)
    names = [options.get_option_at_index(i).id for i in range(options.option_count)]
    move = names.index(name) - (options.highlighted or 0)
    await lab.press(*["down" if move > 0 else "up"] * abs(move), "enter")


async def type_value(lab: Any, text: str) -> None:
    """Put a text into the prompt."""
    lab.app.screen.query_one(Input).value = text
    await lab.pilot.pause()


# -- what is seen ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_empty_lab_teaches(open_lab: Any, size: Any) -> None:
    async with open_lab(size=size) as lab:
        await lab.sees("no run yet")
        assert "press r to train" in lab.text
        assert "digits · mlp 128-64 · cce · adam 0.001" in lab.text
        bottom = lab.text.splitlines()[-1]
        for words in ("r Run", "p Pause", "s Stop", "e Edit", "? Help", "q Quit"):
            assert words in bottom  # at 80 columns too
        assert ("Optimizer" in lab.text) == (size[0] >= 100)


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_that_trains(open_lab: Any, script: Any, size: Any) -> None:
    experiment = script.experiment("stopping.patience=10")
    async with open_lab(script.events(experiment=experiment), size, experiment=experiment) as lab:
        await lab.press("r")
        await lab.sees("training")
        await lab.sees("would stop @ 15")
        text = lab.text
        assert "best 0.5000 @ 5" in text
        assert "waiting  3 of 10 checks  ▰▰▰▱▱▱▱▱▱▱" in text
        assert "epoch   8/100  train 0.1000   validation 0.8000   accuracy  55.6%  gap 0.7000" in text
        assert any("⠀" < c <= "⣿" for c in text)
        times = "≤03:04 left" if size[0] < 100 else "00:16 · ≤03:04 left"
        assert text.splitlines()[0].rstrip().endswith(f"● training  {times}")


@pytest.mark.parametrize("size", SIZES)
async def test_every_state_is_shown(open_lab: Any, script: Any, size: Any) -> None:
    async with open_lab(size=size) as lab:
        for name, run in script.states().items():
            lab.app.sitting.add(run)
            lab.app.look_at(run.number)
            await lab.pilot.pause()
            text = lab.text
            assert "\x1b" not in text, name
            assert len(text.splitlines()) == size[1]
            assert "chart unavailable" not in text, name
            assert lab.app.lab.query_one("#status", Line).text in text.splitlines()[0], name


async def test_the_end_is_told(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events(reason="stopped_early", restored=5)) as lab:
        await lab.press("r")
        await lab.sees("stopped early at epoch 8")
        assert "weights of epoch 5 are loaded" in lab.text
        assert "test: loss 0.5500 · accuracy 90.0%" in lab.text


async def test_names_are_never_read_as_markup(open_lab: Any, script: Any) -> None:
    async with open_lab(watched=script.states()["hostile"]) as lab:
        await lab.sees("▸━  a[/b]c [2J")
        table = lab.app.lab.query_one("#runs", DataTable)
        assert str(table.get_cell("0", "run")) == "▸━  a[/b]c [2J [bold]x"
        await lab.press("d")
        assert "[red]x[/]" in lab.text
        assert "\x1b" not in lab.text


async def test_the_title_tells_what_the_charts_show(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events(reason="finished")) as lab:
        await lab.press("r")
        await lab.sees("■ finished")
        lab.app.take(script.experiment("optimizer.lr=0.5"))
        await lab.pilot.pause()
        assert "adam 0.001" in lab.text.splitlines()[0]
        assert "Next experiment: r trains it" in lab.text


async def test_the_light_theme_gets_dark_curves(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events(reason="finished")) as lab:
        await lab.press("r")
        await lab.sees("finished")
        dark, light = INKS["dark"].runs[0], INKS["light"].runs[0]
        assert dark in colours(lab)
        lab.app.theme = "textual-light"
        await lab.until(lambda: light in colours(lab))
        assert dark not in colours(lab)


def colours(lab: Any) -> set[str]:
    lines = lab.app.lab.query_one("#loss", ChartView)._rows
    return {str(span.style).split()[-1] for line in lines for span in line.spans if "#" in str(span.style)}


# -- the form --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_another_optimizer_by_the_picker(open_lab: Any, size: Any) -> None:
    async with open_lab(size=size) as lab:
        await pick(lab, "optimizer", "rmsprop")
        assert lab.app.experiment.optimizer.kind == "rmsprop"
        assert row(lab, "optimizer") == "rmsprop"
        assert "rmsprop" in lab.text.splitlines()[0]
        await lab.press("escape", "u")
        assert lab.app.experiment.optimizer.kind == "adam"
        await lab.press("u")
        assert "nothing to undo" in lab.notes[-1]


async def test_what_does_not_fit_says_why_and_is_not_taken(open_lab: Any) -> None:
    async with open_lab(size=(120, 40)) as lab:
        await pick(lab, "loss", "bce")
        assert isinstance(lab.app.screen, PickerScreen)
        assert "× bce" in lab.text
        assert "Cannot be chosen now: " in lab.text
        await lab.press("escape")
        assert lab.app.experiment.loss.kind == "cce"


async def test_a_wrong_value_is_refused_in_words(open_lab: Any) -> None:
    async with open_lab() as lab:
        await choose(lab, "optimizer.lr")
        for wrong in ("fast", "-1", "nan", "inf", "[", "[/b] = 1"):
            await type_value(lab, wrong)
            await lab.press("enter")
            complaint = lab.app.screen.query_one("#prompt-judgement", Line)
            assert complaint.has_class("trouble"), wrong
            assert "optimizer.lr: must be" in complaint.text
            assert lab.app.experiment.optimizer.lr == 0.001
        await type_value(lab, "0.5")
        await lab.press("enter")
        assert (lab.app.experiment.optimizer.lr, row(lab, "optimizer")) == (0.5, "adam *")


async def test_each_value_is_explained_beside_the_form(open_lab: Any) -> None:
    async with open_lab() as lab:
        form = lab.app.lab.query_one(ExperimentForm)
        form.highlighted = [row.key for row in form._rows].index("stopping.patience")
        await lab.pilot.pause()
        about = lab.app.lab.query_one("#about", Line).text
        assert "Checks in a row without improvement" in about.replace("\n", " ")


async def test_another_experiment_and_back(open_lab: Any) -> None:
    async with open_lab() as lab:
        await lab.press("ctrl+o")
        options = lab.app.screen.query_one(OptionList)
        names = [options.get_option_at_index(i).id for i in range(options.option_count)]
        options.highlighted = names.index("diabetes")
        await lab.press("enter")
        assert lab.app.experiment.data.name == "diabetes"
        assert lab.app.base == "diabetes"
        await lab.press("u")
        assert (lab.app.experiment.data.name, lab.app.base) == ("digits", "digits")


async def test_the_form_fits_its_column(open_lab: Any) -> None:
    for size in SIZES[1:]:
        async with open_lab(size=size) as lab:
            form = lab.app.lab.query_one(ExperimentForm)
            prompts = [form.get_option_at_index(i).prompt for i in range(form.option_count)]
            assert len({prompt.cell_length for prompt in prompts if prompt.plain.endswith("▾")}) == 1
            assert all(prompt.cell_length <= form.scrollable_content_region.width for prompt in prompts)
            assert any(prompt.plain.startswith("  validate every 1") for prompt in prompts)
            assert isinstance(form.get_option_at_index(0), Option)


# -- training --------------------------------------------------------------------------------------------------------


def taken(run: Run) -> list[str]:
    return [command.command for command in run.history.commands]


async def test_steering(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        await lab.press("p")
        assert "Nothing trains now" in lab.notes[-1]
        await lab.press("r")
        await lab.sees("training")
        await lab.press("p")
        await lab.sees("‖ paused")
        await lab.press("p")
        await lab.until(lambda: taken(lab.run) == ["pause", "resume"])
        await lab.press("space", "k", "o")
        await lab.until(lambda: taken(lab.run)[2:] == ["step", "checkpoint", "pace"])
        await lab.press("right_square_bracket")
        await type_value(lab, "0")
        await lab.press("enter")
        assert "a whole number from 1" in lab.text
        await type_value(lab, "3")
        await lab.press("enter")
        await lab.until(lambda: lab.run.history.commands[-1].value == 3)
        await lab.press("f", "enter")  # asks, and the first answer goes on
        assert isinstance(lab.app.screen, LabScreen)
        assert "finish_epoch" not in taken(lab.run)
        await lab.press("f", "down", "enter")
        await lab.sees("□ stopped")
        assert taken(lab.run)[-1] == "finish_epoch"


async def test_stop_asks_and_the_first_answer_goes_on(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        await lab.press("s")
        assert "Nothing trains now" in lab.notes[-1]
        await lab.press("r")
        await lab.sees("training")
        await lab.press("s")
        assert "Stop this run?" in lab.text
        assert (
            lab.text.index("Go on training") < lab.text.index("Finish this epoch") < lab.text.index("Abandon")
        )
        await lab.press("escape")
        assert taken(lab.run) == []
        await lab.press("s", "enter")
        assert isinstance(lab.app.screen, LabScreen) and lab.run.active
        assert taken(lab.run) == []
        await lab.press("s", "down", "down", "enter")
        await lab.sees("□ stopped")
        assert taken(lab.run) == ["stop"]


async def test_the_thread_that_imports_keeps_its_heap_while_the_lab_is_open(open_lab: Any) -> None:
    def preparing() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "preparing"}

    others = preparing()
    async with open_lab() as lab:
        await lab.until(lambda: preparing() - others)
        (ours,) = preparing() - others
        ours.join(0.3)  # with nothing to import it would have ended by then
        assert ours.is_alive()
    ours.join(30)
    assert not ours.is_alive()


async def test_a_live_value_is_changed_and_a_refusal_is_told(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        await lab.sees("training")
        await lab.press("c")
        await type_value(lab, "lr")
        await lab.press("enter")
        assert "key=value" in lab.text
        await type_value(lab, "optimizer.lr=0.5")
        await lab.press("enter")
        await lab.until(lambda: lab.run.history.setting("optimizer.lr") == 0.5)
        await lab.press("c")
        await type_value(lab, "model.hidden=[1]")
        await lab.press("enter")
        await lab.sees("model.hidden cannot change while training; what can: optimizer.lr,")
        await type_value(lab, "optimizer.lr=-1")
        await lab.press("enter")
        await lab.sees("optimizer.lr = -1: input should be greater than 0")
        assert "pydantic" not in lab.text
        await type_value(lab, "training.epochs=3")
        await lab.press("enter")
        await lab.sees("8 epochs are made already, so this would end the run: s stops it")
        await lab.sees("stopping.patience = 10")  # what can change stays in sight
        assert [command.value for command in lab.run.history.commands] == [
            {"key": "optimizer.lr", "value": 0.5}
        ]
        await type_value(lab, "0.25")
        await lab.press("enter", "c")
        await type_value(lab, "optimizer.beta1=0.8 optimizer.beta2=0.99")
        await lab.press("enter")
        await lab.until(lambda: lab.run.history.setting("optimizer.beta2") == 0.99)
        assert lab.run.history.setting("optimizer.lr") == 0.25
        assert lab.run.history.setting("optimizer.beta1") == 0.8
        # The engine has the last word; what it refuses is told.
        lab.run.controls.set("data.noise", 1)
        await lab.until(lambda: any("cannot be changed while training" in note for note in lab.notes))


async def test_a_second_run_waits_its_turn(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        await lab.sees("● training")
        lab.app.take(script.experiment("optimizer.lr=0.5"))
        await lab.press("r")
        assert any("is queued" in note for note in lab.notes)
        await lab.sees("queued")
        first, second = lab.app.sitting.runs
        assert lab.app.current is first
        await lab.press("s", "end", "enter")
        await lab.until(lambda: second.history.started is not None)
        assert (first.state, second.state) == ("stopped", "training")
        await lab.press("n")
        assert lab.app.current is second
        await lab.sees("lr=0.5")
        await lab.press("t", "down", "enter")
        assert lab.app.current is first


async def test_a_refused_run_says_why_and_the_lab_lives(open_lab: Any, script: Any) -> None:
    def refuse(run: Run) -> Iterator[Event]:
        raise InputError("data: no file [bold]houses.csv[/x]; check data.path")
        yield

    async with open_lab(trainer=refuse) as lab:
        await lab.press("r")
        await lab.sees("data: no file [bold]houses.csv[/x]; check data.path")
        assert "✗ refused" in lab.text
        assert lab.app.lab.query_one("#diagnosis").has_class("trouble")
        await lab.press("r")
        await lab.until(lambda: len(lab.app.sitting.runs) == 2)


async def test_what_if_by_keys(open_lab: Any, script: Any) -> None:
    experiment = script.experiment("stopping.patience=3")
    told = script.events(experiment=experiment, reason="stopped_early")
    async with open_lab(told, experiment=experiment) as lab:
        await lab.press("w")
        assert "press r to train" in lab.notes[-1]
        await lab.press("r")
        await lab.sees("stopped early")
        await lab.press("w")
        assert isinstance(lab.app.screen, WhatIfScreen)
        await lab.sees("would have stopped at epoch 8")
        await lab.press("left", "left")
        await lab.sees("would have stopped at epoch 6, 2 of 8 epochs earlier")
        await lab.press("right", "right", "right")
        await lab.sees("would not have stopped within the 8 recorded epochs")
        await lab.press("up", "m")
        assert lab.app.screen.question.monitor == "accuracy"
        assert (lab.app.screen.question.mode, lab.app.screen.question.min_delta) == ("max", 1e-5)
        await lab.press("0")
        assert lab.app.screen.question.patience == 3
        await lab.press("escape")
        assert isinstance(lab.app.screen, LabScreen)


async def test_what_if_of_a_run_without_early_stopping(open_lab: Any, script: Any) -> None:
    experiment = script.experiment("stopping.patience=3", "stopping.enabled=false")
    told = script.events(experiment=experiment, reason="finished")
    async with open_lab(told, experiment=experiment) as lab:
        await lab.press("r")
        await lab.sees("finished")
        await lab.press("w")
        await lab.sees("would have stopped at epoch 8")
        await lab.sees("In this run early stopping was off.")


# -- looking ---------------------------------------------------------------------------------------------------------


async def test_looking_at_the_charts(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        await lab.press("comma")
        await lab.press("r")
        await lab.sees("training")
        assert "Loss, log scale" in lab.text
        await lab.press("l")
        assert "Loss, log scale" not in lab.text
        await lab.press("x")
        assert "step" in lab.text
        await lab.press("v")
        assert "smoothed 0.6" in lab.text
        await lab.press("comma", "comma")
        await lab.sees("epoch 7  train 0.2  validation 0.7")
        await lab.press("0", "plus")
        assert lab.app.view.span == 7.5  # half of the 15 epochs shown, up to the newest
        await lab.press("0")
        assert lab.app.view.whole
        await lab.press("m")
        await lab.sees("Learning rate")
        assert lab.app.lab.query_one("#side").display
        await lab.press("F")
        await lab.until(lambda: not lab.app.lab.query_one("#side").display)
        assert "Early stopping" not in lab.text
        await lab.press("escape")
        await lab.until(lambda: lab.app.lab.query_one("#side").display)


async def test_a_click_puts_the_cursor_where_it_was(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        await lab.sees("training")
        chart = lab.app.lab.query_one("#loss")
        await lab.until(lambda: "best 0.5000 @ 5" in chart.plain)
        column = min(line.index("┊") for line in chart.plain.split("\n") if "┊" in line)
        await lab.pilot.click("#loss", offset=(column + 1, 3))  # behind the padding
        await lab.sees("epoch 5  train 0.6  validation 0.5")
        await lab.press("less_than_sign")
        await lab.sees("epoch 1  train 2  validation 2.1")
        await lab.press("greater_than_sign", "greater_than_sign")
        await lab.sees("epoch 8  train 0.1  validation 0.8")


async def test_the_small_screen_switches_chart_and_form(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events(), (80, 24)) as lab:
        assert lab.app.lab.query_one("#loss").display
        assert not lab.app.lab.query_one("#metric").display
        await lab.press("m")
        assert not lab.app.lab.query_one("#loss").display
        await lab.sees("Accuracy")
        await lab.press("e")
        await lab.sees("Optimizer")
        await lab.press("escape")
        await lab.sees("Accuracy")


async def test_a_slow_terminal_gets_fewer_frames_and_is_told_of(
    open_lab: Any, script: Any, monkeypatch: Any
) -> None:
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        await lab.sees("waiting")
        behind = True
        monkeypatch.setattr(type(lab.app), "terminal_behind", property(lambda _: behind))
        drawn: list[float] = []
        monkeypatch.setattr(lab.app.lab, "show_charts", lambda: drawn.append(time.monotonic()))
        lab.run.incoming.append(CommandTaken(time=20.0, command="pause"))
        await lab.until(lambda: not lab.app.lab._redraw.due(time.monotonic()))
        await lab.pilot.pause(1.1)
        assert drawn == [], "the last frame is still on its way"
        behind = False
        await lab.sees("slow terminal")
        assert len(drawn) == 1
        behind = True
        await lab.press("ctrl+l")
        assert len(drawn) == 2, "the newest figures, when somebody asks for them"
        behind = False
        lab.run.incoming.append(CommandTaken(time=21.0, command="resume"))
        await lab.until(lambda: "slow terminal" not in lab.text)


# -- keys, help, palette ---------------------------------------------------------------------------------------------


def bindings() -> dict[str, str]:
    from ladera.tui.app import LabApp

    found: dict[str, str] = {}
    for owner in (LabApp, *LabScreen.__mro__[:2]):
        for binding in owner.BINDINGS:
            for key in binding.key.split(","):
                found[key] = binding.action
    return found


def test_the_help_names_every_key_and_no_other() -> None:
    told = [key for _, keys in SECTIONS for one in keys for key in one.keys.split(",")]
    assert len(told) == len(set(told))
    assert set(told) == {*bindings(), "ctrl+p"}
    in_table = [key for one in TABLE for key in one.keys.split(",")]
    assert sorted(in_table) == sorted(
        ["enter", *(key for binding in RunsTable.BINDINGS for key in binding.key.split(","))]
    )
    for _, keys in (*SECTIONS, ("", TABLE)):
        for one in keys:
            for width in (30, 76, 104, 190):
                text = page(width)
                assert f"  {shown(one.keys.split(',')[0])} " in text
                assert max(map(len, text.split("\n"))) <= max(width, 30)
            assert one.text in page(95), "in one piece where there is room"
            assert keys is TABLE or len({bindings().get(key) for key in one.keys.split(",")} - {None}) <= 2


def test_the_line_of_keys_drops_what_it_is_told_to_where_there_is_little_room() -> None:
    items = [
        Item(key, key, "x" * 8, f"do_{key}") for key in "abcd"
    ]  # " a xxxxxxxx", 11 cells, and 1 where there is room
    names = lambda width: "".join(item.key for item in fitting(items, width, ("do_b", "do_a"))[0])  # noqa: E731
    assert [fitting(items, width, ())[1] for width in (48, 47)] == [True, False]
    assert [names(width) for width in (48, 44, 43, 33, 32, 5)] == ["abcd", "abcd", "acd", "acd", "cd", "cd"]


async def test_a_click_on_a_key_presses_it(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events(reason="finished")) as lab:
        await lab.sees("? Help")
        row = lab.text.split("\n")[-1]
        assert row.rstrip().endswith("^p palette")
        await lab.pilot.click(offset=(row.index("Help"), 39))
        await lab.sees("Help: Escape back")


def test_every_key_has_an_action() -> None:
    from ladera.tui.app import LabApp

    for key, action in bindings().items():
        name = action.split("(")[0]
        owner = LabApp if name.startswith("app.") or hasattr(LabApp, f"action_{name}") else LabScreen
        assert hasattr(owner, "action_" + name.removeprefix("app.")), key


async def test_quit_in_the_palette_asks_while_something_trains(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        await lab.sees("training")
        await lab.press("ctrl+p", *"quit")
        await lab.pilot.pause(0.3)
        await lab.press("enter")
        await lab.sees("is training.")
        assert not lab.app._exit


async def test_the_palette_lists_every_action_once(open_lab: Any) -> None:
    async with open_lab() as lab:
        titles = [command.title for command in lab.app.get_system_commands(lab.app.screen)]
        for keys in (*(keys for _, keys in SECTIONS), TABLE):
            for one in keys:
                assert not one.name or titles.count(one.name) == 1, one
        await lab.press("ctrl+p")
        await lab.press(*"slow")
        await lab.pilot.pause(0.3)
        await lab.press("enter")
        await lab.until(lambda: any("slow motion" in note for note in lab.notes))


async def test_escape_leaves_every_screen(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        await lab.sees("training")
        for key in (
            "question_mark",
            "s",
            "right_square_bracket",
            "c",
            "d",
            "w",
            "y",
            "ctrl+o",
            "ctrl+s",
            "q",
            "ctrl+p",
        ):
            await lab.press(key)
            assert len(lab.app.screen_stack) == 3, key
            await lab.press("escape")
            assert isinstance(lab.app.screen, LabScreen), key
        for part in ("optimizer", "optimizer.lr"):
            await choose(lab, part)
            assert len(lab.app.screen_stack) == 3
            await lab.press("escape")
            assert isinstance(lab.app.screen, LabScreen)


async def test_focus_begins_at_the_form_and_tab_reaches_the_runs(open_lab: Any) -> None:
    async with open_lab() as lab:
        assert lab.app.focused.id == "form"
        await lab.press("tab")
        assert lab.app.focused.id == "runs"
        await lab.press("tab")
        assert lab.app.focused.id == "form"


# -- leaving ---------------------------------------------------------------------------------------------------------


async def test_leaving_asks_only_while_something_trains(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        await lab.sees("training")
        await lab.press("q")
        assert "is training." in lab.text
        await lab.press("enter")  # the first way stays
        assert isinstance(lab.app.screen, LabScreen)
        assert lab.run.active
        await lab.press("q", "down", "down", "enter")
        assert lab.app._exit
        assert lab.app.saving is lab.run
    async with open_lab() as lab:
        await lab.press("q")
        assert lab.app._exit


# -- sizes -----------------------------------------------------------------------------------------------------------


async def test_any_size_in_any_order(open_lab: Any, script: Any) -> None:
    # tests/tui/test_themes.py has every state in every size; here one size follows another, dialogs open.
    sizes = [(2, 2), (79, 23), (300, 1), (1, 100), (300, 100), (99, 29), (120, 40)]
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        screens = ((), sizes), (("d",), sizes[:3]), (("escape", "w"), sizes[:3]), (("escape", "c"), sizes[:3])
        for keys, shapes in screens:
            await lab.press(*keys)
            for width, height in shapes:
                await lab.pilot.resize_terminal(width, height)
                await lab.until(lambda: len(lab.text.split("\n")) == height)  # noqa: B023 - awaited here
        assert lab.app._exception is None


async def test_words_follow_a_new_size(open_lab: Any, script: Any) -> None:
    async with open_lab(watched=script.states()["running"], size=(200, 60)) as lab:
        await lab.pilot.resize_terminal(80, 24)
        await lab.sees("adam 0.001 · …")
        await lab.pilot.resize_terminal(120, 40)
        await lab.sees("he-uniform · batch 64")


async def test_a_paused_run_waits_calmly(open_lab: Any, script: Any) -> None:
    told = [*script.events(), CommandTaken(command="pause", epoch=8, step=80)]
    async with open_lab(told) as lab:
        await lab.press("r")
        await lab.sees("‖ paused")
        before = lab.text
        await lab.pilot.pause(0.5)
        assert lab.text == before


def test_the_first_screen_imports_no_torch() -> None:
    code = (
        "import asyncio, sys\n"
        "from ladera.presets.catalog import load\n"
        "from ladera.tui.app import LabApp\n"
        "async def main():\n"
        "    async with LabApp(load('digits')).run_test() as pilot:\n"
        "        await pilot.pause()\n"
        "asyncio.run(main())\n"
        "print(*{'torch', 'sklearn', 'scipy', 'matplotlib'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("", "", 0)


async def test_the_command_line_tells_only_what_differs_and_needs_no_preset_of_the_runs_name(
    open_lab: Any, script: Any
) -> None:
    changed = script.experiment("optimizer=sgd", "training.epochs=7")
    async with open_lab(experiment=changed, base="night-shift") as lab:
        await lab.press("y")
        await lab.sees("Other than the preset digits:")
        assert "ladera run digits --set optimizer=sgd --set training.epochs=7" in lab.text
        assert re.search(r"training\.epochs +100 → 7", lab.text)
        assert "model" not in lab.text.split("Other than")[1].split("Escape")[0]
