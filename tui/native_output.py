"""Where stray output goes: what C libraries, warnings and prints write, and the stacks of a crash in native code."""

from __future__ import annotations

import faulthandler
import os
import select
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

#: What stray output of a run goes to, in its directory.
NATIVE = "native.log"

# Where the screen is drawn: descriptor 2, or its copy while 2 points to the log.
_screen = [2]
# The files that descriptors 1 and 2 point to, the innermost last.
_logs: list[str] = []
# Copies of descriptors 1 and 2 from before, to be put back.
_saved: list[int] = []
# Files that a crash leaves its stacks in; the last one does.
_traces: list[int] = []


def terminal_fileno() -> int:
    """Return the descriptor of the terminal that the screen is drawn on."""
    return _screen[-1]


def native_log() -> str:
    """Return the file that stray output goes to now; "" while it goes to the terminal."""
    return _logs[-1] if _logs else ""


def say(text: str) -> None:
    """Write a line to the terminal, if it takes it: one that is stalled, or gone, must not hold up the end."""
    place = terminal_fileno()
    with suppress(OSError, ValueError):
        if select.select([], [place], [], 1.0)[1]:
            os.write(place, f"{text}\n".encode())


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
    _saved.extend(saved)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        _logs.pop()
        _screen.pop()
        del _saved[-2:]
        for target, descriptor in zip((1, 2), saved, strict=True):
            os.dup2(descriptor, target)
            os.close(descriptor)


def let_go_of_terminal(*others: int) -> None:
    """Point standard input, and what is put back later, elsewhere: a terminal that is gone fails every use of it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, *_saved, *others):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def open_native_log(directory: Path) -> int:
    """Open the file for a run's stray output (0600, appended to); /dev/null if it cannot be, or leads elsewhere."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(directory / NATIVE, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return os.open(os.devnull, flags)


@contextmanager
def crash_traces() -> Generator[Callable[[Path], None]]:
    """Give a function after whose call a crash in native code leaves its stacks in that run's native.log.

    At the end the file is taken away if nothing was written into it.
    """
    opened: list[tuple[int, Path]] = []

    def trace(directory: Path) -> None:
        opened.append((open_native_log(directory), directory / NATIVE))
        _traces.append(opened[-1][0])
        faulthandler.enable(_traces[-1])

    try:
        yield trace
    finally:
        for descriptor, path in opened:
            _traces.remove(descriptor)
            if _traces:
                faulthandler.enable(_traces[-1])
            else:
                faulthandler.disable()
            with suppress(OSError):
                if not os.fstat(descriptor).st_size and os.path.samestat(os.fstat(descriptor), path.lstat()):
                    path.unlink()
            os.close(descriptor)
