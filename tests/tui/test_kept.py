"""Networks that are on the disk only: asked in a process of their own, shown like those in memory, never a blocked screen."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ladera.engine.controls import Controls
from ladera.engine.events import EpochEnded, Event, Probed, RunEnded
from ladera.engine.loop import run as train
from ladera.engine.store.recorder import Recorder
from ladera.presets.catalog import load
from ladera.tui.inquiry import Inquiry
from ladera.tui.kept import Kept, KeptAnswer, Question
from ladera.tui.screens.inside import InsideScreen
from ladera.tui.watching import watch
from ladera.tui.widgets.picture import Picture


def trained(root: Path, *settings: str, base: str = "moons", stop_at: int | None = None) -> Path:
    """A short run in its directory; with `stop_at`, it is abandoned after so many epochs, as if it had been killed."""
    torch.set_num_threads(1)
    small = ("training.epochs=5", "data.examples=60", "model.hidden=[12]", "training.threads=1")
    controls = Controls()
    recorder = Recorder(root, base, controls)

    def events() -> Iterator[Event]:
        for event in train(load(base, [*small, *settings]), controls, keeper=recorder):
            yield event
            if isinstance(event, EpochEnded) and event.epoch == stop_at:
                return

    told = list(recorder.record(events()))
    assert recorder.directory is not None
    assert stop_at is not None or isinstance(told[-1], RunEnded)
    return recorder.directory


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def kept() -> Iterator[Kept]:
    asking = Kept()
    yield asking
    asking.close()


def answer_of(kept: Kept, seconds: float = 60.0) -> KeptAnswer:
    end = time.monotonic() + seconds
    while (answer := kept.poll()) is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return answer


def test_a_process_of_its_own_answers_and_says_of_which_weights(kept: Kept, place: Path) -> None:
    kept.ask(Question(place, "confusion"))
    assert kept.poll() is None, "asking does not wait for the answer"
    answer = answer_of(kept)
    assert answer.probed is not None
    assert answer.probed.answer["part"] == "validation"
    assert answer.words.endswith("from final.safetensors")
    assert answer.which == "final"
    first = kept._process
    kept.ask(Question(place, "boundary", (("size", 5), ("units", 2))))
    answer = answer_of(kept)
    assert answer.probed is not None
    assert len(answer.probed.answer["units"]["maps"]) == 2
    assert kept._process is first, "one process for all questions"


def test_of_many_questions_the_newest_is_answered(kept: Kept, place: Path) -> None:
    for probe in ("layers", "weights", "activations", "rates"):
        kept.ask(Question(place, probe))
    assert answer_of(kept).question.probe == "layers", "it was under way"
    assert answer_of(kept).question.probe == "rates"
    time.sleep(0.1)
    assert kept.poll() is None
    assert not kept.busy


def test_what_is_wrong_is_told_and_nothing_is_stuck(kept: Kept, place: Path, tmp_path: Path) -> None:
    kept.ask(Question(tmp_path / "nothing", "layers"))
    assert "holds no run" in answer_of(kept).trouble
    empty = Path(shutil.copytree(place, tmp_path / "moons-0002"))
    for name in ("final.safetensors", "best.safetensors"):
        (empty / name).unlink()
    shutil.rmtree(empty / "checkpoints")
    kept.ask(Question(empty, "layers"))
    assert "no weights were kept" in answer_of(kept).trouble
    # The process is killed in the middle of a question; the next question starts another one.
    assert kept._process is not None
    os.kill(kept._process.pid, signal.SIGSTOP)
    kept.ask(Question(place, "layers"))
    os.kill(kept._process.pid, signal.SIGKILL)
    answer = answer_of(kept)
    assert answer.probed is None
    assert "ended with -9" in answer.trouble
    kept.ask(Question(place, "layers"))
    assert answer_of(kept).probed is not None


def test_closing_ends_the_process(kept: Kept, place: Path) -> None:
    kept.ask(Question(place, "layers"))
    process = kept._process
    assert process is not None
    kept.close()
    assert process.poll() is not None
    assert kept.poll() is None


# -- who is asked -----------------------------------------------------------------------------------------------------


class Asked(Kept):
    """Records questions; answers are given by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[Question] = []
        self.answers: list[KeptAnswer] = []

    def ask(self, question: Question) -> None:
        self.questions.append(question)

    def poll(self) -> KeptAnswer | None:
        return self.answers.pop(0) if self.answers else None


def test_a_run_that_trains_is_asked_itself_and_the_disk_once_it_is_gone(script: Any, tmp_path: Path) -> None:
    run = script.run(script.events())
    run.directory = tmp_path
    kept = Asked()
    inquiry = Inquiry(run, kept)
    inquiry.begin("weights")
    assert inquiry.place == "memory"
    assert inquiry.due()
    inquiry.ask("weights", {"bins": 4})
    assert [command.value for command in run.controls.take()] == [{"name": "weights", "bins": 4}]
    assert not inquiry.due(), "asked already"
    run.answers["weights"] = Probed(probe="weights", step=80, answer={"a": 1})
    assert inquiry.poll("weights")
    assert inquiry.seen is not None
    assert inquiry.seen.answer == {"a": 1}
    assert not inquiry.poll("weights"), "once"
    # It ends, and nobody is left who has it in memory: the same question goes to the disk.
    run.incoming.append(RunEnded(reason="finished", epoch=8, step=80))
    run.poll()
    assert inquiry.place == "disk"
    assert inquiry.due()
    inquiry.ask("weights", {"bins": 4})
    assert kept.questions == [Question(tmp_path, "weights", (("bins", 4),))]
    assert not inquiry.due(), "the disk does not change"
    probed = Probed(probe="rates", step=80, answer={"b": 2})
    kept.answers.append(KeptAnswer(Question(tmp_path, "rates"), probed, words="weights of epoch 5"))
    assert not inquiry.poll("weights"), "the answer to another question"
    kept.answers.append(KeptAnswer(kept.questions[0], probed, words="weights of epoch 5", which="best"))
    assert inquiry.poll("weights")
    assert (inquiry.seen.answer, inquiry.seen.words, inquiry.seen.which) == (
        {"b": 2},
        "weights of epoch 5",
        "best",
    )


