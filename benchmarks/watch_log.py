"""How fast, and in how much memory, the curve of a run of ten million logged steps is there: `ladera watch` of a long run.

    python benchmarks/watch_log.py [STEPS]

Writes a log of STEPS reports (10 million: 1.2 GB) as the recorder does, and reads it in a fresh process: with the index
that the recorder leaves, and after the index was lost. Prints seconds and peak memory.
"""

from __future__ import annotations

import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ladera.engine.event_lines import to_line
from ladera.engine.events import EpochEnded, RunStarted
from ladera.engine.store import index, log
from ladera.engine.store.log_writer import LogWriter

READ = """
import resource, sys, time
began = time.perf_counter()
from pathlib import Path
from ladera.engine.store.load import load_history
imported = time.perf_counter()
history = load_history(Path(sys.argv[1]))
chart = history.steps.envelope(columns=400)
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{seconds:7.2f} s   {peak:6.0f} MB   {history.step:,} steps, {len(history.steps):,} points, {history.epoch} epochs")
"""


def generate(directory: Path, steps: int) -> None:
    """Write the log of a run with an epoch every thousand reports."""
    draw = random.Random(0)
    writer = LogWriter(directory / log.NAME)
    writer.open()
    writer.append(
        to_line(
            RunStarted(
                experiment={"training": {"epochs": steps // 1000}, "stopping": {"monitor": "loss"}},
                parameters=1, task="multiclass", sizes={"train": 1000, "validation": 1, "test": 1}, steps_per_epoch=1000,
            )
        )
    )  # fmt: skip
    for step in range(1, steps + 1):
        epoch, time_, loss = (step - 1) // 1000 + 1, step * 0.05, 1 / math.sqrt(step) + 0.1 * draw.random()
        row = (step, loss, loss * 0.9, loss * 1.1)
        # The line as to_line writes it: a third of the time.
        writer.append(
            f'{{"event":"steps_ended","time":{time_:.6g},"epoch":{epoch},"step":{step},"loss":{loss!r},"low":{row[2]!r},"high":{row[3]!r}}}',
            row,
        )
        if step % 1000 == 0:
            train = {
                "loss": loss,
                "metrics": {"accuracy": draw.random()},
                "penalty": 0.0,
                "batches": {"mean": loss, "low": loss, "high": loss},
            }
            writer.append(
                to_line(
                    EpochEnded(
                        time=time_, epoch=epoch, step=step, train=train, validation={"loss": loss, "metrics": {"accuracy": draw.random()}},
                        lr=0.01, seconds=1.0, examples_per_second=1000.0,
                    )
                )
            )  # fmt: skip
            writer.flush()
    writer.sync()
    writer.close()


def main() -> None:
    """Generate, read twice, print."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        began = time.perf_counter()
        generate(directory, steps)
        size, beside = (directory / log.NAME).stat().st_size, (directory / index.NAME).stat().st_size
        print(
            f"{steps:,} reports: log {size / 1e6:.0f} MB, index {beside / 1e6:.0f} MB, written in {time.perf_counter() - began:.0f} s"
        )
        for what in ("first", "again", "again"):
            print(f"with the index, {what:5}  ", end="", flush=True)
            subprocess.run([sys.executable, "-c", READ, str(directory)], check=True)
        (directory / index.NAME).unlink()
        print("without an index      ", end="", flush=True)
        subprocess.run([sys.executable, "-c", READ, str(directory)], check=True)


if __name__ == "__main__":
    main()
