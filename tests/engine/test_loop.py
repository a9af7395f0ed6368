"""The training loop: what is trained on, what is measured, when it ends, and what commands do."""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ladera.engine import Experiment, diagnosis, run
from ladera.engine import training as training_module
from ladera.engine.batches import Batches
from ladera.engine.branching import Ring
from ladera.engine.chance import chance
from ladera.engine.controls import Controls
from ladera.engine.errors import InputError
from ladera.engine.event_lines import to_line
from ladera.engine.events import (
    Checked,
    CheckpointSaved,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    PausedAt,
    Probed,
    Resumed,
    RunEnded,
    RunStarted,
    StepsEnded,
    StorageFailed,
)
from ladera.engine.history import History
from ladera.engine.training import Training

SMALL: dict[str, Any] = {
    "data": {"name": "iris"},
    "model": {"kind": "mlp", "hidden": [8]},
    "optimizer": {"kind": "sgd", "lr": 0.1},
    "training": {"epochs": 5, "batch_size": 16, "device": "cpu"},
    "stopping": {"enabled": False},
}


def configured(**sections: dict[str, Any]) -> Experiment:
    plain = copy.deepcopy(SMALL)
    for section, values in sections.items():
        same_kind = values.get("kind", plain.get(section, {}).get("kind")) == plain.get(section, {}).get(
            "kind"
        )
        plain[section] = {**(plain.get(section, {}) if same_kind else {}), **values}
    return Experiment.model_validate(plain)


def of(kind: type[Event], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def timeless(event: Event) -> Event:
    """The event without what a clock put in."""
    clock = {"time": 0.0, "seconds": 0.0, "examples_per_second": 0.0}
    return replace(
        event, **{name: value for name, value in clock.items() if name in {f.name for f in fields(event)}}
    )


def told(events: list[Event]) -> list[str]:
    # repr, since NaN differs from itself
    return [repr(timeless(event)) for event in events]


# -- process and data (P, D rows of the lecture) ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "updates"), [(32, 3), (16, 6), (90, 1), (1000, 1), ("full", 1), (1, 90), (89, 2)]
)
def test_an_epoch_sees_every_training_example_once(size: int | str, updates: int) -> None:
    training = Training(configured(training={"batch_size": size}))
    assert training.steps_per_epoch == updates == math.ceil(90 / training.batch_size)
    # Each row of iris is told apart by its position in the training part.
    marks = torch.arange(90, dtype=torch.float32).unsqueeze(1).expand(90, 4).contiguous()
    data = replace(training.data, train=replace(training.data.train, x=marks))
    batches = Batches(data, training.batch_size, 0, training.augmentation_generator)
    for epoch in (1, 2):
        seen = [batches.batch(epoch, index)[0][:, 0] for index in range(updates)]
        assert sorted(torch.cat(seen).tolist()) == list(range(90))
        assert all(len(part) == training.batch_size for part in seen[:-1])


def test_the_order_changes_each_epoch_and_follows_from_the_seed() -> None:
    def order(seed: int, epoch: int) -> list[float]:
        training = Training(configured(training={"seed": seed}))
        return torch.cat(
            [training.batches.batch(epoch, index)[1] for index in range(training.steps_per_epoch)]
        ).tolist()

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)


def test_a_batch_is_the_same_wherever_the_epoch_is_entered() -> None:
    whole = Training(configured())
    for index in range(6):
        expected = whole.batches.batch(3, index)
        assert all(
            torch.equal(a, b)
            for a, b in zip(expected, Training(configured()).batches.batch(3, index), strict=True)
        )


