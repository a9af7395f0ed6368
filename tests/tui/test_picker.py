"""The pickers: what is said of a preset, that nothing of it is cut, and where they begin."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import pytest
from textual.widgets import OptionList

from ladera.presets.catalog import EXPERIMENTS, catalog, find, load, nearest
from ladera.tui.form import rows
from ladera.tui.preset_text import full
from ladera.tui.screens.picker import explained
from ladera.tui.widgets.choices import Choices
from ladera.tui.widgets.experiment_form import ExperimentForm
from ladera.tui.widgets.line import Line


async def opened(lab: Any, part: str) -> OptionList:
    form = lab.app.lab.query_one(ExperimentForm)
    await lab.press("e")
    form.highlighted = [row.key for row in form._rows].index(part)
    await lab.press("enter")
    await lab.sees("Tab reads on")
    return lab.app.screen.query_one(OptionList)


def test_a_preset_is_explained_with_symbols_values_use_and_caveat() -> None:
    preset = find("optimizer", "momentum")
    assert preset is not None
    text = explained(preset, None)
    for said in (
        "v ← γ·v + g; θ ← θ − η·v",
        "γ: optimizer.momentum",
        "momentum = 0.9  Share of the last step",
        "When: Long valleys",
        "Mind: Steps grow to η / (1 − γ)",
    ):
        assert said in text
    assert "Cannot be chosen now: it is no image" in explained(preset, "it is no image")


@pytest.mark.parametrize("preset", [p for part in (EXPERIMENTS, "data", "augmentation", "model", "loss", "optimizer", "regularization", "init", "training", "stopping") for p in catalog(part)], ids=lambda p: p.name)  # fmt: skip
def test_every_value_that_a_preset_sets_is_explained(preset: Any) -> None:
    lines = full(preset)
    if "Sets:" in lines:
        for line in takewhile(lambda line: line.startswith("  "), lines[lines.index("Sets:") + 1 :]):
            assert len(line.strip().split("  ", 1)) == 2, line


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (200, 60)])
async def test_long_names_are_whole(open_lab: Any, size: tuple[int, int]) -> None:
    async with open_lab(size=size) as lab:
        await lab.press("ctrl+o")
        await lab.sees("Tab reads on")
        options = lab.app.screen.query_one(OptionList)
        for name in ("symmetric-constant-init", "overfit-noisy-labels", "too-high-learning-rate"):
            options.highlighted = [
                options.get_option_at_index(i).id for i in range(options.option_count)
            ].index(name)
            await lab.sees(f" {name} ")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_lectures_example_can_be_read_to_its_end(open_lab: Any, size: tuple[int, int]) -> None:
    async with open_lab(size=size) as lab:
        options = await opened(lab, "regularization")
        options.highlighted = [options.get_option_at_index(i).id for i in range(options.option_count)].index(
            "l1"
        )
        await lab.pilot.pause()
        assert "70.03" in lab.app.screen.query_one("#explained", Line).text
        await lab.press("tab", "end")
        assert "0.8116, 1.13, 1069" in " ".join(lab.text.split())


async def test_a_changed_part_begins_at_the_preset_that_is_most_like_it(open_lab: Any, script: Any) -> None:
    async with open_lab() as lab:
        lab.app.take(script.experiment("optimizer=adamw", "optimizer.lr=0.123"))
        await lab.pilot.pause()
        options = await opened(lab, "optimizer")
        assert options.highlighted is not None
        assert options.get_option_at_index(options.highlighted).id == "adamw"
        assert "●" not in "".join(
            str(options.get_option_at_index(i).prompt) for i in range(options.option_count)
        )


async def test_names_alone_stand_beside_the_explanation_and_formulas_above_it(open_lab: Any) -> None:
    async with open_lab(size=(120, 40)) as lab:
        await opened(lab, "init")
        choices = lab.app.screen.query_one(Choices)
        assert "U(" not in str(choices.get_option_at_index(1).prompt)
        await lab.pilot.resize_terminal(80, 24)
        await lab.pilot.pause()
        assert "N(0, 2 / n_in)" in str(choices.get_option_at_index(1).prompt)


async def test_a_name_that_is_typed_is_gone_to(open_lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("ladera.tui.screens.picker.monotonic", lambda: now)
    async with open_lab() as lab:
        options = await opened(lab, "optimizer")

        async def typed(*letters: str) -> str:
            await lab.press(*letters)
            return str(options.get_option_at_index(options.highlighted or 0).id)

        assert await typed("r", "m") == "rmsprop"
        assert await typed("x") == "rmsprop"  # no name goes on so
        now += 10
        assert await typed("l", "e", "c") == "momentum-lecture"  # in the name, where none begins with it
        now += 10
        assert await typed("a", "d", "a", "m", "w") == "adamw"
        await lab.press("enter")
        await lab.until(lambda: lab.app.experiment.optimizer.kind == "adamw")


def test_a_part_that_equals_no_preset_is_told_by_what_differs(script: Any) -> None:
    from ladera.tui.editing import about_part

    assert (
        about_part(script.experiment("optimizer.lr=0.123"), "optimizer")
        == "As the preset adam, but lr = 0.123."
    )
    assert about_part(script.experiment(), "optimizer").startswith("Adam, adaptive moment estimation\n")
    # Nobody changed these by hand: the built-in experiment has values of its own.
    assert about_part(load("circles"), "optimizer") == "As the preset adam, but lr = 0.01."
    for preset in catalog(EXPERIMENTS):
        for row in rows(load(preset.short)):
            if row.is_part:
                assert "by hand" not in about_part(load(preset.short), row.key)


def test_the_nearest_preset_is_of_the_same_kind(script: Any) -> None:
    found = nearest(script.experiment("optimizer=rmsprop", "optimizer.lr=0.3"), "optimizer")
    assert found is not None
    assert found.short == "rmsprop"
    lecture = nearest(script.experiment("optimizer=rmsprop-lecture", "optimizer.lr=0.3"), "optimizer")
    assert lecture is not None
    assert lecture.short == "rmsprop-lecture"
