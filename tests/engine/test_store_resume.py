"""Going on after an interruption: the same bits, the same records, at every point; and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ladera.engine import Experiment, run
from ladera.engine.controls import Controls
from ladera.engine.errors import InputError, StoreError
from ladera.engine.events import (
    CheckpointSaved,
    CommandTaken,
    EpochEnded,
    Event,
    Resumed,
    RunEnded,
    RunStarted,
    StepsEnded,
)
from ladera.engine.history import History
from ladera.engine.store import checkpoints, index, log
from ladera.engine.store.directory import load_experiment
from ladera.engine.store.load import load_history
from ladera.engine.store.recorder import Recorder
from ladera.engine.store.resume import AlreadyEndedError, Resumption, resume
from ladera.engine.store.status import read_status
from ladera.engine.training import Training

HARD: dict[str, Any] = {
    "data": {"name": "shapes", "examples": 60, "augmentation": {"flip": 0.5, "shift": 1, "noise": 0.1}},
    "model": {"kind": "mlp", "hidden": [8], "dropout": 0.3, "batch_norm": True},
    "optimizer": {"kind": "adam", "lr": 0.2},
    "regularization": {"l1": 1e-4, "l2": 1e-4},
    "training": {
        "epochs": 40,
        "batch_size": 9,
        "device": "cpu",
        "threads": 1,
        "validate_every": 1,
        "clip_norm": 1.0,
        "schedule": {"kind": "plateau", "patience": 1},
        "checkpoint_every": 0,
    },
    "stopping": {"patience": 3},
}  # fmt: skip
CLOCK = {"time": 0.0, "seconds": 0.0, "examples_per_second": 0.0}


def timeless(events: list[Event]) -> list[str]:
    """What was told, without clocks and without what only an interruption tells."""
    kept = [event for event in events if not isinstance(event, CheckpointSaved | CommandTaken | Resumed)]
    return [
        repr(replace(event, **{k: v for k, v in CLOCK.items() if k in {f.name for f in fields(event)}}))
        for event in kept
    ]


def told(history: History) -> dict[str, Any]:
    """Everything a view draws, without clocks."""

    def curve(series: Any) -> list[list[float]]:
        box = series.envelope(columns=10**6)
        return [
            box.x.tolist(),
            box.mean.tolist(),
            box.low.tolist(),
            box.high.tolist(),
            box.nonfinite_x.tolist(),
        ]

    return {
        "train": {name: curve(series) for name, series in history.train.items()},
        "validation": {name: curve(series) for name, series in history.validation.items()},
        **{name: curve(getattr(history, name)) for name in ("steps", "batches", "penalty", "lr")},
        "events": timeless([*history.checks, *history.layers, *history.diagnoses]),
        "end": timeless([history.ended] if history.ended else []),
        "at": (history.epoch, history.step, history.state),
    }


def experiment(**training: Any) -> Experiment:
    return Experiment.model_validate({**HARD, "training": {**HARD["training"], **training}})


class Undisturbed:
    """One run of HARD that nothing interrupts, with the records before each step."""

    def __init__(self, root: Path) -> None:
        recorder = Recorder(root, "whole")
        self.events = list(recorder.record(run(experiment(), keeper=recorder)))
        assert recorder.directory is not None
        self.directory = recorder.directory
        self.final = (self.directory / "final.safetensors").read_bytes()
        self.best = (self.directory / "best.safetensors").read_bytes()
        self.steps = self.events[-1].step if isinstance(self.events[-1], RunEnded) else 0
        self.steps = max(event.step for event in self.events if isinstance(event, EpochEnded))
        self.told = told(load_history(self.directory))
        # The schedule cut the rate and early stopping ended the run: their state matters.
        assert len({event.lr for event in self.events if isinstance(event, EpochEnded)}) > 1
        assert self.told["at"][2] == "stopped_early"


@pytest.fixture(scope="module", autouse=True)
def frequent_reports() -> Iterator[None]:
    """Report every third step, so that reports fall before, on and after every kind of interruption."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "report_every", lambda _: 3)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    torch.set_num_threads(1)
    return Undisturbed(tmp_path_factory.mktemp("whole"))


