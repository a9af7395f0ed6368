"""Which curves, marks and bands a chart of the lab shows: pure functions of the runs and the view's settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ..engine.history import History
from .curves import Band, ChartSpec, Curve, Mark, Marker, Palette
from .inks import INKS
from .progress import SHARES, title
from .progress import metric as metric_of
from .sitting import Run
from .text import clean, number

if TYPE_CHECKING:
    from ..engine.series import Series

Axis = Literal["epoch", "step", "time"]

#: Lower ends of the axis of a metric that is a share of one.
_SHARE_ENDS = (0.98, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2, 0.0)


@dataclass(frozen=True)
class View:
    """How the charts are looked at; kept by the lab, remembered between sittings."""

    axis: Axis = "epoch"
    log_y: bool = True
    smoothing: float = 0.0
    "Weight of the past in the moving average, 0 is off."
    metric: str = ""
    "The second chart's metric; the task's own if empty."
    start: float | None = None
    "Left end of the visible range in epochs; None shows all."
    end: float | None = None
    "Right end; None follows the newest epoch."
    cursor: float | None = None
    "Epoch whose exact values are shown."
    marker: Marker = "braille"
    colour: bool = True
    ink: str = "dark"
    "Of INKS: the colours that the theme's ground asks for."

    @property
    def light(self) -> bool:
        """Whether the ground is light."""
        return INKS[self.ink].light


def colour_of(run: Run, view: View) -> str:
    """The run's colour; it stays with the run."""
    colours = INKS[view.ink].runs
    return colours[run.number % len(colours)]


def palette_of(view: View) -> Palette:
    """The colours of everything but the curves."""
    return replace(INKS[view.ink].marks, colour=view.colour)


def loss_chart(run: Run | None, others: Sequence[Run], view: View, width: int, height: int) -> ChartSpec:
    """Train and validation loss of the current run over those of the others."""
    return _chart(run, others, view, width, height, "loss", "Loss")


def metric_chart(run: Run | None, others: Sequence[Run], view: View, width: int, height: int) -> ChartSpec:
    """The task's metric, like the loss; shares are never on a log scale."""
    name = view.metric or (metric_of(run.history) if run else "") or "accuracy"
    words = title(name)
    spec = _chart(run, others, replace(view, log_y=False), width, height, name, words[:1].upper() + words[1:])
    return replace(spec, y_range=_share_range(spec)) if name in SHARES else spec


def _share_range(spec: ChartSpec) -> tuple[float, float]:
    """From a round number below the lowest value to 1: no share is larger, whatever room an axis likes."""
    lowest = 1.0
    for curve in spec.curves:
        for values in (curve.y, curve.low):
            finite = [] if values is None else [v for v in values if math.isfinite(v)]
            lowest = min(lowest, *finite, 1.0)
    return (next(end for end in _SHARE_ENDS if end <= max(lowest, 0.0)) if spec.curves else 0.0), 1.0


def _chart(
    run: Run | None, others: Sequence[Run], view: View, width: int, height: int, name: str, words: str
) -> ChartSpec:
    if view.smoothing:
        words += f", smoothed {view.smoothing:g} over the faint curve"
    if view.log_y:
        words += ", log scale"
    spec = ChartSpec(
        width, height, title=words, x_label=view.axis, log_y=view.log_y, marker=view.marker,
        palette=palette_of(view), empty=_invitation(words.split(",")[0], name),
    )  # fmt: skip
    if run is None or run.history.started is None:
        return replace(spec, empty="reading the data…") if run is not None and not run.trouble else spec
    history = run.history
    low, high = visible(history, view, longest(others))
    scale = _scale(history, view.axis)
    curves: list[Curve] = []
    for other in others:
        if other is not run and other.shown and name in other.history.validation:
            label = clean(other.name, 16)
            curves += _curve(
                other.history.validation[name], label, other, "dim", view, low, high, width, bare=True
            )
    if name in history.train:
        curves += _curve(history.train[name], "train", run, "dim", view, low, high, width)
    if name in history.validation:
        curves += _curve(history.validation[name], "validation", run, "strong", view, low, high, width)
    marks = _marks(history, view, name, low, high)
    bands = _bands(history, name, low, high)
    x_range = (scale(low), scale(max(high, low + 1)))
    if not any(len(curve.x) or len(curve.nonfinite) for curve in curves):
        return replace(spec, empty=_nothing(history))
    return replace(spec, curves=tuple(curves), marks=tuple(marks), bands=tuple(bands), x_range=x_range)


def _nothing(history: History) -> str:
    """Why a run that has begun has no point yet."""
    if history.ended is not None:
        return f"it ended after {history.step:,} steps, before there was a value to draw"
    return "the first point comes with the first validated epoch"


def _invitation(words: str, name: str) -> str:
    text = f"{words} of training and validation: press r to train"
    more = "\n\ne changes the experiment, Ctrl+O opens another one, ? tells all keys"
    return text + more if name == "loss" else text


def longest(runs: Sequence[Run]) -> int:
    """Epochs of the longest run whose curves are shown."""
    return max((run.history.epoch for run in runs if run.shown), default=0)


