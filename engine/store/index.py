"""events.index beside a long log: where its records lie, so that ten million step reports load in a second.

A header (32 bytes, then the SHA-256 of the log's first line), then one row of 40 bytes for each line: the offset after
the line, and of a step report its step, loss, lowest and highest; of any other line step -1. All little-endian.
The index is made from the log and can be deleted at any time; it is believed only as far as it fits the log.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from .reading import open_regular

NAME = "events.index"
#: Shorter logs are read whole, faster than an index would pay.
FROM_BYTES = 4 << 20

MAGIC = b"ladera events.index, version 1\n\0"
HEADER = len(MAGIC) + 32
ROW = struct.Struct("<qqddd")

#: step, loss, low, high of a step report.
Row = tuple[int, float, float, float]

# A first line that long is no record.
_LONGEST = 64 << 20
_OTHER: Row = (-1, 0.0, 0.0, 0.0)


def header(log: Path) -> bytes | None:
    """Return the header of a log's index; None while the log has no complete line."""
    try:
        with open_regular(log) as file:
            line = file.readline(_LONGEST)
    except OSError:
        return None
    return MAGIC + hashlib.sha256(line).digest() if line.endswith(b"\n") else None


class IndexWriter:
    """Writes the index as the log grows; it begins once the log is long, and never raises: a fault ends it."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._rows = bytearray()
        self._on = True
        self._fd: int | None = None

    def go_on(self, end: int, log_size: int) -> None:
        """Take up the index of a log that has bytes already; `end` is how far its valid index reaches, 0 if there is none."""
        self._on = end == log_size
        if self._on and end:
            self._open(new=False)

    def take_up(self, rows: bytes) -> None:
        """Begin with the rows of a log that is still short."""
        self._rows += rows

    def add(self, lines: Sequence[tuple[bytes, Row | None]], end: int) -> None:
        """Take in lines that were written; the last of them ends at offset `end`."""
        if not self._on:
            return
        position = end - sum(len(line) for line, _ in lines)
        for line, row in lines:
            position += len(line)
            self._rows += ROW.pack(position, *(row or _OTHER))
        if end >= FROM_BYTES and len(self._rows) >= 1 << 16:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait, if the log is long enough to have an index."""
        if not self._on or not self._rows:
            return
        if self._fd is None:
            if (
                len(self._rows) < ROW.size
                or ROW.unpack_from(self._rows, len(self._rows) - ROW.size)[0] < FROM_BYTES
            ):
                return
            self._open(new=True)
        if self._fd is None:
            return
        try:
            written = os.write(self._fd, self._rows)
            if written == len(self._rows):
                self._rows.clear()
            else:
                self.stop()
        except OSError:
            self.stop()

    def stop(self) -> None:
        """Keep no index any more."""
        self._on = False
        self._rows.clear()
        self.close()

    def relocate(self, log: Path) -> None:
        """Go on beside a log that was moved."""
        self._log = log

    def close(self) -> None:
        """Write what waits and let go of the file."""
        if self._on:
            self.flush()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self, *, new: bool) -> None:
        path = self._log.with_name(NAME)
        # Without O_NONBLOCK the opening would wait for somebody to read from a pipe in its place.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self._fd = os.open(path, flags | (os.O_TRUNC if new else 0), 0o600)
            if new:
                first = header(self._log)
                if first is None or os.write(self._fd, first) != len(first):
                    self.stop()
        except OSError:
            self.stop()
