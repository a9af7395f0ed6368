"""Writing a log through faults of the storage: no record torn, doubled or out of order once writing works again."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ladera.engine.store import log_writer
from ladera.engine.store.log_writer import LogWriter


class Disk:
    """Stands before os.write and os.fsync; each write asks the plan what to do."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.plan: Callable[[], str | int] = lambda: "well"
        self.write, self.fsync = os.write, os.fsync
        patch.setattr(os, "write", self._write)
        patch.setattr(os, "fsync", self._fsync)

    def _write(self, fd: int, data: bytes) -> int:
        order = self.plan()
        if isinstance(order, int):  # a short write
            return self.write(fd, data[: max(1, order)])
        if order == "lying":  # fails, though part of it arrived
            self.write(fd, data[: len(data) // 2])
            raise OSError(errno.EIO, "Input/output error")
        if order == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.write(fd, data)

    def _fsync(self, fd: int) -> None:
        if self.plan() in ("full", "lying"):
            raise OSError(errno.EIO, "Input/output error")
        self.fsync(fd)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lines(first: int, last: int) -> list[str]:
    return [f'{{"n":{number},"text":"{"x" * (number % 7)}"}}' for number in range(first, last)]


def test_one_thread_appends_while_another_flushes(tmp_path: Path) -> None:
    writer, written = LogWriter(tmp_path / "log"), lines(0, 30_000)
    writer.open()
    done, faults = threading.Event(), list[Exception]()

    def flush() -> None:
        while not done.is_set():
            try:
                writer.flush()
            except Exception as error:
                faults.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        thread = threading.Thread(target=flush)
        thread.start()
        for line in written:
            writer.append(line)
        done.set()
        thread.join()
    finally:
        sys.setswitchinterval(interval)
    writer.flush()
    assert faults == []
    assert writer.unwritten() == 0
    assert (tmp_path / "log").read_text().splitlines() == written
    writer.close()


def test_lines_appear_in_order_and_nothing_before_a_flush(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log")
    writer.open()
    for line in lines(0, 10):
        writer.append(line)
    assert (tmp_path / "log").read_bytes() == b""
    assert writer.end() == len("\n".join(lines(0, 10))) + 1
    assert writer.flush() is None
    assert (tmp_path / "log").read_text().splitlines() == lines(0, 10)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    writer.close()


def test_a_full_disk_is_told_and_after_it_nothing_is_missing(tmp_path: Path, disk: Disk) -> None:
    clock = Clock()
    writer = LogWriter(tmp_path / "log", clock)
    writer.open()
    writer.append("before")
    writer.flush()
    disk.plan = lambda: "full"
    for line in lines(0, 5):
        writer.append(line)
    fault = writer.flush()
    assert fault is not None
    assert fault.errno == errno.ENOSPC
    assert writer.unwritten() == 5
    disk.plan = lambda: "well"
    # Not yet: the back-off is not over.
    assert writer.flush() is fault
    clock.now += 1.0
    assert writer.flush() is None
    assert (tmp_path / "log").read_text().splitlines() == ["before", *lines(0, 5)]
    writer.close()


def test_the_pauses_between_attempts_grow_to_a_limit(tmp_path: Path, disk: Disk) -> None:
    clock, attempts = Clock(), list[float]()
    writer = LogWriter(tmp_path / "log", clock)
    writer.open()
    writer.append("line")

    def full() -> str:
        attempts.append(clock.now)
        return "full"

    disk.plan = full
    for tick in range(6000):
        clock.now = tick * 0.01
        writer.flush()
    pauses = [later - earlier for earlier, later in pairwise(attempts)]
    assert pauses[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8], abs=0.011)
    assert max(pauses) == pytest.approx(5.0, abs=0.011)


orders = st.lists(st.sampled_from(["well", "full", "lying", 1, 3, 17]), max_size=30)


@settings(max_examples=150, deadline=None)
@given(orders, st.lists(st.integers(0, 9), max_size=12))
def test_whatever_the_disk_does_the_file_holds_every_line_once(
    tmp_path_factory: pytest.TempPathFactory, plan: list[str | int], batches: list[int]
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(patch)
        todo = iter(plan)
        disk.plan = lambda: next(todo, "well")
        writer, number = LogWriter(path), 0
        writer.open()
        for batch in batches:
            for line in lines(number, number + batch):
                writer.append(line)
            number += batch
            (writer.sync if batch % 2 else writer.flush)(force=True)
        disk.plan = lambda: "well"
        assert writer.sync(force=True) is None
    assert path.read_text().splitlines() == lines(0, number)
    assert writer.end() == path.stat().st_size
    writer.close()


def test_an_unterminated_line_of_a_killed_writer_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntor")
    writer = LogWriter(path)
    writer.open()
    writer.append("two")
    writer.flush()
    assert path.read_bytes() == b"one\ntor\ntwo\n"
    assert writer.end() == path.stat().st_size
    writer.close()


def test_an_outage_has_bounded_memory_and_drops_step_reports_first(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "LIMIT", 1000)
    writer = LogWriter(tmp_path / "log")
    writer.open()
    disk.plan = lambda: "full"
    for _ in range(100):
        writer.append("s" * 99, (1, 0.0, 0.0, 0.0))
    for _ in range(100):
        writer.append("e" * 99)
    writer.flush()
    disk.plan = lambda: "well"
    writer.flush(force=True)
    written = (tmp_path / "log").read_text().splitlines()
    assert [line[0] for line in written] == ["s"] * 11 + ["e"] * 10
    assert writer.dropped == writer.unwritten() == 200 - 21
    # Memory is free again.
    writer.append("after")
    writer.flush()
    assert (tmp_path / "log").read_text().endswith("after\n")
    writer.close()


def test_after_a_failed_fsync_another_descriptor_is_used(tmp_path: Path, disk: Disk) -> None:
    writer = LogWriter(tmp_path / "log")
    writer.open()
    writer.append("one")
    writer.flush()
    used = writer.descriptor()
    failing = iter(["full"])
    disk.plan = lambda: next(failing, "well")
    assert writer.sync() is not None
    assert writer.descriptor() is None
    writer.append("two")
    assert writer.sync(force=True) is None
    assert writer.descriptor() is not None
    assert used is not None
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    writer.close()


def test_a_deleted_log_is_written_anew_with_all_it_held(tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.mkdir()
    writer = LogWriter(place / "log")
    writer.open()
    for line in lines(0, 3):
        writer.append(line)
    writer.flush()
    shutil.rmtree(place)
    for line in lines(3, 5):
        writer.append(line)
    writer.flush()
    place.mkdir()
    writer.recreate()
    writer.append(lines(5, 6)[0])
    writer.flush()
    assert (place / "log").read_text().splitlines() == lines(0, 6)
    writer.close()


def test_a_link_in_the_log_s_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("untouched")
    (tmp_path / "log").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic link"):
        LogWriter(tmp_path / "log").open()
    assert (tmp_path / "theirs").read_text() == "untouched"


@pytest.fixture(autouse=True)
def no_descriptor_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208
    yield
    if before:
        # The writers that a test leaves open on purpose are at most one.
        assert len(os.listdir("/proc/self/fd")) <= before + 1  # noqa: PTH208
