"""A run in words while it trains: what is trained, and where it stands, as lines of styled text; pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from ..engine.events import CommandTaken, Diagnosed, Event, Resumed, RunStarted, StorageFailed
from ..engine.history import History
from .text import clean, count, duration, number, percent, typed

if TYPE_CHECKING:
    from ..engine.series import Series

#: The metric shown beside the loss, where early stopping does not name another.
_METRIC = {"multiclass": "accuracy", "binary": "accuracy", "regression": "r2"}
#: Metrics that are shares of one.
SHARES = ("accuracy", "recall", "precision", "macro_recall")
#: Metrics of the second of two classes.
_OF_ONE_CLASS = ("recall", "precision")
_TITLES = {"r2": "R²", "macro_recall": "macro recall", "rmse": "RMSE", "mae": "MAE"}

#: Colours of the two curves, here and in the chart of the summary.
TRAIN, VALIDATION, BEST, TROUBLE = "cyan", "bright_yellow", "green", "red"


#: Column at which the header's text begins.
HANGING = 13


def title(metric: str, started: RunStarted | None = None) -> str:
    """Name a metric for people; with the run, recall and precision say of which of its two classes they are."""
    name = _TITLES.get(metric, metric)
    if metric in _OF_ONE_CLASS and started is not None and len(started.classes) == 2:
        return f"{name} of {clean(started.classes[1], 20)}"
    return name


def measured(metric: str, value: float) -> str:
    """Write a loss or metric in its own unit; shares of one as per cent."""
    return (percent(value) if metric in SHARES else number(value)).strip()


def measured_at(curves: Mapping[str, Series], name: str, epoch: int, nothing: str = "-") -> str:
    """What was measured at the end of just this epoch; `nothing` where that was not."""
    series = curves.get(name)
    point = series.value_at(epoch) if series is not None else None
    return measured(name, point.y) if point is not None and point.x == epoch else nothing


def metric(history: History) -> str:
    """Name the metric shown beside the loss."""
    if history.monitor != "loss":
        return history.monitor
    return metric_of_task(history.started.task) if history.started else ""


def metric_of_task(task: str | None) -> str:
    """Name the usual one of a task; of one that is not known yet none."""
    return _METRIC.get(task or "", "")


def header(started: RunStarted, name: str) -> list[str]:
    """What is about to be trained, a topic a line."""
    e, sizes = started.experiment, started.sizes
    training, stopping, optimizer = e["training"], e["stopping"], e["optimizer"]
    rows = [
        ("data", f"{started.source}; {started.task}{_classes(started)}"),
        (
            "",
            f"{sizes['train']:,} train, {sizes['validation']:,} validation, {sizes['test']:,} test examples",
        ),
        ("model", f"{' · '.join(started.layers)}; {started.parameters:,} parameters, init {e['init']['kind']}"),
        ("loss", _loss(e, started)),
        ("optimizer", f"{optimizer['kind']}, {_settings(optimizer, 'kind', 'formula')}{_formula(optimizer)}"),
        (
            "training",
            f"at most {many(training['epochs'], 'epoch')} of {many(started.steps_per_epoch, 'step')}, "
            f"{_batches(training['batch_size'], sizes['train'])}, seed {training['seed']}",
        ),
        ("stopping", _stopping(stopping, started)),
        ("machine", f"{started.device}, {many(started.threads, 'thread')}, "
                    + ", ".join(f"{key} {value}" for key, value in started.versions.items())),
        *(("note", note) for note in started.notes),
    ]  # fmt: skip
    about = clean(str(e.get("description", "")))
    return [clean(name) + (f": {about}" if about else "")] + [
        f"  {topic:<{HANGING - 3}} {clean(text, 400)}" for topic, text in rows
    ]


def many(number: int, what: str) -> str:
    """Count something: "1 step", "1,078 steps"."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def _batches(size: int | str, examples: int) -> str:
    if size == "full" or int(size) >= examples:
        return f"all {examples:,} examples in each"
    return f"batches of {size:,}"


def _classes(started: RunStarted) -> str:
    names = started.classes
    if not names:
        return f" of {started.target}" if started.target else ""
    shown = ", ".join(clean(name, 20) for name in names[:6])
    return f", {len(names)} classes: {shown}{', …' if len(names) > 6 else ''}"


def _loss(e: Mapping[str, Any], started: RunStarted) -> str:
    kind, penalties = e["loss"]["kind"], e["regularization"]
    words = [kind]
    if started.task == "regression":
        words.append({"mse": "in the square of the target's unit", "mape": "in per cent"}.get(kind, "in the target's unit"))  # fmt: skip
    words += [f"{key} {penalties[key]:g}" for key in ("l1", "l2") if penalties[key]]
    if started.chance is not None:
        words.append(f"the best constant answer has {number(started.chance).strip()}")
    return ", ".join(words)


def _settings(values: Mapping[str, Any], *without: str) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in values.items() if key not in without)


def _formula(optimizer: Mapping[str, Any]) -> str:
    return ", the lecture's formula" if optimizer.get("formula") == "lecture" else ""


def _stopping(stopping: Mapping[str, Any], started: RunStarted) -> str:
    kept = ", the best weights are restored" if stopping["restore_best"] else ""
    if not stopping["enabled"]:
        return f"off{kept}"
    margin = f" by more than {stopping['min_delta']:g}" if stopping["min_delta"] else ""
    checks = "check" if stopping["patience"] <= 1 else "checks"
    return (
        f"when validation {title(stopping['monitor'], started)} did not improve{margin} in "
        f"{max(1, stopping['patience'])} {checks}{kept}"
    )


