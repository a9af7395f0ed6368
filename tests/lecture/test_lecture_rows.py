"""Rows of the lecture that no other test holds: order of the phases, what a penalty touches, what is restored, batch norm's slide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Generator, Tensor

from ladera.engine import Experiment, run
from ladera.engine.diagnosis import before_training
from ladera.engine.events import Checked, EpochEnded, Event, LayersProbed, RunEnded, RunStarted, StepsEnded
from ladera.engine.experiment import Cnn, Mlp, Regularization
from ladera.engine.history import History
from ladera.engine.layers import BatchNorm
from ladera.engine.network import Network
from ladera.engine.optimizers import OPTIMIZERS
from ladera.engine.training import Training
from ladera.tui.run import Run
from ladera.tui.run_rows import comparison, ordered

DOUBLE = torch.float64


def configured(**sections: Any) -> Experiment:
    training = {"epochs": 3, "device": "cpu", "threads": 1} | sections.pop("training", {})
    return Experiment.model_validate({"training": training, **sections})


def stepped(training: Training, steps: int) -> Training:
    for step in range(steps):
        training.update(1 + step // training.steps_per_epoch, step % training.steps_per_epoch)
    return training


# -- process ----------------------------------------------------------------------------------------------------------


def test_p1_a_run_tells_all_five_parts_and_none_can_be_missing() -> None:
    """Data with split and preprocessing, architecture, loss, optimizer, and when to stop: each told with its values."""
    started = next(run(configured()))
    assert isinstance(started, RunStarted)
    told = started.experiment
    assert {"split", "preprocess"} <= told["data"].keys()
    assert {"kind", "hidden", "activation"} <= told["model"].keys()
    assert told["loss"]["kind"] == "cce"
    assert {"kind", "lr"} <= told["optimizer"].keys()
    assert {"monitor", "patience", "restore_best"} <= told["stopping"].keys()
    assert Experiment.model_validate(told) == configured()
    for part in ("model", "loss", "optimizer", "stopping"):
        with pytest.raises(ValidationError):
            Experiment.model_validate({part: None})
    with pytest.raises(ValidationError, match="give either name"):
        Experiment.model_validate({"data": {}})


def test_p7_the_phases_come_in_the_order_of_the_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start; then batches, epoch, check, again and again; at the end the test, once."""
    monkeypatch.setattr(Training, "report_every", lambda _: 100)  # such short epochs are told as a whole
    names: dict[type[Event], str] = {
        RunStarted: "start", StepsEnded: "batches", EpochEnded: "epoch", Checked: "check", RunEnded: "end"
    }  # fmt: skip
    experiment = configured(
        training={"epochs": 2, "batch_size": 1}, model={"hidden": [8]}, stopping={"enabled": False}
    )
    events = list(run(experiment))
    order = [names[type(event)] for event in events if type(event) in names]
    shortened = [name for name, before in zip(order, ["", *order], strict=False) if name != before]
    assert shortened == ["start", "batches", "epoch", "check", "batches", "epoch", "check", "end"]
    assert isinstance(events[-1], RunEnded)
    assert events[-1].test is not None
    assert not any(getattr(event, "test", None) for event in events[:-1])


# -- losses and bias/variance -------------------------------------------------------------------------------------------


def test_b1_the_mean_of_the_batch_losses_is_no_train_loss() -> None:
    """In the first epoch it is far above the loss at the epoch's end: against validation it would be a negative gap."""
    experiment = configured(optimizer={"kind": "adam", "lr": 0.005}, stopping={"enabled": False})
    first = next(event for event in run(experiment) if isinstance(event, EpochEnded))
    assert first.validation is not None
    assert first.train["loss"] < first.validation["loss"] < first.train["batches"]["mean"]


