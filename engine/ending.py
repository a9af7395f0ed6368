"""How a run is to end: for which reason, in which words, and what is kept, saved and tested."""

from __future__ import annotations

from dataclasses import dataclass

from .controls import Command
from .events import Checked
from .experiment import Stopping
from .findings import short
from .stopping import Verdict


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run is to end."""

    reason: str
    "As in RunEnded."
    detail: str
    keeps: bool = True
    "Whether the final weights are kept."
    saves: bool = True
    "Whether the complete state is saved, so that the run can go on."
    tests: bool = True
    "Whether the test part is looked at."
    interrupted_by: str = ""


def asked(command: Command) -> Ending:
    """Return how a run ends that is told to stop or to be abandoned."""
    if command.name == "abandon":
        return Ending("stopped", "abandoned on request", keeps=False, saves=False, tests=False)
    words = f"stopped by {command.value}" if command.value else "stopped on request"
    # What was interrupted goes on later, and is tested then.
    return Ending("stopped", words, tests=not command.value, interrupted_by=command.value or "")


def diverged(detail: str) -> Ending:
    """Return how a run ends whose losses left all bounds: going on would only show it again."""
    return Ending("diverged", detail, saves=False)


def finished(made: int, wanted: int) -> Ending:
    """Return how a run ends that made its epochs."""
    if made > wanted:
        words = f"{made:,} epochs were made before, more than training.epochs"
    else:
        words = "its one epoch was made" if made == 1 else f"all {made:,} epochs were made"
    return Ending("finished", words)


def stopped_early(stopping: Stopping, last: Verdict | Checked) -> Ending:
    """Return how a run ends after the check that used up the patience."""
    best = "" if last.best is None else f"; best {short(last.best)} at epoch {last.best_epoch}"
    margin = f" by more than {stopping.min_delta:g}" if stopping.min_delta else ""
    checks = f"{last.wait} check{'s' * (last.wait != 1)}"
    return Ending("stopped_early", f"{stopping.monitor} did not improve{margin} in {checks}{best}")
