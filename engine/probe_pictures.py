"""Pictures of what the network does with its inputs: boundary, fitted curve, augmented examples, spectrogram."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from .activations import Activation
from .data.names import PartName
from .probe_examples import COLUMNS, picture, probabilities, raw, wave
from .seeds import derive

if TYPE_CHECKING:
    from .training import Training

_LARGEST_GRID = 200
_MOST_POINTS = 1000
_MOST_UNITS = 64
_UNIT_GRID = 28
#: Parts whose examples are drawn; the test part is looked at once, at the end.
_SEEN: tuple[PartName, ...] = ("train", "validation")
_FLOOR_DB = -80.0


def boundary(
    training: Training, size: int = 40, units: int = 0, layer: int = 0, first: int = 0
) -> dict[str, Any]:
    """Answer with the network's answers on a size x size grid over the data's range, for data of two features.

    x and y are the grid's coordinates in the features' own units; rows of every map go with y. values: probability of
    class 1 (binary) or prediction (regression). Multiclass: classes, the predicted ones, and values, their
    probability. points: up to 1000 examples of each part. units > 0 adds coarser maps of the activations of that many
    units of one hidden layer, from unit `first` on; both count from 0.
    """
    data = training.data
    if tuple(data.shape) != (2,):
        features = 1
        for length in data.shape:
            features *= length
        return {
            "error": f"a boundary needs data of two features, this has {features}; try data.name = moons, circles, xor or spirals"
        }
    size = max(2, min(int(size), _LARGEST_GRID))
    inputs: dict[PartName, Tensor] = {part: raw(training, data.part(part).x) for part in _SEEN}
    everything = torch.cat(list(inputs.values()))
    low, high = everything.amin(0), everything.amax(0)
    margin = 0.05 * (high - low).clamp_min(1e-6)
    low, high = low - margin, high + margin
    xs, ys, grid = _grid(low, high, size)
    output = training.outputs(data.normalize(grid))
    answer: dict[str, Any] = {
        "x": xs.tolist(),
        "y": ys.tolist(),
        "features": list(data.feature_names or ("x1", "x2")),
        "classes": list(data.classes),
        "points": {part: _points(training, part, inputs[part]) for part in inputs},
    }
    shares = probabilities(training, output)
    if data.task == "regression":
        answer["values"] = _map(output.view(-1) * data.target_scale + data.target_center, size)
    elif data.task == "binary":
        answer["values"] = _map(output.view(-1) if shares is None else shares[:, 1], size)
    else:
        best = (output if shares is None else shares).max(1)
        answer["classes_map"] = [[int(c) for c in row] for row in _map(best.indices, size)]
        answer["values"] = _map(best.values, size)
    if units > 0:
        answer["units"] = _unit_maps(
            training, low, high, int(layer), int(first), min(int(units), _MOST_UNITS)
        )
    return answer


def fit(training: Training, points: int = 200) -> dict[str, Any]:
    """Answer with the fitted curve and the examples, in own units, for regression on one feature."""
    data = training.data
    if data.task != "regression" or tuple(data.shape) != (1,):
        return {
            "error": "a fitted curve needs a regression on one feature; try data.name = noisy-sine or outlier-line"
        }
    inputs: dict[PartName, Tensor] = {part: raw(training, data.part(part).x) for part in _SEEN}
    everything = torch.cat(list(inputs.values()))
    low, high = float(everything.min()), float(everything.max())
    steps = torch.linspace(
        low, high, max(2, min(int(points), 2000)), dtype=everything.dtype, device=everything.device
    )
    curve = training.outputs(data.normalize(steps[:, None])).view(-1) * data.target_scale + data.target_center
    return {
        "x": steps.tolist(),
        "curve": curve.tolist(),
        "feature": data.feature_names[0] if data.feature_names else "x",
        "target": data.target_name,
        "points": {part: _points(training, part, inputs[part]) for part in inputs},
    }


def augmentation(training: Training, example: int = 0, variants: int = 8) -> dict[str, Any]:
    """Answer with one training example and variants of it, drawn by the training's code from a generator of its own."""
    data = training.data
    if data.raw_train is None:
        return {"error": "augmentation is off; set a knob, for example data.augmentation.rotation = 15"}
    if not 0 <= int(example) < len(data.raw_train):
        return {"error": f"there are training examples 0 to {len(data.raw_train) - 1}, not {example}"}
    generator = Generator(training.device).manual_seed(
        derive(training.experiment.training.seed, "augmentation picture", int(example))
    )
    variants = max(1, min(int(variants), 32))
    own = data.raw_train[int(example)]
    chosen = torch.full((variants,), int(example), device=training.device)
    changed = raw(training, data.augmented(chosen, generator))
    show = {"image": picture, "audio": wave, "table": Tensor.tolist}[data.form]
    return {
        "form": data.form,
        "original": show(own),
        "variants": [show(variant) for variant in changed],
        "target": data.classes[int(data.train.y[int(example)])] if data.classes else None,
    }


