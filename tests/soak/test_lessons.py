"""The lecture's claims that take longer, with all their seeds: each trains through the public API and is judged by its outcome.

`pytest -m soak tests/soak/test_lessons.py -s` prints the numbers. Unless said otherwise: digits, 60/20/20, mini-batches
of 64, plain gradient descent; "accuracy" is that of the validation part. The short ones are in tests/lecture.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean, median
from typing import Any

import numpy as np
import pytest
import torch

from ladera.engine import Experiment, run
from ladera.engine.events import LayersProbed
from ladera.engine.history import History
from ladera.engine.optimizers import OPTIMIZERS
from ladera.engine.regularization import penalty
from ladera.engine.worked import POLYNOMIALS
from ladera.presets.catalog import load

pytestmark = pytest.mark.soak

ONE_CPU = {"device": "cpu", "threads": 1}
CPU = ("training.device=cpu", "training.threads=1")


def train(experiment: Experiment | dict[str, Any]) -> History:
    if isinstance(experiment, dict):
        experiment = Experiment.model_validate(
            {"stopping": {"enabled": False, "restore_best": False}, **experiment}
        )
    return History.of(run(experiment))


def digits(
    hidden: list[int], lr: float, epochs: int, *, activation: str = "relu", init: Any = "fan-in-uniform",
    batch_norm: bool = False, seed: int = 0, **sections: Any,
) -> dict[str, Any]:  # fmt: skip
    return {
        "model": {"kind": "mlp", "hidden": hidden, "activation": activation, "batch_norm": batch_norm},
        "optimizer": {"kind": "sgd", "lr": lr},
        "init": init if isinstance(init, dict) else {"kind": init},
        "training": {"epochs": epochs, "batch_size": 64, "seed": seed, **ONE_CPU},
        **sections,
    }


def last(history: History, metric: str = "accuracy", part: str = "validation") -> float:
    curve = getattr(history, part).get(metric)
    return curve.last.y if curve and curve.last else math.nan


def shown(name: str, *values: object) -> None:
    print(f"\n{name}:", *(f"{value:.4g}" if isinstance(value, float) else value for value in values), end="")


# -- 2: too small, too large ------------------------------------------------------------------------------------------


def deep(activation: str, init: Any, seed: int) -> tuple[History, LayersProbed]:
    history = train(digits([64] * 10, 0.05, 10, activation=activation, init=init, seed=seed))
    return history, history.layers[0]


def flow(probe: LayersProbed) -> float:
    """Gradient with respect to the activations: first hidden layer over last."""
    return probe.layers_health[0]["gradient"] / probe.layers_health[-1]["gradient"]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_lesson_2_too_small_vanishes(activation: str, seed: int) -> None:
    history, probe = deep(activation, {"kind": "normal", "scale": 0.01}, seed)
    shown(f"2 {activation} N(0, 0.01)", probe.layers_health[-1]["std"], flow(probe), last(history))
    assert probe.layers_health[-1]["std"] < 1e-6
    assert flow(probe) < 1e-6
    assert last(history, "loss", "train") == pytest.approx(math.log(10), abs=0.02)
    assert "vanishing" in {finding.finding for finding in history.diagnoses}


@pytest.mark.parametrize("seed", [1, 2])
def test_lesson_2_the_heuristic_is_too_small_and_xavier_right(seed: int) -> None:
    history, probe = deep("tanh", "fan-in-uniform", seed)
    shown("2 tanh 1/sqrt n", probe.layers_health[-1]["std"], flow(probe), last(history))
    assert last(history) < 0.2
    history, probe = deep("tanh", "xavier-uniform", seed)
    shown("2 tanh Xavier", probe.layers_health[-1]["std"], flow(probe), last(history))
    assert last(history) >= 0.88
    assert 0.1 <= flow(probe) <= 10


@pytest.mark.parametrize("seed", [1, 2])
def test_lesson_2_too_large_explodes(seed: int) -> None:
    history, probe = deep("tanh", {"kind": "normal", "scale": 1.0}, seed)
    shown("2 tanh N(0, 1)", probe.layers_health[-1]["saturated"], flow(probe), last(history))
    assert flow(probe) > 100
    assert last(history) < 0.5
    history, probe = deep("relu", {"kind": "normal", "scale": 0.5}, seed)
    first = history.steps.value_at(1)
    shown("2 relu N(0, 0.5)", probe.layers_health[-1]["std"], first.high if first else math.nan)
    assert history.ended is not None
    assert history.ended.reason == "diverged"
    assert first is not None
    assert not first.high < 1e3


# -- 3: Xavier and He -------------------------------------------------------------------------------------------------


def test_lesson_3_he_for_relu() -> None:
    found: dict[str, list[float]] = {}
    ratios: dict[str, list[float]] = {}
    for init in ("xavier-uniform", "he-uniform"):
        for seed in range(5):
            history = train(digits([64] * 10, 0.05, 5, init=init, seed=seed))
            health = history.layers[0].layers_health
            found.setdefault(init, []).append(last(history))
            ratios.setdefault(init, []).append(health[-1]["rms"] / health[0]["rms"])
        shown(f"3 {init}", *found[init], "| rms", *ratios[init])
    he, xavier = found["he-uniform"], found["xavier-uniform"]
    assert fmean(he) >= 0.70
    assert fmean(xavier) <= 0.50
    assert all(a > b for a, b in zip(he, xavier, strict=True))
    assert all(0.01 <= ratio <= 0.12 for ratio in ratios["xavier-uniform"])
    assert all(0.3 <= ratio <= 3 for ratio in ratios["he-uniform"])


# -- 4: batch norm and learning rates ---------------------------------------------------------------------------------


def reached(history: History, level: float = 0.90) -> float:
    curve = history.validation["accuracy"]
    points = ((epoch, curve.value_at(epoch)) for epoch in range(1, history.epoch + 1))
    return next((epoch for epoch, point in points if point and point.y >= level), math.inf)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lesson_4_batch_norm_allows_rates_5_and_30_times_higher(seed: int) -> None:
    normed = {lr: train(digits([64] * 5, lr, 15, batch_norm=True, seed=seed)) for lr in (0.02, 0.1, 0.6, 3.0)}
    plain = {lr: train(digits([64] * 5, lr, 15, seed=seed)) for lr in (0.02, 0.1, 0.6, 3.0)}
    for lr in normed:
        shown(f"4 x{lr / 0.02:g}", reached(normed[lr]), last(normed[lr]), reached(plain[lr]), last(plain[lr]))
    for lr in (0.1, 0.6):
        assert reached(normed[lr]) <= 5
        assert reached(normed[lr]) < reached(normed[0.02])
    assert reached(plain[0.02]) == math.inf
    assert last(normed[3.0]) >= 0.90
    assert plain[3.0].ended is not None
    assert plain[3.0].ended.reason == "diverged" or last(plain[3.0]) <= 0.2


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("scale", [0.01, 0.05, 0.5])
def test_lesson_4_batch_norm_forgives_the_initialization(scale: float, seed: int) -> None:
    init = {"kind": "normal", "scale": scale}
    with_norm = train(digits([64] * 10, 0.05, 10, init=init, batch_norm=True, seed=seed))
    without = train(digits([64] * 10, 0.05, 10, init=init, seed=seed))
    shown(f"4 init {scale}", last(with_norm), last(without))
    assert last(with_norm) >= 0.7
    assert not last(without) > 0.2


# -- 6: dropout -------------------------------------------------------------------------------------------------------


def test_lesson_6_dropout_closes_the_gap_under_label_noise() -> None:
    gaps: dict[float, list[float]] = {}
    tests: dict[float, list[float]] = {}
    for p in (0.0, 0.8):
        for seed in range(5):
            settings = [f"training.seed={seed}", "stopping.restore_best=false", *CPU]
            history = train(load("overfit-noisy-labels", [*settings, f"model.dropout={p}"]))
            gaps.setdefault(p, []).append(last(history, "loss") - last(history, "loss", "train"))
            assert history.ended is not None
            assert history.ended.test is not None
            tests.setdefault(p, []).append(history.ended.test["metrics"]["accuracy"])
        shown(f"6 p = {p}", *gaps[p], "| test", *tests[p])
    assert fmean(gaps[0.8]) <= 0.4 * fmean(gaps[0.0])
    assert fmean(tests[0.8]) >= fmean(tests[0.0]) + 0.03
    much = train(load("overfit-noisy-labels", ["model.dropout=0.95", *CPU]))
    shown("6 p = 0.95", last(much, "loss", "train"))
    assert last(much, "loss", "train") > 1.5


def test_lesson_6_on_clean_labels_dropout_does_not_close_it() -> None:
    """The lecture's claim without its condition: half of the units dropped, 200 clean digits."""
    gaps: dict[float, list[float]] = {}
    for p in (0.0, 0.5):
        for seed in range(3):
            settings = [
                f"training.seed={seed}",
                "data.label_noise=0",
                f"model.dropout={p}",
                *CPU,
            ]
            history = train(load("overfit-noisy-labels", settings))
            gaps.setdefault(p, []).append(last(history, "loss") - last(history, "loss", "train"))
        shown(f"6 clean, p = {p}", *gaps[p])
    assert fmean(gaps[0.5]) > 0.8 * fmean(gaps[0.0])


