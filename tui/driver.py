"""A Textual driver that outlives its terminal: a lost or stalled one can neither block nor kill the program.

Textual 8.2 dies on SIGHUP, spins on a closed terminal and blocks its event loop when the terminal stops reading;
training in a thread of the same process would go down with it. This driver writes without waiting, treats the end
of input as a lost terminal, leaves in bounded time, and ends a storm of sizes with the last one. It leans on private
names of Textual (`_writer_thread`, `_queue`, `_key_thread`, `_sigtstp_application`, `_sigcont_application`,
`_in_band_window_resize`, `XTermParser._timeout_time`); tests in a pseudo-terminal hold each behaviour.
"""

from __future__ import annotations

import os
import queue
import select
import selectors
import signal
import socket
import termios
import time
import tty
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key, MouseDown, Resize
from textual.geometry import Size
from textual.message import Message

from .native_output import let_go_of_terminal, terminal_fileno

if TYPE_CHECKING:
    from textual.app import App

#: What an app's `run()` returns when its terminal went away.
LOST = "terminal lost"


class _Output:
    """The terminal's output: counts bytes, and takes a failed write as the loss of the terminal, not as an error."""

    def __init__(self, fileno: int, lost: Callable[[str], None]) -> None:
        self._fileno = fileno
        self._lost = lost
        self.dead = False
        self.written = 0
        "Bytes written so far."
        self.blocked_since: float | None = None
        "When the write began that has not returned yet, by the monotonic clock."

    def write(self, text: str) -> int:
        data = memoryview(text.encode("utf-8", "replace"))
        while data and not self.dead:
            self.blocked_since = time.monotonic()
            try:
                count = os.write(self._fileno, data)
            except BlockingIOError:  # another program shares the terminal, and made it so
                select.select([], [self._fileno], [], 1.0)
                continue
            except OSError as error:
                self.dead = True
                self._lost(f"write failed: {error.strerror}")
                break
            finally:
                self.blocked_since = None
            self.written += count
            data = data[count:]
        return len(text)

    def flush(self) -> None:
        """Nothing is buffered here."""

    def fileno(self) -> int:
        return self._fileno


