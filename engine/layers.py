"""The layers of a network, each with its forward pass and its hand-derived backward pass.

A training step without autograd and without nn.Module takes about half the time of a hand-written torch
loop on small networks, and every activation and its gradient stays at hand for the probes. The tests
compare each backward pass with autograd in float64.

A layer's parameters and gradients are views of two flat tensors that a `network.Network` owns.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

aten = torch.ops.aten


class Layer:
    """One step of a network.

    `forward(x, training)` maps a batch; with training=True it keeps what `backward` needs.
    `backward(gradient, first)` takes the loss's gradient with respect to the output, writes the gradients of
    the layer's own parameters and returns the gradient with respect to the input (None for the first layer).
    """

    #: (name, shape) of each parameter; weight matrices take part in regularization and initialization.
    weight_shapes: Sequence[tuple[str, tuple[int, ...]]] = ()
    other_shapes: Sequence[tuple[str, tuple[int, ...]]] = ()
    buffer_shapes: Sequence[tuple[str, tuple[int, ...]]] = ()
    #: Multiplications of one example's forward pass, for choosing threads and how often to report.
    operations: int = 0
    #: Numbers that one example's forward pass makes at once.
    width: int = 0

    def bind(self, name: str, value: Tensor, gradient: Tensor | None) -> None:
        """Receive the view of a parameter (with its gradient) or of a buffer (without)."""
        setattr(self, name, value)
        if gradient is not None:
            setattr(self, f"{name}_gradient", gradient)

    def reset(self) -> None:
        """Give parameters other than weight matrices, and buffers, their first values."""

    def fit(self, x: Tensor) -> None:
        """Take what is fixed from the training part's inputs (n, *shape); asked of the first layer only."""

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """Map a batch; each layer has its own."""
        raise NotImplementedError

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        """Propagate the gradient, each layer in its own way; `first` says that nobody needs that of the input."""
        raise NotImplementedError

    def describe(self) -> str:
        """Name the layer and its sizes for the model summary."""
        return type(self).__name__.lower()


class Linear(Layer):
    """y = x Wᵀ + b for x (batch, fan_in), W (fan_out, fan_in), b (fan_out,); no b before batch norm (its gradient is 0)."""

    weight: Tensor
    weight_gradient: Tensor
    bias: Tensor
    bias_gradient: Tensor

    def __init__(self, fan_in: int, fan_out: int, bias: bool = True) -> None:
        self.sizes = fan_in, fan_out
        self.operations = fan_in * fan_out
        self.width = fan_out
        self.has_bias = bias
        self.weight_shapes = (("weight", (fan_out, fan_in)),)
        self.other_shapes = (("bias", (fan_out,)),) if bias else ()

    def reset(self) -> None:
        if self.has_bias:
            self.bias.zero_()

    def forward(self, x: Tensor, training: bool) -> Tensor:
        if training:
            self._input = x
        return torch.addmm(self.bias, x, self.weight.t()) if self.has_bias else torch.mm(x, self.weight.t())

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        torch.mm(gradient.t(), self._input, out=self.weight_gradient)
        if self.has_bias:
            torch.sum(gradient, 0, out=self.bias_gradient)
        return None if first else torch.mm(gradient, self.weight)

    def describe(self) -> str:
        return f"linear {self.sizes[0]} → {self.sizes[1]}" + ("" if self.has_bias else ", no bias")


