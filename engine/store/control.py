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
from collections.abc import Generator
from pathlib import Path
from typing import Any

from ..errors import StoreError
from ..events import Event, Probed, StorageFailed, from_plain

NAME = "control.sock"

# The address of a unix socket holds 104 bytes on macOS, 108 on Linux.
_LONGEST_PATH = 100


class Control:
    """A watcher's connection to the process that trains. Raises StoreError if there is none to connect to."""

    def __init__(self, directory: Path, timeout: float = 5.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        self._timeout = timeout
        self._received = b""
        self._answers: list[Probed | StorageFailed] = []
        try:
            with short_address(directory / NAME) as address:
                self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise StoreError(
                f"{directory.name} takes no commands: no process of it listens ({error.strerror})"
            ) from None

    def send(self, command: str, value: Any = None) -> None:
        """Send a command and wait until it is taken in. Raises StoreError if it is refused or nobody answers."""
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(json.dumps({"command": command, "value": value}).encode() + b"\n")
            while True:
                for answer in self._lines(self._socket.recv(1 << 16)):
                    if "error" in answer and "event" not in answer:
                        raise StoreError(str(answer["error"]))
                    if answer.get("ok") is True:
                        return
        except OSError as error:
            raise StoreError(f"the run takes no commands any more: {error}") from None

    def poll(self) -> list[Probed | StorageFailed]:
        """Return the answers to probes, and what cannot be written down, that came since the last call; without waiting."""
        try:
            self._socket.settimeout(0)
            while data := self._socket.recv(1 << 20):
                self._lines(data)
        except OSError:
            pass
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
        others: list[dict[str, Any]] = []
        for line in lines:
            values = json.loads(line)
            event: Event | None = from_plain(values) if "event" in values else None
            if isinstance(event, Probed | StorageFailed):
                self._answers.append(event)
            else:
                others.append(values)
        return others


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
