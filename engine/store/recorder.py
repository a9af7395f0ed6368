"""The recorder: stands between a run and its reader, writes down what passes, and keeps checkpoints.

recorder = Recorder(Path("runs"), "digits", controls)
for event in recorder.record(run(experiment, controls, keeper=recorder)):
    ...
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..controls import Controls
from ..errors import StoreError
from ..event_lines import to_line
from ..events import (
    Checked,
    CheckpointSaved,
    EpochEnded,
    Event,
    RunEnded,
    RunStarted,
    StepsEnded,
    StorageFailed,
)
from . import atomic, checkpoints, directory, index_reader, log, pulse
from .listing import experiment_values, known_status
from .lock import Lock
from .log_writer import LogWriter
from .process import this_process
from .service import Service
from .status import Status, after, write_status

#: Seconds to wait before each further attempt at what must not be lost: the last lines and the final weights.
LAST_ATTEMPTS = 0.2, 1.0

_FREQUENT = (StepsEnded, EpochEnded, Checked)


class Recorder:
    """Writes a run's directory; is the run's keeper.

    Nothing is created before the first event. Whatever the storage does, the events go on: a fault is told once, as
    a StorageFailed event, tried again with growing pauses, and `lost` says at the end whether anything is missing.
    """

    def __init__(self, root: Path, name: str, controls: Controls | None = None) -> None:
        directory.refuse_name(name)
        self.directory: Path | None = None
        "The run directory, once RunStarted came; it follows when somebody moves the directory."
        self.missing: dict[str, str] = {}
        "What could not be written at the end, final weights or records of the log, and why: exit code 3."
        self._root, self._name, self._controls = root, name, controls
        self._lock: Lock | None = None
        self._experiment: Mapping[str, Any] | None = None
        "What experiment.toml is to hold; None leaves it as it is."
        self._configured: Mapping[str, Any] = {}
        "What it held when this process began: who goes on later knows by it what was edited since."
        self._kept: list[str] = []
        "Names of the checkpoints that stay: names, since the directory may be moved at any moment."
        self._best_epoch: int | None = None
        self._status = Status()
        self._recent: dict[type[Event], Event] = {}
        "Frequent events that the status does not hold yet."
        self._outages: dict[str, str] = {}
        "What was told of as not written, and why, and has not been written since."
        self._log_fault_told = False
        self._ended: RunEnded | None = None

    @classmethod
    def continuing(
        cls,
        lock: Lock,
        kept: list[str],
        controls: Controls | None = None,
        experiment: Mapping[str, Any] | None = None,
    ) -> Recorder:
        """Return a recorder that goes on in an existing directory, whose lock it takes over.

        `kept` names the checkpoints that stay until newer ones are complete; `experiment` is what the directory's
        experiment.toml is to hold from now on.
        """
        recorder = cls(lock.directory.parent, "run", controls)
        recorder._lock, recorder._kept, recorder._experiment = lock, list(kept), experiment
        return recorder

    @property
    def lost(self) -> bool:
        """Whether anything is missing at the end."""
        return bool(self.missing)

    @property
    def exit_code(self) -> int | None:
        """The run's exit code, 3 if something of it was lost; None before its end."""
        if self._ended is None:
            return None
        return 3 if self.lost else after(self._status, self._ended, 0.0).exit_code

    # -- events ----------------------------------------------------------------------------------------------------

    def record(self, events: Iterator[Event]) -> Iterator[Event]:
        """Write down each event that is part of the run, and pass every one on.

        When RunEnded is passed on, all that could be written is written. Raises StoreError, before anything is
        passed on, if the directory cannot be made.
        """
        try:
            for event in events:
                if self.directory is None:
                    self._begin(event)
                if not event.recorded:
                    self._service.broadcast(event)
                    yield event
                    continue
                if isinstance(event, StorageFailed):
                    if event.what in self._outages:
                        continue
                    self._tell_watchers(event)
                self._take(event)
                yield event
                yield from self._storage_news(event.time)
        finally:
            self._close()

    def _take(self, event: Event) -> None:
        if isinstance(event, StepsEnded):
            self._writer.append(to_line(event), (event.step, event.loss, event.low, event.high))
        else:
            self._writer.append(to_line(event))
        if isinstance(event, _FREQUENT):
            kind = type(event)
            self._recent.pop(kind, None)
            self._recent[kind] = event
            return
        self._status = after(self.status(), event, time.time())
        self._recent.clear()
        if isinstance(event, StorageFailed):
            self._outages[event.what] = event.error
        elif isinstance(event, CheckpointSaved):
            self._outages.pop("checkpoint", None)
        elif isinstance(event, RunEnded):
            self._ended = event
            if self.missing and "checkpoint" in self._outages:
                self.missing["the last checkpoint"] = self._outages["checkpoint"]
            self._write_last()

    def _storage_news(self, now: float) -> Iterator[Event]:
        fault = self._writer.fault
        told, self._log_fault_told = self._log_fault_told, fault is not None
        news = [("log", str(fault))] if fault is not None and not told else []
        news += self._service.notices()
        for what, error in news:
            failed = StorageFailed(time=now, what=what, error=error)
            self._writer.append(to_line(failed))
            self._status = after(self._status, failed, time.time())
            self._tell_watchers(failed)
            yield failed

    def _tell_watchers(self, failed: StorageFailed) -> None:
        """Tell of a fault what the log, which others read, cannot tell because of it."""
        if self._writer.fault is not None or self._service.troubled:
            self._service.broadcast(failed)

    def status(self) -> Status:
        """Return how the run is doing now."""
        status, now = self._status, time.time()
        for event in list(self._recent.values()):
            status = after(status, event, now)
        troubled = self._outages or self._writer.fault is not None or self._service.troubled
        return replace(
            status, heartbeat=now, storage=status.storage if troubled else None, unwritten=self._writer.unwritten()
        )  # fmt: skip

    # -- the run's keeper ------------------------------------------------------------------------------------------

    @pulse.attempt()
    def save(self, tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any]) -> str:
        """Keep the complete state and return its place, relative to the run directory. Raises OSError."""
        place = self.directory
        assert place is not None
        # A checkpoint stands on the log before it: without that on the disk, it would be one of another run.
        if (fault := self._writer.sync(force=True)) is not None:
            raise fault
        plain = {**plain, "configured": self._configured}
        path = checkpoints.save(place, tensors, plain, self._writer.end())
        self._kept = [path.name, *self._kept][: directory.KEPT_CHECKPOINTS]
        self._save_best(tensors, plain)
        checkpoints.prune(place, self._kept)
        return str(path.relative_to(place))

    @pulse.attempt()
    def finish(self, tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any]) -> None:
        """Keep the final weights and running statistics, trying again for a moment. Raises OSError."""
        for pause in (*LAST_ATTEMPTS, None):
            try:
                self._finish(tensors, plain)
                return
            except OSError as error:
                if pause is None:
                    self.missing[f"the final weights ({directory.FINAL})"] = error.strerror or str(error)
                    raise
                time.sleep(pause)

    def _finish(self, tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any]) -> None:
        assert self.directory is not None
        self._save_best(tensors, plain)
        facts = {"step": str(plain["training"]["step"])}
        path = self.directory / directory.FINAL
        checkpoints.save_weights(path, tensors["parameters"], tensors["buffers"], facts)

    def _save_best(self, tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any]) -> None:
        assert self.directory is not None
        stopping = plain["training"]["stopping"]
        epoch = stopping["best_epoch"]
        path = self.directory / directory.BEST
        if "best.parameters" not in tensors or (epoch == self._best_epoch and path.exists()):
            return
        facts = {"epoch": str(epoch), "value": repr(stopping["best"])}
        checkpoints.save_weights(path, tensors["best.parameters"], tensors["best.buffers"], facts)
        self._best_epoch = epoch

    # -- begin and end ---------------------------------------------------------------------------------------------

    @pulse.attempt()
    def _begin(self, event: Event) -> None:
        claimed: Path | None = None
        around: list[Path] = []
        "Folders that are made for it."
        try:
            if self._lock is None:
                assert isinstance(event, RunStarted)
                around = directory.missing_folders(self._root)
                claimed = directory.claim(self._root, self._name)
                self._lock = Lock(claimed)
                self._lock.acquire()
            place = self._lock.directory
            atomic.sweep(place)
            checkpoints.sweep(place)
            known, now = known_status(place), time.time()
            known = replace(
                known, process=this_process().plain(), started=known.started or now, heartbeat=now
            )
            self._status = after(known, event, now)
            write_status(place, self._status, durable=False)
            if isinstance(event, RunStarted) and not event.again:
                self._experiment = event.experiment
            if self._experiment is not None:
                directory.write_experiment(place, self._experiment)
            self._configured = experiment_values(place)
            self._writer = LogWriter(place / log.NAME)
            self._writer.open()
            index_reader.resume_index(place, self._writer.index, self._writer.size)
            with contextlib.suppress(OSError):
                (place / directory.STOP).unlink()
        except (OSError, StoreError) as error:
            if self._lock is not None:
                self._lock.release()
            _unmake(claimed, around)
            if isinstance(error, StoreError):
                raise
            raise StoreError(
                f"nothing can be written in {self._root}: {error}; choose another place"
            ) from None
        self.directory = place
        self._service = Service(self, self._writer, self._controls)
        self._service.start()

    def moved(self, place: Path) -> None:
        """Go on in another directory: that of the run was moved there."""
        self.directory = place

    def remade(self, lock: Lock) -> None:
        """Go on in a directory that was deleted and is made anew."""
        assert self.directory is not None
        assert self._lock is not None
        self._lock.release()
        self._lock = lock
        if self._configured:
            directory.write_experiment(self.directory, self._configured)

    @pulse.attempt()
    def _write_last(self) -> None:
        """Write what is not written yet, trying again for a moment."""
        for pause in (*LAST_ATTEMPTS, None):
            if self._writer.sync(force=True) is None or pause is None:
                break
            time.sleep(pause)
        fault = self._writer.fault
        if fault is not None or self._writer.unwritten():
            why = "the storage failed for too long" if fault is None else fault.strerror or str(fault)
            self.missing[f"the last records of {log.NAME}"] = why
        if self.lost:
            self._status = replace(self._status, exit_code=3)

    @pulse.attempt()
    def _close(self) -> None:
        if self.directory is None:
            return
        self._service.stop()
        self._write_last()
        if self._ended is None:
            words = "its reader went away before the end"
            self._status = replace(self.status(), state="stopped", detail=words, ended=time.time())
            self._recent.clear()
        with contextlib.suppress(OSError):  # the log says the same
            write_status(self.directory, self.status(), durable=True)
        self._writer.close()
        if self._lock is not None:
            self._lock.release()


def _unmake(claimed: Path | None, around: list[Path]) -> None:
    """Take away a new run directory in which nothing can be written, and the folders made for it, the innermost first."""
    if claimed is not None:
        shutil.rmtree(claimed, ignore_errors=True)
    for folder in around:
        with contextlib.suppress(OSError):  # another run may have found its place there
            folder.rmdir()