def test_twenty_full_batch_steps_equal_a_numpy_network() -> None:
    experiment = configured(
        training={"epochs": 20, "batch_size": "full", "precision": "float64"}, model={"activation": "tanh"}
    )
    training = Training(experiment)
    x, y = training.data.train.x.numpy(), training.data.train.y.numpy()
    w1, w2 = (weight.numpy().copy() for _, weight in training.network.weights)
    b1, b2 = np.zeros(8), np.zeros(3)
    expected = []
    for _ in range(20):
        hidden = np.tanh(x @ w1.T + b1)
        logits = hidden @ w2.T + b2
        shares = np.exp(logits - logits.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        expected.append(-np.log(shares[np.arange(len(y)), y]).mean())
        delta = (shares - np.eye(3)[y]) / len(y)
        back = (delta @ w2) * (1 - hidden**2)
        w2, b2 = w2 - 0.1 * delta.T @ hidden, b2 - 0.1 * delta.sum(0)
        w1, b1 = w1 - 0.1 * back.T @ x, b1 - 0.1 * back.sum(0)
    losses = [event.train["batches"]["mean"] for event in run(experiment) if isinstance(event, EpochEnded)]
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-9)


def test_checks_come_every_k_epochs_and_at_the_last() -> None:
    events = list(run(configured(training={"epochs": 10, "validate_every": 3})))
    assert [event.epoch for event in of(Checked, events)] == [3, 6, 9, 10]
    assert [event.epoch for event in of(EpochEnded, events) if event.validation is None] == [1, 2, 4, 5, 7, 8]


def test_measuring_changes_nothing() -> None:
    training = Training(configured(model={"batch_norm": True, "dropout": 0.5}))
    for index in range(3):
        training.update(1, index)
    before = {name: value.clone() for name, value in training.tensors().items()}
    training.evaluate(training.data.validation)
    training.evaluate(training.data.train)
    assert all(torch.equal(before[name], value) for name, value in training.tensors().items())


