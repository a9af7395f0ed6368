"""Layers against autograd and torch's own layers, the flat buffers, and what `models.build` makes of a configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor
from torch.nn.utils import parameters_to_vector

from ladera.engine.activations import ACTIVATIONS, Activation, Gelu, LeakyRelu, Relu, Sigmoid, Softmax, Tanh
from ladera.engine.errors import InputError
from ladera.engine.experiment import Experiment
from ladera.engine.layers import BatchNorm, Convolution, Dropout, Layer, Linear, MaxPool, Reshape
from ladera.engine.models import build
from ladera.engine.network import Network
from ladera.engine.polynomials import Polynomials

# -- backward passes against autograd --------------------------------------------------------------------------------

Reference = Callable[[Tensor, dict[str, Tensor]], Tensor]

CASES: dict[str, tuple[Layer, tuple[int, ...], Reference]] = {
    "linear": (Linear(5, 3), (7, 5), lambda x, p: F.linear(x, p["weight"], p["bias"])),
    "linear, no bias": (Linear(5, 3, bias=False), (7, 5), lambda x, p: F.linear(x, p["weight"])),
    "convolution 3x3": (
        Convolution(2, 4, (3, 3), 30),
        (3, 2, 5, 6),
        lambda x, p: F.conv2d(x, p["weight"], p["bias"], padding=1),
    ),
    "convolution 1x5, no bias": (
        Convolution(2, 3, (1, 5), 9, bias=False),
        (3, 2, 1, 9),
        lambda x, p: F.conv2d(x, p["weight"], padding=(0, 2)),
    ),
    "batch norm": (
        BatchNorm(4),
        (6, 4),
        lambda x, p: F.batch_norm(x, None, None, p["gamma"], p["beta"], training=True, eps=1e-5),
    ),
    "batch norm of images": (
        BatchNorm(2),
        (3, 2, 4, 5),
        lambda x, p: F.batch_norm(x, None, None, p["gamma"], p["beta"], training=True, eps=1e-5),
    ),
    "relu": (Relu(), (6, 5), lambda x, p: x.relu()),
    "leaky-relu": (LeakyRelu(), (6, 5), lambda x, p: F.leaky_relu(x, 0.01)),
    "tanh": (Tanh(), (6, 5), lambda x, p: x.tanh()),
    "sigmoid": (Sigmoid(), (6, 5), lambda x, p: x.sigmoid()),
    "gelu": (Gelu(), (6, 5), lambda x, p: F.gelu(x)),
    "identity": (Activation(), (6, 5), lambda x, p: x * 1),
    "softmax": (Softmax(), (6, 5), lambda x, p: x.softmax(1)),
    "max pool 2x2": (MaxPool((2, 2)), (3, 2, 5, 6), lambda x, p: F.max_pool2d(x, 2)),
    "max pool 1x4": (MaxPool((1, 4)), (3, 2, 1, 10), lambda x, p: F.max_pool2d(x, (1, 4))),
    "reshape": (Reshape((12,)), (3, 2, 2, 3), lambda x, p: x.flatten(1)),
}


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=Generator().manual_seed(seed))


@pytest.mark.parametrize("name", CASES)
def test_a_backward_pass_is_that_of_autograd(name: str) -> None:
    layer, shape, reference = CASES[name]
    network = Network([layer], dtype=torch.float64)
    network.parameters.copy_(random(network.parameters.numel(), seed=1))
    network.gradients.fill_(99)  # a backward pass writes, it does not add
    x = random(*shape).requires_grad_()
    parameters = {
        key.split(".")[1]: value.clone().requires_grad_() for key, (value, _) in network.named.items()
    }
    expected = reference(x, parameters)
    upstream = random(*expected.shape, seed=2)
    expected.backward(upstream)

    y = layer.forward(x.detach().clone(), training=True)
    flow = layer.backward(upstream.clone(), first=False)
    torch.testing.assert_close(y, expected.detach(), rtol=0, atol=1e-10)
    assert flow is not None
    assert x.grad is not None
    torch.testing.assert_close(flow, x.grad, rtol=0, atol=1e-10)
    for key, parameter in parameters.items():
        assert parameter.grad is not None
        torch.testing.assert_close(getattr(layer, f"{key}_gradient"), parameter.grad, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["linear", "convolution 3x3", "batch norm", "reshape"])
def test_the_first_layer_spares_the_gradient_of_its_input(name: str) -> None:
    layer, shape, _ = CASES[name]
    Network([layer], dtype=torch.float64)
    y = layer.forward(random(*shape), training=True)
    assert layer.backward(torch.ones_like(y), first=True) is None


def polynomials(x: Tensor, degree: int, dtype: torch.dtype = torch.float64) -> tuple[Polynomials, Tensor]:
    """A layer fitted to training inputs, and what it makes of them."""
    layer = Polynomials(x.shape[1], degree)
    layer.fit(x.to(dtype))
    return layer, layer.forward(x.to(dtype), training=True)


@pytest.mark.parametrize(("points", "degree"), [(60, 11), (15, 11), (1000, 30)])
@pytest.mark.parametrize("place", [(0.0, 1.0), (1e4, 3.0)])
def test_polynomials_are_orthonormal_with_the_constant_on_the_training_part(
    points: int, degree: int, place: tuple[float, float]
) -> None:
    x = place[0] + place[1] * random(points, 3)
    _, y = polynomials(x, degree)
    for feature in range(3):  # order: degree 1 of all inputs, degree 2 of all, …
        own = torch.hstack([torch.ones(points, 1, dtype=torch.float64), y[:, feature::3]])
        torch.testing.assert_close(
            own.t() @ own / points, torch.eye(degree + 1, dtype=torch.float64), rtol=0, atol=1e-7
        )


def test_polynomials_of_degree_k_have_degree_k_also_beyond_the_training_part() -> None:
    """Differences of order k of a polynomial of degree k are constant and not 0, those of order k + 1 are 0."""
    layer, _ = polynomials(random(40, 1), 5)
    grid = torch.linspace(-4, 4, 30, dtype=torch.float64)[:, None]
    values = layer.forward(grid, training=False)
    for k in range(1, 6):
        differences = torch.diff(values[:, k - 1], k)
        assert float(differences.abs().min()) > 1e-6
        assert float(torch.diff(differences).abs().max()) < 1e-7 * float(values[:, k - 1].abs().max())


def test_polynomials_by_hand() -> None:
    """Of -1, 0, 1: p_1 = √(3/2) x and p_2 = (3 x² - 2) / √2; a third is 0 on all three points, and everywhere."""
    layer, y = polynomials(torch.tensor([[-1.0], [0.0], [1.0]]), 3)
    expected = [
        [-math.sqrt(1.5), math.sqrt(0.5), 0],
        [0, -math.sqrt(2), 0],
        [math.sqrt(1.5), math.sqrt(0.5), 0],
    ]
    torch.testing.assert_close(y, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)
    assert layer.forward(torch.tensor([[2.0]]), training=False).tolist() == [
        [pytest.approx(2 * math.sqrt(1.5)), pytest.approx(10 / math.sqrt(2)), 0]
    ]


def test_polynomials_of_a_constant_input_are_0_and_float32_in_is_float32_out() -> None:
    x = torch.hstack([torch.full((20, 1), 3.0), torch.randint(0, 2, (20, 1)).float()])
    layer, y = polynomials(x, 4, torch.float32)
    assert y.dtype == torch.float32
    assert torch.equal(y[:, 0::2], torch.zeros(20, 4))
    assert y[:, 1].unique().numel() == 2  # two values have a line and no more
    assert torch.equal(y[:, 3::2], torch.zeros(20, 3))
    assert layer.forward(torch.full((1, 2), 9.0), training=False).isfinite().all()


def test_polynomials_of_many_examples_are_fitted_to_every_nth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Polynomials, "_HELD", 400)
    x = random(500, 1)
    x[0], x[6] = x.min(), x.max()  # the range is that of all
    _, y = polynomials(x, 3)
    few, _ = polynomials(x[::6], 3)  # 1 + 500 · 4 // 400
    assert torch.equal(y, few.forward(x, training=False))


def test_the_derivative_of_relu_at_0_is_0() -> None:
    layer = Relu()
    layer.forward(torch.tensor([[-1.0, 0.0, 1.0]]), training=True)
    flow = layer.backward(torch.ones(1, 3), first=False)
    assert flow is not None
    assert flow.tolist() == [[0, 0, 1]]


# -- batch norm (rows BN2 to BN8, BN12 of the lecture) ---------------------------------------------------------------


def test_batch_norm_gives_mean_0_and_variance_1_per_channel() -> None:
    layer = BatchNorm(3)
    Network([layer], dtype=torch.float64)
    y = layer.forward(random(64, 3) * torch.tensor([0.1, 1.0, 30.0]) + 5, training=True)
    torch.testing.assert_close(y.mean(0), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-9)
    # The biased variance; epsilon takes 1e-3 of a channel whose variance is 0.01.
    torch.testing.assert_close(y.var(0, correction=0), torch.ones(3, dtype=torch.float64), rtol=0, atol=2e-3)


def test_gamma_and_beta_can_restore_the_input() -> None:
    layer = BatchNorm(3)
    Network([layer], dtype=torch.float64)
    x = random(64, 3) * 3 + 2
    layer.gamma.copy_((x.var(0, correction=0) + 1e-5).sqrt())
    layer.beta.copy_(x.mean(0))
    torch.testing.assert_close(layer.forward(x, training=True), x, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(16, 3), (8, 3, 4, 5)])
def test_running_statistics_are_those_of_torch(shape: tuple[int, ...]) -> None:
    ours = BatchNorm(3)
    Network([ours], dtype=torch.float64)
    torchs: Any = (torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d)(3).double()
    for seed in range(4):
        x = random(*shape, seed=seed) * 2 + seed
        torch.testing.assert_close(ours.forward(x, training=True), torchs(x).detach(), rtol=0, atol=1e-12)
        torch.testing.assert_close(ours.running_mean, torchs.running_mean, rtol=0, atol=1e-12)
        torch.testing.assert_close(ours.running_variance, torchs.running_var, rtol=0, atol=1e-12)
    torchs.eval()
    x = random(*shape, seed=9)
    torch.testing.assert_close(ours.forward(x, training=False), torchs(x).detach(), rtol=0, atol=1e-12)


def test_in_evaluation_an_example_alone_is_as_in_any_batch_and_moves_nothing() -> None:
    layer = BatchNorm(3)
    network = Network([layer], dtype=torch.float64)
    layer.forward(random(32, 3), training=True)
    before = network.buffers.clone()
    x = random(8, 3, seed=5)
    together = layer.forward(x, training=False)
    alone = torch.cat([layer.forward(row[None], training=False) for row in x])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)
    assert torch.equal(network.buffers, before)


def test_a_bias_before_batch_norm_would_get_no_gradient() -> None:
    layers = [Linear(4, 3), BatchNorm(3), Tanh()]
    network = Network(layers, dtype=torch.float64)
    network.parameters.copy_(random(network.parameters.numel()))
    y = network.forward(random(16, 4, seed=1), training=True)
    network.backward(random(*y.shape, seed=2))
    assert network.named["0.bias"][1].abs().max() < 1e-12
    assert network.named["0.weight"][1].abs().max() > 1e-3


# -- dropout (rows DO1 to DO3) ---------------------------------------------------------------------------------------


def test_dropout_draws_anew_in_training_and_is_the_identity_in_evaluation() -> None:
    layer = Dropout(0.5, Generator().manual_seed(0))
    x = torch.ones(4, 100)
    assert not torch.equal(layer.forward(x, training=True), layer.forward(x, training=True))
    assert torch.equal(layer.forward(x, training=False), x)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_keeps_a_share_of_1_minus_p_and_the_mean(p: float) -> None:
    y = Dropout(p, Generator().manual_seed(1)).forward(torch.ones(1000, 100), training=True)
    assert float((y != 0).double().mean()) == pytest.approx(1 - p, abs=0.005)
    assert float(y.double().mean()) == pytest.approx(1, abs=0.02)
    torch.testing.assert_close(y.unique(), torch.tensor([0, 1 / (1 - p)]))


def test_dropout_at_the_ends_of_its_range() -> None:
    x = random(5, 5)
    assert torch.equal(Dropout(0.0, Generator()).forward(x, training=True), x)
    layer = Dropout(1.0, Generator())
    assert torch.equal(layer.forward(x, training=True), torch.zeros_like(x))
    flow = layer.backward(x, first=False)
    assert flow is not None
    assert torch.equal(flow, torch.zeros_like(x))


def test_the_gradient_passes_where_the_signal_passed() -> None:
    layer = Dropout(0.3, Generator().manual_seed(2))
    x = torch.ones(6, 50)
    y = layer.forward(x, training=True)
    flow = layer.backward(torch.ones_like(x), first=False)
    assert flow is not None
    assert torch.equal(flow, y)


# -- flat buffers ----------------------------------------------------------------------------------------------------


def three_layers() -> Network:
    return Network([Linear(4, 3, bias=False), BatchNorm(3), Relu(), Linear(3, 2)])


def test_parameters_are_one_tensor_with_the_weight_matrices_first() -> None:
    network = three_layers()
    # 12 + 6 weights; then gamma 3, beta 3, bias 2. Running mean and variance are buffers.
    assert network.weights_end == 18
    assert network.parameters.numel() == network.gradients.numel() == 26
    assert network.buffers.numel() == 6
    assert list(network.named) == ["0.weight", "3.weight", "1.gamma", "1.beta", "3.bias"]
    assert [name for name, _ in network.weights] == ["0.weight", "3.weight"]


def test_layers_hold_views_so_that_a_copy_of_the_flat_tensor_is_a_copy_of_the_model() -> None:
    network, other = three_layers(), three_layers()
    network.parameters.copy_(torch.randn(26, generator=Generator().manual_seed(0)))
    first = network.layers[0]
    assert isinstance(first, Linear)
    assert torch.equal(first.weight.flatten(), network.parameters[:12])
    x = torch.randn(5, 4, generator=Generator().manual_seed(1))
    network.forward(x, training=True)
    other.parameters.copy_(network.parameters)
    other.buffers.copy_(network.buffers)
    assert torch.equal(network.forward(x), other.forward(x))
    network.backward(torch.ones(5, 2))
    assert torch.equal(first.weight_gradient.flatten(), network.gradients[:12])


def test_first_values_are_those_of_the_lecture() -> None:
    network = three_layers()
    first = {name: value.unique().tolist() for name, (value, _) in network.named.items()}
    assert first["1.gamma"] == [1]
    assert first["1.beta"] == [0]
    assert first["3.bias"] == [0]
    assert network.buffers.tolist() == [0, 0, 0, 1, 1, 1]


@settings(deadline=None, max_examples=50)
@given(
    widths=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    kind=st.sampled_from(sorted(ACTIVATIONS)),
    batch_norm=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_whole_networks_have_the_gradients_of_autograd(
    widths: list[int], kind: str, batch_norm: bool, seed: int
) -> None:
    ours: list[Layer] = []
    torchs: list[torch.nn.Module] = []
    modules: dict[str, Callable[[], torch.nn.Module]] = {
        "relu": torch.nn.ReLU, "leaky-relu": torch.nn.LeakyReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid,
        "gelu": torch.nn.GELU, "identity": torch.nn.Identity,
    }  # fmt: skip
    for fan_in, fan_out in pairwise(widths):
        ours += [
            Linear(fan_in, fan_out),
            *([BatchNorm(fan_out)] if batch_norm else []),
            ACTIVATIONS[kind](),
        ]
        torchs += [
            torch.nn.Linear(fan_in, fan_out),
            *([torch.nn.BatchNorm1d(fan_out)] if batch_norm else []),
            modules[kind](),
        ]
    network = Network(ours, dtype=torch.float64)
    reference = torch.nn.Sequential(*torchs).double()
    network.parameters.copy_(random(network.parameters.numel(), seed=seed))
    with torch.no_grad():
        for (_, (value, _)), parameter in zip(
            sorted(network.named.items(), key=by_layer), reference.parameters(), strict=True
        ):
            parameter.copy_(value)
    x, upstream = random(9, widths[0], seed=seed + 1), random(9, widths[-1], seed=seed + 2)
    reference(x).backward(upstream)
    network.forward(x, training=True)
    network.backward(upstream.clone())
    found = torch.cat(
        [gradient.flatten() for _, (_, gradient) in sorted(network.named.items(), key=by_layer)]
    )
    expected = parameters_to_vector([p.grad for p in reference.parameters() if p.grad is not None])
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


def by_layer(item: tuple[str, Any]) -> tuple[int, int]:
    position, name = item[0].split(".")
    return int(position), ("weight", "gamma", "bias", "beta").index(name)


# -- models.build ----------------------------------------------------------------------------------------------------


def built(
    model: dict[str, Any], shape: Sequence[int], outputs: int, init: dict[str, Any] | None = None
) -> Network:
    experiment = Experiment.model_validate(
        {
            "data": {"name": "wine" if model["kind"] == "polynomial" else "digits"},
            "model": model,
            "init": init or {},
            "loss": {"kind": "cce", "allow_mismatch": True},
        }
    )
    return build(
        experiment.model, experiment.init, tuple(shape), outputs,
        generator=Generator().manual_seed(0), dropout_generator=Generator(),
    )  # fmt: skip


# Parameters counted by hand.
@pytest.mark.parametrize(
    ("model", "shape", "outputs", "order", "parameters"),
    [
        (
            {"kind": "mlp", "hidden": [8]},
            (4,),
            3,
            "linear 4 → 8 | relu | linear 8 → 3",
            4 * 8 + 8 + 8 * 3 + 3,
        ),
        (
            {"kind": "mlp", "hidden": [8, 5], "batch_norm": True, "dropout": 0.2, "activation": "tanh"},
            (1, 2, 2),
            3,
            "flatten 4 | linear 4 → 8, no bias | batch norm 8 | tanh | dropout 0.2 | "
            "linear 8 → 5, no bias | batch norm 5 | tanh | dropout 0.2 | linear 5 → 3",
            32 + 16 + 40 + 10 + 15 + 3,
        ),
        ({"kind": "mlp", "hidden": []}, (4,), 3, "linear 4 → 3", 15),
        (
            {"kind": "mlp", "hidden": [2], "output": "softmax"},
            (4,),
            3,
            "linear 4 → 2 | relu | linear 2 → 3 | softmax",
            10 + 9,
        ),
        ({"kind": "linear"}, (1, 8, 8), 10, "flatten 64 | linear 64 → 10", 650),
        ({"kind": "polynomial", "degree": 4}, (2,), 1, "polynomials of degree 1 to 4 of 2 | linear 8 → 1", 9),
        (
            {"kind": "cnn", "channels": [3, 5], "hidden": [6], "batch_norm": True},
            (1, 9, 8),
            10,
            "convolution 1 → 3, 3x3, no bias | batch norm 3 | relu | max pool 2x2 | "
            "convolution 3 → 5, 3x3, no bias | batch norm 5 | relu | max pool 2x2 | flatten 20 | "
            "linear 20 → 6, no bias | batch norm 6 | relu | linear 6 → 10",
            27 + 6 + 135 + 10 + 120 + 12 + 60 + 10,
        ),
        (
            {"kind": "cnn", "channels": [2], "hidden": [3], "kernel": 5},
            (1, 32),
            4,
            "reshape 1x1x32 | convolution 1 → 2, 1x5 | relu | max pool 1x4 | flatten 16 | linear 16 → 3 | relu | linear 3 → 4",
            10 + 2 + 48 + 3 + 12 + 4,
        ),
    ],
)
def test_layers_come_in_the_lectures_order(
    model: dict[str, Any], shape: tuple[int, ...], outputs: int, order: str, parameters: int
) -> None:
    network = built(model, shape, outputs)
    assert " | ".join(layer.describe() for layer in network.layers) == order
    assert network.parameters.numel() == parameters
    network.fit(torch.rand(9, *shape))
    assert network.forward(torch.zeros(2, *shape)).shape == (2, outputs)


def test_a_cnn_that_pools_its_picture_away_is_refused() -> None:
    with pytest.raises(InputError, match="3 poolings leave nothing of an example of 1x4x4"):
        built({"kind": "cnn", "channels": [2, 2, 2]}, (1, 4, 4), 3)


def test_one_seed_gives_one_network_and_init_parameters_arrive() -> None:
    model = {"kind": "mlp", "hidden": [8]}
    assert torch.equal(built(model, (4,), 3).parameters, built(model, (4,), 3).parameters)
    constant = built(model, (4,), 3, {"kind": "constant", "value": 0.25})
    assert constant.parameters[: constant.weights_end].unique().tolist() == [0.25]
    assert constant.parameters[constant.weights_end :].unique().tolist() == [0]
    tiny = built({"kind": "mlp", "hidden": [400]}, (400,), 3, {"kind": "normal", "scale": 1e-3})
    assert float(tiny.parameters[:160_000].std()) == pytest.approx(1e-3, rel=0.02)


def test_operations_count_the_multiplications_of_one_example() -> None:
    assert sum(layer.operations for layer in built({"kind": "mlp", "hidden": [8]}, (4,), 3).layers) == 56
    cnn = built({"kind": "cnn", "channels": [3], "hidden": [6]}, (2, 8, 8), 10)
    assert sum(layer.operations for layer in cnn.layers) == 2 * 3 * 9 * 64 + 48 * 6 + 60


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        ({"kind": "mlp", "hidden": [2, 40, 3]}, (5,)),
        ({"kind": "cnn", "channels": [4, 40]}, (3, 16, 16)),
        ({"kind": "polynomial", "degree": 4}, (6,)),
    ],
)
def test_what_makes_more_numbers_than_it_is_given_says_how_many(
    model: dict[str, Any], shape: tuple[int, ...]
) -> None:
    network = built(model, shape, 3)
    x = torch.randn(4, *shape, dtype=network.parameters.dtype)
    network.fit(x)
    for layer in network.layers:
        given = x[0].numel()
        x = layer.forward(x, training=False)
        assert x[0].numel() <= max(given, layer.width), layer.describe()