def plain_line(history: History) -> str:
    """Where the run stands, in one line for a pipe or a log file."""
    epochs = history.epochs
    parts = [f"epoch {history.epoch:>{len(str(epochs))}}/{epochs}"]
    train, validation = history.train.get("loss"), history.validation.get("loss")
    if train and train.last:
        parts.append(f"train loss {number(train.last.y)}")
    if validation and validation.last:
        parts.append(f"validation {number(validation.last.y)}")
    if value := _metric_value(history):
        parts.append(value)
    if history.best:
        epoch, best = history.best
        parts.append(f"best {measured(history.monitor, best)} @ {epoch}")
    if history.checks and history.setting("stopping.enabled", True):
        last = history.checks[-1]
        parts.append(f"wait {last.wait}/{last.patience}")
    if history.examples_per_second:
        parts.append(f"{count(round(history.examples_per_second))} examples/s")
    left = history.eta()
    if left is not None and history.epoch < epochs:
        parts.append(f"at most {duration(math.ceil(left))} left")
    return "  ".join(parts)


def _metric_value(history: History) -> str:
    name = metric(history)
    series = history.validation.get(name)
    if not series or not series.last:
        return ""
    value = series.last.y
    text = percent(value) if name in SHARES else number(value)
    return f"{title(name, history.started)} {text}".rstrip()


def live_line(history: History, width: int, unicode: bool = True) -> Text:
    """Where the run stands, in at most `width` cells; what matters least goes first when there is no room."""
    short = width < 110
    # (what it is worth, text): the lower worth is dropped first.
    parts: list[tuple[int, Text]] = [(9, Text(f"epoch {history.epoch}/{max(1, history.epochs)}"))]
    train, validation = history.train.get("loss"), history.validation.get("loss")
    if train and train.last:
        parts.append((5, Text(f"train {_number(train.last.y)}", TRAIN)))
    elif history.steps.last:
        parts.append((5, Text(f"batches {_number(history.steps.last.y)}", TRAIN)))
    if validation and validation.last:
        parts.append(
            (8, Text(f"{'val' if short else 'validation'} {_number(validation.last.y)}", VALIDATION))
        )
    if value := _metric_value(history):
        parts.append((4, Text(value.replace("accuracy ", "acc ") if short else value)))
    if history.best:
        epoch, best = history.best
        parts.append((6, Text(f"best {measured(history.monitor, best)} @ {epoch}", BEST)))
    if history.checks and history.setting("stopping.enabled", True):
        last = history.checks[-1]
        parts.append((3, Text(strip(last.wait, last.patience, unicode))))
    if history.examples_per_second:
        parts.append((1, Text(f"{count(round(history.examples_per_second))} ex/s", "dim")))
    if history.paused:
        parts.append((7, Text("paused", "bold")))
    else:
        left = history.eta()
        parts.append((7, Text(("≤ " if unicode else "<= ") + duration(math.nan if left is None else left))))
    while len(parts) > 1 and _length(parts) > width:
        parts.remove(min(parts, key=lambda part: part[0]))
    room = min(20, width - _length(parts) - 2)
    line = Text("  ").join(text for _, text in parts)
    if room >= 6:
        line = Text.assemble(bar(done(history), room, unicode), "  ", line)
    line.truncate(width)
    return line


def _number(value: float) -> str:
    return number(value).strip()


def _length(parts: list[tuple[int, Text]]) -> int:
    return sum(cell_len(text.plain) for _, text in parts) + 2 * (len(parts) - 1)


def done(history: History) -> float:
    """Share of the steps to the last epoch that were made."""
    steps = history.started.steps_per_epoch * history.epochs if history.started else 0
    return min(1.0, history.step / steps) if steps else 0.0


def bar(share: float, width: int, unicode: bool = True) -> Text:
    """A share of one as a bar of `width` cells; full only at the very end."""
    full = min(int(share * width), width)
    on, off = ("━", "─") if unicode else ("#", "-")
    return Text.assemble((on * full, "bold"), (off * (width - full), "dim"))


def strip(wait: int, patience: int, unicode: bool = True) -> str:
    """Early stopping's patience: how many checks went by without improvement, of how many it bears."""
    on, off = ("■", "□") if unicode else ("#", ".")
    if patience <= 12:
        return "patience " + on * min(wait, patience) + off * max(0, patience - wait)
    return f"patience {wait}/{patience}"


def remark(event: Event) -> str:
    """What an event tells a person beside the numbers; empty for most."""
    match event:
        case Diagnosed():
            return f"finding: {clean(event.text, 600)}"
        case StorageFailed():
            return f"not saved: {clean(event.what)}: {clean(event.error, 400)}; training goes on"
        case Resumed():
            changes = "; ".join(
                f"{key} was {typed(old)}, is {typed(new)}" for key, (old, new) in event.changes.items()
            )
            return clean(f"goes on after epoch {event.epoch}, step {event.step}{': ' if changes else ''}{changes}", 600)  # fmt: skip
        case CommandTaken(error=error) if error:
            return f"refused: {clean(event.command)}: {clean(error, 400)}"
        case CommandTaken(command="set"):
            return clean(
                f"from epoch {event.epoch + 1}: {event.value['key']} = {typed(event.value['value'])}"
            )
        case CommandTaken(command="stop"):
            return clean(f"stopping: {event.value}" if event.value else "stopping on request")
        case _:
            return ""