def cut(stream: Iterator[Event], after: int) -> None:
    """Read `after` events and then no more, as a killed process would."""
    for _, _ in zip(range(after), stream, strict=False):
        pass


def interrupted(root: Path, at: int, further: int = 5) -> Path:
    """A run that saves after step `at`, makes a few more steps, and is then cut off without an end."""
    controls = Controls()
    recorder = Recorder(root, "cut", controls)
    stream = recorder.record(run(experiment(), controls, keeper=recorder))
    for event in stream:
        if isinstance(event, RunStarted):
            # Commands are taken after the first step.
            controls.pause() if at == 1 else controls.step(at - 1)
        elif isinstance(event, CommandTaken) and event.command == "pause":
            if event.step != at:
                break
            controls.checkpoint()
            controls.step(further)
    assert recorder.directory is not None
    copy = root / "killed"
    recorder._service._writer.flush()
    shutil.copytree(recorder.directory, copy, ignore=shutil.ignore_patterns("lock", "control.sock"))
    stream.close()
    return copy


def test_a_run_goes_on_from_any_step_as_if_nothing_had_happened(whole: Undisturbed, tmp_path: Path) -> None:
    for at in range(1, whole.steps - 1):
        directory = interrupted(tmp_path / str(at), at, min(5, whole.steps - 1 - at))
        events = list(resume(directory))
        assert isinstance(events[0], Resumed)
        assert events[0].step == at
        assert (directory / "final.safetensors").read_bytes() == whole.final, at
        assert (directory / "best.safetensors").read_bytes() == whole.best, at
        assert told(load_history(directory)) == whole.told, at


def test_three_interruptions_one_after_the_other(whole: Undisturbed, tmp_path: Path) -> None:
    directory = interrupted(tmp_path, 3)
    for number in (1, 2, 3):
        controls = Controls()
        for event in resume(directory, controls):
            if isinstance(event, Resumed):
                controls.step(3)
            elif isinstance(event, CommandTaken) and event.command == "pause":
                controls.send("stop", "SIGTERM")
        history = load_history(directory)
        assert (history.state, history.step, len(history.resumes)) == ("stopped", 3 + 4 * number, number)
        assert read_status(directory).exit_code == 143
    list(resume(directory))
    assert (directory / "final.safetensors").read_bytes() == whole.final
    assert told(load_history(directory)) == whole.told
    assert read_status(directory).state_now() == whole.told["at"][2]


@pytest.mark.parametrize("cut_after", ["the last checkpoint", "the last record"])
def test_an_end_that_was_cut_off_is_made_again(whole: Undisturbed, tmp_path: Path, cut_after: str) -> None:
    # Killed between the last checkpoint and the end: early stopping had already decided.
    directory = tmp_path / "run"
    shutil.copytree(whole.directory, directory)
    lines = (directory / log.NAME).read_bytes().splitlines(keepends=True)
    saved = max(i for i, line in enumerate(lines) if b'"checkpoint_saved"' in line)
    (directory / log.NAME).write_bytes(b"".join(lines[: saved + (cut_after != "the last checkpoint")]))
    (directory / "final.safetensors").unlink()
    list(resume(directory))
    assert (directory / "final.safetensors").read_bytes() == whole.final
    assert told(load_history(directory)) == whole.told


def test_a_run_killed_before_its_first_checkpoint_starts_again_and_says_so(
    whole: Undisturbed, tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path, "early")
    stream = recorder.record(run(experiment(), keeper=recorder))
    cut(stream, 20)
    assert recorder.directory is not None
    stream.close()
    resumption = Resumption(recorder.directory)
    assert "from the beginning" in resumption.notes[0]
    list(resumption.events())
    assert told(load_history(recorder.directory)) == whole.told


