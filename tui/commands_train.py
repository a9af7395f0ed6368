"""`ladera run` and `resume`, and `ladera` without a terminal: from names and options to a training, and its exit code."""

from __future__ import annotations

import faulthandler
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.controls import Controls
from ..engine.errors import StoreError
from ..engine.events import Event
from ..engine.experiment import Experiment
from ..engine.history import History
from ..engine.store.directory import (
    EXPERIMENT,
    load_experiment,
    refuse_name,
    refuse_unwritable,
)
from ..engine.store.listing import find_run
from ..engine.store.load import load_history
from ..presets.catalog import change, difference, load
from ..presets.faults import label as path_label
from .commands_lab import experiment_of
from .detach import announced
from .ending import Ending
from .headless import EXIT, Teller, drain
from .naming import run_name
from .output import Output
from .signals import Received, passed_on
from .terminal import style_of
from .text import clean
from .values import train_again

if TYPE_CHECKING:
    from ..engine.store.recorder import Recorder


def no_screen(runs_dir: Path, preset: str = "", settings: Sequence[str] = ()) -> int:
    """Train what the lab would open with."""
    experiment, name = experiment_of(runs_dir, preset, settings)
    return _train(experiment, name, runs_dir, json=False, quiet=False)


def run(
    preset: str, settings: Sequence[str], name: str | None, runs_dir: Path, *, json: bool, quiet: bool
) -> int:
    """Train a preset or a file, changed by settings; return the exit code."""
    experiment = load(preset, settings, with_data=True)
    name = run_name(experiment, preset) if name is None else name
    refuse_name(name)
    return _train(experiment, name, runs_dir, json=json, quiet=quiet)


def _train(experiment: Experiment, name: str, runs_dir: Path, *, json: bool, quiet: bool) -> int:
    refuse_unwritable(runs_dir)
    controls, ending = Controls(), Ending()
    with passed_on(controls, ending=ending.asked) as received:
        ending.listen(received)
        faulthandler.enable(2)
        # Torch comes with these.
        from ..engine.loop import run
        from ..engine.store.recorder import Recorder

        recorder = Recorder(runs_dir, name, controls)
        events = recorder.record(ending.begin(run(experiment, controls, keeper=recorder)))
        return _follow(lambda: recorder, events, History(), received, json=json, quiet=quiet)


def resume(name: str, settings: Sequence[str], runs_dir: Path, *, json: bool, quiet: bool) -> int:
    """Go on with a run from its newest valid checkpoint; return the exit code.

    A run that came to its end has that end's exit code, so that a job that is started again and again ends well.
    """
    directory = find_run(runs_dir, name)
    wanted = _changes(_kept(directory), settings)
    controls, ending = Controls(), Ending()
    with passed_on(controls, ending=ending.asked) as received:
        ending.listen(received)
        faulthandler.enable(2)
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
            events = ending.begin(resumption.events(controls))
            return _follow(lambda: resumption.recorder, events, history, received, json=json, quiet=quiet)
        finally:
            resumption.close()


def _kept(directory: Path) -> Experiment:
    """Read a run's experiment. Raises PresetError, with line and key, for what somebody has written into it, or StoreError."""
    try:
        return load_experiment(directory)
    except StoreError:
        if (directory / EXPERIMENT).is_file():
            load(str(directory / EXPERIMENT))
        raise


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
        return "" if place is None else path_label(place)

    def hurry() -> bool:
        return received.number is not None

    stream = sys.stderr if json else sys.stdout
    teller = Teller(stream, "quiet" if quiet else style_of(stream), lambda: Path(directory()).name, hurry)
    events_out = Output(sys.stdout, hurry) if json else None
    events = announced(events, lambda: recorder().directory)
    try:
        drain(events, teller, history, events_out)
        missing = [f"{what}: {why}" for what, why in recorder().missing.items()]
        if not (json and quiet):
            teller.finish(history, directory(), _go_on(history, directory()), missing)
    finally:
        teller.close()
        if events_out is not None:
            events_out.close()
    for one in missing:
        again = "make room there, or choose another place with --runs-dir, and train again"
        print(f"ladera: not kept in {directory()}: {clean(one, 300)}; {again}", file=sys.stderr)
    code = recorder().exit_code
    fault = teller.fault if events_out is None else events_out.fault
    if fault is not None:
        kept = f"; the run itself is in {directory()}" if directory() else ""
        print(f"ladera: standard output: {fault.strerror}{kept}", file=sys.stderr)
    return 1 if code is None else code or (3 if fault else 0)


def _go_on(history: History, directory: str) -> dict[str, str]:
    """Name the commands that make sense after this end."""
    if history.ended is None:
        return {}
    place = shlex.quote(directory)
    commands: dict[str, str] = {}
    if history.ended.reason in ("stopped", "failed") and history.saved:
        commands["go on"] = f"ladera resume {place}"
    commands["look"] = f"ladera watch {place}"
    commands["again"] = train_again(history, directory)
    return commands
