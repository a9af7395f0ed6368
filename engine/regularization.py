"""L1 and L2 penalties on the weight matrices, kept apart from the loss: the value, the gradient, the proximal step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

#: Below this a weight counts as small.
SMALL = 1e-3


@dataclass(frozen=True, slots=True)
class Sparsity:
    """How much of a model's weights has been given up."""

    zeros: float
    "Share of weights that are exactly 0."
    small: float
    "Share of weights below 0.001 in size, the zeros among them."


def penalty(weights: Tensor, l1: float, l2: float) -> float:
    """Return C1 sum |w| + C2 sum w^2 over the flat weight slice, accumulated in float64.

    Biases and batch-norm parameters are not in the slice. The lecture prints the root of sum w^2 as
    "L2 norm"; its penalty, and this one, is the square. A coefficient of 0 does not read the weights.
    """
    if not l1 and not l2:
        return 0.0
    # Apple's GPUs have no float64.
    exact = weights.detach().to("cpu" if weights.device.type == "mps" else weights.device).double()
    total = l1 * float(exact.abs().sum()) if l1 else 0.0
    return total + (l2 * float(exact.square().sum()) if l2 else 0.0)


def add_gradient(
    weights: Tensor,
    gradients: Tensor,
    l1: float,
    l2: float,
    l1_method: Literal["proximal", "subgradient"] = "proximal",
) -> None:
    """Add the penalty's derivative to the flat gradients of the weight slice, in place.

    L2 adds 2 C w, which torch's optimizers call weight_decay = 2C. L1 adds C sign(w) for "subgradient"
    and nothing for "proximal", whose part is `proximal` after the optimizer's step. 0 touches nothing.
    """
    if l2:
        gradients.add_(weights, alpha=2 * l2)
    if l1 and l1_method == "subgradient":
        gradients.add_(weights.sign(), alpha=l1)


def proximal(weights: Tensor, amount: Tensor | float) -> None:
    """Soft-threshold in place, w <- sign(w) max(|w| - amount, 0): the step of L1 that gives exact zeros.

    Call it after the optimizer's step with `Optimizer.shrinkage`, for gradient descent lr * C; one amount, or one per
    weight in the weights' shape, none negative. NaN stays NaN. An amount of 0 touches nothing.
    """
    if isinstance(amount, Tensor):
        weights.sub_(weights.clamp(-amount, amount))
        return
    if amount < 0:
        raise ValueError(f"the amount to shrink by must not be negative, not {amount}")
    if amount:
        # w - w is exactly 0, so everything within the amount becomes exactly 0.
        weights.sub_(weights.clamp(-amount, amount))


def sparsity(weights: Tensor) -> Sparsity:
    """Return the shares of exact zeros and of small weights; both 0 for no weights at all."""
    if weights.numel() == 0:
        return Sparsity(0.0, 0.0)
    zeros, small = int((weights == 0).sum()), int((weights.abs() < SMALL).sum())
    return Sparsity(zeros / weights.numel(), small / weights.numel())


def unused_inputs(weight: Tensor, inputs: int) -> list[int]:
    """Return which of the `inputs` of a first weight matrix (fan_out, fan_in) every unit ignores, by exact zeros.

    Of a matrix whose columns come in groups of `inputs`, as those of a polynomial do, an input is ignored if it is in
    every group. Raises ValueError if the columns are not whole groups.
    """
    columns = weight.detach().flatten(1)
    if columns.shape[1] % inputs:
        raise ValueError(f"{columns.shape[1]} columns are no groups of {inputs} inputs")
    ignored = (columns == 0).all(0).view(-1, inputs).all(0)
    return ignored.nonzero().flatten().tolist()


def warnings(lr: float, l1: float, l2: float, reach: float = 1.0) -> list[str]:
    """Return a text for each penalty that is too strong for the learning rate to be what it is meant to be.

    An L2 step multiplies a weight by 1 - 2 lr C: beyond lr C = 1 it grows instead of shrinking. An L1 step takes up to
    lr C off a weight, with momentum `reach` = 1 / (1 - momentum) times as much: beyond 0.05 usual initial weights are
    gone within a few steps.
    """
    found: list[str] = []
    if lr * l2 > 1:
        found.append(
            f"L2 with C = {l2:g} and learning rate {lr:g} multiplies weights by {1 - 2 * lr * l2:g} each step: plain "
            f"gradient descent diverges instead of underfitting; keep C below {1 / lr:g} or lower the rate"
        )
    if (taken := lr * l1 * reach) > 0.05:
        found.append(
            f"L1 with C = {l1:g} and learning rate {lr:g} takes {taken:g} off every weight each step: "
            f"most weights will end at 0 and the model will underfit; try C = {0.005 / (lr * reach):.1g} or less"
        )
    return found