def visible(history: History, view: View, longest: int = 0) -> tuple[float, float]:
    """The visible range in epochs.

    While training it has room to the right and grows in steps, seldom; a run that has ended is seen beside all of
    those it is compared with, of which the `longest` made so many epochs.
    """
    newest = float(max(history.epoch, 1))
    start = 0.0 if view.start is None else view.start
    if view.end is not None:
        end = view.end
    elif history.ended is not None:
        end = max(newest, float(longest))
    else:
        # Where it would stop belongs to the picture, as long as that leaves the curves most of it.
        stop = history.stops_at
        wanted = newest if stop is None else min(float(stop), newest * 1.5)
        end = min(_roomy(max(newest, wanted) - start) + start, float(max(history.epochs, newest)))
    return start, max(end, start + 1)


def _roomy(span: float) -> float:
    """The next of 5, 10, 15, 20, 30, 40, 60, 80, 100, 150, …"""
    scale = 10.0 ** max(0, math.floor(math.log10(max(span, 1))) - 1)
    for factor in (5, 10, 15, 20, 30, 40, 60, 80, 100):
        if span <= factor * scale:
            return factor * scale
    return span


def _scale(history: History, axis: Axis) -> Callable[[Any], Any]:
    """Return the function from epochs, a number or an array, to the axis' unit."""
    if axis == "step":
        per_epoch = history.started.steps_per_epoch if history.started else 1
        return lambda x: x * per_epoch
    if axis == "time" and len(history.epoch_times):
        import numpy as np

        points = history.epoch_times.envelope(columns=2000)
        times, epochs = np.append(0.0, points.mean), np.append(0.0, points.x)
        pace = times[-1] / epochs[-1] if epochs[-1] else 1.0
        return lambda x: np.where(
            x > epochs[-1], times[-1] + (x - epochs[-1]) * pace, np.interp(x, epochs, times)
        )
    return lambda x: x


def _curve(
    series: Series,
    label: str,
    run: Run,
    style: Literal["strong", "dim"],
    view: View,
    low: float,
    high: float,
    width: int,
    *,
    bare: bool = False,
) -> list[Curve]:
    """The curve with its envelope; under a smoothed one the raw curve stays, faint and unnamed."""
    columns = max(8, 2 * width)
    scale = _scale(run.history, view.axis)
    raw = series.envelope(low, high, columns)
    last = series.last.y if series.last else math.nan
    colour = colour_of(run, view) if view.colour else None
    extremes = (None, None) if bare else (raw.low, raw.high)
    curve = Curve(
        label,
        scale(raw.x),
        raw.mean,
        *extremes,
        colour=colour,
        style=style,
        nonfinite=scale(raw.nonfinite_x),
        last=last,
    )
    if not view.smoothing:
        return [curve]
    smooth = series.smoothed(view.smoothing, low, high, columns)
    faint = Curve("", scale(raw.x), raw.mean, colour=colour, style="dim")
    return [faint, Curve(label, scale(smooth.x), smooth.mean, colour=colour, style=style, last=last)]


def _marks(history: History, view: View, name: str, low: float, high: float) -> list[Mark]:
    scale = _scale(history, view.axis)
    marks: list[Mark] = []
    if name == history.monitor and history.best is not None:
        epoch, value = history.best
        marks.append(Mark(scale(epoch), f"best {number(value).strip()} @ {epoch}", "best"))
    if (
        name == history.monitor
        and (stop := history.stops_at) is not None
        and stop <= min(history.epochs, high)
    ):
        marks.append(Mark(scale(stop), f"would stop @ {stop}", "stop"))
    if history.ended is not None and history.ended.reason == "stopped_early" and name == history.monitor:
        marks.append(Mark(scale(history.ended.epoch), f"stopped @ {history.ended.epoch}", "stop"))
    for command in history.commands:
        if command.command == "set" and not command.error:
            key = str(command.value["key"]).split(".")[-1]
            marks.append(Mark(scale(command.epoch), clean(f"{key} {command.value['value']}", 24), "command"))
        elif command.command == "pause":
            marks.append(Mark(scale(command.epoch), "", "command"))
    marks += [Mark(scale(resumed.epoch), "resumed", "resume") for resumed in history.resumes]
    if view.cursor is not None:
        marks.append(Mark(scale(view.cursor), "", "cursor"))
    return [mark for mark in marks if scale(low) <= mark.x <= scale(high)]


def _bands(history: History, name: str, low: float, high: float) -> list[Band]:
    """What is too close to the value to beat to count as an improvement."""
    delta = float(history.setting("stopping.min_delta", 0.0))
    if name != history.monitor or not delta or not history.checks or history.checks[-1].reference is None:
        return []
    reference = history.checks[-1].reference
    edge = reference - delta if history.setting("stopping.mode", "min") == "min" else reference + delta
    return [Band(min(edge, reference), max(edge, reference), low, high)]


def exact_values(run: Run, others: Sequence[Run], view: View) -> str:
    """The exact values at the cursor, of the current run and the overlaid ones."""
    if view.cursor is None:
        return ""
    parts = [f"epoch {view.cursor:.0f}"]
    for one in [run, *(other for other in others if other is not run and other.shown)]:
        for label, curves in (("train", one.history.train), ("validation", one.history.validation)):
            point = curves["loss"].value_at(view.cursor) if "loss" in curves else None
            if point is not None:
                parts.append(f"{clean(one.name, 16) + ' ' if len(others) > 1 else ''}{label} {point.y:.6g}")
    return "  ".join(parts)
