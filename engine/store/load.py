"""From a run directory to its History: short logs line by line, long ones through the index beside them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..events import Event, Resumed, RunStarted, StepsEnded
from ..history import History
from . import atomic, index, log
from .lock import holder
from .log import Follower

_DTYPE = np.dtype([("end", "<i8"), ("step", "<i8"), ("loss", "<f8"), ("low", "<f8"), ("high", "<f8")])
_PORTION = 1 << 17
#: Step reports kept one by one; of more, neighbours are merged into their mean, lowest and highest.
MOST_POINTS = 1 << 21
_SAMPLES = 64


def load_history(directory: Path) -> History:
    """Fold a run's log; see `follow`."""
    return follow(directory)[0]


def follow(directory: Path) -> tuple[History, Follower]:
    """Fold a run's log, and return with it the reader that tells what comes after.

    Records that a later attempt supersedes are passed over. In logs of more than two million step reports
    neighbouring ones are merged, their extremes kept; nothing else is thinned.
    """
    history, path = History(), directory / log.NAME
    end = bad = 0
    if _size(path) >= index.FROM_BYTES:
        rows = extend_index(directory)
        if rows.count:
            bad, end = _fold_indexed(history, directory, rows), rows.end
    for events, after, wrong in log.scan(path, end):
        bad += wrong + log.fold(history, events)
        end = after
    follower = Follower(directory, end)
    follower.bad = bad
    return history, follower


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
    count = (_size(path) - index.HEADER) // index.ROW.size
    size = _size(log_path)
    if count <= 0:
        return _NONE
    others: list[NDArray[np.int64]] = []
    with path.open("rb") as file, log_path.open("rb") as lines:
        if file.read(index.HEADER) != index.header(log_path):
            return _NONE
        good, last = 0, 0
        while good < count:
            rows = np.fromfile(file, _DTYPE, min(_PORTION, count - good))
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
    valid, size = valid_rows(directory), _size(directory / log.NAME)
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
                with path.open("rb") as old:
                    old.seek(index.HEADER)
                    left = valid.count * index.ROW.size
                    while left:
                        data = old.read(min(left, 1 << 22))
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


def _fold_indexed(history: History, directory: Path, rows: Rows) -> int:
    path, bad, blank = directory / index.NAME, 0, 0
    others: list[tuple[int, Event]] = []
    with (directory / log.NAME).open("rb") as lines, path.open("rb") as file:
        for row, begin, end in rows.others.tolist():
            line = os.pread(lines.fileno(), end - begin, begin)[:-1]
            event = log.parse(line)
            if event is not None:
                others.append((row, event))
            elif line.strip():
                bad += 1
            else:
                blank += 1
        last = _last_step(lines.fileno(), file.fileno(), rows.count)
    history.version += rows.count - len(others) - bad - blank
    bad += log.fold(history, (event for _, event in others))
    _add_steps(history, path, rows, _rewinds(others))
    if last is not None:
        place, event = last
        history.time = max(history.time, event.time)
        if not others or others[-1][0] < place:
            history.epoch, history.step = event.epoch, event.step
    return bad


def _rewinds(others: list[tuple[int, Event]]) -> list[tuple[int, int]]:
    """Return (row, step) of each record after which the earlier rows beyond that step count no more."""
    found: list[tuple[int, int]] = []
    started = False
    for row, event in others:
        if isinstance(event, Resumed):
            found.append((row, event.step))
        elif isinstance(event, RunStarted):
            if started:
                found.append((row, -1))
            started = True
    return found


def _add_steps(history: History, path: Path, valid: Rows, rewinds: list[tuple[int, int]]) -> None:
    portions = [(first, min(_PORTION, valid.count - first)) for first in range(0, valid.count, _PORTION)]
    with path.open("rb") as file:

        def at(first: int, number: int) -> NDArray[np.void]:
            """Return those of the rows that are reports which count."""
            file.seek(index.HEADER + first * index.ROW.size)
            rows = np.fromfile(file, _DTYPE, number)
            keep = rows["step"] >= 0
            for row, step in rewinds:
                keep[: max(0, row - first)] &= rows["step"][: max(0, row - first)] <= step
            return rows[keep]

        total = valid.count - len(valid.others)
        if total > MOST_POINTS and rewinds:
            total = sum(len(at(*portion)) for portion in portions)
        merged = max(1, -(-total // MOST_POINTS))
        rest = np.empty(0, _DTYPE)
        for portion in portions:
            rows = at(*portion)
            if merged > 1:
                rows = np.concatenate([rest, rows])
                whole = len(rows) // merged * merged
                rest, rows = rows[whole:], rows[:whole]
            _extend(history, rows, merged)
        _extend(history, rest, 1)


def _extend(history: History, rows: NDArray[np.void], merged: int) -> None:
    if not len(rows):
        return
    if merged == 1:
        columns = [rows[name] for name in ("step", "loss", "low", "high")]
    else:
        # Column by column: a reduction along so short an axis takes three times as long.
        members = [rows[first::merged] for first in range(merged)]
        with np.errstate(all="ignore"):
            columns = [
                members[-1]["step"],
                reduce(np.add, (member["loss"] for member in members)) / merged,
                reduce(np.fmin, (member["low"] for member in members)),
                reduce(np.fmax, (member["high"] for member in members)),
            ]
    try:
        history.steps.extend(*columns)
    except ValueError:
        # Steps that go back without a resume: a damaged record among them; each is tried alone.
        for step, loss, low, high in zip(*(column.tolist() for column in columns), strict=True):
            log.fold(history, [StepsEnded(epoch=history.epoch, step=step, loss=loss, low=low, high=high)])


def _last_step(lines: int, rows: int, count: int) -> tuple[int, StepsEnded] | None:
    for place in range(count - 1, max(-1, count - 1000), -1):
        data = os.pread(rows, index.ROW.size, index.HEADER + place * index.ROW.size)
        end, step, *_ = index.ROW.unpack(data)
        if step >= 0:
            begin = max(0, end - 4096)
            event = log.parse(os.pread(lines, end - begin, begin)[:-1].rpartition(b"\n")[2])
            return (place, event) if isinstance(event, StepsEnded) else None
    return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
