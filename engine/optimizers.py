"""The optimizers of the lecture: a few in-place formulas over one flat tensor of parameters and one of gradients."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

#: What an optimizer remembers between steps: flat tensors like the parameters, and 0-dim counters.
State = dict[str, Tensor]

Formula = Literal["pytorch", "lecture"]


@dataclass(kw_only=True)
class Optimizer(ABC):
    """One update rule; `state = init(parameters)` once, then `update(parameters, gradients, state)` each step.

    `lr` may be set between steps (schedules, live changes). `formula` says where books differ: "pytorch"
    has epsilon outside the root and the learning rate outside the velocity, "lecture" has both inside.
    Raises ValueError on hyperparameters outside their range, TypeError on unknown ones.
    """

    kind: ClassVar[str]

    lr: float = 0.01
    formula: Formula = "pytorch"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise ValueError(f"{self.kind}: lr must be finite and above 0, not {self.lr}")
        if self.formula not in ("pytorch", "lecture"):
            raise ValueError(f'{self.kind}: formula must be "pytorch" or "lecture", not {self.formula!r}')
        for name in ("momentum", "beta", "beta1", "beta2"):
            if not 0 <= getattr(self, name, 0.0) < 1:
                raise ValueError(
                    f"{self.kind}: {name} must be at least 0 and below 1, not {getattr(self, name)}"
                )
        for name in ("epsilon", "weight_decay"):
            value = getattr(self, name, 0.0)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{self.kind}: {name} must be finite and not negative, not {value}")

    def init(self, parameters: Tensor) -> State:
        """Return the state before the first step, in the parameters' shape, dtype and device."""
        return {}

    @abstractmethod
    def update(self, parameters: Tensor, gradients: Tensor, state: State) -> None:
        """Take one step: change parameters and state in place; the gradients are only read."""

    def effective_rates(self, state: State) -> Tensor:
        """Return what currently multiplies each parameter's gradient (Adam: its corrected mean), for charts.

        Shape (parameters,) for AdaGrad, RMSProp, Adam and AdamW, with NaN where no gradient has arrived
        yet; shape (1,), the one rate all share, for plain gradient descent and momentum.
        """
        return torch.tensor([self.lr])

    def shrinkage(self, state: State, strength: float) -> Tensor | float:
        """Return what a step takes off each weight's size for the penalty strength * |w|: a number, or shape (parameters,).

        It is strength times what multiplies a gradient that stays as it is, so that loss and penalty together come to
        rest where their sum is least: lr; for momentum lr / (1 - momentum); for the adaptive ones lr over the
        denominator, and at most 3 lr, which is as long as their steps get. Call it after `update`.
        """
        return self.lr * strength

    @property
    def lecture(self) -> bool:
        """Whether the lecture's form is used where it differs from torch's."""
        return self.formula == "lecture"


@dataclass(kw_only=True)
class Sgd(Optimizer):
    """Gradient descent: theta -= lr g. Batch, mini-batch and stochastic differ in what g was taken over."""

    kind = "sgd"

    def update(self, parameters: Tensor, gradients: Tensor, state: State) -> None:
        """Take one step."""
        parameters.add_(gradients, alpha=-self.lr)


