"""A stack of layers over two flat tensors: one holds all parameters, the other their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from .layers import Layer


class Network:
    """A stack of layers over flat buffers: weight matrices first, then biases and norms; gradients likewise.

    `regularized` and `regularized_gradients` are the views of the weight matrices, parameters[:weights_end].
    `buffers` holds running statistics. A copy of parameters and buffers is a complete copy of the model.
    """

    def __init__(
        self, layers: Sequence[Layer], device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        self.layers = list(layers)
        weights = [(layer, name, shape) for layer in layers for name, shape in layer.weight_shapes]
        others = [(layer, name, shape) for layer in layers for name, shape in layer.other_shapes]
        buffers = [(layer, name, shape) for layer in layers for name, shape in layer.buffer_shapes]
        self.weights_end = sum(prod(shape) for _, _, shape in weights)
        total = self.weights_end + sum(prod(shape) for _, _, shape in others)
        self.parameters = torch.zeros(total, device=device, dtype=dtype)
        self.gradients = torch.zeros_like(self.parameters)
        self.regularized = self.parameters[: self.weights_end]
        self.regularized_gradients = self.gradients[: self.weights_end]
        self.buffers = torch.zeros(sum(prod(shape) for _, _, shape in buffers), device=device, dtype=dtype)
        #: Views by name, for example "3.weight": (values, gradients).
        self.named: dict[str, tuple[Tensor, Tensor]] = {}
        position = 0
        for layer, name, shape in weights + others:
            view = slice(position, position := position + prod(shape))
            value, gradient = self.parameters[view].view(shape), self.gradients[view].view(shape)
            layer.bind(name, value, gradient)
            self.named[f"{self.layers.index(layer)}.{name}"] = value, gradient
        position = 0
        for layer, name, shape in buffers:
            layer.bind(name, self.buffers[position : (position := position + prod(shape))].view(shape), None)
        for layer in layers:
            layer.reset()

    @property
    def weights(self) -> list[tuple[str, Tensor]]:
        """Weight matrices and kernels in layer order, as views."""
        return [(name, value) for name, (value, _) in self.named.items() if name.endswith(".weight")]

    def fit(self, x: Tensor) -> None:
        """Take what is fixed from the training part's inputs (n, *shape); once, before any forward pass."""
        self.layers[0].fit(x)

    def forward(self, x: Tensor, training: bool = False) -> Tensor:
        """Map a batch (n, *shape) to outputs (n, outputs)."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, gradient: Tensor) -> None:
        """Fill `gradients` from the gradient of the loss with respect to the last training forward's output."""
        flow: Tensor | None = gradient
        for position in range(len(self.layers) - 1, -1, -1):
            assert flow is not None
            flow = self.layers[position].backward(flow, position == 0)
