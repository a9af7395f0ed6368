"""Probes: numbers against an independent network and the lecture's lessons, answers by hand, and no trace left behind."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from ladera.engine import Experiment, loop, run
from ladera.engine.event_lines import to_plain
from ladera.engine.events import Event, LayersProbed
from ladera.engine.layers import Dropout
from ladera.engine.probe_layers import shadow
from ladera.engine.probe_pictures import _map
from ladera.engine.probe_weights import histogram
from ladera.engine.probes import PROBES, layer_health
from ladera.engine.training import Training


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def training(steps: int = 0, **sections: Any) -> Training:
    """A training on iris, or on what the sections say, after some steps of the first epoch."""
    plain: dict[str, Any] = {
        "data": {"name": "iris"},
        "model": {"kind": "mlp", "hidden": [8]},
        "optimizer": {"kind": "sgd", "lr": 0.1},
        "training": {"batch_size": 16, "device": "cpu", "threads": 1},
    }
    found = Training(Experiment.model_validate(plain | sections))
    for index in range(steps):
        found.update(1 + index // found.steps_per_epoch, index % found.steps_per_epoch)
    return found


def digits(model: dict[str, Any], init: dict[str, Any], **sections: Any) -> Training:
    return training(data={"name": "digits"}, model={"kind": "mlp", **model}, init=init, **sections)


# Everything that could remember having been looked at: dropout, batch norm, penalties, clipping, a schedule, augmentation.
HARD: dict[str, Any] = {
    "data": {
        "name": "digits",
        "subset": 200,
        "augmentation": {"rotation": 10.0, "noise": 0.1},
    },
    "model": {"kind": "mlp", "hidden": [16, 8], "dropout": 0.3, "batch_norm": True},
    "optimizer": {"kind": "adam", "lr": 0.01},
    "regularization": {"l1": 1e-4, "l2": 1e-3},
    "training": {
        "epochs": 4,
        "batch_size": 32,
        "device": "cpu",
        "clip_norm": 1.0,
        "threads": 1,
        "schedule": {"kind": "cosine", "warmup": 1},
    },
}


# -- no side effects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_leaves_the_state_and_the_next_steps_bit_for_bit(name: str) -> None:
    probed, left_alone = training(5, **HARD), training(5, **HARD)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = PROBES[name](probed)
    assert torch.equal(torch.get_rng_state(), before)
    for key, value in left_alone.tensors().items():
        assert torch.equal(probed.tensors()[key], value), key
    assert torch.equal(probed.network.gradients, left_alone.network.gradients)
    assert probed.plain() == left_alone.plain()
    assert probed.optimizer.lr == left_alone.optimizer.lr
    assert json.dumps(PROBES[name](probed), allow_nan=False) == json.dumps(first, allow_nan=False)
    for index in range(3):
        assert probed.update(2, index) == left_alone.update(2, index)
    assert torch.equal(probed.network.parameters, left_alone.network.parameters)
    assert torch.equal(probed.network.buffers, left_alone.network.buffers)


def test_a_run_without_probes_is_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def numbers(events: list[Event]) -> list[str]:
        kept = [
            to_plain(event) for event in events if event.name in ("steps_ended", "epoch_ended", "checked")
        ]
        clocks = ("time", "seconds", "examples_per_second")
        return [repr({k: v for k, v in event.items() if k not in clocks}) for event in kept]

    experiment = Experiment.model_validate(HARD)
    probed = list(run(experiment))
    assert sum(isinstance(event, LayersProbed) for event in probed) == 4  # epochs 0, 1, 2, 4
    monkeypatch.setattr(loop.probes, "layer_health", lambda training: ())
    assert numbers(list(run(experiment))) == numbers(probed)


def test_a_shadow_has_the_network_s_values_and_memory_of_its_own() -> None:
    network = training(3, **HARD).network
    double = shadow(network)
    assert not any(isinstance(layer, Dropout) for layer in double.layers)
    assert torch.equal(double.parameters, network.parameters)
    assert torch.equal(double.buffers, network.buffers)
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(double.forward(x), network.forward(x))
    kept = network.parameters.clone()
    double.parameters.zero_()
    assert torch.equal(network.parameters, kept)


# -- layer health ----------------------------------------------------------------------------------------------------


def test_layer_health_equals_an_autograd_network() -> None:
    found = training(
        7, data={"name": "digits"}, model={"kind": "mlp", "hidden": [12, 6], "activation": "tanh"},
        training={"batch_size": 32, "device": "cpu", "precision": "float64"},
    )  # fmt: skip
    parameters = {name: value for name, (value, _) in found.network.named.items()}
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    x, y = found.data.train.x[:256].flatten(1), found.data.train.y[:256]
    h1 = (x @ leaves["1.weight"].T + leaves["1.bias"]).tanh()
    h2 = (h1 @ leaves["3.weight"].T + leaves["3.bias"]).tanh()
    h1.retain_grad()
    h2.retain_grad()
    loss = torch.nn.functional.cross_entropy(h2 @ leaves["5.weight"].T + leaves["5.bias"], y)
    loss.backward()
    health = layer_health(found)
    assert [layer["name"] for layer in health] == ["hidden 1", "hidden 2"]
    for layer, h, name in zip(health, (h1, h2), ("1.weight", "3.weight"), strict=True):
        h_gradient, w_gradient = h.grad, leaves[name].grad
        assert h_gradient is not None
        assert w_gradient is not None
        values, weight = h.detach().numpy(), parameters[name].numpy()
        assert layer["kind"] == "tanh"
        assert layer["units"] == h.shape[1]
        assert layer["std"] == pytest.approx(values.std(axis=0).mean(), rel=1e-9)
        assert layer["rms"] == pytest.approx(math.sqrt((values**2).mean()), rel=1e-9)
        assert layer["gradient"] == pytest.approx(float(h_gradient.norm()), rel=1e-9)
        assert layer["saturated"] == pytest.approx((abs(values) > 0.99).mean())
        assert layer["weight_rms"] == pytest.approx(math.sqrt((weight**2).mean()), rel=1e-9)
        # Plain gradient descent: the update is lr times the gradient.
        ratio = 0.1 * float(w_gradient.norm()) / float(np.linalg.norm(weight))
        assert layer["update_ratio"] == pytest.approx(ratio, rel=1e-9)
        assert layer["difference"] == pytest.approx(abs(weight - weight[0]).max(), rel=1e-9)
        assert layer["dead"] == 0
        assert layer["twins"] == 1
        assert layer["rate"] == pytest.approx(0.1)


def test_the_rate_of_a_layer_is_the_median_of_its_incoming_weights_behind_dropout_too() -> None:
    sections = {**HARD, "training": {"batch_size": 32, "device": "cpu", "clip_norm": 1.0}}
    assert [layer["rate"] for layer in layer_health(training(0, **sections))] == [None, None]
    found = training(5, **sections)
    quartiles = [one["values"][2] for one in PROBES["rates"](found)["rates"]]
    # An even number of weights: torch's median is the lower of the middle two, the quantile lies between them.
    assert [layer["rate"] for layer in layer_health(found)] == pytest.approx(quartiles[:2], rel=0.01)
    rising = training(
        2, optimizer={"kind": "sgd", "lr": 0.1},
        training={"batch_size": 16, "device": "cpu", "schedule": {"kind": "constant", "warmup": 10}},
    )  # fmt: skip
    assert layer_health(rising)[0]["rate"] == pytest.approx(rising.rate())
    assert rising.rate() < 0.1


def test_health_is_plain_values_one_mapping_per_hidden_activation() -> None:
    assert layer_health(training(model={"kind": "linear"})) == ()
    # The sigmoid at the end is the output, not a hidden layer.
    end = training(
        data={"name": "moons"},
        model={"kind": "mlp", "hidden": [4], "output": "sigmoid"},
        loss={"kind": "mse", "allow_mismatch": True},
    )
    assert [layer["kind"] for layer in layer_health(end)] == ["relu"]
    for layer in layer_health(training(2, **HARD)):
        assert all(type(value) in (str, int, float) for value in layer.values()), layer


def test_channels_are_the_units_of_a_convolution() -> None:
    found = training(
        data={"name": "digits"},
        model={"kind": "cnn", "channels": [3, 5], "hidden": [7]},
        loss={"kind": "cce"},
    )
    first = found.network.weights[0][1]
    first[1] = -1  # behind a relu, pixels of at least 0 give 0 everywhere
    found.data.train.x.abs_()
    health = layer_health(found)
    assert [layer["units"] for layer in health] == [3, 5, 7]
    assert health[0]["dead"] == pytest.approx(1 / 3)


# Lesson 2: 10 layers of 64 units, 256 examples; standard deviation across examples, norm of the gradient with respect to
# activations. The numbers are those of research with other draws, hence the factors.
@pytest.mark.parametrize(
    ("activation", "init", "last_std", "ratio"),
    [
        ("tanh", {"kind": "normal", "scale": 0.01}, 1.1e-11, 1.3e-10),
        ("tanh", {"kind": "fan-in-uniform"}, 2.8e-3, 5.9e-3),
        ("tanh", {"kind": "xavier-uniform"}, 0.21, 0.37),
        ("tanh", {"kind": "normal", "scale": 0.5}, 0.89, 46),
        ("tanh", {"kind": "normal", "scale": 1.0}, 0.95, 1000),
        ("relu", {"kind": "normal", "scale": 0.01}, 2.5e-13, 5.9e-12),
        ("relu", {"kind": "normal", "scale": 0.5}, 2.4e4, 1.5e4),
    ],
)
def test_lesson_2_deep_networks_that_start_too_small_or_too_large(
    activation: str, init: dict[str, Any], last_std: float, ratio: float
) -> None:
    health = layer_health(digits({"hidden": [64] * 10, "activation": activation}, init))
    assert last_std / 4 < health[-1]["std"] < last_std * 4
    assert ratio / 3 < health[0]["gradient"] / health[-1]["gradient"] < ratio * 3
    if activation == "tanh" and init.get("scale", 0) >= 0.5:
        share = {0.5: 0.45, 1.0: 0.73}[init["scale"]]
        assert health[5]["saturated"] == pytest.approx(share, abs=0.08)


def test_weight_gradients_would_not_show_that_the_signal_vanishes() -> None:
    found = digits({"hidden": [64] * 10, "activation": "tanh"}, {"kind": "normal", "scale": 0.01})
    health = layer_health(found)
    found.network.backward(
        found.objective(found.network.forward(found.data.train.x[:256], True), found.data.train.y[:256])[1]
    )
    norms = [
        float(gradient.norm()) for name, (_, gradient) in found.network.named.items() if "weight" in name
    ]
    assert 0.1 < norms[0] / norms[9] < 10
    assert health[0]["gradient"] / health[-1]["gradient"] < 1e-6


def test_the_spread_across_examples_sees_through_biases() -> None:
    found = digits({"hidden": [64] * 10}, {"kind": "fan-in-uniform"})
    generator = torch.Generator().manual_seed(0)
    for name, (value, _) in found.network.named.items():
        if name.endswith("bias"):
            value.uniform_(-1 / 8, 1 / 8, generator=generator)
    last = layer_health(found)[-1]
    # Lesson 2, trap b: the biases' floor holds the rms up, the spread is gone.
    assert last["rms"] > 0.03
    assert last["std"] < 1e-3


def test_lesson_1_units_that_start_equal_stay_equal() -> None:
    found = digits({"hidden": [32], "activation": "tanh"}, {"kind": "constant", "value": 0.1})
    assert layer_health(found)[0]["twins"] == 32
    for index in range(30):
        found.update(1 + index // 17, index % 17)
    after = layer_health(found)[0]
    assert after["twins"] == 32
    assert after["difference"] <= 1e-6
    different = layer_health(digits({"hidden": [32]}, {"kind": "he-uniform"}))[0]
    assert different["twins"] == 1
    assert different["difference"] > 0.1


def test_twins_counts_the_largest_group() -> None:
    found = digits({"hidden": [10]}, {"kind": "he-uniform"})
    weight = found.network.weights[0][1]
    weight[4] = weight[0]
    weight[7] = weight[0] * (1 + 1e-8)
    weight[9] = weight[2]
    assert layer_health(found)[0]["twins"] == 3


def test_a_network_of_zeros_has_no_ratios_to_divide_by() -> None:
    health = layer_health(digits({"hidden": [8]}, {"kind": "zeros"}))[0]
    assert health["update_ratio"] == 0
    assert health["std"] == 0
    assert health["dead"] == 1


@pytest.mark.parametrize("optimizer", ["momentum", "adagrad", "rmsprop", "adam", "adamw"])
def test_the_update_ratio_is_that_of_the_step_the_optimizer_makes(optimizer: str) -> None:
    # With one batch of everything the probe's examples are the batch, so the next step is the one foretold.
    found = training(
        3, model={"kind": "mlp", "hidden": [6]}, optimizer={"kind": optimizer, "lr": 0.05},
        regularization={"l1": 1e-3, "l2": 1e-2}, training={"batch_size": "full", "device": "cpu", "clip_norm": 0.5},
    )  # fmt: skip
    foretold = layer_health(found)[0]["update_ratio"]
    weight = found.network.weights[0][1]
    before = weight.clone()
    found.update(4, 0)
    assert foretold == pytest.approx(float((weight - before).norm() / before.norm()), rel=1e-4)


# -- weights, rates, activations -------------------------------------------------------------------------------------


def test_histograms_count_every_finite_value() -> None:
    found = histogram(torch.tensor([0.0, 0.1, 0.9, 1.0, math.nan, math.inf]), 2)
    assert found == {"edges": [0, 0.5, 1], "counts": [2, 2], "nonfinite": 2}
    assert histogram(torch.tensor([3.0, 3.0]), 3)["counts"] == [0, 2, 0]
    assert histogram(torch.tensor([math.nan]), 3)["counts"] == []


def test_weights_tell_zeros_and_norms() -> None:
    found = training()
    weight = found.network.weights[0][1]
    weight.zero_()
    weight[0, 0], weight[0, 1] = 3.0, -4.0
    answer = PROBES["weights"](found, bins=7)["weights"]
    assert [entry["layer"] for entry in answer] == ["linear 4 → 8", "linear 8 → 3"]
    assert answer[0]["exact_zeros"] == 30
    assert (answer[0]["l1"], answer[0]["l2"], answer[0]["largest"]) == (7, 5, 4)
    assert answer[0]["rms"] == pytest.approx(5 / math.sqrt(32))
    assert sum(answer[0]["counts"]) == 32
    assert len(answer[0]["edges"]) == 8


def test_rates_are_the_quantiles_of_the_effective_rates() -> None:
    shared = PROBES["rates"](training())
    assert shared["shared"]
    assert shared["rates"][0]["values"] == pytest.approx([0.1] * 5)
    adagrad = {"kind": "adagrad", "lr": 0.1}
    assert "after the first step" in PROBES["rates"](training(optimizer=adagrad))["error"]
    found = training(4, optimizer=adagrad)
    answer = PROBES["rates"](found)
    total = found.optimizer_state["sum"][:32]
    expected = np.quantile((0.1 / total[total > 0].sqrt()).numpy(), answer["quantiles"])
    np.testing.assert_allclose(answer["rates"][0]["values"], expected, rtol=1e-5)
    # Row O7 of the lecture: AdaGrad's rates never rise.
    later = PROBES["rates"](training(10, optimizer=adagrad))["rates"][0]["values"]
    assert all(after <= before for before, after in zip(answer["rates"][0]["values"], later, strict=True))


def test_activations_of_every_hidden_layer() -> None:
    answer = PROBES["activations"](
        training(model={"kind": "mlp", "hidden": [8, 4], "activation": "tanh"}), bins=5
    )
    assert [sum(layer["counts"]) for layer in answer["layers"]] == [90 * 8, 90 * 4]
    assert answer["examples"] == 90
    assert "no hidden layers" in PROBES["activations"](training(model={"kind": "linear"}))["error"]


# -- examples --------------------------------------------------------------------------------------------------------


def test_confusion_counts_validation_by_true_and_predicted_class() -> None:
    found = training(30)
    answer = PROBES["confusion"](found)
    predicted = found.outputs(found.data.validation.x).argmax(1).tolist()
    expected = [[0] * 3 for _ in range(3)]
    for true, guess in zip(found.data.validation.y.tolist(), predicted, strict=True):
        expected[true][guess] += 1
    assert answer["matrix"] == expected
    assert answer["recall"] == [row[i] / sum(row) for i, row in enumerate(expected)]
    assert answer["classes"] == list(found.data.classes)
    binary = PROBES["confusion"](training(data={"name": "moons"}, loss={"kind": "bce"}))
    assert sum(map(sum, binary["matrix"])) == sum(binary["support"])


def test_calibration_bins_hold_every_validation_example() -> None:
    for sections in ({}, {"data": {"name": "moons"}, "loss": {"kind": "bce"}}):
        found = training(30, **sections)
        answer = PROBES["calibration"](found, bins=5)
        assert sum(part["count"] for part in answer["bins"]) == len(found.data.validation)
        assert all((part["confidence"] is None) == (part["count"] == 0) for part in answer["bins"])
        assert 0 <= answer["error_mean"] <= 1


def test_probabilities_of_a_softmax_output_are_not_softened_again() -> None:
    sections = {
        "model": {"kind": "mlp", "hidden": [8], "output": "softmax"},
        "loss": {"kind": "cce", "allow_mismatch": True},
    }
    found = training(20, **sections)
    worst = PROBES["worst"](found, n=3)["examples"][0]
    row = (found.data.validation.ids == worst["index"]).nonzero().item()
    output = found.outputs(found.data.validation.x)[int(row)]
    assert worst["probability"] == pytest.approx(float(output.max()))


@pytest.mark.parametrize("name", ["iris", "breast-cancer"])
def test_surprise_is_the_loss_of_each_example(name: str) -> None:
    """L6: the mean of −ln p where it happened, −ln(1 − p) where not, is the cross-entropy of the validation part."""
    loss = "bce" if name == "breast-cancer" else "cce"
    found = training(5, data={"name": name}, loss={"kind": loss})
    answer = PROBES["surprise"](found)
    p, happened = np.array(answer["p"]), np.array(answer["happened"])
    assert len(p) == len(found.data.validation)
    assert happened.all() == (loss == "cce")
    mean = float(np.mean(-np.log(np.where(happened, p, 1 - p))))
    assert answer["mean"] == pytest.approx(mean, rel=1e-4)
    assert answer["count"] == len(p)
    assert mean == pytest.approx(found.evaluate(found.data.validation)["loss"], rel=1e-4)


def test_surprise_of_many_examples_is_that_of_some_with_the_dearest_and_the_mean_of_all() -> None:
    found = training(20, data={"name": "digits"})
    part, answer = found.data.validation, PROBES["surprise"](found)
    assert 128 < len(answer["p"]) <= 256 + 9 < len(part) == answer["count"]
    losses = torch.nn.functional.cross_entropy(found.outputs(part.x), part.y, reduction="none")
    assert answer["mean"] == pytest.approx(float(losses.mean()), rel=1e-5)
    assert sorted(-np.log(answer["p"]))[-9:] == pytest.approx(sorted(losses.tolist())[-9:], rel=1e-4)


def test_the_worst_come_first_with_what_the_screen_draws() -> None:
    found = digits({"hidden": [16]}, {"kind": "he-uniform"})
    answer = PROBES["worst"](found, n=4)
    losses = [example["loss"] for example in answer["examples"]]
    part = found.data.validation
    every = torch.nn.functional.cross_entropy(found.outputs(part.x), part.y, reduction="none")
    assert losses == pytest.approx(sorted(every.tolist(), reverse=True)[:4], rel=1e-5)
    first = answer["examples"][0]
    row = int((part.ids == first["index"]).nonzero())
    assert first["target"] == found.data.classes[int(part.y[row])]
    pixels = np.array(first["pixels"])
    assert pixels.shape == (1, 8, 8)
    # Digits are counts of 0 to 16 black dots.
    np.testing.assert_allclose(pixels * 16, np.round(pixels * 16), atol=1e-2)
    assert pixels.max() > 0.5
    table = PROBES["worst"](training(), n=500)
    assert len(table["examples"]) == 30
    assert list(table["examples"][0]["values"]) == list(training().data.feature_names)


def test_regression_is_told_in_the_target_s_own_unit() -> None:
    found = training(10, data={"name": "diabetes"}, loss={"kind": "mse"})
    answer = PROBES["predictions"](found)
    part = found.data.validation
    assert len(answer["true"]) == len(answer["predicted"]) == len(part)
    # Disease progression of this set runs from 25 to 346.
    assert 25 <= min(answer["true"]) < max(answer["true"]) <= 346
    worst = PROBES["worst"](found, n=1)["examples"][0]
    errors = [(a - b) ** 2 for a, b in zip(answer["true"], answer["predicted"], strict=True)]
    assert worst["loss"] == pytest.approx(max(errors), rel=1e-4)
    assert (worst["target"] - worst["predicted"]) ** 2 == pytest.approx(max(errors), rel=1e-4)
    assert 19 <= worst["values"]["age"] <= 79  # in years, not standardized


# -- pictures --------------------------------------------------------------------------------------------------------


def test_a_boundary_covers_the_data_in_its_own_unit() -> None:
    found = training(
        20, data={"name": "moons"}, loss={"kind": "bce"}, model={"kind": "mlp", "hidden": [8, 6, 4]}
    )
    answer = PROBES["boundary"](found, size=11, units=3, layer=1, first=4)
    assert np.array(answer["values"]).shape == (11, 11)
    points = answer["points"]["train"]
    assert answer["x"][0] < min(points["x"]) < max(points["x"]) < answer["x"][-1]
    assert -1.5 < min(points["x"]) < max(points["x"]) < 2.5  # two moons of radius 1
    # Row 7, column 3 by hand.
    raw = torch.tensor([[answer["x"][3], answer["y"][7]]])
    assert answer["values"][7][3] == pytest.approx(
        float(found.outputs(found.data.normalize(raw)).sigmoid()), abs=1e-5
    )
    units = answer["units"]
    # Of the second layer's six units two are left from the fifth on.
    assert (units["name"], units["kind"], units["first"], units["of"], units["layers"]) == (
        "hidden 2",
        "relu",
        4,
        6,
        3,
    )
    maps = np.array(units["maps"])
    assert maps.shape[0] == 2
    # Its first corner by hand: lowest x, lowest y.
    x = found.data.normalize(torch.tensor([[answer["x"][0], answer["y"][0]]]))
    for layer in found.network.layers[:4]:  # linear, relu, linear, relu
        x = layer.forward(x, training=False)
    np.testing.assert_allclose(maps[:, 0, 0], x[0, 4:].numpy(), atol=1e-4 * max(1.0, float(abs(maps).max())))


def test_maps_travel_with_five_digits_and_stay_what_they_are() -> None:
    values = torch.tensor([[1234.5678, -0.000123], [math.nan, math.inf]])
    shown = _map(values, 2)
    assert shown[0] == [1234.6, 0.0]
    assert math.isnan(shown[1][0])
    assert shown[1][1] == math.inf
    assert _map(torch.full((2, 2), 3.14159265e-30), 2)[0][0] == pytest.approx(3.1416e-30, rel=1e-9)
    assert _map(torch.zeros(2, 2), 2) == [[0.0, 0.0], [0.0, 0.0]]


def test_a_boundary_needs_two_features() -> None:
    assert "two features, this has 64" in PROBES["boundary"](digits({"hidden": [4]}, {}))["error"]


def test_a_fit_is_a_curve_through_the_examples() -> None:
    found = training(20, data={"name": "noisy-sine"}, loss={"kind": "mse"})
    answer = PROBES["fit"](found, points=50)
    assert len(answer["curve"]) == len(answer["x"]) == 50
    assert answer["x"][0] == pytest.approx(-1, abs=0.1)
    own = found.data.normalize(torch.tensor([[answer["x"][7]]]))
    expected = float(found.outputs(own)) * found.data.target_scale + found.data.target_center
    assert answer["curve"][7] == pytest.approx(expected, rel=1e-4)
    assert "one feature" in PROBES["fit"](training())["error"]


def test_augmented_variants_differ_and_the_original_is_the_example() -> None:
    found = training(**HARD)
    answer = PROBES["augmentation"](found, example=3, variants=4)
    assert found.data.raw_train is not None
    np.testing.assert_allclose(answer["original"], found.data.raw_train[3].tolist(), atol=1e-4)
    pictures = [np.array(variant) for variant in answer["variants"]]
    assert len(pictures) == 4
    assert all(
        picture.shape == (1, 8, 8) and picture.min() >= 0 and picture.max() <= 1 for picture in pictures
    )
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert "augmentation is off" in PROBES["augmentation"](training())["error"]
    assert "0 to 199" in PROBES["augmentation"](found, example=200)["error"]


def test_the_spectrogram_of_a_tone_peaks_at_its_frequency() -> None:
    found = training(
        data={"name": "tones", "examples": 40, "preprocess": "none"},
        model={"kind": "cnn", "channels": [2], "hidden": [4]},
    )
    samples = torch.arange(512)
    found.data.train.x[0, 0] = torch.sin(2 * math.pi * 0.125 * samples)
    answer = PROBES["spectrogram"](found, example=0)
    decibels = np.array(answer["decibels"])
    assert decibels.shape == (len(answer["frequencies"]), len(answer["times"]))
    assert decibels.max() == 0
    assert decibels.min() >= -80
    loudest = answer["frequencies"][int(decibels[:, decibels.shape[1] // 2].argmax())]
    assert loudest == pytest.approx(0.125)
    assert "table data" in PROBES["spectrogram"](training())["error"]


@pytest.mark.parametrize(
    ("name", "sections"),
    [
        ("confusion", {"data": {"name": "diabetes"}, "loss": {"kind": "mse"}}),
        ("calibration", {"data": {"name": "diabetes"}, "loss": {"kind": "mse"}}),
        ("surprise", {"data": {"name": "diabetes"}, "loss": {"kind": "mse"}}),
        ("predictions", {}),
        ("fit", {}),
        ("boundary", {}),
        ("augmentation", {}),
        ("spectrogram", {}),
    ],
)
def test_a_refusal_says_why_and_what_to_do(name: str, sections: dict[str, Any]) -> None:
    answer = PROBES[name](training(**sections))
    assert list(answer) == ["error"]
    assert any(word in answer["error"] for word in ("ask for", "try", "set", "use"))


@pytest.mark.parametrize("name", PROBES)
def test_a_diverged_network_gets_an_answer(name: str) -> None:
    found = training(2, data={"name": "moons"}, loss={"kind": "bce"})
    found.network.parameters.fill_(math.nan)
    assert PROBES[name](found)
