"""What can be looked at inside a network: the table of looks, each a question to the engine and a way to draw the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..engine.experiment import Experiment
from ..engine.history import History
from . import (
    figure_surprise,
    look_classes,
    look_examples,
    look_layers,
    look_pictures,
    look_plane,
    look_weights,
)
from .blocks import Block, Page, blank


@dataclass(frozen=True)
class Parts:
    """What a look shows one after the other, because it is too much for one page."""

    keys: str
    "The keys to the one before and the next, as a person reads them."
    words: str
    "What the keys lead to."
    count: Callable[[Page, History], int]
    "How many there are."
    asks: bool = True
    "Whether another part is another question."


@dataclass(frozen=True)
class Look:
    """One way to look inside."""

    probe: str
    "The engine's name for the question."
    title: str
    short: str
    "The title where there is little room; at most seven characters."
    draw: Callable[[Mapping[str, Any], History, Page], Block]
    about: str
    "What to look for, in a line or two."
    applies: Callable[[History], bool] = lambda history: True
    "Whether the run has anything to show here."
    options: Callable[[Page, History], Mapping[str, Any]] = lambda page, history: {}
    "The question's options, by the room there is and the part that was chosen."
    parts: Parts | None = None
    from_log: bool = False
    "Whether the log alone gives something to draw before the answer comes."


def _classes(history: History) -> bool:
    return history.started is not None and history.started.task != "regression"


def _regression(history: History) -> bool:
    return history.started is not None and history.started.task == "regression"


def _features(count: int) -> Callable[[History], bool]:
    return lambda history: history.started is not None and tuple(history.started.shape) == (count,)


def _likelihood(history: History) -> bool:
    return history.started is not None and str(history.setting("loss.kind", "")) in ("bce", "cce")


def _augmented(history: History) -> bool:
    plain = history.started.experiment if history.started is not None else {}
    return bool(plain) and Experiment.model_validate(plain).data.augmentation.active


def _sound(history: History) -> bool:
    # Sound is (1, samples); images have three axes, tables one.
    return history.started is not None and len(history.started.shape) == 2


def _training_examples(page: Page, history: History) -> int:
    return max(1, int(history.started.sizes["train"])) if history.started is not None else 1


def _groups_of_measures(page: Page, history: History) -> int:
    layers = len(history.layers[-1].layers_health) if history.layers else 0
    return -(-len(look_layers.MEASURES) // look_layers.measures_at_once(page, layers))


_EXAMPLES = Parts(", .", "example", _training_examples)

LOOKS: tuple[Look, ...] = (
    Look(
        "layers", "Layers", "Layers", look_layers.layers,
        "std that falls from layer to layer: the signal vanishes. Gradient that falls towards the first: it does not "
        "learn. Updates are usually about 0.001 of the weights.",
        parts=Parts("m", "measures", _groups_of_measures, asks=False), from_log=True,
    ),
    Look(
        "activations", "Activations", "Acts", look_layers.activations,
        "What the hidden units put out on 256 training examples: piled up at an end they are saturated, at 0 dead.",
        options=lambda page, history: {"bins": 40},
    ),
    Look(
        "weights", "Weights", "Weights", look_weights.weights,
        "L2 draws the weights together, L1 makes many of them exactly zero.",
        options=lambda page, history: {"bins": 40},
    ),
    Look(
        "rates", "Rates", "Rates", look_weights.rates,
        "What the optimizer multiplies each weight's gradient by: adaptive optimizers give every weight its own.",
    ),
    Look(
        "confusion", "Confusion", "Confus", look_classes.confusion,
        "Each row is a true class: what its examples were taken for. Recall is the share that was recognized.", _classes,
    ),
    Look(
        "calibration", "Calibration", "Calib", look_classes.calibration,
        "Of what the network is 80 % sure of, 80 % should come true; a bin of few examples proves little.", _classes,
    ),
    Look(
        "predictions", "Predictions", "Predict", look_examples.predictions,
        "On the line predicted and true are equal; a flat cloud predicts the mean.", _regression,
    ),
    Look(
        "worst", "Worst", "Worst", look_examples.worst,
        "Wrong labels and odd examples gather here.", options=look_examples.worst_options,
    ),
    Look(
        "boundary", "Boundary", "Bound", look_plane.boundary,
        "What the network would answer all over the plane, strong where it is sure; a unit's map shows what it responds to.",
        _features(2), options=look_plane.boundary_options,
        parts=Parts("[ ]", "units", look_plane.boundary_pages),
    ),
    Look(
        "fit", "Fit", "Fit", look_pictures.fitted_curve,
        "The curve the network has learned over the data it learned from.",
        lambda history: _regression(history) and _features(1)(history),
    ),
    Look(
        "augmentation", "Augmentation", "Augm", look_pictures.augmentation,
        "Every epoch draws new variants; validation and test examples stay as they are.", _augmented,
        options=look_pictures.augmentation_options, parts=_EXAMPLES,
    ),
    Look(
        "spectrogram", "Spectrogram", "Spectr", look_pictures.spectrogram,
        "Time runs to the right, frequency up.", _sound,
        options=lambda page, history: {"example": page.at}, parts=_EXAMPLES,
    ),
    Look(
        "surprise", "Surprise", "Surpr", figure_surprise.look,
        "What each example costs by its probability: a sure mistake lies far up, and moves the loss more than many others.",
        _likelihood,
    ),
)  # fmt: skip


def looks_for(history: History) -> list[Look]:
    """The looks that have something to show for this run."""
    return [look for look in LOOKS if look.applies(history)]


def asked(look: Look, page: Page, history: History) -> Mapping[str, Any]:
    """The options of a look's question; none where a log from elsewhere makes no sense."""
    try:
        return look.options(page, history)
    except Exception:
        return {}


def parts(look: Look, page: Page, history: History) -> int:
    """How many parts a look has; one where a log from elsewhere makes no sense."""
    try:
        return max(1, look.parts.count(page, history)) if look.parts is not None else 1
    except Exception:
        return 1


def drawn(look: Look, answer: Mapping[str, Any], history: History, page: Page) -> Block:
    """Draw an answer; what cannot be drawn becomes a line that says so."""
    if "error" in answer:
        said = page.paragraph(str(answer["error"]))
        return said if not look.from_log else [*said, blank(0), *drawn(look, {}, history, page)]
    try:
        return look.draw(answer, history, page)
    except Exception as error:  # a picture may never end the lab
        return [page.line(f"cannot be drawn: {type(error).__name__}: {error}", page.trouble)]
