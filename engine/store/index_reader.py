"""Which part of an index beside a log can be believed, and making one where it is missing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..events import StepsEnded
from . import atomic, index, log
from .lock import holder
from .reading import open_regular

#: One row of an index, as index.ROW packs it.
DTYPE = np.dtype([("end", "<i8"), ("step", "<i8"), ("loss", "<f8"), ("low", "<f8"), ("high", "<f8")])
#: Rows read at once, so that an index of any length needs little memory.
PORTION = 1 << 17
# Places at which an index is held against its log.
_SAMPLES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The part of an index that can be believed."""

    count: int
    end: int
    "Up to where in the log it reaches."
    others: NDArray[np.int64]
    "(n, 3): row, begin and end in the log of every line that is no step report."


_NONE = Rows(0, 0, np.empty((0, 3), np.int64))


def valid_rows(directory: Path) -> Rows:
    """Check the index beside a log: every offset, and what the log has at some of them."""
    try:
        return _valid_rows(directory)
    except OSError:
        return _NONE


def _valid_rows(directory: Path) -> Rows:
    path, log_path = directory / index.NAME, directory / log.NAME
    count = (size_of(path) - index.HEADER) // index.ROW.size
    size = size_of(log_path)
    if count <= 0:
        return _NONE
    others: list[NDArray[np.int64]] = []
    with open_regular(path) as file, open_regular(log_path) as lines:
        if file.read(index.HEADER) != index.header(log_path):
            return _NONE
        good, last = 0, 0
        while good < count:
            rows = np.fromfile(file, DTYPE, min(PORTION, count - good))
            ends = np.concatenate([[last], rows["end"]])
            wrong = np.flatnonzero((ends[1:] <= ends[:-1]) | (ends[1:] > size))
            kept = int(wrong[0]) if len(wrong) else len(rows)
            places = np.flatnonzero(rows["step"][:kept] == -1)
            others.append(np.stack([good + places, ends[places], ends[places + 1]], axis=1))
            good, last = good + kept, int(ends[kept])
            if kept < len(rows) or not len(rows):
                break
        # A cache that fits at so many places, the last among them, was written for this log.
        samples = sorted({0, *np.linspace(0, good - 1, _SAMPLES, dtype=np.int64).tolist()}) if good else []
        if not all(_fits(file.fileno(), lines.fileno(), place) for place in samples):
            return _NONE
    return Rows(good, last, np.concatenate(others)) if good else _NONE


def _fits(rows: int, lines: int, place: int) -> bool:
    first = max(0, place - 1)
    data = os.pread(rows, (place - first + 1) * index.ROW.size, index.HEADER + first * index.ROW.size)
    begin = index.ROW.unpack_from(data)[0] if place else 0
    end, step, loss, low, high = index.ROW.unpack_from(data, len(data) - index.ROW.size)
    text = os.pread(lines, end - begin, begin)
    event = log.parse(text)
    if not text.endswith(b"\n") or text.count(b"\n") > 1:
        return False
    if not isinstance(event, StepsEnded):
        return step == -1
    told = np.array([event.step, event.loss, event.low, event.high], dtype=np.float64)
    return bool(np.array_equal(told, np.array([step, loss, low, high], dtype=np.float64), equal_nan=True))


def resume_index(directory: Path, writer: index.IndexWriter, size: int) -> None:
    """Let the owner of a run keep the index of a log that has `size` bytes already."""
    if size < index.FROM_BYTES:
        for lines, after in log.portions(directory / log.NAME):
            writer.take_up(_rows(lines, after))
    else:
        rows = extend_index(directory, own=True)
        if rows.count:
            os.truncate(directory / index.NAME, index.HEADER + rows.count * index.ROW.size)
        writer.go_on(rows.end, size)


def extend_index(directory: Path, *, own: bool = False) -> Rows:
    """Make the index reach to the log's end as far as this may be done; return what `valid_rows` then does.

    Nothing is written while a process holds the run, unless it is our `own`: that process keeps the index.
    """
    valid, size = valid_rows(directory), size_of(directory / log.NAME)
    if not own and (size - valid.end < index.FROM_BYTES or _is_held(directory)):
        return valid
    if size == valid.end:
        return valid
    path = directory / index.NAME
    staging = path.with_name(f".{path.name}.{os.getpid()}-{atomic.serial()}")
    try:
        with staging.open("xb") as file:
            first = index.header(directory / log.NAME)
            if first is None:
                return valid
            file.write(first)
            if valid.count:
                with open_regular(path) as old:
                    old.seek(index.HEADER)
                    left = valid.count * index.ROW.size
                    while left:
                        data = old.read(min(left, 1 << 22))
                        if not data:
                            raise OSError(f"{path} became shorter")
                        file.write(data)
                        left -= len(data)
            for lines, after in log.portions(directory / log.NAME, valid.end):
                file.write(_rows(lines, after))
        staging.chmod(0o600)
        os.rename(staging, path)  # noqa: PTH104 - every fault is injected at the os functions
    except OSError:
        pass
    finally:
        atomic.discard([staging])
    return valid_rows(directory)


def _is_held(directory: Path) -> bool:
    """Tell whether a process that may live says that it writes the run."""
    found = holder(directory)
    return found is not None and found.process.alive() is not False


def _rows(lines: list[bytes], after: int) -> bytes:
    position = after - sum(len(line) + 1 for line in lines)
    rows = bytearray()
    for line in lines:
        position += len(line) + 1
        event = log.parse(line)
        if isinstance(event, StepsEnded):
            try:
                rows += index.ROW.pack(position, event.step, event.loss, event.low, event.high)
                continue
            except index.struct.error:
                pass
        rows += index.ROW.pack(position, -1, 0.0, 0.0, 0.0)
    return bytes(rows)


def size_of(path: Path) -> int:
    """Return a file's bytes, 0 if it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
