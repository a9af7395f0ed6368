"""The long proofs of docs/reliability.md about terminals and signals: dropped, stalled and resized a hundred times.

    make soak TESTS="tests/terminal/test_terminal_proofs.py -s"

prints the figures that stand in benchmarks/README.md; LADERA_ROUNDS sets the rounds.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = [pytest.mark.soak, pytest.mark.terminal]

ROUNDS = int(os.environ.get("LADERA_ROUNDS", "100"))

#: About two seconds of training that saves five times a second.
SHORT = """
extends = "digits"
[training]
epochs = 250
checkpoint_every = 0.2
[stopping]
enabled = false
"""

#: Steps of a millisecond and epochs of a second, so that what a run remembers hardly grows in a minute.
LONG = """
extends = "digits"
[model]
hidden = [1024, 1024]
[training]
epochs = 100000
batch_size = 1
[stopping]
enabled = false
"""


class Bench:
    """A folder with runs of one experiment; `it-0001` is the one that nothing disturbed."""

    def __init__(self, folder: Path, python: str, terminal: Callable[..., Any], text: str) -> None:
        self.folder, self.python, self._terminal = folder, python, terminal
        (folder / "it.toml").write_text(text)

    def ladera(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, "-m", "ladera.tui", *arguments],
            cwd=self.folder, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    @property
    def newest(self) -> Path:
        return max((self.folder / "runs").iterdir())

    def status(self) -> dict[str, Any]:
        try:
            return json.loads((self.newest / "status.json").read_text())
        except (OSError, ValueError):
            return {}

    def lab(self) -> Any:
        """Open the lab on the newest run's experiment and train it."""
        before = self.newest
        window = self._terminal(self.python, "-m", "ladera.tui", cwd=self.folder)
        window.wait_for("press r")
        window.send("r")
        self._until(lambda: self.newest != before and self.status().get("step"))
        return window

    def headless(self) -> Any:
        before = self.newest
        window = self._terminal(self.python, "-m", "ladera.tui", "run", "it.toml", cwd=self.folder)
        self._until(lambda: self.newest != before and self.status().get("step"))
        return window

    @staticmethod
    def _until(condition: Callable[[], object], seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.01)

    def final(self, directory: Path | None = None) -> bytes:
        return ((directory or self.newest) / "final.safetensors").read_bytes()

    def first(self) -> bytes:
        """The weights of the undisturbed run."""
        return self.final(self.folder / "runs" / "it-0001")


@pytest.fixture
def short(tmp_path: Path, python: str, terminal: Callable[..., Any]) -> Bench:
    bench = Bench(tmp_path, python, terminal, SHORT)
    assert bench.ladera("run", "it.toml", "--quiet").returncode == 0
    return bench


def weights(data: bytes) -> bytes:
    """What is behind the header of a safetensors file: the header names the run's time."""
    return data[8 + int.from_bytes(data[:8], "little") :]


def test_a_hundred_terminals_drop_and_every_run_ends_as_if_none_had(short: Bench) -> None:
    rng, equal = random.Random(0), 0
    for _ in range(ROUNDS):
        window = short.lab()
        time.sleep(rng.uniform(0, 1.5))
        window.close()
        assert window.wait() == 0
        assert short.status()["state"] == "finished"
        equal += weights(short.final()) == weights(short.first())
        window.end()
    print(f"\nterminal drops: {equal} of {ROUNDS} runs end with the weights of the undisturbed run")
    assert equal == ROUNDS


def test_a_lost_terminal_costs_nothing(short: Bench) -> None:
    window = short.lab()
    window.send("p")
    window.wait_for("paused")
    window.close()
    time.sleep(1.0)
    share = window.cpu_share(10.0)
    print(f"\nafter the drop, paused: {share:.2%} of a core")
    assert share < 0.02
    (short.newest / "STOP").touch()
    assert window.wait() == 0


@pytest.mark.parametrize("way", ["lab", "headless"])
def test_how_long_sigterm_takes(short: Bench, way: str) -> None:
    rng, times = random.Random(1), []
    for _ in range(ROUNDS):
        window = getattr(short, way)()
        time.sleep(rng.uniform(0, 0.8))
        began = time.monotonic()
        window.signal(signal.SIGTERM)
        code = window.wait()
        times.append(time.monotonic() - began - 0.1)  # `wait` sleeps so long after the end
        # One that came to its end by itself leaves with 0, or is killed while the interpreter takes itself down.
        assert code == 143 or (code in (0, -signal.SIGTERM) and short.status()["state"] == "finished")
        window.end()
    times.sort()
    p50, p99 = statistics.median(times), times[min(len(times) - 1, round(0.99 * len(times)))]
    print(f"\nSIGTERM to exit, {way}, {ROUNDS} rounds: p50 {p50:.2f} s, p99 {p99:.2f} s")
    assert p99 < 5


