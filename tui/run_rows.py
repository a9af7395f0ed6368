"""The runs of a sitting in rows: which columns there is room for, what is said of each run, and in which order; pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from ..engine.history import History
from .inks import letter
from .progress import measured, title
from .progress import metric as metric_of
from .run import Run
from .text import clean, duration, fit, number, short_name, shorten
from .values import differing, in_cells
from .views import STATES

#: By what the table can be sorted; pinned runs always come first.
ORDERS = ("newest", "best", "name")
#: Where in the first cell the sign stands that has the colour of the run's curves.
SIGN = 1
#: Cells of the signs before a name; between two columns; of the longest name, and in a wide window; of the column of states.
_SIGNS, GAP, _NAME, _LONG_NAME, _STATE = 4, 2, 18, 30, 15
#: Cells that what differs keeps when a column is added.
_LEAST = 18


@dataclass(frozen=True)
class Table:
    """What the runs table shows."""

    columns: tuple[tuple[str, int], ...]
    "Titles and widths."
    rows: dict[int, tuple[str, ...]]
    "By the number of the run, in order."


def table(
    runs: Sequence[Run], by: str = ORDERS[0], current: Run | None = None, width: int = 80, colour: bool = True
) -> Table:
    """The runs, in as many columns as `width` cells hold; what is added first where there is room tells most.

    Signs before the name: looked at ▸; its curves are shown ━ (in their colour; the letter of its line without
    colours) or not ◌; pinned ♦.
    """
    keys = differing([run.values for run in runs])
    names = max([cell_len(clean(run.name)) for run in runs], default=0)
    name = _SIGNS + min(max(names, 8), _LONG_NAME if width >= 140 else _NAME)
    epochs = [_epoch(run.history) for run in runs]
    bests = [_best(run.history) for run in runs]
    columns = [
        ("run", name),
        ("state", _STATE),
        ("epoch", _widest("epoch", epochs)),
        ("best", _widest("best", bests)),
    ]
    cells = [[_name(run, current, name, colour), " ".join(_state(run)), epoch, best]
             for run, epoch, best in zip(runs, epochs, bests, strict=True)]  # fmt: skip
    shown = {_second(run.history) for run in runs} - {""}
    extra = [
        (title(next(iter(shown))) if len(shown) == 1 else "metric", [_metric(run, len(shown) > 1) for run in runs]),
        ("test", [_test(run, len(shown) > 1) for run in runs]),
        ("time", [_time(run.history) for run in runs]),
    ]  # fmt: skip
    room = width - sum(each + GAP for _, each in columns) - GAP
    for words, texts in extra:
        wide = _widest(words, texts)
        if any(texts) and room - wide - GAP >= _LEAST:
            columns.append((words, wide))
            room -= wide + GAP
            for row, text in zip(cells, texts, strict=True):
                row.append(text)
    columns.append(("what differs", max(room, 1)))
    for row, run in zip(cells, runs, strict=True):
        row.append(in_cells(run.values.told(keys) or ["—"], max(room, 1)))
    found = {run.number: tuple(row) for run, row in zip(runs, cells, strict=True)}
    return Table(tuple(columns), {run.number: found[run.number] for run in ordered(runs, by)})


def _widest(words: str, texts: Sequence[str]) -> int:
    return max(map(cell_len, (words, *texts)))


def _name(run: Run, current: Run | None, width: int, colour: bool) -> str:
    line = ("━" if colour else letter(run.number)) if run.shown else "◌"
    signs = ("▸" if run is current else " ") + line + ("♦" if run.pinned else " ")
    return f"{signs} {short_name(run.name, width - _SIGNS)}"


def _state(run: Run) -> tuple[str, str]:
    return STATES.get(run.state, ("?", run.state))


def _epoch(history: History) -> str:
    if not history.started:
        return ""
    epochs = str(history.epochs)
    return f"{history.epoch:>{len(epochs)}}/{epochs}"


def _best(history: History) -> str:
    if history.best is None:
        return ""
    epoch, value = history.best
    return f"{measured(history.monitor, value):<7}@{epoch}"


def _second(history: History) -> str:
    """What is told beside the best value: the task's metric, or the loss where the metric is what is monitored."""
    metric = metric_of(history)
    return "loss" if metric == history.monitor else metric


def _metric(run: Run, mixed: bool) -> str:
    """Of validation, at the best epoch."""
    history, name = run.history, _second(run.history)
    if history.best is None or name not in history.validation:
        return ""
    point = history.validation[name].value_at(history.best[0])
    return "" if point is None else _named(name, point.y, mixed)


