"""Initializers against their bounds, their moments, torch.nn.init with the same seed, and lessons 1 to 3."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from ladera.engine import experiment
from ladera.engine.initializers import INITIALIZERS, advice, fans, gain

SHAPES = [(32, 64), (300, 784), (16, 8, 3, 3), (6, 5, 7)]
RANDOM = [kind for kind in INITIALIZERS if kind not in ("constant", "zeros")]


def draw(kind: str, shape: tuple[int, ...], seed: int = 0, **parameters: float) -> Tensor:
    weight = torch.empty(shape)
    INITIALIZERS[kind](weight, generator=torch.Generator().manual_seed(seed), **parameters)
    return weight


def test_the_table_is_that_of_the_schema() -> None:
    assert tuple(INITIALIZERS) == get_args(experiment.Init.model_fields["kind"].annotation)


def test_fans_count_kernel_positions_as_torch_does() -> None:
    for shape in SHAPES:
        weight = torch.empty(shape)
        assert fans(weight) == nn.init._calculate_fan_in_and_fan_out(weight)
    for kind in ("xavier-uniform", "he-normal", "fan-in-uniform"):
        with pytest.raises(ValueError, match="fan_out"):
            INITIALIZERS[kind](torch.empty(5))


def test_constants() -> None:
    assert (draw("constant", (3, 4), value=0.3) == 0.3).all()
    assert (draw("zeros", (3, 4)) == 0).all()


# Bounds and deviations from the formulas, for fan_in 784 and fan_out 300: 0.07440 is the lecture's I9.
@pytest.mark.parametrize(
    ("kind", "bound", "deviation", "parameters"),
    [
        ("uniform", 0.2, 0.2 / math.sqrt(3), {"scale": 0.2}),
        ("normal", None, 0.2, {"scale": 0.2}),
        ("fan-in-uniform", 1 / 28, 1 / 28 / math.sqrt(3), {}),
        ("xavier-uniform", 0.07440, math.sqrt(2 / 1084), {}),
        ("xavier-normal", None, math.sqrt(2 / 1084), {}),
        ("he-uniform", math.sqrt(6 / 784), math.sqrt(2 / 784), {}),
        ("he-normal", None, math.sqrt(2 / 784), {}),
    ],
)
def test_i2_bound_and_deviation(
    kind: str, bound: float | None, deviation: float, parameters: dict[str, float]
) -> None:
    weight = draw(kind, (300, 784), **parameters).double()
    assert float(weight.std()) == pytest.approx(deviation, rel=0.01)
    assert float(weight.mean()) == pytest.approx(0, abs=0.01 * deviation)
    if bound is not None:
        assert 0.98 * bound < float(weight.abs().max()) <= bound * 1.0001
    else:
        # A normal has a kurtosis of 3, a uniform one of 1.8.
        assert float((weight / deviation).pow(4).mean()) == pytest.approx(3, abs=0.1)


def test_i9_bound_of_a_small_layer() -> None:
    weight = draw("xavier-uniform", (32, 64))
    assert 0.98 * 0.25 < float(weight.abs().max()) <= 0.25


@pytest.mark.parametrize(("n", "bound"), [(10, 0.3162), (100, 0.1), (400, 0.05)])
def test_i7_heuristic_is_the_default_of_torch_layers(n: int, bound: float) -> None:
    ours = float(draw("fan-in-uniform", (1000, n)).abs().max())
    assert ours == pytest.approx(bound, rel=0.01)
    assert ours == pytest.approx(float(nn.Linear(n, 1000).weight.detach().abs().max()), rel=0.01)


TORCH: dict[str, Callable[..., Any]] = {
    "xavier-uniform": nn.init.xavier_uniform_,
    "xavier-normal": nn.init.xavier_normal_,
    "he-uniform": lambda w, generator: nn.init.kaiming_uniform_(w, nonlinearity="relu", generator=generator),
    "he-normal": lambda w, generator: nn.init.kaiming_normal_(w, nonlinearity="relu", generator=generator),
    "fan-in-uniform": lambda w, generator: nn.init.kaiming_uniform_(w, a=math.sqrt(5), generator=generator),
}


@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize("shape", SHAPES)
def test_equals_torch_with_the_same_seed(kind: str, shape: tuple[int, ...]) -> None:
    expected = torch.empty(shape)
    TORCH[kind](expected, generator=torch.Generator().manual_seed(4))
    assert torch.allclose(draw(kind, shape, seed=4), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", RANDOM)
def test_the_seed_decides_and_a_parameter_is_filled_in_place(kind: str) -> None:
    assert torch.equal(draw(kind, (8, 8), 1), draw(kind, (8, 8), 1))
    assert not torch.equal(draw(kind, (8, 8), 1), draw(kind, (8, 8), 2))
    layer = nn.Linear(8, 8)
    before = layer.weight.data_ptr()
    INITIALIZERS[kind](layer.weight, generator=torch.Generator().manual_seed(1))
    assert layer.weight.data_ptr() == before
    assert torch.equal(layer.weight.detach(), draw(kind, (8, 8), 1))
    assert layer.weight.requires_grad


@pytest.mark.parametrize("kind", ["uniform", "normal"])
@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_bad_scales_are_refused(kind: str, scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        INITIALIZERS[kind](torch.empty(2, 2), scale=scale)


def test_parameters_of_another_kind_are_refused() -> None:
    with pytest.raises(TypeError, match="scale"):
        INITIALIZERS["he-uniform"](torch.empty(2, 2), scale=0.1)


# -- what the layers do with it ---------------------------------------------------------------------------------

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu, "tanh": torch.tanh, "identity": lambda x: x, "gelu": nn.functional.gelu,
    "sigmoid": torch.sigmoid, "leaky-relu": nn.functional.leaky_relu,
}  # fmt: skip


def second_moments(kind: str, activation: str, depth: int, seed: int, **parameters: float) -> list[float]:
    """Return the RMS of each hidden layer of 64 units behind 256 standard normal inputs."""
    generator = torch.Generator().manual_seed(seed)
    signal, found = torch.randn(256, 64, generator=generator), list[float]()
    for layer in range(depth):
        signal = ACTIVATIONS[activation](signal @ draw(kind, (64, 64), 100 * seed + layer, **parameters).T)
        found.append(float(signal.square().mean().sqrt()))
    return found


def test_lesson_3_relu_halves_the_power_of_xavier_and_keeps_that_of_he() -> None:
    def ratio(kind: str) -> float:
        runs = [second_moments(kind, "relu", 10, seed) for seed in range(5)]
        return math.exp(sum(math.log(run[-1] / run[0]) for run in runs) / 5)

    assert ratio("xavier-uniform") == pytest.approx(0.5**4.5, rel=0.5)
    assert ratio("he-uniform") == pytest.approx(1, rel=0.5)


def test_lesson_2_scales() -> None:
    assert second_moments("normal", "tanh", 10, 1, scale=0.01)[-1] < 1e-9
    # T14: not one, and not kept: 0.63 behind the first tanh layer, 0.22 to 0.24 behind the tenth, over six seeds.
    first, *_, last = second_moments("xavier-normal", "tanh", 10, 1)
    assert 0.6 < first < 0.65
    assert 0.2 < last < 0.26
    assert second_moments("normal", "tanh", 10, 1, scale=1.0)[-1] > 0.9
    assert second_moments("normal", "relu", 10, 1, scale=0.5)[-1] > 1e3


@pytest.mark.parametrize("kind", RANDOM)
@pytest.mark.parametrize("activation", ["relu", "identity", "leaky-relu"])
def test_gain_is_what_a_layer_does_to_its_signal(kind: str, activation: str) -> None:
    """The rule that advice stands on, against forward passes; leaky ReLU's slope adds 0.01 %."""
    runs = [second_moments(kind, activation, 6, seed) for seed in range(8)]
    measured = math.exp(sum(math.log(run[-1] / run[0]) for run in runs) / 8 / 5)
    assert measured == pytest.approx(gain(kind, activation, {}), rel=0.1)


