"""What the lab says, as pure functions of a run: titles, panels, tables; no widget, no clock, no torch."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

from rich.cells import cell_len

from ..engine import diagnosis
from ..engine.experiment import Experiment
from ..engine.history import History
from .progress import SHARES, measured, title
from .progress import metric as metric_of
from .seven_bit import seven_bit
from .sitting import Run
from .text import clean, count, duration, number, percent, shorten

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
    data = e.data.name or clean(str(e.data.path), 40)
    model = e.model.kind
    if e.model.kind == "mlp":
        model = "mlp " + "-".join(map(str, e.model.hidden)) if e.model.hidden else "linear"
    elif e.model.kind == "cnn":
        model = "cnn " + "-".join(map(str, e.model.channels))
    elif e.model.kind == "polynomial":
        model = f"polynomial {e.model.degree}"
    extras = [f"l1 {e.regularization.l1:g}"] if e.regularization.l1 else []
    extras += [f"l2 {e.regularization.l2:g}"] if e.regularization.l2 else []
    extras += [f"dropout {d:g}"] if (d := getattr(e.model, "dropout", 0)) else []
    extras += ["batch norm"] if getattr(e.model, "batch_norm", False) else []
    size = e.training.batch_size
    words = [data, model, e.loss.kind, f"{e.optimizer.kind} {e.optimizer.lr:g}", *extras, e.init.kind, f"batch {size}"]  # fmt: skip
    line = " · ".join(words)
    while width and cell_len(line) > width and len(words) > 1:
        words.pop()
        line = " · ".join([*words, "…"])
    return shorten(line, width) if width else line


@dataclass(frozen=True)
class Status:
    """The right end of the title."""

    sign: str
    word: str
    times: str
    "Elapsed time and what is left."

    def __str__(self) -> str:
        return f"{self.sign} {self.word}  {self.times}".rstrip()


def status(run: Run | None) -> Status:
    """State, elapsed time and the time left; "at most" because early stopping may end it sooner."""
    if run is None:
        return Status("○", "no run yet", "")
    sign, word = STATES.get(run.state, ("?", run.state))
    history = run.history
    if run.awaited:
        word += f" · {run.awaited}…"
    if history.ended is not None:
        return Status(sign, word, duration(history.ended.seconds))
    eta = history.eta()
    left = "" if eta is None else f" / ≤{duration(history.time + eta)}"
    return Status(sign, word, duration(history.time) + left if history.started else "")


# -- early stopping --------------------------------------------------------------------------------------------------


def strip(wait: int, patience: int, width: int, *, ascii_only: bool = False) -> str:
    """Patience as a strip that fills up: one cell a check, or shares of it where there is no room for that."""
    full, empty = ("#", ".") if ascii_only else ("▰", "▱")
    cells = min(patience, max(1, width))
    filled = min(cells, math.ceil(wait * cells / patience)) if patience else cells
    return full * filled + empty * (cells - filled)


def stopping_lines(run: Run | None, width: int, *, ascii_only: bool = False) -> list[str]:
    """The early-stopping panel: what it waits for, when it would stop, which weights one gets.

    Up to three lines of at most `width` cells.
    """
    lines = _stopping(run, width, ascii_only)
    if len(lines) == 1:
        lines = textwrap.wrap(lines[0], max(1, width))
    lines = [seven_bit(line) if ascii_only else line for line in lines[:3]]
    return [line if cell_len(line) <= width else shorten(line, width, ascii_only) for line in lines]


def _stopping(run: Run | None, width: int, ascii_only: bool) -> list[str]:
    if run is None or run.history.started is None:
        return [
            "Early stopping watches the validation curve; it shows here how long it will wait for an improvement."
        ]
    history = run.history
    monitor, best = history.monitor, history.best
    enabled = bool(history.setting("stopping.enabled", True))
    patience = max(1, int(history.setting("stopping.patience", 10)))
    if best is None and history.ended is not None:
        return [_ending(history), _weights(history), test_line(history)]
    if best is None:
        return [
            f"No finite validation {monitor} yet."
            if history.checks
            else f"Waiting for the first check of validation {monitor}."
        ]
    best_text = f"best {monitor} {number(best[1]).strip()} at epoch {best[0]}"
    ended = history.ended
    if ended is not None:
        return [_ending(history), f"{best_text} · {_weights(history)}", test_line(history)]
    last = history.checks[-1]
    if not enabled:
        ago = last.epoch - best[0]
        return [f"off · {best_text}, {ago} epoch{'s' * (ago != 1)} ago", _weights(history)]
    head = f"waiting {last.wait:>{len(str(patience))}} of {patience} checks  "
    if width < len(head) + 5:
        head = f"wait {last.wait:>{len(str(patience))}}/{patience} "
    head += strip(last.wait, patience, width - len(head), ascii_only=ascii_only)
    delta = float(history.setting("stopping.min_delta", 0.0))
    mode = str(history.setting("stopping.mode", "min"))
    goal = ""
    if last.reference is not None:
        edge = last.reference - delta if mode == "min" else last.reference + delta
        goal = f" unless {'below' if mode == 'min' else 'above'} {number(edge).strip()}"
    stops = history.stops_at
    when = (
        ""
        if stops is None
        else f"stops at epoch {stops}{goal}"
        if stops <= history.epochs
        else "will not stop before the last epoch"
    )
    return [head, f"{best_text} · {when}", _weights(history)]


def _ending(history: History) -> str:
    ended = history.ended
    assert ended is not None
    if ended.reason == "stopped_early" and history.checks:
        wait = history.checks[-1].wait
        return f"stopped early at epoch {ended.epoch}: {wait} check{'s' * (wait != 1)} in a row without improvement"
    detail = clean(ended.detail, 300)
    return f"{STATES.get(ended.reason, ('', ended.reason))[1]} at epoch {ended.epoch}{': ' * bool(detail)}{detail}"


def _weights(history: History) -> str:
    ended = history.ended
    if ended is None:
        restore = bool(history.setting("stopping.restore_best", True))
        return (
            "at the end the best weights are restored"
            if restore
            else "at the end the last weights stay (restore_best is off)"
        )
    if ended.restored_epoch is None:
        return f"weights of the last step ({ended.epoch} epochs) are loaded"
    return f"weights of epoch {ended.restored_epoch} are loaded"


def test_line(history: History) -> str:
    """The test result, told once and as what it is."""
    ended = history.ended
    if ended is None:
        return ""
    if not ended.test:
        return (
            "not tested: the run was interrupted; resume it"
            if ended.reason == "stopped"
            else "no test result"
        )
    metrics = ended.test.get("metrics", {})
    parts = [f"loss {number(ended.test['loss']).strip()}"]
    parts += [f"{title(name)} {measured(name, value)}" for name, value in metrics.items()]
    again = int(ended.test.get("evaluations", 1))
    warning = "" if again < 2 else f" (looked at {again} times: no longer an unbiased estimate)"
    return "test: " + " · ".join(parts) + warning


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
    """Epoch, train and validation loss of the last check, their gap, the task's metric, speed, at fixed places.

    In `width` cells, if given: what matters least is left out.
    """
    if run is None or not run.history.train:
        return ""
    history = run.history
    parts = [
        f"epoch {history.epoch:>{len(str(history.epochs))}}/{history.epochs}",
        f"train {number(_last(history, 'train', 'loss'))}",
        f"validation {number(_last(history, 'validation', 'loss'))}",
    ]
    if (metric := metric_of(history)) in history.validation:
        value = _last(history, "validation", metric)
        parts.append(f"{title(metric)} {percent(value) if metric in SHARES else number(value)}")
    if "loss" in history.validation:
        parts.append(f"gap {number(math.nan if history.gap is None else history.gap)}")
    if history.examples_per_second and history.ended is None:
        parts.append(f"{count(round(history.examples_per_second)):>7} examples/s")
        parts.append(f"step {history.step:,}")
    while width and len(parts) > 1 and cell_len("  ".join(parts)) > width:
        parts.pop()
    return "  ".join(parts)


def _last(history: History, part: str, name: str) -> float:
    series = (history.train if part == "train" else history.validation).get(name)
    point = series.last if series else None
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
    return clean(first.text, 400), first.finding not in ("healthy", "good_fit", "stopping_off")
