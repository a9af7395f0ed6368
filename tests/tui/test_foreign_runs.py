"""Run directories that somebody else wrote, or a disk damaged: whatever is in one of them, all the others are listed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ladera.engine.events import EVENTS
from ladera.engine.store import status as status_module
from ladera.engine.store.listing import list_runs, run_info
from ladera.engine.store.process import this_process
from ladera.engine.store.status import Status, parse_status, write_status
from ladera.tui.archived import COLUMNS, ordered, read, rows
from ladera.tui.commands_lab import last_experiment
from ladera.tui.commands_runs import show_runs

VALUES: list[Any] = [
    None, True, -1, 0, 3, 10**400, -(10**30), 2**53, 1.5, 1e308, "nan", "inf", "-inf", "x", "\x1b[31m", "\ud800", [], [1], {},
    {"a": 1}, {"loss": "x"}, {"loss": 1, "metrics": {"accuracy": []}}, [[[[]]]],
]  # fmt: skip
GOOD: dict[str, Any] = {
    "process": this_process().plain(), "started": 1e9, "heartbeat": 1e9, "progressed": 1e9, "epoch": 2, "epochs": 3, "step": 8,
    "best_epoch": 1, "best_value": 0.5, "train": {"loss": 0.5, "metrics": {"accuracy": 0.5}}, "unwritten": 1,
}  # fmt: skip
RECORDS = [
    {"event": "run_started", "time": 0, "experiment": {"training": {"epochs": 3}, "stopping": {"monitor": "loss"}},
     "parameters": 3, "task": "binary", "sizes": {}, "steps_per_epoch": 2},
    {"event": "steps_ended", "time": 1, "epoch": 1, "step": 1, "loss": 0.5, "low": 0.5, "high": 0.5},
    {"event": "epoch_ended", "time": 1, "epoch": 1, "step": 2, "train": {"loss": 0.5}, "validation": {"loss": 0.5}, "lr": 0.1,
     "seconds": 1, "examples_per_second": 1},
    {"event": "checked", "time": 1, "epoch": 1, "value": 0.5, "best": 0.5, "best_epoch": 1, "reference": 0.5, "wait": 0,
     "patience": 3, "verdict": "improved"},
    {"event": "command", "time": 1, "command": "set", "value": {"key": "training.epochs", "value": 5}, "epoch": 1, "step": 2},
    {"event": "checkpoint_saved", "time": 1, "epoch": 1, "step": 2, "path": "checkpoints/step-000000002", "seconds": 0.1},
    {"event": "storage_failed", "time": 1, "what": "log", "error": "full"},
    {"event": "resumed", "time": 1, "epoch": 1, "step": 2, "changes": {"training.epochs": [3, 5]}},
    {"event": "run_ended", "time": 2, "reason": "finished", "epoch": 1, "step": 2, "best_epoch": 1, "restored_epoch": 1,
     "test": {"loss": 0.5}, "seconds": 2, "detail": "", "interrupted_by": ""},
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a run that is well, and one that is to be made foreign."""
    for name in ("good-0001", "odd-0001"):
        (tmp_path / name).mkdir()
        write_status(tmp_path / name, Status(**GOOD, state="finished"), durable=False)
    return tmp_path


def listed(root: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What every list makes of the runs: `ladera runs` in both forms, and the lab's."""
    assert show_runs(root, json=False) == 0
    capsys.readouterr().out.encode()
    assert show_runs(root, json=True) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.encode().splitlines()]
    for by in COLUMNS:
        assert len(rows(ordered(read(root), by))) == 2
    last_experiment(root)
    return {run["name"]: run["state_now"] for run in told}