def changed_data(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    original = training_module.prepare
    monkeypatch.setattr(training_module, "prepare", lambda *arguments: change(original(*arguments)))


def test_the_validation_part_moves_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = [event.train for event in of(EpochEnded, list(run(configured())))]
    changed_data(
        monkeypatch,
        lambda data: replace(
            data, validation=replace(data.validation, x=torch.full_like(data.validation.x, math.nan))
        ),
    )
    assert [event.train for event in of(EpochEnded, list(run(configured())))] == plain


def test_the_test_part_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = configured(training={"epochs": 60}, stopping={"enabled": True, "patience": 3})
    end = of(RunEnded, list(run(experiment)))[0]
    changed_data(monkeypatch, lambda data: replace(data, test=replace(data.test, y=data.test.y.roll(7))))
    other = of(RunEnded, list(run(experiment)))[0]
    assert (end.epoch, end.best_epoch, end.restored_epoch) == (
        other.epoch,
        other.best_epoch,
        other.restored_epoch,
    )
    assert end.test != other.test


def test_the_test_part_is_evaluated_once_with_the_best_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[tuple[str, torch.Tensor]] = []
    original = Training.portions

    def spy(self: Training, x: torch.Tensor) -> Iterator[torch.Tensor]:
        part = next(name for name in ("train", "validation", "test") if getattr(self.data, name).x is x)
        measured.append((part, self.network.parameters.clone()))
        return original(self, x)

    monkeypatch.setattr(Training, "portions", spy)
    events = list(run(configured(training={"epochs": 60}, stopping={"enabled": True, "patience": 2})))
    assert [part for part, _ in measured].count("test") == 1
    assert measured[-1][0] == "test"
    end = of(RunEnded, events)[0]
    assert end.test["evaluations"] == 1
    at_best = [weights for part, weights in measured if part == "validation"][end.restored_epoch - 1]
    assert torch.equal(measured[-1][1], at_best)
    best = min(of(Checked, events), key=lambda check: check.value)
    assert end.restored_epoch == best.epoch


def test_two_runs_of_one_seed_tell_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = configured(
        model={"dropout": 0.3, "batch_norm": True}, optimizer={"kind": "adam", "lr": 0.01}
    )
    assert told(list(run(experiment))) == told(list(run(experiment)))
    other = experiment.model_copy(update={"training": experiment.training.model_copy(update={"seed": 1})})
    assert told(list(run(experiment))) != told(list(run(other)))


def test_the_mean_of_an_epoch_weighs_examples_not_batches() -> None:
    # 90 examples in batches of 80 and 10: the mean of the two batch means is not the mean over examples.
    training = Training(configured(training={"batch_size": 80}))
    loss = training.evaluate(training.data.train)["loss"]
    output = training.network.forward(training.data.train.x)
    assert loss == pytest.approx(
        torch.nn.functional.cross_entropy(output, training.data.train.y).item(), abs=1e-7
    )


def test_losses_and_errors_are_told_in_the_unit_of_the_target() -> None:
    experiment = Experiment.model_validate(
        {"data": {"name": "diabetes"}, "training": {"epochs": 2, "device": "cpu"}}
    )
    training = Training(experiment)
    own = training.evaluate(training.data.train)
    center, scale = training.data.target_center, training.data.target_scale
    error = (training.network.forward(training.data.train.x) - training.data.train.y) * scale
    assert own["loss"] == pytest.approx(error.square().mean().item(), rel=1e-5)
    assert own["metrics"]["mae"] == pytest.approx(error.abs().mean().item(), rel=1e-5)
    assert 100 < center < 200  # the mean progression of the 442 patients is 152
    # Always answering the mean costs the variance of the training targets.
    assert chance(training) == pytest.approx(scale**2, rel=1e-5)


@pytest.mark.parametrize(
    ("data", "loss"), [("diabetes", "mae"), ("diabetes", "mape"), ("noisy-sine", "mape"), ("outlier-line", "mae"), ("digits", "mse"), ("digits", "mae"), ("moons", "mse")]
)  # fmt: skip
def test_no_constant_answer_beats_chance(data: str, loss: str) -> None:
    """Against a search: a grid of constants for numbers, the class shares and the rounded ones behind mse and mae."""
    experiment = Experiment.model_validate(
        {
            "data": {"name": data},
            "loss": {"kind": loss, "allow_mismatch": True},
            "training": {"device": "cpu"},
        }
    )
    training = Training(experiment)
    y = training.data.train.y

    def cost(constant: torch.Tensor) -> float:
        output = constant.expand(len(y), -1).clone()
        return training.loss.per_example(output, training.as_target(y, output)).mean().item() * training.unit

    if data == "digits":
        shares = torch.tensor(training.data.class_shares, dtype=torch.float32)
        found = min(cost(shares), cost(torch.zeros(10)), cost(0.9 * shares), cost(1.1 * shares))
    else:
        found = min(
            cost(torch.tensor([value]))
            for value in torch.linspace(float(y.min()), float(y.max()), 2001).tolist()
        )
    assert chance(training) == pytest.approx(found, rel=5e-3)
    assert chance(training) <= found * (1 + 1e-6)


# -- how a run ends --------------------------------------------------------------------------------------------------


def test_early_stopping_ends_the_run_exactly_patience_checks_after_the_reference() -> None:
    events = list(run(configured(training={"epochs": 2000}, stopping={"enabled": True, "patience": 4})))
    end, checks = of(RunEnded, events)[0], of(Checked, events)
    assert end.reason == "stopped_early"
    assert [check.wait for check in checks[-5:]] == [0, 1, 2, 3, 4]
    assert [check.verdict for check in checks[-2:]] == ["waiting", "stop"]


@pytest.mark.parametrize("epochs", [1, 5])
def test_the_last_epoch_ends_the_run_and_the_best_is_restored_all_the_same(epochs: int) -> None:
    end = of(RunEnded, list(run(configured(training={"epochs": epochs}))))[0]
    assert (end.reason, end.epoch, end.step) == ("finished", epochs, 6 * epochs)
    assert end.restored_epoch == end.best_epoch is not None


def test_without_restore_the_last_weights_stay() -> None:
    end = of(RunEnded, list(run(configured(stopping={"restore_best": False}))))[0]
    assert end.restored_epoch is None
    assert end.best_epoch is not None
    assert end.test is not None


def test_a_non_finite_loss_ends_the_run_before_it_reaches_the_weights() -> None:
    experiment = configured(optimizer={"lr": 1e30}, model={"hidden": [8, 8]})
    events = list(run(experiment))
    end = of(RunEnded, events)[0]
    assert end.reason == "diverged"
    assert "step" in end.detail
    last = of(StepsEnded, events)[-1]
    assert not math.isfinite(last.loss)


def test_a_finite_explosion_is_divergence_too() -> None:
    # Gradient descent on the mean squared error of a line with lr above 2 / curvature grows without bound, slowly.
    experiment = Experiment.model_validate(
        {
            "data": {"name": "outlier-line", "scale_target": False},
            "model": {"kind": "linear"},
            "optimizer": {"kind": "sgd", "lr": 1.2},
            "training": {"epochs": 200, "batch_size": "full", "device": "cpu"},
            "stopping": {"enabled": False},
        }
    )
    events = list(run(experiment))
    end = of(RunEnded, events)[0]
    assert end.reason == "diverged"
    assert "ten times" in end.detail
    assert all(math.isfinite(event.train["loss"]) for event in of(EpochEnded, events))


def test_an_update_that_overflows_after_the_last_loss_is_divergence_too() -> None:
    # One step an epoch: the only batch loss is taken before the update that overflows.
    experiment = configured(optimizer={"lr": 1e38}, training={"epochs": 1, "batch_size": "full"})
    events = list(run(experiment))
    end = of(RunEnded, events)[0]
    assert all(math.isfinite(event.loss) for event in of(StepsEnded, events))
    assert not math.isfinite(of(EpochEnded, events)[0].train["loss"])
    assert (end.reason, end.test) == ("diverged", None)
    assert "in epoch 1" in end.detail
    found = of(Diagnosed, events)[-1]
    assert (found.finding, math.isnan(found.evidence["loss"])) == ("diverged", True)


def test_a_diagnosis_that_fails_is_told_once_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(history: History, event: Event) -> list[Diagnosed]:
        raise ZeroDivisionError("no reference")

    monkeypatch.setattr(diagnosis, "news", failing)
    events = list(run(configured()))
    assert [event.reason for event in of(RunEnded, events)] == ["finished"]
    (told_once,) = of(Diagnosed, events)
    assert "ZeroDivisionError: no reference" in told_once.text


def test_the_number_of_threads_is_the_callers_again() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        during = {torch.get_num_threads() for _ in run(configured(training={"threads": 1}))}
        assert (during, torch.get_num_threads()) == ({1}, 2)
    finally:
        torch.set_num_threads(before)


def test_a_fault_while_training_becomes_the_last_event(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(100))
    original = Training.update

    def failing(self: Training, epoch: int, index: int) -> float:
        if next(calls) == 8:
            raise RuntimeError("a cable came loose")
        return original(self, epoch, index)

    monkeypatch.setattr(Training, "update", failing)
    events = list(run(configured()))
    assert isinstance(events[-1], RunEnded)
    assert events[-1].reason == "failed"
    assert events[-1].detail == "RuntimeError: a cable came loose"
    assert events[-1].step == 8


def test_running_out_of_memory_names_the_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: Training, epoch: int, index: int) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Training, "update", failing)
    assert "batches of 16" in list(run(configured()))[-1].detail