@dataclass(kw_only=True)
class Momentum(Optimizer):
    """Gradient descent with a velocity.

    pytorch: v = momentum v + g, theta -= lr v. lecture: v = momentum v + lr g, theta -= v. Both are the same
    until the rate changes: then the lecture's velocity still moves at the old one.
    """

    kind = "momentum"

    momentum: float = 0.9

    def init(self, parameters: Tensor) -> State:
        """Start with velocity 0."""
        return {"velocity": torch.zeros_like(parameters)}

    def update(self, parameters: Tensor, gradients: Tensor, state: State) -> None:
        """Take one step."""
        velocity = state["velocity"]
        if self.lecture:
            velocity.mul_(self.momentum).add_(gradients, alpha=self.lr)
            parameters.sub_(velocity)
        # With momentum 0 the kernel refuses a velocity, which a later live change would go on from.
        elif self.momentum and (kernel := fused("_fused_sgd_", parameters)) is not None:
            kernel(
                [parameters], [gradients], [velocity],
                lr=self.lr, momentum=self.momentum, dampening=0.0, weight_decay=0.0,
                nesterov=False, maximize=False, is_first_step=False,
            )  # fmt: skip
        else:
            velocity.mul_(self.momentum).add_(gradients)
            parameters.add_(velocity, alpha=-self.lr)

    def shrinkage(self, state: State, strength: float) -> Tensor | float:
        """Return strength * lr / (1 - momentum)."""
        return self.lr * strength / (1 - self.momentum)


@dataclass(kw_only=True)
class _Adaptive(Optimizer):
    """An optimizer that divides by the root of accumulated squared gradients."""

    epsilon: float = 1e-8

    def denominator(self, squares: Tensor) -> Tensor:
        """Return sqrt(squares) + epsilon, or the lecture's sqrt(squares + epsilon), in a new tensor."""
        epsilon = self.floored(squares)
        return squares.add(epsilon).sqrt_() if self.lecture else squares.sqrt().add_(epsilon)

    def floored(self, like: Tensor) -> float:
        """Return epsilon, or for 0 the least number that keeps 0 / 0 from becoming NaN where no gradient arrives."""
        if self.epsilon:
            return self.epsilon
        least = torch.finfo(like.dtype).tiny
        return least if self.lecture else math.sqrt(least)

    def effective_rates(self, state: State) -> Tensor:
        """Return lr over the denominator for each parameter; NaN where no gradient has arrived yet."""
        squares = self.squares(state)
        return (self.lr / self.denominator(squares)).masked_fill_(squares == 0, math.nan)

    def shrinkage(self, state: State, strength: float) -> Tensor | float:
        """Return lr * min(strength / denominator, 3) for each parameter."""
        return self.denominator(self.squares(state)).reciprocal_().mul_(strength).clamp_(max=3).mul_(self.lr)

    @abstractmethod
    def squares(self, state: State) -> Tensor:
        """Return the accumulated squared gradients under the root."""


@dataclass(kw_only=True)
class Adagrad(_Adaptive):
    """AdaGrad: G += g^2, theta -= lr g / (sqrt(G) + epsilon); lecture: lr g / sqrt(epsilon + G). The rate only falls."""

    kind = "adagrad"

    epsilon: float = 1e-10

    def init(self, parameters: Tensor) -> State:
        """Start with a sum of 0."""
        # The kernel asks for a step count, and reads it only to decay lr, which stays off.
        return {
            "sum": torch.zeros_like(parameters),
            "step": torch.ones((), dtype=torch.float32, device=parameters.device),
        }

    def update(self, parameters: Tensor, gradients: Tensor, state: State) -> None:
        """Take one step."""
        total = state["sum"]
        if not self.lecture and (kernel := fused("_fused_adagrad_", parameters)) is not None:
            kernel(
                [parameters], [gradients], [total], [state["step"]],
                lr=self.lr, lr_decay=0.0, weight_decay=0.0, eps=self.floored(total), maximize=False,
            )  # fmt: skip
        else:
            total.addcmul_(gradients, gradients)
            parameters.addcdiv_(gradients, self.denominator(total), value=-self.lr)

    def squares(self, state: State) -> Tensor:
        """Return the sum of all squared gradients."""
        return state["sum"]


