"""One writer per directory, also without flock, after a crash, and across machines."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ladera.engine.errors import StoreError
from ladera.engine.store.lock import Lock, holder
from ladera.engine.store.process import Process, _start, this_process
from ladera.engine.store.status import Status, write_status

HOLD = """
import sys, time
from pathlib import Path
from ladera.engine.store.lock import Lock
if sys.argv[2] == "without":
    import errno, fcntl
    def unsupported(*_): raise OSError(errno.ENOLCK, "No locks available")
    fcntl.flock = unsupported
Lock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture(params=["flock", "without"])
def support(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both kinds of file systems: with flock, and without."""

    def unsupported(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    if request.param == "without":
        monkeypatch.setattr(fcntl, "flock", unsupported)
    return request.param


def other(directory: Path, support: str) -> subprocess.Popen[str]:
    """Another process that holds the lock of a directory."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory), support], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def written(directory: Path, **changes: Any) -> None:
    """Put a holder's name in the lock file."""
    values = {**this_process().plain(), "since": time.time(), **changes}
    (directory / "lock").write_text(json.dumps(values))


def test_a_second_writer_is_refused_by_the_name_of_the_first(tmp_path: Path, support: str) -> None:
    process = other(tmp_path, support)
    try:
        with pytest.raises(StoreError, match=rf"process {process.pid} on .*, since 20\d\d-") as refusal:
            Lock(tmp_path).acquire()
        assert this_process().host in str(refusal.value)
    finally:
        process.kill()
        process.wait()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path, support: str) -> None:
    process = other(tmp_path, support)
    process.kill()
    process.wait()
    with Lock(tmp_path):
        found = holder(tmp_path)
        assert found is not None
        assert found.process == this_process()
    assert holder(tmp_path) is None


def test_the_lock_of_a_killed_process_that_nobody_buried_is_taken_over(tmp_path: Path, support: str) -> None:
    process = other(tmp_path, support)
    process.kill()
    time.sleep(0.1)  # now a zombie: its number is still taken
    with Lock(tmp_path):
        pass
    process.wait()


def test_one_process_does_not_hold_it_twice(tmp_path: Path, support: str) -> None:
    with Lock(tmp_path), pytest.raises(StoreError, match=f"process {os.getpid()}"):
        Lock(tmp_path).acquire()
    with Lock(tmp_path):
        pass


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.ENOSPC])
def test_a_file_that_cannot_be_emptied_is_let_go_of_all_the_same(
    tmp_path: Path, support: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    lock = Lock(tmp_path)
    lock.acquire()
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate" if support == "flock" else "truncate", fail)
        lock.release()
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208
    with Lock(tmp_path):
        pass


def test_a_directory_that_is_gone_at_the_end_holds_no_other_off(tmp_path: Path, support: str) -> None:
    place = tmp_path / "run"
    place.mkdir()
    lock = Lock(place)
    lock.acquire()
    place.rename(tmp_path / "moved")
    lock.release()
    with Lock(tmp_path / "moved"):
        pass


def test_a_later_process_with_the_same_number_is_another(tmp_path: Path, support: str) -> None:
    written(tmp_path, start="1")
    with Lock(tmp_path):
        pass


def test_a_process_from_before_the_machine_restarted_is_dead(tmp_path: Path, support: str) -> None:
    written(tmp_path, boot="another-start:1", pid=os.getppid())
    with Lock(tmp_path):
        pass


@pytest.mark.parametrize("fresh", [True, False])
def test_a_holder_on_another_machine_is_alive_while_its_heart_beats(
    tmp_path: Path, support: str, fresh: bool
) -> None:
    written(tmp_path, host="another-machine", pid=77)
    lock = Lock(tmp_path, fresh=fresh)
    if fresh:
        with pytest.raises(StoreError, match="process 77 on another-machine"):
            lock.acquire()
    lock.fresh = False
    lock.acquire()
    lock.release()


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"{}", b'{"pid": -1}', b'{"pid": true, "host": 3}', b"\0" * 100, b"[" * 5000]
)
def test_a_damaged_lock_file_holds_nobody_off(tmp_path: Path, support: str, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    assert holder(tmp_path) is None
    with Lock(tmp_path):
        assert holder(tmp_path) is not None


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("untouched")
    (tmp_path / "lock").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic link"):
        Lock(tmp_path).acquire()
    assert (tmp_path / "theirs").read_text() == "untouched"


RACE = """
import sys, time
from pathlib import Path
from ladera.engine.store.lock import Lock
from ladera.engine.errors import StoreError
if sys.argv[2] == "without":
    import errno, fcntl
    def unsupported(*_): raise OSError(errno.ENOLCK, "No locks available")
    fcntl.flock = unsupported
root = Path(sys.argv[1])
while not (root / "go").exists():
    pass
for number in range(20):
    try:
        Lock(root / str(number)).acquire()
        print(number)
    except StoreError:
        pass
    time.sleep(0.01)
time.sleep(1)
"""


def test_of_several_that_find_a_dead_one_s_lock_one_gets_it(tmp_path: Path, support: str) -> None:
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        written(tmp_path / str(number), start="1")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path), support], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    time.sleep(0.5)
    (tmp_path / "go").touch()
    taken = [line for process in processes for line in process.communicate()[0].split()]
    assert sorted(taken, key=int) == [str(number) for number in range(20)]


