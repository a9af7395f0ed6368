"""The lecture's claims, as experiments that train in a second or two and are judged by their outcome.

Numbered as the lessons; those that take longer are in tests/soak. Unless said otherwise: digits, 60/20/20,
mini-batches of 64, plain gradient descent; "accuracy" is that of the validation part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ladera.engine import Experiment
from ladera.engine.optimizers import OPTIMIZERS
from ladera.engine.training import Training
from ladera.presets.catalog import load

Train = Callable[..., Any]


def digits(
    hidden: list[int], lr: float, epochs: int, *, model: dict[str, Any] | None = None,
    init: Any = "fan-in-uniform", optimizer: dict[str, Any] | None = None, seed: int = 0, **sections: Any
) -> dict[str, Any]:  # fmt: skip
    """Sections of an experiment on digits in the lessons' common setting."""
    training = {"epochs": epochs, "batch_size": 64, "seed": seed, "device": "cpu"} | sections.pop(
        "training", {}
    )
    return {
        "model": {"kind": "mlp", "hidden": hidden, **(model or {})},
        "optimizer": optimizer or {"kind": "sgd", "lr": lr},
        "init": init if isinstance(init, dict) else {"kind": init},
        "training": training,
        **sections,
    }


def rows(parameters: torch.Tensor, units: int, inputs: int) -> torch.Tensor:
    """The first weight matrix: one row per hidden unit."""
    return parameters[: units * inputs].view(units, inputs)


# -- 1: constant initialization -------------------------------------------------------------------------------------


def difference(weights: torch.Tensor) -> float:
    """Largest difference between the incoming weights of two units."""
    return float((weights.amax(0) - weights.amin(0)).max())


@pytest.mark.parametrize(("value", "activation"), [(0.1, "tanh"), (0.1, "sigmoid"), (0.1, "relu"), (0.5, "tanh"), (0.0, "tanh")])  # fmt: skip
def test_lesson_1_equal_units_stay_equal(train: Train, value: float, activation: str) -> None:
    init = {"kind": "constant", "value": value}
    result = train(**digits([32], 0.1, 10, model={"activation": activation}, init=init))
    first = rows(result.parameters, 32, 64)
    assert difference(first) <= 1e-6
    assert int(torch.linalg.matrix_rank(first)) <= 1
    assert result.validation("accuracy") <= 0.35
    if value == 0:
        assert not first.any(), "behind zero weights no gradient arrives"
    else:
        # T9: equal between units, not between the inputs of one unit.
        assert float(first[0].max() - first[0].min()) > 0.01


@pytest.mark.parametrize("seed", [0, 1])
def test_lesson_1_random_units_differ_and_dropout_breaks_the_symmetry(train: Train, seed: int) -> None:
    chance = train(**digits([32], 0.1, 10, model={"activation": "tanh"}, seed=seed))
    assert difference(rows(chance.parameters, 32, 64)) > 0.1
    assert chance.validation("accuracy") >= 0.90
    constant = {"kind": "constant", "value": 0.1}
    dropped = train(
        **digits([32], 0.1, 10, model={"activation": "tanh", "dropout": 0.3}, init=constant, seed=seed)
    )
    assert difference(rows(dropped.parameters, 32, 64)) > 0.1
    normed = train(
        **digits([32], 0.1, 10, model={"activation": "tanh", "batch_norm": True}, init=constant, seed=seed)
    )
    assert difference(rows(normed.parameters, 32, 64)) <= 1e-6


# -- 2: too large; 4: batch norm --------------------------------------------------------------------------------------


def test_lesson_2_weights_that_start_too_large_diverge_and_the_right_ones_do_not(train: Train) -> None:
    """Ten ReLU layers: N(0, 0.5²) begins at a loss of 1e5 (lessons.md: 1.9e5), He at about ln 10."""
    huge = digits([64] * 10, 0.05, 2, init={"kind": "normal", "scale": 0.5})
    fresh = Training(Experiment.model_validate(huge))
    assert fresh.evaluate(fresh.data.train)["loss"] > 1e3
    assert train(**huge).history.state == "diverged"
    assert train(**digits([64] * 10, 0.05, 5, init="he-normal")).validation("accuracy") > 0.6


