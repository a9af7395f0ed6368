"""The early-stopping panel: what it waits for, when it would stop, why it stopped, and which weights one has.

Pure functions of a run.
"""

from __future__ import annotations

import math
import textwrap

from rich.cells import cell_len

from ..engine.history import History
from .progress import measured, title
from .run import Run
from .seven_bit import seven_bit
from .text import clean, number, shorten
from .views import STATES


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
        return [_ending(history), _weights(history), test_line(history, width)]
    if best is None:
        return [
            f"No finite validation {monitor} yet."
            if history.checks
            else f"Waiting for the first check of validation {monitor}."
        ]
    best_text = f"best {monitor} {number(best[1]).strip()} at epoch {best[0]}"
    ended = history.ended
    if ended is not None:
        return [_ending(history), f"{best_text} · {_weights(history)}", test_line(history, width)]
    last = history.checks[-1]
    if not enabled:
        ago = last.epoch - best[0]
        return [f"it is off · {best_text}, {ago} epoch{'s' * (ago != 1)} ago", _weights(history)]
    head = f"waiting {last.wait:>{len(str(patience))}} of {patience} checks  "
    if width < len(head) + 5:
        head = f"wait {last.wait:>{len(str(patience))}}/{patience} "
    head += strip(last.wait, patience, width - len(head), ascii_only=ascii_only)
    bar, down = history.bar, history.setting("stopping.mode", "min") == "min"
    goal = "" if bar is None else f" unless {'below' if down else 'above'} {number(bar).strip()}"
    delta = float(history.setting("stopping.min_delta", 0.0))
    counts = ""
    if delta and last.reference is not None and 0 < last.wait < len(history.checks):
        since = history.checks[-1 - last.wait].epoch
        counts = f"must beat {number(last.reference).strip()} of epoch {since} by {delta:g} · "
    stops = history.stops_at
    when = (
        ""
        if stops is None
        else f"stops at epoch {stops}{goal}"
        if stops <= history.epochs
        else "will not stop before the last epoch"
    )
    weights = _weights(history)
    if cell_len(counts + weights) > width:
        counts = ""
    return [head, f"{best_text} · {when}", counts + weights]


def _ending(history: History) -> str:
    ended = history.ended
    assert ended is not None
    if ended.reason == "stopped_early" and history.checks:
        wait, delta = history.checks[-1].wait, float(history.setting("stopping.min_delta", 0.0))
        margin = f" by more than {delta:g}" if delta else ""
        return f"stopped early at epoch {ended.epoch}: {wait} check{'s' * (wait != 1)} without improvement{margin}"
    word, detail = STATES.get(ended.reason, ("", ended.reason))[1], clean(ended.detail, 300)
    if detail.startswith(word):  # said once: "stopped on request after epoch 7"
        return detail if "epoch" in detail else f"{detail} at epoch {ended.epoch}"
    return f"{word} at epoch {ended.epoch}{': ' * bool(detail)}{detail}"


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


def test_line(history: History, width: int = 0) -> str:
    """The test result, told once and as what it is; in `width` cells, if given: the last metrics are left out."""
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
    parts += [f"{title(name, history.started)} {measured(name, value)}" for name, value in metrics.items()]
    again = int(ended.test.get("evaluations", 1))
    warning = "" if again < 2 else f" (seen {again} times: biased)"
    while width and len(parts) > 1 and cell_len("test: " + " · ".join(parts) + warning) > width:
        parts.pop()
    return "test: " + " · ".join(parts) + warning
