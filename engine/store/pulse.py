"""Whether the storage still answers, for a process that was told to end and has something to write before.

A thread is in an `attempt` while it writes what must not be lost. `silent` is for how long nothing has got done in it: a
disk that is slow gives a `beat` with every portion, one that hangs gives none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class _Attempt:
    beat: float
    "When something got done last, by the monotonic clock."
    computing: bool = False


# By thread. Only the thread itself adds and removes its entry: a beat of another one that comes after the attempt's end
# changes what nobody looks at any more.
_attempts: dict[int, _Attempt] = {}


@contextmanager
def attempt() -> Generator[None]:
    """Mark a block, or a function, that writes what must not be lost."""
    thread = threading.get_ident()
    outermost = thread not in _attempts
    if outermost:
        _attempts[thread] = _Attempt(time.monotonic())
    else:
        beat()
    try:
        yield
    finally:
        if outermost:
            del _attempts[thread]
        else:
            beat()


@contextmanager
def computing() -> Generator[None]:
    """Mark a block that the processor is busy with, however long: no fault of the storage."""
    mine = _attempts.get(threading.get_ident())
    if mine is not None:
        mine.computing = True
    try:
        yield
    finally:
        beat()
        if mine is not None:
            mine.computing = False


def beat() -> None:
    """Say that a call to the storage came back."""
    mine = _attempts.get(threading.get_ident())
    if mine is not None:
        mine.beat = time.monotonic()


def beat_for_all() -> None:
    """Say that a call came back which others may wait for, too."""
    for one in list(_attempts.values()):
        one.beat = time.monotonic()


def silent() -> float:
    """Return for how many seconds no attempt has got anything done; 0 if there is none, or something else is done."""
    found = list(_attempts.values())
    if not found or any(one.computing for one in found):
        return 0.0
    return max(0.0, time.monotonic() - max(one.beat for one in found))
