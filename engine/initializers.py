"""How weights start: each rule of the lecture fills a tensor in place, and a text rule says when one does not fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Generator, Tensor

Initializer = Callable[..., None]


def fans(weight: Tensor) -> tuple[int, int]:
    """Return (fan_in, fan_out): the connections into and out of a unit, kernel positions counted, as in torch.

    Raises ValueError for a tensor of fewer than two dimensions, which has no fans.
    """
    if weight.dim() < 2:
        raise ValueError(f"fans need a (fan_out, fan_in, ...) tensor, not one of shape {tuple(weight.shape)}")
    positions = math.prod(weight.shape[2:])
    return weight.shape[1] * positions, weight.shape[0] * positions


def constant(weight: Tensor, *, generator: Generator | None = None, value: float = 0.1) -> None:
    """Set every weight to `value`: units of a layer then compute, and learn, the same for ever (but for dropout)."""
    with torch.no_grad():
        weight.fill_(value)


def zeros(weight: Tensor, *, generator: Generator | None = None) -> None:
    """Set every weight to 0: behind tanh or ReLU no weight before the last layer ever moves."""
    constant(weight, value=0.0)


def uniform(weight: Tensor, *, generator: Generator | None = None, scale: float = 0.05) -> None:
    """Draw from U(-scale, scale); the standard deviation is scale / sqrt(3)."""
    _draw(weight, generator, bound=_positive(scale))


def normal(weight: Tensor, *, generator: Generator | None = None, scale: float = 0.05) -> None:
    """Draw from N(0, scale^2)."""
    _draw(weight, generator, deviation=_positive(scale))


def fan_in_uniform(weight: Tensor, *, generator: Generator | None = None) -> None:
    """Draw from U(-1/sqrt(fan_in), 1/sqrt(fan_in)): the lecture's heuristic and the default of torch's layers.

    Its variance 1 / (3 fan_in) shrinks the signal by 1/3 per tanh layer and 1/6 per ReLU layer.
    """
    _draw(weight, generator, bound=1 / math.sqrt(fans(weight)[0]))


def xavier_uniform(weight: Tensor, *, generator: Generator | None = None) -> None:
    """Draw from U(-b, b), b = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010): for tanh and sigmoid."""
    _draw(weight, generator, bound=math.sqrt(6 / sum(fans(weight))))


def xavier_normal(weight: Tensor, *, generator: Generator | None = None) -> None:
    """Draw from N(0, 2 / (fan_in + fan_out)) (Glorot and Bengio 2010): for tanh and sigmoid."""
    _draw(weight, generator, deviation=math.sqrt(2 / sum(fans(weight))))


def he_uniform(weight: Tensor, *, generator: Generator | None = None) -> None:
    """Draw from U(-b, b), b = sqrt(6 / fan_in) (He et al. 2015): for ReLU, which lets half of the signal through."""
    _draw(weight, generator, bound=math.sqrt(6 / fans(weight)[0]))


def he_normal(weight: Tensor, *, generator: Generator | None = None) -> None:
    """Draw from N(0, 2 / fan_in) (He et al. 2015): for ReLU, which lets half of the signal through."""
    _draw(weight, generator, deviation=math.sqrt(2 / fans(weight)[0]))


#: The initializers by the name used in presets: `INITIALIZERS[kind](weight, generator=..., **parameters)`.
INITIALIZERS: dict[str, Initializer] = {
    "constant": constant,
    "zeros": zeros,
    "uniform": uniform,
    "normal": normal,
    "fan-in-uniform": fan_in_uniform,
    "xavier-uniform": xavier_uniform,
    "xavier-normal": xavier_normal,
    "he-uniform": he_uniform,
    "he-normal": he_normal,
}

#: How much of a small signal's standard deviation an activation lets through.
_PASSED = {"relu": math.sqrt(0.5), "leaky-relu": math.sqrt(0.5), "gelu": 0.5, "sigmoid": 0.25}


#: Shares of the signal behind the last hidden layer below and above which lesson 2 and 3 saw networks fail.
_VANISHES, _EXPLODES = 0.05, 30


def gain(kind: str, activation: str, parameters: Mapping[str, float], fan_in: int = 64) -> float:
    """Return the factor by which one hidden layer of `fan_in` to `fan_in` units scales a small signal.

    It is deviation * sqrt(fan_in) times the activation's share: sqrt(1/2) for ReLU, 1/2 for GELU, 1/4 for
    sigmoid, 1 for tanh and identity near 0. 1 keeps the signal from layer to layer. Random kinds only.
    """
    scale = parameters.get("scale", 0.05)
    deviation = {
        "uniform": scale / math.sqrt(3),
        "normal": scale,
        "fan-in-uniform": 1 / math.sqrt(3 * fan_in),
        "xavier-uniform": 1 / math.sqrt(fan_in),
        "xavier-normal": 1 / math.sqrt(fan_in),
        "he-uniform": math.sqrt(2 / fan_in),
        "he-normal": math.sqrt(2 / fan_in),
    }[kind]
    return deviation * math.sqrt(fan_in) * _PASSED.get(activation, 1.0)


def advice(
    kind: str,
    activation: str,
    depth: int,
    parameters: Mapping[str, float],
    *,
    fan_in: int = 64,
    batch_norm: bool = False,
) -> str | None:
    """Return why an initialization will trouble `depth` hidden layers of about `fan_in` units, or None.

    `parameters` holds value or scale where the kind has one. Batch norm undoes wrong scales, not symmetry.
    Scales are judged by gain^depth: below 0.05 the signal vanishes, above 30 it explodes. Networks of one or two
    hidden layers learn well with far less than the whole signal, torch's default among them.
    """
    if depth == 0:
        return None
    if kind == "zeros" or (kind == "constant" and parameters.get("value", 0.1) == 0):
        return "All weights start at 0: hidden units stay identical and gradients are 0. Use he-uniform for ReLU, xavier-uniform for tanh."
    if kind == "constant":
        return (
            "All weights of a layer start equal, so its units compute the same and get the same gradient: gradient descent "
            "cannot break the symmetry. Use a random initialization."
        )
    # A sigmoid's slope of 1/4 shrinks gradients under every initialization: no choice here would cure it.
    if batch_norm or activation == "sigmoid":
        return None
    better = "xavier-uniform" if activation in ("tanh", "identity") else "he-uniform"
    total = gain(kind, activation, parameters, fan_in) ** depth
    if kind.startswith("he") or kind == better:
        return None
    if total < _VANISHES and kind.startswith("xavier"):
        return (
            f"Xavier is made for tanh: {activation} cuts off the negative half, and over {depth} layers about "
            f"{total:.1g} of the signal is left. Use {better}."
        )
    if total < _VANISHES:
        return f"These weights are too small for {depth} layers: about {total:.1g} of the signal is left at the start and gradients vanish. Use {better}."
    if total > _EXPLODES and activation == "tanh":
        return (
            f"These weights are too large for {depth} tanh layers: their values lie at -1 and 1, where tanh is flat, and gradients "
            f"explode on their way back. Use {better}."
        )
    if total > _EXPLODES:
        return f"These weights are too large for {depth} layers: the signal grows about {total:.2g} times and gradients explode. Use {better}."
    return None


def _positive(scale: float) -> float:
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"scale must be finite and above 0, not {scale}")
    return scale


def _draw(
    weight: Tensor, generator: Generator | None, bound: float | None = None, deviation: float = 1.0
) -> None:
    """Fill from U(-bound, bound), or from N(0, deviation^2) without a bound, on the generator's device.

    A CPU generator thus gives the same weights on every device.
    """
    device = weight.device if generator is None else generator.device
    sample = (
        weight if device == weight.device else torch.empty(weight.shape, dtype=weight.dtype, device=device)
    )
    with torch.no_grad():
        if bound is not None:
            sample.uniform_(-bound, bound, generator=generator)
        else:
            sample.normal_(0.0, deviation, generator=generator)
        if sample is not weight:
            weight.copy_(sample)
