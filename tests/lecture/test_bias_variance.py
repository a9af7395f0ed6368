"""B2 and B3: polynomial regression through `run`, against the least-squares fit of the same points.

All are the preset noisy-sine with model = polynomial. Least squares is numpy's on powers of the same inputs, apart from
the layer that is tested.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median

import numpy as np
import pytest
import torch

from ladera.engine import Experiment, run
from ladera.engine.history import History
from ladera.engine.training import Training
from ladera.presets.catalog import load

DEGREES = (1, 3, 5, 8, 11)
#: The features are orthonormal: gradient descent halves what is left of every coefficient at each step.
QUICK = (
    "optimizer=sgd",
    "optimizer.lr=0.25",
    "training=full-batch",
    "training.epochs=40",
    "stopping=none",
)


def sine(degree: int, *settings: str) -> Experiment:
    return load(
        "noisy-sine",
        ("model=polynomial", f"model.degree={degree}", "training.device=cpu", *settings),
    )


def losses(experiment: Experiment) -> tuple[float, float]:
    """Train and validation MSE after the last epoch of a run."""
    history = History.of(run(experiment))
    train, validation = history.train["loss"].last, history.validation["loss"].last
    assert train is not None
    assert validation is not None
    return train.y, validation.y


def least_squares(experiment: Experiment) -> float:
    """Train MSE of numpy's fit of the powers to the training part, in the target's own unit."""
    data = Training(experiment).data
    x = data.train.x[:, 0].double().numpy()
    y = (data.train.y * data.target_scale + data.target_center)[:, 0].double().numpy()
    fit = np.polynomial.Polynomial.fit(x, y, experiment.model.degree)  # pyright: ignore[reportAttributeAccessIssue]
    return float(np.mean((fit(x) - y) ** 2))


@pytest.mark.parametrize("degree", DEGREES)
def test_b2_gradient_descent_reaches_the_least_squares_fit(degree: int) -> None:
    """60 points, as of the preset; also with its own optimizer, Adam on mini-batches, that never quite comes to rest."""
    quick = sine(degree, *QUICK)
    assert losses(quick)[0] == pytest.approx(least_squares(quick), rel=1e-4)
    own = sine(degree, "stopping=none", "training.epochs=200")
    assert losses(own)[0] == pytest.approx(least_squares(own), rel=0.02)


def test_b2_the_train_error_falls_with_the_degree_and_the_unseen_one_is_u_shaped() -> None:
    """Fifteen points as in lesson 13, six seeds: medians, since one set of points in few is far worse than the rest."""
    few = ("data.subset=15", "data.examples=400", *QUICK)
    trained, unseen = {d: [] for d in DEGREES}, {d: [] for d in DEGREES}
    for seed in range(6):
        for degree in DEGREES:
            train, validation = losses(sine(degree, f"training.seed={seed}", *few))
            trained[degree].append(train)
            unseen[degree].append(validation)
    for curve in zip(*trained.values(), strict=True):
        assert all(b <= a * (1 + 1e-5) for a, b in pairwise(curve))
    bowl = [median(values) for values in unseen.values()]
    assert bowl[0] > bowl[1] > bowl[2] < bowl[3] < bowl[4]
    assert bowl[0] > 3 * bowl[2]
    assert bowl[4] > 100 * bowl[2]


def test_b3_too_simple_right_and_too_complex_on_the_preset() -> None:
    """The three fits of the lecture's figure: degree 1, 5 and 11 on the preset's own 60 points."""
    (simple, simple_unseen), (right, right_unseen), (wild, wild_unseen) = (
        losses(sine(degree, *QUICK)) for degree in (1, 5, 11)
    )
    assert simple > 10 * right > 10 * wild
    assert simple_unseen > 4 * right_unseen
    assert wild_unseen > 4 * right_unseen
    # Too simple is bad on both, too complex on the unseen points only.
    assert simple_unseen == pytest.approx(simple, rel=0.25)
    assert wild_unseen > 100 * wild


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
