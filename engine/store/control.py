"""The way into a run of another process: a socket in its directory that only the owner can use.

Each line to the owner is a JSON object {"command": name, "value": …}; each is answered by {"ok": true} or {"error": why}.
Answers to probes, and faults of the storage, which may keep them out of the log, come to every watcher as events.
The owner's side is control_server.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from ..errors import StoreError
from ..event_lines import from_plain
from ..events import Event, Probed, StorageFailed

NAME = "control.sock"

# The longest line that is waited for; what is longer is no answer.
_LONGEST_LINE = 64 << 20

# The address of a unix socket holds 104 bytes on macOS, 108 on Linux.
_LONGEST_PATH = 100


class UnreachableError(StoreError):
    """No process takes commands in this directory, or the one that did is gone."""


class NoAnswerError(UnreachableError):
    """The process is there and does not answer: it hangs or is stopped, and may still obey when it goes on."""


class Control:
    """A watcher's connection to the process that trains. Raises UnreachableError if there is none to connect to."""

    def __init__(self, directory: Path, timeout: float = 5.0) -> None:
        self.closed = False
        "Whether the other end has closed the connection."
        self._timeout = timeout
        self._received = b""
        self._answers: list[Probed | StorageFailed] = []
        try:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:  # this process has too many files open
            raise UnreachableError(f"no command can be sent to {directory.name}: {_why(error)}") from None
        try:
            self._socket.settimeout(timeout)
            with short_address(directory / NAME) as address:
                self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise UnreachableError(
                f"{directory.name} takes no commands: no process of it listens ({_why(error)})"
            ) from None

    def send(self, command: str, value: Any = None) -> None:
        """Send a command and wait until it is taken in.

        Raises StoreError if it is refused, NoAnswerError if nobody answers in time, UnreachableError if the process is gone.
        """
        until = time.monotonic() + self._timeout
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(json.dumps({"command": command, "value": value}).encode() + b"\n")
            while True:
                # Answers to probes may come all the while: each part of the wait is short of the same end.
                self._socket.settimeout(max(0.001, until - time.monotonic()))
                for answer in self._lines(self._socket.recv(1 << 16)):
                    if "error" in answer and "event" not in answer:
                        raise StoreError(str(answer["error"]))
                    if answer.get("ok") is True:
                        return
                if time.monotonic() > until:
                    raise TimeoutError
        except TimeoutError:
            raise NoAnswerError(
                f"no answer within {self._timeout:g} s: its process hangs or is stopped, and may still obey when it goes on"
            ) from None
        except OSError as error:
            self.closed = True
            raise UnreachableError(f"the run takes no commands any more: {error}") from None

    def poll(self) -> list[Probed | StorageFailed]:
        """Return the answers to probes, and what cannot be written down, that came since the last call; without waiting."""
        try:
            self._socket.settimeout(0)
            while True:
                self._lines(self._socket.recv(1 << 20))
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True
        answers, self._answers = self._answers, []
        return answers

    def close(self) -> None:
        """Let go of the run; it goes on."""
        self._socket.close()

    def _lines(self, data: bytes) -> list[dict[str, Any]]:
        """Take bytes in; keep the events and return everything else that is complete."""
        if not data:
            raise ConnectionResetError("the training process closed the connection")
        *lines, self._received = (self._received + data).split(b"\n")
        if len(self._received) > _LONGEST_LINE:
            self._received = b""
        others: list[dict[str, Any]] = []
        for line in lines:
            try:
                values = json.loads(line)
                event: Event | None = from_plain(values) if "event" in values else None
            except (ValueError, TypeError, AttributeError, RecursionError):
                continue  # of another version, or damaged
            if isinstance(event, Probed | StorageFailed):
                self._answers.append(event)
            elif isinstance(values, dict):
                others.append(values)
        return others


def _why(error: OSError) -> str:
    return error.strerror or str(error)


def send(directory: Path, command: str, value: Any = None) -> None:
    """Send one command to the process that trains in a directory. Raises StoreError if it is not taken in."""
    control = Control(directory)
    try:
        control.send(command, value)
    finally:
        control.close()


@contextlib.contextmanager
def short_address(path: Path) -> Generator[str]:
    """Give a path that fits into a socket's address: through a short link if it is too long."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    # Not below TMPDIR, which may be long itself.
    place = tempfile.mkdtemp(prefix="ladera-", dir="/tmp")
    try:
        link = Path(place) / "run"
        link.symlink_to(path.parent.absolute())
        yield str(link / path.name)
    finally:
        shutil.rmtree(place, ignore_errors=True)
