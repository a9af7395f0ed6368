"""A state that is nowhere kept is reached again, bit for bit, from a checkpoint, from the start or over the parent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from ladera.engine import Experiment, run
from ladera.engine.branching import Branch, Retrace, Ring
from ladera.engine.controls import Controls
from ladera.engine.errors import InputError, LaderaError, StoreError
from ladera.engine.events import EpochEnded, Event, RunStarted, StepsEnded
from ladera.engine.store import checkpoints
from ladera.engine.store.load import load_history
from ladera.engine.store.recorder import Recorder
from ladera.engine.store.resume import resume
from ladera.engine.store.retrace import reach

HARD: dict[str, Any] = {
    "data": {"name": "shapes", "examples": 60, "augmentation": {"flip": 0.5, "shift": 1, "noise": 0.1}},
    "model": {"kind": "mlp", "hidden": [8], "dropout": 0.3, "batch_norm": True},
    "optimizer": {"kind": "adam", "lr": 0.2},
    "regularization": {"l1": 1e-4},
    "training": {
        "epochs": 12, "batch_size": 9, "device": "cpu", "threads": 1, "checkpoint_every": 0,
        "schedule": {"kind": "plateau", "patience": 1},
    },
    "stopping": {"patience": 4},
}  # fmt: skip
#: What is set while it trains: at the first report of these epochs.
SET = {
    2: ("optimizer.lr", 0.05),
    3: ("model.dropout", 0.1),
    5: ("stopping.patience", 50),
    8: ("optimizer.lr", 0.01),
}


@pytest.fixture(autouse=True)
def reports_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladera.engine.training.Training.report_every", lambda self: 1)


def recorded(root: Path, experiment: Experiment, ring: Ring, start: Branch | None = None) -> Path:
    """Train into a run directory, with values set on the way."""
    controls = Controls()
    recorder = Recorder(root, "digits", controls)
    told: set[int] = set()
    for event in recorder.record(run(experiment, controls, keeper=recorder, checkpoint=start, ring=ring)):
        if isinstance(event, StepsEnded) and event.epoch in SET and event.epoch not in told:
            told.add(event.epoch)
            controls.set(*SET[event.epoch])
    assert recorder.directory is not None
    return recorder.directory


def equal(reached: Branch, kept: Branch | None) -> bool:
    """Whether two states go on alike; what was best belongs to the parent."""
    assert kept is not None

    def tensors(state: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in state.items() if not name.startswith("best.")}

    mine, theirs = tensors(reached.tensors), tensors(kept.tensors)
    own, others = reached.plain["training"], kept.plain["training"]
    return (
        mine.keys() == theirs.keys()
        and all(torch.equal(value, theirs[name]) for name, value in mine.items())
        and {**own, "stopping": 0} == {**others, "stopping": 0}
        and all(reached.plain[key] == kept.plain[key] for key in ("epoch", "index", "first_loss", "data_digest"))
    )  # fmt: skip


def reached(directory: Path, epoch: int, said: list[str] | None = None) -> Branch:
    return reach(Retrace(directory, epoch), Controls(), (said if said is not None else []).append)


def test_every_state_is_reached_again_with_what_was_set_on_the_way(tmp_path: Path) -> None:
    ring = Ring()
    directory = recorded(tmp_path, Experiment.model_validate(HARD), ring)
    assert len(load_history(directory).turns()) == len(SET)
    for epoch in range(13):
        said: list[str] = []
        state = reached(directory, epoch, said)
        assert equal(state, ring.branch(directory.name, epoch)), epoch
        assert state.parent == {"run": directory.name, "epoch": epoch}
        again = epoch < 12  # the end is kept as a checkpoint
        assert bool(said) == again
        if 0 < epoch < 12:
            assert said[-1] == f"trains {directory.name} again:\nepoch {epoch} of {epoch}"
            assert "the training loss there is the same" in state.notes[0]


def test_it_goes_on_from_the_newest_checkpoint_before(tmp_path: Path) -> None:
    ring = Ring()
    directory = recorded(tmp_path, Experiment.model_validate(HARD), ring)
    kept = ring.branch(directory.name, 6)
    assert kept is not None
    checkpoints.save(directory, kept.tensors, kept.plain, 0)
    for epoch in (6, 9):
        assert equal(reached(directory, epoch), ring.branch(directory.name, epoch))
    assert "trained again from epoch 6 to epoch 9" in reached(directory, 9).notes[0]
    assert reached(directory, 6).notes == ()


def test_the_state_of_a_branch_is_reached_over_its_parent(tmp_path: Path) -> None:
    first, second = Ring(), Ring()
    parent = recorded(tmp_path, Experiment.model_validate(HARD), first)
    other = Experiment.model_validate({**HARD, "optimizer": {"kind": "adam", "lr": 0.003}})
    branch = recorded(tmp_path, other, second, first.branch(parent.name, 4))
    assert equal(reached(branch, 9), second.branch(branch.name, 9))
    parent.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match=f"{parent.name}, from which it branched off, is gone"):
        reached(branch, 9)


def test_what_was_changed_when_it_went_on_is_changed_again(tmp_path: Path) -> None:
    directory = recorded(tmp_path, Experiment.model_validate(HARD), Ring())
    list(resume(directory, changes={"optimizer.lr": 0.3, "training.epochs": 20}))
    for saved in checkpoints.found(directory)[1:]:  # the one that it went on from
        saved.rename(tmp_path / saved.name)
    history = load_history(directory)
    state = reached(directory, 15)
    assert "the training loss there is the same" in state.notes[0]
    list(resume(directory, changes={"training.schedule.patience": 3, "training.epochs": 22}))
    for saved in checkpoints.found(directory)[1:]:
        saved.rename(tmp_path / f"{saved.name}-later")
    assert history.epochs_done == 20
    with pytest.raises(InputError, match="branch from an epoch up to 20"):
        reached(directory, 21)


def test_a_branch_goes_the_way_of_the_run_and_tells_of_the_way_back(tmp_path: Path) -> None:
    experiment = Experiment.model_validate({**HARD, "stopping": {"enabled": False}})
    recorder = Recorder(tmp_path, "digits", Controls())
    events = list(recorder.record(run(experiment, keeper=recorder)))
    assert recorder.directory is not None
    branched: list[Event] = list(run(experiment, checkpoint=reached(recorder.directory, 7)))
    started = next(event for event in branched if isinstance(event, RunStarted))
    assert "trained again from its start to epoch 7" in started.notes[-1]

    def losses(told: list[Event]) -> list[Any]:
        return [event.train for event in told if isinstance(event, EpochEnded) and event.epoch > 7]

    assert losses(branched) == losses(events)


def test_it_can_be_left(tmp_path: Path) -> None:
    directory = recorded(tmp_path, Experiment.model_validate(HARD), Ring())
    controls = Controls()
    controls.stop()
    with pytest.raises(StoreError, match="stopped while"):
        reach(Retrace(directory, 9), controls, lambda words: None)


def test_without_a_first_record_there_is_no_way(tmp_path: Path) -> None:
    (tmp_path / "digits-0001").mkdir()
    with pytest.raises(LaderaError, match="no first record"):
        reached(tmp_path / "digits-0001", 1)
