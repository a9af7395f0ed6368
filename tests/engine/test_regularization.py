"""Penalties against hand-computed numbers, autograd, torch's weight_decay and the lecture's polynomials."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Lasso
from torch import Tensor

from ladera.engine import regularization
from ladera.engine.optimizers import OPTIMIZERS

SMOOTH = [0.04, 0.04, 0.9]
MIDDLE = [-0.01, 0.01, 0.8, 0.5, -0.1, -0.1, 0.3, -0.3, 0.2]
WILD = [-0.01, 0.57, 2.67, -4.08, -12.25, 7.41, 24.87, -3.79, -14.38]


@pytest.mark.parametrize(
    ("weights", "l1", "l2"), [(SMOOTH, 0.98, 0.9018), (MIDDLE, 2.32, 1.0631), (WILD, 70.03, 32.6915)]
)
def test_r8_to_r10_polynomials(weights: list[float], l1: float, l2: float) -> None:
    """The lecture prints the root of the sum of squares; the penalty is its square."""
    tensor = torch.tensor(weights, dtype=torch.float64)
    assert regularization.penalty(tensor, 1, 0) == pytest.approx(l1, abs=1e-9)
    assert math.sqrt(regularization.penalty(tensor, 0, 1)) == pytest.approx(l2, abs=5e-5)


def test_r1_penalty_is_c_times_the_norm_in_float64() -> None:
    # In float32 the million addends of 1e-4 would add up to something else.
    weights = torch.full((1_000_000,), 1e-4)
    exact = float(torch.tensor(1e-4))
    assert regularization.penalty(weights, 0.5, 0) == pytest.approx(0.5 * 1e6 * exact, rel=1e-12)
    assert regularization.penalty(weights, 0, 2) == pytest.approx(2 * 1e6 * exact**2, rel=1e-12)
    assert regularization.penalty(weights, 0.5, 2) == pytest.approx(
        0.5 * 1e6 * exact + 2e6 * exact**2, rel=1e-12
    )


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=20), st.floats(0, 5), st.floats(0, 5))
def test_gradient_is_that_of_the_penalty(values: list[float], l1: float, l2: float) -> None:
    weights = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    total = l1 * weights.abs().sum() + l2 * weights.square().sum()
    total.backward()
    assert weights.grad is not None
    gradients = torch.ones(len(values), dtype=torch.float64)
    regularization.add_gradient(weights.detach(), gradients, l1, l2, "subgradient")
    assert torch.allclose(gradients, 1 + weights.grad, rtol=1e-12, atol=1e-12)
    assert regularization.penalty(weights, l1, l2) == pytest.approx(
        float(total.detach()), rel=1e-12, abs=1e-12
    )


def test_proximal_method_leaves_the_gradient_to_the_loss() -> None:
    gradients = torch.ones(2)
    regularization.add_gradient(torch.tensor([1.0, -2.0]), gradients, 0.5, 0.0, "proximal")
    assert gradients.tolist() == [1.0, 1.0]
    regularization.add_gradient(torch.tensor([1.0, -2.0]), gradients, 0.5, 0.25, "proximal")
    assert gradients.tolist() == [1.5, 0.0]


def test_r3_zero_touches_nothing() -> None:
    """Not even NaN weights are read; the same bits come out."""
    weights, gradients = torch.tensor([math.nan, -0.0]), torch.tensor([-0.0, 1.0])
    bits = weights.view(torch.int32).clone(), gradients.view(torch.int32).clone()
    regularization.add_gradient(weights, gradients, 0.0, 0.0, "subgradient")
    regularization.proximal(weights, 0.0)
    assert regularization.penalty(weights, 0.0, 0.0) == 0.0
    assert torch.equal(weights.view(torch.int32), bits[0])
    assert torch.equal(gradients.view(torch.int32), bits[1])


@given(st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=20), st.floats(2**-10, 3, width=32))
def test_r5_proximal_is_the_soft_threshold_with_exact_zeros(values: list[float], amount: float) -> None:
    weights = torch.tensor(values)
    expected = [math.copysign(max(abs(w) - amount, 0.0), w) for w in weights.tolist()]
    regularization.proximal(weights, amount)
    assert weights.tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert [w == 0 for w in weights.tolist()] == [abs(w) <= amount for w in torch.tensor(values).tolist()]


def test_proximal_keeps_nan_and_refuses_negative_amounts() -> None:
    weights = torch.tensor([math.nan, math.inf, 1.0])
    regularization.proximal(weights, 0.5)
    assert math.isnan(weights[0])
    assert weights[1:].tolist() == [math.inf, 0.5]
    with pytest.raises(ValueError, match="negative"):
        regularization.proximal(weights, -0.1)


TWINS: dict[str, tuple[Any, dict[str, float]]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "adagrad": (torch.optim.Adagrad, {}),
    "rmsprop": (torch.optim.RMSprop, {"alpha": 0.9}),
    "adam": (torch.optim.Adam, {}),
}


@pytest.mark.parametrize("kind", TWINS)
def test_r6_l2_is_torch_weight_decay_of_twice_c(kind: str) -> None:
    make, extra = TWINS[kind]
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(11, generator=generator, dtype=torch.float64)
    twin = torch.nn.Parameter(weights.clone())
    optimizer, reference = OPTIMIZERS[kind](lr=0.01), make([twin], lr=0.01, weight_decay=2 * 0.3, **extra)
    state = optimizer.init(weights)
    for _ in range(25):
        gradients = torch.randn(11, generator=generator, dtype=torch.float64)
        twin.grad = gradients.clone()
        regularization.add_gradient(weights, gradients, 0.0, 0.3)
        optimizer.update(weights, gradients, state)
        reference.step()
    assert torch.allclose(weights, twin.detach(), rtol=0, atol=1e-12)


def test_r6_adamw_is_not_the_l2_penalty() -> None:
    def end(kind: str, l2: float, **hyper: float) -> Tensor:
        weights = torch.tensor([4.0, 1.5], dtype=torch.float64)
        optimizer = OPTIMIZERS[kind](lr=0.1, **hyper)
        state = optimizer.init(weights)
        for _ in range(25):
            gradients = weights * torch.tensor([1.0, 25.0])
            regularization.add_gradient(weights, gradients, 0.0, l2)
            optimizer.update(weights, gradients, state)
        return weights

    assert not torch.allclose(end("adam", 0.25), end("adamw", 0.0, weight_decay=0.5), atol=0.05)


def inputs_of_which_five_matter() -> tuple[Tensor, Tensor]:
    """Regression on 20 inputs (lesson 5b): x and y."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(100, 20, generator=generator, dtype=torch.float64)
    true = torch.zeros(20, dtype=torch.float64)
    true[:5] = torch.tensor([3.0, -2.0, 1.5, 1.0, -1.0])
    return x, x @ true + 0.5 * torch.randn(100, generator=generator, dtype=torch.float64)


