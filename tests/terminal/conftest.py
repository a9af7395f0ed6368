"""A pseudo-terminal with a program in it: what a person at the keyboard does and sees."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pyte
import pytest

#: Generous, since a loaded machine may be slow; nothing waits this long when all is well.
PATIENCE = 60.0


class Terminal:
    """A program in a pseudo-terminal of `columns` x `lines`, read by a thread unless it is stalled."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        lines: int = 40,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.output = bytearray()
        "Everything the program wrote."
        self.reading = threading.Event()
        self.reading.set()
        self._lock = threading.Lock()
        self.closed = False
        # What the lab remembers must not come from, or go to, whoever runs the tests.
        self._state = tempfile.TemporaryDirectory(prefix="ladera-state-", ignore_cleanup_errors=True)
        environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if name not in ("CI", "NO_COLOR", "COLUMNS", "LINES")
            },
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "XDG_STATE_HOME": self._state.name,
            **(env or {}),
        }
        master, slave = pty.openpty()
        self._size(slave, columns, lines)
        self.cooked = termios.tcgetattr(slave)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(master)
                os.login_tty(slave)
                if cwd is not None:
                    os.chdir(cwd)
                os.execvpe(command[0], list(command), environment)
            finally:  # a second process must not go on with the tests
                os._exit(127)
        self.slave = slave
        self.master = master
        self._status: int | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @staticmethod
    def _size(descriptor: int, columns: int, lines: int) -> None:
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        while not self.closed:
            if not self.reading.wait(0.1) or not select.select([self.master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            with self._lock:
                self.output += data
                self._stream.feed(data)

    # -- what a person does ---------------------------------------------------------------------------------------

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the window."""
        with self._lock:
            self.screen.resize(lines, columns)
        self._size(self.master, columns, lines)
        self.signal(signal.SIGWINCH)

    def close(self) -> None:
        """Close the window: the connection drops."""
        self.closed = True
        self._reader.join()
        os.close(self.slave)
        os.close(self.master)

    def stall(self) -> None:
        """Stop reading, as a terminal after Ctrl-S or a dead connection does."""
        self.reading.clear()

    def read_again(self) -> None:
        """Go on reading."""
        self.reading.set()

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        os.kill(self.pid, number)

    # -- what a person sees ---------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The screen as text."""
        with self._lock:
            return "\n".join(self.screen.display)

    def wait_for(self, what: str | Callable[[str], object], seconds: float = PATIENCE) -> str:
        """Wait until a text is on the screen (or a condition on its text holds) and return the screen."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            text = self.text
            if (what in text) if isinstance(what, str) else what(text):
                return text
            if self.poll() is not None:
                time.sleep(0.3)
                text = self.text
                if (what in text) if isinstance(what, str) else what(text):
                    return text
                pytest.fail(f"the program ended with {self.poll()} before {what!r} was seen:\n{text}")
            time.sleep(0.02)
        pytest.fail(f"{what!r} was not seen within {seconds} s:\n{self.text}")

    def poll(self) -> int | None:
        """The exit code (negative: killed by that signal), or None while the program runs."""
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                return None
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for the end and return the exit code."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            code = self.poll()
            if code is not None:
                read = -1
                while read != len(self.output):  # what it wrote last may not have been read yet
                    read = len(self.output)
                    time.sleep(0.1)
                return code
            time.sleep(0.02)
        pytest.fail(f"the program did not end within {seconds} s:\n{self.text}")

    def restored(self) -> list[str]:
        """Name what the program left changed in the terminal; empty if all is as before."""
        left = []
        if termios.tcgetattr(self.slave)[:4] != self.cooked[:4]:
            left.append("termios modes")
        with self._lock:
            output = bytes(self.output)
        pairs = {
            "alternate screen": (b"\x1b[?1049h", b"\x1b[?1049l"),
            "mouse 1000": (b"\x1b[?1000h", b"\x1b[?1000l"),
            "mouse 1003": (b"\x1b[?1003h", b"\x1b[?1003l"),
            "mouse 1006": (b"\x1b[?1006h", b"\x1b[?1006l"),
            "bracketed paste": (b"\x1b[?2004h", b"\x1b[?2004l"),
            "focus reports": (b"\x1b[?1004h", b"\x1b[?1004l"),
            "hidden cursor": (b"\x1b[?25l", b"\x1b[?25h"),
        }
        return left + [name for name, (on, off) in pairs.items() if output.rfind(on) > output.rfind(off)]

    def cpu_share(self, seconds: float) -> float:
        """Share of a core that the program and its children use over a time."""
        family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]

        def used() -> float:
            return sum(sum(process.cpu_times()[:2]) for process in family if process.is_running())

        before, began = used(), time.monotonic()
        time.sleep(seconds)
        return (used() - before) / (time.monotonic() - began)

    def end(self) -> None:
        """Kill what still runs."""
        try:
            for process in [*psutil.Process(self.pid).children(recursive=True), psutil.Process(self.pid)]:
                process.kill()
        except psutil.NoSuchProcess:
            pass
        if self.poll() is None:
            self.wait(5)
        if not self.closed:
            self.close()
        self._state.cleanup()


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Open programs in pseudo-terminals; each is killed at the end of the test."""
    opened: list[Terminal] = []

    def open_terminal(*command: str, **options: object) -> Terminal:
        opened.append(Terminal(command, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.end()


@pytest.fixture
def python() -> str:
    """The interpreter that runs the tests."""
    return sys.executable
