"""The summary: which epoch's numbers stand beside the test result, what still holds, and a chart that fits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest
from rich.cells import cell_len

from ladera.engine.diagnosis import current
from ladera.engine.events import (
    Checked,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    Resumed,
    RunEnded,
    RunStarted,
)
from ladera.engine.experiment import Experiment
from ladera.engine.history import History
from ladera.tui.summary import summary
from ladera.tui.values import train_again

from .conftest import Script

TEST = {"loss": 0.75, "metrics": {"accuracy": 0.9125}}


def run(count: int, *ends: Event, **ended: Any) -> History:
    """Validation is best at epoch 2 of `count`; train loss 1/epoch."""

    def events() -> Iterator[Event]:
        yield RunStarted(
            experiment=Experiment.model_validate({"data": {"name": "digits"}}).plain(),
            parameters=10,
            task="multiclass",
            classes=("a", "b"),
            sizes={"train": 100, "validation": 30, "test": 30},
            steps_per_epoch=2,
        )
        for epoch in range(1, count + 1):
            loss = 0.5 + 0.25 * abs(epoch - 2)
            yield EpochEnded(
                time=float(epoch), epoch=epoch, step=2 * epoch, lr=0.1, seconds=1.0, examples_per_second=100.0,
                train={"loss": 1 / epoch, "metrics": {"accuracy": 1 - 0.5 / epoch}, "penalty": 0.0},
                validation={"loss": loss, "metrics": {"accuracy": 0.5}},
            )  # fmt: skip
            yield Checked(
                epoch=epoch, value=loss, best=0.5, best_epoch=min(epoch, 2), wait=max(0, epoch - 2), patience=10, verdict="waiting",
            )  # fmt: skip
        yield from ends
        yield RunEnded(epoch=count, step=2 * count, seconds=float(count), **ended)

    return History.of(events())


def plain(history: History, **options: Any) -> list[str]:
    return [line.plain.rstrip() for line in summary(history, **options)]


def cells(lines: list[str], first: str) -> list[str]:
    return next(line for line in lines if line.split()[:1] == [first] and len(line.split()) > 2).split()[1:]


def test_the_table_shows_the_restored_epoch_beside_its_test_result() -> None:
    lines = plain(run(4, reason="stopped_early", best_epoch=2, restored_epoch=2, test=TEST))
    assert "epoch 2, the best, whose weights were restored" in lines
    # By hand from the events: epoch 2 has train loss 1/2, accuracy 1 - 0.25; validation 0.5 and 0.5.
    assert cells(lines, "loss") == ["0.5000", "0.5000", "0.7500"]
    assert cells(lines, "accuracy") == ["75.0%", "50.0%", "91.2%"]


def test_without_restoring_the_test_belongs_to_the_last_step_and_that_is_said() -> None:
    lines = plain(run(4, reason="finished", best_epoch=2, restored_epoch=None, test=TEST))
    assert "epoch 2, the best; the final weights are those of the last step" in lines
    assert "  test: the weights of epoch 4" in lines


def test_without_a_test_there_is_no_such_column() -> None:
    lines = plain(run(3, reason="stopped", best_epoch=2, restored_epoch=2, detail="stopped by SIGINT"))
    assert cells(lines, "loss") == ["0.5000", "0.5000"]
    assert lines[1].startswith(
        "Stopped after epoch 3 of at most 100, 3.00 s: stopped by SIGINT; 100 examples/s"
    )


@pytest.mark.parametrize(
    ("reason", "word"), [("diverged", "Diverged"), ("failed", "Failed"), ("finished", "Finished")]
)
def test_it_says_how_it_ended(reason: str, word: str) -> None:
    assert plain(run(2, reason=reason, detail="x\x1b[2Jy"))[1].startswith(
        f"{word} after epoch 2 of at most 100, 2.00 s: x[2Jy"
    )


def test_a_run_that_was_given_fewer_epochs_than_it_has_made() -> None:
    assert plain(run(983, reason="finished"))[1].startswith("Finished after epoch 983, 100 asked for, 16:23;")


def test_a_run_that_ended_in_its_first_epoch_has_neither_chart_nor_table() -> None:
    lines = plain(run(0, reason="diverged", detail="the loss became nan"))
    assert len(lines) == 4
    assert lines[3].startswith("Training diverged: the loss became nan. Lower optimizer.lr"), (
        "what to do, all the same"
    )


def test_findings_are_told_as_they_are_at_the_end(script: Any) -> None:
    *events, end = script.events(reason="finished")
    stale = Diagnosed(finding="overfit", text="Overfitting: train loss 0.9.", epoch=1, time=1.0)
    history = History.of([*events, stale, end])
    lines = plain(history)
    assert not any("0.9." in line for line in lines)
    assert [line for line in lines if line.startswith("Overfitting")] == [current(history)[0].text]


def test_the_chart_fits_and_shows_both_curves() -> None:
    for width in (40, 80, 120):
        lines = plain(run(30, reason="finished"), width=width)
        picture = lines[3:17]
        assert max(cell_len(line) for line in picture) <= min(width, 100)
        if width >= 80:
            assert any("train" in line for line in picture)
            assert any("validation" in line for line in picture)


@pytest.mark.parametrize("width", [1, 19, 30, 45, 80])
def test_a_narrow_terminal_gets_no_line_that_is_wider(width: int) -> None:
    history = run(30, reason="stopped_early", best_epoch=2, restored_epoch=2, test=TEST)
    lines = plain(history, width=width, wrap=True)
    assert max(cell_len(line) for line in lines) <= width
    blank = max(len(list(group)) for empty, group in groupby(lines, lambda line: not line) if empty)
    assert blank == 1, "a chart that cannot be drawn takes no room"
    told = " ".join("".join(lines).split()) if width == 1 else " ".join(" ".join(lines).split())
    assert ("epoch 2, the best, whose weights were restored" in told) == (width > 1)
    assert ("loss: train 0.5000, validation 0.5000, test 0.7500" in told) == (1 < width < 45)
    assert any("┤" in line or "┼" in line or "│" in line for line in lines) == (width >= 24)


def test_places_and_commands_come_last() -> None:
    lines = plain(run(3, reason="finished"), directory="runs/a\x1b-1", go_on={"again": "ladera run x"})
    assert lines[-2:] == ["kept in  runs/a-1", "again    ladera run x"]


def test_a_run_that_goes_on_has_no_summary() -> None:
    assert summary(History()) == []


def test_training_again_says_where_it_is_not_the_same(script: Script) -> None:
    command = CommandTaken(
        time=4.0, command="set", value={"key": "optimizer.lr", "value": 0.1}, epoch=2, step=20
    )
    resumed = Resumed(time=5.0, epoch=2, step=25, changes={"model.dropout": [0.0, 0.5]})
    plain = "ladera run 'my runs/x/experiment.toml'"
    started = script.events()[:1]
    assert train_again(History.of(started), "my runs/x") == plain
    changed = train_again(History.of([*started, command]), "my runs/x")
    assert changed == f"{plain}  # without what was changed while it trained"
    # Going on with other values writes the file, with all that is in force.
    assert train_again(History.of([*started, command, resumed]), "my runs/x") == plain
