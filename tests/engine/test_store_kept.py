"""A run's network from its directory: it answers as the one in memory did, and says what is not as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ladera.engine import Experiment, run
from ladera.engine.controls import Controls
from ladera.engine.errors import InputError, StoreError
from ladera.engine.event_lines import to_line
from ladera.engine.events import EpochEnded, Event, Probed, Resumed, RunEnded
from ladera.engine.probes import PROBES
from ladera.engine.store import log
from ladera.engine.store.kept import load_network
from ladera.engine.store.recorder import Recorder


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


PLAIN: dict[str, Any] = {
    "data": {"name": "moons", "examples": 60},
    "model": {"kind": "mlp", "hidden": [6, 5], "dropout": 0.2, "batch_norm": True},
    "loss": {"kind": "bce"},
    "optimizer": {"kind": "adam", "lr": 0.05},
    "regularization": {"l1": 1e-4},
    "training": {"epochs": 30, "batch_size": 8, "device": "cpu", "threads": 1, "clip_norm": 1.0},
    "stopping": {"patience": 3},
}


def trained(
    root: Path, ask: bool = False, change: Any = None, **sections: Any
) -> tuple[Path, dict[str, Probed], RunEnded]:
    """Train and keep; with `ask`, give what the network in memory answers at the end. `change` is a live command."""
    controls = Controls()
    recorder = Recorder(root, "moons", controls)
    experiment = Experiment.model_validate({**PLAIN, **sections})

    def events() -> Iterator[Event]:
        for event in run(experiment, controls, keeper=recorder, linger=True):
            yield event
            if change is not None and isinstance(event, EpochEnded) and event.epoch == 1:
                controls.send("set", change)
            if isinstance(event, RunEnded):
                for probe in PROBES if ask else ():
                    controls.probe(probe)
                controls.stop()

    told = list(recorder.record(events()))
    assert recorder.directory is not None
    ended = next(event for event in told if isinstance(event, RunEnded))
    return recorder.directory, {event.probe: event for event in told if isinstance(event, Probed)}, ended


def same(one: Probed, other: Probed) -> bool:
    return json.dumps(one.answer, sort_keys=True) == json.dumps(other.answer, sort_keys=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Probed], RunEnded]:
    torch.set_num_threads(1)
    found = trained(tmp_path_factory.mktemp("kept"), ask=True)
    assert found[2].reason == "stopped_early"
    return found


@pytest.fixture
def place(whole: Any, tmp_path: Path) -> Path:
    """A copy of the run to spoil."""
    return Path(shutil.copytree(whole[0], tmp_path / "moons-0001"))


@pytest.mark.parametrize("probe", PROBES)
def test_every_probe_answers_from_the_directory_as_it_did_from_memory(whole: Any, probe: str) -> None:
    kept = load_network(whole[0])
    ended = whole[2]
    assert same(kept.answer(probe, {}), whole[1][probe])
    assert kept.answer(probe, {}).step == ended.step
    assert kept.weights.words == f"weights of epoch {ended.restored_epoch}, the best, from final.safetensors"
    assert kept.warnings == ()


def test_the_last_epoch_s_weights_are_in_the_checkpoint(whole: Any) -> None:
    kept, ended = load_network(whole[0], "latest"), whole[2]
    assert load_network(whole[0]).others == ("latest",), "the best are the final ones"
    assert kept.others == ("final",)
    assert kept.weights.words.startswith(
        f"weights of epoch {ended.epoch}, the latest saved, from checkpoints/step-"
    )
    assert ended.restored_epoch < ended.epoch
    assert not same(kept.answer("weights", {}), whole[1]["weights"])


def test_without_final_weights_the_best_are_looked_at_and_without_those_the_latest(
    whole: Any, place: Path
) -> None:
    best = whole[2].best_epoch
    (place / "final.safetensors").unlink()
    kept = load_network(place)
    assert kept.weights.words == f"weights of epoch {best}, the best, from best.safetensors"
    assert kept.weights.step == best * 5  # 36 training examples in batches of 8
    assert same(kept.answer("weights", {}), whole[1]["weights"]), "both are the best epoch's"
    (place / "best.safetensors").write_bytes(b"no weights")
    kept = load_network(place)
    assert kept.weights.which == "latest"
    assert any("best.safetensors is damaged" in warning for warning in kept.warnings)
    with pytest.raises(StoreError, match="no final weights were kept"):
        load_network(place, "final")
    shutil.rmtree(place / "checkpoints")
    with pytest.raises(StoreError, match=r"no weights were kept.*best\.safetensors is damaged"):
        load_network(place)


def test_the_final_weights_of_an_earlier_end_are_not_those_of_a_run_that_went_on(
    whole: Any, place: Path
) -> None:
    with (place / log.NAME).open("a") as file:
        file.write(to_line(Resumed(epoch=whole[2].epoch, step=whole[2].step)) + "\n")
    assert load_network(place).weights.which == "best"
    with (place / log.NAME).open("a") as file:
        file.write(to_line(RunEnded(reason="stopped", epoch=99, step=whole[2].step + 7)) + "\n")
    assert load_network(place).weights.which == "best"


def test_without_a_checkpoint_nothing_is_said_of_the_optimizer(place: Path) -> None:
    shutil.rmtree(place / "checkpoints")
    kept = load_network(place)
    assert kept.optimizer_step is None
    assert "kept in checkpoints only" in kept.answer("rates", {}).answer["error"]
    rows = kept.answer("layers", {}).answer["layers"]
    assert [(row["update_ratio"], row["rate"]) for row in rows] == [(None, None)] * 2
    assert rows[0]["std"] > 0


def test_what_commands_changed_holds_for_the_kept_network_too(tmp_path: Path) -> None:
    sgd = {"optimizer": {"kind": "sgd", "lr": 0.05}}
    place, answers, _ = trained(tmp_path, ask=True, change={"key": "optimizer.lr", "value": 0.02}, **sgd)
    kept = load_network(place)
    assert same(kept.answer("rates", {}), answers["rates"])
    assert kept.answer("rates", {}).answer["rates"][0]["values"][0] == pytest.approx(0.02)


def test_data_that_changed_or_are_gone_are_told(tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    rows = [f"{x},{(7 * x) % 5},{'ab'[x % 2]}" for x in range(40)]
    table.write_text("\n".join(["one,two,kind", *rows]))
    data = {"data": {"path": str(table), "target": "kind", "task": "binary"}}
    place, _, _ = trained(tmp_path / "runs", **data)
    assert load_network(place).warnings == ()
    table.write_text("\n".join(["one,two,kind", *rows[:-1], "1000,3,b"]))
    kept = load_network(place)
    assert any("the data changed since" in warning for warning in kept.warnings)
    assert "matrix" in kept.answer("confusion", {}).answer
    table.write_text("\n".join(["one,two,three,kind", *(f"1,{row}" for row in rows)]))
    with pytest.raises(InputError, match="the data changed"):
        load_network(place)
    table.unlink()
    with pytest.raises(InputError, match=r"points\.csv"):
        load_network(place)


def test_a_run_trained_on_a_device_that_is_not_here_is_looked_at_on_one_that_is(place: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("every device is here")
    text = (place / "experiment.toml").read_text()
    assert 'device = "cpu"' in text
    (place / "experiment.toml").write_text(text.replace('device = "cpu"', 'device = "cuda"'))
    assert str(load_network(place).training.device) == "cpu"


def test_a_question_that_cannot_be_answered_is_told(whole: Any) -> None:
    kept = load_network(whole[0])
    assert "predicts classes" in kept.answer("predictions", {}).answer["error"]
    assert "KeyError" in kept.answer("no such probe", {}).answer["error"]
    assert "TypeError" in kept.answer("weights", {"nonsense": 1}).answer["error"]
