"""One writer per run directory: an advisory lock, and a file that names who holds it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import StoreError
from . import atomic
from .process import Process, this_process
from .reading import open_regular
from .status import SILENCE, read_status

NAME = "lock"

# What a holder writes is far shorter.
_LONGEST = 4096
_HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}

#: Lock files that this process holds without the kernel's help, by device and inode of their directory.
_ours: set[tuple[int, int]] = set()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who said to be writing, and since when."""

    process: Process
    since: float
    "Seconds since 1970."

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.process.pid} on {self.process.host}, since {since}"


def holder(directory: Path) -> Holder | None:
    """Return whom the lock file names, dead or alive; None if it names nobody."""
    try:
        return _read(_content(directory / NAME))
    except OSError:
        return None


def _content(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(_LONGEST)


def _read(data: bytes) -> Holder | None:
    try:
        values = json.loads(data)
        process = Process.of(values)
        since = float(values["since"])
        return Holder(process, since if 0 <= since < 1e11 else 0.0) if process else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None


class Lock:
    """The right to write into a run directory, from `acquire` to `release`.

    flock decides where there is one: the kernel lets go of it when its process dies, however it dies. The file's
    content decides where flock is not supported, and across machines whose file system keeps locks to each.
    """

    def __init__(self, directory: Path, *, fresh: bool = False, writer: Holder | None = None) -> None:
        self.directory = directory
        self.fresh = fresh
        "Whether the run's heartbeat is recent: then a holder on another machine counts as alive."
        self.writer = writer
        "Who holds it whatever the file says, which somebody may have deleted."
        self._fd: int | None = None
        self._key: tuple[int, int] | None = None
        "The directory's device and inode while it is held without flock: it may be moved or deleted meanwhile."
        self._content = b""

    @classmethod
    def of_run(cls, directory: Path) -> Lock:
        """Return the lock of a run, which whoever wrote its status just now holds as well, as long as it lives."""
        status = read_status(directory)
        fresh = status.ended is None and time.time() - status.heartbeat < SILENCE
        process = Process.of(status.process) if fresh else None
        return cls(directory, fresh=fresh, writer=Holder(process, status.started) if process else None)

    @property
    def held(self) -> bool:
        """Whether this object has the right."""
        return bool(self._content)

    def acquire(self) -> None:
        """Take the lock, also that of a dead process.

        Raises StoreError naming the holder if it lives, OSError if the lock file cannot be written.
        """
        self._refuse_living(self.writer)
        content = json.dumps({**this_process().plain(), "since": round(time.time(), 3)}).encode() + b"\n"
        fd = os.open(self.directory / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            if error.errno in _HELD:
                raise self._refusal(holder(self.directory)) from None
            self._acquire_without_flock(content)
            return
        try:
            self._refuse_living(_read(os.pread(fd, _LONGEST, 0)))
            os.ftruncate(fd, 0)
            os.pwrite(fd, content, 0)
        except BaseException:
            os.close(fd)
            raise
        self._fd, self._content = fd, content

    def _acquire_without_flock(self, content: bytes) -> None:
        facts = self.directory.stat()
        key = facts.st_dev, facts.st_ino
        if key in _ours:
            raise self._refusal(holder(self.directory))
        try:
            self._succeed(self.directory / NAME, content)
        except FileNotFoundError:
            raise self._refusal(None) from None  # its claim went this moment: somebody else's is done
        self._key, self._content = key, content
        _ours.add(key)

    def _succeed(self, path: Path, content: bytes) -> None:
        """Put our name in the place of a dead one.

        Who replaces a content first makes the one file named after that content, so at any moment one process at
        most may replace it; a claim whose maker died is itself succeeded to in the same way.
        """
        seen = _content(path)
        self._refuse_living(_read(seen))
        mine = self.directory / f".{NAME}.{os.getpid()}-{atomic.serial()}"
        claim = self.directory / f".{NAME}.after-{hashlib.sha256(seen).hexdigest()[:16]}"
        atomic.write_new(mine, content)
        try:
            try:
                os.link(mine, claim)
            except FileExistsError:
                self._succeed(claim, content)
            try:
                now = _content(path)
                if now != seen:
                    raise self._refusal(_read(now))
                os.rename(mine, path)  # noqa: PTH104 - every fault is injected at the os functions
            finally:
                atomic.discard([claim])
        finally:
            atomic.discard([mine])

    def _refuse_living(self, found: Holder | None) -> None:
        if found is None or found.process == this_process():
            return
        alive = found.process.alive()
        if alive or (alive is None and self.fresh):
            raise self._refusal(found)

    def _refusal(self, found: Holder | None) -> StoreError:
        who = str(found) if found else "another process"
        return StoreError(
            f"{self.directory} is being written by {who}; watch it with "
            f"`ladera watch {shlex.quote(str(self.directory))}`, "
            "or stop that process first"
        )

    def release(self) -> None:
        """Give the right back; the file stays, empty, so that nobody waits on a deleted one."""
        if not self._content:
            return
        self._content = b""
        fd, self._fd = self._fd, None
        try:
            if fd is not None:
                os.ftruncate(fd, 0)
            else:
                os.truncate(self.directory / NAME, 0)
        except OSError:
            pass  # a file that cannot be emptied is let go of all the same
        finally:
            if fd is not None:
                with contextlib.suppress(OSError):
                    os.close(fd)  # and with it the flock
            if self._key is not None:
                _ours.discard(self._key)
                self._key = None

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *_: Any) -> None:
        self.release()
