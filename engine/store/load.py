"""From a run directory to its History: short logs line by line, long ones through the index beside them."""

from __future__ import annotations

import os
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from ..events import Event, Resumed, RunStarted, StepsEnded
from ..history import History
from . import index, index_reader, log
from .index_reader import Rows, extend_index, size_of
from .log import Follower

#: Step reports kept one by one; of more, neighbours are merged into their mean, lowest and highest.
MOST_POINTS = 1 << 21


def load_history(directory: Path) -> History:
    """Fold a run's log; see `follow`."""
    return follow(directory)[0]


def follow(directory: Path) -> tuple[History, Follower]:
    """Fold a run's log, and return with it the reader that tells what comes after.

    Records that a later attempt supersedes are passed over. In logs of more than two million step reports
    neighbouring ones are merged, their extremes kept; nothing else is thinned. Raises StoreError if the log is there
    and cannot be read.
    """
    try:
        return _follow(directory)
    except OSError as error:
        raise StoreError(f"{directory / log.NAME} cannot be read: {error.strerror or error}") from None


def _follow(directory: Path) -> tuple[History, Follower]:
    history, path = History(), directory / log.NAME
    end = bad = 0
    if size_of(path) >= index.FROM_BYTES:
        rows = extend_index(directory)
        if rows.count:
            bad, end = _fold_indexed(history, directory, rows), rows.end
    for events, after, wrong in log.scan(path, end):
        bad += wrong + log.fold(history, events)
        end = after
    follower = Follower(directory, end)
    follower.bad = bad
    return history, follower


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
    portions = [
        (first, min(index_reader.PORTION, valid.count - first))
        for first in range(0, valid.count, index_reader.PORTION)
    ]
    with path.open("rb") as file:

        def at(first: int, number: int) -> NDArray[np.void]:
            """Return those of the rows that are reports which count."""
            file.seek(index.HEADER + first * index.ROW.size)
            rows = np.fromfile(file, index_reader.DTYPE, number)
            keep = rows["step"] >= 0
            for row, step in rewinds:
                keep[: max(0, row - first)] &= rows["step"][: max(0, row - first)] <= step
            return rows[keep]

        total = valid.count - len(valid.others)
        if total > MOST_POINTS and rewinds:
            total = sum(len(at(*portion)) for portion in portions)
        merged = max(1, -(-total // MOST_POINTS))
        rest = np.empty(0, index_reader.DTYPE)
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
