"""How long a person waits: `ladera --help`, listing presets and runs, and the first frame of the lab.

    python benchmarks/startup.py [--rounds 9]

Each is a fresh process; medians after one that warms the disk cache and writes the bytecode. The first frame is the time from the start of the
program in a pseudo-terminal of 120x40 until the screen it drew holds text in more than ten rows.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import pyte

LADERA = Path(sys.executable).with_name("ladera")
COLUMNS, LINES = 120, 40
_LONGEST = 30.0
#: Bytecode is kept, as it is on the machine of a user.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def command(*arguments: str) -> float:
    """Seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run([str(LADERA), *arguments], capture_output=True, check=True, env=ENVIRONMENT)
    return time.perf_counter() - began


def first_frame(folder: str) -> float:
    """Seconds until the lab shows its first frame."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    began = time.perf_counter()
    child, master = pty.fork()
    if child == 0:
        environment = ENVIRONMENT | {
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LADERA_RUNS": folder,
        }
        os.execve(LADERA, [str(LADERA)], environment)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    try:
        while time.perf_counter() - began < _LONGEST:
            if select.select([master], [], [], 0.01)[0]:
                stream.feed(os.read(master, 65536))
                if sum(bool(row.strip()) for row in screen.display) > 10:
                    return time.perf_counter() - began
        raise SystemExit("the lab drew nothing:\n" + "\n".join(screen.display))
    finally:
        os.kill(child, signal.SIGTERM)
        _reap(child, master)


def _reap(child: int, master: int) -> None:
    until = time.perf_counter() + 5
    while time.perf_counter() < until:
        if select.select([master], [], [], 0.05)[0]:
            with contextlib.suppress(OSError):
                os.read(master, 65536)
        if os.waitpid(child, os.WNOHANG)[0]:
            break
    else:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    os.close(master)


def main() -> None:
    """Print the medians in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        measures = {
            "ladera --help": lambda: command("--help"),
            "ladera presets list": lambda: command("presets", "list"),
            "ladera runs": lambda: command("runs", "--runs-dir", folder),
            "first frame of the lab": lambda: first_frame(folder),
        }
        for name, measure in measures.items():
            measure()
            times = sorted(measure() for _ in range(rounds))
            print(
                f"{name:<24}{1000 * statistics.median(times):6.0f} ms  ({1000 * times[0]:.0f} to {1000 * times[-1]:.0f})"
            )


if __name__ == "__main__":
    main()