def test_bad_data_raise_before_any_event() -> None:
    with pytest.raises(InputError, match="no-such-file"):
        next(iter(run(Experiment.model_validate({"data": {"path": "/no-such-file.csv"}}))))


def test_a_device_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(InputError, match="no CUDA device"):
        next(iter(run(configured(training={"device": "cuda"}))))


# -- commands --------------------------------------------------------------------------------------------------------


def steered(experiment: Experiment, script: Any, **options: Any) -> list[Event]:
    """Run, calling script(event, controls) after each event."""
    controls = Controls()
    events: list[Event] = []
    for event in run(experiment, controls, **options):
        events.append(event)
        script(event, controls)
    return events


def test_pause_and_resume_change_no_number() -> None:
    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            controls.pause()
        if isinstance(event, CommandTaken) and event.command == "pause":
            controls.resume()

    events = steered(configured(), script)
    assert [(c.command, c.step) for c in of(CommandTaken, events)] == [("pause", 13), ("resume", 13)]
    plain = told(list(run(configured())))
    assert [line for line in told(events) if not line.startswith(("CommandTaken", "PausedAt"))] == plain
    (paused,) = of(PausedAt, events)
    assert (paused.epoch, paused.step, 0 < paused.loss < 2) == (3, 13, True)


def test_single_steps_and_single_epochs_pause_where_they_said() -> None:
    seen: list[tuple[int, int]] = []

    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, RunStarted):
            controls.pause()
        if isinstance(event, CommandTaken) and event.command == "pause":
            seen.append((event.epoch, event.step))
            (controls.step, controls.step, lambda: controls.run_epochs(2), controls.stop)[len(seen) - 1]()

    events = steered(configured(), script)
    assert seen == [(0, 1), (0, 2), (0, 3), (2, 12)]
    assert of(RunEnded, events)[0].reason == "stopped"


