"""Every number that the lecture prints, from the worked examples that the screen shows and from the tables that train."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ladera.engine import regularization, worked
from ladera.engine.chance import chance_level
from ladera.engine.losses import LOSSES
from ladera.engine.reading import read_cross_entropy


def test_cross_entropy_of_the_car() -> None:
    """Printed: 0.223 and 2.3."""
    good = worked.cross_entropy(worked.GOOD_ANSWER, worked.CAR)
    bad = worked.cross_entropy(worked.BAD_ANSWER, worked.CAR)
    assert (round(good.loss, 3), round(bad.loss, 1)) == (0.223, 2.3)
    assert good.loss == pytest.approx(-math.log(0.8), abs=1e-12)
    assert bad.loss == pytest.approx(math.log(10), abs=1e-12)
    assert good.terms == (good.loss, 0, 0)
    # The same answers taken for logits: the two softmaxes of lesson 16.
    assert (good.doubled, bad.doubled) == (pytest.approx(0.6897, abs=5e-5), pytest.approx(1.3897, abs=5e-5))
    assert good.floor == pytest.approx(0.5514, abs=5e-5)


def test_errors_of_the_sales() -> None:
    """Printed: 13, 238.5 and 23.19 %."""
    found = worked.errors(worked.SOLD, worked.FORETOLD)
    assert found.absolute == (10, 25, 2, 15)
    assert found.squared == (100, 625, 4, 225)
    assert found.relative == pytest.approx((100 / 9, 50, 20 / 3, 25), abs=1e-12)
    assert (found.mae, found.mse, round(found.mape, 2)) == (13, 238.5, 23.19)
    assert found.rmse == pytest.approx(15.4434, abs=5e-5)


@pytest.mark.parametrize(
    ("index", "l1", "l2", "digits"), [(0, 0.98, 0.9, 1), (1, 2.32, 1.06, 2), (2, 70.03, 32.69, 2)]
)
def test_norms_of_the_polynomials(index: int, l1: float, l2: float, digits: int) -> None:
    """Printed with the constant term, and the L2 norm with its root."""
    polynomial = worked.POLYNOMIALS[index]
    assert round(polynomial.norms().l1, 2) == l1
    assert round(polynomial.norms().l2, digits) == l2
    assert polynomial.norms().squared == pytest.approx(polynomial.norms().l2 ** 2, rel=1e-12)
    weights = torch.tensor(polynomial.coefficients[1:], dtype=torch.float64)
    bare = polynomial.norms(constant=False)
    # What a penalty on the weight matrix adds: no constant term, no root.
    assert regularization.penalty(weights, 1, 0) == pytest.approx(bare.l1, rel=1e-12)
    assert regularization.penalty(weights, 0, 1) == pytest.approx(bare.squared, rel=1e-12)
    assert polynomial.norms().l1 - bare.l1 == pytest.approx(abs(polynomial.coefficients[0]), rel=1e-9)


def test_norms_without_the_constant_term() -> None:
    """By hand: 0.98 - 0.04, 2.32 - 0.01, 70.03 - 0.01; the squared norms less 0.0016, 0.0001, 0.0001."""
    bare = [polynomial.norms(constant=False) for polynomial in worked.POLYNOMIALS]
    assert [round(norms.l1, 2) for norms in bare] == [0.94, 2.31, 70.02]
    assert [round(norms.squared, 4) for norms in bare] == [0.8116, 1.1301, 1068.7362]


def test_a_polynomial_is_evaluated() -> None:
    first = worked.POLYNOMIALS[0]
    assert [first(x) for x in (-1.0, 0.0, 2.0)] == pytest.approx([0.9, 0.04, 3.72])


@pytest.mark.parametrize("seed", range(5))
def test_a_least_squares_fit_of_degree_8_is_never_worse_than_one_of_degree_2(seed: int) -> None:
    """T23: the middle polynomial (0.035 beside 0.006) is therefore no plain fit; one with a penalty may well be worse."""
    rng = np.random.default_rng(seed)
    x = np.linspace(-1, 1, 9)
    y = 0.04 + 0.9 * x**2 + rng.normal(0, 0.08, 9)

    def error(degree: int, ridge: float = 0.0) -> float:
        powers = np.vander(x, degree + 1, increasing=True)
        if not ridge:
            weights = np.linalg.lstsq(powers, y, rcond=None)[0]
        else:
            weights = np.linalg.solve(powers.T @ powers + ridge * np.eye(degree + 1), powers.T @ y)
        return float(((powers @ weights - y) ** 2).mean())

    assert error(8) < 1e-12 < error(2)
    assert error(8, ridge=3.0) > error(2)


def test_the_printed_errors_rank_the_models_otherwise_than_a_plain_fit_would() -> None:
    """T23: degree 8 contains degree 2, so a least-squares fit of it could not have the larger error of the two."""
    simple, middle, wild = worked.POLYNOMIALS
    assert len(simple.coefficients) < len(middle.coefficients) == len(wild.coefficients)
    assert middle.mse > simple.mse > wild.mse == 0


@pytest.mark.parametrize(("classes", "chance"), [(2, 0.6931), (3, 1.0986), (10, 2.3026)])
def test_limits(classes: int, chance: float) -> None:
    """ln 2, ln 3 and ln 10: what knowing nothing costs, from the losses and from the training loop."""
    shares = [1 / classes] * classes
    assert chance_level("cce", shares) == pytest.approx(chance, abs=5e-5)
    assert chance_level("bce", shares) == pytest.approx(math.log(classes), abs=1e-12)
    assert worked.cross_entropy(shares, 0).loss == pytest.approx(math.log(classes), abs=1e-12)


# -- the worked examples agree with what trains -------------------------------------------------------------------


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=12), st.integers(0, 11))
def test_worked_cross_entropy_is_the_loss_that_trains(parts: list[float], truth: int) -> None:
    truth %= len(parts)
    probabilities = [part / sum(parts) for part in parts]
    tensor, target = torch.tensor([probabilities], dtype=torch.float64), torch.tensor([truth])
    found = worked.cross_entropy(probabilities, truth)
    assert found.loss == pytest.approx(float(LOSSES["cce"](tensor.log(), target)), abs=1e-9)
    assert found.doubled == pytest.approx(float(LOSSES["cce"](tensor, target)), abs=1e-9)
    assert found.doubled >= found.floor


@given(
    st.lists(
        st.tuples(
            st.floats(-100, 100).filter(lambda y: abs(y) > 1e-3),
            st.floats(-100, 100),
        ),
        min_size=1,
        max_size=9,
    )
)
def test_worked_errors_are_the_losses_that_train(pairs: list[tuple[float, float]]) -> None:
    y, yhat = (list(column) for column in zip(*pairs, strict=True))
    found = worked.errors(y, yhat)
    target, prediction = torch.tensor(y, dtype=torch.float64), torch.tensor(yhat, dtype=torch.float64)
    for kind, terms, mean in (
        ("mae", found.absolute, found.mae), ("mse", found.squared, found.mse), ("mape", found.relative, found.mape)
    ):  # fmt: skip
        values = LOSSES[kind](prediction, target)
        assert values.tolist() == pytest.approx(list(terms), rel=1e-9, abs=1e-9)
        assert float(values.mean()) == pytest.approx(mean, rel=1e-9, abs=1e-9)


def test_worked_examples_at_their_edges() -> None:
    assert worked.cross_entropy((1.0, 0.0), 0).loss == 0
    assert worked.cross_entropy((1.0, 0.0), 1).terms == (0, math.inf)
    assert [worked.surprise(p) for p in (0.5, 0.1, 0.01)] == pytest.approx([0.6931, 2.3026, 4.6052], abs=5e-5)
    undefined = worked.errors((0.0, 10.0), (1.0, 11.0))
    assert math.isnan(undefined.relative[0])
    assert math.isnan(undefined.mape)
    assert undefined.mae == 1
    for probabilities, truth in (((0.5, 0.6), 0), ((1.5, -0.5), 0), ((0.5, 0.5), 2), ((0.5, 0.5), -1)):
        with pytest.raises(ValueError, match=r"sum to 1|out of range"):
            worked.cross_entropy(probabilities, truth)
    for target, prediction in (((), ()), ((1.0,), (1.0, 2.0))):
        with pytest.raises(ValueError, match="one for each"):
            worked.errors(target, prediction)


def test_worked_examples_need_no_torch() -> None:
    """The first frame does not wait for torch, and these are shown without a run."""
    code = "import sys, ladera.engine.worked, ladera.engine.reading; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- L13 and T10: the reading of a cross-entropy ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "classes", "verdict"),
    [
        (0.05, 10, "near the truth"),
        (0.05, 2, "near the truth"),
        (0.5, 2, "learning"),
        (1.2, 10, "learning"),  # above 1, and no bug
        (2.31, 10, "at chance"),  # a fresh network of ten classes
        (2.37, 10, "at chance"),
        (0.69, 2, "at chance"),
        (1.0, 2, "worse than chance"),  # the lecture's rule holds for two classes
        (4.0, 10, "worse than chance"),
    ],
)
def test_a_cross_entropy_is_read_relative_to_chance(loss: float, classes: int, verdict: str) -> None:
    reading = read_cross_entropy(loss, math.log(classes))
    assert reading.verdict == verdict
    assert reading.probability == pytest.approx(math.exp(-loss))
    assert f"{loss:.3f}" in reading.text
    assert f"{math.log(classes):.3f}" in reading.text


def test_a_sure_answer_reads_as_the_truth_and_nonsense_has_no_reading() -> None:
    assert read_cross_entropy(0.0, math.log(3)).probability == 1
    assert read_cross_entropy(math.inf, math.log(3)).probability == 0
    for loss, chance in ((-0.1, 1.0), (math.nan, 1.0), (1.0, 0.0), (1.0, math.nan)):
        with pytest.raises(ValueError, match="no reading"):
            read_cross_entropy(loss, chance)
