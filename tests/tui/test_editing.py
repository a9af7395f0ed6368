"""Values of the form that are one of a few, and presets of one's own, by keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from ladera.presets.catalog import load, own_path
from ladera.tui.form import Row
from ladera.tui.screens.choice import ChoiceScreen
from ladera.tui.screens.lab import LabScreen
from ladera.tui.screens.prompt import PromptScreen
from ladera.tui.widgets.experiment_form import ExperimentForm


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The presets of a user who has none."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


async def choose(lab: Any, key: str) -> None:
    form = lab.app.lab.query_one(ExperimentForm)
    await lab.press("e")
    form.highlighted = [row.key for row in form._rows].index(key)
    await lab.press("enter")


async def test_a_value_of_a_few_is_chosen_or_typed(open_lab: Any) -> None:
    async with open_lab() as lab:
        await choose(lab, "optimizer.formula")
        assert isinstance(lab.app.screen, ChoiceScreen)
        await lab.sees("type it…")
        await lab.press("down", "enter")
        assert lab.app.experiment.optimizer.formula == "lecture"
        await choose(lab, "optimizer.formula")
        await lab.press("down", "enter")  # it began at the value as it is
        assert isinstance(lab.app.screen, PromptScreen)
        assert lab.app.screen.query_one(Input).value == "lecture"
        await lab.press(*"pytorch", "enter")
        assert lab.app.experiment.optimizer.formula == "pytorch"
        await choose(lab, "optimizer.lr")
        assert isinstance(lab.app.screen, PromptScreen)


async def test_what_is_monitored_brings_its_direction_with_it(open_lab: Any) -> None:
    async with open_lab() as lab:
        await choose(lab, "stopping.monitor")
        await lab.press("down", "enter")
        stopping = lab.app.experiment.stopping
        assert (stopping.monitor, stopping.mode) == ("accuracy", "max")


async def test_a_way_that_does_not_fit_says_so(open_lab: Any) -> None:
    async with open_lab(experiment=load("diabetes"), base="diabetes") as lab:
        # No row of a regression, whose form leaves out what cannot be; but a value may be asked for in other ways.
        lab.app.edit(Row("loss.class_weights", "class weights", "none", is_part=False))
        await lab.sees("balanced: does not fit now")
        await lab.press("down", "enter")
        assert isinstance(lab.app.screen, LabScreen)
        assert lab.notes and lab.app.experiment.loss.class_weights == "none"


async def test_a_preset_of_ladera_is_never_hidden_by_one_of_ones_own(open_lab: Any) -> None:
    async with open_lab() as lab:
        await lab.press("ctrl+s")
        assert isinstance(lab.app.screen, PromptScreen)
        await lab.press(*"moons", "enter")
        await lab.sees("moons is a preset of ladera itself: choose another name")
        assert not own_path("moons").exists()


async def test_a_preset_of_ones_own_is_replaced_only_when_asked(open_lab: Any) -> None:
    async with open_lab() as lab:
        await lab.press("ctrl+s")
        assert lab.app.screen.query_one(Input).value == "digits-mine"
        await lab.press("enter")
        path = own_path("digits-mine")
        assert load("digits-mine") == load("digits")
        text = path.read_text()
        assert "when" not in text and "order" not in text
        path.write_text("# of my own\n" + text)
        lab.app.take(load("digits", ["optimizer.lr=0.5"]))
        for answer, kept in ((("enter",), True), (("down", "enter"), False)):
            await lab.press("ctrl+s")
            assert lab.app.screen.query_one(Input).value == "digits-mine"
            await lab.press("enter")
            await lab.sees("There is a preset digits-mine already")
            await lab.press(*answer)
            assert (load("digits-mine") == load("digits")) is kept
        assert load("digits-mine").optimizer.lr == 0.5
        assert path.read_text().startswith("# of my own\n")
        await lab.press("ctrl+s", *"../x", "enter")
        await lab.sees("is no name for a preset")


async def test_a_preset_of_another_name_keeps_it(open_lab: Any) -> None:
    own_path("mine").parent.mkdir(parents=True)
    own_path("mine").write_text('data = "digits"\n')
    async with open_lab(experiment=load("mine"), base="mine") as lab:
        await lab.press("ctrl+s")
        assert lab.app.screen.query_one(Input).value == "mine"
