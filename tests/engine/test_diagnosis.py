"""The diagnosis: each rule on hand-written curves, the lecture's lessons trained in short form, and what is told when."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ladera.engine import Experiment, run
from ladera.engine.diagnosis import RULES, before_training, current, news, standing
from ladera.engine.event_lines import from_plain, to_line, to_plain
from ladera.engine.events import (
    Checked,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    LayersProbed,
    RunEnded,
    RunStarted,
    StepsEnded,
)
from ladera.engine.evidence import MEANINGS, explained
from ladera.engine.findings import short
from ladera.engine.history import History
from ladera.engine.stopping import EarlyStopping
from ladera.engine.training import Training

LN10 = math.log(10)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# -- hand-written runs -----------------------------------------------------------------------------------------------


def layer(number: int = 1, **values: Any) -> dict[str, Any]:
    """A healthy hidden layer, but for the given values."""
    return {
        "name": f"hidden {number}", "kind": "relu", "units": 64, "std": 0.6, "rms": 0.7, "gradient": 0.05, "saturated": 0.0,
        "dead": 0.0, "twins": 1, "difference": 0.4, "weight_rms": 0.15, "update_ratio": 2e-3,
    } | values  # fmt: skip


def story(
    train: Sequence[float],
    validation: Sequence[float] | None = None,
    *,
    settings: dict[str, Any] | None = None,
    probes: Sequence[Sequence[dict[str, Any]]] = (),
    metrics: Sequence[dict[str, float]] = (),
    train_metrics: dict[str, float] | None = None,
    test: dict[str, Any] | None = None,
    shape: tuple[int, ...] = (64,),
    batches: Callable[[float], float] = lambda loss: loss * 1.05,
    epochs: int = 1000,
    chance: float | None = LN10,
    classes: int = 10,
    validated: int = 360,
) -> list[Event]:
    """The events of a run with these losses after each epoch; `probes` come at epochs 0, 1, 2, 4, …, the last one repeated."""
    experiment: dict[str, Any] = {
        "data": {"label_noise": 0.0, "preprocess": "standardize"},
        "model": {"kind": "mlp", "activation": "relu", "output": "linear", "dropout": 0.0, "degree": 2},
        "loss": {"kind": "cce", "class_weights": "none"},
        "optimizer": {"kind": "sgd", "lr": 0.1},
        "regularization": {"l1": 0.0, "l2": 0.0},
        "init": {"kind": "he-uniform"},
        "training": {"epochs": epochs, "validate_every": 1, "clip_norm": 0.0},
        "stopping": {"enabled": True, "monitor": "loss", "patience": 10, "restore_best": True},
    }
    for key, value in (settings or {}).items():
        section, name = key.split(".")
        experiment[section][name] = value
    events: list[Event] = [
        RunStarted(
            experiment=experiment, parameters=10, task="multiclass" if classes else "regression",
            classes=tuple(f"c{i}" for i in range(classes)), sizes={"train": 1000, "validation": validated, "test": 300},
            steps_per_epoch=10, chance=chance, shape=shape,
        )
    ]  # fmt: skip
    probe = iter(probes)
    healths: list[Sequence[dict[str, Any]]] = []

    def probed(epoch: int) -> LayersProbed:
        healths.append(next(probe, healths[-1] if healths else ()))
        return LayersProbed(epoch=epoch, step=10 * epoch, layers_health=tuple(healths[-1]))

    events.append(probed(0))
    judge = EarlyStopping(
        enabled=experiment["stopping"]["enabled"], patience=experiment["stopping"]["patience"]
    )
    for epoch, loss in enumerate(train, 1):
        value = (validation or train)[epoch - 1]
        measured = (
            metrics[min(epoch, len(metrics)) - 1] if metrics else {"accuracy": 0.9, "macro_recall": 0.9}
        )
        mean = batches(loss)
        events.append(
            EpochEnded(
                epoch=epoch, step=10 * epoch, lr=experiment["optimizer"]["lr"], seconds=1.0, examples_per_second=1.0,
                train={"loss": loss, "penalty": 0.0, "metrics": train_metrics or {}, "batches": {"mean": mean, "low": mean * 0.8, "high": mean * 1.2}},
                validation={"loss": value, "metrics": measured},
            )
        )  # fmt: skip
        verdict = judge.update(epoch, value)
        events.append(
            Checked(
                epoch=epoch, value=value, best=verdict.best, best_epoch=verdict.best_epoch, wait=verdict.wait,
                patience=verdict.patience, verdict="stop" if verdict.stop else "improved" if verdict.improved else "waiting",
            )
        )  # fmt: skip
        if epoch & (epoch - 1) == 0:
            events.append(probed(epoch))
        if verdict.stop:
            break
    if test is not None:
        restored = verdict.best_epoch if experiment["stopping"]["restore_best"] else None
        events.append(
            RunEnded(
                reason="finished",
                epoch=epoch,
                step=10 * epoch,
                best_epoch=verdict.best_epoch,
                restored_epoch=restored,
                test=test,
            )
        )
    return events


def tell(events: Sequence[Event]) -> History:
    """Fold a run as the loop does: findings are events too."""
    history = History()
    for event in events:
        history.apply(event)
        for finding in news(history, event):
            history.apply(finding)
    return history


def told(history: History) -> list[str]:
    return [finding.finding for finding in history.diagnoses]


def holds(history: History) -> list[str]:
    return [finding.finding for finding in current(history)]


def falling(start: float, end: float, epochs: int) -> list[float]:
    """A loss that falls from start towards end, ever more slowly."""
    return [end + (start - end) * math.exp(-4 * epoch / epochs) for epoch in range(1, epochs + 1)]


LOW, HIGH, FLAT = falling(2.3, 0.02, 30), falling(2.3, 2.0, 60), [2.3026] * 12
RISING = [0.4 + abs(epoch - 8) * 0.04 for epoch in range(1, 31)]
VANISHED = [
    layer(1, std=0.4, gradient=1e-6),
    layer(2, std=0.02, gradient=1e-4),
    layer(3, std=1e-4, gradient=0.03),
]
EXPLODED = [layer(1, std=0.9, gradient=30.0, weight_rms=1.0), layer(2, std=0.9, gradient=0.3, weight_rms=1.0)]
SOUND = [layer(1), layer(2), layer(3)]
SMALL_STEPS, DEAD = [layer(update_ratio=1e-5)], [layer(dead=0.95)]
RAW = {"data.preprocess": "none"}
RARE = {"accuracy": 0.97, "macro_recall": 0.5}


# rows: finding, whether it is told, the run
TABLE: list[tuple[str, bool, dict[str, Any]]] = [
    # B1: high/high, low/high, low/low.
    ("underfit", True, {"train": HIGH, "epochs": 60}),
    ("underfit", False, {"train": [2.3] + [1.8] * 60, "epochs": 200, "settings": {"stopping.enabled": False}}),  # a plateau early in a run may end
    ("underfit", True, {"train": [2.3] + [1.8] * 80, "epochs": 200, "settings": {"stopping.enabled": False}}),
    ("underfit", True, {"train": [0.5] * 20, "chance": 0.55, "classes": 0}),
    # Lesson 14: the right line through points with outliers keeps 0.8 of the mean absolute error of the median.
    ("underfit", False, {"train": [0.82] * 20, "chance": 1.0, "classes": 0, "settings": {"loss.kind": "mae"}}),
    ("underfit", True, {"train": [0.95] * 20, "chance": 1.0, "classes": 0, "settings": {"loss.kind": "mae"}}),
    ("underfit", False, {"train": LOW}),
    ("underfit", False, {"train": LOW, "validation": [1.0] * 30}),
    ("underfit", False, {"train": falling(2.3, 1.0, 200)[:30]}),  # high, but still falling
    ("underfit", True, {"train": falling(2.3, 1.0, 200)[:30], "epochs": 30}),
    ("overfit", True, {"train": LOW, "validation": [max(loss, 1.0) for loss in LOW], "settings": {"stopping.enabled": False}}),
    ("overfit", True, {"train": falling(1.0, 0.05, 30), "validation": RISING}),
    ("overfit", False, {"train": LOW}),
    # The validation loss lags and still falls by a fifth per epoch.
    ("overfit", False, {"train": [1.5, 1.2, 0.9], "validation": [3.6, 2.9, 2.3]}),
    ("overfit", False, {"train": LOW, "validation": [loss + 0.1 for loss in LOW]}),
    ("overfit", False, {"train": HIGH, "validation": [loss + 0.6 for loss in HIGH]}),
    ("overfit", False, {"train": falling(1.0, 0.05, 30), "validation": [1.5 if e == 20 else 0.15 for e in range(30)]}),  # one bad check
    # While the newest check is the best nothing has parted yet, however wide the gap: not before the end.
    ("overfit", False, {"train": falling(1.0, 0.05, 30), "validation": falling(2.2, 1.0, 30)}),
    ("overfit", True, {"train": falling(1.0, 0.05, 30), "validation": falling(2.2, 1.0, 30), "epochs": 30}),
    # The rise is small beside chance, and lasts: surer and surer of what it gets wrong (lesson: digits, 136 epochs).
    ("overfit", True, {"train": [0.3 * 0.8**e for e in range(60)], "validation": [max(0.4 * 0.9**e, 0.106 + 0.001 * (e - 21)) for e in range(60)], "settings": {"stopping.enabled": False}}),
    ("overfit", False, {"train": [0.3 * 0.8**e for e in range(60)], "validation": [max(0.4 * 0.9**e, 0.106) for e in range(60)], "settings": {"stopping.enabled": False}}),
    # A small part of numbers is judged by its own spread: two outliers of twenty are no overfitting (outlier-line, seed 2).
    ("overfit", False, {"train": [1.1] * 12, "validation": [7.6] * 12, "chance": 1.87, "classes": 0, "validated": 20, "metrics": [{"r2": -0.37}], "train_metrics": {"r2": -0.10}}),
    ("overfit", True, {"train": [0.2] * 12, "validation": [7.6] * 12, "chance": 1.87, "classes": 0, "validated": 20, "metrics": [{"r2": -0.37}], "train_metrics": {"r2": 0.9}}),
    # Early stopping keeps weights from before; that is what it is for.
    ("overfit_averted", True, {"train": falling(1.0, 0.05, 30), "validation": RISING}),
    ("overfit_averted", False, {"train": falling(1.0, 0.05, 30), "validation": RISING, "settings": {"stopping.restore_best": False}}),
    ("overfit_averted", False, {"train": falling(1.0, 0.05, 30), "validation": RISING, "settings": {"stopping.enabled": False}}),
    ("overfit_averted", False, {"train": LOW, "epochs": 30}),
    ("generalization_gap", True, {"train": LOW, "validation": [loss + 0.3 for loss in LOW], "epochs": 30}),
    ("generalization_gap", False, {"train": LOW, "validation": [loss + 0.1 for loss in LOW], "epochs": 30}),
    # Small parts differ by chance.
    ("overfit", False, {"train": LOW, "validation": [max(loss, 0.45) for loss in LOW], "validated": 25}),
    ("good_fit", True, {"train": LOW, "validation": [loss + 0.05 for loss in LOW], "epochs": 30}),
    ("good_fit", False, {"train": LOW, "validation": [loss + 0.05 for loss in LOW]}),  # not at the end
    ("good_fit", False, {"train": HIGH, "epochs": 60}),
    # Low beside the spread of the training part, yet no better than the mean of the validation part.
    ("good_fit", False, {"train": LOW, "validation": [loss + 0.05 for loss in LOW], "epochs": 30, "classes": 0, "metrics": [{"r2": -0.1}]}),
    ("good_fit", True, {"train": LOW, "validation": [loss + 0.05 for loss in LOW], "epochs": 30, "classes": 0, "metrics": [{"r2": 0.9}]}),
    ("still_improving", True, {"train": falling(2.3, 0.1, 60)[:30], "epochs": 30}),
    ("still_improving", False, {"train": falling(2.3, 0.0, 60)[:60], "chance": 100.0, "epochs": 60}),  # nothing left to gain
    # Divergence: not a number, or a whole epoch above ten times the start; a slow start is none.
    ("diverged", True, {"train": [2.0, math.nan]}),
    ("diverged", True, {"train": [2.0, 3000.0]}),
    ("diverged", False, {"train": [8.0, 7.0, 6.0]}),
    ("diverged", False, {"train": FLAT}),
    ("lr_too_large", True, {"train": [2.0, 4.0, 6.0]}),
    ("lr_too_large", True, {"train": [0.9, 0.4, 0.9, 0.4, 0.9, 0.4]}),
    ("lr_too_large", True, {"train": [1.0], "probes": [[layer(update_ratio=1.5)]], "settings": {"optimizer.kind": "adam"}}),
    ("lr_too_large", False, {"train": [9.0, 8.9, 8.8, 8.7], "probes": [[layer(update_ratio=1e-3)]]}),  # slow, not too fast
    ("lr_too_large", False, {"train": [9.0, 9.0, 9.0], "settings": {"model.dropout": 1.0}}),
    ("lr_too_large", False, {"train": [2.37, 2.31, 2.2]}),  # L13: a fresh network is no fault
    ("lr_too_large", False, {"train": [0.1, 0.05, 0.07, 0.04, 0.06, 0.03]}),  # noise near 0
    ("lr_too_large", False, {"train": [1.0], "probes": [[layer(update_ratio=1.5)]], "settings": {"optimizer.kind": "adagrad"}}),
    ("lr_too_large", True, {"train": [2.3, 1.0, 0.3, 0.1, 2.3, 2.32, 2.31]}),  # it had learned
    ("lr_too_small", False, {"train": [2.3, 1.0, 0.3, 0.1, 2.3, 2.32, 2.31], "probes": [SMALL_STEPS]}),
    ("lr_too_small", True, {"train": [2.40, 2.399, 2.398, 2.397], "probes": [SMALL_STEPS]}),
    ("lr_too_small", False, {"train": [2.40, 2.3, 2.2, 2.1], "probes": [SMALL_STEPS]}),
    ("lr_too_small", False, {"train": FLAT, "probes": [[layer()]]}),
    ("lr_too_small", False, {"train": LOW, "probes": [SMALL_STEPS]}),  # small steps near the end are right
    ("stalled", True, {"train": falling(2.3, 1.2, 60)[:40], "settings": {"optimizer.kind": "adagrad"}, "probes": [[layer()], [layer()], [layer(update_ratio=3e-4)]]}),
    ("stalled", False, {"train": falling(2.3, 1.2, 60)[:40], "probes": [[layer()], [layer()], [layer(update_ratio=3e-4)]]}),
    ("stalled", False, {"train": LOW, "settings": {"optimizer.kind": "adagrad"}, "probes": [[layer()], [layer()], [layer(update_ratio=3e-4)]]}),
    ("at_chance", True, {"train": FLAT, "probes": [[layer()]]}),
    ("at_chance", True, {"train": [1.0] * 6, "chance": 1.0, "classes": 0}),
    ("at_chance", False, {"train": [2.37, 2.35, 2.33]}),
    ("at_chance", False, {"train": falling(2.3, 1.0, 12)}),
    # A curve that falls through chance, slowly: a linear model that starts above it.
    ("at_chance", False, {"train": [1.5 * 0.97**e for e in range(60)], "chance": 0.8, "classes": 2, "settings": {"model.kind": "linear", "loss.kind": "bce"}}),
    ("imbalance", False, {"train": [0.05] * 4, "metrics": [{"accuracy": 0.9, "macro_recall": 0.6}], "chance": 0.09, "settings": {"loss.kind": "mse"}}),
    ("at_chance", False, {"train": FLAT, "probes": [VANISHED]}),  # the cause is told instead
    ("vanishing", True, {"train": FLAT, "probes": [VANISHED]}),
    # Sound before training and broken by it: the step is to blame, whatever it broke, while the loss stays at chance.
    ("vanishing", False, {"train": FLAT, "probes": [SOUND, VANISHED]}),
    ("lr_too_large", True, {"train": FLAT, "probes": [SOUND, VANISHED]}),
    ("dead_units", False, {"train": FLAT, "probes": [[layer()], DEAD]}),
    ("lr_too_large", True, {"train": FLAT, "probes": [[layer()], DEAD]}),
    ("saturated", False, {"train": FLAT, "probes": [[layer(kind="tanh")], [layer(kind="tanh", saturated=0.5)]]}),
    ("lr_too_large", True, {"train": FLAT, "probes": [[layer(kind="tanh")], [layer(kind="tanh", saturated=0.5)]]}),
    ("exploding", False, {"train": FLAT, "probes": [SOUND, EXPLODED]}),
    ("lr_too_large", False, {"train": FLAT, "probes": [VANISHED]}),
    ("lr_too_large", False, {"train": LOW[3:], "probes": [SOUND, VANISHED]}),  # it learns
    ("saturated", False, {"train": FLAT, "probes": [[layer(kind="tanh", saturated=0.5, units=1)]]}),  # one unit may be a switch
    ("vanishing", False, {"train": LOW[3:], "probes": [[layer(1), layer(2)], VANISHED]}),  # it learns
    ("vanishing", False, {"train": FLAT, "probes": [[layer(1, std=0.6), layer(2, std=0.2)]]}),
    ("vanishing", False, {"train": FLAT, "probes": [[layer(std=1e-9)]]}),  # one layer has no ratio
    ("exploding", True, {"train": FLAT, "probes": [EXPLODED]}),
    ("exploding", False, {"train": FLAT, "probes": [[layer(1, gradient=0.4), layer(2)]]}),
    ("saturated", True, {"train": FLAT, "probes": [[layer(kind="tanh", saturated=0.5)]]}),
    ("saturated", False, {"train": FLAT, "probes": [[layer(kind="tanh", saturated=0.1)]]}),
    ("saturated", False, {"train": LOW[5:], "probes": [[layer(kind="tanh")], [layer(kind="tanh", saturated=0.5)]]}),
    ("dead_units", True, {"train": FLAT, "probes": [DEAD]}),
    ("dead_units", False, {"train": FLAT, "probes": [[layer(dead=0.3)]]}),
    ("dead_units", False, {"train": LOW[5:], "probes": [[layer()], [layer(dead=0.75)]]}),
    ("symmetric_units", True, {"train": FLAT, "probes": [[layer(twins=64)]]}),
    ("symmetric_units", False, {"train": FLAT, "probes": [[layer(twins=2)]]}),
    ("symmetric_units", False, {"train": FLAT, "probes": [[layer()], [layer(twins=64)]]}),  # L1 emptied the rows
    ("symmetric_units", False, {"train": FLAT, "probes": [[layer(units=1, twins=1)]]}),
    ("double_softmax", True, {"train": [2.2], "settings": {"model.output": "softmax"}}),
    ("double_softmax", True, {"train": [0.6], "settings": {"model.output": "sigmoid", "loss.kind": "bce"}, "chance": 0.69, "classes": 2}),
    ("double_softmax", False, {"train": [2.2]}),
    ("double_softmax", False, {"train": [0.2], "settings": {"model.output": "sigmoid", "loss.kind": "mse"}, "chance": None, "classes": 2}),
    ("imbalance", True, {"train": [0.1] * 4, "metrics": [RARE], "chance": 0.3, "classes": 3}),
    ("imbalance", True, {"train": [0.05] * 4, "metrics": [{"accuracy": 0.99, "recall": 0.0, "precision": 0.0}], "chance": 0.056, "classes": 2}),
    ("imbalance", True, {"train": [0.05] * 4, "metrics": [{"accuracy": 0.95, "recall": 1.0, "precision": 0.95}], "chance": 0.2, "classes": 2}),
    ("imbalance", False, {"train": [0.05] * 4, "metrics": [{"accuracy": 1.0, "recall": 1.0, "precision": 1.0}], "chance": 0.2, "classes": 2}),
    ("imbalance", False, {"train": [0.1] * 4, "metrics": [{"accuracy": 0.7, "macro_recall": 0.4}]}),  # even classes, poor network
    ("imbalance", False, {"train": [0.1] * 4, "metrics": [{"accuracy": 0.97, "macro_recall": 0.9}], "chance": 0.3, "classes": 3}),
    ("nonfinite_validation", True, {"train": [1.0, 0.9], "validation": [1.0, math.inf], "epochs": 2}),
    ("nonfinite_validation", False, {"train": [1.0, 0.9], "epochs": 2}),
    ("validation_below_train", True, {"train": [1.0] * 5, "validation": [0.7] * 5, "settings": {"data.label_noise": 0.2}}),
    ("validation_below_train", True, {"train": LOW[:6], "batches": lambda loss: loss + 0.5, "settings": {"model.dropout": 0.5}}),
    ("validation_below_train", False, {"train": LOW[:6], "batches": lambda loss: loss + 0.5}),
    ("validation_below_train", False, {"train": [1.0] * 5, "validation": [0.99] * 5}),
    ("stopping_off", True, {"train": [0.1] * 30, "validation": RISING, "settings": {"stopping.enabled": False}}),
    ("stopping_off", False, {"train": [0.1] * 30, "validation": RISING}),
    ("still_improving", True, {"train": falling(2.3, 0.1, 60)[:20], "epochs": 20}),
    ("still_improving", False, {"train": [0.3] * 20, "epochs": 20}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("finding", "fires", "run_of"), TABLE, ids=[f"{i}-{row[0]}-{row[1]}" for i, row in enumerate(TABLE)]
)
def test_a_rule_on_a_curve(finding: str, fires: bool, run_of: dict[str, Any]) -> None:
    history = tell(story(**run_of))
    assert (finding in told(history)) is fires, [(f.finding, f.epoch, f.text) for f in history.diagnoses]


def test_every_rule_has_a_curve_on_which_it_fires_and_one_on_which_it_does_not() -> None:
    # What follows the test is told to whoever asks, and not by an event.
    names = {rule.name for rule in RULES} - {"test_above_validation"} | {"good_fit", "generalization_gap"}
    assert {name for name, fires, _ in TABLE if fires} == names
    assert {name for name, fires, _ in TABLE if not fires} == names


def test_masks_name_rules_that_exist() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert all(set(rule.unless) <= set(names) - {rule.name} for rule in RULES)


# -- what is said ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finding", "words", "run_of"),
    [
        ("underfit", ["regularization.l2 from 1 to 0.01"], {"train": [2.3026] * 4, "settings": {"regularization.l2": 1.0}, "probes": [[layer()], [layer(weight_rms=1e-4)]]}),
        ("underfit", ["model.dropout (now 0.9)"], {"train": [2.2] * 30, "settings": {"model.dropout": 0.9}}),
        ("underfit", ["model.degree"], {"train": [0.9] * 20, "chance": 1.0, "classes": 0, "settings": {"model.kind": "polynomial"}}),
        ("underfit", ["model.kind = mlp"], {"train": [0.9] * 20, "chance": 1.0, "classes": 0, "settings": {"model.kind": "linear"}}),
        ("underfit", ["still falls", "training.epochs (now 30)"], {"train": falling(2.3, 1.0, 200)[:30], "epochs": 30}),
        ("underfit", ["still falls", "training.epochs (now 3)"], {"train": [2.2, 2.1, 1.9], "epochs": 3}),
        ("underfit", ["above chance (2.3)", "start too large", "init.kind = he-uniform"], {"train": [210.0, 200.0, 195.0], "epochs": 3, "probes": [[layer(1, std=1.0), layer(2, std=6.0)]], "settings": {"init.kind": "normal"}}),
        ("at_chance", ["Only 30 updates", "training.epochs (now 3)"], {"train": [2.3026] * 3, "epochs": 3}),
        ("at_chance", ["one answer for all"], {"train": [0.09] * 12, "chance": 0.09, "settings": {"loss.kind": "mse"}}),
        ("diverged", ["optimizer.lr from 0.1 to 0.01", "training.clip_norm"], {"train": [2.0, math.nan]}),
        ("diverged", ["regularization.l2 below 10", "-1.4"], {"train": [2.0, math.nan], "settings": {"regularization.l2": 12.0}}),
        ("diverged", ["init.kind = he-uniform"], {"train": [2.0, math.nan], "probes": [EXPLODED], "settings": {"init.kind": "normal"}}),
        ("double_softmax", ["1.461", "model.output = linear"], {"train": [2.2], "settings": {"model.output": "softmax"}}),
        ("double_softmax", ["0.551"], {"train": [1.0], "classes": 3, "chance": 1.0986, "settings": {"model.output": "softmax"}}),
        ("overfit", ["model.dropout = 0.5", "regularization.l2", "stopping.enabled"], {"train": [0.1] * 30, "validation": [r + 0.5 for r in RISING], "settings": {"stopping.enabled": False}}),
        ("imbalance", ["loss.class_weights = balanced", "recall", "'c1' is never found"], {"train": [0.05] * 4, "metrics": [{"accuracy": 0.99, "recall": 0.0, "precision": 0.0}], "chance": 0.056, "classes": 2}),
        ("imbalance", ["'c0' is never found"], {"train": [0.05] * 4, "metrics": [{"accuracy": 0.95, "recall": 1.0, "precision": 0.95}], "chance": 0.2, "classes": 2}),
        ("vanishing", ["model.activation = relu"], {"train": FLAT, "probes": [VANISHED], "settings": {"model.activation": "sigmoid"}}),
        ("at_chance", ["ln 10 = 2.303"], {"train": FLAT}),
        ("at_chance", ["A linear model cannot separate these classes", "model.kind = mlp"], {"train": [0.693] * 12, "chance": 0.693, "classes": 2, "settings": {"model.kind": "linear", "loss.kind": "bce"}}),
        ("at_chance", ["A linear model follows nothing", "loss.kind = mae"], {"train": [1.0] * 12, "chance": 1.0, "classes": 0, "settings": {"model.kind": "linear", "loss.kind": "mse"}}),
        ("at_chance", ["model.degree (now 2)"], {"train": [1.0] * 12, "chance": 1.0, "classes": 0, "settings": {"model.kind": "polynomial", "loss.kind": "mse"}}),
        ("at_chance", ["Updates are 0.02 of the weights", "from 0.1 to 0.01"], {"train": FLAT, "probes": [[layer(update_ratio=0.02)]]}),
        # Inputs as they come: first of all they are to be scaled.
        ("lr_too_large", ["Scale the inputs (data.preprocess = standardize), or lower"], {"train": [2.0, 4.0, 6.0], "settings": RAW}),
        ("dead_units", ["Scale the inputs (data.preprocess = standardize) or"], {"train": FLAT, "probes": [DEAD], "settings": RAW}),
        ("saturated", ["Scale the inputs"], {"train": FLAT, "probes": [[layer(kind="tanh", saturated=0.5)]], "settings": RAW}),
        ("diverged", ["Scale the inputs"], {"train": [2.0, math.nan], "settings": RAW}),
        ("underfit", ["Scale the inputs"], {"train": [2.0] * 20, "settings": RAW}),
        # An image is in [0, 1] as it comes.
        ("lr_too_large", ["had come down to 0.1 and is back at chance", "from 0.1 to 0.01", "(a branch)"], {"train": [2.3, 1.0, 0.3, 0.1, 2.3, 2.32, 2.31]}),
        ("lr_too_large", ["Lower optimizer.lr from 0.1 to 0.01"], {"train": [2.0, 4.0, 6.0], "settings": RAW, "shape": (1, 8, 8)}),
        ("lr_too_large", ["sound before training", "95% of the units of hidden 1 are 0", "from 0.1 to 0.01"], {"train": FLAT, "probes": [[layer()], DEAD]}),
        ("diverged", ["a loss became nan"], {"train": [2.0, math.nan]}),
        ("diverged", ["every batch loss of epoch 2 was 2520 or more, above ten times the start (2.3)"], {"train": [2.0, 3000.0]}),
        ("exploding", ["spread stays much the same (1 times) to the last", "gradient grows 100 times back to the first"], {"train": FLAT, "probes": [EXPLODED]}),
        ("vanishing", ["spread falls by a factor of 4000 to the last", "gradient falls by a factor of 30000 back to the first"], {"train": FLAT, "probes": [VANISHED]}),
        ("overfit", ["up from 0.4 at epoch 8", "stopping.enabled = true"], {"train": falling(1.0, 0.05, 30), "validation": RISING, "epochs": 30, "settings": {"stopping.enabled": False}}),
        ("overfit", ["Early stopping ends it at epoch 18 unless it improves"], {"train": falling(1.0, 0.05, 30), "validation": RISING}),
        ("overfit_averted", ["set in after epoch 8", "ended the run at epoch 18 and kept the weights of epoch 8"], {"train": falling(1.0, 0.05, 30), "validation": RISING}),
        ("recovered", ["The kept weights, those of epoch 8, are without this problem: overfit"], {"train": falling(1.0, 0.05, 30), "validation": RISING}),
    ],
)  # fmt: skip
def test_the_next_step_fits_the_cause(finding: str, words: list[str], run_of: dict[str, Any]) -> None:
    history = tell(story(**run_of))
    texts = [found.text for found in history.diagnoses if found.finding == finding]
    assert texts
    assert all(word in texts[-1] for word in words), texts


@pytest.mark.parametrize("run_of", [row[2] for row in TABLE if row[1]])
def test_findings_are_short_plain_and_name_a_key(run_of: dict[str, Any]) -> None:
    for finding in tell(story(**run_of)).diagnoses:
        assert len(finding.text) < 320
        assert finding.text[0].isupper() or finding.text[0].isdigit()
        assert finding.text.endswith(".")
        assert finding.evidence
        again = from_plain(to_plain(finding))
        assert to_line(again) == to_line(finding)  # evidence is plain values


def test_what_holds_now_comes_most_important_first() -> None:
    both = tell(story(FLAT, probes=[[*EXPLODED, layer(3, saturated=0.9, kind="tanh", gradient=0.1)]]))
    assert holds(both) == ["exploding", "saturated"]
    order = [rule.name for rule in RULES]
    for _, fires, run_of in TABLE:
        found = [name for name in holds(tell(story(**run_of))) if name in order]
        assert found == sorted(found, key=order.index)
        assert fires or found is not None


def test_a_run_without_a_problem_is_healthy_whatever_notes_it_has() -> None:
    assert holds(History()) == ["healthy"]
    assert holds(tell(story([]))) == ["healthy"]
    noted = tell(story(LOW[:6], batches=lambda loss: loss + 0.5, settings={"model.dropout": 0.5}))
    assert holds(noted) == ["healthy", "validation_below_train"]


def test_evidence_is_explained_to_people() -> None:
    for _, fires, run_of in TABLE:
        for finding in tell(story(**run_of)).diagnoses if fires else []:
            assert set(finding.evidence) <= set(MEANINGS), finding
    rows = explained(
        {"dead": 0.951234, "std_first": 0.0682881, "epoch": 8, "layer": "hidden 2", "from_later": 1}
    )
    assert [(name, value) for name, value, _ in rows] == [
        ("dead units", "95.1 %"), ("spread, first layer", "0.06829"), ("epoch", "8"), ("layer", "hidden 2"), ("from later", "1"),
    ]  # fmt: skip
    assert rows[1][2] == "standard deviation of an activation across examples, mean over units"


def test_evidence_of_divergence_is_the_number_that_the_text_names() -> None:
    for train in ([2.0, math.nan], [2.0, 3000.0], [2.0, math.inf]):
        (found,) = (f for f in tell(story(train)).diagnoses if f.finding == "diverged")
        assert short(found.evidence["loss"]) in found.text


def test_a_test_loss_above_validation_is_told_after_the_end() -> None:
    losses = {"train": LOW, "validation": [loss + 0.1 for loss in LOW], "epochs": 30}
    assert "test_above_validation" in holds(tell(story(**losses, test={"loss": 0.4, "metrics": {}})))
    assert "test_above_validation" not in holds(tell(story(**losses, test={"loss": 0.15, "metrics": {}})))
    assert "test_above_validation" not in told(tell(story(**losses, test={"loss": 0.4, "metrics": {}})))
    # Numbers are judged by the spread of the test part itself: 0.06 of R² may be chance.
    own = losses | {"classes": 0, "metrics": [{"r2": 0.8}], "train_metrics": {"r2": 0.85}, "validated": 60}
    assert "test_above_validation" not in holds(
        tell(story(**own, test={"loss": 0.9, "metrics": {"r2": 0.74}}))
    )


def test_a_fit_that_knows_its_examples_by_heart_is_not_called_simply_good() -> None:
    history = tell(story(LOW[:20] + [1e-5] * 10, [0.12 - 1e-4 * e for e in range(30)], epochs=30))
    assert holds(history)[0] == "good_fit"
    assert "with a gap" in current(history)[0].text
    assert "known by heart" in current(history)[0].text


def test_nothing_is_called_fine_that_was_better_before() -> None:
    losses = [0.1 + 0.001 * abs(e - 6) for e in range(14)]
    seen = current(tell(story([0.05] * 14, losses)))[0]
    assert seen.finding == "healthy"
    assert "the best was 0.1 at epoch 7" in seen.text
    # Also at the end: what is kept is told with its epoch, and what came after it.
    history = tell(story(falling(1.0, 0.05, 30), RISING, epochs=30, settings={"stopping.enabled": False}))
    text = current(history)[0].text
    assert "at epoch 30, up from 0.4 at epoch 8. The weights of epoch 8 are kept." in text


def test_a_plateau_is_told_as_one() -> None:
    seen = current(tell(story([2.0] * 30, settings={"stopping.enabled": False})))[0]
    assert (seen.finding, "flat for 10 epochs; a plateau may end" in seen.text) == ("healthy", True)


def test_a_growing_gap_is_watched() -> None:
    train = [1.0, 0.8, 0.7, 0.6, 0.5, 0.45]
    history = tell(story(train, [loss + 0.02 * e for e, loss in enumerate(train)]))
    assert "gap has grown for 4 checks (0.02 to 0.1)" in current(history)[0].text


def test_a_fresh_ten_class_network_is_no_fault() -> None:
    # L13: 2.31 to 2.37 at the start.
    for loss in (2.31, 2.37):
        assert told(tell(story([loss, loss - 0.05]))) == []


def test_a_few_steps_prove_nothing() -> None:
    few = [layer(update_ratio=1e-5)]
    events = story([1.0] * 8, chance=1.0, classes=0, probes=[few])
    assert set(told(tell(events))) == {"lr_too_small"}
    full_batch = [replace(e, step=e.epoch) if isinstance(e, EpochEnded) else e for e in events]
    assert told(tell(full_batch)) == []


def test_balanced_weights_are_judged_by_equal_shares() -> None:
    # Rare classes weigh as much as frequent ones: the loss lies above the entropy of their shares (here 0.06).
    rare = {"chance": 0.06, "classes": 2, "metrics": [{"accuracy": 0.9, "recall": 0.9, "precision": 0.3}]}
    weighted = tell(
        story([0.4, 0.35, 0.3], settings={"loss.class_weights": "balanced", "loss.kind": "bce"}, **rare)
    )
    assert told(weighted) == []
    assert "lr_too_large" in told(tell(story([0.4, 0.41, 0.42], settings={"loss.kind": "bce"}, **rare)))


# -- what is told when -----------------------------------------------------------------------------------------------


def test_a_finding_is_told_once_taken_back_and_told_again() -> None:
    good, bad = [0.05] * 6, [1.4] * 6
    history = tell(
        story([0.05] * 30, [0.1] * 6 + bad + good + bad + good, settings={"stopping.enabled": False})
    )
    about = [f for f in told(history) if f in ("overfit", "recovered")]
    assert about == ["overfit", "recovered", "overfit", "recovered"]
    assert standing(history) & {"overfit"} == set()


def test_values_about_a_threshold_are_no_chatter() -> None:
    # 0.65 of chance is the threshold of underfit; the curve swings about it by 3 %.
    swing = [LN10 * 0.65 * (1 + 0.03 * (-1) ** (e // 4)) for e in range(60)]
    history = tell(story(swing, settings={"stopping.enabled": False}, epochs=99))
    assert [f for f in told(history) if f != "stopping_off"] == ["underfit"]


def test_steps_are_looked_at_only_when_a_loss_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    history = tell(story([0.5]))
    monkeypatch.setattr("ladera.engine.diagnosis.View", None)  # any look would fail
    assert news(history, StepsEnded(epoch=2, step=11, loss=0.4, low=0.4, high=0.4)) == []
    assert news(history, RunEnded(reason="finished")) == []
    asked = [epoch for epoch in range(1, 1000) if looks(epoch)]
    assert asked == [
        *range(1, 16), *range(16, 32, 2), *range(32, 64, 4), *range(64, 128, 8), *range(128, 256, 16), *range(256, 512, 32),
        *range(512, 1000, 64),
    ]  # fmt: skip
    changed = CommandTaken(command="set", value={"key": "optimizer.lr", "value": 1.0}, epoch=700, step=700)
    again = [epoch for epoch in range(701, 740) if looks(epoch, changed)]
    assert again == [*range(701, 716), *range(716, 732, 2), *range(732, 740, 4)]


def looks(epoch: int, *before: Event) -> bool:
    """Whether the end of this epoch makes the diagnosis look; its View is None here."""
    history = History.of([*story([])[:1], *before])
    event = EpochEnded(
        epoch=epoch,
        step=epoch,
        train={"loss": 1.0},
        validation=None,
        lr=0.1,
        seconds=1,
        examples_per_second=1,
    )
    history.apply(event)
    try:
        news(history, event)
    except TypeError:
        return True
    return False


def test_a_loss_that_is_no_number_is_told_before_the_end() -> None:
    events = story([2.0])
    events.append(StepsEnded(epoch=2, step=15, loss=math.nan, low=math.inf, high=-math.inf))
    history = tell(events)
    assert told(history)[-1] == "diverged"
    # The epoch is the last that ended: a run resumed from its checkpoint keeps or drops the finding with it.
    assert history.diagnoses[-1].epoch == 1


def test_a_log_read_again_says_the_same() -> None:
    for _, _, run_of in TABLE:
        events = story(**run_of)
        live = tell(events)
        again = tell([from_plain(to_plain(event)) for event in events])
        assert told(again) == told(live)
        assert [f.text for f in current(again)] == [f.text for f in current(live)]


def test_the_rules_need_no_torch() -> None:
    code = "import sys; from ladera.engine import diagnosis; from ladera.engine.history import History; diagnosis.current(History()); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- the lecture's lessons, trained ----------------------------------------------------------------------------------

DEEP = {"kind": "mlp", "hidden": [64] * 10}


def trained(**sections: Any) -> tuple[History, list[Event]]:
    """Lessons.md's common setting unless said: digits, mini-batches of 64, plain gradient descent."""
    plain: dict[str, Any] = {
        "data": {"name": "digits"},
        "model": {"kind": "mlp", "hidden": [64]},
        "optimizer": {"kind": "sgd", "lr": 0.1},
        "init": {"kind": "fan-in-uniform"},
        "training": {"epochs": 5},
        "stopping": {"enabled": False},
    }
    for name, values in sections.items():
        plain[name] = {**plain.get(name, {}), **values}
    plain["training"] |= {"device": "cpu", "threads": 1}
    events = list(run(Experiment.model_validate(plain)))
    return History.of(events), events


