"""`ladera run`, `resume`, `runs` and the lab: from names and options to a training, and its exit code."""

from __future__ import annotations

import json as json_module
import math
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.controls import Controls
from ..engine.errors import LaderaError
from ..engine.events import Event
from ..engine.experiment import Experiment
from ..engine.history import History
from ..engine.store.directory import EXPERIMENT, load_experiment, refuse_name, split_name
from ..engine.store.listing import RunInfo, find_run, list_runs
from ..engine.store.load import load_history
from ..presets.catalog import change, difference, load
from ..presets.faults import label
from .headless import EXIT, Teller, can_hold_a_screen, drain, style_of
from .output import Output
from .signals import Received, passed_on
from .text import clean, fit, percent

if TYPE_CHECKING:
    from ..engine.store.recorder import Recorder

#: What the lab opens with, and what runs headless in its place, until there is a run to go on from.
DEFAULT = "digits"


def names(runs_dir: Path) -> list[str]:
    """List the names of the runs in a directory, for completion."""
    return [run.name for run in list_runs(runs_dir)]


# -- the lab -------------------------------------------------------------------------------------------------------


def lab(runs_dir: Path) -> int:
    """Open the lab on the last or the default experiment; train it headless where there is no terminal."""
    experiment, name = last_experiment(runs_dir)
    if not can_hold_a_screen():
        return _train(experiment, name, runs_dir, json=False, quiet=False)
    from .guard import guarded

    def screen() -> int:
        from .app import open_lab

        return open_lab(experiment, name, runs_dir)

    return guarded(screen)


def last_experiment(runs_dir: Path) -> tuple[Experiment, str]:
    """Return the experiment of the newest run that has a valid one, and what it was called; else the default."""
    for run in reversed(list_runs(runs_dir)):
        try:
            return load_experiment(run.path), split_name(run.name)[0]
        except LaderaError:
            continue
    return load(DEFAULT), DEFAULT


# -- run and resume ------------------------------------------------------------------------------------------------


def run(preset: str, settings: Sequence[str], name: str, runs_dir: Path, *, json: bool, quiet: bool) -> int:
    """Train a preset or a file, changed by settings; return the exit code."""
    experiment = load(preset, settings)
    name = name or run_name(preset)
    refuse_name(name)
    return _train(experiment, name, runs_dir, json=json, quiet=quiet)


def run_name(preset: str) -> str:
    """Name a run after its preset: its name, its file's, or that of the run whose experiment it is."""
    path = Path(preset)
    if path.name == EXPERIMENT:
        return split_name(path.absolute().parent.name)[0]
    return path.stem if path.suffix in (".toml", ".json") else path.name


def _train(experiment: Experiment, name: str, runs_dir: Path, *, json: bool, quiet: bool) -> int:
    controls = Controls()
    with passed_on(controls) as received:
        # Torch comes with these; a signal that arrives meanwhile is obeyed at the first step.
        from ..engine.loop import run
        from ..engine.store.recorder import Recorder

        recorder = Recorder(runs_dir, name, controls)
        events = recorder.record(run(experiment, controls, keeper=recorder))
        return _follow(lambda: recorder, events, History(), received, json=json, quiet=quiet)


def resume(name: str, settings: Sequence[str], runs_dir: Path, *, json: bool, quiet: bool) -> int:
    """Go on with a run from its newest valid checkpoint; return the exit code.

    A run that came to its end has that end's exit code, so that a job that is started again and again ends well.
    """
    directory = find_run(runs_dir, name)
    wanted = _changes(load_experiment(directory), settings)
    controls = Controls()
    with passed_on(controls) as received:
        from ..engine.store.resume import AlreadyEndedError, Resumption

        try:
            resumption = Resumption(directory, wanted)
        except AlreadyEndedError as error:
            print(f"ladera: {clean(str(error), 1000)}", file=sys.stderr)
            return EXIT[error.reason]
        try:
            for note in resumption.notes:
                print(f"ladera: {clean(note, 1000)}", file=sys.stderr)
            # The log may tell more than the checkpoint holds; the first event, Resumed, takes that back.
            history = History() if resumption.state is None else load_history(directory)
            events = resumption.events(controls)
            return _follow(lambda: resumption.recorder, events, history, received, json=json, quiet=quiet)
        finally:
            resumption.close()


def _changes(experiment: Experiment, settings: Sequence[str]) -> dict[str, Any]:
    """Return what settings change, by dotted key; also where they name the value that the experiment began with."""
    if not settings:
        return {}
    changed = change(experiment, settings)
    wanted = {key: new for key, _, new in difference(experiment, changed)}
    for setting in settings:
        key = setting.partition("=")[0].strip()
        value: Any = changed.plain()
        for name in key.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            wanted[key] = value
    return wanted


def _follow(
    recorder: Callable[[], Recorder],
    events: Iterator[Event],
    history: History,
    received: Received,
    *,
    json: bool,
    quiet: bool,
) -> int:
    """Train to the end and tell of it; return the exit code."""

    def directory() -> str:
        place = recorder().directory
        return "" if place is None else label(place)

    def hurry() -> bool:
        return received.number is not None

    stream = sys.stderr if json else sys.stdout
    teller = Teller(stream, "quiet" if quiet else style_of(stream), lambda: Path(directory()).name, hurry)
    events_out = Output(sys.stdout, hurry) if json else None
    try:
        drain(events, teller, history, events_out)
        if not (json and quiet):
            teller.finish(history, directory(), _go_on(history, directory()))
    finally:
        teller.close()
        if events_out is not None:
            events_out.close()
    code = recorder().exit_code
    return 1 if code is None else code


def _go_on(history: History, directory: str) -> dict[str, str]:
    """Name the commands that make sense after this end."""
    if history.ended is None:
        return {}
    place = shlex.quote(directory)
    commands: dict[str, str] = {}
    if history.ended.reason in ("stopped", "failed") and history.checkpoint is not None:
        commands["go on"] = f"ladera resume {place}"
    commands["again"] = f"ladera run {shlex.quote(f'{directory}/{EXPERIMENT}')}"
    return commands


# -- listing -------------------------------------------------------------------------------------------------------


def show_runs(runs_dir: Path, *, json: bool) -> int:
    """List the runs, the newest last."""
    found = list_runs(runs_dir)
    if json:
        for run in found:
            print(json_module.dumps(_plain(run), ensure_ascii=False, allow_nan=False))
        return 0
    if not found:
        print(f"no runs in {clean(str(runs_dir))}; `ladera run digits` makes one", file=sys.stderr)
        return 0
    rows = [("run", "state", "epoch", "best", "age", "experiment"), *map(_row, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        print(
            "  ".join(
                [*(fit(cell, width) for cell, width in zip(row, widths, strict=False)), row[5]]
            ).rstrip()
        )
    return 0


def _row(run: RunInfo) -> tuple[str, ...]:
    status = run.status
    best = "-"
    if status.best_value is not None and status.best_epoch is not None:
        best = f"{clean(status.monitor, 20)} {status.best_value:.4g} @ {status.best_epoch}"
    progress = f"{status.epoch}/{status.epochs}" if status.epochs else "-"
    if run.state == "training":
        progress += f" {percent(run.progress).strip()}"
    about = clean(run.fault or status.storage or status.description, 60)
    return clean(run.name, 60), run.state.replace("_", " "), progress, best, _age(run.age), about


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _plain(run: RunInfo) -> dict[str, Any]:
    values = {"name": run.name, "path": str(run.path), "state_now": run.state, "fault": run.fault}
    return _strict(values | asdict(run.status))


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