@dataclass(kw_only=True)
class Rmsprop(_Adaptive):
    """RMSProp: G = beta G + (1 - beta) g^2, theta -= lr g / (sqrt(G) + epsilon); lecture: lr g / sqrt(epsilon + G).

    Nothing corrects the first steps: the very first is lr / sqrt(1 - beta) long. torch calls beta alpha.
    """

    kind = "rmsprop"

    lr: float = 0.001
    beta: float = 0.9

    def init(self, parameters: Tensor) -> State:
        """Start with a mean of 0."""
        return {"mean_square": torch.zeros_like(parameters)}

    def update(self, parameters: Tensor, gradients: Tensor, state: State) -> None:
        """Take one step."""
        mean_square = state["mean_square"]
        mean_square.mul_(self.beta).addcmul_(gradients, gradients, value=1 - self.beta)
        parameters.addcdiv_(gradients, self.denominator(mean_square), value=-self.lr)

    def squares(self, state: State) -> Tensor:
        """Return the moving mean of squared gradients."""
        return state["mean_square"]


@dataclass(kw_only=True)
class Adam(_Adaptive):
    """Adam: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, both divided by 1 - b^t for the start at 0.

    theta -= lr mhat / (sqrt(vhat) + epsilon); lecture: lr mhat / sqrt(vhat + epsilon). v is the uncentred
    second moment. An epsilon inside the root acts like its square root outside: 1e-8 like 1e-4.
    """

    kind = "adam"
    kernel: ClassVar[str] = "_fused_adam_"

    lr: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999

    def init(self, parameters: Tensor) -> State:
        """Start with both moments 0."""
        # The kernels want the count in float32; where that stops counting, at 2^24, 1 - b^t is long 1.
        return {
            "moment1": torch.zeros_like(parameters),
            "moment2": torch.zeros_like(parameters),
            "step": torch.zeros((), dtype=torch.float32, device=parameters.device),
        }

    def update(self, parameters: Tensor, gradients: Tensor, state: State) -> None:
        """Take one step."""
        state["step"].add_(1)
        if not self.lecture and (kernel := fused(self.kernel, parameters)) is not None:
            kernel(
                [parameters], [gradients], [state["moment1"]], [state["moment2"]], [], [state["step"]],
                lr=self.lr, beta1=self.beta1, beta2=self.beta2, eps=self.floored(parameters),
                weight_decay=self.decay, amsgrad=False, maximize=False,
            )  # fmt: skip
            return
        if self.decay:
            parameters.mul_(1 - self.lr * self.decay)
        state["moment1"].mul_(self.beta1).add_(gradients, alpha=1 - self.beta1)
        state["moment2"].mul_(self.beta2).addcmul_(gradients, gradients, value=1 - self.beta2)
        rate = self.lr / (1 - self.beta1 ** state["step"].item())
        parameters.addcdiv_(state["moment1"], self.denominator(self.squares(state)), value=-rate)

    def squares(self, state: State) -> Tensor:
        """Return vhat, the corrected mean of squared gradients; 0 before the first step."""
        return state["moment2"] / (1 - self.beta2 ** max(1.0, state["step"].item()))

    @property
    def decay(self) -> float:
        """The share of lr by which each step shrinks the weights."""
        return 0.0


@dataclass(kw_only=True)
class Adamw(Adam):
    """Adam with decoupled weight decay: theta *= 1 - lr weight_decay before the step; not an L2 penalty.

    The lecture has no AdamW; its formula is the lecture's Adam behind the same decay.
    """

    kind = "adamw"
    kernel = "_fused_adamw_"

    weight_decay: float = 0.01

    @property
    def decay(self) -> float:
        """The share of lr by which each step shrinks the weights."""
        return self.weight_decay


#: The optimizers by the name used in presets.
OPTIMIZERS: dict[str, type[Optimizer]] = {
    rule.kind: rule for rule in (Sgd, Momentum, Adagrad, Rmsprop, Adam, Adamw)
}


def fused(name: str, parameters: Tensor) -> Callable[..., None] | None:
    """Return torch's private one-call kernel, or None where there is none; callers then take the plain formula."""
    # AdaGrad's came to CUDA later than the others'.
    devices = ("cpu",) if name == "_fused_adagrad_" else ("cpu", "cuda")
    if parameters.device.type not in devices:
        return None
    return getattr(torch, name, None)
