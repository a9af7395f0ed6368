"""How the layers are doing: activations, gradients and updates, measured without touching the training.

Forward and backward passes run on a copy of the network (`shadow`): own parameters, gradients, running statistics and
caches, and no dropout, so that no generator is drawn from.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .activations import Activation, Relu, Sigmoid, Tanh
from .descent import descend
from .layers import Dropout
from .network import Network
from .probe_weights import exact, histogram, median_rates, rms

if TYPE_CHECKING:
    from .training import Training

#: Training examples a probe looks at.
EXAMPLES = 256
#: Beyond this a tanh passes less than 2 % of the gradient; a sigmoid below 0.01 or above 0.99, 1 %.
_FLAT = 0.99


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One hidden activation layer as the probe saw it."""

    name: str
    "For example hidden 2, counted from 1."
    layer: Activation
    incoming: str
    "Name of the weight matrix that feeds it."
    output: Tensor
    "(examples, units) or (examples, channels, height, width)."
    gradient: Tensor
    "Gradient of the mean loss with respect to the output, of the same shape."


def shadow(network: Network) -> Network:
    """Return a copy of the network that shares no memory with it and has no dropout layers."""
    layers = [copy.copy(layer) for layer in network.layers if not isinstance(layer, Dropout)]
    double = Network(layers, network.parameters.device, network.parameters.dtype)
    double.parameters.copy_(network.parameters)
    double.buffers.copy_(network.buffers)
    return double


def look(training: Training) -> tuple[Network, list[Seen]]:
    """Run the first training examples forward and backward through a shadow and return it with its hidden layers.

    Batch norm uses the statistics of these examples, as in training. The shadow's gradients are those of
    the mean loss, without the penalty.
    """
    double = shadow(training.network)
    examples = training.data.train
    output = double.forward(examples.x[:EXAMPLES], training=True)
    _, flow = training.objective(output, examples.y[:EXAMPLES])
    flows: dict[int, Tensor] = {}
    gradient: Tensor | None = flow
    for position in range(len(double.layers) - 1, -1, -1):
        assert gradient is not None
        flows[position] = gradient
        gradient = double.layers[position].backward(gradient, position == 0)
    seen: list[Seen] = []
    incoming = ""
    for position, layer in enumerate(double.layers):
        if hasattr(layer, "weight"):
            incoming = f"{position}.weight"
        # An activation at the very end belongs to the output.
        if isinstance(layer, Activation) and position < len(double.layers) - 1:
            seen.append(Seen(f"hidden {len(seen) + 1}", layer, incoming, layer.output, flows[position]))
    return double, seen