def test_d2_runs_are_compared_by_validation_and_never_by_test() -> None:
    """The run with the better validation value comes first though its test value is far worse."""

    def told(validation: float, test: float, number: int) -> Run:
        experiment = configured()
        events: list[Event] = [
            RunStarted(
                experiment=experiment.plain(), parameters=1, task="multiclass", sizes={"train": 10, "validation": 5, "test": 5},
                steps_per_epoch=1,
            ),
            EpochEnded(
                epoch=1, step=1, lr=0.1, seconds=1.0, examples_per_second=1.0, train={"loss": 1.0, "metrics": {}, "penalty": 0.0},
                validation={"loss": validation, "metrics": {}},
            ),
            Checked(epoch=1, value=validation, best=validation, best_epoch=1, wait=0, patience=10, verdict="improved"),
            RunEnded(reason="finished", epoch=1, step=1, best_epoch=1, restored_epoch=1, test={"loss": test, "metrics": {}}),
        ]  # fmt: skip
        run = Run(experiment, f"run-{number}", number=number)
        run.history = History.of(events)
        return run

    runs = [told(validation=0.5, test=0.1, number=0), told(validation=0.4, test=0.9, number=1)]
    assert [run.name for run in ordered(runs, "best")] == ["run-1", "run-0"]
    lines = comparison(runs).splitlines()
    assert [line.split()[1] for line in lines[1:3]] == ["run-1", "run-0"]
    assert "The test part ranks nothing" in lines[-1]


def test_l11_an_output_of_its_own_before_a_loss_that_has_one_is_refused() -> None:
    for data, loss, output in (("digits", "cce", "softmax"), ("moons", "bce", "sigmoid")):
        with pytest.raises(ValueError, match=f"{loss} holds its own {output}"):
            Experiment.model_validate(
                {"data": {"name": data}, "model": {"output": output}, "loss": {"kind": loss}}
            )


def test_bn11_batch_norm_is_a_part_of_the_model_and_no_penalty() -> None:
    assert "batch_norm" in Mlp.model_fields
    assert "batch_norm" in Cnn.model_fields
    assert set(Regularization.model_fields) == {"l1", "l2", "l1_method"}
    training = Training(configured(model={"hidden": [8], "batch_norm": True}))
    assert training.penalty() == 0  # nothing is added to the loss


def test_t20_batch_norm_regularizes_by_the_noise_of_the_batch() -> None:
    """In training an example's output depends on its company, differently in every batch; in evaluation it does not."""
    training = Training(
        configured(model={"hidden": [16], "batch_norm": True}, training={"precision": "float64"})
    )
    network, x = training.network, training.data.train.x
    seen = torch.stack(
        [network.forward(torch.cat([x[:1], x[i : i + 15]]), training=True)[0] for i in range(1, 200, 15)]
    )
    assert float(seen.std(0).mean()) > 0.05
    alone = network.forward(x[:1])
    assert torch.allclose(network.forward(x[:16])[:1], alone, atol=1e-9)


def test_b4_the_number_of_parameters_is_told() -> None:
    started = next(run(configured(model={"hidden": [32]})))
    assert isinstance(started, RunStarted)
    assert started.parameters == 64 * 32 + 32 + 32 * 10 + 10
    assert started.layers == ("flatten 64", "linear 64 → 32", "relu", "linear 32 → 10")


def test_l13_chance_is_told_with_the_run_and_a_fresh_network_starts_near_it() -> None:
    events = iter(run(configured(init={"kind": "fan-in-uniform"}, model={"hidden": [32]})))
    started = next(events)
    assert isinstance(started, RunStarted)
    assert started.chance == pytest.approx(2.3026, abs=1e-3)
    training = Training(configured(init={"kind": "fan-in-uniform"}, model={"hidden": [32]}))
    assert training.evaluate(training.data.train)["loss"] == pytest.approx(started.chance, abs=0.2)


# -- optimizers -----------------------------------------------------------------------------------------------------------


def test_t6_torch_has_momentum_but_not_by_default() -> None:
    assert torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1).defaults["momentum"] == 0


