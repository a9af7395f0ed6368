"""What keeping a run costs the training: the same experiment with and without a run directory, in turn.

    python benchmarks/recording.py [EPOCHS] [ROUNDS]

Prints the processor time of the whole process, which other programs disturb less than the clock, and the wall time.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ladera.engine import Experiment, run
from ladera.engine.controls import Controls
from ladera.engine.events import Event
from ladera.engine.store.recorder import Recorder


def main() -> None:
    """Run in turn, print the medians."""
    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    experiment = Experiment.model_validate(
        {
            "data": {"name": "digits"},
            "training": {"epochs": epochs, "device": "cpu", "threads": 1},
            "stopping": {"enabled": False},
        }
    )
    with tempfile.TemporaryDirectory() as place:

        def alone() -> Iterator[Event]:
            return run(experiment)

        def recorded() -> Iterator[Event]:
            controls = Controls()
            recorder = Recorder(Path(place), "digits", controls)
            return recorder.record(run(experiment, controls, keeper=recorder))

        seconds: dict[str, list[tuple[float, float]]] = {"alone": [], "recorded": []}
        for number in range(rounds + 1):
            for name, start in (("alone", alone), ("recorded", recorded)):
                cpu, wall = time.process_time(), time.perf_counter()
                for _ in start():
                    pass
                if number:  # the first round pays for imports
                    seconds[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    for kind, what in enumerate(("processor", "wall")):
        one, other = (
            statistics.median(pair[kind] for pair in seconds[name]) for name in ("alone", "recorded")
        )
        ratios = [b[kind] / a[kind] for a, b in zip(seconds["alone"], seconds["recorded"], strict=True)]
        print(
            f"{what:9}  alone {one:6.3f} s   recorded {other:6.3f} s   median of the ratios {statistics.median(ratios):.3f}"
        )


if __name__ == "__main__":
    main()
