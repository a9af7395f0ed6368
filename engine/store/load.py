"""From a run directory to its History: short logs line by line, long ones through the index beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..changes import with_changes
from ..data.names import Task
from ..errors import StoreError
from ..events import Event, Resumed, RunStarted, StepsEnded
from ..experiment import Experiment
from ..history import History
from ..tasks import METRICS
from . import index, index_reader, log
from .directory import EXPERIMENT, load_experiment
from .index_reader import Rows, extend_index, size_of
from .log import Follower
from .reading import open_regular

#: Step reports kept one by one; of more, neighbours are merged into their mean, lowest and highest.
MOST_POINTS = 1 << 21


def load_history(directory: Path) -> History:
    """Fold a run's log; see `follow`."""
    return follow(directory)[0]


def follow(directory: Path) -> tuple[History, Follower]:
    """Fold a run's log, and return with it the reader that tells what comes after.

    Records that a later attempt supersedes are passed over. In logs of more than two million step reports
    neighbouring ones are merged, their extremes kept; nothing else is thinned. Where the first record is damaged,
    experiment.toml says what was trained. Raises StoreError if the log is there and cannot be read.
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
    if history.version and history.started is None and (started := _lost_start(directory, history)):
        history.apply(started)
    follower = Follower(directory, end)
    follower.bad = bad
    return history, follower


def begun_with(directory: Path, history: History) -> Experiment:
    """Return the experiment that a run began with: its file holds that of the attempt which went on last.

    Raises StoreError where neither the file nor the log tells it.
    """
    try:
        kept = load_experiment(directory)
    except StoreError:
        if history.started is not None:
            with suppress(ValueError):
                return Experiment.model_validate(with_changes(history.started.experiment, {}))
        raise
    if history.started is None or not history.resumes:
        return kept
    plain = with_changes(history.started.experiment, {})
    plain["data"] = kept.plain()["data"]  # with an absolute path, wherever the run was started
    try:
        return Experiment.model_validate(plain)
    except ValueError:  # of another version
        return kept


def _lost_start(directory: Path, history: History) -> RunStarted | None:
    """Make up for a damaged first record from experiment.toml and what the epochs tell; None if there is no such file."""
    try:
        experiment = load_experiment(directory)
    except StoreError:
        return None
    last, batch = history.epoch_seconds.last, experiment.training.batch_size
    # An epoch's pace is the quotient of the two.
    examples = round(history.examples_per_second * last.y) if last is not None else 0
    steps = 1 if batch == "full" else -(-examples // batch)
    return RunStarted(
        experiment=experiment.plain(), parameters=0, task=_task(experiment, history), sizes={"train": examples},
        steps_per_epoch=max(1, steps), device="unknown", again=True,
        notes=(f"the first record of {log.NAME} is damaged: settings are those of {EXPERIMENT}, other facts are missing",),
    )  # fmt: skip


def _task(experiment: Experiment, history: History) -> Task | str:
    """The task as the experiment says it, else as what was measured does."""
    measured = history.train.keys()
    return experiment.task or next((task for task, names in METRICS.items() if names.keys() == measured), "")


def _fold_indexed(history: History, directory: Path, rows: Rows) -> int:
    path, bad = directory / index.NAME, 0
    others: list[tuple[int, Event]] = []
    with open_regular(directory / log.NAME) as lines, open_regular(path) as file:
        for row, begin, end in rows.others.tolist():
            line = os.pread(lines.fileno(), end - begin, begin)[:-1]
            event = log.parse(line)
            if event is not None:
                others.append((row, event))
            elif line.strip():
                bad += 1
        rewinds = _rewinds(others)
        ends = [
            found
            for row in (*(row for row, _ in rewinds), rows.count)
            if (found := _last_report(lines.fileno(), file.fileno(), rows, row)) is not None
        ]
    last = ends[-1][0] if ends else -1
    # Of the reports before the last one their curve is all that is left: what else they set, it sets again.
    bad += log.fold(history, (event for row, event in others if row < last))
    reports = rows.count - len(rows.others)
    bad += history.take_steps(_curve(path, rows, rewinds), reports, [event for _, event in ends])
    return bad + log.fold(history, (event for row, event in others if row > last))


def _rewinds(others: list[tuple[int, Event]]) -> list[tuple[int, int]]:
    """Return (row, step) of each record after which the earlier rows beyond that step count no more."""
    found: list[tuple[int, int]] = []
    for row, event in others:
        if isinstance(event, Resumed):
            found.append((row, event.step))
        elif isinstance(event, RunStarted) and row and not event.again:
            found.append((row, -1))
    return found


def _curve(path: Path, valid: Rows, rewinds: list[tuple[int, int]]) -> Iterator[Sequence[NDArray[Any]]]:
    """Yield step, loss, lowest and highest of the reports that count, in portions."""
    portions = [
        (first, min(index_reader.PORTION, valid.count - first))
        for first in range(0, valid.count, index_reader.PORTION)
    ]
    with open_regular(path) as file:

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
            yield _columns(rows, merged)
        yield _columns(rest, 1)


def _columns(rows: NDArray[np.void], merged: int) -> Sequence[NDArray[Any]]:
    if merged == 1:
        return [rows[name] for name in ("step", "loss", "low", "high")]
    # Column by column: a reduction along so short an axis takes three times as long.
    members = [rows[first::merged] for first in range(merged)]
    with np.errstate(all="ignore"):
        return [
            members[-1]["step"],
            reduce(np.add, (member["loss"] for member in members)) / merged,
            reduce(np.fmin, (member["low"] for member in members)),
            reduce(np.fmax, (member["high"] for member in members)),
        ]


def _last_report(lines: int, file: int, rows: Rows, before: int) -> tuple[int, StepsEnded] | None:
    """Return the last step report before a row, and its own row; None if there is none."""
    others = rows.others[:, 0]
    place, other = before - 1, int(np.searchsorted(others, before)) - 1
    while place >= 0:
        if other >= 0 and others[other] == place:
            other -= 1
        else:
            first = max(0, place - 1)
            data = os.pread(file, (place - first + 1) * index.ROW.size, index.HEADER + first * index.ROW.size)
            begin = index.ROW.unpack_from(data)[0] if place else 0
            end = index.ROW.unpack_from(data, len(data) - index.ROW.size)[0]
            event = log.parse(os.pread(lines, end - begin, begin)[:-1])
            if isinstance(event, StepsEnded):
                return place, event
        place -= 1
    return None