@pytest.mark.parametrize("init", [{"value": 0.1}, {"value": 0.0}])
def test_lesson_1_constant_init(init: dict[str, float]) -> None:
    history, _ = trained(model={"hidden": [32], "activation": "tanh"}, init={"kind": "constant", **init})
    assert holds(history) == ["symmetric_units"]
    assert "init.kind = xavier-uniform" in history.diagnoses[0].text


def test_lesson_1_dropout_breaks_the_symmetry() -> None:
    history, _ = trained(
        model={"hidden": [32], "activation": "tanh", "dropout": 0.3},
        init={"kind": "constant"},
        training={"epochs": 8},
    )
    assert told(history)[:2] == ["symmetric_units", "recovered"]
    assert "symmetric_units" not in holds(history)


@pytest.mark.parametrize(
    ("activation", "init", "expected"),
    [
        ("tanh", {"kind": "normal", "scale": 0.01}, ["vanishing"]),
        ("tanh", {"kind": "fan-in-uniform"}, ["vanishing"]),
        ("relu", {"kind": "normal", "scale": 0.01}, ["vanishing"]),
        ("relu", {"kind": "fan-in-uniform"}, ["vanishing"]),
        ("sigmoid", {"kind": "xavier-uniform"}, ["vanishing"]),
        ("tanh", {"kind": "normal", "scale": 1.0}, ["exploding", "saturated"]),
        ("relu", {"kind": "normal", "scale": 0.5}, ["diverged"]),
    ],
)
def test_lessons_2_and_3_deep_networks(activation: str, init: dict[str, Any], expected: list[str]) -> None:
    history, _ = trained(
        model={**DEEP, "activation": activation}, init=init, optimizer={"lr": 0.05}, training={"epochs": 3}
    )
    assert [name for name in holds(history) if name != "still_improving"] == expected


