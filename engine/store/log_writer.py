"""Writing events.jsonl: whole lines, appended, through full disks, I/O errors and directories that vanish."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from . import atomic, pulse
from .index import IndexWriter, Row

#: Bytes written at once.
CHUNK = 1 << 16
#: Bytes that wait for a disk that does not take them; then step reports, and at twice as much everything, is dropped.
LIMIT = 32 << 20
#: Seconds until the next attempt after a fault: the first, and the longest.
BACK_OFF = 0.1, 5.0


class LogWriter:
    """An append-only file of lines that outlives faults of its storage.

    `append` never waits for the disk and never raises; `flush` and `sync` do the writing and return the fault, if
    any. A line that was written in part is continued, not repeated. One thread appends, any may flush.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.fault: OSError | None = None
        "Why the last attempt failed; None while all is well."
        self.dropped = 0
        "Lines lost because the storage failed for too long."
        self.size = 0
        "Bytes in the file."
        self.index = IndexWriter(path)
        self._clock = clock
        self._lock = threading.RLock()
        self._pending: deque[tuple[bytes, Row | None]] = deque()
        self._bytes_in = 0
        self._bytes_out = 0
        "Counted apart, by the two threads: what one of them adds to is never written by the other."
        self._lines: list[tuple[bytes, Row | None]] = []
        "The lines being written; `_chunk` is what of them is not in the file yet."
        self._chunk = b""
        self._fd: int | None = None
        self._opened = False
        self._retry_at = 0.0
        self._pause = BACK_OFF[0]
        self._unsynced = False

    # -- the training's side ---------------------------------------------------------------------------------------

    def append(self, line: str, row: Row | None = None) -> None:
        """Take a line in; `row` is what the index keeps of a step report."""
        data = line.encode("utf-8", "surrogatepass") + b"\n"
        # Only an outage makes this grow; a number a moment old is good enough for a limit.
        waiting = self._bytes_in - self._bytes_out
        if waiting > LIMIT and (row is not None or waiting > 2 * LIMIT):
            self.dropped += 1
            return
        self._bytes_in += len(data)
        self._pending.append((data, row))

    # -- the disk's side -------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open or create the file; an unterminated last line, left by a writer that was killed, is ended. Raises OSError."""
        with self._lock:
            self._fd = self._opened_fd()
            self.size = os.fstat(self._fd).st_size
            self._opened = True
            self._end_torn_line()

    def flush(self, *, force: bool = False) -> OSError | None:
        """Write what waits. After a fault nothing is tried until the back-off is over, unless forced."""
        with self._lock:
            if not self._pending and not self._lines and self.fault is None:
                return None
            if self.fault is not None and not force and self._clock() < self._retry_at:
                return self.fault
            try:
                self._write()
            except OSError as error:
                self._failed(error)
            else:
                self.fault, self._pause = None, BACK_OFF[0]
            return self.fault

    def sync(self, *, force: bool = False) -> OSError | None:
        """Write what waits and wait until the disk has it."""
        with self._lock:
            fault = self.flush(force=force)
            if fault is None and self._unsynced and self._fd is not None:
                try:
                    os.fsync(self._fd)
                    pulse.beat_for_all()
                    self._unsynced = False
                    self.index.flush()
                except OSError as error:
                    # A second fsync of this descriptor would claim a success that never was: it is given up.
                    self._failed(error)
            return self.fault

    def end(self) -> int:
        """Return where in the file the next line will begin."""
        with self._lock:
            return self.size + len(self._chunk) + sum(len(line) for line, _ in self._pending)

    def relocate(self, path: Path) -> None:
        """Go on at another path, to which the directory was moved."""
        with self._lock:
            self.path = path
            self.index.relocate(path)

    def recreate(self) -> None:
        """Write a deleted file anew: what it held can be read as long as it is open. Raises OSError."""
        with self._lock:
            old, new = self._fd, self._opened_fd()
            if old is None:
                self._fd, self.size = new, os.fstat(new).st_size
                return
            position = 0
            try:
                while data := os.pread(old, 1 << 20, position):
                    atomic.write_all(new, data)
                    position += len(data)
            except OSError:
                # What is open stays the only copy; what came of the new one is in the way of the next attempt.
                os.close(new)
                atomic.discard([self.path])
                raise
            os.close(old)
            self._fd, self.size = new, position
            self.index.stop()

    def descriptor(self) -> int | None:
        """Return the open file's descriptor, None while there is none."""
        return self._fd

    def close(self) -> None:
        """Let go of the file; what could not be written is lost."""
        with self._lock:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None
            self.index.close()

    def unwritten(self) -> int:
        """Return how many lines are not in the file (yet), the dropped ones included."""
        return len(self._pending) + len(self._lines) + self.dropped

    # -- inside ----------------------------------------------------------------------------------------------------

    def _opened_fd(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.path, flags, 0o600)

    def _write(self) -> None:
        if self._fd is None:
            self._fd = self._opened_fd()
            self._take_stock()
        while True:
            if not self._lines:
                self._next_lines()
                if not self._lines:
                    return
            while self._chunk:
                written = os.write(self._fd, self._chunk)
                pulse.beat_for_all()
                self._unsynced = True
                self.size += written
                self._chunk = self._chunk[written:]
            self._bytes_out += sum(len(line) for line, _ in self._lines)
            self.index.add(self._lines, self.size)
            self._lines = []

    def _next_lines(self) -> None:
        taken = 0
        # Lines are appended meanwhile: a deque bears taking from its other end, not going through it.
        while self._pending and taken < CHUNK:
            line, row = self._pending.popleft()
            self._lines.append((line, row))
            taken += len(line)
        self._chunk = b"".join(line for line, _ in self._lines)

    def _failed(self, error: OSError) -> None:
        self.fault = error
        self._retry_at = self._clock() + self._pause
        self._pause = min(2 * self._pause, BACK_OFF[1])
        fd = self._fd
        # A deleted file is kept open: it is the only copy of its content.
        if fd is not None and _linked(fd):
            self._fd = None
            with contextlib.suppress(OSError):
                os.close(fd)

    def _take_stock(self) -> None:
        """After a fault: find out how much of the last chunk the file took before it failed."""
        assert self._fd is not None
        size = os.fstat(self._fd).st_size
        if not self._opened:
            self.size, self._opened = size, True
        elif size != self.size:
            whole = b"".join(line for line, _ in self._lines)
            before = self.size - (len(whole) - len(self._chunk))
            arrived = size - before
            self.size = size
            if 0 <= arrived <= len(whole) and os.pread(self._fd, arrived, before) == whole[:arrived]:
                self._chunk = whole[arrived:]
                return
            # Somebody else changed the file: what is in flight is written whole, after whatever stands there.
            self._chunk = whole
            self.index.stop()
        if len(self._chunk) == sum(len(line) for line, _ in self._lines):
            self._end_torn_line()

    def _end_torn_line(self) -> None:
        assert self._fd is not None
        if self.size and os.pread(self._fd, 1, self.size - 1) != b"\n":
            os.write(self._fd, b"\n")
            self.size += 1


def _linked(fd: int) -> bool:
    try:
        return os.fstat(fd).st_nlink > 0
    except OSError:
        return False
