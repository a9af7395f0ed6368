"""How a run ended, in the sentences of the summary and of the page that explains the diagnosis."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ladera.engine import run
from ladera.engine.events import Checked, EpochEnded, Event, RunEnded, RunStarted
from ladera.engine.experiment import Experiment
from ladera.engine.history import History
from ladera.presets.catalog import load
from ladera.tui import endings
from ladera.tui.explanation import diagnosis_text
from ladera.tui.summary import summary

LN10 = math.log(10)


def ended(
    losses: tuple[float, ...] = (0.9, 0.5, 0.7), sections: dict[str, Any] | None = None, **end: Any
) -> History:
    """A run of ten classes whose validation losses are given; best is the lowest."""
    plain = Experiment.model_validate({"data": {"name": "digits"}, **(sections or {})}).plain()
    events: list[Event] = [
        RunStarted(
            experiment=plain, parameters=10, task="multiclass", classes=tuple("abcdefghij"), chance=2.29,
            sizes={"train": 100, "validation": 30, "test": 30}, steps_per_epoch=2, notes=("Mind the step.",),
        )
    ]  # fmt: skip
    best = min(range(len(losses)), key=losses.__getitem__) + 1
    for epoch, loss in enumerate(losses, 1):
        events.append(
            EpochEnded(
                epoch=epoch, step=2 * epoch, lr=0.1, seconds=1.0, examples_per_second=100.0,
                train={"loss": loss, "metrics": {}, "penalty": 0.0}, validation={"loss": loss, "metrics": {}},
            )
        )  # fmt: skip
        events.append(Checked(epoch=epoch, value=loss, best=min(losses[:epoch]), best_epoch=min(epoch, best), wait=0, patience=10, verdict="waiting"))  # fmt: skip
    given: dict[str, Any] = {
        "reason": "finished",
        "epoch": len(losses),
        "best_epoch": best,
        "restored_epoch": best,
    }
    return History.of([*events, RunEnded(**(given | end))])


def test_a_cross_entropy_is_read_for_the_weights_that_are_kept() -> None:
    """By hand: 0.5 is 21.8 % of 2.29, and exp(-0.5) = 0.6065."""
    text = endings.reading(ended())
    assert "a validation loss of 0.500 is 22 % of chance (2.290, ln 10 = 2.303 for equal classes)" in text
    assert "exp(-0.5) = 0.61: on (geometric) average the right class gets 61 %." in text


def test_balanced_weights_are_read_against_equal_classes() -> None:
    text = endings.reading(ended(sections={"loss": {"kind": "cce", "class_weights": "balanced"}}))
    assert "0.500 is 22 % of chance (2.303, ln 10 = 2.303" in text


@pytest.mark.parametrize(
    "sections", [{"data": {"name": "diabetes"}}, {"loss": {"kind": "mse", "allow_mismatch": True}}]
)
def test_other_losses_have_no_such_reading(sections: dict[str, Any]) -> None:
    assert endings.reading(ended(sections=sections)) == ""


def test_a_run_without_a_check_or_with_a_broken_one_is_not_read() -> None:
    assert endings.reading(History()) == ""
    assert endings.reading(ended((math.nan,), restored_epoch=None)) == ""


def test_epochs_are_saved_by_early_stopping_only() -> None:
    assert endings.saved_epochs(ended(reason="stopped_early")) == "97 of 100 epochs saved"
    assert endings.saved_epochs(ended(reason="finished")) == ""
    assert endings.saved_epochs(ended(reason="stopped")) == ""
    # Stopped at the last epoch of all: nothing was saved.
    assert endings.saved_epochs(ended(sections={"training": {"epochs": 3}}, reason="stopped_early")) == ""
    assert "97 of 100 epochs saved" in "\n".join(map(str, summary(ended(reason="stopped_early"))))


def test_what_a_penalty_left_is_told() -> None:
    facts = {"penalty": 0.3123, "zeros": 0.51, "small": 0.7, "inputs": 64, "unused_inputs": 7}
    text = (
        "penalty 0.3123 beside the loss; 51.0% of weights exactly 0, 70.0% below 0.001; 7 of 64 inputs unused"
    )
    assert endings.penalized(ended(weights=facts)) == text
    assert text in "\n".join(map(str, summary(ended(weights=facts))))
    assert endings.penalized(ended()) == ""
    assert endings.penalized(ended(weights=facts | {"penalty": "much"})) == ""
    assert endings.penalized(ended(weights=facts | {"zeros": 10**400})) == ""
    assert "unused" not in endings.penalized(ended(weights=facts | {"inputs": [1]}))
    named = endings.penalized(ended(weights=facts | {"unused_inputs": 3, "unused": ("age", "sex")}))
    assert named.endswith("3 of 64 inputs unused (age, sex, …)")


def test_the_sparse_preset_tells_what_lesson_5_saw() -> None:
    """Half of the weights exactly 0 by the proximal step; a few pixels ignored, three of them constant in the data."""
    torch.set_num_threads(1)
    history = History.of(run(load("sparse-l1", ("training.device=cpu",))))
    assert history.ended is not None
    facts = history.ended.weights
    assert 0.3 < facts["zeros"] < 0.6
    assert facts["small"] > facts["zeros"]
    assert facts["inputs"] == 64
    assert 3 <= facts["unused_inputs"] <= 8  # lessons.md: 3 to 5
    last = history.penalty.value_at(history.ended.restored_epoch or 0)
    assert last is not None
    assert facts["penalty"] == pytest.approx(last.y, rel=1e-6)


def test_the_page_explains_the_end_the_evidence_and_what_was_noted() -> None:
    detail = "loss did not improve in 10 checks; best 0.5 at epoch 2"
    history = ended((2.3, 2.3, 2.31), reason="stopped_early", detail=detail, restored_epoch=1)
    page = diagnosis_text(SimpleNamespace(history=history, trouble=""))  # pyright: ignore[reportArgumentType]
    assert (
        f"Stopped early after epoch 3 of at most 100: {detail}; 97 of 100 epochs saved. The weights of epoch 1 were restored."
        in page
    )
    assert "Underfitting: train loss" in page or "no better than chance" in page
    assert "loss of knowing nothing" in page
    assert "what the best constant answer costs" in page
    assert "Noted before the start:\n  Mind the step." in page
    assert "How to read it: a validation loss of 2.300 is chance" in page
    assert "std_first" not in page
