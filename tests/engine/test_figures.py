"""The numbers of the lecture's figures: paths on surfaces against the reference, fits and the sweep against lesson 13."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ladera.engine.errors import InputError
from ladera.engine.figure_fits import POINTS, fits, sweep
from ladera.engine.figure_paths import KINDS, Path, path, paths
from ladera.engine.figure_surfaces import SURFACES


def named(surface: str, steps: int, formula: str = "pytorch", cut: int = 0) -> dict[str, Path]:
    return {walk.kind: walk for walk in paths(surface, steps, formula, cut)}


@pytest.mark.parametrize("name", SURFACES)
def test_a_slope_is_the_difference_of_values_and_the_minimum_is_0(name: str) -> None:
    surface = SURFACES[name]
    rng = np.random.default_rng(0)
    for x, y in rng.uniform(-1.5, 1.5, (20, 2)):
        h = 1e-6
        across = (surface.value(x + h, y) - surface.value(x - h, y)) / (2 * h)
        up = (surface.value(x, y + h) - surface.value(x, y - h)) / (2 * h)
        assert surface.slope(float(x), float(y)) == pytest.approx((across, up), rel=1e-5, abs=1e-5)
    assert surface.value(*surface.minimum) == pytest.approx(0, abs=1e-12)
    assert surface.slope(*surface.minimum) == pytest.approx((0, 0), abs=1e-12)
    for place, ends in zip((*surface.start, *surface.minimum), (surface.x, surface.y) * 2, strict=True):
        assert ends[0] < place < ends[1]


def test_values_at_the_starts_by_hand() -> None:
    """½(16 + 25·2.25); 2.2² + 100·0.44²; 1.5² + 2.25² + 2.625²."""
    assert [walk.values[0] for walk in paths("quadratic", 0)] == [36.125] * 5
    assert named("rosenbrock", 0)["sgd"].values == pytest.approx((24.2,))
    assert named("beale", 0)["sgd"].values == pytest.approx((14.203125,))


def test_the_first_steps_by_hand() -> None:
    """From (4, 1.5) with the slope (4, 37.5): gradient descent 0.02·g; Adam, whatever the slope, its rate along both."""
    first = named("quadratic", 1)
    assert first["sgd"].places[1] == pytest.approx((3.92, 0.75))
    assert first["momentum"].places[1] == first["sgd"].places[1]
    assert first["adagrad"].places[1] == pytest.approx((3.5, 1.0))
    assert first["rmsprop"].places[1] == pytest.approx((4 - 0.1 / math.sqrt(0.1), 1.5 - 0.1 / math.sqrt(0.1)))
    assert first["adam"].places[1] == pytest.approx((3.9, 1.4))
    assert first["sgd"].lengths == pytest.approx((0, math.hypot(0.08, 0.75)))


def test_o12_what_is_remembered_after_one_step_by_hand() -> None:
    """v = g; Σg² = g²; a tenth of g²; Adam's corrected moments are g and g²."""
    first = named("quadratic", 1)
    assert first["sgd"].memory[1] == {}
    assert first["momentum"].memory[1] == {"v": pytest.approx((4, 37.5))}
    assert first["adagrad"].memory[1] == {"Σg²": pytest.approx((16, 1406.25))}
    assert first["rmsprop"].memory[1] == {"mean g²": pytest.approx((1.6, 140.625))}
    assert first["adam"].memory[1] == {
        "m̂": pytest.approx((4, 37.5)),
        "v̂": pytest.approx((16, 1406.25)),
    }
    assert first["adam"].memory[0] == {"m̂": (0, 0), "v̂": (0, 0)}


def test_o3_a_rate_cut_at_step_11_tells_the_two_formulas_apart_after_25_steps() -> None:
    """The reference: f = 0.3375 with the rate outside the velocity, 1.4049 with it inside; the same at one rate."""
    assert named("quadratic", 25, "pytorch", 11)["momentum"].values[25] == pytest.approx(0.3375, abs=5e-5)
    assert named("quadratic", 25, "lecture", 11)["momentum"].values[25] == pytest.approx(1.4049, abs=5e-5)
    constant = [named("quadratic", 25, formula)["momentum"].values[25] for formula in ("pytorch", "lecture")]
    assert constant[0] == pytest.approx(constant[1], rel=1e-12)