def test_o9_a_beta_outside_the_usual_range_is_warned_about_and_one_of_1_refused() -> None:
    def notes(beta: float) -> str:
        return " ".join(before_training(Training(configured(optimizer={"kind": "rmsprop", "beta": beta}))))

    assert "0.9 to 0.999" in notes(0.5)
    assert "0.9 to 0.999" in notes(0.9999)
    assert "optimizer.beta" not in notes(0.9) + notes(0.99) + notes(0.999)
    with pytest.raises(ValidationError):
        configured(optimizer={"kind": "rmsprop", "beta": 1.0})


@pytest.mark.parametrize(
    ("key", "settings", "works"),
    [
        ("init.scale", {"init": {"kind": "he-uniform", "scale": 1.0}}, {"init": {"kind": "normal", "scale": 1.0}}),
        ("init.value", {"init": {"kind": "zeros", "value": 1.0}}, {"init": {"kind": "constant", "value": 1.0}}),
        ("training.schedule.every", {"training": {"schedule": {"kind": "cosine", "every": 3}}}, {"training": {"schedule": {"kind": "step", "every": 3}}}),
        ("regularization.l1_method", {"regularization": {"l1_method": "subgradient"}}, {"regularization": {"l1_method": "subgradient", "l1": 1e-3}}),
    ],
)  # fmt: skip
def test_a_setting_without_effect_is_told(key: str, settings: dict[str, Any], works: dict[str, Any]) -> None:
    def notes(sections: dict[str, Any]) -> str:
        return " ".join(before_training(Training(configured(**sections))))

    assert f"{key} = " in notes(settings)
    assert "has no effect" in notes(settings)
    assert "has no effect" not in notes(works)


Vector = np.ndarray
SURFACES: dict[str, tuple[tuple[float, float], Callable[[float, float], tuple[float, float]]]] = {
    "quadratic": ((4.0, 1.5), lambda x, y: (x, 25 * y)),
    "rosenbrock": (
        (-1.2, 1.0), lambda x, y: (-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x))
    ),
    "beale": (
        (1.0, 1.0),
        lambda x, y: (
            sum(2 * (c - x + x * y**k) * (y**k - 1) for c, k in ((1.5, 1), (2.25, 2), (2.625, 3))),
            sum(2 * (c - x + x * y**k) * k * x * y ** (k - 1) for c, k in ((1.5, 1), (2.25, 2), (2.625, 3))),
        ),
    ),
}  # fmt: skip


def by_numpy(kind: str, lecture: bool, g: list[Vector], rates: list[float]) -> Vector:
    """The last step under gradients g, from the formulas of the slides written out over the whole past."""
    t, eta, epsilon = len(g), rates[-1], 0.01

    def root(squares: Vector) -> Vector:
        return np.sqrt(squares + epsilon) if lecture else np.sqrt(squares) + epsilon

    match kind:
        case "sgd":
            return eta * g[-1]
        case "momentum" if lecture:
            return np.sum([0.9 ** (t - 1 - i) * rates[i] * g[i] for i in range(t)], 0)
        case "momentum":
            return eta * np.sum([0.9 ** (t - 1 - i) * g[i] for i in range(t)], 0)
        case "adagrad":
            return eta * g[-1] / root(np.sum(np.square(g), 0))
        case "rmsprop":
            return eta * g[-1] / root(np.sum([0.1 * 0.9 ** (t - 1 - i) * g[i] ** 2 for i in range(t)], 0))
        case _:
            m = np.sum([0.1 * 0.9 ** (t - 1 - i) * g[i] for i in range(t)], 0) / (1 - 0.9**t)
            v = np.sum([0.001 * 0.999 ** (t - 1 - i) * g[i] ** 2 for i in range(t)], 0) / (1 - 0.999**t)
            return eta * m / root(v)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("formula", ["pytorch", "lecture"])