def test_a_log_that_tells_of_checkpoints_that_are_gone_starts_nothing_over(
    whole: Undisturbed, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    shutil.copytree(whole.directory, directory)
    shutil.rmtree(directory / "checkpoints")
    with pytest.raises(StoreError, match="no checkpoint"):
        Resumption(directory)


# -- what may change -------------------------------------------------------------------------------------------------


def test_changed_hyperparameters_win_and_are_told(tmp_path: Path) -> None:
    directory = interrupted(tmp_path, 9)
    events = list(resume(directory, changes={"optimizer.lr": 0.001, "stopping.patience": 50}))
    assert isinstance(events[0], Resumed)
    assert events[0].changes == {"optimizer.lr": [0.2, 0.001], "stopping.patience": [3, 50]}
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert epochs[0].lr == 0.001
    assert epochs[-1].epoch == 40
    assert load_history(directory).setting("optimizer.lr") == 0.001


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"model.hidden": [16]}, "model.hidden"),
        ({"optimizer.kind": "sgd"}, "optimizer"),
        ({"training.batch_size": 4}, "training.batch_size .from 9 to 4"),
        ({"data.split": [0.5, 0.25, 0.25]}, "data.split"),
        ({"optimizer.lr": -1.0}, "optimizer"),
        ({"training.sed": 1}, "training.sed"),
    ],
)
def test_changes_that_make_another_run_are_refused_and_damage_nothing(
    whole: Undisturbed, tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    directory = interrupted(tmp_path, 8)
    before = (directory / log.NAME).read_bytes()
    with pytest.raises(InputError, match=complaint):
        resume(directory, changes=changes)
    assert (directory / log.NAME).read_bytes() == before
    list(resume(directory))
    assert told(load_history(directory)) == whole.told


def test_changed_data_are_refused_and_damage_nothing(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = [f"{i},{(i * 7) % 5},{i % 2}" for i in range(60)]
    table.write_text("a,b,y\n" + "\n".join(rows))
    plain = {
        "data": {"path": str(table), "target": "y", "task": "binary"},
        "training": {"epochs": 3, "device": "cpu", "checkpoint_every": 0},
    }
    controls = Controls()
    recorder = Recorder(tmp_path / "runs", "table", controls)
    for event in recorder.record(run(Experiment.model_validate(plain), controls, keeper=recorder)):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            controls.stop()
    directory = recorder.directory
    assert directory is not None
    before = (directory / log.NAME).read_bytes()
    table.write_text("a,b,y\n" + "\n".join([*rows[:-1], "5,5,1"]))
    with pytest.raises(InputError, match="data changed"):
        list(resume(directory))
    assert (directory / log.NAME).read_bytes() == before
    table.write_text("a,b,y\n" + "\n".join(rows))
    assert isinstance(next(iter(list(resume(directory)))), Resumed)


def test_a_run_that_has_ended_says_so_and_makes_no_step(whole: Undisturbed, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    shutil.copytree(whole.directory, directory)
    before = (directory / log.NAME).read_bytes()
    with pytest.raises(AlreadyEndedError) as refusal:
        resume(directory)
    assert refusal.value.reason == load_history(directory).state
    assert (directory / log.NAME).read_bytes() == before


def test_a_finished_run_goes_on_when_there_is_more_to_do(tmp_path: Path) -> None:
    # Six epochs and then three more are nine: stopping is off, so that both end by their number of epochs.
    plain = {**HARD, "stopping": {"enabled": False}}
    for name, epochs in (("nine", 9), ("six", 6)):
        recorder = Recorder(tmp_path, name)
        # Validated every epoch: an extra check of the sixth as the last would be a difference.
        training = {**HARD["training"], "epochs": epochs, "validate_every": 1}
        list(
            recorder.record(run(Experiment.model_validate({**plain, "training": training}), keeper=recorder))
        )
    with pytest.raises(AlreadyEndedError, match=r"training\.epochs"):
        resume(tmp_path / "six-0001")
    list(resume(tmp_path / "six-0001", changes={"training.epochs": 9}))
    one, other = load_history(tmp_path / "six-0001"), load_history(tmp_path / "nine-0001")
    assert {**told(one), "events": 0, "end": 0} == {**told(other), "events": 0, "end": 0}
    assert (tmp_path / "six-0001/final.safetensors").read_bytes() == (
        tmp_path / "nine-0001/final.safetensors"
    ).read_bytes()
    assert one.epochs == 9
    # The test part was looked at after six epochs already, and the second look says so.
    assert (one.ended.test["evaluations"], other.ended.test["evaluations"]) == (2, 1)  # type: ignore[union-attr,index]


def test_a_run_stopped_early_goes_on_with_more_patience(whole: Undisturbed, tmp_path: Path) -> None:
    plain = {**HARD, "optimizer": {"kind": "adam", "lr": 1e-9}, "stopping": {"patience": 1, "min_delta": 1.0}}
    plain["training"] = {**plain["training"], "validate_every": 1}
    recorder = Recorder(tmp_path, "early")
    list(recorder.record(run(Experiment.model_validate(plain), keeper=recorder)))
    assert recorder.directory is not None
    assert load_history(recorder.directory).state == "stopped_early"
    with pytest.raises(AlreadyEndedError, match=r"stopping\.patience"):
        resume(recorder.directory)
    list(resume(recorder.directory, changes={"stopping.patience": 3}))
    history = load_history(recorder.directory)
    assert [check.epoch for check in history.checks] == [1, 2, 3, 4]
    assert history.checks[-1].wait == 3


def test_a_diverged_run_goes_on_only_with_a_change(tmp_path: Path) -> None:
    controls = Controls()
    recorder = Recorder(tmp_path, "diverged", controls)
    plain = {**HARD, "optimizer": {"kind": "sgd", "lr": 0.01}, "model": {"kind": "mlp", "hidden": [8]}}
    plain["training"] = {**HARD["training"], "clip_norm": 0.0}
    for event in recorder.record(run(Experiment.model_validate(plain), controls, keeper=recorder)):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            controls.checkpoint()
            controls.set("optimizer.lr", 1e30)
    directory = recorder.directory
    assert directory is not None
    assert (load_history(directory).state, recorder.exit_code) == ("diverged", 4)
    # The change of the rate came after the checkpoint: the run goes on with the rate from before it.
    with pytest.raises(AlreadyEndedError, match="diverged"):
        resume(directory)
    list(resume(directory, changes={"optimizer.lr": 0.005}))
    history = load_history(directory)
    assert history.state in ("finished", "stopped_early")
    assert not len(history.steps.envelope().nonfinite_x)
    assert history.setting("optimizer.lr") == 0.005


# -- what the file says, what the command says -----------------------------------------------------------------------


def edit(directory: Path, old: str, new: str) -> None:
    path = directory / "experiment.toml"
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))


def test_an_edit_of_the_experiment_wins_and_is_told(tmp_path: Path) -> None:
    directory = interrupted(tmp_path, 8)
    edit(directory, "lr = 0.2", "lr = 0.05  # mine")
    edit(directory, "patience = 3", "patience = 20")
    resumption = Resumption(directory)
    expected = {"optimizer.lr": [0.2, 0.05], "stopping.patience": [3, 20]}
    assert resumption.changes == expected
    first = next(iter(list(resumption.events())))
    assert isinstance(first, Resumed)
    assert first.changes == expected
    history = load_history(directory)
    assert (history.setting("optimizer.lr"), history.setting("stopping.patience")) == (0.05, 20)
    # What was in force already is not written again.
    assert "# mine" in (directory / "experiment.toml").read_text()


def test_a_command_wins_over_an_edit(tmp_path: Path) -> None:
    directory = interrupted(tmp_path, 8)
    edit(directory, "lr = 0.2", "lr = 0.05")
    list(resume(directory, changes={"optimizer.lr": 0.1}))
    assert load_history(directory).setting("optimizer.lr") == 0.1
    assert load_experiment(directory).optimizer.lr == 0.1


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("hidden = [8]", "hidden = [9]", r"model\.hidden"),
        ("examples = 60", "examples = 80", r"data\.examples"),
    ],
)
def test_an_edit_that_makes_another_run_is_refused_and_named(
    whole: Undisturbed, tmp_path: Path, old: str, new: str, key: str
) -> None:
    directory = interrupted(tmp_path, 8)
    before = (directory / log.NAME).read_bytes()
    edit(directory, old, new)
    with pytest.raises(InputError, match=rf"{key}.*undo the edit of .*experiment\.toml"):
        resume(directory)
    assert (directory / log.NAME).read_bytes() == before
    edit(directory, new, old)
    list(resume(directory))
    assert told(load_history(directory)) == whole.told


