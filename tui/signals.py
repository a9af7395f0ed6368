"""Signals as wishes to the training: interrupt and terminate save and end it, SIGUSR1 saves, a lost terminal is no reason to end.

A handler only puts the signal's number into a reentrant queue; a thread passes it on. The handler itself must not
touch `Controls`: it runs in the middle of whatever the main thread does, and that may be holding the same lock.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

from ..engine.controls import Controls

#: Two interrupts within this time end the program at once.
TWICE_SECONDS = 5.0

_ENDING = (signal.SIGINT, signal.SIGTERM)
_HANDLED = (*_ENDING, signal.SIGUSR1, signal.SIGHUP)


class Received:
    """What came so far."""

    def __init__(self) -> None:
        self.number: int | None = None
        "The first signal that asked for the end; None while none did."

    @property
    def exit_code(self) -> int | None:
        """128 + the signal's number."""
        return None if self.number is None else 128 + self.number


def leave_at_once(code: int) -> None:
    """End the process without saving; what the last checkpoint holds can be resumed."""
    os._exit(code)


@contextmanager
def passed_on(
    controls: Controls,
    *,
    hung_up: Callable[[], None] = lambda: None,
    ending: Callable[[], None] = lambda: None,
    leave: Callable[[int], None] = leave_at_once,
    echo: float = 0.0,
) -> Generator[Received]:
    """Pass signals on to a training until the block ends; call it in the main thread.

    SIGINT and SIGTERM finish the step, save and stop (`ending` is called too, so that a screen can close);
    SIGINT again within five seconds leaves at once; SIGUSR1 saves a checkpoint and goes on; SIGHUP calls
    `hung_up` and goes on. A signal that the parent had ignored (nohup) stays ignored. Interrupts closer than `echo`
    seconds are one: a terminal's Ctrl-C reaches this process directly, and once more through its guard.
    """
    received = Received()
    numbers: SimpleQueue[int] = SimpleQueue()

    def handler(number: int, _frame: FrameType | None) -> None:
        numbers.put(number)

    def relay() -> None:
        interrupted = -TWICE_SECONDS
        while number := numbers.get():
            if number == signal.SIGUSR1:
                controls.checkpoint()
            elif number == signal.SIGHUP:
                hung_up()
            else:
                now = time.monotonic()
                if number == signal.SIGINT:
                    if now - interrupted < echo:
                        continue
                    if now - interrupted < TWICE_SECONDS:
                        leave(128 + number)
                    interrupted = now
                received.number = received.number or number
                controls.send("stop", signal.Signals(number).name)
                ending()

    thread = threading.Thread(target=relay, name="signals", daemon=True)
    before = {number: signal.getsignal(number) for number in _HANDLED}
    thread.start()
    for number, old in before.items():
        if old is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield received
    finally:
        for number, old in before.items():
            signal.signal(number, old if old is not None else signal.SIG_DFL)
        numbers.put(0)
        thread.join(1.0)
