"""`ladera` without a command, `ladera lab` and `ladera watch`: what the lab opens with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..engine.errors import LaderaError, StoreError
from ..engine.experiment import Experiment
from ..engine.store.directory import load_experiment, split_name
from ..engine.store.listing import find_run, list_runs
from ..presets.catalog import change, load
from .hints import no_runs
from .naming import run_name

#: What the lab opens with, and what runs headless in its place, until there is a run to go on from.
DEFAULT = "digits"


def screen(runs_dir: Path, preset: str = "", settings: Sequence[str] = ()) -> int:
    """Open the lab on an experiment preset or file, without one on the last or the default experiment."""
    from .lab_process import open_lab

    experiment, name = experiment_of(runs_dir, preset, settings)
    return open_lab(experiment, name, runs_dir)


def experiment_of(runs_dir: Path, preset: str, settings: Sequence[str]) -> tuple[Experiment, str]:
    """Return the experiment of a preset, or without one the last or the default, changed by settings, and its name."""
    if preset:
        experiment = load(preset, settings, with_data=True)
        return experiment, run_name(experiment, preset)
    experiment, name = last_experiment(runs_dir)
    return (change(experiment, settings), name) if settings else (experiment, name)


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
        raise StoreError(no_runs(runs_dir))
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
