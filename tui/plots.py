"""Which curves, marks and bands a chart of the lab shows: pure functions of the runs and the view's settings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..engine.history import History
from .abscissa import NAMES, Abscissa
from .curves import Band, ChartSpec, Curve, Mark, Palette, Strip
from .inks import INKS, letter
from .progress import SHARES, measured, title
from .progress import metric as metric_of
from .run import Run
from .text import clean, duration, number, short_name
from .view import View, visible

if TYPE_CHECKING:
    from ..engine.series import Series

#: Lower ends of the axis of a metric that is a share of one.
_SHARE_ENDS = (0.98, 0.95, 0.9, 0.8, 0.6, 0.4, 0.2, 0.0)
#: What the second chart can show beside the metrics of validation.
OTHERS = {"lr": "learning rate", "penalty": "penalty C₁Σ|w| + C₂Σw²"}
_LABEL = 12


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


def metric_chart(
    run: Run | None, others: Sequence[Run], view: View, width: int, height: int, usual: str = ""
) -> ChartSpec:
    """The task's metric (before it is known the `usual` one), the learning rate or the penalty; shares are never on a log scale."""
    name = view.metric or (metric_of(run.history) if run else "") or usual or "accuracy"
    words = OTHERS.get(name, title(name, run.history.started if run else None))
    log = view.log_y and name in OTHERS
    flat = replace(view, log_y=log, close=False, batches=False)
    spec = _chart(run, others, flat, width, height, name, words[:1].upper() + words[1:])
    return replace(spec, y_range=_share_range(spec)) if name in SHARES else spec


def metrics(history: History) -> list[str]:
    """What the second chart can show of a run, in the order of the key that goes through them."""
    found = [name for name in history.validation if name != "loss"] + ["lr"]
    return found + ["penalty"] * any(point.y for point in [history.penalty.last] if point)


def comparable(run: Run, other: Run, name: str) -> bool:
    """Whether a curve of another run means the same: the same data, and for a loss the same kind of loss."""
    one, two = run.experiment, other.experiment
    same_data = (one.data.name, one.data.path, one.data.target) == (
        two.data.name,
        two.data.path,
        two.data.target,
    )
    return same_data and (name != "loss" or one.loss.kind == two.loss.kind)


def longest(run: Run, others: Sequence[Run]) -> int:
    """Epochs of the longest run that is drawn beside this one."""
    drawn = [other for other in others if other.shown and comparable(run, other, "loss")]
    return max((other.history.epoch for other in drawn), default=0)


def _share_range(spec: ChartSpec) -> tuple[float, float]:
    """From a round number below the lowest value to 1: no share is larger, whatever room an axis likes."""
    lowest = 1.0
    for curve in spec.curves:
        for values in (curve.y, curve.low):
            finite = [] if values is None else [v for v in values if math.isfinite(v)]
            lowest = min(lowest, *finite, 1.0)
    return (next(end for end in _SHARE_ENDS if end <= max(lowest, 0.0)) if spec.curves else 0.0), 1.0


@dataclass(frozen=True)
class _Window:
    """A stretch of the axis, and in how many buckets a curve is asked for."""

    low: float
    high: float
    "In the axis' unit."
    columns: int
    view: View


def _chart(
    run: Run | None, others: Sequence[Run], view: View, width: int, height: int, name: str, words: str
) -> ChartSpec:
    if view.smoothing:
        words += f", smoothed {view.smoothing:g} over its points"
    if view.log_y:
        words += ", log scale"
    spec = ChartSpec(
        width, height, title=words, x_label=NAMES[view.axis], log_y=view.log_y, marker=view.marker,
        palette=palette_of(view), empty=_invitation(words.split(",")[0], name),
    )  # fmt: skip
    if run is None or run.history.started is None:
        return replace(spec, empty=_waiting(run)) if run is not None and not run.trouble else spec
    history = run.history
    below = Abscissa(history, view.axis)
    beside = [other for other in others if other is not run and other.shown and name in _curves(other)]
    alike = [other for other in beside if comparable(run, other, name)]
    if len(alike) < len(beside):
        spec = replace(spec, title=f"{words}; {len(beside) - len(alike)} of other data or loss are not drawn")
    low, high = (float(below.of(epoch)) for epoch in visible(history, view))
    if history.ended is not None and view.whole:
        ends = [float(Abscissa(one.history, view.axis).of(one.history.epoch)) for one in alike]
        high = max(high, *ends, low)
    high = max(high, float(below.of(below.epochs(low) + 1)))
    window = _Window(low, high, max(8, 2 * width), view)
    curves: list[Curve] = []
    for other in alike:
        curves += _beside(other, name, window)
    curves += _own(run, name, window, below)
    if not any(len(curve.x) or len(curve.nonfinite) for curve in curves):
        return replace(spec, empty=_nothing(history))
    marks = [mark for mark in _marks(history, view, name, below, width) if low <= mark.x <= high]
    bands = _bands(history, name, low, high)
    return replace(
        spec, curves=tuple(curves), marks=tuple(marks), bands=tuple(bands), x_range=(low, high),
        strip=_strip(history, name, below),
    )  # fmt: skip


