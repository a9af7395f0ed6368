"""The question that begins a branch: from which epoch and why, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from ladera.engine.branching import Branch, Retrace
from ladera.engine.event_lines import to_line
from ladera.engine.events import CheckpointSaved, CommandTaken, RunEnded
from ladera.engine.store.directory import write_experiment
from ladera.tui.screens.prompt import PromptScreen
from ladera.tui.training_thread import starting_state
from ladera.tui.watching import watch
from ladera.tui.widgets.line import Line


async def asked(lab: Any) -> str:
    """Press b and return what the question says."""
    await lab.press("b")
    assert isinstance(lab.app.screen, PromptScreen)
    text = lab.app.screen.query_one("#prompt-help", Line).text
    await lab.press("escape")
    return text


async def test_it_says_which_state_and_why(open_lab: Any, script: Any) -> None:
    experiment = script.experiment()
    async with open_lab(script.events(experiment=experiment), experiment=experiment) as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.epoch == 8)  # the scripted run has eight epochs
        for epoch in (2, 4, 6, 8):
            lab.run.ring.keep(epoch, {}, {"experiment": experiment.plain()})
        assert "from epoch 8 of digits (the run is at epoch 8;" in await asked(lab)
        await lab.press(*["comma"] * 4)  # the first sets it on the newest epoch
        assert lab.app.view.cursor == 5.0
        assert (
            "from epoch 4 of digits (the last kept state before epoch 5, where the cursor is;"
            in await asked(lab)
        )
        await lab.press("comma")
        assert "from epoch 4 of digits (the cursor is at epoch 4;" in await asked(lab)


async def test_without_an_epoch_left_it_is_refused(open_lab: Any, script: Any) -> None:
    experiment = script.experiment("training.epochs=8")
    async with open_lab(script.events(experiment=experiment), experiment=experiment) as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.epoch == 8)
        lab.run.ring.keep(8, {}, {"experiment": experiment.plain()})
        await lab.press("b", *"optimizer.lr=0.1", "enter")
        await lab.sees("no epoch is left after epoch 8")
        await lab.press("escape")
        assert len(lab.app.sitting.runs) == 1


async def test_what_acts_from_the_first_step_on_is_said_before_and_other_data_are_refused(
    open_lab: Any, script: Any
) -> None:
    experiment = script.experiment()
    async with open_lab(script.events(experiment=experiment), experiment=experiment) as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.epoch == 8)
        lab.run.ring.keep(4, {}, {"experiment": experiment.plain()})
        await lab.press("b", *"data=moons", "enter")
        judgement = lab.app.screen.query_one("#prompt-judgement", Line)
        assert "with other data nothing is left of digits" in judgement.text
        assert judgement.has_class("trouble")
        lab.app.screen.query_one(Input).value = "optimizer=momentum"
        await lab.until(
            lambda: (
                judgement.text == "optimizer.kind acts from the first step on: the new run starts at epoch 0"
            )
        )
        assert not judgement.has_class("trouble")
        lab.app.screen.query_one(Input).value = "0.5"  # the learning rate
        await lab.until(lambda: not judgement.text)
        await lab.press("enter")
        await lab.until(lambda: len(lab.app.sitting.runs) == 2)
        assert lab.app.experiment.optimizer.lr == 0.5
        assert lab.app.sitting.runs[1].branch is not None


async def test_a_state_whose_experiment_is_of_another_version_is_told_of(open_lab: Any, script: Any) -> None:
    plain = script.experiment().plain()
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.epoch == 8)
        lab.run.ring.keep(8, {}, {"experiment": {**plain, "optimizer": {"kind": "of a version to come"}}})
        await lab.press("b")
        await lab.until(
            lambda: any("no branch from epoch 8 of digits: optimizer" in note for note in lab.notes)
        )
        assert lab.app._exception is None and not isinstance(lab.app.screen, PromptScreen)


async def test_after_the_last_epoch_what_is_suggested_makes_more_of_them(open_lab: Any, script: Any) -> None:
    experiment = script.experiment("training.epochs=8")
    events = script.events(experiment=experiment, reason="finished")
    async with open_lab(events, experiment=experiment) as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.ended)
        lab.run.ring.keep(8, {}, {"experiment": experiment.plain()})
        await lab.press("b")
        assert lab.app.screen.query_one(Input).value == "optimizer.lr=0.0001 training.epochs=16"
        await lab.press("enter")
        await lab.until(lambda: len(lab.app.sitting.runs) == 2)
        assert lab.run.experiment.training.epochs == 16


@pytest.fixture
def kept(script: Any, tmp_path: Path) -> Path:
    """A run of an earlier sitting, in which a value was changed, with a checkpoint of its end."""
    directory = tmp_path / "runs" / "digits-0003"
    (directory / "checkpoints" / "step-000000080").mkdir(parents=True)
    experiment = script.experiment()
    write_experiment(directory, experiment.plain())
    events = script.events(experiment=experiment)
    change = {"key": "optimizer.lr", "value": 0.5}
    events.insert(9, CommandTaken(time=8.5, command="set", value=change, epoch=4, step=45))
    saved = CheckpointSaved(time=16.0, epoch=8, step=80, path="checkpoints/step-000000080", seconds=0.1)
    events += [saved, RunEnded(time=16.0, reason="finished", epoch=8, step=80)]
    (directory / "events.jsonl").write_text("".join(to_line(event) + "\n" for event in events))
    return directory


async def test_a_run_of_an_earlier_sitting_branches_from_any_epoch_at_once(open_lab: Any, kept: Path) -> None:
    async with open_lab(watched=watch(kept)) as lab:
        text = await asked(lab)  # what follows the key is text, not keys
        assert "from epoch 8 of digits-0003 (the run is at epoch 8;" in text
        assert "No state" not in text
        await lab.press("less_than_sign", *["comma"] * 2)
        at = int(lab.app.view.cursor)
        assert 0 < at < 8
        await lab.press("b", *"optimizer.momentum=0")
        text = lab.app.screen.query_one("#prompt-judgement", Line).text
        assert "momentum" in text and lab.app.screen.query_one(Input).value == "optimizer.momentum=0"
        await lab.press("escape")
        text = await asked(lab)
        assert f"from epoch {at} of digits-0003 (the cursor is at epoch {at};" in text
        assert (
            f"trained again from its start to epoch {at} with its old values, about 00:{2 * at:02d}" in text
        )
        await lab.press("b", "enter")
        await lab.until(lambda: len(lab.app.sitting.runs) == 2)
        assert lab.run.branch == Retrace(kept, at)
        before = 0.001 if at <= 4 else 0.5
        assert lab.run.experiment.optimizer.lr == before / 10


def test_a_run_starts_from_a_state_that_is_reached_first(script: Any, monkeypatch: Any) -> None:
    reached = Branch({}, {}, {"run": "digits-0003", "epoch": 5})
    told: list[str] = []

    def reach(wanted: Retrace, controls: Any, say: Any) -> Branch:
        say("trains digits-0003 again:\nepoch 2 of 5")
        told.append(run.preparing)
        assert run.poll() and not run.poll()
        return reached

    monkeypatch.setattr("ladera.engine.store.retrace.reach", reach)
    run = script.run(branch=Retrace(Path("digits-0003"), 5))
    assert starting_state(run) is reached
    assert [*told, run.preparing] == ["trains digits-0003 again:\nepoch 2 of 5", "reading the data…"]
