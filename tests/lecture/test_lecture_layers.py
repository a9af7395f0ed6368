"""Batch norm, dropout and every layer's backward pass against the formulas in numpy, torch and autograd (rows BN, DO)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

from ladera.engine import Experiment
from ladera.engine.diagnosis import before_training
from ladera.engine.layers import (
    ACTIVATIONS,
    Activation,
    BatchNorm,
    Convolution,
    Dropout,
    Layer,
    Linear,
    MaxPool,
    Network,
    Powers,
    Reshape,
    Softmax,
)
from ladera.engine.training import Training

DOUBLE = torch.float64


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed), dtype=DOUBLE)


def network(*layers: Layer) -> Network:
    built = Network(layers, dtype=DOUBLE)
    built.parameters.copy_(random(len(built.parameters), seed=7) * 0.5 + 0.1)
    return built


# -- backward passes ------------------------------------------------------------------------------------------------

CASES: dict[str, tuple[Callable[[], list[Layer]], tuple[int, ...]]] = {
    "linear": (lambda: [Linear(5, 4)], (6, 5)),
    "linear, no bias": (lambda: [Linear(5, 4, bias=False)], (6, 5)),
    "convolution": (lambda: [Convolution(2, 3, (3, 3), 30)], (4, 2, 5, 6)),
    "convolution, no bias": (lambda: [Convolution(2, 3, (1, 5), 8, bias=False)], (4, 2, 1, 8)),
    "batch norm": (lambda: [Linear(5, 4), BatchNorm(4)], (6, 5)),
    "batch norm of images": (lambda: [Convolution(2, 3, (3, 3), 30), BatchNorm(3)], (4, 2, 5, 6)),
    "max pooling": (lambda: [Convolution(2, 3, (3, 3), 30), MaxPool((2, 2))], (4, 2, 5, 6)),
    "reshape": (lambda: [Convolution(2, 3, (3, 3), 30), Reshape((90,)), Linear(90, 2)], (4, 2, 5, 6)),
    "softmax": (lambda: [Linear(5, 4), Softmax()], (6, 5)),
    "powers": (lambda: [Powers(2, 3), Linear(6, 2)], (6, 2)),
    **{kind: (lambda make=make: [Linear(5, 4), make()], (6, 5)) for kind, make in ACTIVATIONS.items()},
}


def by_autograd(layers: list[Layer], leaves: dict[str, Tensor], x: Tensor) -> Tensor:
    """The forward pass in plain torch, with leaves in place of the network's views."""
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "gelu": nn.functional.gelu,
        "leaky-relu": nn.functional.leaky_relu, "identity": lambda z: z, "softmax": lambda z: z.softmax(1),
    }  # fmt: skip
    for position, layer in enumerate(layers):
        own = {name.split(".")[1]: leaf for name, leaf in leaves.items() if name.startswith(f"{position}.")}
        match layer:
            case Linear():
                x = nn.functional.linear(x, own["weight"], own.get("bias"))
            case Convolution():
                x = nn.functional.conv2d(x, own["weight"], own.get("bias"), padding="same")
            case BatchNorm():
                x = nn.functional.batch_norm(x, None, None, own["gamma"], own["beta"], training=True)
            case Activation():
                x = functions[layer.kind](x)
            case MaxPool():
                x = nn.functional.max_pool2d(x, layer.window)
            case Powers():
                x = torch.cat([x, x**2, x**3], 1)
            case _:
                x = x.flatten(1)
    return x


