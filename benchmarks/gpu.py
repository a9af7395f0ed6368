"""A GPU: ladera's whole loop against hand-written ones and against itself on the CPU, seconds per epoch, in turn.

    python benchmarks/gpu.py [--rounds 5] [--epochs 30]

By hand is what a careful person writes: the same layers of torch.nn, everything on the GPU, one gather an epoch,
`Adam(fused=True)`, losses summed there and read once an epoch, validation in inference_mode. ladera reads each batch's
loss before it changes a weight, measures the training part anew each epoch, and keeps the best weights. Time / by hand;
below 1 is faster. "no graphs" is ladera launching every kernel by itself. On the CPU it chooses its threads.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ladera.engine import Experiment, run
from ladera.engine import training as training_module
from ladera.engine.layers import BatchNorm, Convolution, Layer, Linear, MaxPool, Reshape
from ladera.engine.training import Training


def experiments(folder: Path, epochs: int) -> dict[str, dict[str, Any]]:
    """What is trained, by name."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(20_000, 784)).astype(np.float32)
    np.savez(folder / "rows.npz", x=rows, y=rows[:, :10].argmax(1))
    general = {"training": {"epochs": epochs, "batch_size": 64}, "stopping": {"patience": epochs}}
    large = {
        "data": {"path": str(folder / "rows.npz"), "task": "multiclass"},
        "model": {"hidden": [512, 256]},
    } | general
    return {
        "digits, 64-128-64-10, batches of 64": {"data": {"name": "digits"}, "model": {"hidden": [128, 64]}} | general,
        "20,000 rows, 784-512-256-10, batches of 64": large,
        "the same, batches of 1024": large | {"training": {"epochs": epochs, "batch_size": 1024}},
        "digits, CNN, batches of 64": {"data": {"name": "digits"}, "model": {"kind": "cnn", "batch_norm": True}} | general,
    }  # fmt: skip


def module(layer: Layer, dimensions: int) -> nn.Module:
    """The layer of torch.nn that does the same."""
    match layer:
        case Linear():
            return nn.Linear(*layer.sizes, bias=layer.has_bias)
        case Convolution():
            padding = (layer.padding[0], layer.padding[1])
            return nn.Conv2d(*layer.channels, layer.kernel, padding=padding, bias=layer.has_bias)
        case BatchNorm():
            return (nn.BatchNorm2d if dimensions == 4 else nn.BatchNorm1d)(layer.channels)
        case MaxPool():
            return nn.MaxPool2d(layer.window)
        case Reshape():
            return nn.Unflatten(1, layer.shape) if len(layer.shape) > 1 else nn.Flatten()
        case _:
            return nn.ReLU()


def by_hand(configured: Experiment) -> Iterator[None]:
    """Train by hand, one epoch a step of the iterator; rows and layers are those that ladera prepares."""
    prepared = Training(configured)
    data, x = prepared.data, prepared.data.train.x[:2]
    modules = list[nn.Module]()
    for layer in prepared.network.layers:
        modules.append(module(layer, x.dim()))
        x = layer.forward(x, training=False)
    network = nn.Sequential(*modules).to(prepared.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=configured.optimizer.lr, fused=True)
    loss_of = nn.CrossEntropyLoss()
    size, held = configured.training.batch_size, data.validation
    assert isinstance(size, int)
    for _ in range(configured.training.epochs):
        network.train()
        order = torch.randperm(len(data.train.x), device=prepared.device)
        shuffled_x, shuffled_y = data.train.x[order], data.train.y[order]
        total = torch.zeros((), device=prepared.device)
        for start in range(0, len(order), size):
            batch_x, batch_y = shuffled_x[start : start + size], shuffled_y[start : start + size]
            loss = loss_of(network(batch_x), batch_y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(batch_x)
        (total / len(order)).item()
        network.eval()
        with torch.inference_mode():
            output = network(held.x)
            loss_of(output, held.y).item()
            (output.argmax(1) == held.y).float().mean().item()
        yield


def drained(configured: Experiment, graphs: bool = True) -> Iterator[None]:
    """ladera's loop."""
    before = training_module._LAUNCHED
    training_module._LAUNCHED = before if graphs else 0
    try:
        for event in run(configured):
            if event.name == "checked":
                yield
    finally:
        training_module._LAUNCHED = before


def milliseconds(loop: Iterator[None]) -> float:
    """The median epoch but the first three, in which things are made ready."""
    marks = [time.perf_counter() for _ in loop]
    return 1000 * statistics.median(b - a for a, b in pairwise(marks[2:]))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("torch sees no CUDA device")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {os.cpu_count()} CPU cores; {options.rounds} rounds of {options.epochs} epochs")  # fmt: skip
    print(f"{'':<44}{'by hand':>11}{'ladera':>8}{'no graphs':>11}{'on the CPU':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for name, preset in experiments(Path(folder), options.epochs).items():
            on_gpu, on_cpu = (
                Experiment.model_validate({**preset, "training": {**preset["training"], "device": device}})
                for device in ("cuda", "cpu")
            )
            times: dict[str, list[float]] = {}
            for _ in range(options.rounds):
                for key, loop in (
                    ("hand", by_hand(on_gpu)), ("ladera", drained(on_gpu)), ("eager", drained(on_gpu, graphs=False)),
                    ("cpu", drained(on_cpu)),
                ):  # fmt: skip
                    times.setdefault(key, []).append(milliseconds(loop))
            hand = statistics.median(times["hand"])
            ratios = {
                key: statistics.median(a / b for a, b in zip(values, times["hand"], strict=True))
                for key, values in times.items()
            }
            print(f"{name:<44}{hand:>8.1f} ms{ratios['ladera']:>8.2f}{ratios['eager']:>11.2f}{ratios['cpu']:>12.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