@pytest.mark.parametrize(("activation", "init"), [("tanh", "xavier-uniform"), ("relu", "he-uniform")])
def test_lessons_2_and_3_the_right_init_is_not_blamed(activation: str, init: str) -> None:
    history, _ = trained(
        model={**DEEP, "activation": activation},
        init={"kind": init},
        optimizer={"lr": 0.05},
        training={"epochs": 5},
    )
    assert not {"vanishing", "exploding", "saturated", "dead_units", "at_chance"} & set(told(history))


def test_lesson_4_batch_norm_at_30_times_the_rate_is_healthy() -> None:
    history, _ = trained(
        model={"hidden": [64] * 5, "batch_norm": True}, optimizer={"lr": 0.6}, training={"epochs": 8}
    )
    assert not {"lr_too_large", "diverged", "vanishing"} & set(told(history))


@pytest.mark.parametrize("penalty", [{"l1": 0.1}, {"l2": 1.0}])
def test_lesson_5_a_huge_penalty_underfits(penalty: dict[str, float]) -> None:
    history, _ = trained(regularization=penalty)
    assert holds(history) == ["underfit"]
    assert history.train["loss"].last is not None
    assert history.train["loss"].last.y == pytest.approx(LN10, abs=0.02)
    assert f"regularization.{next(iter(penalty))}" in current(history)[0].text


