"""A stream that training can write to without ever waiting for it or dying of it.

A terminal may be stalled (Ctrl-S) or gone, a pipe may be slow or closed. A thread of its own writes; what comes
after the reader left, or after a fault such as a full disk, is dropped.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from .standard_streams import is_reader_gone

#: Unwritten text from which on a slow reader holds the writer back, in characters.
MOST_PENDING = 16 << 20

_CLEAR_LINE = "\r\x1b[K"


class Output:
    """Lines, and on a terminal one line below them that is replaced in place."""

    def __init__(self, stream: TextIO, hurry: Callable[[], bool] = lambda: False) -> None:
        """Write to `stream`; once `hurry()` is true, nobody waits for a reader that does not read."""
        self._stream = stream
        self._hurry = hurry
        self._encoding = stream.encoding or "utf-8"
        self._terminal = stream.isatty()
        try:
            self._descriptor: int | None = stream.fileno()
        except (io.UnsupportedOperation, OSError, ValueError):
            self._descriptor = None
        with suppress(OSError, ValueError):
            stream.flush()
        self._lines: deque[str] = deque()
        self._pending = 0
        self._live: str | None = None
        self._drawn = False
        "Whether a live line stands on the terminal."
        self._dirty = False
        self._closing = False
        self.dead = False
        "True once nothing can be written any more."
        self.fault: OSError | None = None
        "Why, unless the reader is gone, which is its own affair."
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_all, name="output", daemon=True)
        self._thread.start()

    def line(self, text: str) -> None:
        """Write a line (or several, a line end between them)."""
        with self._changed:
            while self._pending > MOST_PENDING and not self.dead and not self._hurry():
                self._changed.wait(0.1)
            if self.dead:
                return
            self._lines.append(text)
            self._pending += len(text)
            self._changed.notify_all()

    def live(self, text: str | None) -> None:
        """Replace the line at the bottom; None takes it away."""
        with self._changed:
            if text != self._live:
                self._live, self._dirty = text, True
                self._changed.notify_all()

    def close(self, patience: float = 1.0) -> None:
        """Wait until all is written; in a hurry at most `patience` seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        hurried: float | None = None
        while self._thread.is_alive():
            self._thread.join(0.1)
            if self._hurry():
                hurried = hurried or time.monotonic()
                if time.monotonic() - hurried > patience:
                    return

    # -- the writing thread ----------------------------------------------------------------------------------------

    def _write_all(self) -> None:
        while True:
            with self._changed:
                while not (self._lines or self._dirty or self._closing):
                    self._changed.wait()
                if not self._lines and not self._dirty:
                    return
                text = self._next()
                self._changed.notify_all()
            if not self._write(text):
                with self._changed:
                    self.dead = True
                    self._lines.clear()
                    self._pending, self._dirty, self._closing = 0, False, True
                    self._changed.notify_all()
                return

    def _next(self) -> str:
        parts = [_CLEAR_LINE] if self._drawn else []
        parts += [line + "\n" for line in self._lines]
        if self._live is not None:
            parts.append(self._live)
        self._lines.clear()
        self._pending, self._dirty, self._drawn = 0, False, self._live is not None
        return "".join(parts)

    def _write(self, text: str) -> bool:
        # Past the stream's own buffer: its lock, held by a stalled write, would hang the interpreter's end.
        try:
            if self._descriptor is None:
                self._stream.write(text)
                self._stream.flush()
                return True
            data = memoryview(text.encode(self._encoding, "replace"))
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            self.fault = None if is_reader_gone(error, self._terminal) else error
            return False
        except ValueError:
            return False
        return True