def test_lesson_2_the_first_values_decide_whether_a_deep_network_learns(train: Train) -> None:
    """Ten tanh layers: U(±1/√n) stays at chance, Xavier learns."""
    tanh = {"activation": "tanh"}
    assert train(**digits([64] * 10, 0.05, 5, model=tanh)).validation("accuracy") < 0.2
    assert train(**digits([64] * 10, 0.05, 5, model=tanh, init="xavier-uniform")).validation("accuracy") > 0.7


def test_lesson_4_batch_norm_bears_rates_that_break_the_plain_network(train: Train) -> None:
    """x5 and x30 of a rate of 0.02 in five epochs, and x150, where the plain network collapses."""
    normed = {"batch_norm": True}
    # At x150 the roundings of a machine decide what is right on the way: 0.81 to 0.95.
    for lr, least in ((0.1, 0.9), (0.6, 0.9), (3.0, 0.7)):
        assert train(**digits([64] * 5, lr, 5, model=normed)).validation("accuracy") >= least
    plain = train(**digits([64] * 5, 3.0, 5))
    assert plain.history.state == "diverged" or plain.validation("accuracy") <= 0.2
    assert train(**digits([64] * 5, 0.02, 5)).validation("accuracy") < 0.5


def test_lesson_4_batch_norm_forgives_a_start_that_is_too_small(train: Train) -> None:
    tiny = {"kind": "normal", "scale": 0.01}
    assert (
        train(**digits([64] * 10, 0.05, 6, init=tiny, model={"batch_norm": True})).validation("accuracy")
        > 0.5
    )
    assert train(**digits([64] * 10, 0.05, 6, init=tiny)).validation("accuracy") < 0.2


# -- 6: dropout -------------------------------------------------------------------------------------------------------


def test_lesson_6_dropout_narrows_the_gap_under_label_noise(train: Train) -> None:
    """200 digits, a fifth of them with a wrong label; one seed of the five in tests/soak, half of the epochs."""
    gaps = []
    for p in (0.0, 0.8):
        settings = [
            f"model.dropout={p}",
            "training.epochs=40",
            "stopping.restore_best=false",
            "training.device=cpu",
        ]
        result = train(load("overfit-noisy-labels", settings))
        gaps.append(result.validation("loss") - result.train())
    assert gaps[0] > 0.5
    assert gaps[1] <= 0.4 * gaps[0]


# -- 5: L1 and L2 ---------------------------------------------------------------------------------------------------


#: Of the network 64-64-10.
WEIGHTS = 64 * 64 + 64 * 10


def share_of_zeros(result: Any) -> float:
    return float((result.parameters[:WEIGHTS] == 0).double().mean())


@pytest.mark.parametrize("seed", [0, 1])
def test_lesson_5_l1_is_sparse_and_l2_small(train: Train, seed: int) -> None:
    sparse = train(**digits([64], 0.1, 60, regularization={"l1": 2e-3}, seed=seed))
    assert share_of_zeros(sparse) >= 0.30
    assert sparse.validation("accuracy") >= 0.94
    norms: dict[str, float] = {}
    for name, penalty in (
        ("none", {}), ("l2", {"l2": 5e-3}), ("subgradient", {"l1": 1e-3, "l1_method": "subgradient"})
    ):  # fmt: skip
        other = train(**digits([64], 0.1, 40, regularization=penalty, seed=seed))
        assert share_of_zeros(other) < 0.001
        assert other.validation("accuracy") >= 0.94
        norms[name] = float(other.parameters[:WEIGHTS].abs().sum())
    assert max(norms["l2"], norms["subgradient"]) < 0.8 * norms["none"]


def test_lesson_5_c_of_zero_is_no_penalty_to_the_bit(train: Train) -> None:
    plain = train(**digits([64], 0.1, 5))
    zero = train(**digits([64], 0.1, 5, regularization={"l1": 0.0, "l2": 0.0, "l1_method": "subgradient"}))
    assert torch.equal(plain.parameters, zero.parameters)
    assert plain.train() == zero.train()


