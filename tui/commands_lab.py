"""`ladera` without a command: the lab on the last or the default experiment."""

from __future__ import annotations

from pathlib import Path

from ..engine.errors import LaderaError
from ..engine.experiment import Experiment
from ..engine.store.directory import load_experiment, split_name
from ..engine.store.listing import list_runs
from ..presets.catalog import load

#: What the lab opens with, and what runs headless in its place, until there is a run to go on from.
DEFAULT = "digits"


def screen(runs_dir: Path) -> int:
    """Open the lab on the last or the default experiment."""
    from .app import open_lab

    experiment, name = last_experiment(runs_dir)
    return open_lab(experiment, name, runs_dir)


def last_experiment(runs_dir: Path) -> tuple[Experiment, str]:
    """Return the experiment of the newest run that has a valid one, and what it was called; else the default."""
    for run in reversed(list_runs(runs_dir)):
        try:
            return load_experiment(run.path), split_name(run.name)[0]
        except LaderaError:
            continue
    return load(DEFAULT), DEFAULT