def test_what_a_command_changed_while_it_trained_is_no_edit(tmp_path: Path) -> None:
    controls = Controls()
    recorder = Recorder(tmp_path, "set", controls)
    for event in recorder.record(run(experiment(), controls, keeper=recorder)):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            controls.set("optimizer.lr", 0.05)
            controls.stop()
    assert recorder.directory is not None
    resumption = Resumption(recorder.directory)
    assert (resumption.changes, resumption.experiment.optimizer.lr) == ({}, 0.05)
    resumption.close()


def test_the_experiment_that_is_kept_is_the_one_in_force_after_a_change(tmp_path: Path) -> None:
    directory = interrupted(tmp_path, 8)
    stream = resume(directory, changes={"model.dropout": 0.5, "training.epochs": 50})
    cut(stream, 3)
    stream.close()  # type: ignore[attr-defined]
    kept = load_experiment(directory)
    assert (kept.model.dropout, kept.training.epochs) == (0.5, 50)  # type: ignore[union-attr]
    # Cut off before the next checkpoint: what was asked for holds for whoever goes on.
    resumption = Resumption(directory)
    assert resumption.changes == {"model.dropout": [0.3, 0.5], "training.epochs": [40, 50]}
    list(resumption.events())
    assert load_experiment(directory) == kept
    assert load_history(directory).in_force == kept.plain()


