"""A pipe in the place of a file of a run: whoever reads or goes on with the run says so, or passes over it, and never waits."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from ladera.engine.controls import Controls
from ladera.engine.errors import LaderaError
from ladera.engine.loop import run as train
from ladera.engine.store import checkpoints, index, listing, status
from ladera.engine.store.index import IndexWriter
from ladera.engine.store.kept import WHICH, load_network
from ladera.engine.store.load import load_history
from ladera.engine.store.log import Follower
from ladera.engine.store.recorder import Recorder
from ladera.engine.store.resume import Resumption
from ladera.presets.catalog import load
from ladera.tui import archived, commands_lab, commands_runs
from ladera.tui.commands_export import export
from ladera.tui.export.files import FORMATS
from ladera.tui.log_lines import FromFile, FromOutput
from ladera.tui.native_output import NATIVE
from ladera.tui.watching import watch

FILES = (
    "experiment.toml", "events.jsonl", "events.index", "status.json", "best.safetensors", "final.safetensors", "lock",
    "control.sock", "STOP", NATIVE, "checkpoints", "checkpoints/*/manifest.json", "checkpoints/*/state.json",
    "checkpoints/*/state.safetensors",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has ended, and all the files that a run may have."""
    torch.set_num_threads(1)
    small = ("training.epochs=3", "data.examples=60", "model.hidden=[4]", "training.threads=1")
    controls = Controls()
    recorder = Recorder(tmp_path_factory.mktemp("whole"), "evil", controls)
    for _ in recorder.record(train(load("moons", small), controls, keeper=recorder)):
        pass
    assert recorder.directory is not None
    (recorder.directory / NATIVE).write_text("words\n")
    for name in ("events.index", "control.sock", "STOP"):
        (recorder.directory / name).touch()
    return recorder.directory


@pytest.fixture(params=FILES)
def place(trained: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """That run with a pipe in the place of one of its files, and with its log counted as a long one."""
    place = tmp_path / "runs" / trained.name
    shutil.copytree(trained, place)
    found = list(place.glob(request.param))
    assert found
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        os.mkfifo(path)
    return place


@pytest.fixture(autouse=True)
def long_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any log counts as long enough for an index."""
    monkeypatch.setattr(index, "FROM_BYTES", 1)


def in_time(what: Callable[[], object]) -> None:
    """Do something that may be refused, but not take long; a thread, since what waits for a pipe cannot be stopped."""
    odd: list[BaseException] = []

    def work() -> None:
        try:
            with suppress(LaderaError, OSError):
                what()
        except BaseException as error:
            odd.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "it waits"
    assert not odd, odd


def lines(place: Path) -> None:
    """Read the log as the lab's screen of it does."""
    told = FromFile(place / "events.jsonl", "everything")
    told.read()
    told.part(0, 100)
    told.whole(0)


def output(place: Path) -> None:
    """Read what libraries printed."""
    told = FromOutput([place / NATIVE])
    told.read()
    told.part(0, 100)


READERS: dict[str, Callable[[Path], Any]] = {
    "runs": lambda place: commands_runs.show_runs(place.parent, json=False),
    "runs --json": lambda place: commands_runs.show_runs(place.parent, json=True),
    "watch --once": lambda place: commands_lab.watch(place.name, place.parent, once=True),
    "watch": lambda place: watch(place).poll(),
    "last experiment": lambda place: commands_lab.last_experiment(place.parent),
    "archive": lambda place: archived.rows(archived.read(place.parent)),
    "history": load_history,
    "follower": lambda place: Follower(place).poll(),
    "log screen": lines,
    "output screen": output,
    "checkpoint": checkpoints.latest_valid,
    "branch": lambda place: checkpoints.branch(place, 9.0),
    "resume": lambda place: Resumption(place, {"training.epochs": 9}).close(),
    "index": lambda place: IndexWriter(place / "events.jsonl").go_on(5, 5),
    "status": status.read_status,
    "rename": lambda place: listing.rename_run(place, "other").rename(place),
}


@pytest.mark.parametrize("how", READERS)
def test_nobody_waits_for_a_pipe(place: Path, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    in_time(lambda: READERS[how](place))


def test_no_export_waits_for_a_pipe(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, one in FORMATS.items():
        to = str(tmp_path / f"out{one.suffix}-{name}")
        in_time(lambda name=name, to=to: export([place.name], to, name, "", place.parent, force=False))


def test_no_look_inside_waits_for_a_pipe(place: Path) -> None:
    for which in ("", *WHICH):
        in_time(lambda which=which: load_network(place, which))


def test_a_run_that_goes_on_does_not_wait_for_a_pipe(place: Path) -> None:
    def on() -> None:
        for _ in Resumption(place, {"training.epochs": 4}).events(Controls()):
            pass

    in_time(on)


def test_a_pipe_is_told_of(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "runs" / trained.name
    shutil.copytree(trained, place)
    for name in ("events.jsonl", "best.safetensors"):
        (place / name).unlink()
        os.mkfifo(place / name)
    told = FromFile(place / "events.jsonl", "everything")
    assert not told.read() and told.note == "its log cannot be read"
    with pytest.raises(LaderaError, match=r"events\.jsonl cannot be read: not a regular file"):
        commands_lab.watch(place.name, place.parent, once=True)
    (place / "events.jsonl").unlink()
    shutil.copy(trained / "events.jsonl", place)
    warned = load_network(place).warnings
    assert any("best.safetensors is damaged and was passed over" in one for one in warned)
