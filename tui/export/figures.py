"""Which charts a run or a comparison is shown by: pure functions from histories to chart specs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...engine.errors import InputError, quoted
from ...engine.history import History
from ...engine.series import Series
from ..curves import Band, ChartSpec, Curve, Mark
from ..progress import measured, title
from .exported import ExportedRun
from .story import alike, measure
from .svg import COLOURS

_COLUMNS = 500
#: A loss that falls by more than this factor is read on a logarithmic axis.
_DECADES = 20.0


def metrics_of(history: History) -> list[str]:
    """Name the curves of a run, the monitored one first, the loss next."""
    names = dict.fromkeys([*history.train, *history.validation])
    first = [name for name in (history.monitor, "loss") if name in names]
    return list(dict.fromkeys([*first, *names]))


def default_metric(runs: Sequence[ExportedRun]) -> str:
    """The metric of a chart for which none is asked: what the first run monitors."""
    return next(iter(metrics_of(runs[0].history)), "loss")


def chart(runs: Sequence[ExportedRun], metric: str = "") -> ChartSpec:
    """The chart of a run or a comparison: of a metric, the monitored one by default, of `lr` or of `batches`.

    Raises InputError: no run has such a curve.
    """
    metric = metric or default_metric(runs)
    if metric in ("lr", "batches") and len(runs) == 1:
        history = runs[0].history
        spec = lr_chart(history) if metric == "lr" else batch_chart(history)
        if spec is None:
            raise InputError(
                f"export: {runs[0].name} has no chart of {metric}: it never changed, or has no point"
            )
        return spec
    names = dict.fromkeys(name for run in runs for name in metrics_of(run.history))
    if metric not in names:
        own = ["lr", "batches"] if len(runs) == 1 else []
        found = ", ".join([*names, *own]) or "none yet"
        raise InputError(f"export: there is no curve {quoted(metric)}; there are {found}")
    return metric_chart(runs[0].history, metric) if len(runs) == 1 else comparison_chart(runs, metric)


def metric_chart(history: History, metric: str) -> ChartSpec:
    """Training dim, validation strong; on the monitored metric also what early stopping saw."""
    train, validation = history.train.get(metric), history.validation.get(metric)
    curves = [
        curve("train", train, COLOURS[0][0], strong=False),
        curve("validation", validation, COLOURS[1][0]),
    ]
    marks, bands = _stopping(history) if metric == history.monitor else ([], [])
    marks += [
        Mark(command.epoch, f"{command.value['key']} {command.value['value']}", "command")
        for command in history.commands
        if command.command == "set" and not command.error
    ]
    drawn = tuple(each for each in curves if each is not None)
    return _spec(drawn, f"{title(metric)} by epoch", metric, tuple(marks), tuple(bands))


def comparison_chart(
    runs: Sequence[ExportedRun], metric: str, shown: Sequence[ExportedRun] | None = None
) -> ChartSpec:
    """Validation of every run strong, in a colour and a dash of its own, its training thin in the same colour.

    If only some are shown, their colours are those that they have among all.
    """
    curves: list[Curve | None] = []
    for i, run in enumerate(runs):
        if shown is not None and run not in shown:
            continue
        colour = COLOURS[i % len(COLOURS)][0]
        curves.append(curve("", run.history.train.get(metric), colour, strong=False))
        curves.append(curve(run.name, run.history.validation.get(metric), colour))
    drawn = tuple(each for each in curves if each is not None)
    what = ""
    if len(alike(runs, metric)) > 1:
        what = f": {measure(shown[0], metric)}" if shown else ": these do not compare"
    return _spec(drawn, f"validation {title(metric)} by epoch (thin: training){what}", metric)


def comparison_charts(runs: Sequence[ExportedRun], metric: str) -> list[ChartSpec]:
    """A chart for each group of runs whose values of the metric can stand beside each other."""
    groups = alike(runs, metric)
    return [comparison_chart(runs, metric, group if len(groups) > 1 else None) for group in groups]


def remarks(runs: Sequence[ExportedRun], metric: str = "") -> list[str]:
    """What the one chart of a comparison leaves out, or puts on one axis though it is no common one."""
    metric = metric or default_metric(runs)
    told = [
        f"{run.name} has no {metric} and is left out" for run in runs if metric not in metrics_of(run.history)
    ]
    groups = alike(runs, metric)
    if len(groups) > 1:
        words = [f"{measure(group[0], metric)} of {_and([run.name for run in group])}" for group in groups]
        told.append(f"one axis holds what cannot be compared: {'; '.join(words)}")
    return told


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def lr_chart(history: History) -> ChartSpec | None:
    """The learning rate, None where it never changed."""
    box = history.lr.bounds()
    line = curve("lr", history.lr, COLOURS[2][0])
    if box is None or line is None or box.low == box.high:
        return None
    return _spec((line,), "learning rate by epoch", "lr")


def batch_chart(history: History) -> ChartSpec | None:
    """Batch losses by step with their extremes, None where none were recorded."""
    line = curve("batch loss", history.steps, COLOURS[0][0])
    return _spec((line,), "batch loss by step, in training mode", "loss", x_label="step") if line else None


def curve(label: str, series: Series | None, colour: str, *, strong: bool = True) -> Curve | None:
    """A series as a curve of at most 500 buckets, whose lows and highs keep every spike; None if there is nothing."""
    if series is None or series.last is None:
        return None
    seen = series.envelope(columns=_COLUMNS)
    return Curve(
        label, seen.x, seen.mean, seen.low, seen.high, colour, "strong" if strong else "dim",
        nonfinite=seen.nonfinite_x, last=series.last.y,
    )  # fmt: skip


def in_words(spec: ChartSpec) -> str:
    """What a chart shows, for readers who do not see it."""
    told: list[str] = []
    for line in spec.curves:
        if not len(line.x) or not line.label:
            continue
        first, last = (line.x[0], line.y[0]), (line.x[-1], line.y[-1])
        low, high = np.asarray(line.low).min(), np.asarray(line.high).max()
        told.append(
            f"{line.label}: {first[1]:.4g} at {first[0]:g}, {last[1]:.4g} at {last[0]:g}, lowest {low:.4g}, highest {high:.4g}"
        )
    told += [f"mark at {mark.x:g}: {mark.label}" for mark in spec.marks]
    return ". ".join(told) + "." if told else spec.empty


def _spec(
    curves: tuple[Curve, ...], headline: str, metric: str, marks: tuple[Mark, ...] = (),
    bands: tuple[Band, ...] = (), x_label: str = "epoch",
) -> ChartSpec:  # fmt: skip
    lows = [float(np.asarray(each.low).min()) for each in curves if len(each.y)]
    highs = [float(np.asarray(each.high).max()) for each in curves if len(each.y)]
    log = metric in ("loss", "lr") and bool(lows) and min(lows) > 0 and max(highs) / min(lows) > _DECADES
    return ChartSpec(0, 0, curves, marks, bands, title=headline, x_label=x_label, log_y=log)


def _stopping(history: History) -> tuple[list[Mark], list[Band]]:
    marks: list[Mark] = []
    bands: list[Band] = []
    if history.best is not None:
        epoch, value = history.best
        marks.append(Mark(epoch, f"best {measured(history.monitor, value)} at {epoch}", "best"))
    if history.ended is not None and history.ended.reason == "stopped_early":
        marks.append(Mark(history.ended.epoch, f"stopped at {history.ended.epoch}", "stop"))
    elif history.stops_at is not None:
        marks.append(Mark(history.stops_at, f"would stop at {history.stops_at}", "stop"))
    margin = float(history.setting("stopping.min_delta", 0.0))
    reference = history.checks[-1].reference if history.checks else None
    if margin and reference is not None and (better := history.bar) is not None:
        since = next(check.epoch for check in history.checks if check.reference == reference)
        bands.append(Band(min(reference, better), max(reference, better), since, history.checks[-1].epoch))
    return marks, bands
