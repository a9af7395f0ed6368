"""The thread beside a training that does what must not make it wait: writing, watching the directory, taking commands."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections import deque
from pathlib import Path
from typing import Protocol

from ..controls import Controls
from ..errors import StoreError
from ..event_lines import to_line
from ..events import Event
from .control_server import ControlServer
from .directory import STOP
from .lock import Lock
from .log_writer import LogWriter
from .status import Status, write_status

#: Seconds between writes of the log: what a kill -9 can lose.
TICK = 0.05
#: Seconds between looks at the directory and writes of the status, if it changed.
LOOK = 1.0
#: Seconds between waits for the disk, and the most between two signs of life.
SYNC = 5.0
#: Seconds that `stop` waits for a thread that the storage may hold up.
PATIENCE = 5.0


class Owner(Protocol):
    """What the service needs to know of the recorder."""

    directory: Path | None

    def status(self) -> Status:
        """Return how the run is doing."""
        ...

    def moved(self, place: Path) -> None:
        """Go on elsewhere."""
        ...

    def remade(self, lock: Lock) -> None:
        """Go on in a directory made anew."""
        ...


class Service:
    """Serves one recorder until `stop`; its faults become notices, never exceptions."""

    def __init__(self, owner: Owner, writer: LogWriter, controls: Controls | None) -> None:
        assert owner.directory is not None
        self._owner, self._writer, self._controls = owner, writer, controls
        self._place = owner.directory
        self._told: deque[tuple[str, str]] = deque()
        self._troubles: set[str] = set()
        "What fails since it was told of."
        self._outgoing: deque[Event] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="ladera-recorder", daemon=True)
        self._descriptor = os.open(self._place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._server = self._listen()
        self._written: Status | None = None
        self._looked = self._synced = self._beat = time.monotonic()

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the storage may hang, so it is not waited for without end."""
        if self._server is not None:
            # First: a thread that knows that it shall end closes what wakes it.
            self._server.wake()
        self._stopping.set()
        self._thread.join(PATIENCE)

    @property
    def troubled(self) -> bool:
        """Whether the directory, or what is done in it, is not as it should be."""
        return bool(self._troubles)

    def broadcast(self, event: Event) -> None:
        """Send an event to every watcher: what the log does not tell, or cannot."""
        self._outgoing.append(event)

    def notices(self) -> list[tuple[str, str]]:
        """Return (what failed, why) since the last call."""
        told: list[tuple[str, str]] = []
        while self._told:
            told.append(self._told.popleft())
        return told

    def _serve(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._turn()
                except Exception as error:  # The training must not notice.
                    self._fails("recorder", f"{type(error).__name__}: {error}")
                    self._stopping.wait(LOOK)
        finally:
            self._close()

    def _close(self) -> None:
        """Let go of everything; only the thread itself knows that it uses none of it any more."""
        if self._server is not None:
            with contextlib.suppress(OSError):
                self._server.close()
        os.close(self._descriptor)

    def _fails(self, what: str, error: str) -> None:
        """Tell once of what goes on failing, until it `works` again."""
        if what not in self._troubles:
            self._troubles.add(what)
            self._told.append((what, error))

    def _works(self, what: str) -> None:
        self._troubles.discard(what)

    def _turn(self) -> None:
        if self._server is not None:
            self._server.serve(TICK)
            while self._outgoing:
                self._server.broadcast(to_line(self._outgoing.popleft()))
        else:
            self._outgoing.clear()
            self._stopping.wait(TICK)
        self._writer.flush()
        now = time.monotonic()
        if now - self._synced >= SYNC:
            self._synced = now
            self._writer.sync()
        if self._stopping.is_set():
            # The storage may have held this turn up until long after the end: others may be at work there.
            return
        if now - self._looked >= LOOK:
            self._looked = now
            self._find_directory()
            self._obey_stop_file()
            self._tell_status(now)
            self._works("recorder")

    def _tell_status(self, now: float) -> None:
        status = self._owner.status()
        if (
            now - self._beat < SYNC
            and self._written is not None
            and (status.progressed, status.storage) == (self._written.progressed, self._written.storage)
        ):
            return
        try:
            write_status(self._place, status, durable=False)
            self._written, self._beat = status, now
        except OSError:
            # The log's own fault tells of the same storage.
            pass

    def _obey_stop_file(self) -> None:
        path = self._place / STOP
        if self._controls is not None and path.exists():
            with contextlib.suppress(OSError):
                path.unlink()
            self._controls.stop()

    # -- the directory ---------------------------------------------------------------------------------------------

    def _listen(self) -> ControlServer | None:
        if self._controls is None:
            return None
        try:
            return ControlServer(self._place, self._controls)
        except OSError:
            # A file system without sockets; the file STOP still works.
            return None

    def _find_directory(self) -> None:
        """Notice that the directory, the log or the socket was moved or deleted, and go on."""
        try:
            if os.path.samestat(self._place.stat(), os.fstat(self._descriptor)):
                self._works("run directory")
                self._find_log()
                self._find_socket()
                return
        except FileNotFoundError:
            pass
        except OSError as error:
            self._fails("run directory", str(error))
            return
        place = self._moved_to()
        if place is not None:
            self._place = place
            self._owner.moved(place)
            self._writer.relocate(place / self._writer.path.name)
            if self._server is not None:
                self._server.moved(place)
            self._works("run directory")
            return
        try:
            self._make_anew()
        except (OSError, StoreError) as error:
            self._fails("run directory", str(error))
            return
        self._works("run directory")
        self._told.append(("run directory", f"{self._place} was deleted; it is made anew, from the log on"))

    def _moved_to(self) -> Path | None:
        try:
            if not os.fstat(self._descriptor).st_nlink:
                return None
            place = Path(os.readlink(f"/proc/self/fd/{self._descriptor}"))  # noqa: PTH115
            return place if os.path.samestat(place.stat(), os.fstat(self._descriptor)) else None
        except OSError:
            return None

    def _make_anew(self) -> None:
        self._place.mkdir(mode=0o700, parents=True)
        lock, descriptor = Lock(self._place), -1
        try:
            lock.acquire()
            descriptor = os.open(self._place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._writer.recreate()
        except (OSError, StoreError):
            lock.release()
            if descriptor >= 0:
                os.close(descriptor)
            # Out of the way of the next attempt.
            shutil.rmtree(self._place, ignore_errors=True)
            raise
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._owner.remade(lock)
        self._find_socket()

    def _find_log(self) -> None:
        descriptor = self._writer.descriptor()
        if descriptor is None:
            return
        try:
            if os.path.samestat(self._writer.path.stat(), os.fstat(descriptor)):
                self._works("log")
                return
        except FileNotFoundError:
            pass
        try:
            self._writer.recreate()
        except OSError as error:
            self._fails("log", f"{self._writer.path} was deleted and cannot be written anew: {error}")
            return
        self._works("log")
        self._told.append(("log", f"{self._writer.path} was deleted; it is written anew"))

    def _find_socket(self) -> None:
        if self._server is not None and not self._server.reachable():
            with contextlib.suppress(OSError):  # tried again at the next look
                self._server.listen(self._place)