@pytest.mark.parametrize("case", CASES)
def test_forward_and_backward_are_those_of_autograd(case: str) -> None:
    make, shape = CASES[case]
    layers = make()
    built, x = network(*layers), random(*shape, seed=3)
    leaves = {name: value.clone().requires_grad_() for name, (value, _) in built.named.items()}
    expected = by_autograd(layers, leaves, x)
    slope = random(*expected.shape, seed=5)
    expected.backward(slope)
    output = built.forward(x.clone(), training=True)
    torch.testing.assert_close(output, expected.detach(), rtol=1e-12, atol=1e-12)
    built.backward(slope.clone())
    for name, (_, gradient) in built.named.items():
        wanted = leaves[name].grad
        assert wanted is not None
        torch.testing.assert_close(gradient, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", [name for name in CASES if name != "powers"])
def test_the_gradient_of_the_input_is_that_of_autograd(case: str) -> None:
    make, shape = CASES[case]
    built, x = network(*make()), random(*shape, seed=3).requires_grad_()
    leaves = {name: value.clone() for name, (value, _) in built.named.items()}
    expected = by_autograd(built.layers, leaves, x)
    slope = random(*expected.shape, seed=5)
    expected.backward(slope)
    built.forward(x.detach().clone(), training=True)
    flow: Tensor | None = slope.clone()
    for layer in reversed(built.layers):
        assert flow is not None
        flow = layer.backward(flow, first=False)
    assert flow is not None
    assert x.grad is not None
    torch.testing.assert_close(flow, x.grad, rtol=1e-10, atol=1e-12)


# -- batch norm -----------------------------------------------------------------------------------------------------


def normalized(channels: int) -> BatchNorm:
    layer = BatchNorm(channels)
    Network([layer], dtype=DOUBLE)
    return layer


@pytest.mark.parametrize("shape", [(8, 3), (4, 3, 5, 6)])
def test_bn2_bn3_statistics_of_the_batch(shape: tuple[int, ...]) -> None:
    """Biased variance and the ROOT under the fraction: mean 0 and variance 1 per channel."""
    layer, x = normalized(3), random(*shape) * 4 + 2
    axes = (0, *range(2, len(shape)))
    plain = x.numpy()
    mean = plain.mean(axes, keepdims=True)
    variance = ((plain - mean) ** 2).mean(axes, keepdims=True)
    output = layer.forward(x, training=True).numpy()
    np.testing.assert_allclose(output, (plain - mean) / np.sqrt(variance + 1e-5), atol=1e-12)
    np.testing.assert_allclose(output.mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose(output.var(axes), 1, atol=1e-5)


def test_bn3_dividing_by_the_variance_contradicts_the_lectures_own_sentence() -> None:
    """T3: with deviation 3 the slide's formula leaves a variance of 1/9, with 0.01 one of 10 000."""
    x = random(10_000, 1).numpy()
    x = (x - x.mean()) / x.std()
    for deviation, left in ((3.0, 1 / 9), (0.01, 10_000.0)):
        h = deviation * x
        assert ((h - h.mean()) / h.var()).var() == pytest.approx(left, rel=1e-9)
        assert float(
            normalized(1).forward(torch.from_numpy(100 * h), True).var(correction=0)
        ) == pytest.approx(1, abs=1e-4)


def test_bn4_gamma_and_beta_can_undo_the_normalization() -> None:
    layer, x = normalized(3), random(16, 3) * 2 + 5
    assert layer.gamma.tolist() == [1, 1, 1]
    assert layer.beta.tolist() == [0, 0, 0]
    layer.gamma.copy_((x.var(0, correction=0) + 1e-5).sqrt())
    layer.beta.copy_(x.mean(0))
    torch.testing.assert_close(layer.forward(x, True), x, rtol=0, atol=1e-9)


def test_bn5_running_statistics_use_the_unbiased_variance() -> None:
    layer, mean, variance = normalized(3), np.zeros(3), np.ones(3)
    twin = nn.BatchNorm1d(3, dtype=DOUBLE)
    for step in range(4):
        x = random(7, 3, seed=step) * (step + 1) + step
        layer.forward(x, training=True)
        twin(x)
        mean = 0.9 * mean + 0.1 * x.numpy().mean(0)
        variance = 0.9 * variance + 0.1 * x.numpy().var(0, ddof=1)
        np.testing.assert_allclose(layer.running_mean.numpy(), mean, atol=1e-12)
        np.testing.assert_allclose(layer.running_variance.numpy(), variance, atol=1e-12)
    assert twin.running_mean is not None
    torch.testing.assert_close(layer.running_mean, twin.running_mean)


def test_bn6_an_example_is_the_same_alone_and_in_any_company() -> None:
    layer = normalized(3)
    for step in range(3):
        layer.forward(random(9, 3, seed=step) + 1, training=True)
    x = random(50, 3, seed=9)
    whole = layer.forward(x, training=False)
    expected = (x - layer.running_mean) / (layer.running_variance + 1e-5).sqrt()
    torch.testing.assert_close(whole, expected, rtol=0, atol=1e-12)
    for rows in (x[:1], x[:7]):
        torch.testing.assert_close(layer.forward(rows, False), whole[: len(rows)], rtol=0, atol=1e-12)


def trained(steps: int = 20, **model: Any) -> Training:
    training = Training(
        Experiment.model_validate(
            {
                "model": {"kind": "mlp", "hidden": [16, 16], **model},
                "training": {"precision": "float64", "device": "cpu"},
            }
        )
    )
    for step in range(steps):
        training.update(1 + step // training.steps_per_epoch, step % training.steps_per_epoch)
    return training


def test_bn7_bn12_place_and_bias() -> None:
    """Linear without a bias, batch norm, activation; the last layer has its bias and no norm."""
    words = [layer.describe() for layer in trained(0, batch_norm=True).network.layers]
    assert words[1:] == [
        "linear 64 → 16, no bias", "batch norm 16", "relu",
        "linear 16 → 16, no bias", "batch norm 16", "relu",
        "linear 16 → 10",
    ]  # fmt: skip


def test_bn8_images_have_one_statistic_per_channel() -> None:
    training = Training(
        Experiment.model_validate(
            {"model": {"kind": "cnn", "channels": [4, 6], "batch_norm": True}, "training": {"device": "cpu"}}
        )
    )
    sizes = [layer.channels for layer in training.network.layers if isinstance(layer, BatchNorm)]
    assert sizes == [4, 6, 64]


def test_bn12_a_bias_before_the_norm_would_get_no_gradient() -> None:
    built, x = network(Linear(5, 4), BatchNorm(4), ACTIVATIONS["tanh"]()), random(32, 5)
    built.forward(x, training=True)
    built.backward(random(32, 4, seed=2))
    assert float(built.named["0.bias"][1].abs().max()) < 1e-12
    assert float(built.named["0.weight"][1].abs().max()) > 1e-3


def test_bn1_activations_stay_normalized_while_the_weights_change() -> None:
    """Before gamma and beta every batch has mean 0 and deviation 1 at every step; without the norm both drift."""

    def spreads(batch_norm: bool) -> list[tuple[float, float]]:
        training = trained(0, batch_norm=batch_norm)
        found: list[tuple[float, float]] = []
        for step in range(60):
            epoch, index = 1 + step // 17, step % 17
            h, _ = training.batch(epoch, index)
            for layer in training.network.layers[: 3 if batch_norm else 2]:
                h = layer.forward(h, training=True)
            if batch_norm:
                norm = training.network.layers[2]
                assert isinstance(norm, BatchNorm)
                h = (h - norm.beta) / norm.gamma
            found.append((float(h.mean(0).abs().max()), float(h.std(0, correction=0).mean())))
            training.update(epoch, index)
        return found

    kept, free = spreads(True), spreads(False)
    assert all(mean < 1e-9 and abs(spread - 1) < 1e-3 for mean, spread in kept)
    assert max(mean for mean, _ in free) > 0.3
    assert max(spread for _, spread in free) / min(spread for _, spread in free) > 1.05


# -- dropout --------------------------------------------------------------------------------------------------------


def dropout(p: float, seed: int = 0) -> Dropout:
    return Dropout(p, Generator().manual_seed(seed))


def test_do1_a_new_mask_for_every_example_and_every_forward_pass() -> None:
    layer, x = dropout(0.5), torch.ones(100, 50)
    first, second = layer.forward(x, True), layer.forward(x, True)
    assert not torch.equal(first, second)
    assert len({tuple(row) for row in first.tolist()}) == 100
    assert torch.equal(layer.forward(x, False), x)


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.8])
def test_do2_do3_share_kept_and_mean_unchanged(p: float) -> None:
    """Of 100 000 units a share 1 - p stays, divided by 1 - p, so that the mean is that of evaluation."""
    output = dropout(p).forward(torch.ones(1000, 100, dtype=DOUBLE), True)
    kept = output != 0
    assert float(kept.double().mean()) == pytest.approx(1 - p, abs=0.005)
    assert output[kept].unique().tolist() == pytest.approx([1 / (1 - p)])
    assert float(output.mean()) == pytest.approx(1, abs=0.03 if p == 0.8 else 0.01)


def test_do2_the_ends_of_the_range() -> None:
    x = random(20, 30)
    assert torch.equal(dropout(0.0).forward(x, True), x)
    nothing = dropout(1.0)
    assert torch.equal(nothing.forward(x, True), torch.zeros_like(x))
    assert torch.equal(nothing.backward(torch.ones_like(x), False), torch.zeros_like(x))
    assert torch.equal(nothing.forward(x, False), x)


def test_do3_the_gradient_passes_where_the_value_did() -> None:
    layer, x = dropout(0.3), torch.ones(10, 8, dtype=DOUBLE)
    output = layer.forward(x, True)
    torch.testing.assert_close(layer.backward(torch.full_like(x, 2.0), False), 2 * output)


def test_do2_a_rate_of_one_is_warned_about_and_trains_without_a_nan() -> None:
    training = trained(5, dropout=1.0)
    assert bool(training.network.parameters.isfinite().all())
    assert any("dropout" in note for note in before_training(training))


def test_do4_every_hidden_layer_has_its_dropout() -> None:
    layers = trained(0, dropout=0.5).network.layers
    assert [layer.describe() for layer in layers].count("dropout 0.5") == 2
    assert isinstance(layers[-1], Linear)
