"""The question that begins a branch: from which epoch and why, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ladera.engine.errors import StoreError
from ladera.tui.screens.prompt import PromptScreen
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
        await lab.press("b", "enter")
        await lab.sees("no epoch is left after epoch 8")
        await lab.press("escape")
        assert len(lab.app.sitting.runs) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied", "checkpoints"), "Permission denied: checkpoints"),
        (StoreError("no checkpoint of digits is from before epoch 8"), "from before epoch 8"),
    ],
)
async def test_a_checkpoint_that_cannot_be_read_is_told_of(
    open_lab: Any, script: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def branch(*_: Any) -> None:
        raise error

    monkeypatch.setattr("ladera.engine.store.checkpoints.branch", branch)
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.epoch == 8)
        lab.run.directory = Path("runs/digits-0001")
        await lab.press("b")
        await lab.until(lambda: any(words in note for note in lab.notes))
        assert lab.app._exception is None


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
