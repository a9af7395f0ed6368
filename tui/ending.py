"""Ending a process that was told to and cannot end by itself: it still prepares its first step, or its storage hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from ..engine.events import Event
from ..engine.store import pulse
from .native_output import say
from .signals import Received, leave_at_once

#: Seconds in which nothing of what has to be saved gets done before the process ends without it.
SILENCE = 10.0

_LOOK = 0.1


class Ending:
    """Watches, once a signal asked for the end, whether it comes.

    What is trained begins with its first event. Until then torch is imported and the data are read, nothing is lost,
    and the process leaves at once. Later it saves and ends, for which it has as long as the storage gets anything done.
    """

    def __init__(
        self,
        idle: Callable[[], bool] | None = None,
        leave: Callable[[int], None] = leave_at_once,
    ) -> None:
        """`idle` tells whether nothing has begun; without it the events that pass through `begin` do."""
        self._idle = idle or (lambda: not self._begun)
        self._leave = leave
        self._begun = False
        self._lock = threading.Lock()
        self._received: Received | None = None
        self._listens = threading.Event()
        self._watch: threading.Thread | None = None

    def listen(self, received: Received) -> None:
        """Learn which signal came, whose number is the exit code."""
        self._received = received
        self._listens.set()

    def begin(self, events: Iterator[Event]) -> Iterator[Event]:
        """Pass events on; with the first there is something to lose, before whoever comes next takes it in."""
        for event in events:
            if not self._begun:
                with self._lock:
                    self._begun = True
            yield event

    def asked(self) -> None:
        """Watch from now on that the process ends; called by the thread that signals come to."""
        if self._watch is None:
            self._watch = threading.Thread(target=self._look, name="ending", daemon=True)
            self._watch.start()

    def _look(self) -> None:
        self._listens.wait()
        assert self._received is not None
        code, since = self._received.exit_code or 1, time.monotonic()
        while True:
            with self._lock:  # not while the first event passes: either it is seen, or nothing comes of it
                if self._idle():
                    self._leave(code)
                    return
            if min(pulse.silent(), time.monotonic() - since) > SILENCE:
                say(f"ladera: the storage does not answer for {SILENCE:.0f} s; left without saving")
                self._leave(code)
                return
            time.sleep(_LOOK)
