"""How the weights are doing: histograms, zeros, norms, and what multiplies their gradients; nothing is changed."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from . import regularization
from .optimizers import Optimizer

if TYPE_CHECKING:
    from .training import Training

#: Values that quantiles are taken of, at most; torch refuses more than 2^24.
_SAMPLE = 1 << 20
#: Values a median for the log is taken of, at most.
_MEDIAN_SAMPLE = 1 << 14


def weights(training: Training, bins: int = 40) -> dict[str, Any]:
    """Answer with histogram, zeros and norms of every weight matrix: l1 = Σ|w|, l2 = √Σw² (the penalty is its square)."""
    answer: list[dict[str, Any]] = []
    for name, weight in training.network.weights:
        sparsity = regularization.sparsity(weight)
        precise = exact(weight)
        numbers: list[float] = torch.stack(
            [precise.abs().sum(), precise.norm(), precise.abs().max(), rms(weight)]
        ).tolist()
        answer.append(
            {
                "name": name,
                "layer": training.network.layers[int(name.split(".")[0])].describe(),
                "shape": list(weight.shape),
                **histogram(weight, bins),
                "exact_zeros": int((weight == 0).sum()),
                "zeros": sparsity.zeros,
                "small": sparsity.small,
                **dict(zip(("l1", "l2", "largest", "rms"), numbers, strict=True)),
            }
        )
    return {"weights": answer}


def rates(training: Training) -> dict[str, Any]:
    """Answer with quantiles, per weight matrix, of what multiplies each weight's gradient (see effective_rates)."""
    found, shares = _rates(training), (0.0, 0.25, 0.5, 0.75, 1.0)
    if not isinstance(found, dict):
        return {"shared": True, "quantiles": list(shares), "rates": [{"name": "all", "values": [found] * 5}]}
    answer: list[dict[str, Any]] = []
    for name, own in found.items():
        own = own[~own.isnan()]
        own = own[:: max(1, math.ceil(own.numel() / _SAMPLE))]
        values: list[float] = (
            torch.quantile(own, torch.tensor(shares, dtype=own.dtype, device=own.device)).tolist()
            if own.numel()
            else []
        )
        answer.append({"name": name, "values": values})
    if not any(entry["values"] for entry in answer):
        return {"error": "no gradient has arrived yet; ask again after the first step"}
    return {"shared": False, "quantiles": list(shares), "rates": answer}


def median_rates(training: Training) -> list[Tensor]:
    """Return each weight matrix's median rate, in layer order, without axes; NaN before a gradient has arrived.

    Of large matrices evenly spaced weights stand for the rest: this is measured for the log, while training waits.
    """
    optimizer, start, medians = _optimizer(training), 0, list[Tensor]()
    for _, weight in training.network.weights:
        end = start + weight.numel()
        every = slice(start, end, max(1, math.ceil(weight.numel() / _MEDIAN_SAMPLE)))
        own = {
            name: value[every] if value.dim() else value for name, value in training.optimizer_state.items()
        }
        medians.append(optimizer.effective_rates(own).nanmedian())
        start = end
    return medians


def _rates(training: Training) -> dict[str, Tensor] | float:
    """Return what multiplies the gradients of each weight matrix, flat, or the one rate that all share."""
    found = _optimizer(training).effective_rates(training.optimizer_state).detach()
    if found.numel() == 1:
        return float(found.item())
    sizes = {name: weight.numel() for name, weight in training.network.weights}
    return dict(zip(sizes, found[: sum(sizes.values())].split(list(sizes.values())), strict=True))


def _optimizer(training: Training) -> Optimizer:
    """The optimizer as it will make the next step; a copy."""
    optimizer = copy.copy(training.optimizer)
    optimizer.lr = training.rate() or optimizer.lr
    return optimizer


def histogram(values: Tensor, bins: int) -> dict[str, Any]:
    """Return edges (bins + 1) and counts (bins) of the finite values, and how many are not finite."""
    bins = max(1, min(int(bins), 400))
    flat = values.detach().flatten()
    finite = flat[flat.isfinite()]
    broken = flat.numel() - finite.numel()
    if not finite.numel():
        return {"edges": [], "counts": [], "nonfinite": broken}
    low, high = (float(value) for value in torch.stack(finite.aminmax()).tolist())
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts: list[float] = torch.histc(finite.float(), bins, low, high).tolist()
    edges = [low + (high - low) * i / bins for i in range(bins + 1)]
    return {"edges": edges, "counts": [int(count) for count in counts], "nonfinite": broken}


def exact(values: Tensor) -> Tensor:
    """Return in double precision, where squares of vanishing gradients do not vanish; Apple's GPUs have none."""
    return values if values.device.type == "mps" else values.double()


def rms(values: Tensor) -> Tensor:
    """Return the root mean square."""
    return exact(values).norm() / math.sqrt(max(1, values.numel()))