# -- 8: augmentation --------------------------------------------------------------------------------------------------


def test_lesson_8_types_one_two_and_three() -> None:
    found: dict[str, list[float]] = {}
    for kind in ("none", "image-1", "image-2", "image-3"):
        for seed in range(3):
            history = train(load("shapes", [f"training.seed={seed}", f"data.augmentation={kind}", *CPU]))
            found.setdefault(kind, []).append(last(history))
        shown(f"8 {kind}", *found[kind], "| mean", fmean(found[kind]))
    none, one, two, three = (fmean(values) for values in found.values())
    assert one >= none + 0.03
    assert two >= one + 0.02
    assert three >= none + 0.15


def test_lesson_8b_a_flip_destroys_the_label_of_a_digit() -> None:
    """100 digits, not preprocessed: standardized ones would be scaled by pixel without augmentation and by channel with it."""
    found: dict[str, float] = {}
    for name, knobs in (("none", {}), ("flip", {"flip": 0.5}), ("rotation", {"rotation": 15.0})):
        seeds: list[float] = []
        for seed in range(6):
            data = {"name": "digits", "subset": 100, "preprocess": "none", "augmentation": knobs}
            history = train(
                digits([64], 0.0, 60, seed=seed, data=data, optimizer={"kind": "adam", "lr": 0.003})
            )
            seeds.append(last(history))
        found[name] = fmean(seeds)
        shown(f"8b {name}", *seeds, "| mean", found[name])
    assert found["flip"] <= found["none"] - 0.02
    assert found["rotation"] >= found["none"] - 0.005