def _waiting(run: Run) -> str:
    """Why a run has not begun yet."""
    queued = "queued: it trains when those before it have ended\n\nShift+↓ in the runs table (t) lets it train earlier"
    return queued if run.queued else run.preparing


def _nothing(history: History) -> str:
    """Why a run that has begun has no point yet."""
    if history.ended is not None:
        return f"it ended after {history.step:,} steps, before there was a value to draw"
    return "the first point comes with the first epoch"


def _invitation(words: str, name: str) -> str:
    text = f"{words} of training and validation: press r to train"
    more = "\n\ne changes the experiment, Ctrl+O opens another one, ? tells all keys"
    return text + more if name == "loss" else text


# -- curves ----------------------------------------------------------------------------------------------------------


def _curves(run: Run) -> dict[str, Series]:
    """The curve by which a run is compared, by name: validation, or what there is one of."""
    history = run.history
    return {**history.validation, "lr": history.lr, "penalty": history.penalty}


def _beside(other: Run, name: str, window: _Window) -> list[Curve]:
    """The curve of a run that the current one is compared with; one that diverged asks for no room."""
    below = Abscissa(other.history, window.view.axis)
    diverged = other.history.ended is not None and other.history.ended.reason == "diverged"
    label = short_name(other.name, _LABEL)
    if not window.view.colour:  # the letter that the runs table has in the colour's place
        label = f"{letter(other.number)} {short_name(other.name, _LABEL - 2)}"
    found = _curve(_curves(other)[name], label, other, "dim", window, below, bare=True)
    return [replace(curve, fits=not diverged) for curve in found]


def _own(run: Run, name: str, window: _Window, below: Abscissa) -> Iterator[Curve]:
    """The curves of the current run, train below validation."""
    history, view = run.history, window.view
    if name in OTHERS:
        yield from _curve(_curves(run)[name], OTHERS[name].split(" C")[0], run, "strong", window, below)
        return
    first = name == "loss" and not len(history.epoch_seconds)
    if first or (name == "loss" and (view.batches or view.axis == "step")):
        yield from _batch_losses(run, window, below, named=first or not history.train)
    if name in history.train:
        for curve in _curve(history.train[name], "train", run, "dim", window, below):
            yield replace(curve, fits=not view.close)
    if name in history.validation:
        yield from _curve(history.validation[name], "validation", run, "strong", window, below)


def _batch_losses(run: Run, window: _Window, below: Abscissa, *, named: bool) -> list[Curve]:
    """The batch losses with their extremes, from the reports of steps or the epochs, whichever is finer."""
    history = run.history
    if len(history.steps) > len(history.batches):
        series, unit = history.steps, 1 / below.steps
    else:
        series, unit = history.batches, 1.0
    if series.last is None:
        return []
    low, high = (float(below.epochs(x)) / unit for x in (window.low, window.high))
    found = series.envelope(low, high, window.columns)
    colour = colour_of(run, window.view) if window.view.colour else None
    return [
        Curve(
            "batches" * named, below.of(found.x * unit), found.mean, found.low, found.high, colour=colour,
            style="dim", nonfinite=below.of(found.nonfinite_x * unit), last=series.last.y,
            fits=not window.view.close,
        )
    ]  # fmt: skip


def _curve(
    series: Series, label: str, run: Run, style: Literal["strong", "dim"], window: _Window, below: Abscissa,
    *, bare: bool = False,
) -> list[Curve]:  # fmt: skip
    """The curve with its envelope; under a smoothed one the raw points stay, unnamed."""
    view, columns = window.view, window.columns
    low, high = float(below.epochs(window.low)), float(below.epochs(window.high))
    # A neighbour beyond each end, so that the line goes on to the edge.
    low, high = series.before(low), series.after(high)
    raw = series.envelope(low, high, columns)
    at = series.last if view.cursor is None else series.value_at(view.cursor)
    last = at.y if at else math.nan
    colour = colour_of(run, view) if view.colour else None
    broken = below.of(raw.nonfinite_x)
    extremes = (None, None) if bare else (raw.low, raw.high)
    curve = Curve(
        label, below.of(raw.x), raw.mean, *extremes, colour=colour, style=style, nonfinite=broken, last=last
    )
    if not view.smoothing:
        return [curve]
    smooth = series.smoothed(view.smoothing, low, high, columns)
    points = Curve("", below.of(raw.x), raw.mean, colour=colour, style="dim", points=True)
    line = Curve(
        label, below.of(smooth.x), smooth.mean, colour=colour, style=style, nonfinite=broken, last=last
    )
    return [points, line]