def test_who_died_while_taking_a_lock_holds_nobody_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    def died(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fcntl.flock", unsupported)
    with monkeypatch.context() as dying:
        # Between its claim and its name in the lock file, unable to tidy up.
        dying.setattr("os.rename", died)
        dying.setattr("ladera.engine.store.atomic.discard", lambda paths: None)
        with pytest.raises(KeyboardInterrupt):
            Lock(tmp_path).acquire()
    (claim,) = tmp_path.glob(".lock.after-*")
    dead = {**this_process().plain(), "start": "1", "since": 0.0}
    claim.write_text(json.dumps(dead))
    with Lock(tmp_path):
        assert not list(tmp_path.glob(".lock.after-*"))
    claim.write_text(json.dumps({**this_process().plain(), "pid": os.getppid(), "since": 0.0}))
    other = Process.of({**this_process().plain(), "pid": os.getppid()})
    assert other is not None
    monkeypatch.setattr(Process, "alive", lambda process: process == other)
    with pytest.raises(StoreError, match=f"process {other.pid} on"):
        Lock(tmp_path).acquire()


def test_a_process_is_told_from_every_other() -> None:
    me = this_process()
    assert me.alive() is True
    assert Process.of(me.plain()) == me
    assert Process(me.pid, me.host, me.boot, "1").alive() is False
    assert Process(me.pid, "elsewhere", me.boot, me.start).alive() is None
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    from ladera.engine.store import process

    start = process._start(child.pid)
    them = Process(child.pid, me.host, me.boot, start)
    assert them.alive() is True
    child.communicate(b"\n")
    assert them.alive() is False


@pytest.mark.parametrize(
    ("state", "age", "refused"), [("training", 1, True), ("training", 120, False), ("finished", 1, False)]
)
def test_without_its_file_a_run_is_held_by_whoever_wrote_its_status_just_now(
    tmp_path: Path, state: str, age: float, refused: bool
) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        now = time.time()
        owner = {**this_process().plain(), "pid": process.pid, "start": _start(process.pid)}
        ended = now if state == "finished" else None
        status = Status(state=state, process=owner, started=now - 500, heartbeat=now - age, ended=ended)
        write_status(tmp_path, status, durable=False)
        if not refused:
            with Lock.of_run(tmp_path):
                return
        for _ in range(2):  # a refusal leaves no file by which the next one would be let in
            with pytest.raises(StoreError, match=f"is being written by process {process.pid} on"):
                Lock.of_run(tmp_path).acquire()
            assert not (tmp_path / "lock").exists()
        process.kill()
        process.wait()
        with Lock.of_run(tmp_path):
            pass
    finally:
        process.kill()
        process.wait()