@pytest.mark.parametrize("kind", ["sgd", "momentum", "adagrad", "rmsprop", "adam"])
def test_o14_paths_of_25_steps_equal_the_formulas(kind: str, formula: str, surface: str) -> None:
    """On the surfaces of the figures, the rate cut to a tenth at step 11 and epsilon 0.01 to tell the formulas apart."""
    start, slope = SURFACES[surface]
    lr = 1e-3 if kind in ("sgd", "momentum") else 0.05
    epsilon = {} if kind in ("sgd", "momentum") else {"epsilon": 0.01}
    optimizer = OPTIMIZERS[kind](lr=lr, formula=formula, **epsilon)
    place, expected = torch.tensor(start, dtype=DOUBLE), np.array(start)
    state = optimizer.init(place)
    gradients: list[Vector] = []
    rates: list[float] = []
    for step in range(1, 26):
        optimizer.lr = lr if step < 11 else lr / 10
        optimizer.update(place, torch.tensor(slope(*place.tolist()), dtype=DOUBLE), state)
        gradients.append(np.array(slope(*expected)))
        rates.append(optimizer.lr)
        expected = expected - by_numpy(kind, formula == "lecture", gradients, rates)
        np.testing.assert_allclose(place.numpy(), expected, rtol=0, atol=1e-9)


# -- penalties --------------------------------------------------------------------------------------------------------------


def test_r2_the_penalty_sees_weight_matrices_only() -> None:
    """Neither biases nor gamma and beta: with all of these at 100 it stays as it is."""
    training = Training(
        configured(regularization={"l1": 0.3, "l2": 0.2}, model={"hidden": [16], "batch_norm": True})
    )
    matrices = [value for _, value in training.network.weights]
    expected = sum(0.3 * float(w.abs().sum()) + 0.2 * float(w.square().sum()) for w in matrices)
    assert training.penalty() == pytest.approx(expected, rel=1e-5)
    training.network.parameters[training.network.weights_end :] = 100
    assert training.penalty() == pytest.approx(expected, rel=1e-5)
    shapes = sorted(tuple(w.shape) for w in matrices)
    assert shapes == [(10, 16), (16, 64)]


def test_r2_by_hand() -> None:
    """One weight row (1, -0.5, 0.6) and a bias of 1.6: L1 with C = 1 adds 2.1, not 3.7."""
    training = Training(
        configured(data={"name": "iris", "task": None}, model={"kind": "linear"}, regularization={"l1": 1.0})
    )
    training.network.parameters.zero_()
    training.network.parameters[:3] = torch.tensor([1.0, -0.5, 0.6])
    training.network.parameters[training.network.weights_end] = 1.6
    assert training.penalty() == pytest.approx(2.1, abs=1e-6)


def test_r1_losses_checks_and_the_test_are_without_the_penalty() -> None:
    experiment = configured(
        regularization={"l2": 0.05, "l1": 0.001}, stopping={"enabled": False, "restore_best": False}
    )
    events = list(run(experiment))
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    checks = [event for event in events if isinstance(event, Checked)]
    training = stepped(Training(experiment), 3 * 17)
    output = training.network.forward(training.data.train.x)
    plain = float(torch.nn.functional.cross_entropy(output, training.data.train.y))
    assert epochs[-1].train["loss"] == pytest.approx(plain, rel=1e-5)
    assert epochs[-1].train["penalty"] == pytest.approx(training.penalty(), rel=1e-6)
    assert epochs[-1].train["penalty"] > 0.5
    for epoch, check in zip(epochs, checks, strict=True):
        assert epoch.validation is not None
        assert check.value == epoch.validation["loss"]


@pytest.mark.parametrize(("loss", "power"), [("mse", 2), ("mae", 1)])
def test_r1_loss_and_penalty_are_told_in_one_unit(loss: str, power: int) -> None:
    """Both come from training on a standardized target: loss + penalty is what training makes small, in the target's unit."""
    experiment = configured(
        data={"name": "diabetes"}, model={"kind": "linear"}, loss={"kind": loss}, regularization={"l2": 0.05}
    )
    training = stepped(Training(experiment), 5)
    with torch.inference_mode():
        output = training.network.forward(training.data.train.x)
        error = (output - training.data.train.y.view_as(output)).abs().pow(power).mean()
    objective = float(error) + 0.05 * float(training.network.regularized.double().square().sum())
    told = training.evaluate(training.data.train)["loss"] + training.penalty()
    assert told == pytest.approx(objective * training.data.target_scale**power, rel=1e-5)


