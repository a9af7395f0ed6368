"""The owner's side of the control channel: takes commands from watchers, whatever they send, and tells them answers."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import struct
from pathlib import Path

from ..controls import Controls, refusal
from .control import NAME, short_address

_LONGEST_LINE = 1 << 16
_MOST_UNSENT = 4 << 20
_MOST_WATCHERS = 64


class _Watcher:
    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.received = b""
        self.unsent = b""


class ControlServer:
    """Takes commands from watchers into `Controls`; driven by one thread that calls `serve` again and again."""

    def __init__(self, directory: Path, controls: Controls) -> None:
        self._controls = controls
        self._selector = selectors.DefaultSelector()
        self._watchers: set[_Watcher] = set()
        self._listener: socket.socket | None = None
        self.listen(directory)
        self._waking, self._waken = socket.socketpair()
        self._selector.register(self._waking, selectors.EVENT_READ)

    def listen(self, directory: Path) -> None:
        """Take new watchers in at a directory, in place of any before; those that are here stay. Raises OSError."""
        path, listener = directory / NAME, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            path.unlink(missing_ok=True)
            with short_address(path) as address:
                listener.bind(address)
            path.chmod(0o600)
            listener.listen(16)
            listener.setblocking(False)
            facts = path.lstat()
        except OSError:
            listener.close()
            raise
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
        self._path, self._file, self._listener = path, (facts.st_dev, facts.st_ino), listener
        self._selector.register(listener, selectors.EVENT_READ)

    def moved(self, directory: Path) -> None:
        """The socket is to be found in another directory: the one that it is in was moved there."""
        self._path = directory / NAME

    def reachable(self) -> bool:
        """Tell whether the socket is where watchers look for it, and not another one."""
        try:
            facts = self._path.lstat()
        except OSError:
            return False
        return (facts.st_dev, facts.st_ino) == self._file

    def serve(self, seconds: float) -> None:
        """Wait at most so long for watchers, and do what they ask."""
        for key, ready in self._selector.select(seconds):
            if key.fileobj is self._listener:
                self._accept()
                continue
            if key.fileobj is self._waking:
                self._waking.recv(64)
                continue
            watcher: _Watcher = key.data
            if ready & selectors.EVENT_READ:
                self._receive(watcher)
            if watcher in self._watchers and ready & selectors.EVENT_WRITE:
                self._send(watcher, b"")

    def wake(self) -> None:
        """Let `serve` return at once; any thread may call this."""
        self._waken.send(b"\0")

    def broadcast(self, line: str) -> None:
        """Send a line to every watcher; one that does not read is let go. Called by the serving thread."""
        data = line.encode("utf-8", "replace") + b"\n"
        for watcher in list(self._watchers):
            self._send(watcher, data)

    def close(self) -> None:
        """Let every watcher go and take the socket away, if it is ours."""
        for watcher in list(self._watchers):
            self._drop(watcher)
        self._selector.close()
        ours = self.reachable()
        for end in (self._listener, self._waking, self._waken):
            if end is not None:
                end.close()
        if ours:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if not _same_user(connection) or len(self._watchers) >= _MOST_WATCHERS:
            connection.close()
            return
        connection.setblocking(False)
        watcher = _Watcher(connection)
        self._watchers.add(watcher)
        self._selector.register(connection, selectors.EVENT_READ, watcher)

    def _receive(self, watcher: _Watcher) -> None:
        try:
            data = watcher.socket.recv(_LONGEST_LINE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(watcher)
            return
        *lines, watcher.received = (watcher.received + data).split(b"\n")
        for line in lines:
            answer = {"error": fault} if (fault := self._take(line)) else {"ok": True}
            self._send(watcher, json.dumps(answer).encode() + b"\n")
        if len(watcher.received) > _LONGEST_LINE:
            self._drop(watcher)

    def _take(self, line: bytes) -> str:
        """Hand a line's command on; return why not, if not."""
        try:
            request = json.loads(line)
            name, value = request["command"], request.get("value")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return 'not a command: send {"command": name, "value": …}, one a line'
        if why := refusal(str(name), value):
            return why
        if name == "stop" and value is not None:  # only this process knows what interrupted it
            return f"stop: {repr(value)[:80]} is no value for it"
        self._controls.send(name, value)
        return ""

    def _send(self, watcher: _Watcher, data: bytes) -> None:
        if watcher not in self._watchers:
            return
        watcher.unsent += data
        try:
            sent = watcher.socket.send(watcher.unsent) if watcher.unsent else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(watcher)
            return
        watcher.unsent = watcher.unsent[sent:]
        if len(watcher.unsent) > _MOST_UNSENT:
            self._drop(watcher)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if watcher.unsent else 0)
        self._selector.modify(watcher.socket, wanted, watcher)

    def _drop(self, watcher: _Watcher) -> None:
        if watcher in self._watchers:
            self._watchers.remove(watcher)
            self._selector.unregister(watcher.socket)
            watcher.socket.close()


def _same_user(connection: socket.socket) -> bool:
    """Tell whether the other end belongs to us or to root; where the system does not tell, the file's mode decides."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    try:
        _, user, _ = struct.unpack(
            "3i", connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
        )
    except OSError:
        return False
    return user in (0, os.geteuid())