@pytest.mark.parametrize("penalty", [{"l1": 0.1}, {"l2": 1.0}])
def test_lesson_5_a_large_c_underfits(train: Train, penalty: dict[str, float]) -> None:
    result = train(**digits([64], 0.1, 20, regularization=penalty))
    assert result.train() == pytest.approx(math.log(10), abs=0.02)
    assert result.validation("accuracy") < 0.2


def test_lesson_5_beyond_one_over_the_rate_l2_diverges(train: Train) -> None:
    result = train(**digits([64], 0.1, 20, regularization={"l2": 12.0}))
    assert result.history.ended.reason == "diverged"


@pytest.mark.parametrize("seed", [0, 1])
def test_lesson_5b_l1_selects_the_inputs_that_matter(train: Train, tmp_path: Path, seed: int) -> None:
    """100 x 20 inputs of which 5 matter, C = 0.2, 1000 full-batch steps."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(125, 20))
    y = x[:, :5] @ [3.0, -2.0, 1.5, 1.0, -1.0] + rng.normal(0, 0.5, 125)
    np.savez(tmp_path / "inputs.npz", x=x, y=y)

    def zeros(penalty: dict[str, Any]) -> tuple[int, int]:
        weights = train(
            data={"path": str(tmp_path / "inputs.npz"), "task": "regression", "split": [0.8, 0.2, 0.0],
                  "preprocess": "none", "scale_target": False},
            model={"kind": "linear"}, loss={"kind": "mse"}, optimizer={"kind": "sgd", "lr": 0.05},
            init={"kind": "zeros"}, regularization=penalty,
            training={"epochs": 1000, "batch_size": "full", "validate_every": 1000, "device": "cpu", "seed": seed},
        ).parameters[:20]  # fmt: skip
        return int((weights[:5] == 0).sum()), int((weights[5:] == 0).sum())

    relevant, irrelevant = zeros({"l1": 0.2})
    assert relevant == 0
    assert irrelevant >= 11
    for penalty in ({"l1": 0.2, "l1_method": "subgradient"}, {"l2": 0.2}, {}):
        assert zeros(penalty) == (0, 0)


# -- 7: early stopping ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_lesson_7_early_stopping_saves_epochs_and_keeps_the_best(train: Train, seed: int) -> None:
    stopped = train(load("early-stopping", [f"training.seed={seed}", "training.device=cpu"]))
    end, checks = stopped.history.ended, stopped.history.checks
    assert end.reason == "stopped_early"
    assert end.epoch - checks[-1].best_epoch == 10
    assert end.epoch <= 40, "at least half of the 80 epochs are saved"
    assert checks[-1].best == min(check.value for check in checks)
    restored = Training(load("early-stopping", [f"training.seed={seed}", "training.device=cpu"]))
    restored.network.parameters.copy_(stopped.parameters)
    assert restored.evaluate(restored.data.validation)["loss"] == pytest.approx(checks[-1].best, abs=1e-6)
    whole = train(
        load(
            "overfit-noisy-labels",
            [f"training.seed={seed}", "stopping.restore_best=false", "training.device=cpu"],
        )
    )
    assert whole.history.ended.epoch == 80
    assert stopped.test("loss") <= 0.8 * whole.test("loss")


# -- 9b: optimizers -------------------------------------------------------------------------------------------------

BETTER = {
    "momentum": {"kind": "momentum", "lr": 0.1},
    "adagrad": {"kind": "adagrad", "lr": 0.05},
    "rmsprop": {"kind": "rmsprop", "lr": 0.005},
    "adam": {"kind": "adam", "lr": 0.005},
}


def epochs_until(result: Any, level: float = 0.1) -> float:
    """The first epoch in which the mean of the batch losses is below a level."""
    series = result.history.batches
    return next((e for e in range(1, 31) if (p := series.value_at(e)) and p.x == e and p.y < level), math.inf)


@pytest.mark.parametrize("seed", [0, 1])
def test_lesson_9b_every_improvement_halves_the_epochs(train: Train, seed: int) -> None:
    plain = epochs_until(train(**digits([64], 0.1, 30, seed=seed)))
    assert 8 <= plain <= 30
    for optimizer in BETTER.values():
        found = epochs_until(train(**digits([64], 0.1, 12, optimizer=optimizer, seed=seed)))
        assert found <= 0.5 * plain, optimizer
    slow = train(**digits([64], 0.1, 30, optimizer={"kind": "adagrad", "lr": 0.001}, seed=seed))
    assert epochs_until(slow) == math.inf


def test_lesson_9a_momentum_needs_less_than_half_of_the_steps() -> None:
    """f = (x² + 100 y²) / 2 from (10, 1): steps until f < 1e-4."""

    def steps(kind: str) -> int:
        curves, place = torch.tensor([1.0, 100.0]).double(), torch.tensor([10.0, 1.0]).double()
        optimizer = OPTIMIZERS[kind](lr=0.018)
        state, count = optimizer.init(place), 0
        while float((curves * place.square()).sum()) / 2 >= 1e-4:
            optimizer.update(place, curves * place, state)
            count += 1
        return count

    assert (steps("sgd"), steps("momentum")) == (pytest.approx(362, abs=2), pytest.approx(127, abs=2))
    assert steps("momentum") <= 0.5 * steps("sgd")


# -- 11: batch, mini-batch, stochastic ------------------------------------------------------------------------------


def gradient(training: Training, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The gradient of the mean loss of some examples, in the state the network is in."""
    with torch.inference_mode():
        _, slope = training.objective(training.network.forward(x, training=True), y)
        training.network.backward(slope)
        return training.network.gradients.clone()