@pytest.mark.parametrize(
    ("command", "epoch", "tested"), [("stop", 2, True), ("finish_epoch", 3, True), ("abandon", 2, False)]
)
def test_the_ways_to_stop(command: str, epoch: int, tested: bool) -> None:
    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            controls.send(command)

    end = of(RunEnded, steered(configured(), script))[0]
    assert (end.reason, end.epoch, end.test is not None) == ("stopped", epoch, tested)


def test_an_interrupted_run_is_not_tested_for_it_goes_on_later() -> None:
    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            controls.send("stop", "SIGTERM")

    end = of(RunEnded, steered(configured(), script))[0]
    assert end.test is None
    assert end.interrupted_by == "SIGTERM"
    assert "SIGTERM" in end.detail


def test_the_learning_rate_changes_while_training() -> None:
    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            controls.set("optimizer.lr", 0.025)

    events = steered(configured(), script)
    assert [event.lr for event in of(EpochEnded, events)] == [0.1, 0.1, 0.025, 0.025, 0.025]
    assert History.of(events).setting("optimizer.lr") == 0.025


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("model.hidden", [3], "cannot change while training"),
        ("optimizer.lr", -1.0, "greater than 0"),
        ("optimizer.momentum", 0.5, "has no momentum"),
        ("model.dropout", 0.5, "built without dropout"),
        ("stopping.patience", "many", "valid integer"),
        ("training.validate_every", 10**400, "less than or equal to"),
        ("stopping.warm_up", 2**53, "less than or equal to"),
        ("optimizer.lr", 10**400, "valid number"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_and_told(key: str, value: Any, complaint: str) -> None:
    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, RunStarted):
            controls.set(key, value)

    events = steered(configured(), script)
    assert complaint in of(CommandTaken, events)[0].error
    assert [line for line in told(events) if not line.startswith("CommandTaken")] == told(
        list(run(configured()))
    )


def test_patience_changes_while_training_and_keeps_its_count() -> None:
    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, Checked) and event.wait == 2:
            controls.set("stopping.patience", 3)

    events = steered(
        configured(training={"epochs": 2000}, stopping={"enabled": True, "patience": 50}), script
    )
    assert of(Checked, events)[-1].wait == 3


def test_slow_motion_changes_no_number_and_obeys_at_once() -> None:
    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, RunStarted):
            controls.pace(3600.0)
            controls.set("optimizer.lr", 0.1)
        if isinstance(event, EpochEnded) and event.epoch == 1:
            controls.pace(0.0)

    began = time.monotonic()
    events = steered(configured(), script)
    passed = time.monotonic() - began
    assert [line for line in told(events) if not line.startswith("CommandTaken")] == told(
        list(run(configured()))
    )
    assert 0 < of(RunEnded, events)[0].seconds <= passed


