"""The paths of the lecture's optimizers over a surface, step by step: the ones that train, on two parameters (O3, O4, O12, O14)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from .errors import InputError, quoted
from .figure_surfaces import SURFACES, Point, Surface

if TYPE_CHECKING:
    from .optimizers import Formula, Optimizer, State

#: The optimizers of the figure, plain gradient descent first.
KINDS = ("sgd", "momentum", "adagrad", "rmsprop", "adam")
FORMULAS = ("pytorch", "lecture")
#: Steps of the longest path, those of lesson 9.
MOST_STEPS = 3000


@dataclass(frozen=True, slots=True)
class Path:
    """Where one optimizer was after each step; entry 0 is the start."""

    kind: str
    hyper: Mapping[str, float]
    "lr and what else is not the default."
    places: tuple[Point, ...]
    values: tuple[float, ...]
    "f at each place; the path ends at the first that is not finite."
    lengths: tuple[float, ...]
    "How long each step was, √(Δx² + Δy²)."
    memory: tuple[Mapping[str, Point], ...]
    "What is remembered along x and y, by its symbol: v of momentum, Σg² of AdaGrad, mean g² of RMSProp, m̂ and v̂ of Adam."

    def at(self, step: int) -> int:
        """The entry of a step, the last one for a step beyond the end."""
        return min(max(0, step), len(self.places) - 1)


def path(surface: Surface, kind: str, steps: int, formula: str = "pytorch", cut: int = 0) -> Path:
    """Descend `steps` steps from the surface's start; from step `cut` on, unless it is 0, at a tenth of the rate.

    θ ← the update of `optimizers.OPTIMIZERS[kind]` with the slope at θ, in float64 (O14).
    """
    import torch

    from .optimizers import OPTIMIZERS

    hyper = surface.rates[kind]
    arguments: dict[str, Any] = dict(hyper)
    optimizer = OPTIMIZERS[kind](formula=cast("Formula", formula), **arguments)
    place = torch.tensor(surface.start, dtype=torch.float64)
    state = optimizer.init(place)
    places, values, lengths = [surface.start], [float(surface.value(*surface.start))], [0.0]
    memory = [remembered(optimizer, state)]
    for step in range(1, steps + 1):
        before = places[-1]
        optimizer.lr = hyper["lr"] / 10 if 0 < cut <= step else hyper["lr"]
        optimizer.update(place, torch.tensor(surface.slope(*before), dtype=torch.float64), state)
        x, y = place.tolist()
        try:
            value = float(surface.value(x, y))
        except OverflowError:
            value = math.inf
        places.append((x, y))
        values.append(value)
        lengths.append(math.dist(before, (x, y)))
        memory.append(remembered(optimizer, state))
        if not math.isfinite(value):
            break
    return Path(kind, hyper, tuple(places), tuple(values), tuple(lengths), tuple(memory))


def remembered(optimizer: Optimizer, state: State) -> Mapping[str, Point]:
    """Return what an optimizer remembers of two parameters, by its symbol (O3, O6, O8, O12): Adam's moments corrected.

    v̂ is not centred: under a constant gradient g it is g², not 0 (T22).
    """
    from . import optimizers

    if isinstance(optimizer, optimizers.Adam):
        start = 1 - optimizer.beta1 ** max(1.0, state["step"].item())
        found = {"m̂": state["moment1"] / start, "v̂": optimizer.squares(state)}
    elif isinstance(optimizer, optimizers.Momentum):
        found = {"v": state["velocity"]}
    elif isinstance(optimizer, optimizers.Adagrad):
        found = {"Σg²": state["sum"]}
    elif isinstance(optimizer, optimizers.Rmsprop):
        found = {"mean g²": state["mean_square"]}
    else:
        return {}
    return {symbol: (float(pair[0]), float(pair[1])) for symbol, pair in found.items()}


@lru_cache(maxsize=16)
def paths(surface: str, steps: int, formula: str = "pytorch", cut: int = 0) -> tuple[Path, ...]:
    """The paths of all five on the surface of that name; InputError for another surface, formula or number of steps."""
    if surface not in SURFACES:
        raise InputError(f"there is no surface {quoted(surface)}; there are {', '.join(SURFACES)}")
    if formula not in FORMULAS:
        raise InputError(f"there is no formula {quoted(formula)}; there are {', '.join(FORMULAS)}")
    if not 0 <= steps <= MOST_STEPS:
        raise InputError(f"steps must be 0 to {MOST_STEPS}, not {steps}")
    if cut < 0:
        raise InputError(f"the step at which the rate is cut must be 1 or more, or 0 for never, not {cut}")
    return tuple(path(SURFACES[surface], kind, steps, formula, cut) for kind in KINDS)
