"""Looking inside under the pilot: real short runs that answer, a paused one that is stepped, one that is gone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ladera.engine.events import RunEnded, RunStarted
from ladera.engine.history import History
from ladera.presets.catalog import load
from ladera.tui.inquiry import Seen
from ladera.tui.inside import LOOKS
from ladera.tui.screens.inside import InsideScreen, when
from ladera.tui.training_thread import without_directory
from ladera.tui.widgets.picture import Picture


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


SMALL = ("training.epochs=2", "data.examples=40", "model.hidden=[8]")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (20, 6)])
async def test_every_look_of_a_real_run_is_shown_in_turn(open_lab: Any, size: tuple[int, int]) -> None:
    async with open_lab(
        trainer=without_directory, size=size, experiment=load("moons", SMALL), base="moons"
    ) as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.ended is not None)
        await lab.press("i")
        screen = lab.app.screen
        assert isinstance(screen, InsideScreen)
        seen: list[str] = []
        for _ in range(len(LOOKS)):
            assert screen.look is not None
            if screen.look.probe in seen:
                break
            seen.append(screen.look.probe)
            await lab.until(lambda: screen.inquiry.seen is not None)
            shown = lab.app.screen.query_one(Picture).plain
            assert "cannot be drawn" not in shown
            assert shown.strip()
            await lab.press("right")
        assert seen == [
            "layers",
            "activations",
            "weights",
            "rates",
            "confusion",
            "calibration",
            "worst",
            "boundary",
            "surprise",
        ]
        if size[0] >= 80:
            await lab.sees("The final weights")
        await lab.press("escape")
        assert lab.app.screen is lab.app.lab


async def test_a_paused_run_is_stepped_and_the_picture_follows(open_lab: Any) -> None:
    experiment = load(
        "moons", ["training.epochs=1000000", "data.examples=40", "model.hidden=[8]", "stopping.enabled=false"]
    )
    async with open_lab(trainer=without_directory, experiment=experiment, base="moons") as lab:
        await lab.press("o", "r")  # in slow motion, so that no flood of events is folded
        await lab.until(lambda: lab.run.history.epoch > 1)
        await lab.press("p")
        await lab.until(lambda: lab.run.history.paused)
        await lab.press("i", "3")
        screen = lab.app.screen
        await lab.until(lambda: screen.inquiry.seen is not None)
        assert screen.look.probe == "weights"
        before = screen.inquiry.seen.step
        await lab.sees("as it is now")
        await lab.press("space")
        await lab.until(lambda: screen.inquiry.seen is not None and screen.inquiry.seen.step == before + 1)
        await lab.press("escape")


async def test_while_training_nobody_asks_more_often_than_answering_may_cost(open_lab: Any) -> None:
    experiment = load(
        "moons", ["training.epochs=1000000", "data.examples=40", "model.hidden=[8]", "stopping.enabled=false"]
    )
    async with open_lab(trainer=without_directory, experiment=experiment, base="moons") as lab:
        await lab.press("o", "r")  # in slow motion, so that no flood of events is folded
        await lab.until(lambda: lab.run.history.epoch > 1)
        asked: list[str] = []
        probe = lab.run.controls.probe
        lab.run.controls.probe = lambda name, **options: (asked.append(name), probe(name, **options))
        await lab.press("i")
        screen = lab.app.screen
        await lab.until(lambda: screen.inquiry.seen is not None)
        await lab.pilot.pause(0.5)
        assert asked == ["layers"], "the next question is due after a second at least"
        await lab.press("escape")
        await lab.pilot.pause(1.2)
        assert asked == ["layers"], "nobody looks, nobody asks"


async def test_a_run_that_answers_no_more_says_so(open_lab: Any, script: Any) -> None:
    events = script.events(reason="finished", restored=5)
    async with open_lab(events) as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.ended is not None and not lab.run.working)
        await lab.press("i")
        await lab.sees("no longer in memory")
        await lab.press(
            "right", "left", "9", "comma", "space", "p", "m", "w", "left_square_bracket", "down", "end"
        )
        assert isinstance(lab.app.screen, InsideScreen)


async def test_a_page_longer_than_the_window_is_moved_through(open_lab: Any) -> None:
    experiment = load("moons", [*SMALL, "data.examples=200"])
    async with open_lab(trainer=without_directory, size=(80, 24), experiment=experiment, base="moons") as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.ended is not None)
        await lab.press("i", "7")
        screen = lab.app.screen
        await lab.until(lambda: screen.inquiry.seen is not None)
        picture = screen.query_one(Picture)
        height, (first, last, count) = picture.size.height, picture.part
        assert (first, last, count) == (1, height, 43)  # two lines, a header and 40 examples
        top = picture.plain.split("\n")[0]
        await lab.sees(f"lines 1-{height}/43")
        await lab.press("down", "down", "pagedown")
        assert picture.part == (height + 2, 2 * height + 1, 43)
        await lab.press("end")
        assert picture.part == (43 - height + 1, 43, 43)
        await lab.press("pageup", "home", "up")
        assert picture.plain.split("\n")[0] == top
        await lab.press("end", "left", "right")
        assert picture.part is None or picture.part[0] == 1, "another look begins at its top"


async def test_the_keys_of_a_look_are_told(open_lab: Any) -> None:
    async with open_lab(trainer=without_directory, experiment=load("moons", SMALL), base="moons") as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.ended is not None)
        await lab.press("i", "question_mark")
        await lab.sees("other hidden units over the plane")
        shown = lab.text
        told = {
            "comma": ", .",
            "left_square_bracket": "[ ]",
            "m": "m ",
            "w": "w ",
            "up": "↑ ↓",
            "space": "space",
        }
        bound = {key for binding in InsideScreen.BINDINGS for key in binding.key.split(",")}
        for key, words in told.items():
            assert key in bound
            assert words in shown
        await lab.press("escape", "escape")
        assert lab.app.screen is lab.app.lab


async def test_every_tab_has_its_name_in_a_small_window(open_lab: Any) -> None:
    async with open_lab(
        trainer=without_directory,
        size=(60, 20),
        experiment=load("tones", ["training.epochs=1", "data.examples=30"]),
        base="tones",
    ) as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.ended is not None)
        await lab.press("i")
        for name in ("1 Layers", "2 Acts", "5 Confus", "8 Augm", "9 Spectr"):
            await lab.sees(name)


async def test_without_a_run_there_is_nothing_to_look_into(open_lab: Any) -> None:
    async with open_lab() as lab:
        await lab.press("i")
        assert lab.app.screen is lab.app.lab
        assert any("press r" in note for note in lab.notes)


def test_an_answer_says_of_which_weights_it_is(script: Any) -> None:
    history = History.of(script.events())  # eight epochs of ten steps
    answer = Seen({}, 75)
    assert when(answer, history) == "Step 75 (epoch 7.5), 5 steps ago."
    assert when(Seen({}, 80), history) == "Step 80 (epoch 8.0), as it is now."
    history.apply(RunEnded(reason="finished", epoch=8, step=80, restored_epoch=5))
    assert when(Seen({}, 80), history) == "The final weights: those of epoch 5."
    assert isinstance(history.started, RunStarted)
    assert when(None, history) == ""
    kept = Seen({}, 50, words="weights of epoch 5, the best, from best.safetensors")
    assert when(kept, history) == "Weights of epoch 5, the best, from best.safetensors."
    assert when(Seen({"error": "no data"}, 0), history) == ""
