"""What the lab's screen takes from training, within one process: how much longer epochs are that its thread works in.

    python benchmarks/screen_share.py [seconds]

The lab trains digits in a pseudo-terminal of 120x40. Every turn of the event loop and every epoch is timed; an epoch is touched
if the loop had a turn in it or in the one before. Lost is what touched epochs take more than the untouched ones around them, as
a share of all the time. Two processes differ by some percent in speed for as long as they live (see screen.py); this does not.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import screen

#: Epochs to each side whose untouched ones are compared with.
NEAR = 150
#: Seconds of an event loop's turn from which on it counts as a frame.
FRAME = 0.005


def lab(times: Path) -> None:
    """Be the lab, and write the ends of epochs and the turns of the event loop to a file, every few seconds."""
    from ladera.engine.loop import _Loop
    from ladera.tui.__main__ import main

    epochs: list[float] = []
    turns: list[tuple[float, float]] = []
    end_epoch, turn = _Loop._end_epoch, asyncio.events.Handle._run

    def timed_epoch(self: _Loop) -> Iterator[Any]:
        yield from end_epoch(self)
        epochs.append(time.perf_counter())

    def timed_turn(self: asyncio.events.Handle) -> None:
        began = time.perf_counter()
        turn(self)
        turns.append((began, time.perf_counter()))
        if len(turns) == 1:
            threading.Thread(target=write, daemon=True).start()

    def write() -> None:
        while True:
            time.sleep(5)
            part = times.with_suffix(".part")
            part.write_text(json.dumps([epochs[:], turns[:]]))
            part.replace(times)

    _Loop._end_epoch = timed_epoch
    asyncio.events.Handle._run = timed_turn
    main()


def shares(epochs: np.ndarray, turns: np.ndarray) -> dict[str, float]:
    """Return shares of the time: worked by the screen's thread, and lost to frames and to shorter turns."""
    epochs = epochs[epochs > epochs[0] + screen.SETTLING]
    begin, end, length = epochs[:-1], epochs[1:], np.diff(epochs)
    longest, worked = np.zeros(len(length)), 0.0
    for began, ended in turns[(turns[:, 1] > epochs[0]) & (turns[:, 0] < epochs[-1])]:
        touched = slice(int(np.searchsorted(end, began)), int(np.searchsorted(begin, ended)) + 1)
        longest[touched] = np.maximum(longest[touched], ended - began)
        worked += ended - began
    untouched = longest == 0
    lost = np.zeros(len(length))
    for place in np.flatnonzero(~untouched):
        near = slice(max(0, place - NEAR), place + NEAR)
        lost[place] = length[place] - length[near][untouched[near]].mean()
    total = length.sum()
    frames = longest >= FRAME
    return {
        "worked": worked / total,
        "lost to frames": lost[frames].sum() / total,
        "lost to the rest": lost[~frames].sum() / total,
        "speed": 1 - lost.sum() / total,
    }


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "runs").mkdir()
        (folder / "it.toml").write_text(screen.DIGITS)
        screen.LADERA = [sys.executable, __file__, "--lab", str(folder / "times.json")]
        shown = screen.Screen(folder)
        shown.pump(2.0)
        shown.send("r")
        shown.pump(seconds)
        screen.send_all(screen.family(shown.pid), signal.SIGKILL)
        os.waitpid(shown.pid, 0)
        epochs, turns = (np.array(one) for one in json.loads((folder / "times.json").read_text()))
        print(", ".join(f"{what} {share:.4f}" for what, share in shares(epochs, turns).items()))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--lab"]:
        file = Path(sys.argv[2])
        sys.argv[:] = ["ladera", *sys.argv[3:]]
        lab(file)
    else:
        main()
