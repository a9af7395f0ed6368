"""Runs that another process trains, or that ended long ago: read from their directories, steered over their sockets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ..engine.controls import Controls
from ..engine.errors import StoreError
from ..engine.events import Event, StorageFailed
from ..engine.store.control import Control
from ..engine.store.directory import load_experiment
from ..engine.store.listing import run_info
from ..engine.store.load import follow
from .sitting import Run

_LOG_SECONDS = 0.2
_STATE_SECONDS = 1.0


class RemoteControls(Controls):
    """Commands for a run of another process. `send` raises StoreError if nobody takes them."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self._control: Control | None = None

    def send(self, name: str, value: Any = None) -> None:
        """Send a command; a connection that broke is made anew once."""
        for attempt in (1, 2):
            try:
                self._control = self._control or Control(self._directory, timeout=1.0)
                self._control.send(name, value)
                return
            except StoreError:
                self.close()
                if attempt == 2:
                    raise

    def answers(self) -> list[Event]:
        """Return the answers to probes that came."""
        return [*self._control.poll()] if self._control is not None else []

    def close(self) -> None:
        """Let go; the run goes on."""
        if self._control is not None:
            self._control.close()
            self._control = None


def watch(directory: Path) -> Run:
    """Return the run of a directory, live if a process trains it.

    Raises StoreError or InputError if the directory holds no run that can be read.
    """
    history, follower = follow(directory)
    controls = RemoteControls(directory)
    due = {"log": 0.0, "state": 0.0}

    def news(run: Run) -> list[Event]:
        now, events = time.monotonic(), list[Event]()
        if now >= due["log"]:
            due["log"] = now + _LOG_SECONDS
            events += follower.poll()
            if follower.restarted:
                run.history = type(run.history)()
            events += controls.answers()
        if now >= due["state"]:
            due["state"] = now + _STATE_SECONDS
            info = run_info(directory)
            # A process that died tells no end: only its directory says so.
            gone = info is not None and info.state in ("crashed", "stalled", "damaged")
            run.outside = info.state if gone and info is not None else ""
            if info is not None and info.status.storage and run.history.storage is None:
                # On a full disk the log cannot tell of it.
                what, _, error = info.status.storage.partition(": ")
                events.append(StorageFailed(time=run.history.time, what=what, error=error))
        return events

    return Run(
        load_experiment(directory), directory.name, number=0, history=history, controls=controls,
        directory=directory, source=news,
    )  # fmt: skip
