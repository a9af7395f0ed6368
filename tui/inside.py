"""What can be looked at inside a network: the table of looks, each a question to the engine and a way to draw the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..engine.experiment import Experiment
from ..engine.history import History
from . import look_examples, look_layers, look_pictures
from .blocks import Block, Page


@dataclass(frozen=True)
class Look:
    """One way to look inside."""

    probe: str
    "The engine's name for the question."
    title: str
    draw: Callable[[Mapping[str, Any], History, Page], Block]
    about: str
    "What to look for, in one line."
    applies: Callable[[History], bool] = lambda history: True
    "Whether the run has anything to show here."
    options: Callable[[Page, int], Mapping[str, Any]] = lambda page, example: {}
    "The question's options, by the room there is and the example that was chosen."
    by_example: bool = False
    "Whether another example can be chosen."


def _classes(history: History) -> bool:
    return history.started is not None and history.started.task != "regression"


def _regression(history: History) -> bool:
    return history.started is not None and history.started.task == "regression"


def _features(count: int) -> Callable[[History], bool]:
    return lambda history: history.started is not None and tuple(history.started.shape) == (count,)


def _augmented(history: History) -> bool:
    plain = history.started.experiment if history.started is not None else {}
    return bool(plain) and Experiment.model_validate(plain).data.augmentation.active


def _sound(history: History) -> bool:
    # Sound is (1, samples); images have three axes, tables one.
    return history.started is not None and len(history.started.shape) == 2


LOOKS: tuple[Look, ...] = (
    Look(
        "layers", "Layers", look_layers.layers,
        "std that falls from layer to layer: the signal vanishes. Gradient that falls towards the first: it does not "
        "learn. Updates are usually about 0.001 of the weights.",
    ),
    Look(
        "activations", "Activations", look_layers.activations,
        "What the hidden units put out on 256 training examples: piled up at an end they are saturated, at 0 dead.",
        options=lambda page, example: {"bins": 40},
    ),
    Look(
        "weights", "Weights", look_layers.weights,
        "L2 draws the weights together, L1 makes many of them exactly zero.",
        options=lambda page, example: {"bins": 40},
    ),
    Look(
        "rates", "Rates", look_layers.rates,
        "What the optimizer multiplies each weight's gradient by: adaptive optimizers give every weight its own.",
    ),
    Look(
        "confusion", "Confusion", look_examples.confusion,
        "Each row is a true class: what its examples were taken for. Recall is the share that was recognized.", _classes,
    ),
    Look(
        "calibration", "Calibration", look_examples.calibration,
        "Of what the network is 80 % sure of, 80 % should come true. Below the diagonal it is too sure of itself.", _classes,
    ),
    Look(
        "predictions", "Predictions", look_examples.predictions,
        "On the line predicted and true are equal; a flat cloud predicts the mean.", _regression,
    ),
    Look(
        "worst", "Worst", look_examples.worst,
        "Wrong labels and odd examples gather here.", options=lambda page, example: {"n": max(4, min(40, page.height - 3))},
    ),
    Look(
        "boundary", "Boundary", look_pictures.boundary,
        "Colour is what the network would answer there, strong where it is sure.", _features(2),
        options=lambda page, example: {"size": 60, "units": 8 if page.width >= 90 else 0},
    ),
    Look(
        "fit", "Fit", look_pictures.fitted_curve,
        "The curve the network has learned over the data it learned from.",
        lambda history: _regression(history) and _features(1)(history),
    ),
    Look(
        "augmentation", "Augmentation", look_pictures.augmentation,
        "Every epoch draws new variants; validation and test examples stay as they are.", _augmented,
        options=lambda page, example: {"example": example, "variants": 8}, by_example=True,
    ),
    Look(
        "spectrogram", "Spectrogram", look_pictures.spectrogram,
        "Time runs to the right, frequency up.", _sound,
        options=lambda page, example: {"example": example}, by_example=True,
    ),
)  # fmt: skip


def looks_for(history: History) -> list[Look]:
    """The looks that have something to show for this run."""
    return [look for look in LOOKS if look.applies(history)]


def drawn(look: Look, answer: Mapping[str, Any], history: History, page: Page) -> Block:
    """Draw an answer; what cannot be drawn becomes a line that says so."""
    if "error" in answer:
        return [page.line(str(answer["error"]))]
    try:
        return look.draw(answer, history, page)
    except Exception as error:  # a picture may never end the lab
        return [page.line(f"cannot be drawn: {type(error).__name__}: {error}", page.trouble)]
