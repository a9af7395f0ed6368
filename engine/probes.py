"""What a viewer may ask of a network while it trains or after: the table of probes by name.

A probe takes the training and options and answers with plain values, ready for JSON; where it does not apply it answers
{"error": why, and what to do}. None changes the training: a run that is probed is bit for bit the run that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .probe_examples import calibration, confusion, predictions, surprise, worst
from .probe_layers import activations, layer_health, layers
from .probe_pictures import augmentation, boundary, fit, spectrogram
from .probe_weights import rates, weights

if TYPE_CHECKING:
    from .training import Training

#: Name -> probe(training, **options).
PROBES: dict[str, Callable[..., dict[str, Any]]] = {
    probe.__name__: probe
    for probe in (
        layers, activations, weights, rates, confusion, calibration, surprise, worst, predictions, boundary, fit, augmentation,
        spectrogram,
    )
}  # fmt: skip

__all__ = ["PROBES", "answer", "layer_health"]


def answer(training: Training, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a question; what cannot be answered becomes {"error": why}, since none may end whoever answers it."""
    try:
        return PROBES[name](training, **options)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