# -- 9c: no optimizer wins everywhere ---------------------------------------------------------------------------------


def rosenbrock(p: torch.Tensor) -> tuple[float, torch.Tensor]:
    x, y = p.tolist()
    value = (1 - x) ** 2 + 100 * (y - x * x) ** 2
    return value, torch.tensor([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)], dtype=torch.float64)


def beale(p: torch.Tensor) -> tuple[float, torch.Tensor]:
    x, y = p.tolist()
    terms = [(c - x + x * y**k, y**k - 1, k * x * y ** (k - 1)) for c, k in ((1.5, 1), (2.25, 2), (2.625, 3))]
    slope = [2 * sum(t * dx for t, dx, _ in terms), 2 * sum(t * dy for t, _, dy in terms)]
    return sum(t * t for t, _, _ in terms), torch.tensor(slope, dtype=torch.float64)


RATES: dict[str, dict[str, float]] = {
    "sgd": {"lr": 1e-3}, "momentum": {"lr": 1e-3}, "adagrad": {"lr": 0.5}, "rmsprop": {"lr": 0.01, "beta": 0.99},
    "adam": {"lr": 0.02},
}  # fmt: skip


def test_lesson_9c_no_optimizer_wins_everywhere() -> None:
    ends: dict[str, float] = {}
    arrivals: dict[str, float] = {}
    for kind, hyper in RATES.items():
        for surface, start in ((rosenbrock, (-1.2, 1.0)), (beale, (1.0, 1.0))):
            optimizer, place = OPTIMIZERS[kind](**hyper), torch.tensor(start, dtype=torch.float64)
            state, arrival = optimizer.init(place), math.inf
            for step in range(1, 3001):
                optimizer.update(place, surface(place)[1], state)
                if surface is beale and surface(place)[0] < 1e-4:
                    arrival = step
                    break
            if surface is rosenbrock:
                ends[kind] = rosenbrock(place)[0]
            else:
                arrivals[kind] = arrival
    shown("9c Rosenbrock", ends, "Beale", arrivals)
    assert ends["momentum"] < 1e-6
    assert ends["sgd"] > 1e-3
    assert min(ends, key=ends.__getitem__) == "momentum"
    assert min(arrivals, key=arrivals.__getitem__) == "adagrad"
    assert arrivals["sgd"] == math.inf


# -- 13: capacity -----------------------------------------------------------------------------------------------------


def powers(x: np.ndarray, degree: int) -> np.ndarray:
    """1, x, …, x^degree."""
    return np.vander(x, degree + 1, increasing=True)