def fit(method: str, l1: float, l2: float, steps: int = 300, lr: float = 0.05) -> tuple[Tensor, float]:
    """Fit a linear model; return its weights and the mean squared error."""
    x, y = inputs_of_which_five_matter()
    weights, optimizer = torch.zeros(20, dtype=torch.float64), OPTIMIZERS["sgd"](lr=lr)
    for _ in range(steps):
        gradients = 2 * x.T @ (x @ weights - y) / 100
        regularization.add_gradient(weights, gradients, l1, l2, method)
        optimizer.update(weights, gradients, {})
        if l1 and method == "proximal":
            regularization.proximal(weights, lr * l1)
    return weights, float((x @ weights - y).square().mean())


def test_r5_r11_only_the_proximal_step_selects_inputs() -> None:
    sparse, _ = fit("proximal", 0.2, 0.0)
    assert int((sparse[5:] == 0).sum()) >= 11
    assert int((sparse[:5] == 0).sum()) == 0
    for method, l1, l2 in (("subgradient", 0.2, 0.0), ("proximal", 0.0, 0.2), ("proximal", 0.0, 0.0)):
        weights, _ = fit(method, l1, l2)
        assert int((weights == 0).sum()) == 0


@pytest.mark.parametrize("formula", ["pytorch", "lecture"])
@pytest.mark.parametrize(
    ("kind", "lr"), [("sgd", 0.05), ("momentum", 0.02), ("adagrad", 0.1), ("rmsprop", 0.003), ("adam", 0.01)]
)
@pytest.mark.parametrize("c", [0.2, 1.0, 20.0])
def test_r2_r5_every_optimizer_finds_the_least_of_loss_and_penalty(
    kind: str, lr: float, formula: str, c: float
) -> None:
    """scikit-learn's coordinate descent is the judge; its loss is half of the mean square."""
    x, y = inputs_of_which_five_matter()
    expected = Lasso(alpha=c / 2, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(x.numpy(), y.numpy())
    weights = 0.1 * torch.randn(20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    optimizer = OPTIMIZERS[kind](lr=lr, formula=formula)
    state = optimizer.init(weights)
    for _ in range(6000):
        optimizer.update(weights, 2 * x.T @ (x @ weights - y) / 100, state)
        regularization.proximal(weights, optimizer.shrinkage(state, c))
    np.testing.assert_allclose(weights.numpy(), expected.coef_, atol=1e-5)
    np.testing.assert_array_equal(weights.numpy() == 0, expected.coef_ == 0)


def test_r5_weights_without_a_gradient_are_taken_away_and_never_beyond_zero() -> None:
    """Adam's rate is without bound where no gradient arrives: at most 3 lr a step goes."""
    optimizer = OPTIMIZERS["adam"](lr=0.01)
    weights = torch.tensor([0.05, -0.05, 0.001], dtype=torch.float64)
    state = optimizer.init(weights)
    for expected in ([0.02, -0.02, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]):
        optimizer.update(weights, torch.zeros_like(weights), state)
        regularization.proximal(weights, optimizer.shrinkage(state, 1e-6))
        np.testing.assert_allclose(weights.numpy(), expected, atol=1e-15)


def test_r4_a_huge_c_underfits_or_with_too_large_steps_diverges() -> None:
    _, free = fit("proximal", 0.0, 0.0)
    weights, error = fit("proximal", 100.0, 0.0)
    assert (weights == 0).all()
    assert error > 10 * free
    weights, error = fit("proximal", 0.0, 9.0)
    assert float(weights.abs().max()) < 0.5
    assert error > 10 * free
    weights, _ = fit("proximal", 0.0, 25.0)
    assert float(weights.abs().max()) > 1e9


def test_r4_warnings() -> None:
    assert regularization.warnings(0.1, 0.002, 0.005) == []
    assert regularization.warnings(0.1, 0.0, 10.0) == []
    (text,) = regularization.warnings(0.1, 0.0, 12.0)
    assert "-1.4" in text
    assert "below 10" in text
    (text,) = regularization.warnings(0.1, 1.0, 0.0)
    assert "underfit" in text
    assert len(regularization.warnings(1.0, 1.0, 2.0)) == 2
    assert regularization.warnings(0.01, 1.0, 0.0) == []
    (text,) = regularization.warnings(0.01, 1.0, 0.0, reach=10.0)
    assert "takes 0.1 off" in text


def test_sparsity() -> None:
    found = regularization.sparsity(torch.tensor([0.0, -0.0, 5e-4, -5e-4, 1e-2, -3.0, 1e-3, 1.0]))
    assert (found.zeros, found.small) == (2 / 8, 4 / 8)
    assert regularization.sparsity(torch.empty(0)) == regularization.Sparsity(0.0, 0.0)


def test_r5_inputs_that_every_unit_ignores() -> None:
    weight = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]])
    assert regularization.unused_inputs(weight, 4) == [0, 2]
    # A polynomial of degree 2 of two inputs: columns x1, x2, then their second degree.
    assert regularization.unused_inputs(weight, 2) == [0]
    assert regularization.unused_inputs(torch.full((2, 2), 1e-30), 2) == []
    with pytest.raises(ValueError, match="no groups of 3"):
        regularization.unused_inputs(weight, 3)
