"""Rules over the probed hidden layers: signals that vanish or explode, units that are stuck or all the same.

A layer that looks bad in a network that learns is no fault: unless said otherwise a rule holds only while the
train loss is at least 0.7 of knowing nothing, and once told until it is below 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .findings import SCALE, Found, Layers, View, rounded, short

#: A growth beyond this over the whole network is called exploding, what falls below the other vanishing.
EXPLODES, LOST = 30, 0.02
#: Shares of dead units and of saturated values that are too many in a network that does not learn.
DEAD, FLAT = 0.7, 0.35


def symmetric_units(view: View, standing: bool) -> Found | None:
    """Half of a layer's units or more have equal incoming weights, before training and still."""
    for before, now in zip(view.first_layers, view.layers, strict=False):
        half = max(2, now["units"] / 2)
        if before["twins"] >= half and now["twins"] >= half:
            return Found(
                f"{now['twins']} of {now['units']} units of {now['name']} have the same weights: they compute the same "
                f"and get the same gradient, so they can never differ. Set init.kind = {better_init(view)}.",
                {"layer": now["name"], **rounded(twins=now["twins"], units=now["units"], difference=now["difference"])},
            )  # fmt: skip
    return None


def vanishing(view: View, standing: bool) -> Found | None:
    """The spread of activations, or the gradient, is nearly lost from one end of the network to the other."""
    layers = view.layers
    if len(layers) < 2 or not view.untrained(standing) or view.crushed:
        return None
    spread, gradient = passed(layers)
    if not min(spread, gradient) < (0.05 if standing else LOST):
        return None
    activation = str(view.setting("model.activation", ""))
    if activation == "sigmoid":
        remedy = "model.activation = relu or tanh (a sigmoid passes at most a quarter of the gradient)"
    elif view.setting("init.kind") == better_init(view):
        remedy = "fewer layers (model.hidden)"
    else:
        remedy = f"init.kind = {better_init(view)}"
    batch_norm = "" if view.setting("model.batch_norm") else " or model.batch_norm = true"
    return Found(
        f"The signal vanishes over {len(layers)} hidden layers: {_ways(spread, gradient)}. Set {remedy}{batch_norm}.",
        _both_ways(layers),
    )


def exploding(view: View, standing: bool) -> Found | None:
    """The gradient, or the activations, grow many times from one end of the network to the other."""
    layers = view.layers
    if len(layers) < 2 or not view.untrained(standing):
        return None
    spread, gradient = growth(layers)
    if not max(spread, gradient) > (10 if standing else EXPLODES):
        return None
    remedy = (
        f"init.kind = {better_init(view)}"
        if view.setting("init.kind") != better_init(view)
        else f"a lower optimizer.lr (now {short(view.lr)})"
    )
    return Found(
        f"The signal explodes over {len(layers)} hidden layers: {_ways(spread, gradient)}. "
        f"Set {remedy}, or training.clip_norm = 1.",
        _both_ways(layers),
    )


def dead_units(view: View, standing: bool) -> Found | None:
    """Seven tenths of a layer's ReLU units are 0 for every example; nine tenths even if the network learns."""
    if view.crushed or not view.layers:
        return None
    worst = max(view.layers, key=lambda layer: layer["dead"])
    limit = (0.6 if standing else DEAD) if view.untrained(standing) else (0.8 if standing else 0.9)
    if worst["dead"] < limit:
        return None
    first = SCALE if view.unscaled else f"Lower optimizer.lr (now {short(view.lr)})"
    return Found(
        f"{worst['dead']:.0%} of the units of {worst['name']} are 0 for every example: no gradient passes, so they hardly "
        f"recover. {first} or set model.activation = leaky-relu.",
        {"layer": worst["name"], **rounded(dead=worst["dead"], units=worst["units"])},
    )


