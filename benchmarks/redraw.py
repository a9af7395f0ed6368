"""What drawing a chart costs when a run is long: a thousand and ten million points, in turn in one process.

    python benchmarks/redraw.py [--rounds 30]

Each round adds a point, asks for the loss chart of 120x40's size and draws it, as the lab does while training; batch
losses are shown, so that all points of the longest curve count. Printed are medians and their ratio.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from ladera.engine.events import EpochEnded, RunStarted, StepsEnded
from ladera.engine.history import History
from ladera.presets.catalog import load
from ladera.tui.charts import Chart
from ladera.tui.plots import loss_chart
from ladera.tui.run import Run
from ladera.tui.view import View

SHORT, LONG = 1_000, 10_000_000
WIDTH, HEIGHT = 84, 14
EPOCHS = 500
VIEW = View(axis="step", batches=True)


def run_of(points: int) -> Run:
    """A run of so many reported steps in five hundred epochs."""
    experiment = load("digits")
    run = Run(experiment, "digits", 0)
    history = run.history
    history.apply(
        RunStarted(
            experiment=experiment.plain(),
            parameters=1,
            task="multiclass",
            sizes={},
            steps_per_epoch=points // EPOCHS,
        )
    )
    rng, x = np.random.default_rng(0), np.arange(1, points + 1, dtype=np.float64)
    y = 2.0 / np.sqrt(x) + 0.05 * rng.random(points)
    history.steps.extend(x, y, y - 0.02, y + 0.02)
    each = points // EPOCHS
    epochs, at_ends = np.arange(1.0, EPOCHS + 1), y[each - 1 :: each]
    for curves, shift in ((history.train, 0.0), (history.validation, 0.1)):
        curves["loss"] = type(history.steps)()
        curves["loss"].extend(epochs, at_ends + shift)
    history.epoch_seconds.extend(epochs, np.full(len(epochs), 0.01))
    history.epoch_times.extend(epochs, 0.01 * epochs)
    history.epoch, history.step = len(epochs), points
    return run


def redraw(run: Run, chart: Chart) -> float:
    """Add a step and an epoch, and return the seconds that drawing took."""
    history: History = run.history
    assert history.started is not None
    step, epoch = history.step + history.started.steps_per_epoch, history.epoch + 1
    history.apply(StepsEnded(epoch=epoch, step=step, loss=0.1, low=0.05, high=0.2))
    part = {"loss": 0.1, "metrics": {}}
    history.apply(
        EpochEnded(
            time=0.01 * epoch, epoch=epoch, step=step, train=part, validation=part, lr=0.1, seconds=0.01,
            examples_per_second=1e5,
        )
    )  # fmt: skip
    began = time.perf_counter()
    chart.render(loss_chart(run, [run], VIEW, WIDTH, HEIGHT))
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    runs = {points: (run_of(points), Chart()) for points in (SHORT, LONG)}
    times: dict[int, list[float]] = {points: [] for points in runs}
    for number in range(rounds + 3):
        for points, (run, chart) in runs.items():
            seconds = redraw(run, chart)
            if number >= 3:  # what only the first ones cost is left out
                times[points].append(seconds)
    medians = {points: statistics.median(values) for points, values in times.items()}
    for points, values in times.items():
        print(
            f"{points:>10,} points: {1000 * medians[points]:5.2f} ms  "
            f"({1000 * min(values):.2f} to {1000 * max(values):.2f})"
        )
    print(f"ratio {medians[LONG] / medians[SHORT]:.2f}")


if __name__ == "__main__":
    main()
