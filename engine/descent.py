"""One update of a network from the gradients it holds: what training does at every step, and what a probe foretells."""

from __future__ import annotations

import math

import torch

from . import regularization
from .experiment import Experiment
from .network import Network
from .optimizers import Optimizer, State


def descend(
    network: Network, experiment: Experiment, optimizer: Optimizer, state: State, rate: float
) -> None:
    """Add the penalty's gradient, clip, let the optimizer step at learning rate `rate`, and shrink for proximal L1.

    Changes the network, the optimizer's `lr` and its state in place. Clipping is by the Euclidean norm of all
    gradients together, the penalty's among them.
    """
    penalty, largest = experiment.regularization, experiment.training.clip_norm
    if penalty.l1 or penalty.l2:
        regularization.add_gradient(
            network.regularized, network.regularized_gradients, l1=penalty.l1, l2=penalty.l2,
            l1_method=penalty.l1_method,
        )  # fmt: skip
    if largest:
        norm = math.sqrt(torch.dot(network.gradients, network.gradients).item())
        if norm > largest:
            network.gradients.mul_(largest / norm)
    optimizer.lr = rate
    optimizer.update(network.parameters, network.gradients, state)
    if penalty.l1 and penalty.l1_method == "proximal":
        amount = optimizer.shrinkage(state, penalty.l1)
        if isinstance(amount, torch.Tensor):
            amount = amount[: network.weights_end]
        regularization.proximal(network.regularized, amount)
