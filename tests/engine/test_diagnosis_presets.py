"""What the diagnosis says of whole runs: the presets that are to be well are, each fault is named, and by its cause.

The quick rows are here; tests/soak/test_diagnosis_presets.py has all seeds. Findings during a run count as those at its end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ladera.engine import Experiment, run
from ladera.engine.diagnosis import current, is_problem
from ladera.engine.history import History
from ladera.presets.catalog import load

CPU = ("training.device=cpu", "training.threads=1")


def trained(preset: str, *settings: str) -> History:
    torch.set_num_threads(1)
    return History.of(run(load(preset, (*settings, *CPU))))


def problems(history: History) -> set[str]:
    """All problems that were told, in whichever epoch."""
    return {found.finding for found in history.diagnoses if is_problem(found.finding)}


@pytest.mark.parametrize("preset", ["digits", "iris", "circles", "outlier-line"])
def test_a_healthy_preset_gets_no_problem(preset: str) -> None:
    assert problems(trained(preset)) == set()


def test_a_plateau_of_the_spirals_is_no_underfitting() -> None:
    """Seed 4 stays near chance for 40 epochs, and then learns."""
    assert problems(trained("spirals", "training.seed=4", "training.epochs=120")) == set()


# What a too large rate does to the default network: layers that were sound die, saturate or lose the signal.
@pytest.mark.parametrize(
    ("optimizer", "lr"), [("adam", 1.0), ("adam", 0.3), ("rmsprop", 0.3), ("momentum", 1.0), ("sgd", 3.0)]
)
def test_a_rate_far_too_large_is_blamed_for_what_it_broke(optimizer: str, lr: float) -> None:
    history = trained("digits", f"optimizer={optimizer}", f"optimizer.lr={lr}", "training.epochs=15")
    first = current(history)[0]
    assert first.finding == "lr_too_large"
    assert f"optimizer.lr from {lr:g} to {lr / 10:g}" in first.text
    assert not problems(history) & {"vanishing", "dead_units", "saturated", "exploding"}


def test_a_linear_model_at_chance_is_told_that_it_cannot_separate() -> None:
    first = current(trained("xor", "model=linear"))[0]
    assert first.finding == "at_chance"
    assert "A linear model cannot separate these classes" in first.text


@pytest.mark.parametrize("preset", ["wine", "breast-cancer"])
def test_inputs_as_they_come_are_to_be_scaled_first(preset: str) -> None:
    first = current(trained(preset, "data.preprocess=none"))[0]
    assert is_problem(first.finding)
    assert (
        first.text.split(": ", 1)[-1]
        .split(". ")[1]
        .startswith("Scale the inputs (data.preprocess = standardize)")
    )


def test_a_linear_model_that_falls_through_chance_is_not_told_to_be_there() -> None:
    history = trained("moons", "model=linear", "optimizer.lr=0.003", "training.epochs=60")
    start = history.train["loss"].value_at(1)
    assert start is not None
    assert history.started is not None
    assert history.started.chance is not None
    assert start.y > 1.05 * history.started.chance  # or there would be nothing to fall through
    assert problems(history) <= {"underfit"}  # sixty epochs are few at this rate


def test_early_stopping_on_noisy_labels_is_the_lessons_success() -> None:
    history = trained("early-stopping")
    found = current(history)
    assert found[0].finding == "overfit_averted"
    assert "kept the weights of epoch 8" in found[0].text
    assert not [f for f in found if is_problem(f.finding)]
    # During the run it was told as what it was.
    assert problems(history) == {"overfit"}


def test_class_weights_are_in_no_told_loss(tmp_path: Any) -> None:
    """Weights that stay (a rate of 1e-12): batch losses and the epoch's loss are then the same mean over examples."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    np.savez(tmp_path / "rare.npz", x=x, y=np.where(x[:, 0] > 1.6, "rare", "usual"))
    history = History.of(
        run(
            Experiment.model_validate(
                {
                    "data": {"path": tmp_path / "rare.npz"},
                    "model": {"kind": "mlp", "hidden": [8]},
                    "loss": {"class_weights": "balanced"},
                    "optimizer": {"kind": "sgd", "lr": 1e-12},
                    "training": {"epochs": 1, "batch_size": 60, "device": "cpu", "threads": 1, "precision": "float64"},
                }
            )
        )
    )  # fmt: skip
    train, batches = history.train["loss"].last, history.batches.last
    assert train is not None
    assert batches is not None
    assert batches.y == pytest.approx(train.y, rel=1e-9)
    assert problems(history) == set()