@pytest.mark.parametrize("seed", [0, 1])
def test_lesson_11_gradient_noise(seed: int) -> None:
    """The relative deviation of a batch's gradient falls with the root of its size: 8 times between 1 and 64."""
    training = Training(Experiment.model_validate(digits([32], 0.05, 1, seed=seed)))
    train = training.data.train
    whole = gradient(training, train.x, train.y)

    def noise(size: int, batches: int) -> float:
        generator = torch.Generator().manual_seed(seed)
        found = 0.0
        for _ in range(batches):
            chosen = torch.randperm(len(train), generator=generator)[:size]
            found += float(
                (gradient(training, train.x[chosen], train.y[chosen]) - whole).norm() / whole.norm()
            )
        return found / batches

    assert 5 <= noise(1, 200) / noise(64, 100) <= 11
    assert noise(len(train), 1) < 1e-5


def test_lesson_11_updates_and_loss_after_five_epochs(train: Train) -> None:
    """5, 85 and 5390 updates; the more of them the lower the loss, and the full batch never rises."""
    found: dict[Any, Any] = {}
    for size in (1, 64, "full"):
        epochs = 60 if size == "full" else 5
        found[size] = train(**digits([32], 0.05, epochs, training={"batch_size": size}))
    examples = found[1].history.started.sizes["train"]
    assert found[1].history.step == 5 * examples
    assert found[64].history.step == 5 * math.ceil(examples / 64)
    full = found["full"].history
    assert (full.started.steps_per_epoch, full.step) == (1, 60)
    after_five = full.train["loss"].value_at(5)
    assert found[1].train() < found[64].train() < after_five.y
    losses = [full.train["loss"].value_at(epoch).y for epoch in range(1, 61)]
    assert all(b < a for a, b in pairwise(losses))


# -- 12: too high a learning rate -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "curvature", "lr", "converges"),
    [
        ("sgd", 25, 0.079, True), ("sgd", 25, 0.081, False), ("sgd", 25, 0.1, False),
        # Momentum 0.9 widens the limit from 2/b to 2 (1 + 0.9)/b = 0.038.
        ("sgd", 100, 0.03, False), ("momentum", 100, 0.03, True), ("momentum", 100, 0.039, False),
    ],
)  # fmt: skip
def test_lesson_12_the_edge_of_convergence(kind: str, curvature: int, lr: float, converges: bool) -> None:
    curves, place = torch.tensor([1.0, curvature]).double(), torch.tensor([10.0, 1.0]).double()
    optimizer = OPTIMIZERS[kind](lr=lr)
    state = optimizer.init(place)
    for _ in range(600):
        optimizer.update(place, curves * place, state)
    assert (float((curves * place.square()).sum()) < 1e-4) == converges


