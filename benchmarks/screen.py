"""What the lab's screen costs: training speed, bytes to the terminal and key latency, in a pseudo-terminal of 120x40.

Each preset is trained headless and with the lab open, in turn, the other one first in every second round; printed are
the median over the rounds of the ratio of the two speeds within a round (a machine's speed changes from minute to minute),
the ratio of the fastest of all rounds (what disturbs a machine only slows), and the time from a key to the page that it
opens, from `?` to the first line of the help. Run it on a quiet machine:
`python benchmarks/screen.py [rounds]`.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import numpy as np

LADERA = [sys.executable, "-m", "ladera.tui"]

DIGITS = """
data = "digits"
[training]
epochs = 3000
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
epochs = 12
batch_size = 128
checkpoint_every = 0
threads = {threads}
[stopping]
enabled = false
"""


class Screen:
    """The lab in a pseudo-terminal that is always read, as a fast terminal does."""

    def __init__(self, folder: Path, runs: Path) -> None:
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LADERA_RUNS": str(runs)}
            os.execv(LADERA[0], LADERA)
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


def ended(directory: Path) -> dict[str, float] | None:
    """Return the run's last record once it is there."""
    try:
        last = (directory / "events.jsonl").read_text().splitlines()[-1]
        return record if (record := json.loads(last))["event"] == "run_ended" else None
    except (OSError, ValueError, IndexError):
        return None


def headless(folder: Path, preset: Path) -> float:
    """Train without a screen and return the seconds of training."""
    subprocess.run(
        [*LADERA, "run", str(preset), "--quiet"], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    newest = max((folder / "runs").iterdir(), key=lambda path: path.name)
    record = ended(newest)
    assert record is not None
    return record["seconds"]


def with_screen(folder: Path) -> tuple[float, float]:
    """Train the same in the lab: seconds of training, bytes per second while training."""
    before = set((folder / "runs").iterdir())
    screen = Screen(folder, folder / "runs")
    screen.pump(2.0)
    screen.send("r")
    while not (new := set((folder / "runs").iterdir()) - before):
        screen.pump(0.05)
    directory = new.pop()
    screen.pump(1.0)
    began, written = time.perf_counter(), screen.read
    while (record := ended(directory)) is None:
        screen.pump(0.3)
    rate = (screen.read - written) / (time.perf_counter() - began)
    screen.pump(0.5)
    screen.send("q")
    screen.pump(1.0)
    os.waitpid(screen.pid, 0)
    return record["seconds"], rate


def key_latencies(folder: Path, presses: int = 60) -> list[float]:
    """Seconds from a key to its visible effect (the help page opens) while training."""
    before = set((folder / "runs").iterdir())
    screen = Screen(folder, folder / "runs")
    screen.pump(2.0)
    screen.send("r")
    while not set((folder / "runs").iterdir()) - before:
        screen.pump(0.05)
    screen.pump(1.0)
    latencies: list[float] = []
    for _ in range(presses):
        screen.tail = b""
        screen.send("?")
        latencies.append(screen.wait_for(b"Escape"))
        screen.send("\x1b")
        screen.pump(0.25)
    screen.send("q")
    screen.pump(1.0)
    os.kill(screen.pid, 15)
    os.waitpid(screen.pid, 0)
    return sorted(latencies)


def quiet_screen(folder: Path) -> float:
    """Bytes per second that the lab writes while nothing happens."""
    screen = Screen(folder, folder / "runs")
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
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        rng = np.random.default_rng(0)
        x = rng.normal(size=(12_800, 784)).astype(np.float32)
        presets = {"digits, 1 thread": DIGITS, "mlp 784-512-256-10, 1 thread": LARGER.format(threads=1)}
        if cores > 1:
            presets[f"mlp 784-512-256-10, {cores} threads"] = LARGER.format(threads=cores)
        for title, text in presets.items():
            folder = base / str(len(list(base.iterdir())))
            folder.mkdir()
            np.savez(folder / "larger.npz", x=x, y=rng.integers(0, 10, len(x)))
            preset = folder / "it.toml"
            preset.write_text(text)
            headless(folder, preset)  # warms the caches; the lab goes on from the newest run
            alone, shown, rates = [], [], []
            for number in range(rounds):
                if number % 2:
                    alone.append(headless(folder, preset))
                seconds, rate = with_screen(folder)
                if not number % 2:
                    alone.append(headless(folder, preset))
                shown.append(seconds)
                rates.append(rate)
            ratios = [without / along for without, along in zip(alone, shown, strict=True)]
            keys = key_latencies(folder)
            print(
                f"{title}: {statistics.median(ratios):.3f} of headless speed in the median round, "
                f"{min(alone) / min(shown):.3f} by the fastest (headless {', '.join(f'{t:.1f}' for t in alone)} s, "
                f"lab {', '.join(f'{t:.1f}' for t in shown)} s); {statistics.median(rates) / 1000:.1f} kB/s; key to effect "
                f"p50 {1000 * statistics.median(keys):.0f} ms, p95 {1000 * keys[int(0.95 * len(keys))]:.0f} ms",
                flush=True,
            )
        print(f"idle screen: {quiet_screen(folder):.0f} bytes/s")


if __name__ == "__main__":
    main()
