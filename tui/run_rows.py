"""The runs of a sitting in rows: their order, what is said of each, in what they differ; pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from ..engine.changes import flat
from .progress import title
from .sitting import Run
from .text import clean, fit, number, shorten, typed
from .views import STATES

#: Columns of the runs table with their widths: numbers keep their place whatever a run is called.
COLUMNS = {"run": 22, "state": 15, "epoch": 9, "best": 8, "at": 4, "what differs": 80}
#: By what the table can be sorted; pinned runs always come first.
ORDERS = ("newest", "best", "name")
_MOST = 6
#: Characters of a run's number with its hyphen.
_NUMBER = 5


def run_row(run: Run, others: Sequence[Run], current: Run | None = None) -> tuple[str, ...]:
    """One row of the runs table; signs before the name: looked at ▸, pinned ♦, curves not shown ◌."""
    history = run.history
    best = history.best
    signs = ("▸" if run is current else " ") + ("♦" if run.pinned else "" if run.shown else "◌")
    return (
        f"{signs} {_short(run.name, COLUMNS['run'] - len(signs) - 1)}",
        " ".join(STATES.get(run.state, ("?", run.state))),
        f"{history.epoch}/{history.epochs}" if history.started else "",
        number(best[1]).strip() if best else "",
        str(best[0]) if best else "",
        what_differs(run, others),
    )


def _short(name: str, width: int) -> str:
    """A name whose number, at its end, is still to be seen."""
    name = clean(name, 200)
    return name if cell_len(name) <= width else shorten(name, width - _NUMBER) + name[-_NUMBER:]


def ordered(runs: Sequence[Run], by: str) -> list[Run]:
    """Pinned runs first, then by one of ORDERS; the best of each monitored metric before those of the next."""
    newest = list(reversed(runs))  # what is queued trains from the lowest up
    if by == "name":
        newest.sort(key=lambda run: run.name)
    elif by == "best":
        newest.sort(key=_goodness)
    return sorted(newest, key=lambda run: not run.pinned)


def _goodness(run: Run) -> tuple[bool, str, float]:
    best = run.history.best
    if best is None:
        return True, "", 0.0
    sign = -1.0 if run.history.setting("stopping.mode", "min") == "max" else 1.0
    return False, run.history.monitor, sign * best[1]


def what_differs(run: Run, others: Sequence[Run]) -> str:
    """The values in which a run differs from others that have them too, kinds first."""
    plains = [flat(other.experiment.plain()) for other in others]
    mine = flat(run.experiment.plain())
    keys = [key for key in mine if _differs(key, plains)]
    keys.sort(key=lambda key: not _is_kind(key))
    words = [
        typed(mine[key]) if _is_kind(key) else f"{key.split('.')[-1]}={typed(mine[key])}" for key in keys
    ]
    return clean(" ".join(words[:_MOST]), 120) or "—"


def _differs(key: str, plains: Sequence[Mapping[str, object]]) -> bool:
    """Whether runs that have a value have different ones; what one kind has alone is told by the kind."""
    return key != "description" and len({typed(plain[key]) for plain in plains if key in plain}) > 1


def _is_kind(key: str) -> bool:
    return key.endswith(".kind") or key == "data.name"


def comparison(runs: Sequence[Run]) -> str:
    """All runs, the best validation value first, and the values in which they differ; the test part ranks nothing."""
    measured_runs = [run for run in runs if run.history.best is not None]
    if not measured_runs:
        return "No run to compare yet."
    lines: list[str] = []
    for monitor in dict.fromkeys(run.history.monitor for run in measured_runs):
        for data in dict.fromkeys(_data_of(run) for run in measured_runs):
            same = [run for run in measured_runs if run.history.monitor == monitor and _data_of(run) == data]
            if not same:
                continue
            down = same[0].history.setting("stopping.mode", "min") == "max"
            same.sort(key=lambda run: run.history.best[1] if run.history.best else math.inf, reverse=down)
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
    plains = [{key: typed(value) for key, value in flat(run.experiment.plain()).items()} for run in runs]
    keys = [key for key in dict.fromkeys(key for plain in plains for key in plain) if key != "description"]
    differing = [key for key in keys if len({plain.get(key) for plain in plains}) > 1]
    if not differing:
        return ["  They do not differ." if len(runs) > 1 else ""]
    return [
        f"     {fit(key, 26)} {'   '.join(fit(plain.get(key, '—'), 14) for plain in plains)}"
        for key in differing
    ]


def runs_line(runs: Sequence[Run], width: int) -> str:
    """The runs in one line, the newest first, for small screens."""
    if not runs:
        return "no runs yet"
    parts = []
    for run in reversed(runs):
        best = run.history.best
        value = f" {number(best[1]).strip()}@{best[0]}" if best else ""
        sign, word = STATES.get(run.state, ("?", run.state))
        parts.append(f"{sign} {clean(run.name, 24)}{value or ' ' + word}")
    line = parts[0]
    for part in parts[1:]:
        if cell_len(f"{line}   {part}") <= width:
            line = f"{line}   {part}"
    return line if cell_len(line) <= width else shorten(line, width)