@pytest.mark.parametrize(
    ("kind", "activation", "depth", "parameters", "word"),
    [
        ("constant", "relu", 1, {"value": 0.1}, "symmetry"),
        ("constant", "tanh", 2, {"value": 0.0}, "start at 0"),
        ("zeros", "tanh", 1, {}, "start at 0"),
        ("normal", "tanh", 10, {"scale": 0.01}, "too small"),
        ("normal", "relu", 10, {"scale": 0.01}, "too small"),
        ("fan-in-uniform", "tanh", 10, {}, "too small"),
        ("fan-in-uniform", "relu", 10, {}, "too small"),
        ("normal", "tanh", 10, {"scale": 0.5}, "too large"),
        ("normal", "tanh", 10, {"scale": 1.0}, "too large"),
        ("normal", "relu", 10, {"scale": 0.5}, "too large"),
        ("xavier-uniform", "relu", 10, {}, "Xavier is made for tanh"),
        ("xavier-normal", "relu", 20, {}, "Xavier is made for tanh"),
    ],
)
def test_advice_names_what_the_lessons_saw_fail(
    kind: str, activation: str, depth: int, parameters: dict[str, float], word: str
) -> None:
    text = advice(kind, activation, depth, parameters)
    assert text is not None
    assert word in text


@pytest.mark.parametrize(
    ("kind", "activation", "depth", "parameters"),
    [
        ("he-uniform", "relu", 10, {}), ("he-normal", "relu", 20, {}), ("xavier-uniform", "tanh", 10, {}),
        ("xavier-uniform", "tanh", 30, {}), ("fan-in-uniform", "relu", 1, {}), ("xavier-uniform", "relu", 2, {}),
        ("he-uniform", "tanh", 10, {}), ("normal", "relu", 1, {"scale": 0.1}), ("constant", "relu", 0, {"value": 0.1}),
        ("xavier-uniform", "sigmoid", 2, {}), ("normal", "tanh", 10, {"scale": 0.125}),
        # Shallow networks learn with what these leave: torch's own default in two or three layers, Xavier with ReLU in one to eight.
        ("xavier-uniform", "relu", 1, {}), ("xavier-normal", "relu", 8, {}), ("fan-in-uniform", "relu", 2, {}),
        ("fan-in-uniform", "relu", 3, {}), ("xavier-uniform", "gelu", 3, {}),
    ],
)  # fmt: skip
def test_advice_is_silent_about_what_works(
    kind: str, activation: str, depth: int, parameters: dict[str, float]
) -> None:
    assert advice(kind, activation, depth, parameters) is None