class Convolution(Layer):
    """Cross-correlation with zero padding that keeps the size: x (batch, c_in, h, w), W (c_out, c_in, kh, kw)."""

    weight: Tensor
    weight_gradient: Tensor
    bias: Tensor
    bias_gradient: Tensor

    def __init__(
        self, channels_in: int, channels_out: int, kernel: tuple[int, int], positions: int, bias: bool = True
    ) -> None:
        self.channels = channels_in, channels_out
        self.operations = channels_in * channels_out * kernel[0] * kernel[1] * positions
        # oneDNN fills up channels to 16.
        self.width = max(16, channels_in, channels_out) * positions
        self.kernel = kernel
        self.padding = [kernel[0] // 2, kernel[1] // 2]
        self.has_bias = bias
        self.weight_shapes = (("weight", (channels_out, channels_in, *kernel)),)
        self.other_shapes = (("bias", (channels_out,)),) if bias else ()

    def reset(self) -> None:
        if self.has_bias:
            self.bias.zero_()

    def forward(self, x: Tensor, training: bool) -> Tensor:
        if training:
            self._input = x
        return torch.conv2d(x, self.weight, self.bias if self.has_bias else None, padding=self.padding)

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        outputs = aten.convolution_backward(
            gradient, self._input, self.weight, [self.channels[1]], [1, 1], self.padding, [1, 1], False, [0, 0], 1,
            [not first, True, self.has_bias],
        )  # fmt: skip
        self.weight_gradient.copy_(outputs[1])
        if self.has_bias:
            self.bias_gradient.copy_(outputs[2])
        return None if first else outputs[0]

    def describe(self) -> str:
        return f"convolution {self.channels[0]} → {self.channels[1]}, {self.kernel[0]}x{self.kernel[1]}" + (
            "" if self.has_bias else ", no bias"
        )


class BatchNorm(Layer):
    """ĥ = (h - μ) / √(σ² + ε), y = γ ĥ + β per channel, with μ and the biased σ² of the mini-batch.

    The running mean and the running unbiased variance (m / (m - 1)) move by 0.1 per training batch and are used in
    evaluation. The lecture's slide divides by σ²; its own sentence (variance 1) needs the root. Ioffe and Szegedy 2015.
    """

    epsilon = 1e-5
    momentum = 0.1
    gamma: Tensor
    gamma_gradient: Tensor
    beta: Tensor
    beta_gradient: Tensor
    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.other_shapes = (("gamma", (channels,)), ("beta", (channels,)))
        self.buffer_shapes = (("running_mean", (channels,)), ("running_variance", (channels,)))

    def reset(self) -> None:
        self.gamma.fill_(1)
        self.beta.zero_()
        self.running_mean.zero_()
        self.running_variance.fill_(1)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        y, mean, inverse_std = torch.native_batch_norm(
            x,
            self.gamma,
            self.beta,
            self.running_mean,
            self.running_variance,
            training,
            self.momentum,
            self.epsilon,
        )
        if training:
            self._saved = x, mean, inverse_std
        return y

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        x, mean, inverse_std = self._saved
        outputs = aten.native_batch_norm_backward(
            gradient, x, self.gamma, self.running_mean, self.running_variance, mean, inverse_std, True, self.epsilon,
            [not first, True, True],
        )  # fmt: skip
        self.gamma_gradient.copy_(outputs[1])
        self.beta_gradient.copy_(outputs[2])
        return None if first else outputs[0]

    def describe(self) -> str:
        return f"batch norm {self.channels}"


class Dropout(Layer):
    """Inverted dropout: in training each unit is kept with probability 1 - p and divided by it; identity in evaluation.

    A new mask for each example and unit at each forward pass. p = 1 gives zeros. Srivastava et al. 2014.
    """

    def __init__(self, p: float, generator: Generator) -> None:
        self.p = p
        self.generator = generator

    def forward(self, x: Tensor, training: bool) -> Tensor:
        if not training:
            return x
        self._mask = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        if self.p < 1:
            self._mask.div_(1 - self.p)
        return x * self._mask

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        return gradient * self._mask

    def describe(self) -> str:
        return f"dropout {self.p:g}"


class MaxPool(Layer):
    """The largest value of each window; windows do not overlap and an incomplete one at the edge is left out."""

    def __init__(self, window: tuple[int, int]) -> None:
        self.window = window

    def forward(self, x: Tensor, training: bool) -> Tensor:
        y, indices = aten.max_pool2d_with_indices(x, self.window, self.window)
        if training:
            self._saved = x, indices
        return y

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        x, indices = self._saved
        return aten.max_pool2d_with_indices_backward(
            gradient, x, self.window, self.window, [0, 0], [1, 1], False, indices
        )

    def describe(self) -> str:
        return f"max pool {self.window[0]}x{self.window[1]}"


class Reshape(Layer):
    """Give each example another shape, without moving a value."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x: Tensor, training: bool) -> Tensor:
        if training:
            self._from = x.shape
        return x.reshape(len(x), *self.shape)

    def backward(self, gradient: Tensor, first: bool) -> Tensor | None:
        return None if first else gradient.reshape(self._from)

    def describe(self) -> str:
        return (
            f"flatten {self.shape[0]}"
            if len(self.shape) == 1
            else "reshape " + "x".join(map(str, self.shape))
        )
