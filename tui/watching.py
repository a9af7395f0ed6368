"""Runs that another process trains, or that ended long ago: read from their directories, steered over their sockets."""

from __future__ import annotations

import time
from pathlib import Path

from ..engine.events import Event, StorageFailed
from ..engine.store.listing import run_info
from ..engine.store.load import begun_with, follow
from .remote import RemoteControls
from .run import Run

_LOG_SECONDS = 0.2
_STATE_SECONDS = 1.0
#: Bytes of the log that are parsed at once, and seconds that it may take at one poll: a key must not wait longer.
_PORTION, _BUDGET = 1 << 16, 0.01


def watch(directory: Path) -> Run:
    """Return the run of a directory, live if a process trains it.

    Raises StoreError or InputError if the directory holds no run that can be read.
    """
    history, follower = follow(directory)
    controls = RemoteControls(directory)
    due = {"log": 0.0, "state": 0.0}

    def news(run: Run) -> list[Event]:
        now, events = time.monotonic(), controls.answers()
        read = silent = now >= due["log"] and not run.incoming
        if read:
            while told := follower.poll(_PORTION):
                if follower.restarted:
                    run.history, run.asked, events = type(run.history)(), "", []
                events += told
                silent = False
                if time.monotonic() >= now + _BUDGET:
                    break
            run.unread = follower.bad
            due["log"] = now if told else now + _LOG_SECONDS
        if read and now >= due["state"]:
            due["state"] = now + _STATE_SECONDS
            info = run_info(directory)
            # A process that died tells no end, and a log may have lost it: then only the status says so.
            gone = info is not None and silent and info.state not in ("waiting", "training", "paused")
            run.outside = info.state if gone and info is not None else ""
            if info is not None and info.status.storage and run.history.storage is None:
                # On a full disk the log cannot tell of it.
                what, _, error = info.status.storage.partition(": ")
                events.append(StorageFailed(time=run.history.time, what=what, error=error))
        return events

    return Run(
        begun_with(directory, history), directory.name, number=0, history=history, controls=controls,
        directory=directory, source=news, unread=follower.bad, let_go=controls.close,
    )  # fmt: skip
