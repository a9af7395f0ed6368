"""How a cross-entropy reads: relative to chance, not to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Reading:
    """What a cross-entropy says of a model."""

    probability: float
    "exp(-loss): the geometric mean of the probabilities given to the right classes."
    level: float
    "loss / chance: 0 is perfect, 1 has learned nothing."
    verdict: Literal["near the truth", "learning", "at chance", "worse than chance"]
    text: str
    "One sentence."


def read_cross_entropy(loss: float, chance: float) -> Reading:
    """Read a mean cce or bce against the loss of a model that knows only the class shares (losses.chance_level).

    The lecture calls a loss above 1 "very bad and probably an error in the code". That holds for few classes only:
    chance is ln c for c equally frequent ones, 0.693, 1.099, 2.303 for 2, 3, 10, and a fresh network of ten classes
    starts a little above 2.303. From 3 % below chance to 10 % above it nothing was learned; beyond that the model is
    surer than it is right: a rate too large, labels that do not belong, a fresh network with large weights. Raises
    ValueError unless chance is above 0 and the loss is a number that is not negative.
    """
    if not chance > 0 or not loss >= 0:
        raise ValueError(f"a loss of {loss} against a chance of {chance} has no reading")
    probability, level = math.exp(-loss), loss / chance
    right = f"the right class gets a probability of {probability:.3g} (geometric mean)"
    if level > 1.1:
        return Reading(
            probability, level, "worse than chance",
            f"{loss:.3f} is above chance ({chance:.3f}): {right}, worse than knowing only the class shares.",
        )  # fmt: skip
    if level >= 0.97:
        return Reading(
            probability, level, "at chance", f"{loss:.3f} is chance ({chance:.3f}): nothing is learned yet."
        )
    verdict = "near the truth" if level < 0.1 else "learning"
    return Reading(
        probability, level, verdict, f"{loss:.3f} is {level:.0%} of chance ({chance:.3f}): {right}."
    )
