"""Going on with a run in its own directory, from its newest valid checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..changes import changes, refuse_unchangeable, with_changes
from ..controls import Controls
from ..errors import InputError, StoreError
from ..events import CheckpointSaved, Event, Resumed, RunEnded, RunStarted
from ..experiment import Experiment
from ..history import History
from ..loop import run
from ..toml import from_anywhere
from . import checkpoints, log
from .checkpoints import SavedState
from .directory import EXPERIMENT, load_experiment
from .lock import Lock
from .recorder import Recorder


class AlreadyEndedError(StoreError):
    """The run came to its end and there is nothing left to do; `reason` is that of the end."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Resumption:
    """A run that is ready to go on: locked, its newest valid checkpoint read.

    What was edited in experiment.toml since it was written wins over what the checkpoint had in force. `wanted` are new
    values by dotted key, or a whole experiment; they win over both. Raises StoreError: the directory is no run, another
    process writes it, no checkpoint is valid, or (AlreadyEndedError) it has ended and the changes leave nothing to do.
    Raises InputError for changes that no run can take over when it goes on.
    """

    def __init__(self, directory: Path, wanted: Mapping[str, Any] | Experiment | None = None) -> None:
        self.notes: tuple[str, ...] = ()
        "What the user should know: damaged checkpoints that were passed over, a start from the beginning."
        self._file: dict[str, Any] | None = None
        "What experiment.toml is to hold from now on; None leaves it as it is."
        if not directory.is_dir():
            raise StoreError(f"{directory} is no run directory")
        self._lock = Lock.of_run(directory)
        try:
            self._lock.acquire()
        except OSError as error:
            raise StoreError(f"{directory} cannot be written: {error.strerror}") from None
        try:
            self._prepare(directory, wanted)
        except OSError as error:
            self._lock.release()
            raise StoreError(f"{directory} cannot be read: {error}") from None
        except BaseException:
            self._lock.release()
            raise

    def _prepare(self, directory: Path, wanted: Mapping[str, Any] | Experiment | None) -> None:
        first = load_experiment(directory)
        self.state: SavedState | None = checkpoints.latest_valid(directory)
        begun, whole, reports, tests = _story(directory / log.NAME)
        if self.state is None:
            if reports:
                raise StoreError(
                    f"{directory} has no checkpoint, though its log tells of one; a new run with the same "
                    "experiment.toml starts over"
                )
            self.experiment, self.changes = _changed(first.plain(), wanted)
            if whole is not None:
                _refuse_diverged(directory, whole, self.changes)
            self.notes = ("no checkpoint had been saved yet: the run starts from the beginning",)
            edited = changes(_written(begun, first), self.experiment.plain())
            if edited:
                self.notes += (f"it starts with other values than before: {_in_words(edited)}",)
            return
        edits = _edits(_written(self.state.plain.get("configured") or begun, first), first)
        self.experiment, self.changes = _changed(self.state.plain["experiment"], wanted, edits)
        try:
            refuse_unchangeable(self.changes)
        except InputError as error:
            undo = f", or undo the edit of {directory / EXPERIMENT}" if edits else ""
            raise InputError(f"{error}{undo}") from None
        if self.changes and first.plain() != self.experiment.plain():
            self._file = self.experiment.plain()
        if whole is not None:
            _refuse_ended(directory, whole, self.state, self.experiment, self.changes)
        self.notes = self.state.skipped
        size = (directory / log.NAME).stat().st_size if (directory / log.NAME).exists() else 0
        if size < self.state.log_bytes:
            self.notes += (
                f"{log.NAME} lacks its last {self.state.log_bytes - size} bytes before the checkpoint",
            )
        history = History()
        for events, _, _ in log.scan(directory / log.NAME, 0, self.state.log_bytes):
            log.fold(history, events)
        self.state = replace(self.state, history=history, plain={**self.state.plain, "tests": tests})

    def events(self, controls: Controls | None = None, *, linger: bool = False) -> Iterator[Event]:
        """Train on; the first event is Resumed, or RunStarted if the run starts from the beginning.

        Raises InputError if the data are not those of the run; nothing was changed then.
        """
        controls = controls or Controls()
        kept = [] if self.state is None else [self.state.path.name]
        self.recorder = Recorder.continuing(self._lock, kept, controls, self._file)
        try:
            stream = run(
                self.experiment, controls, keeper=self.recorder, checkpoint=self.state, linger=linger
            )
            yield from self.recorder.record(self._with_notes(stream))
        finally:
            self._lock.release()

    def _with_notes(self, stream: Iterator[Event]) -> Iterator[Event]:
        """Let the event with which the run goes on, or begins, carry the notes into the log and to every watcher."""
        for event in stream:
            if isinstance(event, Resumed) or (isinstance(event, RunStarted) and not event.again):
                yield replace(event, notes=(*event.notes, *self.notes))
            else:
                yield event

    def close(self) -> None:
        """Give the directory back without going on."""
        self._lock.release()


