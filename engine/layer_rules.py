"""Rules over the probed hidden layers: signals that vanish or explode, units that are stuck or all the same.

A layer that looks bad in a network that learns is no fault: unless said otherwise a rule holds only while the
train loss is at least 0.7 of knowing nothing, and once told until it is below 0.5.
"""

from __future__ import annotations

import math

from .findings import Found, Layers, View, rounded, short

#: A growth beyond this over the whole network is called exploding.
EXPLODES = 30


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
    first, last = layers[0], layers[-1]
    limit = 0.05 if standing else 0.02
    spread, gradient = _ratio(last["std"], first["std"]), _ratio(first["gradient"], last["gradient"])
    if not (spread < limit or gradient < limit):
        return None
    activation = str(view.setting("model.activation", ""))
    if activation == "sigmoid":
        remedy = "model.activation = relu or tanh (a sigmoid passes at most a quarter of the gradient)"
    elif view.setting("init.kind") == better_init(view):
        remedy = "fewer layers"
    else:
        remedy = f"init.kind = {better_init(view)}"
    batch_norm = "" if view.setting("model.batch_norm") else " or model.batch_norm = true"
    return Found(
        f"The signal vanishes: from the first to the last of {len(layers)} hidden layers the activations' spread falls "
        f"to {short(spread)}, and back at the first {short(gradient)} of the gradient is left. "
        f"Set {remedy}{batch_norm}.",
        rounded(
            std_first=first["std"], std_last=last["std"], std_ratio=spread,
            gradient_first=first["gradient"], gradient_last=last["gradient"], gradient_ratio=gradient,
        ),
    )  # fmt: skip


def exploding(view: View, standing: bool) -> Found | None:
    """The gradient, or the activations, grow many times from one end of the network to the other."""
    layers = view.layers
    if len(layers) < 2 or not view.untrained(standing):
        return None
    spread, gradient = growth(layers)
    first, last = layers[0], layers[-1]
    if not max(spread, gradient) > (10 if standing else EXPLODES):
        return None
    rate = short(view.lr)
    remedy = (
        f"init.kind = {better_init(view)}"
        if view.setting("init.kind") != better_init(view)
        else f"a lower optimizer.lr (now {rate})"
    )
    return Found(
        f"The signal explodes: over {len(layers)} hidden layers the activations' spread grows {short(spread)} times "
        f"forward and the gradient {short(gradient)} times backward. Set {remedy}, or training.clip_norm = 1.",
        rounded(
            std_first=first["std"], std_last=last["std"], std_ratio=spread,
            gradient_first=first["gradient"], gradient_last=last["gradient"], gradient_ratio=gradient,
        ),
    )  # fmt: skip


def dead_units(view: View, standing: bool) -> Found | None:
    """Seven tenths of a layer's ReLU units are 0 for every example; nine tenths even if the network learns."""
    if view.crushed or not view.layers:
        return None
    worst = max(view.layers, key=lambda layer: layer["dead"])
    limit = (0.6 if standing else 0.7) if view.untrained(standing) else (0.8 if standing else 0.9)
    if worst["dead"] < limit:
        return None
    return Found(
        f"{worst['dead']:.0%} of the units of {worst['name']} are 0 for every example: no gradient passes, so they hardly "
        f"recover. Lower optimizer.lr (now {short(view.lr)}) or set model.activation = leaky-relu.",
        {"layer": worst["name"], **rounded(dead=worst["dead"], units=worst["units"])},
    )


def saturated(view: View, standing: bool) -> Found | None:
    """A third or more of a layer's tanh or sigmoid values lie where the function is flat."""
    if not view.layers or not view.untrained(standing):
        return None
    worst = max(view.layers, key=lambda layer: layer["saturated"])
    if worst["saturated"] < (0.25 if standing else 0.35):
        return None
    remedy = (
        "scale the inputs: data.preprocess = standardize"
        if view.setting("data.preprocess") == "none"
        else f"Start smaller: init.kind = {better_init(view)}"
        if view.setting("init.kind") != better_init(view)
        else f"Lower optimizer.lr (now {short(view.lr)})"
    )
    return Found(
        f"{worst['saturated']:.0%} of the {worst['kind']} values of {worst['name']} are saturated, where nearly no gradient "
        f"passes. {remedy[0].upper()}{remedy[1:]}.",
        {"layer": worst["name"], **rounded(saturated=worst["saturated"])},
    )


def growth(layers: Layers) -> tuple[float, float]:
    """Return how many times the activations' spread grows to the last layer, and the gradient back to the first; 0 if unknown."""
    if len(layers) < 2:
        return 0.0, 0.0
    first, last = layers[0], layers[-1]
    grown = _ratio(last["std"], first["std"]), _ratio(first["gradient"], last["gradient"])
    return (0.0 if math.isnan(grown[0]) else grown[0]), (0.0 if math.isnan(grown[1]) else grown[1])


def better_init(view: View) -> str:
    """Name the initialization made for the activation."""
    activation = view.setting("model.activation", "relu")
    return "xavier-uniform" if activation in ("tanh", "sigmoid", "identity") else "he-uniform"


def _ratio(a: float, b: float) -> float:
    """Return a / b; NaN where both are 0, as in a network of zeros, or one is not finite."""
    if not (math.isfinite(a) and math.isfinite(b)) or (a == 0 and b == 0):
        return math.nan
    return a / b if b else math.inf
