"""An NVIDIA GPU: the numbers of the CPU, the same ones each time, resumed and out of memory. Skipped where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ladera.engine import Experiment, run
from ladera.engine import training as training_module
from ladera.engine.controls import Controls
from ladera.engine.cuda_graphs import Replayed
from ladera.engine.events import (
    CheckpointSaved,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    Resumed,
    RunEnded,
    RunStarted,
)
from ladera.engine.store.recorder import Recorder
from ladera.engine.store.resume import resume
from ladera.engine.training import Training
from ladera.tui.nvidia import read_gpus

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")

CLOCK = {"time": 0.0, "seconds": 0.0, "examples_per_second": 0.0, "device": "", "threads": 0}

MLP: dict[str, Any] = {
    "data": {"name": "digits"},
    "model": {"kind": "mlp", "hidden": [32, 16]},
    "training": {"epochs": 5, "batch_size": 64, "device": "cuda", "checkpoint_every": 0},
}
CNN = {**MLP, "model": {"kind": "cnn"}}
#: Everything that draws random numbers on the device.
CHANCE = {
    **CNN,
    "data": {"name": "digits", "augmentation": {"shift": 1, "noise": 0.1}},
    "model": {"kind": "cnn", "dropout": 0.3, "batch_norm": True},
}


def experiment(base: dict[str, Any], **sections: Any) -> Experiment:
    """A section of another kind replaces that of the base."""
    merged = dict(base)
    for name, section in sections.items():
        merged[name] = section if "kind" in section else {**base.get(name, {}), **section}
    return Experiment.model_validate(merged)


def timeless(events: list[Event]) -> list[str]:
    """What was told, without clocks, machines and what only an interruption tells."""
    kept = [event for event in events if not isinstance(event, CheckpointSaved | CommandTaken | Resumed)]
    return [
        repr(replace(event, **{k: v for k, v in CLOCK.items() if k in {f.name for f in fields(event)}}))
        for event in kept
    ]


OPTIMIZERS = [
    {"kind": kind, "formula": formula}
    for kind in ("sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw")
    for formula in ("pytorch", "lecture")
]
WAYS: dict[str, dict[str, Any]] = {
    **{f"{one['kind']}, {one['formula']}": {"optimizer": {**one, "lr": 0.01}} for one in OPTIMIZERS},
    "batch norm": {"model": {"batch_norm": True}},
    "penalties, clipped": {"regularization": {"l1": 1e-3, "l2": 1e-3}, "training": {"clip_norm": 0.5}},
    "subgradient": {"regularization": {"l1": 1e-3, "l1_method": "subgradient"}},
    "class weights": {"loss": {"class_weights": "balanced"}},
    "mse on classes": {"loss": {"kind": "mse", "allow_mismatch": True}, "model": {"output": "softmax"}},
    "cnn": {"model": {"kind": "cnn", "hidden": [8], "batch_norm": True}},
    "binary": {"data": {"name": "breast-cancer"}, "loss": {"kind": "bce"}},
    "regression": {"data": {"name": "diabetes"}, "loss": {"kind": "mse"}},
    # Not Adam: it divides the bias's gradient, which is rounding around 0 here, by its own size.
    "polynomials": {
        "data": {"name": "noisy-sine"},
        "loss": {"kind": "mse"},
        "model": {"kind": "polynomial"},
        "optimizer": {"kind": "sgd"},
    },
    "full batch": {"training": {"batch_size": "full"}},
}


@pytest.mark.parametrize("way", WAYS)
def test_in_float64_the_gpu_and_the_cpu_train_alike(way: str) -> None:
    told = dict[str, list[EpochEnded]]()
    for device in ("cpu", "cuda"):
        training = {"precision": "float64", "device": device}
        sections = {**WAYS[way], "training": {**WAYS[way].get("training", {}), **training}}
        events = list(run(experiment(MLP, **sections)))
        assert isinstance(events[-1], RunEnded)
        assert events[-1].reason != "failed", events[-1].detail
        told[device] = [event for event in events if isinstance(event, EpochEnded)]
    assert len(told["cuda"]) == 5
    for one, other in zip(told["cuda"], told["cpu"], strict=True):
        # Sums in another order, over five epochs.
        assert one.train["loss"] == pytest.approx(other.train["loss"], rel=1e-8)
        assert one.validation is not None
        assert other.validation is not None
        assert one.validation["loss"] == pytest.approx(other.validation["loss"], rel=1e-8)


@pytest.mark.parametrize("base", [MLP, CNN, CHANCE], ids=["mlp", "cnn", "chance"])
def test_two_runs_on_the_gpu_tell_the_same(base: dict[str, Any]) -> None:
    first, second = (timeless(list(run(experiment(base)))) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("base", [MLP, CNN, CHANCE], ids=["mlp", "cnn", "chance"])
def test_a_recorded_graph_tells_what_single_launches_tell(
    monkeypatch: pytest.MonkeyPatch, base: dict[str, Any]
) -> None:
    recorded = list[int]()
    record = Replayed._record

    def counted(self: Replayed, x: torch.Tensor, y: torch.Tensor) -> Any:
        made = record(self, x, y)
        recorded.append(made is not None)
        return made

    monkeypatch.setattr(Replayed, "_record", counted)
    with_graphs = timeless(list(run(experiment(base))))
    assert recorded == [True, True]  # whole batches, and the last of an epoch
    monkeypatch.setattr(training_module, "_LAUNCHED", 0)
    assert timeless(list(run(experiment(base)))) == with_graphs
    assert len(recorded) == 2


def test_what_cannot_be_recorded_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = timeless(list(run(experiment(CHANCE))))
    original = Training._forward_and_backward

    def waiting(self: Training, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss = original(self, x, y)
        loss.item()  # a recording cannot wait for the GPU
        return loss

    monkeypatch.setattr(Training, "_forward_and_backward", waiting)
    assert timeless(list(run(experiment(CHANCE)))) == expected


def test_dropout_that_changes_while_training_is_heard() -> None:
    def trained(change: bool) -> list[EpochEnded]:
        controls, epochs = Controls(), list[EpochEnded]()
        base = experiment(MLP, model={"dropout": 0.5}, training={"epochs": 8})
        for event in run(base, controls):
            if isinstance(event, EpochEnded):
                epochs.append(event)
                if change and event.epoch == 3:
                    controls.set("model.dropout", 0.0)
        return epochs

    same, changed = trained(False), trained(True)
    assert same[2].train == changed[2].train
    assert changed[-1].train["batches"]["mean"] < 0.8 * same[-1].train["batches"]["mean"]


def stopped(root: Path, step: int, **training: Any) -> Path:
    """The directory of a run of CHANCE that was ended after a step, to go on later."""
    controls = Controls()
    recorder = Recorder(root, "cut", controls)
    for event in recorder.record(run(experiment(CHANCE, training=training), controls, keeper=recorder)):
        if isinstance(event, RunStarted):
            # Commands are taken after the first step.
            controls.pause() if step == 1 else controls.step(step - 1)
        elif isinstance(event, CommandTaken) and event.command == "pause":
            assert event.step == step
            controls.send("stop", "SIGTERM")
    assert recorder.directory is not None
    return recorder.directory


@pytest.mark.parametrize("step", [1, 2, 3, 17, 18, 19, 40])
def test_a_run_goes_on_with_the_same_numbers(tmp_path: Path, step: int) -> None:
    whole = Recorder(tmp_path, "whole")
    expected = list(whole.record(run(experiment(CHANCE), keeper=whole)))
    directory = stopped(tmp_path, step)
    rest = list(resume(directory))
    assert timeless(rest)[-1] == timeless(expected)[-1]
    assert whole.directory is not None
    for name in ("final.safetensors", "best.safetensors"):
        assert (directory / name).read_bytes() == (whole.directory / name).read_bytes()


@pytest.mark.parametrize(("first", "then"), [("cuda", "cpu"), ("cpu", "cuda")])
def test_a_run_goes_on_on_another_device(tmp_path: Path, first: str, then: str) -> None:
    directory = stopped(tmp_path, 20, device=first)
    written = directory / "experiment.toml"
    text = written.read_text()
    assert f'device = "{first}"' in text
    written.write_text(text.replace(f'device = "{first}"', f'device = "{then}"'))
    events = list(resume(directory))
    notes = [event.text for event in events if isinstance(event, Diagnosed)]
    assert any("those of dropout and augmentation begin anew" in note for note in notes)
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason == "finished"


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A GPU with half a gigabyte."""
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(2**29 / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


@pytest.mark.usefixtures("little_memory")
def test_out_of_memory_is_told_kept_and_leaves_room_for_the_next(tmp_path: Path) -> None:
    wide = experiment(
        MLP, data={"name": "spirals", "examples": 60_000}, model={"hidden": [4096, 512]}, training={"batch_size": 36_000}
    )  # fmt: skip
    recorder = Recorder(tmp_path, "wide")
    events = list(recorder.record(run(wide, keeper=recorder)))
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason == "failed"
    assert "out of memory with batches of 36000" in events[-1].detail
    assert any(isinstance(event, CheckpointSaved) for event in events)
    del events
    after = list(run(experiment(MLP)))
    assert isinstance(after[-1], RunEnded)
    assert after[-1].reason == "finished"


def test_the_driver_tells_of_the_gpu() -> None:
    pytest.importorskip("pynvml")
    torch.zeros(1 << 20, device="cuda")
    gpus = read_gpus(os.getpid())
    assert gpus.trouble == ""
    # CUDA may count the cards in another order than their driver.
    gpu = {one.name: one for one in gpus.found}[torch.cuda.get_device_name(0)]
    assert gpu.used is not None
    assert gpu.total is not None
    assert 0 < gpu.used <= gpu.total
    assert gpu.total == pytest.approx(torch.cuda.get_device_properties(0).total_memory, rel=0.1)