def test_o14_after_3000_steps_on_rosenbrock_the_values_are_those_of_lesson_9() -> None:
    found = {kind: walk.values[-1] for kind, walk in named("rosenbrock", 3000).items()}
    expected = {"momentum": 1.5e-12, "adam": 2.8e-7, "adagrad": 2.5e-3, "rmsprop": 2.3e-2, "sgd": 2.5e-2}
    assert found == {kind: pytest.approx(value, rel=0.03) for kind, value in expected.items()}


def test_o14_on_beale_each_arrives_at_the_step_of_lesson_9() -> None:
    arrived = {
        kind: next((step for step, value in enumerate(walk.values) if value < 1e-4), None)
        for kind, walk in named("beale", 3000).items()
    }
    assert arrived == {"sgd": None, "momentum": 859, "adagrad": 185, "rmsprop": 526, "adam": 696}


def test_t26_rmsprop_ends_in_its_cycle() -> None:
    """½(1 + 25)(η/2)² = 0.0325 for η = 0.1."""
    assert named("quadratic", 400)["rmsprop"].values[-1] == pytest.approx(0.0325, rel=1e-4)


def test_a_path_that_explodes_ends_there() -> None:
    from dataclasses import replace

    wild = replace(SURFACES["rosenbrock"], rates={"sgd": {"lr": 1.0}})
    walk = path(wild, "sgd", 100)
    assert len(walk.places) < 20
    assert not math.isfinite(walk.values[-1])
    assert walk.at(100) == len(walk.places) - 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bowl", 5), "quadratic, rosenbrock, beale"),
        (("beale", 5, "keras"), "pytorch, lecture"),
        (("beale", -1), "0 to 3000"),
        (("beale", 5, "pytorch", -2), "not -2"),
    ],
)
def test_what_cannot_be_walked_is_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(InputError, match=words):
        paths(*arguments)


def test_all_five_are_walked() -> None:
    assert tuple(walk.kind for walk in paths("beale", 1)) == KINDS


# -- fits ------------------------------------------------------------------------------------------------------------


def test_b3_the_three_fits_are_too_simple_right_and_too_complex() -> None:
    found = fits()
    simple, right, wild = found.fits
    assert [fit.degree for fit in found.fits] == [1, 5, 11]
    assert len(found.x) == POINTS
    assert simple.train > 10 * right.train > 10 * wild.train
    assert simple.unseen > 4 * right.unseen
    assert wild.unseen > 100 * right.unseen
    assert simple.l1 < right.l1 < wild.l1


@pytest.mark.parametrize("degree", [1, 5, 11])
def test_b3_a_fit_is_numpys_least_squares_of_the_powers(degree: int) -> None:
    found = fits()
    (fit,) = [one for one in found.fits if one.degree == degree]
    powers = np.vander(found.x, degree + 1, increasing=True)
    weights = np.linalg.lstsq(powers, found.y, rcond=None)[0]
    assert fit.train == pytest.approx(float(np.mean((powers @ weights - found.y) ** 2)), rel=1e-6)
    assert fit.l1 == pytest.approx(float(np.abs(weights).sum()), rel=1e-6)


def test_b2_the_train_error_falls_and_the_unseen_one_is_least_at_degree_5() -> None:
    """Lesson 13's medians over 200 data sets; the seeds are others."""
    found = sweep()
    assert found.degrees == (0, 1, 3, 5, 7, 9, 11)
    assert found.best == 5
    assert all(b <= a for a, b in zip(found.train, found.train[1:], strict=False))
    assert found.train == pytest.approx((0.500, 0.451, 0.086, 0.023, 0.018, 0.013, 0.008), rel=0.3)
    assert found.unseen[:5] == pytest.approx((0.560, 0.593, 0.192, 0.081, 0.222), rel=0.1)
    assert found.unseen[1] > 3 * found.unseen[3]
    assert found.unseen[5] > 3 * found.unseen[3]
    assert found.unseen[6] > found.unseen[5]
