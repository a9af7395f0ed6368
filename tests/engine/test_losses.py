"""The losses against the lecture's numbers, independent numpy formulas, torch, autograd and properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from ladera.engine.chance import chance_level
from ladera.engine.losses import LOSSES

ELEMENTWISE = ["bce", "mae", "mse", "mape"]
# Kinds with the number of columns of a prediction; None is a flat one. For cce one column is no choice.
SHAPED = [(kind, columns) for kind in LOSSES for columns in (None, 1, 3, 20) if (kind, columns) != ("cce", 1)]
GENERATOR = torch.Generator().manual_seed(5)


def batch(
    kind: str, rows: int = 7, columns: int | None = None, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    shape = (rows,) if columns is None else (rows, columns)
    if kind == "cce":
        return torch.randn(rows, columns or 4, generator=GENERATOR, dtype=dtype) * 3, torch.randint(
            0, columns or 4, (rows,), generator=GENERATOR
        )
    prediction = torch.randn(shape, generator=GENERATOR, dtype=dtype) * 3
    target = torch.randn(shape, generator=GENERATOR, dtype=dtype)
    return prediction, (target > 0).to(dtype) if kind == "bce" else target


def by_numpy(kind: str, prediction: Tensor, target: Tensor) -> np.ndarray:
    """The formulas of the lecture in float64, written without torch and with probabilities in the open."""
    z, y = prediction.double().numpy(), target.double().numpy()
    if kind == "cce":
        p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        return -np.log(p[np.arange(len(z)), target.numpy()])
    if kind == "bce":
        p = 1 / (1 + np.exp(-z))
        value = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    else:
        value = {"mae": abs(y - z), "mse": (y - z) ** 2, "mape": 100 * abs((y - z) / y)}[kind]
    return value.mean(1) if value.ndim == 2 else value


@pytest.mark.parametrize(("kind", "columns"), SHAPED)
def test_equals_the_formula(kind: str, columns: int | None) -> None:
    prediction, target = batch(kind, columns=columns)
    values = LOSSES[kind](prediction, target)
    assert values.shape == (7,)
    assert values.dtype == torch.float64
    assert values.tolist() == pytest.approx(by_numpy(kind, prediction, target), rel=1e-11)
    assert torch.equal(values, LOSSES[kind].per_example(prediction, target))


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_keeps_the_dtype(kind: str, dtype: torch.dtype) -> None:
    prediction, target = batch(kind, dtype=dtype)
    tolerance = {torch.float64: 1e-11, torch.float32: 1e-5, torch.bfloat16: 0.05}[dtype]
    values = LOSSES[kind](prediction, target)
    assert values.dtype == dtype
    assert values.double().tolist() == pytest.approx(
        by_numpy(kind, prediction, target), rel=tolerance, abs=tolerance
    )


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("columns", [None, 3])
def test_derivative_is_that_of_autograd(kind: str, columns: int | None) -> None:
    prediction, target = batch(kind, columns=columns)
    leaf = prediction.clone().requires_grad_()
    LOSSES[kind](leaf, target).sum().backward()
    assert leaf.grad is not None
    assert torch.allclose(LOSSES[kind].gradient(prediction, target), leaf.grad, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("kind", "columns"), SHAPED)
@pytest.mark.parametrize("rows", [1, 7, 300])
@pytest.mark.parametrize("weighted", [False, True])
def test_fast_path_is_the_mean_and_its_gradient(
    kind: str, rows: int, columns: int | None, weighted: bool
) -> None:
    prediction, target = batch(kind, rows, columns)
    untouched = prediction.clone(), target.clone()
    weights = torch.rand(rows, generator=GENERATOR, dtype=torch.float64) + 0.1 if weighted else None
    leaf = prediction.clone().requires_grad_()
    share = torch.full((rows,), 1 / rows, dtype=torch.float64) if weights is None else weights / rows
    expected = (share * LOSSES[kind](leaf, target)).sum()
    expected.backward()
    with torch.no_grad():
        mean, gradient = LOSSES[kind].mean_and_gradient(prediction, target, weights)
    assert mean.dim() == 0
    assert float(mean) == pytest.approx(float(expected.detach()), rel=1e-12)
    assert leaf.grad is not None
    assert gradient.shape == prediction.shape
    assert torch.allclose(gradient, leaf.grad, rtol=1e-11, atol=1e-14)
    assert torch.equal(prediction, untouched[0])
    assert torch.equal(target, untouched[1])


@pytest.mark.parametrize(("kind", "columns"), SHAPED)
@pytest.mark.parametrize("size", [1, 4, 12])
def test_t11_weights_count_the_same_in_batches_of_every_size(
    kind: str, size: int, columns: int | None
) -> None:
    """The mean over batches is the mean over all: a rare class weighs as much in a batch that it has to itself."""
    prediction, target = batch(kind, 12, columns)
    weights = torch.tensor(
        [3.0] * 2 + [0.6] * 10, dtype=torch.float64
    )  # mean 1, as n / (classes * count) has
    whole, slope = LOSSES[kind].mean_and_gradient(prediction.clone(), target, weights)
    parts = [
        LOSSES[kind].mean_and_gradient(prediction[at : at + size].clone(), target[at : at + size], weights[at : at + size])
        for at in range(0, 12, size)
    ]  # fmt: skip
    assert float(whole) == pytest.approx(sum(float(mean) for mean, _ in parts) / len(parts), rel=1e-12)
    joined = torch.cat([gradient for _, gradient in parts]) / len(parts)
    assert torch.allclose(joined, slope, rtol=1e-11, atol=1e-14)


def test_equals_torch() -> None:
    for kind, reference in (
        ("bce", F.binary_cross_entropy_with_logits), ("cce", F.cross_entropy), ("mae", F.l1_loss), ("mse", F.mse_loss)
    ):  # fmt: skip
        prediction, target = batch(kind, 200)
        assert torch.allclose(
            LOSSES[kind](prediction, target), reference(prediction, target, reduction="none"), atol=1e-13
        )


# -- the lecture's numbers --------------------------------------------------------------------------------------


def test_l12_worked_example_of_cross_entropy() -> None:
    logits = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], dtype=torch.float64).log()
    one_hot = torch.tensor([[1, 0, 0], [1, 0, 0]])
    expected = [0.2231435513, 2.3025850930]
    assert LOSSES["cce"](logits, torch.tensor([0, 0])).tolist() == pytest.approx(expected, abs=1e-10)
    assert LOSSES["cce"](logits, one_hot).tolist() == pytest.approx(expected, abs=1e-10)


def test_l11_softmax_twice() -> None:
    probabilities = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], dtype=torch.float64)
    assert LOSSES["cce"](probabilities, torch.tensor([0, 0])).tolist() == pytest.approx(
        [0.6897, 1.3897], abs=5e-5
    )
    for classes, floor in ((3, 0.5514), (10, 1.4612)):
        sure = F.one_hot(torch.tensor([0]), classes).double()
        assert float(LOSSES["cce"](sure, torch.tensor([0]))) == pytest.approx(floor, abs=5e-5)


def test_l19_sales_table() -> None:
    y, yhat = torch.tensor([90.0, 50, 30, 60]).double(), torch.tensor([100.0, 25, 28, 75]).double()
    assert LOSSES["mae"](yhat, y).tolist() == [10, 25, 2, 15]
    assert LOSSES["mse"](yhat, y).tolist() == [100, 625, 4, 225]
    assert LOSSES["mape"](yhat, y).tolist() == pytest.approx([11.1111, 50, 6.6667, 25], abs=1e-4)
    means = [float(LOSSES[kind](yhat, y).mean()) for kind in ("mae", "mse", "mape")]
    assert means == pytest.approx([13, 238.5, 23.194444], abs=1e-6)


def test_l16_large_errors_weigh_more_in_mse() -> None:
    errors = torch.tensor([0.1, 0.2, 0.1, 0.2, 100.0]).double()
    zeros = torch.zeros(5).double()
    assert float(LOSSES["mae"](errors, zeros).mean()) == pytest.approx(20.12)
    assert float(LOSSES["mse"](errors, zeros).mean()) == pytest.approx(2000.02)


def test_l17_mape_caps_below_but_not_above() -> None:
    y = torch.tensor([50.0, 50.0])
    assert LOSSES["mape"](torch.tensor([0.0, 500.0]), y).tolist() == [100.0, 900.0]


def test_l6_l7_confident_mistakes() -> None:
    p = torch.tensor([0.5, 0.1, 0.01], dtype=torch.float64)
    losses = LOSSES["bce"](p.logit(), torch.ones(3))
    assert losses.tolist() == pytest.approx([0.6931, 2.3026, 4.6052], abs=5e-5)
    assert float(losses[2] / losses[0]) == pytest.approx(6.64, abs=5e-3)


def test_l4_l5_sure_answers() -> None:
    """Exactly right costs exactly 0, never 0 · log 0; exactly wrong costs what the formula says, and no capped 100."""
    sure = torch.tensor([1e9, -1e9])
    right, wrong = (sure > 0).float(), (sure < 0).float()
    assert LOSSES["bce"](sure, right).tolist() == [0.0, 0.0]
    assert LOSSES["bce"](sure, wrong).tolist() == [1e9, 1e9]
    pairs = torch.stack([sure, -sure], 1)
    assert LOSSES["cce"](pairs, torch.tensor([0, 1])).tolist() == [0.0, 0.0]
    assert LOSSES["cce"](pairs, torch.tensor([[1.0, 0.0], [0.0, 1.0]])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [4, 300])
def test_l8_stable_at_a_thousand(dtype: torch.dtype, rows: int) -> None:
    """A wrong sure logit costs exactly 1000 with derivative 1, a right one exactly 0; both table row and fast path."""
    signs = torch.tensor([1.0, -1.0]).repeat(rows // 2).to(dtype)
    right = ((signs + 1) / 2).to(dtype)
    logits = signs * 1000
    pairs = torch.stack([torch.zeros(rows, dtype=dtype), logits], 1)
    for target, value, derivative in ((right, 0.0, torch.zeros(rows)), (1 - right, 1000.0, signs)):
        assert LOSSES["bce"](logits, target).tolist() == [value] * rows
        assert torch.equal(LOSSES["bce"].gradient(logits, target), derivative.to(dtype))
        assert LOSSES["cce"](pairs, target.long()).tolist() == [value] * rows
        assert torch.equal(LOSSES["cce"].gradient(pairs, target.long())[:, 1], derivative.to(dtype))
        for kind, prediction, wanted in (("bce", logits, target), ("cce", pairs, target.long())):
            mean, gradient = LOSSES[kind].mean_and_gradient(prediction, wanted)
            assert float(mean) == value
            assert float(gradient.abs().max()) == pytest.approx(float(derivative.abs().max()) / rows)


@given(st.floats(-700, 700), st.integers(0, 1))
@settings(max_examples=200, deadline=None)
def test_l10_two_class_cce_is_bce(z: float, y: int) -> None:
    two = LOSSES["cce"](torch.tensor([[0.0, z]], dtype=torch.float64), torch.tensor([y]))
    one = LOSSES["bce"](torch.tensor([z], dtype=torch.float64), torch.tensor([y], dtype=torch.float64))
    assert float(two) == pytest.approx(float(one), abs=1e-12)


def test_l9_bce_is_symmetric_and_blind_to_imbalance() -> None:
    z, y = batch("bce", 50)
    assert torch.allclose(LOSSES["bce"](z, y), LOSSES["bce"](-z, 1 - y), atol=1e-14)
    y = torch.zeros(100, dtype=torch.float64)
    y[0] = 1
    constant = torch.full((100,), 0.01).double().logit()
    assert float(LOSSES["bce"](constant, y).mean()) == pytest.approx(0.0560, abs=5e-5)


def test_l10_soft_and_one_hot_targets() -> None:
    logits, classes = batch("cce", 30, 5)
    assert torch.allclose(
        LOSSES["cce"](logits, F.one_hot(classes, 5)), LOSSES["cce"](logits, classes), atol=1e-14
    )
    soft = torch.softmax(torch.randn(30, 5, generator=GENERATOR, dtype=torch.float64), 1)
    assert torch.allclose(
        LOSSES["cce"](logits, soft), F.cross_entropy(logits, soft, reduction="none"), atol=1e-13
    )
    leaf = logits.clone().requires_grad_()
    LOSSES["cce"](leaf, soft).sum().backward()
    assert leaf.grad is not None
    assert torch.allclose(LOSSES["cce"].gradient(logits, soft), leaf.grad, atol=1e-13)
    ruled_out = torch.tensor([[0.0, -math.inf, 0.0]])
    assert LOSSES["cce"](ruled_out, torch.tensor([[1, 0, 0]])).tolist() == pytest.approx([math.log(2)])


@pytest.mark.parametrize("kind", LOSSES)
@given(st.floats(-20, 20), st.floats(0.01, 20), st.floats(0, 0.99), st.booleans())
@settings(max_examples=60, deadline=None)
def test_l1_a_better_prediction_never_costs_more(
    kind: str, z: float, y: float, share: float, positive: bool
) -> None:
    if kind in ("bce", "cce"):
        better = z + (1 - share) * (1 if positive else -1)
        pair = torch.tensor([z, better], dtype=torch.float64)
        target = torch.full((2,), float(positive), dtype=torch.float64)
        if kind == "cce":
            pair, target = torch.stack([torch.zeros(2).double(), pair], 1), target.long()
    else:
        pair = torch.tensor([z, y + share * (z - y)], dtype=torch.float64)
        target = torch.full((2,), y, dtype=torch.float64)
    worse, now = LOSSES[kind](pair, target).tolist()
    assert now <= worse + 1e-12


def test_uniform_prediction_costs_the_chance_level() -> None:
    for classes, level in ((2, 0.6931), (3, 1.0986), (10, 2.3026), (100, 4.6052)):
        assert chance_level("cce", [1 / classes] * classes) == pytest.approx(level, abs=5e-5)
        loss = LOSSES["cce"](torch.zeros(1, classes).double(), torch.tensor([0]))
        assert float(loss) == pytest.approx(math.log(classes), abs=1e-12)
    assert chance_level("bce", [0.99, 0.01]) == pytest.approx(0.0560, abs=5e-5)
    assert chance_level("cce", [1.0, 0.0]) == 0
    for shares in ([0.5, 0.6], [1.5, -0.5], [math.nan, 1.0]):
        with pytest.raises(ValueError, match="sum to 1"):
            chance_level("cce", shares)
    with pytest.raises(ValueError, match="no chance level"):
        chance_level("mse", [0.5, 0.5])


@pytest.mark.parametrize(
    ("start", "bce", "mse"),
    [(2.0, (26, 0.881), (86, 0.185)), (6.0, (34, 0.998), (497, 4.9e-3)), (10.0, (42, 1.0), None)],
)
def test_lesson_15_a_saturated_sigmoid_learns_by_bce_only(
    start: float, bce: tuple[int, float], mse: tuple[int, float] | None
) -> None:
    """One weight w, p = sigmoid(w), target 0, rate 0.5: steps until p < 0.1 and the first gradient."""
    zero = torch.zeros(1, dtype=torch.float64)

    def descend(kind: str) -> tuple[int, float]:
        w, first, steps = torch.full((1,), start, dtype=torch.float64), math.nan, 0
        while torch.sigmoid(w) >= 0.1 and steps < 1000:
            p = torch.sigmoid(w)
            slope = (
                LOSSES["bce"].gradient(w, zero)
                if kind == "bce"
                else LOSSES["mse"].gradient(p, zero) * p * (1 - p)
            )
            first = float(slope) if steps == 0 else first
            w, steps = w - 0.5 * slope, steps + 1
        return steps, first

    for kind, expected in (("bce", bce), ("mse", mse)):
        steps, first = descend(kind)
        if expected is None:
            assert steps == 1000
        else:
            assert (steps, first) == (pytest.approx(expected[0], abs=1), pytest.approx(expected[1], rel=0.01))


# -- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_shapes_that_would_broadcast_are_refused(kind: str) -> None:
    for shapes in (
        ((3, 1), (3,)),
        ((3,), (3, 1)),
        ((3, 2), (3, 1)),
        ((3,), (1,)),
        ((3, 1, 1), (3, 1, 1)),
        ((), ()),
    ):
        with pytest.raises(ValueError, match="reshape"):
            LOSSES[kind](torch.ones(shapes[0]), torch.ones(shapes[1]))


@pytest.mark.parametrize("kind", LOSSES)
def test_an_empty_batch_is_refused(kind: str) -> None:
    prediction = torch.empty(0, 3)
    with pytest.raises(ValueError, match="empty"):
        LOSSES[kind](prediction, torch.empty(0, dtype=torch.int64) if kind == "cce" else prediction)
    with pytest.raises(ValueError, match="empty"):
        LOSSES[kind].gradient(prediction, prediction)


@pytest.mark.parametrize("kind", LOSSES)
def test_whole_number_predictions_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="floating"):
        LOSSES[kind](torch.ones(3, 3, dtype=torch.int64), torch.ones(3, 3))


def test_l18_mape_with_zero_targets_says_how_many() -> None:
    with pytest.raises(ValueError, match="2 of 4 targets are 0"):
        LOSSES["mape"](torch.ones(4), torch.tensor([0.0, 100, 0, 50]))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, 2.0, math.nan])
def test_bce_targets_outside_the_range(wrong: float) -> None:
    with pytest.raises(ValueError, match="1 of 3 targets"):
        LOSSES["bce"](torch.zeros(3), torch.tensor([0.0, 1.0, wrong]))


def test_cce_refusals() -> None:
    logits = torch.zeros(2, 3)
    for target, match in (
        (torch.tensor([0, 3]), "class 3"), (torch.tensor([-1, 0]), "class -1"), (torch.tensor([0.0, 1.0]), "whole"),
        (torch.tensor([[1], [2]]), "does not fit"), (torch.tensor([0]), "does not fit"),
        (torch.tensor([[1, 1, 0], [1, 0, 0]]), "sum to 1"), (torch.tensor([[1.5, -0.5, 0], [1, 0, 0]]), "sum to 1"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            LOSSES["cce"](logits, target)
    for shape in ((3,), (3, 1), (3, 2, 2)):
        with pytest.raises(ValueError, match="at least 2 classes"):
            LOSSES["cce"](torch.zeros(shape), torch.zeros(3, dtype=torch.int64))
