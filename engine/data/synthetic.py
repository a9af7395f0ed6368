"""Data sets generated from the run's seed: points in the plane, curves, coloured shapes and sounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ..seeds import stream
from .dataset import Dataset, refuse_too_large
from .names import FACTS

Array = NDArray[Any]
Examples = tuple[Array, Array]

SHAPES = ("disc", "square", "triangle", "cross", "ring", "bar")
SHAPE_SIZE = 24
TONES = ("low", "middle", "high", "rising", "falling")
TONE_RATE = 4000
TONE_SAMPLES = 512


def moons(rng: Generator, n: int, noise: float) -> Examples:
    """Return two interleaved half circles of radius 1 (scikit-learn's make_moons)."""
    upper, lower = np.linspace(0, np.pi, n - n // 2), np.linspace(0, np.pi, n // 2)
    points = np.concatenate(
        [np.stack([np.cos(upper), np.sin(upper)], 1), np.stack([1 - np.cos(lower), 0.5 - np.sin(lower)], 1)]
    )
    return points + rng.normal(0, noise, points.shape), _two_classes(n)


def circles(rng: Generator, n: int, noise: float) -> Examples:
    """Return two concentric circles of radius 1 and 0.5 (scikit-learn's make_circles with factor 0.5)."""
    outer = np.linspace(0, 2 * np.pi, n - n // 2, endpoint=False)
    inner = np.linspace(0, 2 * np.pi, n // 2, endpoint=False)
    points = np.concatenate(
        [np.stack([np.cos(outer), np.sin(outer)], 1), 0.5 * np.stack([np.cos(inner), np.sin(inner)], 1)]
    )
    return points + rng.normal(0, noise, points.shape), _two_classes(n)


def spirals(rng: Generator, n: int, noise: float) -> Examples:
    """Return two intertwined spirals of one and a half turns and outer radius 1."""
    turn = 3 * np.pi * np.sqrt(rng.uniform(0.01, 1, n))
    y = _two_classes(n)
    angle = turn + np.pi * y
    points = (turn / (3 * np.pi))[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return points + rng.normal(0, noise, points.shape), y


def xor(rng: Generator, n: int, noise: float) -> Examples:
    """Return points uniform in [-1, 1] x [-1, 1]; class 1 where the signs differ before the noise moves them."""
    points = rng.uniform(-1, 1, (n, 2))
    return points + rng.normal(0, noise, points.shape), (points[:, 0] * points[:, 1] < 0).astype(np.int64)


def noisy_sine(rng: Generator, n: int, noise: float) -> Examples:
    """Return y = sin(1.5 pi x) + noise, x uniform in [-1, 1]."""
    x = rng.uniform(-1, 1, (n, 1))
    return x, np.sin(1.5 * np.pi * x[:, 0]) + rng.normal(0, noise, n)


def outlier_line(rng: Generator, n: int, noise: float) -> Examples:
    """Return y = 2 x + 1 + noise, x uniform in [-1, 1]; a tenth of the targets are 30 too high."""
    x = rng.uniform(-1, 1, (n, 1))
    y = 2 * x[:, 0] + 1 + rng.normal(0, noise, n)
    y[rng.choice(n, n // 10, replace=False)] += 30
    return x, y


def shapes(rng: Generator, n: int, noise: float) -> Examples:
    """Return images (n, 3, 24, 24) of a disc, square, triangle, cross, ring or bar.

    Any rotation, bright random colour on a dark ground of random colour, size and place varied; the
    noise has its standard deviation per pixel and channel, and values are clipped to [0, 1].
    """
    x = np.empty((n, 3, SHAPE_SIZE, SHAPE_SIZE), np.float32)
    y = rng.permutation(np.arange(n) % len(SHAPES))
    axis = (np.arange(SHAPE_SIZE) + 0.5) / SHAPE_SIZE * 2 - 1
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    for image, kind in zip(x, y, strict=True):
        radius, angle = rng.uniform(0.55, 0.8), rng.uniform(0, 2 * np.pi)
        top, left = rng.uniform(-0.15, 0.15, 2)
        u = ((columns - left) * np.cos(angle) + (rows - top) * np.sin(angle)) / radius
        v = ((rows - top) * np.cos(angle) - (columns - left) * np.sin(angle)) / radius
        inside = _inside(SHAPES[int(kind)], u, v)
        bright, dark = rng.uniform(0.5, 1, 3), rng.uniform(0, 0.3, 3)
        picture = np.where(inside, bright[:, None, None], dark[:, None, None])
        image[:] = np.clip(picture + rng.normal(0, noise, image.shape), 0, 1)
    return x, y


def _inside(shape: str, u: Array, v: Array) -> Array:
    """Tell which points lie in a shape of circumradius 1."""
    if shape == "disc":
        return u**2 + v**2 < 0.8**2
    if shape == "square":
        return np.maximum(np.abs(u), np.abs(v)) < 0.72
    if shape == "triangle":
        return (v > -0.5) & (v < 1 - np.sqrt(3) * np.abs(u))
    if shape == "cross":
        return (np.minimum(np.abs(u), np.abs(v)) < 0.25) & (np.maximum(np.abs(u), np.abs(v)) < 1)
    if shape == "ring":
        return (u**2 + v**2 < 1) & (u**2 + v**2 > 0.6**2)
    return (np.abs(u) < 1) & (np.abs(v) < 0.28)


def tones(rng: Generator, n: int, noise: float) -> Examples:
    """Return sounds (n, 1, 512), 0.128 s at 4000 samples per second: low, middle and high tones, rising and falling chirps.

    Frequency, phase and loudness (peak 0.2 to 0.8) vary; noise is white. A chirp sweeps linearly
    over two to three octaves in the band of the tones, so that pitch alone does not give it away.
    """
    bands = {"low": (150, 300), "middle": (450, 700), "high": (1000, 1500)}
    time = np.arange(TONE_SAMPLES) / TONE_RATE
    length = TONE_SAMPLES / TONE_RATE
    x = np.empty((n, 1, TONE_SAMPLES), np.float32)
    y = rng.permutation(np.arange(n) % len(TONES))
    for clip, kind in zip(x, y, strict=True):
        name = TONES[int(kind)]
        if name in bands:
            start = end = rng.uniform(*bands[name])
        else:
            start, end = rng.uniform(150, 300), rng.uniform(1000, 1500)
            if name == "falling":
                start, end = end, start
        phase = start * time + (end - start) * time**2 / (2 * length) + rng.uniform()
        sound = rng.uniform(0.2, 0.8) * np.sin(2 * np.pi * phase) + rng.normal(0, noise, TONE_SAMPLES)
        clip[0] = np.clip(sound, -1, 1)
    return x, y


def _two_classes(n: int) -> NDArray[np.int64]:
    return np.repeat(np.array([0, 1]), [n - n // 2, n // 2])


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a synthetic set is made unless the experiment says otherwise."""

    make: Callable[[Generator, int, float], Examples]
    examples: int
    noise: float
    "Standard deviation, in units of the input (xor, moons, circles, spirals, shapes, tones) or the target (the two curves)."
    classes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ("x1", "x2")


RECIPES: dict[str, Recipe] = {
    "moons": Recipe(moons, 400, 0.15, ("upper", "lower")),
    "spirals": Recipe(spirals, 600, 0.03, ("first", "second")),
    "circles": Recipe(circles, 400, 0.1, ("outer", "inner")),
    "xor": Recipe(xor, 400, 0.05, ("same sign", "different sign")),
    "noisy-sine": Recipe(noisy_sine, 100, 0.2, feature_names=("x",)),
    "outlier-line": Recipe(outlier_line, 100, 0.1, feature_names=("x",)),
    "shapes": Recipe(shapes, 660, 0.08, SHAPES, ()),
    "tones": Recipe(tones, 500, 0.05, TONES, ()),
}


def generate(name: str, seed: int, examples: int | None = None, noise: float | None = None) -> Dataset:
    """Generate a synthetic set; `examples` and `noise` default to its recipe. The same arguments give the same data.

    Raises InputError when the examples would not fit into memory.
    """
    recipe, facts = RECIPES[name], FACTS[name]
    n = recipe.examples if examples is None else examples
    spread = recipe.noise if noise is None else noise
    values = {"shapes": 3 * SHAPE_SIZE**2, "tones": TONE_SAMPLES}.get(name, 2)
    refuse_too_large(n * values, f"data.examples = {n}")
    x, y = recipe.make(stream(seed, "data"), n, spread)
    if facts.form == "table":
        # Sines differ in the last digit between processors; the digest that guards a resume must not.
        x = np.round(x, 9)
    return Dataset(
        x=x,
        y=np.round(y, 9) if facts.task == "regression" else y.astype(np.int64),
        task=facts.task,
        form=facts.form,
        classes=recipe.classes,
        feature_names=recipe.feature_names,
        target_name="y" if facts.task == "regression" else "class",
        source=f"synthetic set {name}: {n} examples, noise {spread:g}, seed {seed}",
    )