def saturated(view: View, standing: bool) -> Found | None:
    """A third or more of a layer's tanh or sigmoid values lie where the function is flat."""
    if not view.layers or not view.untrained(standing):
        return None
    worst = max(view.layers, key=_flat)
    if _flat(worst) < (0.25 if standing else FLAT):
        return None
    remedy = (
        SCALE
        if view.unscaled
        else f"Start smaller: init.kind = {better_init(view)}"
        if view.setting("init.kind") != better_init(view)
        else f"Lower optimizer.lr (now {short(view.lr)})"
    )
    return Found(
        f"{worst['saturated']:.0%} of the {worst['kind']} values of {worst['name']} are saturated, where nearly no gradient "
        f"passes. {remedy}.",
        {"layer": worst["name"], **rounded(saturated=worst["saturated"])},
    )


def passed(layers: Layers) -> tuple[float, float]:
    """Return what is left of the activations' spread at the last layer, and of the gradient back at the first; NaN if unknown."""
    if len(layers) < 2:
        return math.nan, math.nan
    first, last = layers[0], layers[-1]
    return _ratio(last["std"], first["std"]), _ratio(first["gradient"], last["gradient"])


def growth(layers: Layers) -> tuple[float, float]:
    """Return how many times the two grow on their ways; 0 if unknown."""
    spread, gradient = passed(layers)
    return (0.0 if math.isnan(spread) else spread), (0.0 if math.isnan(gradient) else gradient)


def at_fault(layers: Layers, strictly: bool = True) -> str:
    """Say what is wrong with probed layers by the thresholds above, in words; empty if nothing is.

    Without `strictly` also what is half of the way there.
    """
    if not layers:
        return ""
    lost, explodes, share = (LOST, EXPLODES, 1.0) if strictly else (0.1, 10, 0.6)
    dead, flat = max(layers, key=lambda one: one["dead"]), max(layers, key=_flat)
    spread, gradient = passed(layers)
    if dead["dead"] >= share * DEAD:
        return f"{dead['dead']:.0%} of the units of {dead['name']} are 0 for every example"
    if _flat(flat) >= share * FLAT:
        return f"{flat['saturated']:.0%} of the {flat['kind']} values of {flat['name']} are saturated"
    if spread < lost or gradient < lost:
        return "the signal is lost between the first and the last layer"
    if max(growth(layers)) > explodes:
        return "the signal explodes between the first and the last layer"
    return ""


def broken_since(view: View) -> str:
    """Say what is wrong with layers that were sound before training; empty if nothing is, or if it was wrong from the start."""
    if not view.epoch or at_fault(view.first_layers, strictly=False):
        return ""
    return at_fault(view.layers)


def better_init(view: View) -> str:
    """Name the initialization made for the activation."""
    activation = view.setting("model.activation", "relu")
    return "xavier-uniform" if activation in ("tanh", "sigmoid", "identity") else "he-uniform"


def _flat(layer: Mapping[str, Any]) -> float:
    # A unit or two may well be switches that are on or off for most examples.
    return layer["saturated"] if layer["units"] >= 4 else 0.0


def _ways(spread: float, gradient: float) -> str:
    forward, backward = _on_the_way("the activations' spread", spread), _on_the_way("the gradient", gradient)
    return f"{forward} to the last, {backward} back to the first"


def _on_the_way(what: str, factor: float) -> str:
    if math.isnan(factor):
        return f"{what} is 0 from one end"
    if factor < 0.5:
        return f"{what} falls by a factor of {short(1 / factor)}" if factor else f"{what} falls to 0"
    return (
        f"{what} grows {short(factor)} times"
        if factor > 2
        else f"{what} stays much the same ({short(factor)} times)"
    )


def _both_ways(layers: Layers) -> dict[str, float]:
    first, last, (spread, gradient) = layers[0], layers[-1], passed(layers)
    return rounded(
        std_first=first["std"], std_last=last["std"], std_ratio=spread,
        gradient_last=last["gradient"], gradient_first=first["gradient"], gradient_ratio=gradient,
    )  # fmt: skip


def _ratio(a: float, b: float) -> float:
    """Return a / b; NaN where both are 0, as in a network of zeros, or one is not finite."""
    if not (math.isfinite(a) and math.isfinite(b)) or (a == 0 and b == 0):
        return math.nan
    return a / b if b else math.inf
