"""The fold: what a view may ask of a run, from hand-written events."""

from __future__ import annotations

import pytest

from ladera.engine.events import (
    Checked,
    CheckpointSaved,
    CommandTaken,
    EpochEnded,
    Event,
    Resumed,
    RunEnded,
    RunStarted,
    StepsEnded,
    StorageFailed,
)  # fmt: skip
from ladera.engine.history import History

STARTED = RunStarted(
    experiment={
        "training": {"epochs": 10, "validate_every": 2},
        "stopping": {"enabled": True, "monitor": "loss", "patience": 3},
        "optimizer": {"lr": 0.1},
    },
    parameters=10, task="multiclass", sizes={"train": 8}, steps_per_epoch=2,
)  # fmt: skip


def epoch(
    number: int, train: float = 1.0, validation: float | None = None, seconds: float = 2.0
) -> EpochEnded:
    return EpochEnded(
        time=seconds * number, epoch=number, step=2 * number, lr=0.1, seconds=seconds, examples_per_second=4.0,
        train={"loss": train, "penalty": 0.5, "metrics": {"accuracy": 0.9}, "batches": {"mean": train, "low": 0.1, "high": 9.0}},
        validation=None if validation is None else {"loss": validation, "metrics": {"accuracy": 0.8}},
    )  # fmt: skip


def checked(number: int, value: float, best: float, best_epoch: int, wait: int) -> Checked:
    return Checked(
        epoch=number, value=value, best=best, best_epoch=best_epoch, wait=wait, patience=3, verdict="waiting"
    )


def test_the_states_of_a_run() -> None:
    history = History()
    states = [history.state]
    for event in (
        STARTED,
        CommandTaken(command="pause"),
        CommandTaken(command="resume"),
        CommandTaken(command="pause", error="no"),
        RunEnded(reason="diverged"),
    ):
        history.apply(event)
        states.append(history.state)
    assert states == ["waiting", "training", "paused", "training", "training", "diverged"]
    assert history.version == 5


def test_curves_best_gap_and_where_it_would_stop() -> None:
    history = History.of(
        [STARTED, epoch(1, 2.0), epoch(2, 1.0, 1.5), checked(2, 1.5, 1.5, 2, 0), epoch(3, 0.5)]
    )
    assert (len(history.train["loss"]), len(history.validation["loss"])) == (3, 1)
    assert history.gap == pytest.approx(0.5)
    assert history.best == (2, 1.5)
    assert history.stops_at == 8  # 3 more checks, every 2 epochs, after epoch 2
    assert len(history.train["accuracy"]) == 3


def test_the_rest_is_estimated_from_recent_epochs_and_is_an_upper_bound() -> None:
    history = History.of([STARTED, epoch(1, seconds=2.0), epoch(2, seconds=4.0)])
    assert history.eta() == pytest.approx(3.0 * 8)
    assert History.of([STARTED]).eta() is None
    # The sixth was held up by single steps: no reason to foretell another half a minute.
    held_up = [epoch(n, seconds=60.0 if n == 6 else 2.0) for n in range(1, 8)]
    assert History.of([STARTED, *held_up]).eta() == pytest.approx(2.0 * 3)
    history.apply(StepsEnded(epoch=3, step=5, loss=1.0, low=1.0, high=1.0))
    assert history.eta() == pytest.approx(3.0 * 7.5)  # half of epoch 3 is still to come
    history.apply(StepsEnded(epoch=10, step=19, loss=1.0, low=1.0, high=1.0))
    assert history.eta() == pytest.approx(3.0 * 0.5)


def test_a_resumed_run_goes_at_full_speed() -> None:
    history = History.of(
        [STARTED, CommandTaken(command="pace", value=100.0), epoch(1), Resumed(epoch=1, step=2)]
    )
    assert history.pace == 0.0
    assert history.eta() == pytest.approx(2.0 * 9)


def test_a_changed_setting_is_what_the_history_tells() -> None:
    history = History.of(
        [STARTED, CommandTaken(command="set", value={"key": "stopping.patience", "value": 1})]
    )
    assert history.setting("stopping.patience") == 1
    assert history.setting("optimizer.lr") == 0.1
    assert history.setting("optimizer.beta", 7) == 7
    history.apply(checked(2, 1.0, 1.0, 2, 0))
    assert history.stops_at == 4


def test_a_command_tells_the_step_at_which_it_took_effect() -> None:
    # Two single steps after epoch 1 of four steps make no report of steps; only the pause behind them tells.
    history = History.of([CommandTaken(command="pause", epoch=1, step=6)])
    assert history.step == 6
    history.apply(CommandTaken(command="set", value={}, error="no such key", step=0))
    assert history.step == 6


def test_a_resumed_run_shows_no_step_twice() -> None:
    undisturbed: list[Event] = [STARTED]
    for number in (1, 2, 3, 4):
        undisturbed.append(StepsEnded(epoch=number, step=2 * number, loss=1.0 / number, low=0.0, high=1.0))
        undisturbed += [epoch(number, validation=1.0), checked(number, 1.0, 1.0, 1, number)]
    killed = undisturbed[:-2]
    again = undisturbed[7:]  # from the end of epoch 2 on
    history = History.of([*killed, Resumed(epoch=2, step=4), *again])
    expected = History.of(undisturbed)
    assert history.checks == expected.checks
    for mine, theirs in (
        (history.steps, expected.steps), (history.train["loss"], expected.train["loss"]),
        (history.epoch_times, expected.epoch_times), (history.validation["accuracy"], expected.validation["accuracy"]),
    ):  # fmt: skip
        assert mine.envelope().x.tolist() == theirs.envelope().x.tolist()
        assert mine.envelope().mean.tolist() == theirs.envelope().mean.tolist()


def test_an_ended_run_that_goes_on_is_training_again() -> None:
    history = History.of([STARTED, epoch(1), RunEnded(reason="stopped", epoch=1), Resumed(epoch=1, step=2)])
    assert history.state == "training"


def test_a_storage_fault_is_shown_until_the_next_good_checkpoint() -> None:
    history = History.of([STARTED, StorageFailed(what="checkpoint", error="disk full")])
    assert history.storage is not None
    history.apply(CheckpointSaved(epoch=1, step=2, path="x"))
    assert history.storage is None