@pytest.mark.parametrize(
    ("activation", "depth"), [("tanh", 6), ("identity", 6), ("relu", 4), ("leaky-relu", 4), ("gelu", 3)]
)
def test_i8_the_heuristic_is_warned_of_from_the_depth_on_at_which_it_leaves_a_twentieth(
    activation: str, depth: int
) -> None:
    """1/sqrt(3) a layer, times what the activation lets through: 0.577^6 = 0.037, (0.577 sqrt(1/2))^4 = 0.028, 0.289^3 = 0.024."""
    assert advice("fan-in-uniform", activation, depth - 1, {}) is None
    assert "too small" in (advice("fan-in-uniform", activation, depth, {}) or "")


def test_advice_on_large_weights_says_what_the_activation_does_with_them() -> None:
    """tanh bounds the signal: it saturates, and only the gradient explodes (lesson 2: spread 0.95, gradient 1000 times)."""
    bounded = advice("normal", "tanh", 10, {"scale": 1.0}) or ""
    assert "lie at -1 and 1" in bounded
    assert "gradients explode" in bounded
    assert "signal grows" not in bounded
    assert "the signal grows about" in (advice("normal", "relu", 10, {"scale": 0.5}) or "")


def test_batch_norm_excuses_scales_but_not_symmetry() -> None:
    assert advice("normal", "relu", 10, {"scale": 0.01}, batch_norm=True) is None
    assert advice("constant", "relu", 10, {"value": 0.1}, batch_norm=True) is not None


def test_advice_depends_on_the_width() -> None:
    assert advice("normal", "relu", 6, {"scale": 0.0625}, fan_in=512) is None
    assert "too small" in (advice("normal", "relu", 6, {"scale": 0.0625}, fan_in=16) or "")


def test_lesson_1_equal_weights_stay_equal() -> None:
    """Two hidden units with equal weights get bitwise equal gradients, whatever the data."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(32, 5, generator=generator), torch.randn(32, generator=generator)
    net = nn.Sequential(nn.Linear(5, 4, bias=False), nn.Tanh(), nn.Linear(4, 1, bias=False))
    for layer in (net[0], net[2]):
        INITIALIZERS["constant"](layer.weight, value=0.1)
    (net(x).squeeze(1) - y).square().mean().backward()
    gradient = net[0].weight.grad
    assert gradient is not None
    assert (gradient - gradient[0]).abs().max() <= 1e-6
    # Along one unit's inputs they differ (T9).
    assert float(gradient[0].max() - gradient[0].min()) > 1e-3