def resume(
    directory: Path,
    controls: Controls | None = None,
    changes: Mapping[str, Any] | Experiment | None = None,
    *,
    linger: bool = False,
) -> Iterator[Event]:
    """Go on with a run; see `Resumption`, which also tells what the user should know before."""
    return Resumption(directory, changes).events(controls, linger=linger)


def _story(path: Path) -> tuple[Mapping[str, Any] | None, RunEnded | None, bool, int]:
    """Return what the log tells of a run as a whole.

    The experiment that it began with, None if that record is lost; how the last attempt ended, None if it was cut off;
    whether any checkpoint was saved; and how often the test part was evaluated.
    """
    begun, end, saved, tests = None, None, False, 0
    for events, _, _ in log.scan(path):
        for event in events:
            if isinstance(event, RunEnded):
                end = event
                tests += event.test is not None
            elif isinstance(event, Resumed | RunStarted):
                end = None
                begun = event.experiment if isinstance(event, RunStarted) else begun
            elif isinstance(event, CheckpointSaved):
                saved = True
    return begun, end, saved, tests


def _written(plain: Mapping[str, Any] | None, now: Experiment) -> dict[str, Any]:
    """Return what experiment.toml was written with; what is in it now where that is not known."""
    try:
        return Experiment.model_validate(from_anywhere(plain or now.plain())).plain()
    except ValidationError:  # of another version
        return now.plain()


def _edits(written: Mapping[str, Any], now: Experiment) -> dict[str, Any]:
    """Return what was edited in experiment.toml since, by dotted key."""
    return {key: new for key, (_, new) in changes(written, now.plain()).items()}


def _in_words(found: Mapping[str, list[Any]]) -> str:
    return "; ".join(f"{key} was {old}, is {new}" for key, (old, new) in found.items())


def _changed(
    plain: Mapping[str, Any],
    wanted: Mapping[str, Any] | Experiment | None,
    edits: Mapping[str, Any] | None = None,
) -> tuple[Experiment, dict[str, list[Any]]]:
    """Return the experiment to go on with, and what it changes: {dotted key: [old, new]}."""
    if isinstance(wanted, Experiment):
        experiment = wanted
    else:
        try:
            experiment = Experiment.model_validate(with_changes(plain, {**(edits or {}), **(wanted or {})}))
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
            )
            raise InputError(f"the run cannot go on with these changes: {faults}") from None
    return experiment, changes(plain, experiment.plain())


def _refuse_ended(
    directory: Path, end: RunEnded, state: SavedState, experiment: Experiment, found: Mapping[str, Any]
) -> None:
    """Raise AlreadyEndedError if going on would make no step, or the same last step again."""
    _refuse_diverged(directory, end, found)
    name, made = directory.name, state.plain["epoch"] - 1
    stopping, wait = experiment.stopping, state.plain["training"]["stopping"]["wait"]
    if end.reason == "stopped_early" and stopping.enabled and wait >= max(1, stopping.patience):
        raise AlreadyEndedError(
            "stopped_early",
            f"{name} was stopped early at epoch {made}: raise stopping.patience above {wait} to go on",
        )
    if end.reason in ("finished", "stopped_early") and made >= experiment.training.epochs:
        raise AlreadyEndedError(
            "finished",
            f"{name} has finished its {made} epochs: raise training.epochs above that to go on",
        )


def _refuse_diverged(directory: Path, end: RunEnded, found: Mapping[str, Any]) -> None:
    """Raise AlreadyEndedError if the run diverged and nothing is different now."""
    if end.reason == "diverged" and not found:
        raise AlreadyEndedError(
            "diverged",
            f"{directory.name} diverged, and would again: change something, for example a smaller optimizer.lr",
        )