def test_lesson_13_bias_falls_and_variance_rises_with_the_degree() -> None:
    """200 sets of 15 points of sin(1.5 pi x) with noise 0.2, least squares, medians over the sets."""
    grid = np.linspace(-1, 1, 401)
    truth = np.sin(1.5 * np.pi * grid)
    train_error: dict[int, float] = {}
    test_error: dict[int, float] = {}
    spread: list[tuple[float, float]] = []
    for degree in (0, 1, 3, 5, 7, 9, 11):
        rng, fits, trained = np.random.default_rng(0), [], []
        for _ in range(200):
            x = rng.uniform(-1, 1, 15)
            y = np.sin(1.5 * np.pi * x) + rng.normal(0, 0.2, 15)
            weights = np.linalg.lstsq(powers(x, degree), y, rcond=None)[0]
            trained.append(float(((powers(x, degree) @ weights - y) ** 2).mean()))
            fits.append(powers(grid, degree) @ weights)
        curves = np.array(fits)
        test_error[degree] = median(((curves - truth) ** 2).mean(1).tolist()) + 0.2**2
        train_error[degree] = median(trained)
        middle = np.median(curves, 0)
        bias = float(((middle - truth) ** 2).mean())
        variance = median(((curves - middle) ** 2).mean(1).tolist())
        spread.append((bias, variance))
        shown(
            f"13a degree {degree}",
            train_error[degree],
            test_error[degree],
            "| bias, variance",
            bias,
            variance,
        )
    assert all(b <= a + 1e-12 for a, b in pairwise(train_error.values()))
    assert min(test_error, key=test_error.__getitem__) == 5
    assert test_error[1] > 3 * test_error[5]
    assert test_error[9] > 3 * test_error[5]
    stiff, loose = spread[:2], spread[3:]
    assert min(bias for bias, _ in stiff) > 10 * max(bias for bias, _ in loose)
    assert spread[-1][1] > 100 * max(variance for _, variance in stiff)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lesson_13_the_three_polynomials_fitted_anew(seed: int) -> None:
    """Nine noisy points of 0.04 + 0.9 x²: degree 2, degree 8 with a penalty, degree 8 through all of them."""
    rng = np.random.default_rng(seed)
    x, grid = np.linspace(-1, 1, 9), np.linspace(-1, 1, 401)
    y = 0.04 + 0.9 * x**2 + rng.normal(0, 0.08, 9)

    def fit(degree: int, ridge: float) -> tuple[float, float, float]:
        a = powers(x, degree)
        if ridge:
            weights = np.linalg.solve(a.T @ a + len(x) * ridge * np.eye(degree + 1), a.T @ y)
        else:
            weights = np.linalg.lstsq(a, y, rcond=None)[0]
        l1 = penalty(torch.from_numpy(weights), 1, 0)
        error = float(((powers(grid, degree) @ weights - (0.04 + 0.9 * grid**2)) ** 2).mean())
        return l1, error, float(((a @ weights - y) ** 2).mean())

    simple, middle, wild = fit(2, 0), fit(8, 1e-3), fit(8, 0)
    shown(f"13b seed {seed}", "L1, true, train:", *simple, "|", *middle, "|", *wild)
    assert simple[0] < middle[0] < wild[0]
    assert wild[1] > max(simple[1], middle[1])
    assert wild[2] < 1e-12
    assert [polynomial.norms().l1 for polynomial in POLYNOMIALS] == sorted(
        polynomial.norms().l1 for polynomial in POLYNOMIALS
    )


def test_lesson_13_small_right_and_large_networks() -> None:
    """MLP 1-h-h-1 on 20 noisy points of a sine: h = 1 underfits, h = 200 fits the noise, h = 3 is between.

    The warm-up keeps Adam's first step from throwing 200 units to twenty times the first loss.
    """
    trained: dict[int, list[float]] = {}
    unseen: dict[int, list[float]] = {}
    for h in (1, 3, 200):
        for seed in range(3):
            history = train(
                {
                    "data": {"name": "noisy-sine", "examples": 400, "noise": 0.3, "split": [0.05, 0.95, 0.0],
                             "preprocess": "none", "scale_target": False},
                    "model": {"kind": "mlp", "hidden": [h, h], "activation": "tanh"},
                    "loss": {"kind": "mse"}, "init": {"kind": "fan-in-uniform"},
                    "optimizer": {"kind": "adam", "lr": 0.01},
                    "training": {"epochs": 2000, "batch_size": "full", "validate_every": 2000, "seed": seed, **ONE_CPU,
                                 "schedule": {"warmup": 50}},
                }
            )  # fmt: skip
            trained.setdefault(h, []).append(last(history, "loss", "train"))
            unseen.setdefault(h, []).append(last(history, "loss") - 0.3**2)
        shown(f"13c h = {h}", *trained[h], "| true", *unseen[h])
    assert fmean(trained[1]) > fmean(trained[3]) > fmean(trained[200])
    assert fmean(unseen[3]) < min(fmean(unseen[1]), fmean(unseen[200]))
