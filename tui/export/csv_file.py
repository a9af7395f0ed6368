"""Runs as CSV, one row an epoch or one row a report of steps: every point as recorded, in full precision."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from ...engine.history import History
from ...engine.series import Point, Series
from ..text import clean
from .exported import ExportedRun

#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@")


def write_epochs(runs: Sequence[ExportedRun], stream: TextIO) -> None:
    """Write a row per epoch: epoch, step, seconds since the run began, lr, train_*, validation_*, best_so_far, wait.

    Several runs stand below one another, told apart by a first column `run`; a metric that a run does not have,
    or an epoch without a check, is an empty cell. Numbers are the shortest that give the same float again,
    `nan`, `inf` or `-inf`; lines end with a line feed.
    """
    train = _names([run.history.train for run in runs])
    validation = _names([run.history.validation for run in runs])
    head = ["epoch", "step", "seconds", "lr", "train_loss", "train_penalty"]
    head += [f"train_{name}" for name in train if name != "loss"]
    head += [f"validation_{name}" for name in validation] + ["best_so_far", "wait"]
    write = _writer(runs, head, stream)
    for run in runs:
        history = run.history
        curves = [history.epoch_times, history.lr, history.train.get("loss", Series()), history.penalty]
        curves += [history.train.get(name, Series()) for name in train if name != "loss"]
        curves += [history.validation.get(name, Series()) for name in validation]
        columns = [_Column(curve) for curve in curves]
        checks = iter(history.checks)
        check = next(checks, None)
        per_epoch = history.started.steps_per_epoch if history.started else 0
        for point in history.lr.points():
            epoch = int(point.x)
            while check is not None and check.epoch < epoch:
                check = next(checks, None)
            seen = [check.best, check.wait] if check is not None and check.epoch == epoch else [None, None]
            write(run, [epoch, epoch * per_epoch, *(column.at(epoch) for column in columns), *seen])


def write_steps(runs: Sequence[ExportedRun], stream: TextIO) -> None:
    """Write a row per recorded report of steps: step, epoch, and the mean, lowest and highest batch loss since the last one."""
    write = _writer(runs, ["step", "epoch", "batch_loss", "batch_loss_low", "batch_loss_high"], stream)
    for run in runs:
        for point in run.history.steps.points():
            step = int(point.x)
            write(run, [step, _epoch_of(step, run.history), point.y, point.low, point.high])


def _writer(
    runs: Sequence[ExportedRun], head: list[str], stream: TextIO
) -> Callable[[ExportedRun, Sequence[float | None]], None]:
    rows = csv.writer(stream, lineterminator="\n")
    several = len(runs) > 1
    rows.writerow([_name(cell) for cell in (["run", *head] if several else head)])

    def write(run: ExportedRun, values: Sequence[float | None]) -> None:
        cells = [_cell(value) for value in values]
        rows.writerow([_name(run.name), *cells] if several else cells)

    return write


class _Column:
    """A curve read along with the epochs, so that no run is held twice in memory."""

    def __init__(self, curve: Series) -> None:
        self._points: Iterator[Point] = curve.points()
        self._next = next(self._points, None)

    def at(self, x: float) -> float | None:
        """The value at x, which does not go back; None where there is none."""
        while self._next is not None and self._next.x < x:
            self._next = next(self._points, None)
        return self._next.y if self._next is not None and self._next.x == x else None


def _names(curves: list[dict[str, Series]]) -> list[str]:
    return list(dict.fromkeys(name for some in curves for name in some))


def _epoch_of(step: int, history: History) -> int | None:
    per_epoch = history.started.steps_per_epoch if history.started else 0
    return math.ceil(step / per_epoch) if per_epoch else None


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else repr(float(value))


def _name(value: str) -> str:
    """Text that no spreadsheet runs: a beginning that makes a formula is put behind an apostrophe."""
    value = clean(value)
    return f"'{value}" if value.startswith(_FORMULA) else value