def test_lesson_5_an_l2_step_beyond_1_diverges_and_says_so_before_and_after() -> None:
    history, _ = trained(regularization={"l2": 12.0})
    assert history.state == "diverged"
    assert "below 10" in next(f.text for f in history.diagnoses if f.finding == "diverged")
    assert history.started is not None
    assert any("diverges instead of underfitting" in note for note in history.started.notes)


def test_lesson_6_noisy_labels_overfit_and_heavy_dropout_underfits() -> None:
    noisy = {"data": {"subset": 200, "label_noise": 0.2}, "optimizer": {"kind": "adam", "lr": 1e-3}}
    train = {"epochs": 40, "batch_size": 32}
    history, _ = trained(model={"hidden": [256, 256]}, training=train, **noisy)
    assert "overfit" in holds(history)
    assert "stopping_off" in holds(history)
    history, _ = trained(
        model={"hidden": [256, 256], "dropout": 0.95}, training={**train, "epochs": 20}, **noisy
    )
    assert holds(history)[0] == "underfit"
    assert "model.dropout (now 0.95)" in current(history)[0].text


@pytest.mark.parametrize("lr", [3.0, 5.0, 20.0])
def test_lesson_12_too_high_a_rate_is_told_before_the_run_ends(lr: float) -> None:
    history, events = trained(optimizer={"lr": lr}, training={"epochs": 8})
    assert history.state == "diverged"
    assert isinstance(events[-1], RunEnded)
    assert "diverged" in told(history)
    assert "lr_too_large" in told(history)
    assert holds(history) == ["diverged"]


