"""Start a run in a process of its own session, so that it outlives the terminal it was started from."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..engine.errors import InputError
from ..engine.events import Event
from ..presets.faults import inert, label
from .hints import command
from .native_output import open_native_log

_VARIABLE = "LADERA_ANNOUNCE"


def detach_run(arguments: Sequence[str], runs_dir: Path, *, json: bool, quiet: bool) -> int:
    """Run `ladera` with these arguments in the background and say where; return the exit code."""
    if json:
        raise InputError(
            "--json follows a run and --detach leaves it alone: choose one; a run's events.jsonl holds the same lines"
        )
    code, directory, said = _started([*arguments, "--quiet", "--runs-dir", str(runs_dir)])
    if not directory:  # refused, or with nothing left to do
        print(said, file=sys.stderr)
        return code
    # What a library prints on the way is none of it.
    for line in said.splitlines():
        if line.startswith("ladera: "):
            print(line, file=sys.stderr)
    path = Path(directory)
    place, name = label(path), inert(path.name)
    look, stop = inert(command(path.parent, "watch", path.name)), shlex.quote(f"{place}/STOP")
    print(place if quiet else f"{name} trains in the background: `{look}` shows it, `touch {stop}` ends it")
    return 0


def start_detached(arguments: Sequence[str]) -> tuple[int, str]:
    """Run `ladera` with these arguments headless and return once it trains, or once it refused to.

    Returns (0, the run's directory), or another number and what it said on stderr. The process has a session of its
    own, no terminal and no standard input; what it writes besides the run goes to native.log in the run's directory.
    """
    code, directory, said = _started(arguments)
    return (0, directory) if directory else (code or 1, said)


def _started(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Return the exit code, 0 if it trains, the run's directory if it does, and what was said until then."""
    reader, writer = os.pipe()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ladera.tui", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(writer,),
            env={**os.environ, _VARIABLE: str(writer)},
        )
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            directory = pipe.read().decode(errors="surrogateescape")
        code = 0 if directory else process.wait()
        # Read at a place of its own: the process writes at the descriptor's.
        said = os.pread(output.fileno(), 1 << 16, 0).decode(errors="replace").strip()
        return code, directory, said


def announced(events: Iterator[Event], directory: Callable[[], Path | None]) -> Iterator[Event]:
    """Pass events on; tell the process that started this one, if one waits, where the run is as soon as it has a place."""
    waiting = os.environ.pop(_VARIABLE, None)
    for event in events:
        place = directory() if waiting is not None else None
        if waiting is not None and place is not None:
            _answer(int(waiting), place)
            waiting = None
        yield event


def _answer(descriptor: int, place: Path) -> None:
    log = open_native_log(place)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    os.write(descriptor, os.fsencode(place))
    os.close(descriptor)
