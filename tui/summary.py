"""A run in words once it ended: why, how good, where it is kept and how to go on; with a small chart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from ..engine.diagnosis import current
from ..engine.events import RunEnded
from ..engine.history import History
from ..engine.series import Series
from .chart_empty import SMALLEST
from .charts import Chart, ChartSpec, Curve, Mark
from .endings import REASONS, penalized, reading, saved_epochs
from .progress import TRAIN, TROUBLE, VALIDATION, measured, measured_at, title
from .text import clean, count, took


def summary(
    history: History,
    width: int = 80,
    *,
    unicode: bool = True,
    wrap: bool = False,
    directory: str = "",
    go_on: Mapping[str, str] | None = None,
    missing: Sequence[str] = (),
) -> list[Text]:
    """Tell how a run ended; the chart is at most `width` cells wide, sentences and the table too if they are to `wrap`.

    A chart that would be too narrow for its axes is left out; places and commands stay whole, to be copied. `directory`
    is where it is kept, but for what is `missing` there; `go_on` are commands by what they do.
    """
    ended = history.ended
    if ended is None or history.started is None:
        return []
    sentences = _wrapped(width) if wrap else _as_it_is
    lines = [Text(), *sentences(_why(ended, history))]
    if len(history.train.get("loss", Series())) > 1 and width >= SMALLEST[0]:
        lines += [Text(), *_chart(history, width, unicode)]
    table = _table(history, ended, sentences, width if wrap else None)
    if table:
        lines += [Text(), *table]
    if left := penalized(history):
        lines += sentences(Text(f"  {left}", "dim"))
    # With the numbers of the end: those told on the way are of their time.
    findings = [found.text for found in current(history) if found.finding != "healthy"]
    if table and (read := reading(history)):
        findings.append(read)
    if findings:
        lines += [Text(), *(line for text in findings for line in sentences(Text(clean(text, 600))))]
    rows = [("kept in", directory)] if directory else []
    rows += [("missing", text) for text in missing]
    rows += list((go_on or {}).items())
    if rows:
        space = max(len(what) for what, _ in rows) + 2
        lines += [
            Text(),
            *(Text.assemble((f"{what:<{space}}", "dim"), clean(text, 1000)) for what, text in rows),
        ]
    return lines


def _wrapped(width: int) -> Callable[[Text], list[Text]]:
    console = Console(width=width, legacy_windows=False)
    return lambda text: list(text.wrap(console, width))


def _as_it_is(text: Text) -> list[Text]:
    return [text]


def _why(ended: RunEnded, history: History) -> Text:
    style = f"bold {TROUBLE}" if ended.reason in ("diverged", "failed") else "bold"
    epochs = f"epoch {ended.epoch:,}"
    epochs += (
        f" of at most {history.epochs:,}"
        if ended.epoch <= history.epochs
        else f", {history.epochs:,} asked for"
    )
    detail = f": {clean(ended.detail, 600)}" if ended.detail else ""
    saved = f"; {words}" if (words := saved_epochs(history)) else ""
    pace = ""
    if ended.seconds > 0 and history.epoch_seconds.last is not None and history.started is not None:
        examples = history.started.sizes["train"] * ended.epoch / ended.seconds
        pace = f"; {count(round(examples))} examples/s, evaluations included"
    return Text.assemble(
        (REASONS.get(ended.reason, clean(ended.reason)), style),
        f" after {epochs}, {took(ended.seconds)}{detail}{saved}{pace}",
    )


def _table(
    history: History, ended: RunEnded, sentences: Callable[[Text], list[Text]], width: int | None
) -> list[Text]:
    """Loss and metrics of the weights that were tested, by part of the data; in sentences where a table is too wide."""
    shown = ended.restored_epoch or ended.best_epoch or history.epoch
    if not shown or not len(history.train.get("loss", Series())):
        return []
    if ended.restored_epoch is not None:
        which = f"epoch {shown}, the best, whose weights were restored"
    elif ended.best_epoch == shown and shown != history.epoch:
        which = f"epoch {shown}, the best; the final weights are those of the last step"
    else:
        which = f"epoch {shown}"
    test: Mapping[str, Any] = ended.test or {}
    tested = {"loss": test["loss"], **test.get("metrics", {})} if test else {}
    names = [name for name in history.train if name in history.validation or name in tested]
    head = ["", "train", "validation", "test"] if tested else ["", "train", "validation"]
    rows = [
        [
            title(name, history.started),
            measured_at(history.train, name, shown),
            measured_at(history.validation, name, shown),
        ]
        + ([measured(name, tested[name])] if name in tested else [])
        for name in names
    ]
    widths = [max(len(row[index]) for row in [head, *rows] if index < len(row)) for index in range(len(head))]
    lines = sentences(Text(which))
    if width is None or sum(widths) + 2 * len(widths) + 2 <= width:
        lines += [_row(row, widths, dim=row is head) for row in [head, *rows]]
    else:
        for name, *values in rows:
            told = ", ".join(f"{part} {cell}" for part, cell in zip(head[1:], values, strict=False))
            lines += sentences(Text(f"{name}: {told}"))
    if ended.restored_epoch is None and ended.best_epoch is not None and tested and shown != history.epoch:
        lines += sentences(Text(f"  test: the weights of epoch {history.epoch}", "dim"))
    return lines


def _row(row: Sequence[str], widths: Sequence[int], *, dim: bool) -> Text:
    line = Text("  ")
    for index, (cell, space) in enumerate(zip(row, widths, strict=False)):
        style = "dim" if dim else ("", TRAIN, VALIDATION, "bold")[index]
        line.append(cell.ljust(space + 2) if index == 0 else cell.rjust(space + 2), style)
    return line


def _chart(history: History, width: int, unicode: bool) -> list[Text]:
    curves = [
        _curve("train", history.train.get("loss"), TRAIN, "dim", width),
        _curve("validation", history.validation.get("loss"), VALIDATION, "strong", width),
    ]
    marks: list[Mark] = []
    if history.best:
        marks.append(Mark(history.best[0], f"best @ {history.best[0]}", "best"))
    drawn = tuple(curve for curve in curves if curve is not None)
    losses = np.concatenate([np.empty(0), *(np.asarray(curve.y) for curve in drawn)])
    positive = bool((losses > 0).any() and not (losses < 0).any())
    spec = ChartSpec(
        width=min(width, 100), height=14, curves=drawn, marks=tuple(marks), title="loss", x_label="epoch",
        log_y=positive, y_label="log" if positive else "", marker="braille" if unicode else "ascii",
    )  # fmt: skip
    return Chart().render(spec)


def _curve(label: str, series: Series | None, colour: str, style: Any, width: int) -> Curve | None:
    if series is None or not len(series):
        return None
    envelope = series.envelope(columns=width * 2)
    last = series.last
    return Curve(
        label, envelope.x, envelope.mean, envelope.low, envelope.high, colour, style,
        nonfinite=envelope.nonfinite_x, last=last.y if last else None,
    )  # fmt: skip