def test_lesson_12_too_low_a_rate() -> None:
    history, _ = trained(optimizer={"lr": 1e-4})
    assert holds(history)[0] == "lr_too_small"
    assert "from 0.0001 to 0.001" in current(history)[0].text


@pytest.mark.parametrize("lr", [0.1, 1.0])
def test_lesson_12_good_rates_are_not_blamed(lr: float) -> None:
    history, _ = trained(optimizer={"lr": lr}, training={"epochs": 8})
    assert set(told(history)) <= {"good_fit", "still_improving"}


def test_lesson_10_adagrad_stalls() -> None:
    history, _ = trained(optimizer={"kind": "adagrad", "lr": 1e-3}, training={"epochs": 14})
    assert "stalled" in holds(history)


def test_lesson_16_a_second_softmax() -> None:
    history, _ = trained(model={"output": "softmax"}, loss={"kind": "cce", "allow_mismatch": True})
    assert holds(history)[0] == "double_softmax"
    assert history.diagnoses[0].epoch == 0


def test_the_default_preset_on_digits_has_nothing_wrong() -> None:
    events = list(
        run(
            Experiment.model_validate(
                {"data": {"name": "digits"}, "training": {"device": "cpu", "threads": 1}}
            )
        )
    )
    history = History.of(events)
    assert told(history) == ["good_fit"]
    assert holds(history) == ["good_fit", "test_above_validation"]
    # Epoch 81 was the last; the numbers are those of the weights that are kept.
    assert history.ended is not None
    assert "(epoch 71, whose weights are kept)" in current(history)[0].text
    assert current(history)[0].evidence["validation_kept"] == pytest.approx(
        history.best[1] if history.best else 0, rel=1e-5
    )
    assert history.started is not None
    assert not any("init" in note or "vanish" in note for note in history.started.notes)