def test_a_paused_run_is_asked_again_only_after_a_step(script: Any) -> None:
    run = script.states()["paused"]
    inquiry = Inquiry(run, Asked())
    inquiry.begin("weights")
    inquiry.ask("weights", {})
    run.answers["weights"] = Probed(probe="weights", step=80, answer={})
    assert inquiry.poll("weights")
    assert not inquiry.due()
    run.history.step += 1
    assert inquiry.due()


def test_a_run_without_a_directory_has_nobody_to_ask(script: Any) -> None:
    run = script.states()["finished"]
    inquiry = Inquiry(run, Asked())
    assert inquiry.place == "nowhere"
    assert not inquiry.due()


# -- on the screen ----------------------------------------------------------------------------------------------------


async def looked_into(lab: Any) -> InsideScreen:
    await lab.press("i")
    screen = lab.app.screen
    assert isinstance(screen, InsideScreen)
    return screen


async def answered(lab: Any, screen: InsideScreen, condition: Callable[[], bool] = lambda: True) -> str:
    await lab.until(lambda: screen.inquiry.seen is not None and condition(), 60)
    return screen.query_one(Picture).plain


async def test_a_finished_run_of_another_process_answers_every_look(open_lab: Any, place: Path) -> None:
    async with open_lab(size=(80, 24), watched=watch(place)) as lab:
        screen = await looked_into(lab)
        assert "hidden 1" in screen.query_one(Picture).plain, "the log alone has something to show"
        for look in screen._looks:
            shown = await answered(lab, screen)
            assert screen.inquiry.seen is not None
            assert "error" not in screen.inquiry.seen.answer, (look.probe, screen.inquiry.seen.answer)
            assert shown.strip()
            await lab.sees("from final.safetensors")
            await lab.press("right")
        process = lab.app.kept._process
        await lab.press("escape")
    assert process.poll() is not None, "it ends with the lab"


async def test_a_run_that_was_cut_off_is_looked_at_as_it_was_saved_last(
    open_lab: Any, tmp_path: Path
) -> None:
    place = trained(tmp_path, "training.epochs=50", "training.checkpoint_every=1e-9", stop_at=3)
    assert not (place / "final.safetensors").exists()
    async with open_lab(watched=watch(place)) as lab:
        screen = await looked_into(lab)
        await answered(lab, screen)
        await lab.sees("the best, from best.safetensors")
        best = screen.inquiry.seen
        if best is not None and best.others:
            await lab.press("w")
            await lab.sees("the latest saved, from checkpoints/step-")


async def test_w_looks_at_other_weights_of_the_directory(open_lab: Any, tmp_path: Path) -> None:
    # Too high a rate: validation is best early, so the best weights are not the last ones.
    place = trained(tmp_path, "training.epochs=12", "optimizer.lr=0.3", "stopping.patience=4")
    async with open_lab(watched=watch(place)) as lab:
        screen = await looked_into(lab)
        await lab.press("3")
        first = await answered(lab, screen)
        assert screen.inquiry.seen is not None
        assert screen.inquiry.seen.others == ("latest",)
        await lab.sees("w latest weights")
        seen = screen.inquiry.seen
        await lab.press("w")
        second = await answered(lab, screen, lambda: screen.inquiry.seen is not seen)
        assert first != second
        await lab.sees("the latest saved, from checkpoints/step-")
        await lab.press("w")
        await lab.sees("the best, from final.safetensors")


async def test_data_that_are_gone_are_named_and_the_log_still_shows_the_layers(
    open_lab: Any, tmp_path: Path
) -> None:
    table = tmp_path / "points.csv"
    table.write_text("\n".join(["one,two,kind", *(f"{x},{(7 * x) % 5},{'ab'[x % 2]}" for x in range(40))]))
    from ladera.engine.experiment import Experiment

    plain = load("moons", ["training.epochs=2", "model.hidden=[8]", "training.threads=1"]).plain()
    plain["data"] = {"path": str(table), "target": "kind", "task": "binary"}
    recorder = Recorder(tmp_path / "runs", "points")
    list(recorder.record(train(Experiment.model_validate(plain), keeper=recorder)))
    assert recorder.directory is not None
    table.unlink()
    async with open_lab(watched=watch(recorder.directory)) as lab:
        screen = await looked_into(lab)
        shown = await answered(lab, screen)
        assert "points.csv" in shown
        assert "hidden 1" in shown
        await lab.press("2")
        assert "points.csv" in await answered(lab, screen)
