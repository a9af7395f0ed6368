"""A run that an exception cuts off keeps what it has, and goes on from its last complete step; other devices' random numbers."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ladera.engine import Experiment, run
from ladera.engine.batches import Batches
from ladera.engine.controls import Controls
from ladera.engine.errors import InputError
from ladera.engine.events import (
    CheckpointSaved,
    Diagnosed,
    EpochEnded,
    Event,
    Resumed,
    RunEnded,
    StorageFailed,
)
from ladera.engine.store import checkpoints
from ladera.engine.store import recorder as recorder_module
from ladera.engine.store.load import load_history
from ladera.engine.store.recorder import Recorder
from ladera.engine.store.resume import resume
from ladera.engine.training import Training

# Six steps an epoch; without dropout, so that a step that is made again is the same step.
PLAIN: dict[str, Any] = {
    "data": {"name": "iris"},
    "model": {"kind": "mlp", "hidden": [8]},
    "optimizer": {"kind": "adam", "lr": 0.02},
    "training": {"epochs": 5, "batch_size": 16, "device": "cpu", "threads": 1, "checkpoint_every": 0},
    "stopping": {"enabled": False},
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def recorded(
    root: Path, script: Callable[[Event, Controls], None] = lambda *_: None, **sections: Any
) -> tuple[Recorder, list[Event]]:
    controls, events = Controls(), list[Event]()
    recorder = Recorder(root, "run", controls)
    for event in recorder.record(
        run(Experiment.model_validate({**PLAIN, **sections}), controls, keeper=recorder)
    ):
        events.append(event)
        script(event, controls)
    return recorder, events


def weights(directory: Path | None) -> tuple[bytes, bytes]:
    assert directory is not None
    return (directory / "final.safetensors").read_bytes(), (directory / "best.safetensors").read_bytes()


def fail_at(patch: pytest.MonkeyPatch, step: int, error: Exception, place: str) -> None:
    """Let a method of Training or of its batches raise once, when `step` steps have been made."""
    owner = Batches if place == "batch" else Training
    original, raised, asked = getattr(owner, place), list[int](), count()

    def method(self: Any, *arguments: Any) -> Any:
        # Before each step one batch is asked for.
        made = next(asked) if owner is Batches else self.step
        if made == step and not raised:
            raised.append(step)
            raise error
        return original(self, *arguments)

    patch.setattr(owner, place, method)


@pytest.mark.parametrize("error", [RuntimeError("a kernel broke"), MemoryError(), torch.OutOfMemoryError()])
@pytest.mark.parametrize("place", ["batch", "objective", "measured"])
def test_a_failed_run_goes_on_from_its_last_complete_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: Exception
) -> None:
    whole, _ = recorded(tmp_path / "whole")
    step = 18 if place == "measured" else 15
    with monkeypatch.context() as patch:
        fail_at(patch, step, error, place)
        recorder, events = recorded(tmp_path / "failed")
    end = events[-1]
    assert isinstance(end, RunEnded)
    assert (end.reason, end.step, recorder.exit_code) == ("failed", step, 3)
    assert ("out of memory with batches of 16" in end.detail) == (not str(error))
    assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [step]
    assert recorder.directory is not None
    kept = weights(recorder.directory)
    assert kept[0] != weights(whole.directory)[0]

    going_on = list(resume(recorder.directory))
    assert isinstance(going_on[0], Resumed)
    assert going_on[0].step == step
    assert weights(recorder.directory) == weights(whole.directory)
    history = load_history(recorder.directory)
    assert (history.state, len(history.train["loss"])) == ("finished", 5)


def test_half_an_update_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes in the middle of the optimizer's formula: the state is that of no step."""
    whole, _ = recorded(tmp_path / "whole")

    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 1:
            controls.checkpoint()

    def halfway(self: Training) -> float:
        if self.step == 15:
            self.network.parameters.mul_(2)
            raise MemoryError
        return rate(self)

    rate = Training.rate
    with monkeypatch.context() as patch:
        patch.setattr(Training, "rate", halfway)
        recorder, events = recorded(tmp_path / "failed", script)
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason == "failed"
    assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [7]
    assert recorder.directory is not None
    assert not (recorder.directory / "final.safetensors").exists()
    list(resume(recorder.directory))
    assert weights(recorder.directory) == weights(whole.directory)


def test_what_the_failed_step_held_is_free_before_anything_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[Tensor]] = []
    alive: list[bool] = []

    def objective(self: Training, output: Tensor, y: Tensor) -> Any:
        large = torch.zeros(1000)
        held.append(weakref.ref(large))
        try:
            raise MemoryError
        except MemoryError as error:
            # An exception that its own frame holds: only clearing the frames frees what they hold.
            kept = error
            raise RuntimeError("can't allocate memory") from kept

    class Keeper:
        def save(self, *_: Any) -> str:
            alive.append(held[0]() is not None)
            return "somewhere"

        def finish(self, *_: Any) -> None: ...

    monkeypatch.setattr(Training, "objective", objective)
    gc.disable()
    try:
        events = list(run(Experiment.model_validate(PLAIN), keeper=Keeper()))
    finally:
        gc.enable()
    assert isinstance(events[-1], RunEnded)
    assert "out of memory" in events[-1].detail
    assert alive == [False]


