"""Metrics against scikit-learn and torchmetrics, and the cases in which they are not defined."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from torchmetrics.functional import classification as tm

from ladera.engine import probe_examples
from ladera.engine.metrics import (
    calibration,
    calibration_error,
    confusion_matrix,
    evaluate,
    per_class_recall,
    predicted_classes,
    threshold,
)
from ladera.engine.tasks import METRICS
from ladera.engine.training import Training
from ladera.presets.catalog import load

SEEDS = range(6)


def classes_case(seed: int, classes: int = 4, rows: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, classes, (rows,), generator=generator)
    logits = torch.randn(rows, classes, generator=generator, dtype=torch.float64)
    return logits + torch.nn.functional.one_hot(target, classes), target


def test_the_names_are_those_of_the_schema() -> None:
    logits, target = classes_case(0)
    found = {
        "multiclass": evaluate("multiclass", logits, target),
        "binary": evaluate("binary", logits[:, :1], target % 2),
        "regression": evaluate("regression", logits[:, :1], logits[:, 1]),
    }
    for task, metrics in METRICS.items():
        assert found[task].keys() == metrics.keys() - {"loss"}
        assert all(type(value) is float for value in found[task].values())


@pytest.mark.parametrize("seed", SEEDS)
def test_multiclass(seed: int) -> None:
    logits, target = classes_case(seed)
    predicted = logits.argmax(1).numpy()
    for prediction in (logits, torch.softmax(logits, 1), torch.sigmoid(logits)):
        found = evaluate("multiclass", prediction, target)
        assert found["accuracy"] == pytest.approx(sk.accuracy_score(target, predicted), abs=1e-12)
        assert found["macro_recall"] == pytest.approx(
            sk.balanced_accuracy_score(target, predicted), abs=1e-12
        )


def test_macro_recall_is_over_the_classes_that_occur() -> None:
    logits = torch.eye(4)[torch.tensor([0, 0, 1, 2])]
    found = evaluate("multiclass", logits, torch.tensor([0, 0, 1, 1]))
    assert found == {"accuracy": 0.75, "macro_recall": pytest.approx((1 + 0.5) / 2)}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", [(60,), (60, 1)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float64])
def test_binary(seed: int, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    logits, target = classes_case(seed, 2)
    z = (logits[:, 1] - logits[:, 0] - 0.5).view(shape)
    truth, predicted = target.numpy(), (z.view(-1) > 0).long().numpy()
    for prediction, limit in ((z, 0.0), (torch.sigmoid(z), 0.5)):
        found = evaluate("binary", prediction, target.to(dtype).view(shape), limit)
        assert found["accuracy"] == pytest.approx(sk.accuracy_score(truth, predicted), abs=1e-12)
        assert found["recall"] == pytest.approx(sk.recall_score(truth, predicted), abs=1e-12)
        assert found["precision"] == pytest.approx(sk.precision_score(truth, predicted), abs=1e-12)
    # Two columns (cce on a binary task) are read by argmax.
    two = evaluate("binary", torch.stack([torch.zeros(60), z.view(-1)], 1), target)
    assert two == evaluate("binary", z, target)


def test_binary_undefined_cases() -> None:
    never = torch.full((4,), -1.0)
    assert evaluate("binary", never, torch.tensor([0, 1, 0, 0])) == {
        "accuracy": 0.75,
        "recall": 0.0,
        "precision": 0.0,
    }
    absent = evaluate("binary", -never, torch.zeros(4))
    assert math.isnan(absent.pop("recall"))
    assert absent == {"accuracy": 0.0, "precision": 0.0}


def test_l9_accuracy_hides_imbalance() -> None:
    target = torch.zeros(100)
    target[0] = 1
    found = evaluate("binary", torch.full((100,), math.log(0.01 / 0.99)), target)
    assert (found["accuracy"], found["recall"]) == (0.99, 0.0)


@pytest.mark.parametrize("seed", SEEDS)
def test_regression(seed: int) -> None:
    generator = np.random.default_rng(seed)
    y = generator.normal(300, 20, 50)
    yhat = y + generator.normal(0, 10, 50)
    found = evaluate("regression", torch.tensor(yhat).unsqueeze(1), torch.tensor(y))
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(y, yhat), rel=1e-12)
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(y, yhat), rel=1e-12)
    assert found["r2"] == pytest.approx(sk.r2_score(y, yhat), rel=1e-9)


def test_regression_by_hand_and_undefined() -> None:
    y, yhat = torch.tensor([90.0, 50, 30, 60]), torch.tensor([100.0, 25, 28, 75])
    found = evaluate("regression", yhat, y)
    assert (found["mae"], found["rmse"]) == (13.0, pytest.approx(math.sqrt(238.5)))
    # 0.1 has no exact mean in binary: a spread of rounding noise is still no spread.
    for constant in (0.1, 7.0):
        assert math.isnan(evaluate("regression", torch.arange(7.0), torch.full((7,), constant))["r2"])
    assert math.isnan(evaluate("regression", torch.ones(1), torch.ones(1))["r2"])
    assert all(
        math.isnan(v)
        for v in evaluate("regression", torch.tensor([math.nan, 1.0]), torch.tensor([0.0, 1.0])).values()
    )


def test_float32_squares_keep_their_digits() -> None:
    y = torch.full((1000,), 1e6) + torch.arange(1000.0)
    assert evaluate("regression", y + 1, y)["rmse"] == pytest.approx(1.0, rel=1e-12)


def test_rows_with_nan_are_of_no_class() -> None:
    logits = torch.tensor([[math.nan, 1.0], [0.0, 1.0], [1.0, math.nan]])
    assert predicted_classes(logits).tolist() == [-1, 1, -1]
    assert predicted_classes(torch.tensor([math.nan, 0.0, 1e-9])).tolist() == [-1, 0, 1]
    found = evaluate("multiclass", logits, torch.tensor([0, 1, 0]))
    assert found == {"accuracy": pytest.approx(1 / 3), "macro_recall": pytest.approx(0.5)}
    assert evaluate("binary", torch.full((2,), math.nan), torch.tensor([0, 1]))["accuracy"] == 0.0


def test_thresholds() -> None:
    assert predicted_classes(torch.tensor([[-0.1], [0.0], [0.1]])).tolist() == [0, 0, 1]
    assert predicted_classes(torch.tensor([0.4, 0.5, 0.6]), 0.5).tolist() == [0, 0, 1]


def test_only_logits_are_cut_at_0() -> None:
    assert threshold("linear", "bce") == threshold("linear", "cce") == 0.0
    for output, loss in (
        ("sigmoid", "bce"),
        ("softmax", "bce"),
        ("sigmoid", "mse"),
        ("linear", "mse"),
        ("linear", "mae"),
    ):
        assert threshold(output, loss) == 0.5


def test_a_linear_output_trained_by_mse_towards_0_and_1_is_cut_half_way() -> None:
    """Least squares on labels 0 and 1 is a linear discriminant: cut at 0 nearly everything would be of class 1."""
    settings = [
        "data=moons",
        "model=linear",
        "loss.kind=mse",
        "loss.allow_mismatch=true",
        "optimizer.lr=0.05",
    ]
    training = Training(load("moons", [*settings, "training.epochs=1", "training.device=cpu"]))
    x, y = training.data.train.x.double(), training.data.train.y.double().view(-1)
    columns = torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], 1)
    best = torch.linalg.lstsq(columns, y.unsqueeze(1)).solution.view(-1)
    training.network.parameters.copy_(best.float())
    share = float(((columns @ best > 0.5).double() == y).double().mean())
    assert share > 0.8
    assert training.evaluate(training.data.train)["metrics"]["accuracy"] == pytest.approx(share)
    answer = probe_examples.confusion(training)
    assert sum(answer["matrix"][0][1:]) < 0.4 * sum(answer["matrix"][0])


@pytest.mark.parametrize(
    ("task", "prediction", "target"),
    [
        ("regression", torch.zeros(3, 2), torch.zeros(3)),
        ("regression", torch.zeros(3), torch.zeros(3, 3)),
        ("regression", torch.zeros(3), torch.zeros(2)),
        ("regression", torch.empty(0), torch.empty(0)),
        ("multiclass", torch.zeros(3, 2), torch.tensor([0, 1, 2])),
        ("binary", torch.zeros(3, 1), torch.zeros(3, 2)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    task: Any, prediction: torch.Tensor, target: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match=r"shape|nothing to measure|out of range"):
        evaluate(task, prediction, target)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_confusion_matrix_and_recall(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = torch.tensor(pairs).unbind(1)
    table = confusion_matrix(predicted, truth, 5)
    assert table.tolist() == sk.confusion_matrix(truth, predicted, labels=range(5)).tolist()
    recalls = per_class_recall(table)
    for name in range(5):
        if (truth == name).any():
            expected = float((predicted[truth == name] == name).double().mean())
            assert float(recalls[name]) == pytest.approx(expected, abs=1e-12)
        else:
            assert math.isnan(recalls[name])


def test_confusion_matrix_refusals() -> None:
    with pytest.raises(ValueError, match="pair up"):
        confusion_matrix(torch.tensor([0]), torch.tensor([0, 1]), 2)
    for predicted, truth in (([0], [2]), ([2], [0]), ([0], [-1])):
        with pytest.raises(ValueError, match="out of range"):
            confusion_matrix(torch.tensor(predicted), torch.tensor(truth), 2)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("bins", [1, 5, 10])
def test_calibration_error_is_torchmetrics(seed: int, bins: int) -> None:
    logits, target = classes_case(seed, rows=200)
    probabilities = torch.softmax(logits, 1)
    found = calibration_error(calibration(probabilities, target, bins))
    assert found == pytest.approx(
        float(tm.multiclass_calibration_error(probabilities, target, 4, bins)), abs=1e-6
    )
    one = torch.sigmoid(logits[:, 0])
    found = calibration_error(calibration(one, (target == 0).long(), bins))
    assert found == pytest.approx(
        float(tm.binary_calibration_error(one, (target == 0).long(), bins)), abs=1e-6
    )


def test_calibration_bins() -> None:
    bins = calibration(torch.tensor([0.0, 0.1, 0.45, 0.5, 0.9, 1.0]), torch.tensor([0, 1, 0, 1, 1, 1]), 2)
    assert [(b.lower, b.upper, b.count) for b in bins] == [(0.0, 0.5, 3), (0.5, 1.0, 3)]
    assert [b.confidence for b in bins] == pytest.approx([0.55 / 3, 2.4 / 3])
    assert [b.accuracy for b in bins] == pytest.approx([1 / 3, 1.0])
    sure = calibration(torch.tensor([1.0, 1.0]), torch.tensor([1, 0]))
    assert sum(b.count for b in sure) == sure[-1].count == 2
    assert math.isnan(sure[0].confidence)
    assert calibration_error(sure) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="probabilities"):
        calibration(torch.tensor([1.2]), torch.tensor([1]))
    with pytest.raises(ValueError, match="no examples"):
        calibration_error(calibration(torch.empty(0), torch.empty(0)))
