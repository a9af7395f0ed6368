"""What the lab says, as pure functions of a run: titles, panels, tables; no widget, no clock, no torch."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from ..engine import diagnosis
from ..engine.experiment import Experiment
from ..engine.history import History
from .progress import SHARES, title
from .progress import metric as metric_of
from .run import Run
from .text import clean, count, duration, number, percent, short_name, shorten

if TYPE_CHECKING:
    from ..engine.series import Series

#: How each state is shown: a sign for the eye, a word for everybody.
STATES = {
    "waiting": ("○", "preparing"),
    "queued": ("○", "queued"),
    "training": ("●", "training"),
    "paused": ("‖", "paused"),
    "finished": ("■", "finished"),
    "stopped_early": ("■", "stopped early"),
    "stopped": ("□", "stopped"),
    "diverged": ("✗", "diverged"),
    "failed": ("✗", "failed"),
    "refused": ("✗", "refused"),
    "crashed": ("✗", "crashed"),
    "stalled": ("!", "stalled"),
    "damaged": ("✗", "damaged"),
}


def in_one_line(experiment: Experiment, width: int = 0) -> str:
    """The experiment in the order of the lecture, a title; in `width` cells, if given, whole words only."""
    e = experiment
    words = [
        _data_in_words(e),
        _model_in_words(e),
        e.loss.kind + " balanced" * (e.loss.class_weights != "none"),
    ]
    words.append(f"{e.optimizer.kind} {e.optimizer.lr:g}")
    if e.training.schedule.kind != "constant":
        words.append(e.training.schedule.kind)
    words += [f"l1 {e.regularization.l1:g}"] if e.regularization.l1 else []
    words += [f"l2 {e.regularization.l2:g}"] if e.regularization.l2 else []
    words += [f"dropout {dropout:g}"] if (dropout := getattr(e.model, "dropout", 0)) else []
    words += ["batch norm"] if getattr(e.model, "batch_norm", False) else []
    scale = {
        "constant": f" {e.init.value:g}",
        "normal": f" {e.init.scale:g}",
        "uniform": f" {e.init.scale:g}",
    }
    words += [e.init.kind + scale.get(e.init.kind, ""), f"batch {e.training.batch_size}"]
    line = " · ".join(words)
    while width and cell_len(line) > width and len(words) > 1:
        words.pop()
        line = " · ".join([*words, "…"])
    return shorten(line, width) if width else line


def headline(run: Run | None, experiment: Experiment, width: int) -> str:
    """What is looked at: the run's name and its experiment as it is in force, or the experiment to be trained next."""
    if run is None:
        return in_one_line(experiment, width)
    name = short_name(run.name, max(8, width // 3))
    line = in_one_line(run.in_force)
    data, _, rest = line.partition(" · ")
    # A run is called after its data, unless somebody named it.
    line = f"{name} · {rest if name.startswith(data) else line}"
    words = line.split(" · ")
    while cell_len(line) > width and len(words) > 1:
        words.pop()
        line = " · ".join([*words, "…"])
    return shorten(line, width)


def _data_in_words(e: Experiment) -> str:
    data = e.data.name or clean(e.data.path.name if e.data.path else "", 40)
    data += f" ({e.data.subset})" if e.data.subset else ""
    data += f" label noise {e.data.label_noise:g}" if e.data.label_noise else ""
    return data + " augmented" * e.data.augmentation.active


def _model_in_words(e: Experiment) -> str:
    match e.model.kind:
        case "mlp":
            widths = e.model.hidden
            alike = len(widths) > 3 and len(set(widths)) == 1
            sizes = f"{len(widths)}×{max(widths)}" if alike else "-".join(map(str, widths))
            return (
                f"mlp {sizes}{'' if e.model.activation == 'relu' else ' ' + e.model.activation}"
                if sizes
                else "linear"
            )
        case "cnn":
            return "cnn " + "-".join(map(str, e.model.channels))
        case "polynomial":
            return f"polynomial {e.model.degree}"
        case kind:
            return kind


@dataclass(frozen=True)
class Status:
    """The right end of the title."""

    sign: str
    word: str
    times: str = ""
    "Elapsed time."
    left: str = ""
    "At most so much is left: early stopping may end it sooner."

    def __str__(self) -> str:
        return f"{self.sign} {self.word}  {' · '.join(part for part in (self.times, self.left) if part)}".rstrip()

    @property
    def short(self) -> str:
        """Without the elapsed time where there is a time that is left."""
        return f"{self.sign} {self.word}  {self.left or self.times}".rstrip()


def status(run: Run | None) -> Status:
    """State, elapsed time and the time left."""
    if run is None:
        return Status("○", "no run yet")
    sign, word = STATES.get(run.state, ("?", run.state))
    history = run.history
    if run.awaited:
        word += f" · {run.awaited}…"
    if history.ended is not None:
        return Status(sign, word, duration(history.ended.seconds))
    eta = history.eta() if run.state == "training" else None
    left = "" if eta is None else f"≤{duration(eta)} left"
    times = duration(history.time) if history.started else ""
    # The time is that of training, without the pauses; what is left counts those of slow motion, for somebody who waits.
    return Status(sign, word, f"slow motion · {times} of computing" if history.pace > 0 else times, left)


def clipped(text: str, width: int, rows: int, more: str = "…") -> str:
    """Text wrapped to `width` cells and at most `rows` lines; `more` ends it where there is more."""
    indented = ((line, " " * (len(line) - len(line.lstrip()))) for line in text.split("\n"))
    lines = [
        piece
        for line, indent in indented
        for piece in textwrap.wrap(line, max(len(indent) + 2, width), subsequent_indent=indent) or [""]
    ]
    if len(lines) > rows > 0:
        last = lines[rows - 1]
        while last and cell_len(f"{last} {more}") > width:
            last = last.rpartition(" ")[0]
        lines = [*lines[: rows - 1], f"{last} {more}".strip()]
    return "\n".join(lines)


# -- numbers beside the curves ---------------------------------------------------------------------------------------


def figures(run: Run | None, width: int = 0) -> str:
    """Epoch, train and validation loss, their gap, the task's metric, step and speed, at fixed places.

    While it trains those of the newest epoch; of a run that has ended those of the epoch whose weights are loaded. In
    `width` cells, if given: what matters least is left out.
    """
    if run is None or run.history.started is None:
        return ""
    history, ended = run.history, run.history.ended
    epoch = history.epochs_done if ended is None or ended.restored_epoch is None else ended.restored_epoch
    loaded = " loaded" * (ended is not None and ended.restored_epoch is not None)
    parts = [f"epoch {epoch:>{len(str(history.epochs))}}/{history.epochs}{loaded}"]
    step = f"step {history.step:,}"
    if ended is None and (history.paused or not history.train):
        parts += [step + _within(history)] if history.step else []
        parts += [f"batch loss {number(history.batch_loss)}"] if history.batch_loss is not None else []
    if history.train:
        parts.append(f"train {number(_at(history.train, 'loss', epoch))}")
        parts.append(f"validation {number(_at(history.validation, 'loss', epoch))}")
    if (metric := metric_of(history)) in history.validation:
        value = _at(history.validation, metric, epoch)
        parts.append(
            f"{title(metric, history.started)} {percent(value) if metric in SHARES else number(value)}"
        )
    if "loss" in history.validation and "loss" in history.train:
        gap = _at(history.validation, "loss", epoch) - _at(history.train, "loss", epoch)
        parts.append(f"gap {number(gap)}")
    if history.examples_per_second and ended is None:
        parts.append(f"{count(round(history.examples_per_second)):>7} examples/s")
        parts += [] if history.paused else [step]
    while width and len(parts) > 1 and cell_len("  ".join(parts)) > width:
        parts.pop()
    return "  ".join(parts)


def _within(history: History) -> str:
    """How far the epoch in progress is."""
    steps = history.started.steps_per_epoch if history.started else 1
    return f" ({history.step - steps * history.epochs_done}/{steps} of the next epoch)"


def _at(curves: Mapping[str, Series], name: str, epoch: float) -> float:
    """The value of a curve at an epoch, of its newest check up to then."""
    point = curves[name].value_at(epoch) if name in curves else None
    return point.y if point else math.nan


# -- diagnosis -------------------------------------------------------------------------------------------------------


def diagnosis_line(run: Run | None) -> tuple[str, bool]:
    """What to know now, and whether it is trouble."""
    if run is None:
        return "Press r to train this experiment. The diagnosis will tell here what the curves mean.", False
    if run.trouble:
        return run.trouble, True
    if run.history.storage is not None:
        return (
            f"Storage fault: {clean(run.history.storage.error)}. Training goes on; the last good checkpoint stays.",
            True,
        )
    if run.history.state == "failed" and run.history.ended is not None:
        return clean(run.history.ended.detail, 400), True
    findings = diagnosis.current(run.history)
    if not findings:
        return "Nothing to say yet: the diagnosis needs a few epochs.", False
    first = findings[0]
    return clean(first.text, 400), diagnosis.is_problem(first.finding)