def test_a_failed_run_that_cannot_be_saved_says_so_and_keeps_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "LAST_ATTEMPTS", (0.0,))
    dumped: list[int] = []
    dumps = checkpoints.tensors.save

    def no_memory(*arguments: Any) -> bytes:
        dumped.append(1)
        if len(dumped) > 2:
            raise MemoryError
        return dumps(*arguments)

    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 1:
            controls.checkpoint()

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.tensors, "save", no_memory)
        fail_at(patch, 15, MemoryError(), "batch")
        recorder, events = recorded(tmp_path, script)
    told = [event.what for event in events if isinstance(event, StorageFailed)]
    assert told == ["checkpoint", "final weights"]
    assert all(
        "the state cannot be copied: out of memory" in e.error for e in events if isinstance(e, StorageFailed)
    )
    assert isinstance(events[-1], RunEnded)
    assert (events[-1].reason, recorder.exit_code) == ("failed", 3)
    assert recorder.directory is not None
    assert isinstance(next(iter(resume(recorder.directory))), Resumed)


def test_no_memory_for_a_checkpoint_is_no_end_of_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = iter([True])
    dumps = checkpoints.tensors.save

    def once(*arguments: Any) -> bytes:
        if next(saves, False):
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return dumps(*arguments)

    monkeypatch.setattr(checkpoints.tensors, "save", once)
    recorder, events = recorded(
        tmp_path, lambda event, c: c.checkpoint() if isinstance(event, EpochEnded) else None
    )
    assert [event.what for event in events if isinstance(event, StorageFailed)] == ["checkpoint"]
    assert isinstance(events[-1], RunEnded)
    assert (events[-1].reason, recorder.exit_code) == ("finished", 0)


# -- another kind of device ------------------------------------------------------------------------------------------


def from_a_gpu(root: Path, change: dict[str, Tensor], **sections: Any) -> Path:
    """A run saved after its first epoch, with generator states of the size that CUDA has: 16 bytes."""

    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 1:
            controls.stop("SIGTERM")

    recorder, _ = recorded(root, script, **sections)
    directory = recorder.directory
    assert directory is not None
    state = checkpoints.latest_valid(directory)
    assert state is not None
    for path in checkpoints.found(directory):
        checkpoints.shutil.rmtree(path)
    checkpoints.save(directory, {**state.tensors, **change}, state.plain, state.log_bytes)
    return directory


CUDA = {f"generator.{purpose}": torch.zeros(16, dtype=torch.uint8) for purpose in ("dropout", "augmentation")}


def test_a_checkpoint_of_another_kind_of_device_goes_on_with_random_numbers_seeded_anew(
    tmp_path: Path,
) -> None:
    used = {"kind": "mlp", "hidden": [8], "dropout": 0.3}
    ends = []
    for name in ("one", "other"):
        directory = from_a_gpu(tmp_path / name, CUDA, model=used)
        events = list(resume(directory))
        assert isinstance(events[0], Resumed)
        (note,) = [e for e in events if isinstance(e, Diagnosed) and e.finding == "other_random_numbers"]
        assert "those of dropout begin anew" in note.text
        assert load_history(directory).state == "finished"
        ends.append(weights(directory))
    assert ends[0] == ends[1], "the new streams follow from the seed"


def test_without_random_choices_another_device_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole, _ = recorded(tmp_path / "whole")
    directory = from_a_gpu(tmp_path / "gpu", CUDA)
    events = list(resume(directory))
    assert not [e for e in events if isinstance(e, Diagnosed) and e.finding == "other_random_numbers"]
    assert weights(directory) == weights(whole.directory)


@pytest.mark.parametrize("state", [torch.zeros(5056, dtype=torch.uint8), torch.zeros(16)])
def test_a_state_that_no_generator_takes_begins_anew(tmp_path: Path, state: Tensor) -> None:
    directory = from_a_gpu(
        tmp_path, {"generator.dropout": state}, model={"kind": "mlp", "hidden": [8], "dropout": 0.3}
    )
    list(resume(directory))
    assert load_history(directory).state == "finished"


@pytest.mark.parametrize("name", ["parameters", "buffers", "best.parameters", "optimizer.moment1"])
def test_tensors_of_another_shape_are_refused_by_name(name: str) -> None:
    training = Training(Experiment.model_validate(PLAIN))
    training.keep_best()
    assert name in training.tensors()
    tensors = {**training.tensors(), name: torch.zeros(7)}
    with pytest.raises(InputError, match=f"7 numbers as {name}"):
        training.restore(tensors, training.plain())
    del tensors[name]
    if name != "best.parameters":
        with pytest.raises(InputError, match=f"no {name}"):
            training.restore(tensors, training.plain())