class ResilientDriver(LinuxDriver):
    """LinuxDriver that survives hang-ups and stalls; see the module."""

    #: Why the terminal was given up; None while it is there.
    lost_reason: str | None = None
    #: Called in the input thread for every key and click, before anybody else hears of it.
    on_act: Callable[[], None] | None = None

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ):
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        # A descriptor of its own: descriptors 1 and 2 may point to a log, so that stray output cannot tear the screen.
        self._output = _Output(os.dup(terminal_fileno()), self.lost)
        self._file = self._output  # type: ignore[assignment]
        self._dropped = False
        self._waker, self._woken = socket.socketpair()
        "Where the first is closed the input thread, which holds the second, wakes."
        self.closed = False
        "Whether the terminal was given back."

    @property
    def written(self) -> int:
        """Bytes written to the terminal so far."""
        return self._output.written

    @property
    def gone(self) -> bool:
        """Whether the terminal itself is gone, and not only left."""
        return self._output.dead

    @property
    def stalled(self) -> float:
        """Seconds for which the terminal has not taken what is written to it; 0 while it does."""
        since = self._output.blocked_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def behind(self) -> bool:
        """Whether the terminal has not taken everything yet that was drawn."""
        writer = self._writer_thread
        return self._output.blocked_since is not None or (writer is not None and writer._queue.qsize() > 0)

    def _get_terminal_size(self) -> tuple[int, int]:
        # Upstream asks standard output, which may point to a log.
        try:
            columns, lines = os.get_terminal_size(self._output.fileno())
        except OSError:
            columns, lines = 0, 0
        return columns or 80, lines or 24

    def leave(self, why: str) -> None:
        """End the screen; the terminal may still be there. Safe to call from a signal handler or a thread."""
        if self.lost_reason is None:
            self.lost_reason = why
            loop = self._app._loop
            if loop is not None:
                loop.call_soon_threadsafe(self._app.exit, LOST)

    def lost(self, why: str) -> None:
        """Give up a terminal that is gone: nothing more is written, and no descriptor holds it."""
        self._output.dead = True
        let_go_of_terminal(self._output.fileno())
        self.leave(why)

    def write(self, data: str) -> None:
        """Queue output; what a stalled terminal does not take is dropped and painted anew once it reads again."""
        writer = self._writer_thread
        assert writer is not None, "the driver must be in application mode"
        try:
            writer._queue.put_nowait(data)
        except queue.Full:
            self._dropped = True
            return
        if self._dropped and writer._queue.qsize() <= 2:
            self._dropped = False
            self._app.call_later(self._app.refresh, layout=True)

    def close(self) -> None:
        """Stop the writer within about a second; upstream waits for a stalled terminal for ever."""
        self._stop_writer()
        self.closed = True

    def _stop_writer(self) -> None:
        writer = self._writer_thread
        if writer is None:
            return
        for _ in range(2):
            with suppress(queue.Full):
                writer._queue.put(None, timeout=0.5)
            writer.join(0.5)
            if not writer.is_alive():
                return
            with suppress(termios.error):
                # What the peer never read is thrown away, so that the writer's last write returns.
                termios.tcflush(self.fileno, termios.TCOFLUSH)

    # -- stopped and continued -------------------------------------------------------------------------------------

    def start_application_mode(self) -> None:
        """Take the terminal."""
        self.closed = False
        self._waker, self._woken = socket.socketpair()
        super().start_application_mode()
        # Upstream reads the size in the handler: of two handlers, one inside the other, the older size comes last.
        signal.signal(signal.SIGWINCH, lambda *_: self._soon(self._tell_size))

    def _tell_size(self) -> None:
        if not self._in_band_window_resize:
            size = Size(*self._get_terminal_size())
            self._app.post_message(Resize(size, size))

    def _sigtstp_application(self, *args: Any) -> None:
        self._soon(super()._sigtstp_application)

    def _sigcont_application(self, *args: Any) -> None:
        self._soon(self._continue)

    def _soon(self, callback: Callable[[], object]) -> None:
        """Call in the event loop: a signal handler may interrupt whoever holds the lock of the output's queue."""
        loop = self._app._loop
        if loop is not None:
            with suppress(RuntimeError):  # closed meanwhile
                loop.call_soon_threadsafe(callback)

    def _continue(self) -> None:
        # A hang-up sends SIGHUP and SIGCONT: application mode must not start again on a dead terminal.
        if self.lost_reason is not None or not os.isatty(self.fileno):
            return
        if self._key_thread is not None and self._key_thread.is_alive():
            self._assert_modes()
        else:
            super()._sigcont_application()

    def _assert_modes(self) -> None:
        """Take the terminal as it was before a stop that this driver did not hear of (kill -STOP), or that never was.

        Starting application mode again would start a second thread that reads keys.
        """
        with suppress(OSError, termios.error):
            if os.tcgetpgrp(self.fileno) != os.getpgrp():
                return
            modes = termios.tcgetattr(self.fileno)
            modes[tty.LFLAG] = self._patch_lflag(modes[tty.LFLAG])
            modes[tty.IFLAG] = self._patch_iflag(modes[tty.IFLAG])
            modes[tty.CC][termios.VMIN] = 1
            termios.tcsetattr(self.fileno, termios.TCSANOW, modes)
            self.write("\x1b[?1049h\x1b[?25l\x1b[?1004h\x1b[?2004h\x1b[?7l")
            self._enable_mouse_support()
            self._app.refresh(layout=True)

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except (EOFError, OSError) as error:
            self.lost(f"no more input: {error}")

    def disable_input(self) -> None:
        """Stop reading keys."""
        self._waker.close()
        super().disable_input()

    def run_input_thread(self) -> None:
        """Read keys until told to stop; raises EOFError at the end of input, where upstream would spin.

        It sleeps until there are keys: ten looks a second, as upstream has them, hold up training ten times a second.
        """
        parser = XTermParser(self._debug)
        # Old mouse protocols send bytes that are no UTF-8.
        decode = getincrementaldecoder("utf-8")("replace").decode
        with self._woken, selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                # Of an Escape only time tells whether it is a key, or the first byte of one.
                waits = parser._timeout_time is not None
                if any(key.fd == self.fileno for key, _ in selector.select(0.1 if waits else None)):
                    try:
                        data = os.read(self.fileno, 4096)
                    except BlockingIOError:  # another reader was quicker
                        continue
                    if not data:
                        raise EOFError("the terminal was closed")
                    for event in parser.feed(decode(data)):
                        self._heard(event)
                for event in parser.tick():
                    self._heard(event)

    def _heard(self, event: Message) -> None:
        if self.on_act is not None and isinstance(event, Key | MouseDown):
            self.on_act()
        self.process_message(event)
