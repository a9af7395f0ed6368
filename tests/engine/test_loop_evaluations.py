"""An evaluation is left, or paused, between two of its portions; what was interrupted goes on and ends as if it had not been."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ladera.engine import Experiment, run
from ladera.engine import training as training_module
from ladera.engine.controls import Controls
from ladera.engine.events import CheckpointSaved, CommandTaken, Event, PausedAt, Probed, RunEnded
from ladera.engine.store.load import load_history
from ladera.engine.store.recorder import Recorder
from ladera.engine.store.resume import resume
from ladera.engine.store.status import read_status
from ladera.engine.training import Training

# 90, 30 and 30 examples, and 4 x 8 + 8 x 3 = 56 multiplications for each: ten at a time with the limit below.
PARTS = {"train": 9, "validation": 3, "test": 3}
PLAIN: dict[str, Any] = {
    "data": {"name": "iris"},
    "model": {"kind": "mlp", "hidden": [8], "dropout": 0.2},
    "optimizer": {"kind": "adam", "lr": 0.02},
    "training": {"epochs": 6, "batch_size": 16, "device": "cpu", "threads": 1, "checkpoint_every": 0},
    "stopping": {"patience": 2, "min_delta": 0.05},
}


class Evaluations:
    """Every portion that is evaluated, as (part, number of the evaluation of this part, portion); calls `meanwhile` before each."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []
        self.meanwhile: Callable[[tuple[str, int, int]], None] = lambda _: None
        self.counts = dict.fromkeys(PARTS, 0)
        original, evaluations = Training.portions, self

        def portions(training: Training, x: torch.Tensor) -> Iterator[torch.Tensor]:
            part = next(name for name in PARTS if getattr(training.data, name).x is x)
            evaluations.counts[part] += 1
            for number, portion in enumerate(original(training, x), 1):
                place = part, evaluations.counts[part], number
                evaluations.seen.append(place)
                evaluations.meanwhile(place)
                yield portion

        self.portions = portions


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> Evaluations:
    torch.set_num_threads(1)
    found = Evaluations()
    monkeypatch.setattr(training_module, "_PORTION", 560)
    monkeypatch.setattr(Training, "report_every", lambda _: 2)
    monkeypatch.setattr(Training, "portions", found.portions)
    return found


def recorded(root: Path, controls: Controls | None = None, **sections: Any) -> tuple[Path, list[Event]]:
    recorder = Recorder(root, "run", controls or Controls())
    experiment = Experiment.model_validate({**PLAIN, **sections})
    events = list(recorder.record(run(experiment, controls, keeper=recorder)))
    assert recorder.directory is not None
    return recorder.directory, events


def left_behind(directory: Path) -> dict[str, Any]:
    """The weights, and what the log tells apart from clocks."""
    history = load_history(directory)
    curves = {
        "steps": history.steps,
        **{f"train {name}": curve for name, curve in history.train.items()},
        **{f"validation {name}": curve for name, curve in history.validation.items()},
    }
    boxes = {name: curve.envelope(columns=10**6) for name, curve in curves.items()}
    assert history.ended is not None
    timed = [*history.checks, *history.layers, *history.diagnoses, replace(history.ended, seconds=0.0)]
    return {
        **{name: (directory / f"{name}.safetensors").read_bytes() for name in ("final", "best")},
        **{name: [part.tolist() for part in (box.x, box.mean, box.low, box.high)] for name, box in boxes.items()},
        "events": [repr(replace(event, time=0.0)) for event in timed],
    }  # fmt: skip


def same(directory: Path, whole: Path) -> bool:
    return left_behind(directory) == left_behind(whole)


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("place", [("train", 3, 1), ("train", 3, 9), ("validation", 1, 2), ("test", 1, 1), ("test", 1, 3)])  # fmt: skip
@pytest.mark.parametrize("early", [False, True])
def test_a_signal_ends_an_evaluation_at_once_and_going_on_makes_it_again(
    evaluations: Evaluations, tmp_path: Path, place: tuple[str, int, int], signal: str, early: bool
) -> None:
    stopping = {**PLAIN["stopping"], "min_delta": 10.0 if early else 0.0}
    whole, events = recorded(tmp_path / "whole", stopping=stopping)
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason == ("stopped_early" if early else "finished")

    controls = Controls()
    evaluations.counts = dict.fromkeys(PARTS, 0)
    evaluations.meanwhile = lambda now: controls.stop(signal) if now == place else None
    directory, events = recorded(tmp_path / "cut", controls, stopping=stopping)
    assert evaluations.seen[-1] == place, "no further portion, of this evaluation or another"
    end = events[-1]
    assert isinstance(end, RunEnded)
    assert (end.reason, end.interrupted_by, end.test) == ("stopped", signal, None)
    assert read_status(directory).exit_code == {"SIGINT": 130, "SIGTERM": 143}[signal]

    evaluations.meanwhile = lambda _: None
    list(resume(directory))
    assert same(directory, whole)


