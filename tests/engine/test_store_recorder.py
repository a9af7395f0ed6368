"""The recorder: what a run leaves behind, and that no fault of the storage stops the training."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from ladera.engine import Experiment, run
from ladera.engine.controls import Controls
from ladera.engine.errors import InputError, StoreError
from ladera.engine.event_lines import to_line
from ladera.engine.events import (
    CheckpointSaved,
    EpochEnded,
    Event,
    RunEnded,
    RunStarted,
    StepsEnded,
    StorageFailed,
)
from ladera.engine.store import atomic, checkpoints, log, service
from ladera.engine.store import recorder as recorder_module
from ladera.engine.store.control import Control, send
from ladera.engine.store.control_server import ControlServer
from ladera.engine.store.directory import claim, load_experiment, write_experiment
from ladera.engine.store.listing import list_runs, run_info
from ladera.engine.store.load import load_history
from ladera.engine.store.lock import Lock, holder
from ladera.engine.store.log_writer import LogWriter
from ladera.engine.store.recorder import Recorder
from ladera.engine.store.resume import resume
from ladera.engine.store.status import read_status


def experiment(**sections: Any) -> Experiment:
    plain: dict[str, Any] = {
        "data": {"name": "iris"},
        "model": {"kind": "mlp", "hidden": [8]},
        "training": {"epochs": 6, "batch_size": 16, "device": "cpu", "threads": 1},
        "stopping": {"enabled": False},
    }
    return Experiment.model_validate(plain | sections)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def record(
    root: Path, script: Callable[[Event, Recorder, Controls], None] | None = None, **sections: Any
) -> tuple[Recorder, list[Event]]:
    """Record a run, calling script(event, recorder, controls) after each event."""
    controls, events = Controls(), list[Event]()
    recorder = Recorder(root, "test", controls)
    for event in recorder.record(run(experiment(**sections), controls, keeper=recorder)):
        events.append(event)
        if script:
            script(event, recorder, controls)
    return recorder, events


def remove(path: Path) -> None:
    """Delete a directory in which another thread may be making a file at this moment."""
    while True:
        try:
            shutil.rmtree(path)
            return
        except OSError:
            continue


def wait_for(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "it did not happen within 20 s"
        time.sleep(0.01)


# -- what is left behind ---------------------------------------------------------------------------------------------


def test_a_run_leaves_its_whole_story(tmp_path: Path) -> None:
    recorder, events = record(tmp_path / "runs")
    directory = recorder.directory
    assert directory == tmp_path / "runs" / "test-0001"
    assert sorted(path.name for path in directory.iterdir()) == [
        "best.safetensors", "checkpoints", "events.jsonl", "experiment.toml", "final.safetensors", "lock", "status.json",
    ]  # fmt: skip
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir() if path.is_file()} == {0o600}
    read, end, bad = log.read(directory / log.NAME)
    assert ([to_line(event) for event in read], bad) == ([to_line(event) for event in events], 0)
    assert end == (directory / log.NAME).stat().st_size
    assert (recorder.exit_code, recorder.lost) == (0, False)


def test_the_experiment_that_is_kept_is_the_one_that_ran(tmp_path: Path) -> None:
    recorder, events = record(
        tmp_path,
        data={"name": "iris", "split": [0.5, 0.25, 0.25]},
        optimizer={"kind": "momentum", "lr": 0.1 + 0.2},
    )
    assert recorder.directory is not None
    kept = load_experiment(recorder.directory)
    assert kept == experiment(
        data={"name": "iris", "split": [0.5, 0.25, 0.25]}, optimizer={"kind": "momentum", "lr": 0.1 + 0.2}
    )
    assert isinstance(events[0], RunStarted)
    assert tomllib.loads((recorder.directory / "experiment.toml").read_text()) == dict(events[0].experiment)


def test_a_relative_path_of_the_data_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_experiment(
        tmp_path,
        {"description": 'quo"te\n\u202e', "data": {"path": "some/where.csv"}, "model": {"kind": "mlp"}},
    )
    kept = load_experiment(tmp_path)
    assert kept.data.path == tmp_path / "some" / "where.csv"
    assert kept.description == 'quo"te\n\u202e'


def test_the_status_tells_how_it_ended(tmp_path: Path) -> None:
    recorder, events = record(tmp_path)
    assert recorder.directory is not None
    status, end = read_status(recorder.directory), events[-1]
    last = [event for event in events if isinstance(event, EpochEnded)][-1]
    assert isinstance(end, RunEnded)
    assert (status.state, status.exit_code, status.epoch, status.epochs, status.step) == (
        "finished",
        0,
        6,
        6,
        end.step,
    )
    assert (status.best_epoch, status.checkpoint) == (end.best_epoch, f"checkpoints/step-{end.step:09d}")
    assert status.validation is not None
    assert last.validation is not None
    assert status.validation["loss"] == last.validation["loss"]
    assert end.test is not None
    assert status.test == {"loss": end.test["loss"], "metrics": dict(end.test["metrics"])}


def test_final_and_best_weights_say_what_they_are(tmp_path: Path) -> None:
    recorder, events = record(tmp_path)
    directory, end = recorder.directory, events[-1]
    assert directory is not None
    assert isinstance(end, RunEnded)
    with (
        safe_open(directory / "best.safetensors", "pt") as best,
        safe_open(directory / "final.safetensors", "pt") as final,
    ):
        assert json.loads(best.metadata()["ladera"])["epoch"] == str(end.best_epoch)
        # The best weights were restored, so the final ones are the best.
        assert torch.equal(best.get_tensor("parameters"), final.get_tensor("parameters"))
    state = checkpoints.latest_valid(directory)
    assert state is not None
    assert torch.equal(
        state.tensors["best.parameters"],
        safe_open(directory / "best.safetensors", "pt").get_tensor("parameters"),
    )


def test_two_checkpoints_are_kept(tmp_path: Path) -> None:
    def script(event: Event, _: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded):
            controls.checkpoint()

    recorder, events = record(tmp_path, script)
    saved = [event.path for event in events if isinstance(event, CheckpointSaved)]
    assert len(saved) > 4
    assert recorder.directory is not None
    assert [str(path.relative_to(recorder.directory)) for path in checkpoints.found(recorder.directory)] == [
        saved[-1],
        saved[-2],
    ]


@pytest.mark.parametrize(("value", "code"), [(None, 0), ("SIGINT", 130), ("SIGTERM", 143)])
def test_the_exit_code_says_what_stopped_it(tmp_path: Path, value: str | None, code: int) -> None:
    def script(event: Event, _: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            controls.send("stop", value)

    recorder, _ = record(tmp_path, script)
    assert recorder.directory is not None
    status = read_status(recorder.directory)
    assert (recorder.exit_code, status.exit_code, status.state) == (code, code, "stopped")


# -- claiming --------------------------------------------------------------------------------------------------------

STARTS = """
import sys
from pathlib import Path
from ladera.engine.store.control import Control, send
from ladera.engine.store.control_server import ControlServer
from ladera.engine.store.directory import claim
root = Path(sys.argv[1])
while not (root / "go").exists():
    pass
