"""Generated sets: their formulas, their defaults, and that the seed alone decides them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets

from ladera.engine.data.dataset import load
from ladera.engine.data.names import FACTS
from ladera.engine.data.synthetic import RECIPES, SHAPES, TONE_RATE, TONES, generate
from ladera.engine.errors import InputError
from ladera.engine.experiment import Data

NAMES = [name for name, facts in FACTS.items() if facts.synthetic]


def test_every_synthetic_name_has_a_recipe():
    assert set(RECIPES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_the_data(name):
    one, again, other = (load(Data(name=name, examples=60), seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.x, again.x)
    np.testing.assert_array_equal(one.y, again.y)
    assert not np.array_equal(one.x, other.x)
    assert (one.task, one.form) == (FACTS[name].task, FACTS[name].form)
    assert len(one.x) == len(one.y) == 60
    assert len(load(Data(name=name), 0).x) == RECIPES[name].examples
    assert np.isfinite(one.x).all()


@pytest.mark.parametrize("name", [name for name in NAMES if FACTS[name].task != "regression"])
@pytest.mark.parametrize("n", [8, 61])
def test_classes_are_balanced(name, n):
    data = generate(name, 0, n)
    counts = np.bincount(data.y, minlength=len(data.classes))
    slack = 4 * np.sqrt(n) if name == "xor" else 1
    assert counts.max() - counts.min() <= slack


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("moons", lambda n: datasets.make_moons(n, shuffle=False)),
        ("circles", lambda n: datasets.make_circles(n, shuffle=False, factor=0.5)),
    ],
)
def test_without_noise_points_are_scikit_learns(name, reference):
    ours, (x, y) = generate(name, 0, 100, 0.0), reference(100)
    np.testing.assert_allclose(ours.x, x, atol=1e-9)
    np.testing.assert_array_equal(ours.y, y)


@pytest.mark.parametrize("name", ["moons", "circles", "xor"])
def test_noise_has_the_asked_deviation(name):
    clean, noisy = generate(name, 1, 20_000, 0.0), generate(name, 1, 20_000, 0.3)
    # The standard error of a deviation of 40 000 numbers is 0.3 / sqrt(80 000) = 0.001.
    assert np.std(noisy.x - clean.x) == pytest.approx(0.3, abs=0.005)


def test_spirals_without_noise_lie_on_two_half_turned_arms():
    data = generate("spirals", 0, 500, 0.0)
    radius = np.hypot(*data.x.T)
    angle = 3 * np.pi * radius + np.pi * data.y
    np.testing.assert_allclose(
        data.x, radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), atol=1e-7
    )


def test_xor_without_noise_follows_the_signs():
    data = generate("xor", 0, 300, 0.0)
    np.testing.assert_array_equal(data.y == 1, np.sign(data.x[:, 0]) != np.sign(data.x[:, 1]))


def test_curves_follow_their_formulas():
    sine = generate("noisy-sine", 0, 50, 0.0)
    np.testing.assert_allclose(sine.y, np.sin(1.5 * np.pi * sine.x[:, 0]), atol=1e-8)
    line = generate("outlier-line", 0, 100, 0.0)
    rest = line.y - (2 * line.x[:, 0] + 1)
    assert (np.abs(rest - 30) < 1e-8).sum() == 10
    assert (np.abs(rest) < 1e-8).sum() == 90


def test_shapes_are_bright_on_dark_and_told_apart_by_their_area():
    data = generate("shapes", 0, 600, 0.0)
    assert data.x.shape == (600, 3, 24, 24)
    assert data.x.dtype == np.float32
    assert 0 <= data.x.min() <= data.x.max() <= 1
    inside = (data.x > 0.4).all(axis=1)
    # A bright colour is above 0.5 in every channel and a dark one below 0.3: nothing lies between.
    np.testing.assert_array_equal(inside, (data.x > 0.4).any(axis=1))
    areas = [inside[data.y == kind].mean() for kind in range(6)]
    # Areas of circumradius 1: disc pi 0.64 = 2.01, square 2.07, triangle 1.30, cross 1.75, ring pi 0.64 = 2.01, bar 1.12.
    expected = np.array([2.01, 2.07, 1.30, 1.75, 2.01, 1.12])
    np.testing.assert_allclose(np.array(areas) / areas[0], expected / expected[0], rtol=0.12)
    assert data.classes == SHAPES


def test_tones_have_the_pitch_of_their_class():
    data = generate("tones", 0, 200, 0.0)
    assert data.x.shape == (200, 1, 512)
    assert np.abs(data.x).max() <= 1
    frequencies = np.fft.rfftfreq(512, 1 / TONE_RATE)

    def pitch(clip):
        return frequencies[np.abs(np.fft.rfft(clip * np.hanning(len(clip)), 512)).argmax()]

    for clip, kind in zip(data.x[:, 0], data.y, strict=True):
        start, end = pitch(clip[:128]), pitch(clip[-128:])
        if TONES[kind] == "rising":
            assert end > start + 400
        elif TONES[kind] == "falling":
            assert start > end + 400
        else:
            low, high = {"low": (150, 300), "middle": (450, 700), "high": (1000, 1500)}[TONES[kind]]
            assert low - 10 <= pitch(clip) <= high + 10


def test_more_examples_than_memory_holds_are_refused():
    with pytest.raises(InputError, match="held in memory"):
        generate("shapes", 0, 1_000_000)