def spectrogram(training: Training, example: int = 0) -> dict[str, Any]:
    """Answer with the magnitude STFT of one training signal in decibels below its peak, rows from low to high frequency.

    Hann windows of 128 samples (fewer for short signals), at least half overlapping, as many as 128 where the signal is
    long enough; floor -80 dB. Times in samples; frequencies in cycles per sample, since a signal's rate is not known
    to the training. Longer signals take the loudest of neighbouring frames.
    """
    data = training.data
    if data.form != "audio":
        return {"error": f"a spectrogram needs sound, this is {data.form} data; try data.name = tones"}
    if not 0 <= int(example) < len(data.train):
        return {"error": f"there are training examples 0 to {len(data.train) - 1}, not {example}"}
    signal = raw(training, data.train.x[int(example) : int(example) + 1])[0, 0].float()
    window = min(128, signal.numel())
    if window < 8:
        return {"error": f"a signal of {signal.numel()} samples is too short for a spectrogram"}
    hop = max(1, min(window // 2, signal.numel() // (COLUMNS - 1)))
    spectrum = torch.stft(
        signal, window, hop, window=torch.hann_window(window, device=signal.device), return_complex=True
    ).abs()
    peak = spectrum.max().clamp_min(1e-12)
    decibels = 20 * torch.log10((spectrum / peak).clamp_min(10 ** (_FLOOR_DB / 20)))
    if decibels.shape[1] > COLUMNS:
        decibels = F.adaptive_max_pool1d(decibels[None], COLUMNS)[0]
    frames = decibels.shape[1]
    return {
        "decibels": [[round(value, 2) for value in row] for row in decibels.tolist()],
        "frequencies": [row / window for row in range(decibels.shape[0])],
        "times": [frame * signal.numel() / max(1, frames - 1) for frame in range(frames)],
        "samples": signal.numel(),
        "target": data.classes[int(data.train.y[int(example)])] if data.classes else None,
    }


def _grid(low: Tensor, high: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return coordinates of both axes and every point between, rows of y one after the other."""
    steps = torch.linspace(0, 1, size, dtype=low.dtype, device=low.device)
    xs, ys = low[0] + (high[0] - low[0]) * steps, low[1] + (high[1] - low[1]) * steps
    return xs, ys, torch.stack([xs.repeat(size), ys.repeat_interleave(size)], 1)


def _map(values: Tensor, size: int) -> list[list[float]]:
    """Return a map's rows with five digits of its largest value: a picture shows no more, and they travel."""
    exact = values.view(size, size).cpu().double()
    largest = float(exact.abs().nan_to_num(posinf=0.0).max())
    digits = 4 - math.floor(math.log10(largest)) if largest else 0
    return exact.round(decimals=max(-300, min(300, digits))).tolist()


def _points(training: Training, part: PartName, inputs: Tensor) -> dict[str, Any]:
    data = training.data
    targets = data.part(part).y[:_MOST_POINTS].view(-1)
    shown = (
        (targets * data.target_scale + data.target_center).tolist()
        if data.task == "regression"
        else targets.long().tolist()
    )
    rows = inputs[:_MOST_POINTS]
    return {"x": rows[:, 0].tolist(), **({"y": rows[:, 1].tolist()} if rows.shape[1] > 1 else {}), "target": shown}  # fmt: skip


def _unit_maps(
    training: Training, low: Tensor, high: Tensor, wanted: int, first: int, units: int
) -> dict[str, Any]:
    """Return what units of one hidden layer, the last if there are fewer, put out over the plane."""
    layers = training.network.layers
    hidden = [(place, one) for place, one in enumerate(layers[:-1]) if isinstance(one, Activation)]
    if not hidden:
        return {"layers": 0, "maps": []}
    wanted = max(0, min(wanted, len(hidden) - 1))
    place, activation = hidden[wanted]
    x = training.data.normalize(_grid(low, high, _UNIT_GRID)[2])
    for one in layers[: place + 1]:
        x = one.forward(x, training=False)
    shown = range(max(0, min(first, x.shape[1] - 1)), min(first + units, x.shape[1]))
    return {
        "name": f"hidden {wanted + 1}",
        "kind": activation.kind,
        "layers": len(hidden),
        "first": shown.start,
        "of": x.shape[1],
        "maps": [_map(x[:, unit].contiguous(), _UNIT_GRID) for unit in shown],
    }
