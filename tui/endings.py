"""What a run came to, in sentences that the headless summary and the page of the diagnosis share."""

from __future__ import annotations

import math

from ..engine.history import History
from ..engine.reading import read_cross_entropy
from .text import clean, number, percent

#: How each reason of an end is called.
REASONS = {
    "finished": "Finished",
    "stopped_early": "Stopped early",
    "stopped": "Stopped",
    "diverged": "Diverged",
    "failed": "Failed",
}


def kept_epoch(history: History) -> int:
    """The epoch of the final weights; of a run that goes on, the last one."""
    ended = history.ended
    return (ended.restored_epoch if ended is not None else None) or history.epoch


def reading(history: History) -> str:
    """How the validation cross-entropy of the kept weights reads; empty for other losses and before the first check."""
    started, curve = history.started, history.validation.get("loss")
    if started is None or curve is None or history.setting("loss.kind") not in ("bce", "cce"):
        return ""
    point = curve.value_at(kept_epoch(history))
    classes = len(started.classes)
    # Balanced weights ask for every class alike: then no answer is cheaper than equal shares.
    balanced = history.setting("loss.class_weights") == "balanced"
    chance = math.log(classes) if balanced and classes > 1 else started.chance or 0.0
    if point is None or not point.y >= 0 or not chance > 0:
        return ""
    return f"How to read it: a validation loss of {read_cross_entropy(point.y, chance, classes).text}"


def saved_epochs(history: History) -> str:
    """How many epochs early stopping saved; empty where it saved none."""
    ended = history.ended
    if ended is None or ended.reason != "stopped_early" or not history.epochs > ended.epoch:
        return ""
    return f"{history.epochs - ended.epoch} of {history.epochs} epochs saved"


def penalized(history: History) -> str:
    """What the penalty left of the final weights; empty without one."""
    facts = history.ended.weights if history.ended is not None else {}
    # A log from elsewhere may hold anything under these names.
    sizes = {key: one for key, one in facts.items() if isinstance(one, (int, float)) and 0 <= one < 1e15}
    if not {"penalty", "zeros", "small"} <= sizes.keys():
        return ""
    parts = [
        f"penalty {number(sizes['penalty']).strip()} beside the loss",
        f"{percent(sizes['zeros']).strip()} of weights exactly 0, {percent(sizes['small']).strip()} below 0.001",
    ]
    if {"inputs", "unused_inputs"} <= sizes.keys():
        unused, names = int(sizes["unused_inputs"]), facts.get("unused")
        shown = [clean(str(name), 30) for name in names] if isinstance(names, (list, tuple)) else []
        named = f" ({', '.join(shown)}{', …' * (len(shown) < unused)})" if shown else ""
        parts.append(f"{unused} of {int(sizes['inputs'])} inputs unused{named}")
    return "; ".join(parts)


def why(history: History) -> str:
    """How the run ended and why, in full."""
    ended = history.ended
    if ended is None:
        return ""
    parts = [
        f"{REASONS.get(ended.reason, clean(ended.reason))} after epoch {ended.epoch} of at most {history.epochs}"
    ]
    parts += [clean(ended.detail, 2000)] if ended.detail else []
    text = ": ".join(parts)
    if saved := saved_epochs(history):
        text += f"; {saved}"
    if ended.restored_epoch is not None:
        text += f". The weights of epoch {ended.restored_epoch} were restored"
    return f"{text}."
