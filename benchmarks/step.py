"""ladera's whole loop against a hand-written one: time per epoch on the digits MLP, in turn, in one process.

    python benchmarks/step.py [--rounds 7] [--epochs 60]

Both train the same rows in batches of 64 with Adam(0.001) on one thread, shuffle anew each epoch and validate at its
end (loss and accuracy). The hand-written loop is what a careful person writes without ladera: everything in memory, no
DataLoader, one gather an epoch and views of it, `Adam(fused=True)`, validation in inference_mode. ladera's is
`run(...)` drained: it also measures the training part anew each epoch, with all metrics, diagnoses, stops early (here
with a patience that never ends), keeps the best weights and, in the second column, writes the run directory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ladera.engine import Experiment, run
from ladera.engine.controls import Controls
from ladera.engine.store.recorder import Recorder
from ladera.engine.training import Training

BATCH = 64

#: Rows of the table: what is changed in the experiment.
ROWS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch norm": {"model": {"batch_norm": True}},
    "dropout 0.5": {"model": {"dropout": 0.5}},
    "L1 1e-4": {"regularization": {"l1": 1e-4}},
    "L2 1e-4": {"regularization": {"l2": 1e-4}},
}


def experiment(changes: dict[str, Any], epochs: int) -> Experiment:
    """The digits experiment with a row's changes, on one thread."""
    return Experiment.model_validate(
        {
            "data": {"name": "digits"},
            "model": {"hidden": [128, 64], **changes.get("model", {})},
            "regularization": changes.get("regularization", {}),
            "training": {"epochs": epochs, "batch_size": BATCH, "threads": 1, "device": "cpu"},
            "stopping": {"patience": epochs},
        }
    )


def hand_written(configured: Experiment) -> Iterator[None]:
    """Train by hand, one epoch a step of the iterator; the rows are those that ladera prepares."""
    data = Training(configured).data
    model, penalty = configured.model, configured.regularization
    layers: list[nn.Module] = [nn.Flatten()]
    width = data.train.x[0].numel()
    for hidden in model.hidden:  # type: ignore[union-attr]
        layers.append(nn.Linear(width, hidden))
        if model.batch_norm:  # type: ignore[union-attr]
            layers.append(nn.BatchNorm1d(hidden))
        layers.append(nn.ReLU())
        if model.dropout:  # type: ignore[union-attr]
            layers.append(nn.Dropout(model.dropout))  # type: ignore[union-attr]
        width = hidden
    network = nn.Sequential(*layers, nn.Linear(width, len(data.classes)))
    weights = [p for p in network.parameters() if p.dim() == 2]
    others = [p for p in network.parameters() if p.dim() != 2]
    groups = [{"params": weights, "weight_decay": 2 * penalty.l2}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.Adam(groups, lr=configured.optimizer.lr, fused=True)
    loss_of = nn.CrossEntropyLoss()
    x, y, held_x, held_y = data.train.x, data.train.y, data.validation.x, data.validation.y
    for _ in range(configured.training.epochs):
        network.train()
        order = torch.randperm(len(x))
        shuffled_x, shuffled_y = x[order], y[order]
        total = 0.0
        for start in range(0, len(x), BATCH):
            loss = loss_of(network(shuffled_x[start : start + BATCH]), shuffled_y[start : start + BATCH])
            if penalty.l1:
                loss = loss + penalty.l1 * sum(w.abs().sum() for w in weights)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.item()
        network.eval()
        with torch.inference_mode():
            output = network(held_x)
            loss_of(output, held_y).item()
            (output.argmax(1) == held_y).float().mean().item()
        yield


def drained(configured: Experiment) -> Iterator[None]:
    """ladera's loop without a run directory."""
    for event in run(configured):
        if event.name == "checked":
            yield


def recorded(configured: Experiment) -> Iterator[None]:
    """ladera's loop as `ladera run` makes it: every event written, the state and the best weights kept."""
    with tempfile.TemporaryDirectory() as folder:
        controls = Controls()
        recorder = Recorder(Path(folder), "bench", controls)
        for event in recorder.record(run(configured, controls, keeper=recorder)):
            if event.name == "checked":
                yield


def epoch_seconds(loop: Iterator[None]) -> list[float]:
    """Time each epoch but the first."""
    times = []
    last = None
    for _ in loop:
        now = time.perf_counter()
        if last is not None:
            times.append(now - last)
        last = now
    return times


def main() -> None:
    """Print a table of ratios to the hand-written loop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    loops: dict[str, Callable[[Experiment], Iterator[None]]] = {
        "by hand": hand_written,
        "run": drained,
        "with run directory": recorded,
    }
    print(
        f"torch {torch.__version__}, 1 thread, {options.rounds} rounds of {options.epochs} epochs; time / by hand, median epoch (mean epoch)"
    )
    print(f"{'':<14}{'by hand':>12}{'run':>18}{'with run directory':>22}")
    facts: dict[str, Any] = {}
    for name, changes in ROWS.items():
        configured = experiment(changes, options.epochs)
        median: dict[str, list[float]] = {key: [] for key in loops}
        mean: dict[str, list[float]] = {key: [] for key in loops}
        for _ in range(options.rounds):
            for key, loop in loops.items():
                times = epoch_seconds(loop(configured))
                median[key].append(statistics.median(times))
                mean[key].append(statistics.fmean(times))
        ratios = {
            key: [
                statistics.median(a / b for a, b in zip(table[key], table["by hand"], strict=True))
                for table in (median, mean)
            ]
            for key in loops
        }
        facts[name] = {"by_hand_ms": 1000 * statistics.median(median["by hand"]), **ratios}
        print(
            f"{name:<14}{facts[name]['by_hand_ms']:>9.2f} ms"
            + "".join(
                f"{ratios[key][0]:>{width - 7}.2f} ({ratios[key][1]:.2f})"
                for key, width in (("run", 18), ("with run directory", 22))
            )
        )
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
