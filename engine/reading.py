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
    "Two sentences."


def read_cross_entropy(loss: float, chance: float, classes: int = 0) -> Reading:
    """Read a mean cce or bce against the loss of a model that knows only the class shares (chance.chance_level).

    The lecture calls a loss above 1 "very bad and probably an error in the code". That holds for few classes only:
    chance is ln c for c equally frequent ones, 0.693, 1.099, 2.303 for 2, 3, 10, and a fresh network of ten classes
    starts a little above 2.303. From 3 % below chance to 10 % above it nothing was learned; beyond that the model is
    surer than it is right: a rate too large, labels that do not belong, a fresh network with large weights. Raises
    ValueError unless chance is above 0 and the loss is a number that is not negative. With the number of `classes` the
    text also names ln c.
    """
    if not chance > 0 or not loss >= 0:
        raise ValueError(f"a loss of {loss} against a chance of {chance} has no reading")
    probability, level = math.exp(-loss), loss / chance
    known = (
        f"{chance:.3f}, ln {classes} = {math.log(classes):.3f} for equal classes"
        if classes > 1
        else f"{chance:.3f}"
    )
    right = f"exp(-{loss:.3g}) = {probability:.2g}: on (geometric) average the right class gets {_per_cent(probability)}"
    if level > 1.1:
        verdict, where = (
            "worse than chance",
            f"above chance ({known}), worse than knowing only the class shares",
        )
    elif level >= 0.97:
        verdict, where = "at chance", f"chance ({known}): nothing is learned yet"
    else:
        verdict = "near the truth" if level < 0.1 else "learning"
        where = f"{_per_cent(level)} of chance ({known})"
    told = f"{loss:.3f}" if loss < 1000 else f"{loss:.3g}"
    return Reading(probability, level, verdict, f"{told} is {where}. {right}.")


def _per_cent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.01 else f"{100 * share:.0f} %"
