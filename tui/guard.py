"""A small parent process that puts the terminal right if the lab dies without a chance to do so itself.

A process killed by SIGKILL or a fault in native code leaves the terminal in raw mode, on the alternate screen, with
the mouse reporting. The guard forks before anything heavy is imported, waits, passes signals on, and restores.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any

#: Mouse, focus and paste reports off, keyboard protocol back, line wrap on, main screen, cursor shown, colours reset.
RESTORE = (
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[<u"
    "\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m"
)

_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT, signal.SIGWINCH)


def guarded(program: Callable[[], int]) -> int:
    """Run a full-screen program in a child process and return its exit code (128 + n if signal n killed it)."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return program()
    before = termios.tcgetattr(0)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        return program()
    # The terminal signals parent and child alike, and the child takes the second one as an echo; a signal sent to the
    # parent's process number alone must not get lost.
    for number in _PASSED_ON:
        signal.signal(number, lambda received, _frame: _send(child, received))
    while True:
        try:
            _, status = os.waitpid(child, os.WUNTRACED)
        except InterruptedError:
            continue
        except ChildProcessError:
            return 1
        if os.WIFSTOPPED(status):
            # Suspended by Ctrl-Z: the shell waits for this process, so it must stop and wake together with the child.
            os.kill(os.getpid(), signal.SIGSTOP)
            _send(child, signal.SIGCONT)
            continue
        if os.WIFSIGNALED(status):
            _restore(before)
            killer = os.WTERMSIG(status)
            os.write(2, f"ladera was killed by signal {killer} ({signal.strsignal(killer)}); "
                        "`ladera runs` lists what can be resumed\n".encode())  # fmt: skip
            return 128 + killer
        return os.WEXITSTATUS(status)


def _send(child: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, number)


def _restore(before: list[Any]) -> None:
    with suppress(OSError, termios.error):
        # Output that the dead program left queued would be drawn after the restoring sequences.
        termios.tcflush(0, termios.TCIOFLUSH)
        os.write(2, RESTORE.encode())
        termios.tcsetattr(0, termios.TCSANOW, before)