def test_the_test_part_of_a_run_that_diverged_is_evaluated_when_it_goes_on(
    evaluations: Evaluations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Training.update
    monkeypatch.setattr(
        Training, "update", lambda self, *at: float("nan") if self.step == 14 else update(self, *at)
    )
    whole, events = recorded(tmp_path / "whole")
    assert isinstance(events[-1], RunEnded)
    assert (events[-1].reason, events[-1].test is None) == ("diverged", False)
    controls = Controls()
    evaluations.counts = dict.fromkeys(PARTS, 0)
    evaluations.meanwhile = lambda now: controls.stop("SIGTERM") if now == ("test", 1, 2) else None
    directory, events = recorded(tmp_path / "cut", controls)
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason == "stopped"
    evaluations.meanwhile = lambda _: None
    list(resume(directory))
    assert same(directory, whole)


def test_a_pause_holds_an_evaluation_and_what_is_saved_in_it_goes_on(
    evaluations: Evaluations, tmp_path: Path
) -> None:
    whole, _ = recorded(tmp_path / "whole")
    undisturbed, evaluations.seen = evaluations.seen, []
    controls = Controls()
    evaluations.counts = dict.fromkeys(PARTS, 0)
    evaluations.meanwhile = lambda now: controls.pause() if now == ("validation", 2, 1) else None
    recorder, held = Recorder(tmp_path / "held", "run", controls), []
    for event in recorder.record(run(Experiment.model_validate(PLAIN), controls, keeper=recorder)):
        held.append(event)
        if isinstance(event, PausedAt):
            assert evaluations.seen[-1] == ("validation", 2, 1)
            controls.checkpoint()
            controls.probe("layers")
            controls.resume()
    assert evaluations.seen == undisturbed, "nothing was evaluated twice"
    (answer,) = [event for event in held if isinstance(event, Probed)]
    assert "error" not in answer.answer
    assert recorder.directory is not None
    assert same(recorder.directory, whole)
    # Six steps an epoch: the state is that after the last step of the second, whose end is still to come.
    (saved, _) = [event for event in held if isinstance(event, CheckpointSaved)]
    assert (saved.epoch, saved.step) == (1, 12)
    assert [e.command for e in held if isinstance(e, CommandTaken)] == ["pause", "checkpoint", "resume"]


def test_stopping_on_request_tests_unless_it_is_asked_for_again(evaluations: Evaluations) -> None:
    controls = Controls()
    evaluations.meanwhile = lambda now: controls.stop() if now == ("validation", 1, 1) else None
    (end,) = [e for e in run(Experiment.model_validate(PLAIN), controls) if isinstance(e, RunEnded)]
    assert (end.reason, end.test is None) == ("stopped", False)
    controls = Controls()
    evaluations.counts = dict.fromkeys(PARTS, 0)
    evaluations.meanwhile = lambda now: (
        controls.stop() if now in (("validation", 1, 1), ("test", 1, 2)) else None
    )
    (end,) = [e for e in run(Experiment.model_validate(PLAIN), controls) if isinstance(e, RunEnded)]
    assert (end.reason, end.test) == ("stopped", None)
    assert "before the test part was evaluated" in end.detail


def test_commands_that_come_with_the_test_evaluation_change_nothing(evaluations: Evaluations) -> None:
    controls = Controls()

    def meanwhile(now: tuple[str, int, int]) -> None:
        if now == ("test", 1, 1):
            controls.pause()
            controls.set("optimizer.lr", 1.0)
            controls.checkpoint()
            controls.send("no such command")
            controls.probe("layers")

    evaluations.meanwhile = meanwhile
    events = list(run(Experiment.model_validate(PLAIN), controls))
    assert [type(event).__name__ for event in events[-2:]] == ["Probed", "RunEnded"]
    assert isinstance(events[-1], RunEnded)
    assert events[-1].test is not None


@pytest.mark.parametrize(
    ("model", "examples", "longest"),
    [
        # 4096 x 4096 + ... = 33.6 million multiplications for each example of 4096 numbers
        ({"kind": "mlp", "hidden": [4096, 4096]}, 500, 32),
        ({"kind": "mlp", "hidden": [8]}, 500, 500),
    ],
)
def test_a_portion_makes_a_bounded_number_of_multiplications(
    model: dict[str, Any], examples: int, longest: int
) -> None:
    training = Training(
        Experiment.model_validate({"data": {"name": "iris"}, "model": model, "training": {"device": "cpu"}})
    )
    training.network.forward = lambda x, training=False: x  # type: ignore[method-assign]
    sizes = [len(portion) for portion in training.portions(torch.zeros(examples, 4))]
    assert sum(sizes) == examples
    operations = sum(layer.operations for layer in training.network.layers)
    assert max(sizes) * operations <= 1 << 30
    assert max(sizes) >= longest


def test_no_examples_are_one_portion() -> None:
    training = Training(Experiment.model_validate({"data": {"name": "iris"}, "training": {"device": "cpu"}}))
    assert training.outputs(torch.zeros(0, 4)).shape == (0, 3)
