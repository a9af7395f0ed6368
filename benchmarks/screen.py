"""What the lab's screen costs: training speed, bytes to the terminal and key latency, in a pseudo-terminal of 120x40.

A headless run and the same run in the lab are both under way, and take turns: one is stopped (SIGSTOP) while the other
trains for some seconds, so that both meet the machine in the same state, whose speed changes from minute to minute. The ratio
is that of their mean epochs, without those of the half second after each stop, in which the lab paints its whole screen
anew, and those that a stop falls into. Two processes that do the same differ by some percent, so that several pairs are
measured. The latency is from `?` to the first line of the help that it opens. Run it on a quiet machine:
`python benchmarks/screen.py [pairs] [what]`, of all presets or of those with `what` in their names.
"""

from __future__ import annotations

import fcntl
import json
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
from collections.abc import Callable
from pathlib import Path

import numpy as np

LADERA = [sys.executable, "-m", "ladera.tui"]

DIGITS = """
data = "digits"
[training]
epochs = 1000000
checkpoint_every = 0
[stopping]
enabled = false
"""

LARGER = """
[data]
path = "larger.npz"
task = "multiclass"
[model]
kind = "mlp"
hidden = [512, 256]
[loss]
kind = "cce"
[training]
epochs = 1000000
batch_size = 128
checkpoint_every = 0
threads = {threads}
[stopping]
enabled = false
"""


#: Seconds until a run is past its first frames, and past what follows a stop; of a turn; and how many turns each has.
SETTLING, AWAKE, TURN, TURNS = 5.0, 0.5, 3.0, 8


class Screen:
    """The lab in a pseudo-terminal that is always read, as a fast terminal does."""

    def __init__(self, folder: Path) -> None:
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ |= {
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "LADERA_RUNS": str(folder / "runs"),
            }
            os.execv(LADERA[0], [*LADERA, "lab", "it.toml"])
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.read = 0
        self.tail = b""

    def pump(self, seconds: float) -> None:
        """Read for a time."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            if select.select([self.master], [], [], left)[0]:
                try:
                    data = os.read(self.master, 1 << 16)
                except OSError:
                    return
                self.read += len(data)
                self.tail = (self.tail + data)[-20_000:]

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def wait_for(self, text: bytes, seconds: float = 60.0) -> float:
        """Read until a text arrives and return the seconds it took."""
        began = time.perf_counter()
        while text not in self.tail and time.perf_counter() - began < seconds:
            self.pump(0.001)
        return time.perf_counter() - began


def epochs(directory: Path) -> list[float]:
    """Return the seconds of every epoch so far."""
    lines = (directory / "events.jsonl").read_text().split("\n")[:-1]
    return [record["seconds"] for record in map(json.loads, lines) if record["event"] == "epoch_ended"]


def family(pid: int) -> list[int]:
    """Return a process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def send_all(processes: list[int], number: signal.Signals) -> None:
    """Send a signal to each."""
    for process in processes:
        os.kill(process, number)


def begun(folder: Path, before: set[Path]) -> Path:
    """Wait for the directory of a run that starts."""
    while not (new := set((folder / "runs").iterdir()) - before):
        time.sleep(0.02)
    return new.pop()


def turn(processes: list[int], log: Path, wait: Callable[[float], None]) -> list[float]:
    """Let processes go on for a turn, and return the seconds of its epochs."""
    send_all(processes, signal.SIGCONT)
    wait(AWAKE)
    before = len(epochs(log))
    wait(TURN)
    return epochs(log)[before:]


def take_turns(folder: Path) -> tuple[float, float]:
    """Return the lab's training speed / that of a headless run, and the bytes per second that the lab writes."""
    runs = folder / "runs"
    before = set(runs.iterdir())
    alone = subprocess.Popen([*LADERA, "run", "it.toml", "--quiet"], cwd=folder, stdout=subprocess.DEVNULL)
    log_alone = begun(folder, before)
    time.sleep(SETTLING)
    send_all([alone.pid], signal.SIGSTOP)
    screen = Screen(folder)
    screen.pump(2.0)
    screen.send("r")
    log_shown = begun(folder, before | {log_alone})
    screen.pump(SETTLING)
    written, began = screen.read, time.perf_counter()
    screen.pump(SETTLING)
    rate = (screen.read - written) / (time.perf_counter() - began)
    shown = family(screen.pid)
    seconds: tuple[list[float], list[float]] = [], []
    for _ in range(TURNS):
        send_all(shown, signal.SIGSTOP)
        seconds[0].extend(turn([alone.pid], log_alone, time.sleep))
        send_all([alone.pid], signal.SIGSTOP)
        seconds[1].extend(turn(shown, log_shown, screen.pump))
    means = [statistics.mean(one for one in those if one < TURN / 2) for those in seconds]
    send_all([alone.pid, *shown], signal.SIGKILL)
    alone.wait()
    os.waitpid(screen.pid, 0)
    return means[0] / means[1], rate


def key_latencies(folder: Path, presses: int = 60) -> list[float]:
    """Seconds from a key to its visible effect (the help page opens) while training."""
    before = set((folder / "runs").iterdir())
    screen = Screen(folder)
    screen.pump(2.0)
    screen.send("r")
    begun(folder, before)
    screen.pump(1.0)
    latencies: list[float] = []
    for _ in range(presses):
        screen.tail = b""
        screen.send("?")
        latencies.append(screen.wait_for(b"Escape"))
        screen.send("\x1b")
        screen.pump(0.25)
    send_all(family(screen.pid), signal.SIGKILL)
    os.waitpid(screen.pid, 0)
    return sorted(latencies)


def quiet_screen(folder: Path) -> float:
    """Bytes per second that the lab writes while nothing happens."""
    screen = Screen(folder)
    screen.pump(3.0)
    before = screen.read
    screen.pump(3.0)
    idle = (screen.read - before) / 3
    screen.send("q")
    screen.pump(1.0)
    os.waitpid(screen.pid, 0)
    return idle


def main() -> None:
    """Measure and print."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        rng = np.random.default_rng(0)
        x = rng.normal(size=(12_800, 784)).astype(np.float32)
        presets = {"digits, 1 thread": DIGITS, "mlp 784-512-256-10, 1 thread": LARGER.format(threads=1)}
        if cores > 1:
            presets[f"mlp 784-512-256-10, {cores} threads"] = LARGER.format(threads=cores)
        wanted = sys.argv[2] if len(sys.argv) > 2 else ""
        presets = {title: text for title, text in presets.items() if wanted in title}
        for title, text in presets.items():
            folder = base / str(len(list(base.iterdir())))
            (folder / "runs").mkdir(parents=True)
            np.savez(folder / "larger.npz", x=x, y=rng.integers(0, 10, len(x)))
            (folder / "it.toml").write_text(text)
            ratios, rates = [], []
            for _ in range(pairs):
                ratio, rate = take_turns(folder)
                print(f"{title}: {ratio:.3f}", flush=True)
                ratios.append(ratio)
                rates.append(rate)
            keys = key_latencies(folder)
            print(
                f"{title}: {statistics.median(ratios):.3f} of headless speed "
                f"({', '.join(f'{ratio:.3f}' for ratio in ratios)}); {statistics.median(rates) / 1000:.1f} kB/s; "
                f"key to page p50 {1000 * statistics.median(keys):.0f} ms, "
                f"p95 {1000 * keys[int(0.95 * len(keys))]:.0f} ms",
                flush=True,
            )
        print(f"idle screen: {quiet_screen(folder):.0f} bytes/s")


if __name__ == "__main__":
    main()