# -- resuming --------------------------------------------------------------------------------------------------------


def test_a_resumed_run_says_what_the_undisturbed_one_says() -> None:
    experiment = Experiment.model_validate(
        {
            "data": {"name": "digits", "subset": 150, "label_noise": 0.3},
            "model": {"kind": "mlp", "hidden": [32]},
            "optimizer": {"kind": "adam", "lr": 0.02},
            "training": {
                "epochs": 24,
                "batch_size": 32,
                "device": "cpu",
                "threads": 1,
                "checkpoint_every": 1e-9,
            },
            "stopping": {"enabled": False},
        }
    )

    class Memory:
        def __init__(self) -> None:
            self.saved: list[Any] = []

        def save(self, tensors: Any, plain: Any) -> str:
            self.saved.append(
                ({name: value.clone() for name, value in tensors.items()}, copy.deepcopy(plain))
            )
            return "memory"

        def finish(self, tensors: Any, plain: Any) -> None:
            pass

    memory = Memory()
    events, places = [], []
    for event in run(experiment, keeper=memory):
        if event.name == "checkpoint_saved":
            places.append(len(events))
        else:
            events.append(event)
    findings = [(e.finding, e.epoch, e.text) for e in events if isinstance(e, Diagnosed)]
    assert "overfit" in {name for name, _, _ in findings}
    for index in range(3, len(places) - 1, 17):
        tensors, plain = memory.saved[index]
        state = SimpleNamespace(tensors=tensors, plain=plain, history=History.of(events[: places[index]]))
        rest = [
            (e.finding, e.epoch, e.text)
            for e in run(experiment, checkpoint=state)
            if isinstance(e, Diagnosed)
        ]
        before = [(e.finding, e.epoch, e.text) for e in events[: places[index]] if isinstance(e, Diagnosed)]
        assert before + rest == findings


