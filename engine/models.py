"""From the [model] section to a network: which layers, in which order, with which first weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Generator

from . import experiment as config
from .activations import ACTIVATIONS, Sigmoid, Softmax
from .errors import InputError
from .initializers import INITIALIZERS
from .layers import BatchNorm, Convolution, Dropout, Layer, Linear, MaxPool, Reshape
from .network import Network
from .polynomials import Polynomials

Shape = tuple[int, ...]


def build(
    model: config.Model,
    init: config.Init,
    shape: Shape,
    outputs: int,
    *,
    generator: Generator,
    dropout_generator: Generator,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Network:
    """Build and initialize the network for examples of `shape` (without the batch) and `outputs` values per example.

    Weights are drawn on the CPU from `generator`, so that one seed gives one network on every device.
    """
    layers = LAYERS[model.kind](model, shape, outputs, dropout_generator)
    if model.output != "linear":
        layers.append({"sigmoid": Sigmoid, "softmax": Softmax}[model.output]())
    network = Network(layers, device, dtype)
    parameters = {
        "constant": {"value": init.value},
        "uniform": {"scale": init.scale},
        "normal": {"scale": init.scale},
    }
    for _, weight in network.weights:
        first = torch.empty(weight.shape, dtype=dtype)
        INITIALIZERS[init.kind](first, generator=generator, **parameters.get(init.kind, {}))
        weight.copy_(first)
    return network


def _hidden(
    fan_in: int, widths: Sequence[int], outputs: int, model: config.Mlp | config.Cnn, generator: Generator
) -> list[Layer]:
    layers: list[Layer] = []
    for width in widths:
        layers.append(Linear(fan_in, width, bias=not model.batch_norm))
        if model.batch_norm:
            layers.append(BatchNorm(width))
        layers.append(ACTIVATIONS[model.activation]())
        if model.dropout:
            layers.append(Dropout(model.dropout, generator))
        fan_in = width
    return [*layers, Linear(fan_in, outputs)]


def _flatten(shape: Shape) -> list[Layer]:
    return [Reshape((prod(shape),))] if len(shape) > 1 else []


def _mlp(model: config.Mlp, shape: Shape, outputs: int, generator: Generator) -> list[Layer]:
    return [*_flatten(shape), *_hidden(prod(shape), model.hidden, outputs, model, generator)]


def _linear(model: config.Linear, shape: Shape, outputs: int, generator: Generator) -> list[Layer]:
    return [*_flatten(shape), Linear(prod(shape), outputs)]


def _polynomial(model: config.Polynomial, shape: Shape, outputs: int, generator: Generator) -> list[Layer]:
    return [Polynomials(prod(shape), model.degree), Linear(prod(shape) * model.degree, outputs)]


def _cnn(model: config.Cnn, shape: Shape, outputs: int, generator: Generator) -> list[Layer]:
    """Images (channels, height, width); sound (1, samples) is an image one row high, pooled by 4."""
    sound = len(shape) == 2
    channels, height, width = (shape[0], 1, shape[1]) if sound else shape
    kernel, window = ((1, model.kernel), (1, 4)) if sound else ((model.kernel, model.kernel), (2, 2))
    layers: list[Layer] = [Reshape((channels, height, width))] if sound else []
    for channels_out in model.channels:
        layers.append(Convolution(channels, channels_out, kernel, height * width, bias=not model.batch_norm))
        if model.batch_norm:
            layers.append(BatchNorm(channels_out))
        layers.append(ACTIVATIONS[model.activation]())
        layers.append(MaxPool(window))
        channels, height, width = channels_out, height // window[0], width // window[1]
        if not height or not width:
            raise InputError(
                f"model.channels: {len(model.channels)} poolings leave nothing of an example of "
                f"{'x'.join(map(str, shape))}; use fewer entries"
            )
    fan_in = channels * height * width
    return [*layers, Reshape((fan_in,)), *_hidden(fan_in, model.hidden, outputs, model, generator)]


#: kind -> builder of the layers up to the linear output.
LAYERS: dict[str, Callable[..., list[Layer]]] = {
    "mlp": _mlp,
    "cnn": _cnn,
    "linear": _linear,
    "polynomial": _polynomial,
}
