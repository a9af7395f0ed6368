"""The recorder's thread: what it holds is its own, also when the storage holds it up beyond the end of the run."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ladera.engine.controls import Controls
from ladera.engine.store import log, service
from ladera.engine.store.lock import Lock
from ladera.engine.store.log_writer import LogWriter
from ladera.engine.store.service import Service
from ladera.engine.store.status import Status


class Owner:
    """A recorder that notes what becomes of its directory."""

    def __init__(self, directory: Path) -> None:
        self.directory: Path | None = directory
        self.became: list[object] = []

    def status(self) -> Status:
        return Status(epoch=3)

    def moved(self, place: Path) -> None:
        self.became.append(place)

    def remade(self, lock: Lock) -> None:
        self.became.append(lock)


class Hanging(LogWriter):
    """A log on storage that does nothing until it is let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reached, self.go_on = threading.Event(), threading.Event()

    def flush(self, *, force: bool = False) -> OSError | None:
        self.reached.set()
        assert self.go_on.wait(20)
        return None


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at every turn, and do not wait long for a thread that hangs."""
    monkeypatch.setattr(service, "LOOK", 0.0)
    monkeypatch.setattr(service, "TICK", 0.01)
    monkeypatch.setattr(service, "PATIENCE", 0.1)


@pytest.mark.usefixtures("quick")
def test_a_thread_that_hangs_beyond_the_end_takes_no_other_directory_for_its_own(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    owner, writer = Owner(ours), Hanging(ours / log.NAME)
    beside = Service(owner, writer, Controls())
    beside.start()
    assert writer.reached.wait(20)
    beside.stop()
    # Whatever number was let go of is taken by something else now.
    others = [os.open(theirs, os.O_RDONLY | os.O_DIRECTORY) for _ in range(50)]
    try:
        writer.go_on.set()
        beside._thread.join(20)
        assert not beside._thread.is_alive()
        assert owner.became == []
        assert list(theirs.iterdir()) == []
        assert list(ours.iterdir()) == [], (
            "neither a status, which the recorder has written last, nor a socket"
        )
        assert all(os.path.samestat(os.fstat(other), theirs.stat()) for other in others)
    finally:
        for other in others:
            os.close(other)


@pytest.mark.usefixtures("quick")
def test_nothing_stays_open_after_the_end(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(20):
        beside = Service(Owner(tmp_path), LogWriter(tmp_path / log.NAME), Controls())
        beside.start()
        beside.stop()
        beside._thread.join(20)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert [path.name for path in tmp_path.iterdir() if path.name != "status.json"] == []
