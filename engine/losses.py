"""The losses of the lecture: the scalar that training makes small, as per-example values and their derivatives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Loss(ABC):
    """One loss: per-example values, their derivative, and both at once for the training step.

    `loss(prediction, target)` returns shape (batch,); the loss of a batch is the mean of it. Calling
    it, `gradient` and `checked` raise ValueError on shapes and values for which the formula has no
    meaning; `per_example` and `mean_and_gradient`, the paths of training, check nothing.
    """

    kind: ClassVar[str]

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each example, shape (batch,), in the dtype of the prediction; differentiable by autograd."""
        return self.per_example(prediction, self.checked(prediction, target))

    def gradient(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the derivative of each example's loss with respect to its prediction, in the prediction's shape."""
        target = self.checked(prediction, target)
        with torch.no_grad():
            return self._derivative(prediction, target)

    def checked(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the target in the form that the formula uses; raises ValueError saying what does not fit."""
        if not prediction.is_floating_point():
            raise ValueError(f"{self.kind}: the prediction must be floating point, not {prediction.dtype}")
        if prediction.numel() == 0:
            raise ValueError(f"{self.kind}: the batch is empty, and a mean over no examples is undefined")
        return self._fitted(prediction, target)

    @abstractmethod
    def mean_and_gradient(
        self, prediction: Tensor, target: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the batch's mean loss (0-dim) and its gradient with respect to the prediction, in few kernels.

        With weights of shape (batch,), whose mean over the data set is 1, it is sum(w l) / batch: divided by the
        batch's own sum(w), as torch does it, a batch of one class would count as if there were no weights.
        Nothing is checked: the data set was, once. Call it under `torch.no_grad()`; the target has the prediction's dtype (cce: int64 classes).
        """

    @abstractmethod
    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return what calling the loss returns, with nothing checked, for data that was checked once."""

    @abstractmethod
    def _fitted(self, prediction: Tensor, target: Tensor) -> Tensor: ...

    @abstractmethod
    def _derivative(self, prediction: Tensor, target: Tensor) -> Tensor: ...


class _Elementwise(Loss):
    """A loss of single numbers; over several outputs an example's loss is their mean."""

    def mean_and_gradient(
        self, prediction: Tensor, target: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        values, slope = self._both(prediction, target)
        if weights is None:
            return values.mean(), slope.mul_(1 / slope.numel())
        share = weights / len(weights)
        if prediction.dim() == 2:
            share = (share / prediction.shape[1]).unsqueeze(1)
        return values.mul_(share).sum(), slope.mul_(share)

    def _fitted(self, prediction: Tensor, target: Tensor) -> Tensor:
        # (N, 1) against (N,) would broadcast to N x N and train on nonsense without a word.
        if prediction.shape != target.shape or prediction.dim() not in (1, 2):
            raise ValueError(
                f"{self.kind}: prediction {tuple(prediction.shape)} and target {tuple(target.shape)} must both be "
                "(batch,) or both (batch, outputs); reshape one of them"
            )
        return target.to(prediction.dtype)

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        values = self._elements(prediction, target)
        return values.mean(1) if values.dim() == 2 else values

    def _derivative(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self._slope(prediction, target).mul_(prediction.shape[0] / prediction.numel())

    def _both(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return loss and derivative of each number; overridden where they share work."""
        return self._elements(prediction, target), self._slope(prediction, target)

    @abstractmethod
    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each number, in a new tensor."""

    @abstractmethod
    def _slope(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the derivative of each number's loss, in a new tensor."""


class Bce(_Elementwise):
    """Binary cross-entropy -(y log p + (1 - y) log(1 - p)), p = sigmoid(prediction).

    Predictions are logits z; the form used, max(z, 0) - z y + log(1 + exp(-|z|)), neither overflows nor
    meets log 0. Targets are 0 or 1, or anything between (soft labels). Derivative: sigmoid(z) - y.
    """

    kind = "bce"

    def _fitted(self, prediction: Tensor, target: Tensor) -> Tensor:
        target = super()._fitted(prediction, target)
        wrong = int((~((target >= 0) & (target <= 1))).sum())
        if wrong:
            raise ValueError(f"bce: {wrong} of {target.numel()} targets lie outside [0, 1]; use 0 and 1")
        return target

    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(prediction, target, reduction="none")

    def _slope(self, prediction: Tensor, target: Tensor) -> Tensor:
        return torch.sigmoid(prediction).sub_(target)


class Cce(Loss):
    """Categorical cross-entropy -sum_i y_i log p_i, p = softmax(prediction).

    Predictions are logits of shape (batch, classes), as in torch: the softmax is inside the loss. The
    target is the class, int64 (batch,), or one-hot or probabilities (batch, classes). Derivative: p - y.
    """

    kind = "cce"

    def mean_and_gradient(
        self, prediction: Tensor, target: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        logs = _log_softmax(prediction)
        if weights is None:
            loss = F.nll_loss(logs, target)
            gradient = logs.exp_().scatter_(1, target.unsqueeze(1), -1.0, reduce="add")
            return loss, gradient.mul_(1 / len(target))
        share = weights / len(weights)
        loss = torch.dot(share, F.nll_loss(logs, target, reduction="none"))
        gradient = logs.exp_().scatter_(1, target.unsqueeze(1), -1.0, reduce="add")
        return loss, gradient.mul_(share.unsqueeze(1))

    def _fitted(self, prediction: Tensor, target: Tensor) -> Tensor:
        if prediction.dim() != 2 or prediction.shape[1] < 2:
            raise ValueError(
                f"cce: the prediction must be (batch, classes) with at least 2 classes, not {tuple(prediction.shape)}; "
                "for one output use bce"
            )
        classes = prediction.shape[1]
        if target.shape == prediction.shape:
            target = target.to(prediction.dtype)
            if not bool((target >= 0).all()) or not bool(((target.sum(1) - 1).abs() <= 1e-3).all()):
                raise ValueError(
                    "cce: each row of a (batch, classes) target must be probabilities that sum to 1"
                )
            return target
        if target.shape != prediction.shape[:1]:
            raise ValueError(
                f"cce: target {tuple(target.shape)} does not fit prediction {tuple(prediction.shape)}; give classes "
                f"of shape ({len(prediction)},) or one-hot rows of shape {tuple(prediction.shape)}"
            )
        if target.is_floating_point() or target.dtype == torch.bool:
            raise ValueError(f"cce: classes must be whole numbers (int64), not {target.dtype}")
        target = target.long()
        wrong = (target < 0) | (target >= classes)
        if bool(wrong.any()):
            raise ValueError(
                f"cce: class {int(target[wrong][0])} is out of range; there are classes 0 to {classes - 1}"
            )
        return target

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        logs = _log_softmax(prediction)
        if target.dim() == 1:
            return F.nll_loss(logs, target, reduction="none")
        # 0 log 0 counts as 0: a class that cannot be asked for costs nothing.
        return -(target * logs.masked_fill(target == 0, 0.0)).sum(1)

    def _derivative(self, prediction: Tensor, target: Tensor) -> Tensor:
        share = _log_softmax(prediction).exp_()
        if target.dim() == 1:
            return share.scatter_(1, target.unsqueeze(1), -1.0, reduce="add")
        return share.mul_(target.sum(1, keepdim=True)).sub_(target)


class Mae(_Elementwise):
    """Mean absolute error |y - yhat|, in the unit of the target. Derivative: sign(yhat - y), 0 where they are equal."""

    kind = "mae"

    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).abs()

    def _slope(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).sign_()

    def _both(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        error = prediction - target
        return error.abs(), error.sign_()


class Mse(_Elementwise):
    """Mean squared error (y - yhat)^2, in the squared unit of the target. Derivative: 2 (yhat - y)."""

    kind = "mse"

    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).square()

    def _slope(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).mul_(2)

    def _both(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        error = prediction - target
        return error.square(), error.mul_(2)


class Mape(_Elementwise):
    """Mean absolute percentage error 100 |y - yhat| / |y|, in per cent (scikit-learn's is a fraction).

    Undefined at y = 0: such targets are refused, not replaced by a tiny number that gives 1e9 per cent.
    Meaningful in the target's own unit only. Derivative: 100 sign(yhat - y) / |y|.
    """

    kind = "mape"

    def _fitted(self, prediction: Tensor, target: Tensor) -> Tensor:
        target = super()._fitted(prediction, target)
        zeros = int((target == 0).sum())
        if zeros:
            raise ValueError(
                f"mape: {zeros} of {target.numel()} targets are 0, and a percentage of 0 is undefined; use mae or mse"
            )
        return target

    def _elements(self, prediction: Tensor, target: Tensor) -> Tensor:
        return ((prediction - target) / target).abs() * 100

    def _slope(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).sign_().div_(target.abs()).mul_(100)


#: The losses by the name used in presets.
LOSSES: dict[str, Loss] = {loss.kind: loss for loss in (Bce(), Cce(), Mae(), Mse(), Mape())}


def _log_softmax(logits: Tensor) -> Tensor:
    """Return log softmax over the classes; the strides may differ from those of the logits."""
    # Rows shorter than a vector register are computed number by number on a CPU; along columns they are not.
    batch, classes = logits.shape
    if logits.device.type == "cpu" and classes < 16 and batch * classes >= 512:
        return torch.log_softmax(logits.t().contiguous(), 0).t()
    return torch.log_softmax(logits, 1)
