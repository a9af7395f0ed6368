"""How long `ladera runs` takes over many run directories: five thousand within a second is the aim.

python benchmarks/list_runs.py [RUNS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from ladera.engine.store.listing import list_runs
from ladera.engine.store.process import this_process
from ladera.engine.store.status import Status, write_status


def main() -> None:
    """Make the directories, list them three times in this process, print."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for run in range(number):
            directory = root / f"run-{run:04d}"
            directory.mkdir()
            measured = {"loss": 0.1, "metrics": {"accuracy": 0.9}}
            status = Status(
                state=("training", "finished", "diverged")[run % 3], process=this_process().plain(), heartbeat=time.time(),
                progressed=time.time(), started=time.time() - run, epochs=100, epoch=run % 100, train=measured, validation=measured,
            )  # fmt: skip
            write_status(directory, status, durable=False)
        for attempt in ("first", "again", "again"):
            began = time.perf_counter()
            found = len(list_runs(root))
            print(f"{attempt}: {found} runs in {time.perf_counter() - began:.3f} s")


if __name__ == "__main__":
    main()
