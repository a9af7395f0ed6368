"""Going on with a run that ended: what has to change so that there is anything left to do, and what may."""

from __future__ import annotations

import shlex

from ..engine.changes import changes, refuse_unchangeable
from ..engine.errors import LaderaError
from ..engine.experiment import Experiment
from ..presets.catalog import change


def suggestion(state: str, experiment: Experiment) -> tuple[str, str]:
    """A change with which a run that ended so has something to do, and why it needs one; "" for one that needs none."""
    match state:
        case "stopped_early":
            patience = max(1, experiment.stopping.patience)
            why = f"It stopped early after {patience} check{'s' * (patience != 1)} without improvement: it goes on if it may wait longer."
            return f"stopping.patience={2 * patience}", why
        case "finished":
            epochs = experiment.training.epochs
            return (
                f"training.epochs={2 * epochs}",
                f"It has made its {epochs} epochs: it goes on if it may make more.",
            )
        case "diverged":
            why = "It diverged, and would again: something has to change."
            return f"optimizer.lr={experiment.optimizer.lr / 10:g}", why
        case _:
            return "", "It goes on from its last checkpoint."


def settings_of(text: str) -> list[str]:
    """The settings in a line, with spaces between. Raises ValueError for a quote without its other end."""
    return shlex.split(text)


def complaint(text: str, experiment: Experiment) -> str | None:
    """Why a run with these values cannot go on with these settings; None if it can."""
    try:
        changed = change(experiment, settings_of(text))
        refuse_unchangeable(changes(experiment.plain(), changed.plain()))
    except (LaderaError, ValueError) as error:
        return str(error).replace("--set ", "")
    return None