def test_neither_waiting_for_the_pace_nor_a_pause_in_it_is_training_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    waits: list[float] = []

    def wait(self: Controls, seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += min(seconds, 0.5)
        if len(waits) == 2:
            self.pause()
        if len(waits) == 4:
            self.resume()

    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, RunStarted):
            controls.pace(2.0)

    monkeypatch.setattr(Controls, "wait", wait)
    events = steered(configured(training={"epochs": 3}), script)
    # Half seconds: two of the pace, two of the pause in it, then nothing is left of it; four for each later epoch.
    assert waits == pytest.approx([2.0, 1.5, 60.0, 60.0, *[2.0, 1.5, 1.0, 0.5] * 2])
    assert of(RunEnded, events)[0].seconds == 0.0
    assert {event.seconds for event in of(EpochEnded, events)} == {1e-9}
    assert [event.time for event in events] == [0.0] * len(events)


def test_a_new_pace_counts_from_the_epochs_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    now, waits = 1000.0, list[float]()
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def wait(self: Controls, seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += 0.5
        self.pace(0.75)

    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, RunStarted):
            controls.pace(3600.0)

    monkeypatch.setattr(Controls, "wait", wait)
    steered(configured(training={"epochs": 1}), script)
    assert waits == pytest.approx([3600.0, 0.25])


def test_to_stand_aside_is_told_nowhere_and_no_training_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, waits = 1000.0, list[float]()
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def wait(self: Controls, seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds

    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch < 3:
            controls.give_way(0.25)

    monkeypatch.setattr(Controls, "wait", wait)
    events = steered(configured(training={"epochs": 3}), script)
    assert waits == [0.25, 0.25]
    assert told(events) == told(list(run(configured(training={"epochs": 3}))))
    assert of(RunEnded, events)[0].seconds == 0.0


def test_who_stands_aside_hears_a_command_at_once() -> None:
    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, RunStarted):
            controls.give_way(3600.0)
            threading.Timer(0.2, controls.stop).start()

    assert of(RunEnded, steered(configured(), script))[0].step == 2


@pytest.mark.parametrize(
    ("command", "value"),
    [("step", "abc"), ("run_epochs", 0), ("set", {"key": "optimizer.lr"}), ("set", None), ("pace", None),
     ("pace", math.nan), ("probe", 3), ("stop", {"by": "me"}), ("pause", object())],
)  # fmt: skip
def test_a_command_with_a_wrong_value_is_refused_and_ends_nothing(command: str, value: Any) -> None:
    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, RunStarted):
            controls.send(command, value)

    events = steered(configured(), script)
    (refused,) = of(CommandTaken, events)
    assert f"{command}: " in refused.error
    assert to_line(refused)
    assert of(RunEnded, events)[0].reason == "finished"


def test_an_unknown_command_is_told_and_ends_nothing() -> None:
    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, RunStarted):
            controls.send("dance")

    events = steered(configured(), script)
    assert 'no command "dance"' in of(CommandTaken, events)[0].error
    assert of(RunEnded, events)[0].reason == "finished"


def test_probes_are_answered_while_training_and_after_it() -> None:
    def script(event: Event, controls: Controls) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 1:
            controls.probe("layers")
        if isinstance(event, RunEnded):
            controls.probe("layers")
            controls.probe("no such probe")
            controls.stop()

    events = steered(configured(), script, linger=True)
    answers = of(Probed, events)
    assert [answer.probe for answer in answers] == ["layers", "layers", "no such probe"]
    assert "error" in answers[2].answer
    assert [line for line in told(events) if not line.startswith("Probed")] == told(list(run(configured())))


# -- checkpoints -----------------------------------------------------------------------------------------------------