def layer_health(training: Training) -> tuple[dict[str, Any], ...]:
    """Return one mapping of plain values per hidden activation layer, first to last.

    Measured on the first (up to 256) training examples, not augmented, without dropout:

    name, kind (the activation), units (channels of a convolution);
    std: standard deviation across examples per unit, averaged over units. Unlike the rms it shows a signal
        that vanished under constant biases;
    rms: root mean square over examples and units;
    gradient: Euclidean norm of the gradient of the mean loss with respect to the activations. Norms of weight
        gradients would hide vanishing: h shrinks forward as the gradient shrinks backward;
    saturated: share of values with |tanh| > 0.99, or a sigmoid outside [0.01, 0.99]; 0 for other activations;
    dead: share of ReLU units (channels) that are 0 for all examples; 0 for other activations;
    twins: units in the largest group with equal incoming weights (to 1e-6 of the largest weight); 1 if there is none;
    difference: largest difference between the incoming weights of any unit and of the first;
    weight_rms: root mean square of the incoming weights;
    update_ratio: rms of an update over weight_rms, for the update that the optimizer, as it stands, would make for
        these examples, penalty and clipping included; 0 for weights that are all 0. About 1e-3 is usual;
    rate: median of what multiplies the gradient of each incoming weight (see Optimizer.effective_rates); None
        before a gradient has arrived.
    """
    double, seen = look(training)
    before = {name: weight.clone() for name, weight in double.weights}
    _update(training, double)
    after = dict(double.weights)
    # In order: the shadow's layers are named without the dropout ones.
    rates = dict(zip(before, median_rates(training), strict=True))
    rows: list[Tensor] = []
    for part in seen:
        weight = before[part.incoming].flatten(1)
        unit_std = exact(part.output.flatten(1)).std(0, correction=0)
        weight_rms = rms(weight)
        update = rms(after[part.incoming].flatten(1) - weight)
        measured = (
            unit_std.mean(),
            rms(part.output),
            exact(part.gradient).norm(),
            _saturated(part.layer, part.output),
            _dead(part.layer, part.output),
            _twins(weight),
            (weight - weight[0]).abs().max(),
            weight_rms,
            torch.where(weight_rms > 0, update / weight_rms, 0.0),
            rates[part.incoming],
        )
        rows.append(torch.stack([value.to(weight_rms) for value in measured]))
    # One transfer for all numbers: each costs a device a wait.
    numbers: list[list[float]] = torch.stack(rows).tolist() if rows else []
    keys = (
        "std",
        "rms",
        "gradient",
        "saturated",
        "dead",
        "twins",
        "difference",
        "weight_rms",
        "update_ratio",
        "rate",
    )
    health: list[dict[str, Any]] = []
    for part, row in zip(seen, numbers, strict=True):
        named = dict(zip(keys, row, strict=True))
        facts = {"name": part.name, "kind": part.layer.kind, "units": int(part.output.shape[1])}
        rate = None if math.isnan(named["rate"]) else named["rate"]
        health.append({**facts, **named, "twins": int(named["twins"]), "rate": rate})
    return tuple(health)


def _update(training: Training, double: Network) -> None:
    """Make on the shadow the update that `training` would make for the shadow's gradients."""
    state = {name: value.clone() for name, value in training.optimizer_state.items()}
    descend(double, training.experiment, copy.copy(training.optimizer), state, training.rate())


def layers(training: Training) -> dict[str, Any]:
    """Answer with `layer_health` as it is now."""
    return {"layers": list(layer_health(training))}


def activations(training: Training, bins: int = 40) -> dict[str, Any]:
    """Answer with a histogram of every hidden layer's activations on the probe's examples."""
    _, seen = look(training)
    if not seen:
        return {"error": "a linear model has no hidden layers; choose model.kind = mlp or cnn"}
    return {
        "layers": [
            {"name": part.name, "kind": part.layer.kind, **histogram(part.output, bins)} for part in seen
        ],
        "examples": min(EXAMPLES, len(training.data.train)),
    }


def _saturated(layer: Activation, output: Tensor) -> Tensor:
    if isinstance(layer, Tanh):
        return (output.abs() > _FLAT).float().mean()
    if isinstance(layer, Sigmoid):
        return ((output < 1 - _FLAT) | (output > _FLAT)).float().mean()
    return output.new_zeros(())


def _dead(layer: Activation, output: Tensor) -> Tensor:
    if not isinstance(layer, Relu):
        return output.new_zeros(())
    return (output.transpose(0, 1).flatten(1).amax(1) == 0).float().mean()


def _twins(weight: Tensor) -> Tensor:
    """Count the rows of the largest group of equal rows.

    Sorted by a random projection, equal rows are neighbours; neighbours are then compared in full.
    """
    units, fan_in = weight.shape
    generator = torch.Generator().manual_seed(0)
    direction = torch.rand(fan_in, generator=generator).to(weight.device, weight.dtype)
    ordered = weight[(weight @ direction).argsort()]
    tolerance = 1e-6 * weight.abs().max()
    new = torch.ones(units, dtype=torch.bool, device=weight.device)
    new[1:] = (ordered[1:] - ordered[:-1]).abs().amax(1) > tolerance
    return torch.bincount(new.long().cumsum(0) - 1).max()
