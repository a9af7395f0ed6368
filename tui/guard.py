"""A small parent process that puts the terminal right if the lab dies without a chance to do so itself.

A process killed by SIGKILL or a fault in native code leaves the terminal in raw mode, on the alternate screen, with
the mouse reporting. The guard forks before anything heavy is imported, waits, passes signals on, and restores.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .hints import command

#: Mouse, focus and paste reports off, keyboard protocol back, line wrap on, main screen, cursor shown, colours reset.
RESTORE = (
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[<u"
    "\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m"
)

_PASSED_ON = (
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTSTP,
    signal.SIGWINCH,
)


def guarded(program: Callable[[], int], runs_dir: Path = Path("runs")) -> int:
    """Run a full-screen program in a child process and return its exit code (128 + n if signal n killed it).

    The child is a process group of its own, which holds the terminal. So every signal comes once: the terminal's go to
    the child alone; what is sent to this process, or to the group that the shell knows, is passed on.
    """
    before = termios.tcgetattr(0)
    sys.stdout.flush()
    sys.stderr.flush()
    group = os.getpgrp()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        _hand_terminal(group, os.getpid())
        return program()
    with suppress(OSError):  # whoever comes first does it; the child may be gone already
        os.setpgid(child, child)
    for number in _PASSED_ON:
        signal.signal(number, lambda received, _frame: _send(child, received))
    status = _ended(child, group)
    _hand_terminal(child, group)
    if os.WIFSIGNALED(status) or _changed(
        before
    ):  # a second Ctrl-C leaves at once, whatever the screen is like
        _restore(before)
    if os.WIFSIGNALED(status):
        killer = os.WTERMSIG(status)
        os.write(2, f"ladera was killed by signal {killer} ({signal.strsignal(killer)}); "
                    f"`{command(runs_dir, 'runs')}` lists what can be resumed\n".encode(errors="replace"))  # fmt: skip
        return 128 + killer
    return os.WEXITSTATUS(status)


def _ended(child: int, group: int) -> int:
    """Wait for the child's end and return its status; meanwhile stop and wake together with it."""
    while True:
        try:
            _, status = os.waitpid(child, os.WUNTRACED)
        except ChildProcessError:  # SIGCHLD is ignored, and with it how the child ended
            return 1 << 8
        if not os.WIFSTOPPED(status):
            return status
        _hand_terminal(child, group)
        passing_on = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        # The whole group that the shell waits for. An orphaned group, which no shell could wake, does not stop.
        os.kill(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, passing_on)
        _hand_terminal(group, child)
        time.sleep(0.05)  # a child that the terminal stops again at once must not keep a processor busy
        _send(child, signal.SIGCONT)


def _hand_terminal(giver: int, taker: int) -> None:
    """Make one process group the terminal's foreground if another is that now."""
    # A background process that does not ignore the signal is stopped for this.
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    with suppress(OSError):
        if os.tcgetpgrp(0) == giver:
            os.tcsetpgrp(0, taker)
    signal.signal(signal.SIGTTOU, before)


def _send(child: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, number)


def _changed(before: list[Any]) -> bool:
    try:
        return termios.tcgetattr(0) != before
    except (OSError, termios.error):
        return False


def _restore(before: list[Any]) -> None:
    with suppress(OSError, termios.error):
        # Output that the dead program left queued would be drawn after the restoring sequences.
        termios.tcflush(0, termios.TCIOFLUSH)
        os.write(2, RESTORE.encode())
        termios.tcsetattr(0, termios.TCSANOW, before)
