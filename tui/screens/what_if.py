"""What early stopping would have done with another patience, min_delta or metric: replays the recorded checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from ...engine.history import History
from ...engine.series import Series
from ...engine.stopping import bar, replay
from ...engine.tasks import METRICS
from ..curves import Band, ChartSpec, Curve, Mark
from ..plots import colour_of, palette_of
from ..progress import measured, title
from ..run import Run
from ..text import number
from ..widgets.chart import ChartView
from ..widgets.line import Line

if TYPE_CHECKING:
    from ..app import LabApp


@dataclass(frozen=True)
class Question:
    """A configuration to try."""

    monitor: str
    mode: Literal["min", "max"]
    patience: int
    min_delta: float
    warm_up: int = 0
    baseline: float | None = None
    "Belongs to the run's own monitor; None for another."


@dataclass(frozen=True)
class Answer:
    """What it would have done."""

    stop_epoch: int | None
    "None: it lies beyond the recorded epochs."
    best_epoch: int | None
    best: float | None
    reference: float | None
    "The value that had to be beaten by more than min_delta."
    loss: float | None
    "Validation loss of the weights one would have got."
    lowest: float | None
    "The lowest validation loss recorded."
    epochs: int
    "Recorded epochs."


def asked(history: History) -> Question:
    """The configuration the run had."""
    return Question(
        history.monitor,
        history.setting("stopping.mode", "min"),
        max(1, int(history.setting("stopping.patience", 10))),
        float(history.setting("stopping.min_delta", 0.0)),
        int(history.setting("stopping.warm_up", 0)),
        history.setting("stopping.baseline"),
    )


def answer(history: History, question: Question) -> Answer:
    """Replay the recorded validation values."""
    series = history.validation.get(question.monitor)
    points = _points(series) if series is not None else []
    verdicts = replay(points, **asdict(question))
    last = verdicts[-1] if verdicts else None
    losses = dict(_points(history.validation["loss"])) if "loss" in history.validation else {}
    finite = [value for value in losses.values() if math.isfinite(value)]
    return Answer(
        points[len(verdicts) - 1][0] if last is not None and last.stop else None,
        last.best_epoch if last else None,
        last.best if last else None,
        last.reference if last else None,
        losses.get(last.best_epoch) if last and last.best_epoch is not None else None,
        min(finite) if finite else None,
        history.epoch,
    )


def _points(series: Series) -> list[tuple[int, float]]:
    return [(int(point.x), point.y) for point in series.points()]


def told(question: Question, found: Answer) -> str:
    """The answer in words."""
    head = f"monitor {question.monitor} ({question.mode}) · patience {question.patience:>3} · min_delta {question.min_delta:g}"
    if found.best_epoch is None:
        return f"{head}\nThere is no finite value of {question.monitor} to judge by."
    best = math.nan if found.best is None else found.best
    weights = f"the weights of epoch {found.best_epoch} ({title(question.monitor)} {measured(question.monitor, best)})"
    if found.loss is not None and found.lowest is not None:
        cost = found.loss - found.lowest
        if question.monitor != "loss":
            weights += ", validation loss " + number(found.loss).strip()
        weights += (
            ", the lowest recorded" if cost <= 0 else f", {number(cost).strip()} above the lowest recorded"
        )
    if found.stop_epoch is None:
        return f"{head}\nIt would not have stopped within the {found.epochs} recorded epochs: the answer lies beyond them. So far: {weights}."
    saved = found.epochs - found.stop_epoch
    sooner = f"{saved} of {found.epochs} epochs earlier" if saved else "the last one recorded"
    return f"{head}\nIt would have stopped at epoch {found.stop_epoch}, {sooner}, with {weights}."


_DELTAS = (0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0, 1000.0)


def stepped(values: Sequence[float], now: float, by: int) -> float:
    """The neighbour of a value on a scale."""
    index = min(range(len(values)), key=lambda i: abs(values[i] - now))
    return values[max(0, min(len(values) - 1, index + by))]


class WhatIfScreen(ModalScreen[None]):
    """Move patience, min_delta and the metric by keys and see at once where it would have stopped."""

    BINDINGS = [
        Binding("escape,q", "dismiss", "Back"),
        Binding("right", "patience(1)", "Patience +1"),
        Binding("left", "patience(-1)", "Patience -1"),
        Binding("up", "delta(1)", "min_delta up"),
        Binding("down", "delta(-1)", "min_delta down"),
        Binding("m", "metric", "Metric"),
        Binding("0", "as_run", "As it was"),
    ]

    app: LabApp  # type: ignore[assignment]

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run, self._history = run, run.history
        self.question = asked(run.history)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide tall"):
            yield Line(
                "What if? ← → patience, ↑ ↓ min_delta, m metric, 0 as it was, Escape back",
                classes="dialog-title",
            )
            yield ChartView(self._spec)
            yield Line("", id="told")

    def on_mount(self) -> None:
        """Show the run's own configuration first."""
        self._show()

    def _show(self) -> None:
        words = told(self.question, answer(self._history, self.question))
        if not self._history.setting("stopping.enabled", True):
            words += " In this run early stopping was off."
        self.query_one("#told", Line).set(words)
        self.query_one(ChartView).show()

    def action_patience(self, by: int) -> None:
        """Change patience by one check."""
        self.question = replace(self.question, patience=max(1, self.question.patience + by))
        self._show()

    def action_delta(self, by: int) -> None:
        """Change min_delta by a step of its scale."""
        self.question = replace(self.question, min_delta=stepped(_DELTAS, self.question.min_delta, by))
        self._show()

    def action_metric(self) -> None:
        """Monitor the next metric."""
        task = self._history.started.task if self._history.started else "multiclass"
        names = [name for name in METRICS[task] if name in self._history.validation]  # type: ignore[index]
        if names:
            now = names.index(self.question.monitor) if self.question.monitor in names else -1
            name = names[(now + 1) % len(names)]
            own = asked(self._history)
            baseline = own.baseline if name == own.monitor else None
            self.question = replace(self.question, monitor=name, mode=METRICS[task][name], baseline=baseline)  # type: ignore[index]
            self.query_one(ChartView).reset()
            self._show()

    def action_as_run(self) -> None:
        """Go back to the run's own configuration."""
        self.question = asked(self._history)
        self._show()

    def _spec(self, width: int, height: int) -> ChartSpec:
        history, question = self._history, self.question
        series = history.validation.get(question.monitor)
        if series is None or not len(series):
            return ChartSpec(width, height, empty="no check was recorded")
        view, found = self.app.shown_view, answer(history, question)
        shape = series.envelope(columns=2 * width)
        curve = Curve(
            question.monitor,
            shape.x,
            shape.mean,
            shape.low,
            shape.high,
            colour=colour_of(self._run, view) if view.colour else None,
            nonfinite=shape.nonfinite_x,
        )
        marks: list[Mark] = []
        bands: list[Band] = []
        if found.best_epoch is not None and found.best is not None:
            marks.append(Mark(found.best_epoch, f"best @ {found.best_epoch}", "best"))
            if question.min_delta and (beaten := found.reference) is not None:
                edge = bar(beaten, question.min_delta, question.mode)
                bands.append(Band(min(edge, beaten), max(edge, beaten), 0, history.epoch))
        ended = history.ended
        if found.stop_epoch is not None:
            marks.append(Mark(found.stop_epoch, f"would stop @ {found.stop_epoch}", "stop"))
        if ended is not None and ended.reason == "stopped_early" and ended.epoch != found.stop_epoch:
            marks.append(Mark(ended.epoch, f"stopped @ {ended.epoch}", "command"))
        log = view.log_y and question.monitor == "loss"
        return ChartSpec(
            width, height, (curve,), tuple(marks), tuple(bands), x_label="epoch", log_y=log, marker=view.marker,
            title=f"Validation {title(question.monitor)}{', log scale' * log}", palette=palette_of(view),
            x_range=(0.0, float(max(1, history.epoch))),
        )  # fmt: skip
