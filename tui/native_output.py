"""Keeps stray output off the screen: what C libraries, warnings and prints write goes to a file meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress

# Where the screen is drawn: descriptor 2, or its copy while 2 points to the log.
_screen = [2]
# The files that descriptors 1 and 2 point to, the innermost last.
_logs: list[str] = []


def terminal_fileno() -> int:
    """Return the descriptor of the terminal that the screen is drawn on."""
    return _screen[-1]


def native_log() -> str:
    """Return the file that stray output goes to now; "" while it goes to the terminal."""
    return _logs[-1] if _logs else ""


@contextmanager
def native_output_to(path: str | os.PathLike[str]) -> Generator[None]:
    """Point descriptors 1 and 2 at a file (0600, appended to) and back again at the end."""
    saved = os.dup(1), os.dup(2)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    _screen.append(saved[1])
    _logs.append(os.fspath(path))
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        _logs.pop()
        _screen.pop()
        for target, descriptor in zip((1, 2), saved, strict=True):
            os.dup2(descriptor, target)
            os.close(descriptor)