class Memory:
    """Keeps copies of the state, as the run directory does on disk."""

    def __init__(self) -> None:
        self.saved: list[tuple[dict[str, torch.Tensor], dict[str, Any]]] = []
        self.final: torch.Tensor | None = None

    def save(self, tensors: Any, plain: Any) -> str:
        self.saved.append(({name: value.clone() for name, value in tensors.items()}, copy.deepcopy(plain)))
        return f"memory-{len(self.saved)}"

    def finish(self, tensors: Any, plain: Any) -> None:
        self.final = tensors["parameters"].clone()


HARD = configured(
    model={"dropout": 0.2, "batch_norm": True},
    optimizer={"kind": "adam", "lr": 0.02},
    regularization={"l1": 1e-3, "l2": 1e-3},
    training={
        "epochs": 7,
        "schedule": {"kind": "plateau", "patience": 1},
        "clip_norm": 1.0,
        "validate_every": 2,
    },
    stopping={"enabled": True, "patience": 2},
)


def interrupted(memory: Memory, every: int) -> Iterator[Event]:
    """A run that saves its state every few steps."""
    controls = Controls()
    stream = run(HARD, controls, keeper=memory)
    for event in stream:
        yield event
        if isinstance(event, RunStarted) or (isinstance(event, CommandTaken) and event.command == "pause"):
            if isinstance(event, CommandTaken):
                controls.checkpoint()
            controls.step(every)


@pytest.mark.parametrize("every", [1, 5, 6, 7])
def test_a_run_goes_on_from_any_step_as_if_nothing_had_happened(every: int) -> None:
    undisturbed = Memory()
    expected = [e for e in run(HARD, keeper=undisturbed) if not isinstance(e, CheckpointSaved)]
    memory, events, told_before = Memory(), list[Event](), list[int]()
    for event in interrupted(memory, every):
        if isinstance(event, CheckpointSaved):
            told_before.append(len(events))
        elif not isinstance(event, CommandTaken):
            events.append(event)
    assert told(events) == told(expected)
    for (tensors, plain), count in list(zip(memory.saved, told_before, strict=True))[:-1]:
        again = Memory()
        state = SimpleNamespace(tensors=tensors, plain=plain, history=History.of(expected[:count]))
        resumed = list(run(HARD, keeper=again, checkpoint=state))
        assert isinstance(resumed[0], Resumed)
        rest = [e for e in resumed[1:] if not isinstance(e, CheckpointSaved)]
        assert told(rest) == told(expected[count:])
        assert again.final is not None
        assert undisturbed.final is not None
        assert torch.equal(again.final, undisturbed.final)


def test_a_disk_that_fails_does_not_stop_the_training() -> None:
    class Full(Memory):
        def save(self, tensors: Any, plain: Any) -> str:
            raise OSError(28, "No space left on device")

        def finish(self, tensors: Any, plain: Any) -> None:
            raise OSError(28, "No space left on device")

    events = list(run(configured(), keeper=Full()))
    assert {event.what for event in of(StorageFailed, events)} == {"checkpoint", "final weights"}
    assert of(RunEnded, events)[0].reason == "finished"


@pytest.mark.parametrize(
    ("sections", "microseconds"),
    [
        ({"data": {"name": "diabetes"}, "model": {"kind": "linear"}, "training": {"batch_size": 1}}, 25),
        ({"data": {"name": "digits"}, "model": {"kind": "linear"}, "training": {"batch_size": 1}}, 35),
        ({"data": {"name": "digits"}, "optimizer": {"kind": "adam"}, "training": {"batch_size": 64}}, 174),
        (
            {"data": {"name": "digits"}, "model": {"hidden": [2048, 2048]}, "training": {"batch_size": 256}},
            2450,
        ),
    ],
)
def test_steps_are_told_at_most_every_50_ms_on_a_machine_twice_as_fast(
    sections: dict[str, Any], microseconds: float
) -> None:
    """The shortest step of thousands on one core of an EPYC; for the largest network a tenth of what two cores took."""
    sections = {**sections, "training": {**sections["training"], "device": "cpu"}}
    training = Training(Experiment.model_validate(sections))
    assert training.report_every() * microseconds / 2 >= 50_000
    assert training.report_every() * microseconds < 400_000  # and often enough to be followed