#: Each signal with the exit code it leads to; None: training goes on to its end.
SIGNALS = {"SIGINT": 130, "SIGTERM": 143, "SIGUSR1": None, "SIGHUP": None}


@pytest.mark.parametrize("way", ["lab", "headless"])
@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("phase", ["step", "validation", "save", "stalled"])
def test_each_signal_in_each_phase(
    tmp_path: Path, python: str, terminal: Callable[..., Any], way: str, name: str, phase: str
) -> None:
    # What a run spends nearly all of its time with is where a signal finds it.
    changes = {
        "step": "[training]\nepochs = 40\nbatch_size = 1\n",
        "validation": "[training]\nepochs = 400\nbatch_size = 1078\n",
        "save": "[training]\nepochs = 120\ncheckpoint_every = 0.001\n",
        "stalled": "[training]\nepochs = 250\n",
    }
    bench = Bench(
        tmp_path, python, terminal, f'extends = "digits"\n{changes[phase]}[stopping]\nenabled = false\n'
    )
    assert bench.ladera("run", "it.toml", "--quiet").returncode == 0
    window = getattr(bench, way)()
    if phase == "stalled":
        window.stall()
        time.sleep(0.5)
    window.signal(getattr(signal, name))
    if phase == "stalled" and SIGNALS[name] is None:
        time.sleep(1.0)
        window.read_again()
    if SIGNALS[name] is None and way == "lab" and name == "SIGUSR1":
        bench._until(lambda: bench.status().get("state") == "finished", 120)
        window.send("q")
    code = window.wait(120)
    assert code in (SIGNALS[name] or 0, 0)
    if phase != "stalled":
        assert window.restored() == []
    if code:
        assert bench.status()["state"] == "stopped"
        assert bench.ladera("resume", bench.newest.name, "--quiet").returncode == 0
    assert bench.status()["state"] == "finished"
    assert weights(bench.final()) == weights(bench.first())


def test_five_hundred_sizes(short: Bench) -> None:
    rng, window = random.Random(2), short.lab()
    for _ in range(500):
        window.resize(rng.randint(1, 300), rng.randint(1, 100))
        time.sleep(rng.uniform(0, 0.02))
    window.resize(120, 40)
    window.wait_for(lambda text: "finished" in text and "? Help" in text)
    window.send("q")
    assert window.wait() == 0
    assert window.restored() == []
    assert weights(short.final()) == weights(short.first())


def test_a_stalled_terminal_takes_neither_speed_nor_memory(
    tmp_path: Path, python: str, terminal: Callable[..., Any]
) -> None:
    bench = Bench(tmp_path, python, terminal, LONG)
    bench._terminal = terminal
    (tmp_path / "runs").mkdir()
    window = terminal(python, "-m", "ladera.tui", "run", "it.toml", "--quiet", cwd=tmp_path)
    time.sleep(3.0)
    window.signal(signal.SIGTERM)
    window.wait()
    window = bench.lab()
    (child,) = psutil.Process(window.pid).children()

    def speed(seconds: float) -> float:
        before, began = bench.status()["step"], bench.status()["heartbeat"]
        time.sleep(seconds)
        after = bench.status()
        return (after["step"] - before) / (after["heartbeat"] - began)

    speed(10.0)
    ratios = []
    memory = child.memory_info().rss
    for _ in range(3):
        reading = speed(20.0)
        window.stall()
        time.sleep(1.0)
        ratios.append(speed(20.0) / reading)
        window.read_again()
        time.sleep(2.0)
    window.stall()
    before = child.memory_info().rss
    time.sleep(60.0)
    grown = child.memory_info().rss - before
    print(
        f"\nstalled: {statistics.median(ratios):.3f} of the speed (rounds {', '.join(f'{r:.3f}' for r in ratios)}); "
        f"{grown / 2**20:.1f} MiB more after 60 s stalled; {(before - memory) / 2**20:.1f} MiB in the minutes before"
    )
    window.read_again()
    assert grown < 10 * 2**20
    assert statistics.median(ratios) > 0.98
    window.signal(signal.SIGTERM)
    assert window.wait() == 143