@pytest.mark.parametrize("seed", [0, 1])
def test_lesson_12_rates_on_digits(train: Train, seed: int) -> None:
    good = train(**digits([64], 1.0, 5, seed=seed))
    assert good.train() < 0.1
    slow = train(**digits([64], 1e-4, 5, seed=seed))
    assert slow.train() > 2.2
    wild = train(**digits([64], 5.0, 10, seed=seed))
    assert wild.history.ended.reason == "diverged"
    assert wild.history.ended.epoch <= 5


# -- 14: outliers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_lesson_14_outliers_pull_mse_and_not_mae(train: Train, seed: int) -> None:
    """y = 2x + 1 with a tenth of the targets 30 too high; mean error of the fitted line on [-1, 1]."""

    def error(loss: str) -> float:
        slope, constant = train(
            data={"name": "outlier-line", "examples": 200, "split": [0.5, 0.5, 0.0], "preprocess": "none",
                  "scale_target": False},
            model={"kind": "linear"}, loss={"kind": loss}, optimizer={"kind": "adam", "lr": 0.1},
            training={"epochs": 600, "batch_size": "full", "validate_every": 600, "device": "cpu", "seed": seed},
        ).parameters.tolist()  # fmt: skip
        x = np.linspace(-1, 1, 201)
        return float(np.abs(slope * x + constant - (2 * x + 1)).mean())

    assert error("mse") > 2
    assert error("mae") < 0.1


def test_lesson_14b_the_best_constant_is_the_mean_the_median_or_far_too_low(
    train: Train, tmp_path: Path
) -> None:
    """Log-normal targets: MSE answers the mean (1.65), MAE the median (1), MAPE about exp(-1) = 0.368."""
    y = np.random.default_rng(0).lognormal(0, 1, 5000)
    np.savez(tmp_path / "lognormal.npz", x=np.zeros((5000, 1)), y=y)

    def answer(loss: str) -> float:
        return train(
            data={"path": str(tmp_path / "lognormal.npz"), "task": "regression", "split": [0.8, 0.2, 0.0],
                  "scale_target": False},
            model={"kind": "linear"}, loss={"kind": loss}, init={"kind": "zeros"},
            optimizer={"kind": "adam", "lr": 0.02},
            training={"epochs": 600, "batch_size": "full", "validate_every": 600, "device": "cpu",
                      "schedule": {"kind": "cosine"}},
        ).parameters[1].item()  # fmt: skip

    assert answer("mse") == pytest.approx(y.mean(), rel=0.05)
    assert answer("mae") == pytest.approx(np.median(y), rel=0.05)
    assert answer("mape") == pytest.approx(math.exp(-1), rel=0.1)


# -- 15: BCE against MSE behind a sigmoid -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_lesson_15_a_saturated_output_learns_by_bce_only(seed: int) -> None:
    """Two moons, the output's bias set to 8: MSE behind a sigmoid gets no gradient, BCE does."""

    def accuracy(loss: dict[str, Any], output: str) -> float:
        training = Training(
            Experiment.model_validate(
                {
                    "data": {"name": "moons"},
                    "model": {"kind": "mlp", "hidden": [16], "activation": "tanh", "output": output},
                    "loss": loss,
                    "init": {"kind": "fan-in-uniform"},
                    "optimizer": {"kind": "sgd", "lr": 0.5},
                    "training": {"epochs": 60, "batch_size": 32, "device": "cpu", "seed": seed},
                }
            )
        )
        training.network.parameters[-1] = 8.0  # the last bias; no preset starts there
        for epoch in range(1, 61):
            for index in range(training.steps_per_epoch):
                training.update(epoch, index)
        return training.evaluate(training.data.train)["metrics"]["accuracy"]

    assert accuracy({"kind": "bce"}, "linear") > 0.95
    assert accuracy({"kind": "mse", "allow_mismatch": True}, "sigmoid") < 0.6


# -- 16: softmax twice ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_lesson_16_softmax_twice_has_a_floor(train: Train, seed: int) -> None:
    settings = [f"training.seed={seed}", "training.device=cpu", "stopping.restore_best=false"]
    double = train(load("double-softmax", settings))
    assert 1.4612 < double.train() <= 2.31
    assert double.history.train["loss"].bounds().low > 1.4612
    right = train(load("double-softmax", [*settings, "model.output=linear"]))
    assert right.train() < 0.2
    assert right.validation("accuracy") > double.validation("accuracy")