def test_a_finished_run_says_how_many_epochs_it_made() -> None:
    memory = Memory()
    assert list(run(configured(), keeper=memory))[-1].detail == "all 5 epochs were made"
    assert list(run(configured(training={"epochs": 1})))[-1].detail == "its one epoch was made"
    tensors, plain = memory.saved[-1]
    state = SimpleNamespace(tensors=tensors, plain=plain, history=History())
    fewer = list(run(configured(training={"epochs": 3}), checkpoint=state))
    assert fewer[-1].detail == "5 epochs were made before, more than training.epochs"


def test_a_checkpoint_of_other_data_is_refused() -> None:
    memory = Memory()
    list(run(configured(), keeper=memory))
    tensors, plain = memory.saved[-1]
    state = SimpleNamespace(tensors=tensors, plain={**plain, "data_digest": "other"}, history=History())
    with pytest.raises(InputError, match="data changed"):
        list(run(configured(), checkpoint=state))


# -- branches --------------------------------------------------------------------------------------------------------


def test_a_branch_that_changes_nothing_goes_the_way_of_its_parent() -> None:
    ring = Ring()
    parent = list(run(HARD, ring=ring))
    for epoch in ring.epochs[:-1]:
        branch = ring.branch("parent", epoch)
        assert branch is not None
        events = list(run(HARD, checkpoint=branch))
        assert isinstance(events[0], RunStarted)
        assert events[0].parent == {"run": "parent", "epoch": epoch}
        rest = [e for e in of(EpochEnded, parent) if e.epoch > epoch]
        assert told(of(EpochEnded, events)) == told(rest[: len(of(EpochEnded, events))])


def test_a_branch_is_judged_by_what_it_does_itself() -> None:
    # Plain descent that gets worse from epoch 1 on would stop with the parent's patience after one check.
    experiment = configured(
        training={"epochs": 12}, stopping={"enabled": True, "patience": 3, "restore_best": True}
    )
    ring = Ring()
    parent = list(run(experiment, ring=ring))
    branch = ring.branch("parent", 6)
    assert branch is not None
    worse = configured(
        optimizer={"lr": 1e-9}, training={"epochs": 12}, stopping={"enabled": True, "patience": 3}
    )
    events = list(run(worse, checkpoint=branch))
    assert of(Checked, parent)[-1].best_epoch is not None
    first = of(Checked, events)[0]
    assert (first.epoch, first.wait, first.best_epoch, first.best) == (7, 0, 7, first.value)
    end = of(RunEnded, events)[0]
    assert end.restored_epoch is not None
    assert end.restored_epoch > 6
    assert end.test is not None
    assert end.test["evaluations"] == 1


def test_a_branch_with_another_rate_leaves_the_way_and_one_with_another_network_is_refused() -> None:
    ring = Ring()
    experiment = configured()
    parent = list(run(experiment, ring=ring))
    branch = ring.branch("parent", 3.7)
    assert branch is not None
    assert branch.parent["epoch"] == 3
    slower = configured(optimizer={"lr": 0.01})
    events = list(run(slower, checkpoint=branch))
    assert [e.epoch for e in of(EpochEnded, events)] == [4, 5]
    assert of(EpochEnded, events)[0].train["loss"] != of(EpochEnded, parent)[3].train["loss"]
    with pytest.raises(InputError, match=r"init\.kind"):
        list(run(configured(init={"kind": "zeros"}), checkpoint=branch))


def test_a_full_ring_keeps_every_other_state_and_never_more_than_it_may() -> None:
    ring = Ring(most=4)
    list(run(configured(training={"epochs": 20}), ring=ring))
    assert ring.epochs == [0, 8, 16]
    assert ring.branch("run", 7.9) is not None
    assert Ring().branch("run", 3) is None
    small = Ring(bytes_at_most=1)
    list(run(configured(training={"epochs": 5}), ring=small))
    assert len(small.epochs) <= 2