for _ in range(8):
    print(claim(root / "runs", "digits").name)
"""


def test_thirty_two_simultaneous_starts_get_thirty_two_directories(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", STARTS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    time.sleep(0.5)
    (tmp_path / "go").touch()
    names = [name for process in processes for name in process.communicate()[0].split()]
    assert sorted(names) == [f"digits-{number:04d}" for number in range(1, 33)]


def test_numbers_go_on_after_the_highest(tmp_path: Path) -> None:
    for name in ("digits-0007", "digits-12345", "digits-x", "other-99999", "digits-9"):
        (tmp_path / name).mkdir()
    assert claim(tmp_path, "digits").name == "digits-12346"
    assert claim(tmp_path, "naïve 手").name == "naïve 手-0001"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "/etc", "-rf", ".hidden", "a\x1b[2J", "a\nb", "a\u202eb", " a", "x" * 101],
)
def test_names_that_are_no_plain_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="cannot be the name of a run"):
        Recorder(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_created_for_input_that_is_refused(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "runs", "test")
    bad = Experiment.model_validate({"data": {"path": str(tmp_path / "no-such.csv")}})
    with pytest.raises(InputError):
        list(recorder.record(run(bad, keeper=recorder)))
    assert recorder.directory is None
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    recorder = Recorder(tmp_path / "file" / "runs", "test")
    with pytest.raises(StoreError, match="--runs-dir"):
        list(recorder.record(run(experiment(), keeper=recorder)))


# -- faults of the storage -------------------------------------------------------------------------------------------


class Outage:
    """Makes every write, sync, rename and open below a directory fail while it lasts."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path, number: int) -> None:
        self.on, self.root, self.number = False, str(root), number
        for name in ("write", "fsync", "rename", "open", "mkdir"):
            patch.setattr(os, name, self._failing(getattr(os, name), name))

    def _failing(self, original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(target: Any, *rest: Any, **options: Any) -> Any:
            if self.on and self._below(target):
                raise OSError(self.number, os.strerror(self.number), name)
            return original(target, *rest, **options)

        return call

    def _below(self, target: Any) -> bool:
        try:
            place = os.readlink(f"/proc/self/fd/{target}") if isinstance(target, int) else os.fspath(target)  # noqa: PTH115
        except OSError:
            return False
        return str(place).startswith(self.root)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look and retry more often, so that a test need not wait."""
    monkeypatch.setattr(service, "LOOK", 0.02)
    monkeypatch.setattr(service, "TICK", 0.01)
    monkeypatch.setattr(recorder_module, "LAST_ATTEMPTS", (0.01, 0.02))
    return


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.ESTALE])
def test_training_goes_on_through_an_outage_and_the_log_is_whole_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    undisturbed = [event.name for event in run(experiment())]
    outage = Outage(monkeypatch, tmp_path / "runs", number)

    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if not isinstance(event, EpochEnded):
            return
        if event.epoch == 2:
            outage.on = True
            controls.checkpoint()
        if event.epoch in (2, 3):
            wait_for(lambda: recorder._writer.fault)
            assert recorder.status().storage is not None or event.epoch == 2
        if event.epoch == 4:
            controls.checkpoint()
            outage.on = False
            wait_for(lambda: recorder._writer.flush(force=True) is None)

    recorder, events = record(tmp_path / "runs", script)
    assert recorder.directory is not None
    failed = [event for event in events if isinstance(event, StorageFailed)]
    assert [event.what for event in failed].count("log") == 1
    assert [event.what for event in failed].count("checkpoint") == 1
    assert all(os.strerror(number) in event.error for event in failed)
    plain = ("command", "checkpoint_saved", "storage_failed")
    assert [event.name for event in events if event.name not in plain] == undisturbed
    read, _, bad = log.read(recorder.directory / log.NAME)
    assert [event.name for event in read if event.name not in plain] == undisturbed
    assert bad == 0
    assert (recorder.lost, recorder.exit_code) == (False, 0)
    status = read_status(recorder.directory)
    assert (status.storage, status.unwritten, status.state) == (None, 0, "finished")


@pytest.mark.usefixtures("quick")
def test_no_checkpoint_stands_on_a_log_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files hits the log alone: checkpoints would fit below it."""
    outage = Outage(monkeypatch, tmp_path / "test-0001" / log.NAME, errno.EFBIG)

    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch in (2, 3):
            controls.checkpoint()
            outage.on = event.epoch == 3

    recorder, events = record(tmp_path, script)
    # Six steps an epoch; a command is taken after the first of the next.
    assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [13]
    told = {event.what: event.error for event in events if isinstance(event, StorageFailed)}
    assert os.strerror(errno.EFBIG) in told["checkpoint"]
    assert (recorder.lost, recorder.exit_code) == (True, 3)
    outage.on = False
    assert recorder.directory is not None
    state = checkpoints.latest_valid(recorder.directory)
    assert state is not None
    assert state.log_bytes <= (recorder.directory / log.NAME).stat().st_size
    list(resume(recorder.directory))
    assert load_history(recorder.directory).state == "finished"


def test_what_killed_writers_left_is_taken_away_also_where_every_process_has_the_same_number(
    tmp_path: Path,
) -> None:
    def script(event: Event, _: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            controls.stop("SIGTERM")

    recorder, _ = record(tmp_path, script)
    directory = recorder.directory
    assert directory is not None
    # The names that this very process would use next, as the only process of a container always does.
    following = atomic.serial() + 1
    for number in range(following, following + 40):
        (directory / "checkpoints" / f".staging-{os.getpid()}-{number}").mkdir()
        for name in ("status.json", "best.safetensors", "final.safetensors", "experiment.toml"):
            (directory / f".{name}.{os.getpid()}-{number}").touch()
    (directory / ".mine").touch()
    events = list(resume(directory))
    assert not [event for event in events if isinstance(event, StorageFailed)]
    assert [path.name for path in directory.rglob(".*")] == [".mine"]


@pytest.mark.usefixtures("quick")
def test_what_an_outage_to_the_end_takes_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outage = Outage(monkeypatch, tmp_path / "runs", errno.ENOSPC)

    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            controls.checkpoint()
        if isinstance(event, CheckpointSaved):
            outage.on = True

    recorder, events = record(tmp_path / "runs", script)
    assert (recorder.lost, recorder.exit_code) == (True, 3)
    assert {event.what for event in events if isinstance(event, StorageFailed)} >= {
        "checkpoint",
        "final weights",
    }
    end = events[-1]
    assert isinstance(end, RunEnded | StorageFailed)
    assert any(isinstance(event, RunEnded) and event.reason == "finished" for event in events)
    outage.on = False
    assert recorder.directory is not None
    state = checkpoints.latest_valid(recorder.directory)
    assert state is not None
    assert state.plain["epoch"] == 3


@pytest.mark.usefixtures("quick")
def test_a_directory_deleted_while_training_is_made_anew(tmp_path: Path) -> None:
    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 3:
            assert recorder.directory is not None
            recorder._writer.flush()
            remove(recorder.directory)
            wait_for((recorder.directory / "experiment.toml").exists)

    recorder, events = record(tmp_path, script)
    assert recorder.directory is not None
    told = [event for event in events if isinstance(event, StorageFailed)]
    # Between the deletion of the log and of its folder the log alone may be missed, too.
    assert [event.what for event in told if event.what != "log"] == ["run directory"]
    assert "made anew" in told[-1].error
    history = load_history(recorder.directory)
    assert (history.state, history.epoch, len(history.train["loss"])) == ("finished", 6, 6)
    assert load_experiment(recorder.directory) == experiment()
    assert checkpoints.latest_valid(recorder.directory) is not None
    assert not recorder.lost


@pytest.mark.usefixtures("quick")
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells where a directory went")
def test_a_directory_moved_while_training_is_followed(tmp_path: Path) -> None:
    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 3:
            assert recorder.directory is not None
            recorder.directory.rename(tmp_path / "elsewhere")
            wait_for(lambda: recorder.directory == tmp_path / "elsewhere")

    _, events = record(tmp_path, script)
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere"]
    history = load_history(tmp_path / "elsewhere")
    assert (history.state, len(history.train["loss"])) == ("finished", 6)
    assert checkpoints.latest_valid(tmp_path / "elsewhere") is not None
    assert not [event for event in events if isinstance(event, StorageFailed)]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("gone", ["a file in its parent's place", "no parent to be made in"])
def test_a_directory_that_stays_away_is_told_of_once(tmp_path: Path, gone: str) -> None:
    looks: list[int] = []

    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            remove(tmp_path / "runs")
            if gone == "a file in its parent's place":
                (tmp_path / "runs").touch()
            else:
                (tmp_path / "runs").symlink_to(tmp_path / "nowhere" / "else")
            find = recorder._service._find_directory
            recorder._service._find_directory = lambda: (looks.append(1), find())[1]  # type: ignore[method-assign]
        if isinstance(event, EpochEnded) and event.epoch > 2:
            # At least two looks for the directory in every epoch that is still to come.
            seen = len(looks)
            wait_for(lambda: len(looks) > seen + 2)
            assert event.epoch == 3 or recorder.status().storage is not None

    recorder, events = record(tmp_path / "runs", script)
    told = [event for event in events if isinstance(event, StorageFailed)]
    assert [event.what for event in told].count("run directory") == 1
    assert len(told) <= 4, "the directory, a checkpoint, the final weights, and the log at most"
    assert isinstance(events[-1], RunEnded)
    assert (events[-1].reason, recorder.exit_code) == ("finished", 3)


@pytest.mark.usefixtures("quick")
def test_another_outage_is_told_of_again(tmp_path: Path) -> None:
    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch in (2, 4):
            remove(tmp_path / "runs")
            (tmp_path / "runs").touch()
            wait_for(lambda: recorder._service.troubled)
        elif isinstance(event, EpochEnded):
            if (tmp_path / "runs").is_file():
                (tmp_path / "runs").unlink()
            wait_for(lambda: not recorder._service.troubled)

    recorder, events = record(tmp_path / "runs", script)
    told = [e.error for e in events if isinstance(e, StorageFailed) and e.what == "run directory"]
    assert ["made anew" in error for error in told] == [False, True, False, True]
    assert recorder.directory is not None
    assert load_history(recorder.directory).state == "finished"
    assert recorder.exit_code == 0


@pytest.mark.usefixtures("quick")
def test_a_full_disk_is_told_to_those_who_read_the_status_and_to_watchers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file can be made and no log grow: the status is overwritten in its place, and watchers hear of it."""
    outage = Outage(monkeypatch, tmp_path / "test-0001", errno.ENOSPC)
    real, heard = os.open, list[StorageFailed]()

    def open_(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        # What is there can be opened also while the disk is full.
        if outage.on and not flags & os.O_CREAT:
            outage.on = False
            try:
                return real(path, flags, *rest, **options)
            finally:
                outage.on = True
        return real(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", open_)

    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        assert recorder.directory is not None
        if isinstance(event, EpochEnded) and event.epoch == 2:
            watcher = Control(recorder.directory)
            watcher.send("checkpoint")
            outage.on = True
            wait_for(lambda: recorder._writer.fault)
            watchers.append(watcher)
        if isinstance(event, EpochEnded) and event.epoch == 4:
            place = recorder.directory
            wait_for(lambda: os.strerror(errno.ENOSPC) in (read_status(place).storage or ""))
            wait_for(lambda: heard.extend(watchers[0].poll()) or len(heard) == 2)
            wait_for(lambda: read_status(place).epoch == 4)
            assert [run.state for run in list_runs(tmp_path)] == ["training"]
            outage.on = False
            wait_for(lambda: recorder._writer.flush(force=True) is None)

    watchers: list[Control] = []
    recorder, _ = record(tmp_path, script)
    watchers[0].close()
    assert {(event.what, os.strerror(errno.ENOSPC) in event.error) for event in heard} == {
        ("log", True), ("checkpoint", True),
    }  # fmt: skip
    assert recorder.exit_code == 0
    assert read_status(recorder.directory or tmp_path).storage is None


@pytest.mark.usefixtures("quick")
def test_the_socket_moves_with_its_run_and_no_other_is_touched(tmp_path: Path) -> None:
    other: list[ControlServer] = []

    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            assert recorder.directory is not None
            old = recorder.directory
            old.rename(tmp_path / "elsewhere")
            # Another run gets the name that is free again.
            old.mkdir()
            other.append(ControlServer(old, Controls()))
            wait_for(lambda: recorder.directory == tmp_path / "elsewhere")
            wait_for(lambda: recorder._service._place == tmp_path / "elsewhere")
            send(tmp_path / "elsewhere", "set", {"key": "optimizer.lr", "value": 0.25})

    _, events = record(tmp_path, script)
    assert [event.lr for event in events if isinstance(event, EpochEnded)][-1] == 0.25
    assert other[0].reachable()
    other[0].close()
    assert sorted(path.name for path in tmp_path.rglob("control.sock")) == []


@pytest.mark.usefixtures("quick")
def test_a_socket_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            assert recorder.directory is not None
            watcher = Control(recorder.directory)
            socket = recorder.directory / "control.sock"
            socket.unlink()
            wait_for(socket.exists)
            wait_for(recorder._service._server.reachable)  # type: ignore[union-attr]
            send(recorder.directory, "set", {"key": "optimizer.lr", "value": 0.25})
            watcher.send("checkpoint")
            watcher.close()

    _, events = record(tmp_path, script)
    assert [event.lr for event in events if isinstance(event, EpochEnded)][-1] == 0.25
    assert len([event for event in events if isinstance(event, CheckpointSaved)]) == 2


@pytest.mark.usefixtures("quick")
def test_a_deleted_log_alone_is_written_anew(tmp_path: Path) -> None:
    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 3:
            assert recorder.directory is not None
            recorder._writer.flush()
            (recorder.directory / log.NAME).unlink()
            wait_for((recorder.directory / log.NAME).exists)

    recorder, _ = record(tmp_path, script)
    assert recorder.directory is not None
    assert len(load_history(recorder.directory).train["loss"]) == 6


# -- while it runs ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick")
def test_a_file_named_stop_stops_cleanly(tmp_path: Path) -> None:
    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            assert recorder.directory is not None
            (recorder.directory / "STOP").touch()
            wait_for(lambda: controls.pending)

    recorder, events = record(tmp_path, script)
    assert isinstance(events[-1], RunEnded)
    assert (events[-1].reason, events[-1].epoch) == ("stopped", 2)
    assert recorder.directory is not None
    assert not (recorder.directory / "STOP").exists()
    assert any(isinstance(event, CheckpointSaved) for event in events)


@pytest.mark.usefixtures("quick")
def test_the_log_and_the_status_follow_while_the_reader_of_the_events_waits(tmp_path: Path) -> None:
    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 4:
            directory = recorder.directory
            assert directory is not None
            wait_for(lambda: load_history(directory).epoch == 4)
            wait_for(lambda: read_status(directory).epoch == 4)
            found = run_info(directory)
            assert found is not None
            assert found.state == "training"
            who = holder(directory)
            assert who is not None
            assert who.process.pid == os.getpid()

    record(tmp_path, script)


def test_a_reader_that_goes_away_leaves_a_stopped_run_and_no_lock(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "test")
    stream = recorder.record(run(experiment(), keeper=recorder))
    for event in stream:
        if isinstance(event, EpochEnded):
            break
    stream.close()
    assert recorder.directory is not None
    assert holder(recorder.directory) is None
    assert read_status(recorder.directory).state == "stopped"
    assert load_history(recorder.directory).epoch == 1


def test_events_pass_through_unchanged_and_probes_are_not_recorded(tmp_path: Path) -> None:
    def script(event: Event, recorder: Recorder, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            controls.probe("no such probe")

    recorder, events = record(tmp_path, script)
    assert "probed" in [event.name for event in events]
    assert recorder.directory is not None
    assert b'"event":"probed"' not in (recorder.directory / log.NAME).read_bytes()


def test_nonfinite_losses_are_recorded_as_they_are(tmp_path: Path) -> None:
    recorder, events = record(tmp_path, optimizer={"kind": "sgd", "lr": 1e30})
    assert recorder.directory is not None
    read = log.read(recorder.directory / log.NAME)[0]
    told = [[event for event in side if isinstance(event, StepsEnded)][-1] for side in (events, read)]
    assert str(told[0].loss) == str(told[1].loss) in ("nan", "inf")
    assert recorder.exit_code == 4


@pytest.mark.parametrize("call", [(Lock, "acquire"), (LogWriter, "open"), (recorder_module, "write_status")])
def test_a_disk_that_is_full_at_the_start_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: tuple[Any, str]
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "there").mkdir()
    monkeypatch.setattr(*call, full)
    for root in (tmp_path / "there", tmp_path / "new" / "runs"):
        with pytest.raises(StoreError, match="No space left"):
            record(root)
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*")] == [Path("there")]


def test_what_is_missing_at_the_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(recorder_module, "LAST_ATTEMPTS", (0.0,))
    monkeypatch.setattr(checkpoints, "save", full)
    monkeypatch.setattr(checkpoints, "save_weights", full)
    recorder, _ = record(tmp_path)
    assert list(recorder.missing) == ["the final weights (final.safetensors)", "the last checkpoint"]
    assert all("No space left" in why for why in recorder.missing.values())
    assert recorder.exit_code == 3
    (info,) = list_runs(tmp_path)
    assert (info.state, info.status.exit_code) == ("finished", 3)
    assert "final weights" in (info.status.storage or "")
