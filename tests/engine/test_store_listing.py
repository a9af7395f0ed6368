"""Listing, finding, renaming and deleting runs among whatever else lies in the directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ladera.engine.errors import StoreError
from ladera.engine.event_lines import to_line
from ladera.engine.events import (
    Checked,
    CommandTaken,
    EpochEnded,
    Event,
    Resumed,
    RunEnded,
    RunStarted,
    StepsEnded,
)
from ladera.engine.store import status as status_module
from ladera.engine.store.listing import (
    count_runs,
    delete_run,
    experiment_values,
    find_run,
    list_runs,
    rename_run,
)
from ladera.engine.store.lock import Lock
from ladera.engine.store.process import Process, this_process
from ladera.engine.store.status import Status, after, parse_status, read_status, write_status

DEAD = {**this_process().plain(), "start": "1"}
ALIVE = this_process().plain()
STARTED = RunStarted(
    experiment={"description": "words", "training": {"epochs": 9}, "stopping": {"monitor": "accuracy", "mode": "max"}},
    parameters=3, task="binary", sizes={"train": 4, "validation": 1, "test": 1}, steps_per_epoch=2,
)  # fmt: skip
EPOCH = EpochEnded(
    epoch=2, step=4, train={"loss": 0.5, "metrics": {}}, validation={"loss": float("nan"), "metrics": {"accuracy": 1.0}},
    lr=0.1, seconds=1.0, examples_per_second=1.0,
)  # fmt: skip


def made(root: Path, name: str, **values: Any) -> Path:
    path = root / name
    path.mkdir(parents=True)
    now = time.time()
    write_status(
        path,
        Status(**{"process": DEAD, "heartbeat": now, "progressed": now, "started": now} | values),
        durable=False,
    )
    return path


def states(root: Path) -> dict[str, str]:
    return {run.name: run.state for run in list_runs(root)}


def test_the_state_is_what_the_owner_said_unless_it_is_dead_or_still(tmp_path: Path) -> None:
    old = time.time() - 3600
    elsewhere = Process(1, "another-machine", "b", "s").plain()
    made(tmp_path, "a-0001", state="training", process=ALIVE)
    made(tmp_path, "a-0002", state="paused", process=ALIVE, progressed=old)
    made(tmp_path, "a-0003", state="training", process=ALIVE, progressed=old)
    made(tmp_path, "a-0004", state="training")
    made(tmp_path, "a-0005", state="paused")
    made(tmp_path, "a-0006", state="training", process=elsewhere)
    made(tmp_path, "a-0007", state="training", process=elsewhere, heartbeat=old)
    for number, reason in enumerate(("finished", "stopped_early", "stopped", "diverged", "failed"), 10):
        made(tmp_path, f"a-00{number}", state=reason)
    assert list(states(tmp_path).values()) == [
        "training", "paused", "stalled", "crashed", "crashed", "training", "crashed",
        "finished", "stopped_early", "stopped", "diverged", "failed",
    ]  # fmt: skip


def test_runs_are_ordered_by_when_they_began_and_then_by_number(tmp_path: Path) -> None:
    for name, started in (
        ("b-0002", 50.0),
        ("a-0010", 40.0),
        ("a-0009", 60.0),
        ("a-12345", 1.0),
        ("b-0001", 70.0),
        ("b-0010", 50.0),
    ):
        made(tmp_path, name, started=started)
    assert list(states(tmp_path)) == ["a-12345", "a-0010", "b-0002", "b-0010", "a-0009", "b-0001"]


def test_runs_are_counted_without_a_look_into_them(tmp_path: Path) -> None:
    assert count_runs(tmp_path / "no such place") == 0
    for name in ("a-0001", "b-0001", ".hidden-0001"):
        made(tmp_path, name)
    (tmp_path / "photos").mkdir()
    assert count_runs(tmp_path) == 2


def test_whatever_else_lies_there_is_passed_over_or_named(tmp_path: Path) -> None:
    made(tmp_path, "good-0001", state="finished")
    (tmp_path / "empty-0001").mkdir()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    (tmp_path / "emptyfolder").mkdir()
    (tmp_path / ".hidden-0001").mkdir()
    (tmp_path / "file-0001").touch()
    (tmp_path / "loop-0001").symlink_to(tmp_path / "loop-0001")
    (tmp_path / "self-0001").mkdir()
    (tmp_path / "self-0001" / "status.json").symlink_to(tmp_path / "self-0001" / "status.json")
    (tmp_path / "dangling-0001").symlink_to(tmp_path / "nowhere")
    (tmp_path / "up-0001").symlink_to(tmp_path)
    for number, content in enumerate(
        (
            b"",
            b"garbage",
            b"[]",
            b'{"format": 99}',
            b'{"epoch": "three"}',
            b"\0" * 300,
            b"[" * 10_000,
            b"\xff",
        )
    ):
        (tmp_path / f"bad-000{number}").mkdir()
        (tmp_path / f"bad-000{number}" / "status.json").write_bytes(content)
    (tmp_path / "odd\x1b[2J-0001").mkdir()
    found = states(tmp_path)
    assert found.pop("good-0001") == "finished"
    assert found == {
        **{f"bad-000{number}": "damaged" for number in range(8)},
        "empty-0001": "damaged", "self-0001": "damaged", "odd\x1b[2J-0001": "damaged",
    }  # fmt: skip
    assert list_runs(tmp_path / "no such place") == []
    assert all(run.fault for run in list_runs(tmp_path) if run.state == "damaged")


def test_a_run_without_a_status_is_told_from_its_log(tmp_path: Path) -> None:
    ended = RunEnded(reason="finished", epoch=2, step=4, best_epoch=2)
    for name, events in (("a-0001", [STARTED, EPOCH]), ("a-0002", [STARTED, EPOCH, ended])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "events.jsonl").write_text(
            "".join(to_line(event) + "\n" for event in events) + '{"torn'
        )
    one, other = list_runs(tmp_path)
    assert (one.state, one.status.epoch, one.status.epochs, one.status.description) == (
        "crashed",
        2,
        9,
        "words",
    )
    assert (other.state, other.progress) == ("finished", pytest.approx(2 / 9))


def test_a_very_long_log_is_told_from_its_ends(tmp_path: Path) -> None:
    (tmp_path / "a-0001").mkdir()
    with (tmp_path / "a-0001" / "events.jsonl").open("w") as file:
        file.write(to_line(STARTED) + "\n")
        for step in range(5000):
            file.write(to_line(StepsEnded(epoch=1, step=step, loss=1.0, low=1.0, high=1.0)) + "\n")
        file.write(to_line(EPOCH) + "\n")
    assert list_runs(tmp_path)[0].status.epoch == 2


# -- the status ------------------------------------------------------------------------------------------------------


def test_the_status_follows_the_events() -> None:
    story: list[tuple[Event, dict[str, Any]]] = [
        (STARTED, {"state": "training", "epochs": 9, "monitor": "accuracy", "description": "words"}),
        (StepsEnded(epoch=1, step=1, loss=1.0, low=1.0, high=1.0), {"epoch": 0, "step": 1}),
        (EPOCH, {"epoch": 2, "step": 4}),
        (
            Checked(epoch=2, value=1.0, best=1.0, best_epoch=2, wait=0, patience=3, verdict="improved"),
            {"best_epoch": 2, "best_value": 1.0},
        ),
        (CommandTaken(command="pause"), {"state": "paused"}),
        (CommandTaken(command="stop", error="no"), {"state": "paused"}),
        (CommandTaken(command="step", value=1), {"state": "training"}),
        (CommandTaken(command="set", value={"key": "training.epochs", "value": 20}), {"epochs": 20}),
        (
            RunEnded(reason="stopped", interrupted_by="SIGTERM", epoch=2, step=5),
            {"state": "stopped", "exit_code": 143},
        ),
        (
            Resumed(epoch=2, step=5, changes={"training.epochs": [20, 30]}),
            {"state": "training", "epochs": 30, "exit_code": None},
        ),
        (RunEnded(reason="failed", epoch=2, step=5), {"state": "failed", "exit_code": 3}),
    ]
    status = Status()
    for event, expected in story:
        status = after(status, event, 100.0)
        assert {name: getattr(status, name) for name in expected} == expected
        assert status.progressed == 100.0


def set_to(key: str, value: Any, step: int, error: str = "") -> CommandTaken:
    return CommandTaken(
        command="set", value={"key": key, "value": value}, epoch=step // 2, step=step, error=error
    )


def test_the_status_knows_the_values_in_force(tmp_path: Path) -> None:
    status = Status()
    for event in (
        STARTED, set_to("optimizer.lr", 0.1, 2), set_to("optimizer.lr", -1, 3, "must be above 0"), set_to("optimizer.lr", 0.2, 6),
        set_to("training.epochs", 20, 6),
    ):  # fmt: skip
        status = after(status, event, 1.0)
    write_status(tmp_path, status, durable=False)
    assert read_status(tmp_path) == status
    assert [(one["key"], one["value"], one["epoch"]) for one in status.changes] == [
        ("optimizer.lr", 0.1, 1), ("optimizer.lr", 0.2, 3), ("training.epochs", 20, 3)
    ]  # fmt: skip
    # It goes on from before the second change, with another patience.
    resumed = after(status, Resumed(epoch=2, step=4, changes={"stopping.patience": [10, 30]}), 1.0)
    assert [(one["key"], one["value"]) for one in resumed.changes] == [
        ("optimizer.lr", 0.1),
        ("stopping.patience", 30),
    ]
    assert after(status, STARTED, 1.0).changes == ()


def test_changes_that_make_no_sense_are_left_out_of_a_status() -> None:
    good = {"key": "optimizer.lr", "value": "nan", "epoch": 1, "step": 2}
    odd: list[Any] = [
        3,
        None,
        {},
        {**good, "step": "2"},
        {**good, "key": 1},
        {"key": "a", "epoch": 1, "step": 1},
    ]
    status = parse_status(json.dumps({"state": "stopped", "changes": [*odd, good]}).encode())
    assert status is not None and [one["key"] for one in status.changes] == ["optimizer.lr"]
    assert after(status, Resumed(epoch=1, step=1), 1.0).changes == ()


def test_of_very_many_changes_the_last_of_each_value_are_kept() -> None:
    status = after(Status(), STARTED, 1.0)
    status = after(status, set_to("stopping.patience", 7, 1), 1.0)
    for step in range(500):
        status = after(status, set_to("optimizer.lr", step / 1000, step), 1.0)
    assert len(status.changes) <= 101
    assert {one["key"]: one["value"] for one in status.changes} == {
        "stopping.patience": 7,
        "optimizer.lr": 0.499,
    }


def test_the_values_of_an_experiment_are_read_whatever_its_version(tmp_path: Path) -> None:
    path = made(tmp_path, "digits-0001")
    assert experiment_values(path) == {}
    (path / "experiment.toml").write_text('[optimizer]\nkind = "of a version to come"\n')
    assert experiment_values(path) == {"optimizer": {"kind": "of a version to come"}}
    (path / "experiment.toml").write_text("[optimizer\n")
    os.utime(path / "experiment.toml", ns=(1, 1))
    assert experiment_values(path) == {}


def test_a_status_is_read_as_it_was_written_nonfinite_numbers_included(tmp_path: Path) -> None:
    status = after(after(Status(process=ALIVE, started=5.0), STARTED, 9.0), EPOCH, 10.0)
    write_status(tmp_path, status, durable=True)
    assert repr(read_status(tmp_path)) == repr(status)
    assert json.loads((tmp_path / "status.json").read_text())["validation"]["loss"] == "nan"
    assert parse_status(b'{"state": 3}') is None
    assert parse_status(b'{"a_newer_field": 3, "epoch": 4}') == Status(epoch=4)


def test_a_reader_never_sees_half_a_status(tmp_path: Path) -> None:
    write_status(tmp_path, Status(description="0" * 5000), durable=False)
    writer = subprocess.Popen(
        [sys.executable, "-c",
         "import sys\nfrom pathlib import Path\nfrom ladera.engine.store.status import *\n"
         "for i in range(400): write_status(Path(sys.argv[1]), Status(description=str(i % 10) * 5000), durable=False)",
         str(tmp_path)]
    )  # fmt: skip
    seen = 0
    while writer.poll() is None:
        status = parse_status((tmp_path / "status.json").read_bytes())
        assert status is not None
        assert len(set(status.description)) == 1
        seen += 1
    assert seen
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


# -- finding ---------------------------------------------------------------------------------------------------------


def test_a_run_is_found_by_its_name_by_what_it_was_called_and_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("digits-0001", "digits-0012", "digits-0003", "mine"):
        made(tmp_path, name)
    assert find_run(tmp_path, "digits-0003") == tmp_path / "digits-0003"
    assert find_run(tmp_path, "digits-0003/") == tmp_path / "digits-0003"
    assert find_run(tmp_path, "digits") == tmp_path / "digits-0012"
    assert find_run(tmp_path, "mine") == tmp_path / "mine"
    assert find_run(Path("nowhere"), str(tmp_path / "mine")) == tmp_path / "mine"
    monkeypatch.chdir(tmp_path)
    assert find_run(tmp_path / "else", "mine") == Path("mine")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("digit", 'did you mean "digits"'),
        ("digits-0002", 'did you mean "digits-0001"'),
        ("zzz", "there is digits-0001$"),
        ("./zzz", "there is no run directory zzz"),
    ],
)
def test_a_run_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path, name: str, hint: str) -> None:
    made(tmp_path, "digits-0001")
    with pytest.raises(StoreError, match=hint):
        find_run(tmp_path, name)


def test_a_file_in_place_of_a_run_directory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path, "digits-0001")
    (path / "experiment.toml").touch()
    for name in (f"{path}/experiment.toml", f"{path}/status.json"):
        with pytest.raises(StoreError, match=f"is a file; give the directory of the run, {path}$"):
            find_run(tmp_path, name)
    with pytest.raises(StoreError, match=f"there is no run directory {path}/no$"):
        find_run(tmp_path, f"{path}/no/")
    with pytest.raises(StoreError, match="cannot be looked at: File name too long"):
        find_run(tmp_path, f"{path}/{'x' * 300}")
    monkeypatch.chdir(path)
    with pytest.raises(StoreError, match="is a file; give the directory of the run"):
        find_run(tmp_path, "experiment.toml")


@pytest.mark.parametrize("name", ["../x", "/no/such", "..", ".", "", "a\x1bb", "-x", "a\\b"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError):
        find_run(tmp_path / "runs", name)


# -- renaming and deleting -------------------------------------------------------------------------------------------


def test_a_run_is_renamed_and_deleted(tmp_path: Path) -> None:
    path = made(tmp_path, "a-0001", state="finished")
    (path / "checkpoints").mkdir()
    other = made(tmp_path, "b-0001", state="finished")
    renamed = rename_run(path, "best of all")
    assert renamed == tmp_path / "best of all"
    assert (renamed / "checkpoints").is_dir()
    with pytest.raises(StoreError, match="exists already"):
        rename_run(renamed, "b-0001")
    with pytest.raises(StoreError, match="cannot be the name"):
        rename_run(renamed, "../out")
    delete_run(renamed)
    assert list(tmp_path.iterdir()) == [other]


def test_a_run_that_is_written_is_neither_renamed_nor_deleted(tmp_path: Path) -> None:
    path = made(tmp_path, "a-0001", state="training", process=ALIVE)
    with Lock(path):
        with pytest.raises(StoreError, match=f"process {os.getpid()}"):
            delete_run(path)
        with pytest.raises(StoreError, match=f"process {os.getpid()}"):
            rename_run(path, "b-0001")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a-0001"]
    delete_run(path)


def test_only_runs_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    real = made(tmp_path / "real", "a-0001")
    (tmp_path / "link").symlink_to(real)
    for path in (tmp_path / "photos", tmp_path / "link", tmp_path / "nothing"):
        with pytest.raises(StoreError):
            delete_run(path)
    assert (tmp_path / "photos" / "cat.jpg").exists()
    assert real.exists()


def test_listing_and_reading_logs_need_no_torch() -> None:
    script = (
        "import sys, ladera.engine.store.listing, ladera.engine.store.load, ladera.engine.store.control\n"
        "assert 'torch' not in sys.modules\n"
        "assert not {'textual', 'rich', 'plotext', 'typer'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_heartbeat_elsewhere_counts_for_a_minute(tmp_path: Path) -> None:
    assert status_module.SILENCE == 60.0
    elsewhere = Process(1, "another-machine", "b", "s").plain()
    assert Status(process=elsewhere, heartbeat=time.time() - 50).owner_alive() is True
    assert Status(process=elsewhere, heartbeat=time.time() - 70).owner_alive() is False
    assert Status().owner_alive() is None
