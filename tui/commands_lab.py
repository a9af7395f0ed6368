"""`ladera` without a command: the lab on the last or the default experiment."""

from __future__ import annotations

from pathlib import Path

from ..engine.errors import LaderaError, StoreError
from ..engine.experiment import Experiment
from ..engine.store.directory import load_experiment, split_name
from ..engine.store.listing import find_run, list_runs
from ..presets.catalog import load

#: What the lab opens with, and what runs headless in its place, until there is a run to go on from.
DEFAULT = "digits"


def screen(runs_dir: Path) -> int:
    """Open the lab on the last or the default experiment."""
    from .lab_process import open_lab

    experiment, name = last_experiment(runs_dir)
    return open_lab(experiment, name, runs_dir)


def watch(name: str, runs_dir: Path, *, once: bool) -> int:
    """Look at a run, the newest if no name is given: on the full screen, or as one frame of text."""
    from .watching import watch

    directory = find_run(runs_dir, name) if name else newest(runs_dir)
    run = watch(directory)
    if once:
        from .frame import frame

        print(frame(run))
        return 0
    from .lab_process import open_lab

    return open_lab(run.experiment, split_name(directory.name)[0], runs_dir, watched=run)


def newest(runs_dir: Path) -> Path:
    """Return the newest run that trains, else the newest. Raises StoreError if there is none."""
    runs = list_runs(runs_dir)
    if not runs:
        raise StoreError(f"no runs in {runs_dir}; `ladera run digits` makes one")
    live = [run for run in runs if run.state in ("training", "paused")]
    return (live or runs)[-1].path


def last_experiment(runs_dir: Path) -> tuple[Experiment, str]:
    """Return the experiment of the newest run that has a valid one, and what it was called; else the default."""
    for run in reversed(list_runs(runs_dir)):
        try:
            return load_experiment(run.path), split_name(run.name)[0]
        except LaderaError:
            continue
    return load(DEFAULT), DEFAULT