# -- before training -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"init": {"kind": "constant"}}, "Use a random initialization"),
        ({"init": {"kind": "zeros"}}, "start at 0"),
        ({"model": {"kind": "mlp", "hidden": [64] * 10}, "init": {"kind": "xavier-uniform"}}, "Xavier is made for tanh"),
        ({"data": {"name": "digits", "augmentation": {"flip": 0.5}}}, "data.augmentation.flip = 0"),
        ({"optimizer": {"kind": "sgd", "lr": 0.1}, "regularization": {"l2": 12.0}}, "multiplies weights by -1.4"),
        ({"optimizer": {"kind": "sgd", "lr": 0.1}, "regularization": {"l1": 1.0}}, "most weights will end at 0"),
        ({"optimizer": {"kind": "rmsprop", "beta": 0.5}}, "0.9 to 0.999 is usual"),
        ({"optimizer": {"kind": "momentum", "lr": 0.5, "momentum": 0.9}}, "up to 10 times as long"),
        ({"model": {"kind": "mlp", "dropout": 1.0}}, "leaves nothing"),
        ({"model": {"kind": "mlp", "dropout": 0.95}}, "5% of the units"),
        ({"model": {"kind": "mlp", "batch_norm": True}, "training": {"batch_size": 4, "device": "cpu"}}, "Batch norm over 4 examples"),
        ({"data": {"name": "iris", "split": [0.8, 0.1, 0.1]}}, "validation part has 15 examples"),
    ],
)  # fmt: skip
def test_notes_before_training(sections: dict[str, Any], words: str) -> None:
    plain: dict[str, Any] = {"data": {"name": "digits"}, "training": {"device": "cpu"}} | sections
    notes = before_training(Training(Experiment.model_validate(plain)))
    assert [note for note in notes if words in note], notes
    assert all(note.endswith(".") and "\n" not in note for note in notes)


@pytest.mark.parametrize("name", ["digits", "iris", "moons", "breast-cancer", "diabetes"])
def test_usual_choices_need_no_note(name: str) -> None:
    plain = {"data": {"name": name}, "training": {"device": "cpu"}}
    assert before_training(Training(Experiment.model_validate(plain))) == ()


def test_adaptive_optimizers_do_not_blow_up_by_l2() -> None:
    plain = {
        "data": {"name": "iris"},
        "optimizer": {"kind": "adam", "lr": 0.2},
        "regularization": {"l2": 12.0},
    }
    assert before_training(Training(Experiment.model_validate(plain | {"training": {"device": "cpu"}}))) == ()


def test_events_of_a_story_are_in_order() -> None:
    steps = [event.step for event in story(LOW) if isinstance(event, EpochEnded)]
    assert all(a < b for a, b in pairwise(steps))