@pytest.mark.parametrize("state", ["finished", "training"])
def test_no_value_of_any_field_takes_the_other_runs_off_the_list(
    root: Path, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    whole = json.loads((root / "odd-0001" / "status.json").read_text()) | {"state": state}
    assert set(whole) >= {field.name for field in fields(Status)}
    for key in whole:
        for value in VALUES:
            text = json.dumps({**whole, key: value})
            (root / "odd-0001" / "status.json").write_text(text)
            states = listed(root, capsys)
            assert states["good-0001"] == "finished"
            # A value that a field may have is taken, any other makes the file none.
            assert (states["odd-0001"] == "damaged") == (parse_status(text.encode()) is None), (key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("started", None), ("started", "nan"), ("epoch", -1), ("epoch", 1.0), ("epoch", True), ("epochs", 10**400),
        ("state", "no such state"), ("best_value", "x"), ("process", []), ("train", {"loss": None}), ("ended", 1e300),
    ],
)  # fmt: skip
def test_a_field_of_another_type_or_out_of_range_makes_it_no_status(key: str, value: Any) -> None:
    assert parse_status(json.dumps(GOOD).encode()) == Status(**GOOD)
    assert parse_status(json.dumps({**GOOD, key: value}).encode()) is None


def test_numbers_that_are_not_finite_may_be_measured(root: Path) -> None:
    best = {"best_value": float("inf"), "train": {"loss": float("nan"), "metrics": {}}}
    write_status(root / "odd-0001", Status(**{**GOOD, **best}), durable=False)
    found = status_module.read_status(root / "odd-0001")
    assert (found.best_value, str(found.train)) == (float("inf"), "{'loss': nan, 'metrics': {}}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(key=st.sampled_from([field.name for field in fields(Status)]), value=JSON)
def test_a_status_is_read_or_refused(key: str, value: Any) -> None:
    found = parse_status(json.dumps({**GOOD, key: value}).encode())
    assert found is None or status_module.well_formed(found)


def test_no_value_in_any_record_of_a_log_takes_the_other_runs_off_the_list(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {record["event"] for record in RECORDS} <= set(EVENTS)
    (root / "odd-0001" / "status.json").unlink()
    for place, record in enumerate(RECORDS):
        for key in record:
            for value in VALUES:
                records = [*RECORDS[:place], {**record, key: value}, *RECORDS[place + 1 :]]
                lines = "\n".join(map(json.dumps, records)) + "\n"
                (root / "odd-0001" / "events.jsonl").write_text(lines)
                found = run_info(root / "odd-0001")
                assert found is not None, (record, key, value)
                assert status_module.well_formed(found.status), (record, key, value)
    assert listed(root, capsys)["good-0001"] == "finished"


@pytest.mark.parametrize("name", ["status.json", "events.jsonl", "experiment.toml", "lock", "events.index"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_neither_waited_for_nor_read_without_end(root: Path, name: str, kind: str) -> None:
    place = root / "odd-0001" / name
    place.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/zero")
    else:
        place.mkdir()
    # In a process with little memory, since the fault would be to hang or to fill it.
    script = (
        "import resource, sys; from pathlib import Path\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "from ladera.tui.commands_runs import show_runs\n"
        "from ladera.tui.commands_lab import last_experiment\n"
        "from ladera.engine.store.load import load_history\n"
        "from ladera.engine.errors import StoreError\n"
        "root = Path(sys.argv[1])\n"
        "show_runs(root, json=False); last_experiment(root)\n"
        "try: load_history(root / 'odd-0001')\n"
        "except StoreError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(root)], capture_output=True, text=True, timeout=60, check=True
    )
    assert "good-0001" in done.stdout
    assert "odd-0001" in done.stdout
    if name == "events.jsonl":
        assert "cannot be read" in done.stdout


def test_a_link_to_a_file_is_as_good(root: Path) -> None:
    status = root / "odd-0001" / "status.json"
    status.rename(root / "elsewhere.json")
    status.symlink_to(root / "elsewhere.json")
    assert {run.name: run.state for run in list_runs(root)}["odd-0001"] == "finished"


def test_a_status_larger_than_any_is_none(root: Path) -> None:
    with (root / "odd-0001" / "status.json").open("r+b") as file:
        file.truncate(status_module.LARGEST + 1)
    found = run_info(root / "odd-0001")
    assert found is not None
    assert found.state == "damaged"
    assert "longer than 1048576 bytes" in found.fault
