"""The activation functions, each with its derivative."""

from __future__ import annotations

import torch
from torch import Tensor

from .layers import Layer

aten = torch.ops.aten


class Activation(Layer):
    """An elementwise function whose derivative follows from its output; `output` is what the probes read."""

    output: Tensor
    kind = "identity"

    def forward(self, x: Tensor, training: bool) -> Tensor:
        y = self.apply(x)
        if training:
            self.output = y
        return y

    def apply(self, x: Tensor) -> Tensor:
        """Map elementwise; may reuse the memory of x, which no other layer needs."""
        return x

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        return gradient

    def describe(self) -> str:
        return self.kind


class Relu(Activation):
    """max(0, x)."""

    kind = "relu"

    def apply(self, x: Tensor) -> Tensor:
        return x.relu_()

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        return aten.threshold_backward(gradient, self.output, 0)


class LeakyRelu(Activation):
    """x for x > 0, else 0.01 x."""

    kind = "leaky-relu"

    def apply(self, x: Tensor) -> Tensor:
        return torch.nn.functional.leaky_relu_(x, 0.01)

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        return aten.leaky_relu_backward(gradient, self.output, 0.01, True)


class Tanh(Activation):
    """tanh x, with derivative 1 - y²."""

    kind = "tanh"

    def apply(self, x: Tensor) -> Tensor:
        return x.tanh_()

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        return aten.tanh_backward(gradient, self.output)


class Sigmoid(Activation):
    """1 / (1 + exp(-x)), with derivative y (1 - y)."""

    kind = "sigmoid"

    def apply(self, x: Tensor) -> Tensor:
        return x.sigmoid_()

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        return aten.sigmoid_backward(gradient, self.output)


class Gelu(Activation):
    """x Φ(x) with the exact normal distribution function; its derivative needs x, so x is kept."""

    kind = "gelu"

    def forward(self, x: Tensor, training: bool) -> Tensor:
        if training:
            self._input = x
        return super().forward(x, training)

    def apply(self, x: Tensor) -> Tensor:
        return torch.nn.functional.gelu(x)

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        return aten.gelu_backward(gradient, self._input)


class Softmax(Activation):
    """exp x_i / Σ exp x_j per row; only for showing what a softmax before cce does."""

    kind = "softmax"

    def apply(self, x: Tensor) -> Tensor:
        return x.softmax(1)

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        return aten._softmax_backward_data(gradient, self.output, 1, self.output.dtype)


ACTIVATIONS: dict[str, type[Activation]] = {
    layer.kind: layer for layer in (Relu, LeakyRelu, Tanh, Sigmoid, Gelu, Activation)
}