# -- early stopping ---------------------------------------------------------------------------------------------------------


def test_es4_the_best_epochs_running_statistics_come_back_with_its_weights() -> None:
    """And they are a copy: going on does not drag the kept best along."""
    training = stepped(Training(configured(model={"hidden": [16], "batch_norm": True})), 17)
    training.keep_best()
    kept = training.network.parameters.clone(), training.network.buffers.clone()
    before = training.evaluate(training.data.validation)
    for index in range(17):
        training.update(2, index)
    assert not torch.equal(training.network.buffers, kept[1])
    assert training.restore_best()
    assert torch.equal(training.network.parameters, kept[0])
    assert torch.equal(training.network.buffers, kept[1])
    assert training.evaluate(training.data.validation) == before


# -- batch norm and dropout -------------------------------------------------------------------------------------------------


def normalized(x: Tensor) -> Tensor:
    layer = BatchNorm(x.shape[1])
    Network([layer], dtype=DOUBLE)
    return layer.forward(x, training=True)


def test_t3_dividing_by_the_variance_contradicts_the_slides_own_sentence() -> None:
    """ "so that they have mean 0 and variance 1": the slide's formula leaves 1/9 at deviation 3, 10 000 at 0.01."""
    x = torch.randn(10_000, 1, generator=Generator().manual_seed(0), dtype=DOUBLE)
    x = (x - x.mean()) / x.std(correction=0)
    for deviation, left in ((3.0, 1 / 9), (0.01, 10_000.0)):
        h = deviation * x
        slide = (h - h.mean()) / h.var(correction=0)
        assert float(slide.var(correction=0)) == pytest.approx(left, rel=1e-9)
    assert float(normalized(3.0 * x).var(correction=0)) == pytest.approx(1, abs=1e-5)


def test_bn1_activations_stay_normalized_while_the_weights_change() -> None:
    """Before gamma and beta every batch has mean 0 and deviation 1 at every step; without the norm both drift."""

    def spreads(batch_norm: bool) -> list[tuple[float, float]]:
        training = Training(
            configured(
                model={"hidden": [16, 16], "batch_norm": batch_norm}, training={"precision": "float64"}
            )
        )
        found: list[tuple[float, float]] = []
        for step in range(60):
            epoch, index = 1 + step // 17, step % 17
            h, _ = training.batches.batch(epoch, index)
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


def test_bn1_the_spread_of_every_layer_is_told_over_time() -> None:
    probes = [event for event in run(configured()) if isinstance(event, LayersProbed)]
    assert [probe.epoch for probe in probes] == [0, 1, 2]
    # That before training by hand: the deviation of each unit across the first 256 examples, and the mean of these.
    training = Training(configured())
    signal = training.data.train.x[:256].flatten(1).double().numpy()
    expected: list[float] = []
    for _, weight in training.network.weights[:2]:  # biases start at 0
        signal = np.maximum(signal @ weight.double().numpy().T, 0)
        expected.append(float(signal.std(0).mean()))
    assert [layer["std"] for layer in probes[0].layers_health] == pytest.approx(expected, rel=1e-5)
    spreads = [[layer["std"] for layer in probe.layers_health] for probe in probes]
    assert spreads[0] != spreads[1] != spreads[2]


def test_bn8_images_have_one_pair_of_statistics_per_channel() -> None:
    training = Training(configured(model={"kind": "cnn", "channels": [4, 6], "batch_norm": True}))
    sizes = [layer.channels for layer in training.network.layers if isinstance(layer, BatchNorm)]
    assert sizes == [4, 6, 64]


def test_do2_a_rate_of_1_trains_without_a_nan_and_is_warned_about() -> None:
    training = stepped(Training(configured(model={"hidden": [16], "dropout": 1.0})), 5)
    assert bool(training.network.parameters.isfinite().all())
    assert any("dropout = 1" in note for note in before_training(training))