def test_an_edit_before_the_first_checkpoint_is_told(tmp_path: Path) -> None:
    directory = interrupted(tmp_path, 8)
    shutil.rmtree(directory / "checkpoints")
    log_file = directory / log.NAME
    log_file.write_bytes(
        b"".join(line for line in log_file.read_bytes().splitlines(True) if b"checkpoint_saved" not in line)
    )
    edit(directory, "lr = 0.2", "lr = 0.05")
    resumption = Resumption(directory)
    assert "from the beginning" in resumption.notes[0]
    assert "optimizer.lr was 0.2, is 0.05" in resumption.notes[1]
    first = next(iter(list(resumption.events())))
    assert isinstance(first, RunStarted)
    assert first.notes[-2:] == resumption.notes
    assert load_history(directory).notes[-2:] == resumption.notes


# -- a log without its first record ----------------------------------------------------------------------------------


def lose_the_start(directory: Path) -> None:
    with (directory / log.NAME).open("r+b") as file:
        file.seek(30)
        file.write(bytes(6))


def test_a_run_whose_first_record_is_damaged_is_read_by_its_experiment(
    whole: Undisturbed, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    shutil.copytree(whole.directory, directory)
    good = load_history(directory)
    lose_the_start(directory)
    history = load_history(directory)
    assert told(history) == told(good)
    assert history.started is not None
    assert good.started is not None
    for name in ("experiment", "task", "steps_per_epoch"):
        assert getattr(history.started, name) == getattr(good.started, name)
    assert history.started.sizes["train"] == good.started.sizes["train"]
    assert (history.epochs, history.stops_at, history.state) == (40, None, "stopped_early")
    assert "experiment.toml" in history.notes[0]


@pytest.mark.parametrize("lost", ["damaged", "deleted"])
def test_a_run_that_goes_on_tells_anew_what_its_log_lacks(
    whole: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    directory = interrupted(tmp_path, 8)
    if lost == "damaged":
        lose_the_start(directory)
    else:
        (directory / log.NAME).unlink()
    events = list(resume(directory))
    first, second = events[:2]
    assert isinstance(first, RunStarted)
    assert first.again
    assert isinstance(second, Resumed)
    history = load_history(directory)
    assert history.started is not None
    assert history.started.chance == whole.events[0].chance  # type: ignore[attr-defined]
    assert history.epochs == 40
    if lost == "damaged":
        assert told(history) == whole.told
        monkeypatch.setattr(index, "FROM_BYTES", 0)
        assert told(load_history(directory)) == whole.told
    # It is told once: the next to go on finds it.
    assert isinstance(next(resume(directory, changes={"stopping.patience": 5})), Resumed)


def test_a_start_from_the_beginning_supersedes_an_attempt_whose_start_is_lost(
    whole: Undisturbed, tmp_path: Path
) -> None:
    directory = interrupted(tmp_path, 8)
    shutil.rmtree(directory / "checkpoints")
    log_file = directory / log.NAME
    log_file.write_bytes(
        b"".join(line for line in log_file.read_bytes().splitlines(True) if b"checkpoint_saved" not in line)
    )
    lose_the_start(directory)
    list(resume(directory))
    assert told(load_history(directory)) == whole.told


# -- a status that is lost -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["deleted", "empty", "with the log's start"])
def test_a_lost_status_is_made_up_from_log_and_experiment(tmp_path: Path, damage: str) -> None:
    directory = interrupted(tmp_path, 8)
    (directory / "status.json").unlink()
    if damage == "empty":
        (directory / "status.json").touch()
    elif damage != "deleted":
        lose_the_start(directory)
    edit(directory, 'description = ""', 'description = "Shapes"')
    list(resume(directory, changes={"training.epochs": 7, "stopping.enabled": False}))
    status = read_status(directory)
    assert (status.state, status.epoch, status.epochs) == ("finished", 7, 7)
    assert (status.description, status.monitor) == ("Shapes", "loss")
    assert status.best_value is not None


# -- one valid checkpoint is enough, none is an error ----------------------------------------------------------------


def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_used(
    whole: Undisturbed, tmp_path: Path
) -> None:
    controls = Controls()
    recorder = Recorder(tmp_path, "two", controls)
    for event in recorder.record(run(experiment(), controls, keeper=recorder)):
        if isinstance(event, EpochEnded) and event.epoch in (2, 3):
            controls.checkpoint()
        elif isinstance(event, EpochEnded) and event.epoch == 4:
            controls.abandon()
    directory = recorder.directory
    assert directory is not None
    newest, before = checkpoints.found(directory)
    with (newest / "state.safetensors").open("r+b") as file:
        file.truncate(100)
    resumption = Resumption(directory)
    assert newest.name in resumption.notes[0]
    assert "has 100 bytes" in resumption.notes[0]
    assert resumption.state is not None
    assert resumption.state.path == before
    first = next(iter(list(resumption.events())))
    assert isinstance(first, Resumed)
    assert first.notes == resumption.notes == load_history(directory).notes
    assert told(load_history(directory)) == whole.told
    assert newest not in checkpoints.found(directory) or checkpoints.latest_valid(directory)


def test_without_a_valid_checkpoint_nothing_starts(whole: Undisturbed, tmp_path: Path) -> None:
    directory = interrupted(tmp_path, 8)
    for path in checkpoints.found(directory):
        (path / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"no checkpoint of .* can be used.*is damaged"):
        Resumption(directory)
    # The directory is not held afterwards.
    with pytest.raises(StoreError, match="can be used"):
        Resumption(directory)


def test_a_checkpoint_of_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    directory = interrupted(tmp_path, 8)
    path = checkpoints.found(directory)[0] / "manifest.json"
    values = json.loads(path.read_text())
    body = {key: value for key, value in values.items() if key != "sha256"} | {"format": 2}
    from ladera.engine.store import tensors

    signed = {**body, "sha256": tensors.digest(checkpoints._canonical(body))}
    path.write_bytes(checkpoints._canonical(signed))
    with pytest.raises(StoreError, match="newer ladera"):
        Resumption(directory)


def test_records_of_the_killed_attempt_stay_in_the_file(tmp_path: Path) -> None:
    directory = interrupted(tmp_path, 8)
    before = (directory / log.NAME).read_bytes()
    list(resume(directory))
    after = (directory / log.NAME).read_bytes()
    assert after.startswith(before)
    steps = [
        event for event in log.read(directory / log.NAME)[0] if isinstance(event, StepsEnded | EpochEnded)
    ]
    assert len(steps) >= len(
        [
            event
            for event in log.read(directory / log.NAME, 0, len(before))[0]
            if isinstance(event, EpochEnded)
        ]
    )