# -- marks -----------------------------------------------------------------------------------------------------------


def _marks(history: History, view: View, name: str, below: Abscissa, width: int) -> Iterator[Mark]:
    def at(step: int) -> float:
        return float(below.of(step / below.steps))

    ended = history.ended
    if name == history.monitor:
        if history.best is not None:
            epoch, value = history.best
            yield Mark(float(below.of(epoch)), f"best {number(value).strip()} @ {epoch}", "best")
        if (stop := history.stops_at) is not None and stop <= history.epochs:
            yield Mark(float(below.of(stop)), f"would stop @ {stop}", "stop")
        if ended is not None and ended.reason == "stopped_early":
            yield Mark(float(below.of(ended.epoch)), f"stopped @ {ended.epoch}", "stop")
        if history.started is not None and int(history.setting("training.validate_every", 1)) > 1:
            checks = (
                history.validation[name].envelope(columns=2 * width) if name in history.validation else None
            )
            yield from (Mark(float(below.of(x)), "", "check") for x in ([] if checks is None else checks.x))
    before = ("", -1)
    for command in history.commands:
        words = None if command.error else _words(command.command, command.value)
        if words is None:
            continue
        # Steps and the pauses after them are one row of marks, one an epoch.
        stepped = command.command == "pause" and before[0] in ("step", "run_epochs", "pause")
        words = "" if stepped else words
        if words or before[1] != command.epoch:
            yield Mark(at(command.step), words, "command")
        before = command.command, command.epoch
    for saved in history.saved:
        yield Mark(at(saved.step), "", "save")
    for resumed in history.resumes:
        yield Mark(at(resumed.step), "resumed", "resume")
    parent = history.started.parent if history.started else {}
    if parent:
        yield Mark(float(below.of(parent["epoch"])), f"from {short_name(str(parent['run']), 20)}", "resume")
    if view.cursor is not None:
        yield Mark(float(below.of(view.cursor)), f"@ {view.cursor:g}", "cursor")


def _words(command: str, value: object) -> str | None:
    """What a mark says of a command; None for what the end of the run or a mark of its own tells."""
    match command:
        case "set" if isinstance(value, dict):
            return clean(f"{str(value['key']).split('.')[-1]} {value['value']}", 24)
        case "pause":
            return "pause"
        case "pace":
            return "slow" if value else "full speed"
        case "resume" | "step" | "run_epochs":
            return ""
        case _:
            return None


def _bands(history: History, name: str, low: float, high: float) -> list[Band]:
    """What is too close to the value to beat to count as an improvement."""
    delta = float(history.setting("stopping.min_delta", 0.0))
    bar = history.bar
    if name != history.monitor or not delta or bar is None:
        return []
    reference = history.checks[-1].reference
    assert reference is not None
    return [Band(min(bar, reference), max(bar, reference), low, high)]


def _strip(history: History, name: str, below: Abscissa) -> Strip | None:
    """Patience along the axis: from the check that began it, over the newest, to where it ends."""
    if name != history.monitor or not history.checks or not history.setting("stopping.enabled", True):
        return None
    last = history.checks[-1]
    if last.wait < 1 or last.wait > len(history.checks):
        return None
    began = history.checks[-1 - last.wait].epoch if last.wait < len(history.checks) else 0
    end = history.stops_at or last.epoch
    return Strip(float(below.of(began)), float(below.of(last.epoch)), float(below.of(end)))


# -- exact values ----------------------------------------------------------------------------------------------------


def exact_values(run: Run, view: View, width: int = 0) -> str:
    """The exact values of the current run at the cursor; those of the others stand at the ends of their lines.

    In `width` cells, if given: what matters least is left out.
    """
    if view.cursor is None:
        return ""
    history, epoch = run.history, view.cursor
    parts = [f"epoch {epoch:g}"]
    metric = view.metric or metric_of(history)
    for label, curves in (("train", history.train), ("validation", history.validation)):
        point = curves["loss"].value_at(epoch) if "loss" in curves else None
        if point is not None:
            parts.append(f"{label} {point.y:.6g}")
    for label, curves in (("validation", history.validation), ("train", history.train)):
        point = curves[metric].value_at(epoch) if metric in curves else None
        if point is not None:
            name = measured(metric, point.y) if metric in SHARES else f"{point.y:.6g}"
            parts.append(
                f"{title(metric)} {name}" if label == "validation" else f"train {title(metric)} {name}"
            )
    parts.append(f"step {round(epoch * Abscissa(history, 'step').steps):,}")
    parts.append(f"after {duration(float(Abscissa(history, 'time').of(epoch)))}")
    while width and len(parts) > 1 and len("  ".join(parts)) > width:
        parts.pop()
    return "  ".join(parts)
