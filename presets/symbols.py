"""What the symbols in the formulas of the built-in presets mean, by part; a picker shows those that a formula has."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Symbols of any part.
_COMMON = {
    "η": "learning rate",
    "θ": "all weights and biases",
    "w": "one weight",
    "g": "gradient of the batch's mean loss",
    "x": "inputs",
    "y": "target",
    "ŷ": "prediction",
    "μ": "mean",
    "σ": "standard deviation",
    "σ²": "variance",
}

SYMBOLS: Mapping[str, Mapping[str, str]] = {
    "data": {
        "z": "preprocessed inputs, with μ and σ of the training part",
        "σ": "standard deviation",
        "r": "distance from the centre",
        "t": "place along the curve, or time",
        "φ": "angle",
        "f": "frequency",
        "N(0, σ²)": "normal noise, data.noise = σ",
        "ℝ": "real numbers (the exponent is the shape of an example)",
    },
    "augmentation": {
        "x′": "the changed example",
        "x̄": "mean of the image",
        "p": "probability",
        "α": "angle",
        "R": "rotation",
        "U": "uniform",
        "N": "normal",
        "Δ": "pixels along both axes",
        "c": "contrast",
        "s": "shift of a colour channel",
        "n": "white noise",
        "g": "gain",
        "P_x": "power of the sound",
        "P_n": "power of the noise",
        "SNR": "signal-to-noise ratio in decibels",
        "i": "first row",
        "j": "first column",
        "h": "height",
        "w": "width",
    },
    "model": {
        "W": "weight matrix",
        "W₁": "first weight matrix",
        "W₂": "second weight matrix",
        "W_k": "weights of degree k",
        "b": "bias",
        "b₁": "first bias",
        "b₂": "second bias",
        "h": "activations of a layer, the inputs at first",
        "a": "sum before the activation",
        "γ": "learned scale, 1 at the start",
        "β": "learned shift, 0 at the start",
        "ε": "1e-5, against a division by 0",
        "μ": "mean of the mini-batch, per unit or channel",
        "σ²": "variance of the mini-batch, per unit or channel",
        "K": "kernel of a convolution",
        "m": "mask, drawn anew for each example and step",
        "p": "model.dropout",
        "p_k": "polynomial of degree k, orthonormal to the others on the training part",
    },
    "loss": {
        "N": "examples",
        "y": "target (of a class: 1 if it is the true one, else 0)",
        "ŷ": "prediction",
        "p": "predicted probability",
        "z": "output of the network (logit)",
        "y_c": "1 for the true class, else 0",
        "p_c": "probability of class c",
        "p_y": "probability of the true class",
        "w_y": "weight of the true class",
        "w_c": "weight of class c",
        "N_c": "examples of class c",
        "C": "classes",
    },
    "optimizer": {
        "v": "velocity",
        "u": "velocity, the learning rate in it",
        "γ": "optimizer.momentum",
        "G": "sum (AdaGrad) or moving mean (RMSProp) of g², of each weight",
        "β": "optimizer.beta",
        "ε": "optimizer.epsilon, against a division by 0",
        "m̂": "corrected moving mean of g, with optimizer.beta1",
        "v̂": "corrected moving mean of g², with optimizer.beta2",
        "λ": "optimizer.weight_decay",
    },
    "regularization": {
        "L": "what training makes small",
        "loss": "mean loss of the batch",
        "C": "strength",
        "C₁": "regularization.l1",
        "C₂": "regularization.l2",
        "g": "gradient with respect to w",
        "w": "one weight of a matrix (biases are left out)",
    },
    "init": {
        "U": "uniform between the limits",
        "N": "normal of this mean and variance",
        "n_in": "connections into a unit",
        "n_out": "connections out of a unit",
        "scale": "init.scale",
        "value": "init.value",
    },
    "training": {
        "η_t": "learning rate at epoch t",
        "t": "epoch",
        "T": "training.epochs",
        "T_w": "training.schedule.warmup",
        "n": "training examples",
        "∇L_i": "gradient of the loss of example i",
        "‖g‖": "Euclidean norm of the whole gradient",
    },
    "stopping": {
        "wait": "checks in a row without a better value",
        "v": "value of a check",
        "best": "best value so far",
        "t": "epoch",
        "T": "training.epochs",
    },
}

_WITHIN = r"[A-Za-zΑ-Ωα-ωŷ_′₀-₉\u0300-\u036f]"


def symbols(part: str, formula: str) -> list[tuple[str, str]]:
    """Return (symbol, meaning) of what stands in a formula and is known, in the order in which it comes."""
    known = {**_COMMON, **SYMBOLS.get(part, {})}
    found: list[tuple[int, str]] = []
    taken: list[range] = []
    # The longest first: n_in is no n, m̂ no m.
    for symbol in sorted(known, key=len, reverse=True):
        match = re.search(rf"(?<!{_WITHIN}){re.escape(symbol)}(?!{_WITHIN})", formula)
        if match and not any(match.start() in part for part in taken):
            found.append((match.start(), symbol))
            taken.append(range(match.start(), match.end()))
    return [(symbol, known[symbol]) for _, symbol in sorted(found)]
