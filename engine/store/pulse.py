"""Whether the storage still answers, for a process that was told to end and has something to write before.

A thread is in an `attempt` while it writes what must not be lost. `silent` is for how long nothing has got done in it: a
disk that is slow gives a `beat` with every portion, one that hangs gives none.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

# By thread in an attempt: when something got done last, by the monotonic clock.
_last: dict[int, float] = {}


@contextmanager
def attempt() -> Generator[None]:
    """Mark a block, or a function, that writes what must not be lost."""
    thread = threading.get_ident()
    outermost = thread not in _last
    _last[thread] = time.monotonic()
    try:
        yield
    finally:
        if outermost:
            del _last[thread]
        else:
            beat()


@contextmanager
def computing() -> Generator[None]:
    """Mark a block that the processor is busy with, however long: no fault of the storage."""
    thread = threading.get_ident()
    if thread in _last:
        _last[thread] = math.inf
    try:
        yield
    finally:
        beat()


def beat() -> None:
    """Say that a call to the storage came back."""
    thread = threading.get_ident()
    if thread in _last:
        _last[thread] = time.monotonic()


def beat_for_all() -> None:
    """Say that a call came back which others may wait for, too."""
    for thread in list(_last):
        if _last.get(thread, math.inf) < math.inf:
            _last[thread] = time.monotonic()


def silent() -> float:
    """Return for how many seconds no attempt has got anything done; 0 if there is none, or something else is done."""
    return max(0.0, time.monotonic() - max(_last.values(), default=math.inf))