def _test(run: Run, mixed: bool) -> str:
    ended, name = run.history.ended, _second(run.history)
    if ended is None or not ended.test:
        return ""
    metrics = ended.test.get("metrics", {})
    value = ended.test["loss"] if name == "loss" else metrics.get(name)
    return "" if value is None else _named(name, value, mixed)


def _named(name: str, value: float, mixed: bool) -> str:
    return f"{title(name)} {measured(name, value)}" if mixed else measured(name, value)


def _time(history: History) -> str:
    if history.started is None:
        return ""
    return duration(history.time if history.ended is None else history.ended.seconds)


def ordered(runs: Sequence[Run], by: str) -> list[Run]:
    """Pinned runs first, then by one of ORDERS; by the best, those that can be compared stand together."""
    newest = list(reversed(runs))  # what is queued trains from the lowest up
    if by == "name":
        newest.sort(key=lambda run: run.name)
    elif by == "best":
        newest.sort(key=goodness_of)
    return sorted(newest, key=lambda run: not run.pinned)


#: A place in a ranking: without a value last, then by data and by what is monitored, the best first.
Goodness = tuple[bool, str, str, float]


def goodness(data: str, monitor: str, mode: str, best: float | None) -> Goodness:
    """The place of a best value among those of other runs; `mode` is that of early stopping, min or max."""
    if best is None or math.isnan(best):
        return True, data, monitor, 0.0
    return False, data, monitor, -best if mode == "max" else best


def goodness_of(run: Run) -> Goodness:
    """The place of a run in a ranking."""
    history = run.history
    best = None if history.best is None else history.best[1]
    return goodness(_data_of(run), history.monitor, history.setting("stopping.mode", "min"), best)


def comparison(runs: Sequence[Run]) -> str:
    """All runs, the best validation value first, and the values in which they differ; the test part ranks nothing."""
    measured_runs = sorted((run for run in runs if run.history.best is not None), key=goodness_of)
    if not measured_runs:
        return "No run to compare yet."
    lines: list[str] = []
    for data, monitor in dict.fromkeys((_data_of(run), run.history.monitor) for run in measured_runs):
        same = [run for run in measured_runs if (_data_of(run), run.history.monitor) == (data, monitor)]
        lines.append(f"{data}: by validation {title(monitor)}, the best first")
        for place, run in enumerate(same, 1):
            epoch, value = run.history.best or (0, math.nan)
            lines.append(f"  {place}. {fit(run.name, 24)} {number(value)} at epoch {epoch}")
        lines += [*_differences(same), ""]
    lines.append("The test part ranks nothing: it is for one last look at the run that was chosen.")
    return "\n".join(lines)


def _data_of(run: Run) -> str:
    return run.experiment.data.name or clean(str(run.experiment.data.path), 60)


def _differences(runs: Sequence[Run]) -> list[str]:
    values = [run.values.all() for run in runs]
    changed = [run.values.changes for run in runs]
    keys = [key for key in dict.fromkeys(key for one in values for key in one) if key != "description"]
    found = [
        key for key in keys if len({one.get(key) for one in values}) > 1 or any(key in one for one in changed)
    ]
    if not found:
        return ["  They do not differ." if len(runs) > 1 else ""]
    lines = [
        f"     {fit(key, 26)} {'   '.join(fit(one.get(key, '—'), 14) for one in values)}" for key in found
    ]
    for run in runs:
        for key, change in run.values.changes.items():
            before = run.values.began.get(key, "none")
            lines.append(f"     {clean(run.name, 24)}: {key} was {before} until epoch {change.epoch}")
    return lines


def runs_line(runs: Sequence[Run], width: int, current: Run | None = None, earlier: int = 0) -> str:
    """The runs in one line, that which is looked at and then the newest first, for small screens; without one those of earlier sittings."""
    if not runs:
        return f"no runs yet{f'; / lists {earlier:,} earlier' if earlier else ''}"
    shown = [run for run in reversed(runs) if run is not current]
    parts = []
    for run in shown if current is None else [current, *shown]:
        best = run.history.best
        value = f" {measured(run.history.monitor, best[1])}@{best[0]}" if best else ""
        sign, word = _state(run)
        parts.append(f"{sign} {clean(run.name, 24)}{value or ' ' + word}")
    line = parts[0]
    for part in parts[1:]:
        if cell_len(f"{line}   {part}") <= width:
            line = f"{line}   {part}"
    return line if cell_len(line) <= width else shorten(line, width)
