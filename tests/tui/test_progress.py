"""A run in words: the header, the two kinds of progress line at many widths, and hostile names as inert text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from ladera.engine.events import (
    Checked,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    Resumed,
    RunStarted,
    StepsEnded,
    StorageFailed,
)
from ladera.engine.experiment import Experiment
from ladera.engine.history import History
from ladera.tui.progress import bar, done, header, live_line, measured, plain_line, remark, strip, title

STARTED = RunStarted(
    experiment=Experiment.model_validate({"data": {"name": "digits"}}).plain(),
    parameters=17226,
    layers=("linear 64 → 128", "relu"),
    task="multiclass",
    classes=tuple("0123456789"),
    sizes={"train": 1000, "validation": 300, "test": 300},
    steps_per_epoch=16,
    chance=2.3026,
    source="built-in set digits",
)


def epochs(count: int) -> Iterator[Event]:
    """Epochs of a second in which the validation loss falls until the third and rises from there."""
    yield STARTED
    best = 9.0, 0
    for epoch in range(1, count + 1):
        loss = 0.5 + 0.1 * abs(epoch - 3)
        best = min(best, (loss, epoch))
        yield EpochEnded(
            time=float(epoch),
            epoch=epoch,
            step=16 * epoch,
            train={"loss": 1 / epoch, "metrics": {"accuracy": 0.9}, "penalty": 0.0},
            validation={"loss": loss, "metrics": {"accuracy": 0.875}},
            lr=0.001,
            seconds=1.0,
            examples_per_second=1000.0,
        )
        yield Checked(
            epoch=epoch, value=loss, best=best[0], best_epoch=best[1], wait=epoch - best[1], patience=10, verdict="waiting",
        )  # fmt: skip


def test_a_plain_line_says_where_the_run_stands() -> None:
    # By hand: epoch 5 of 100, train 1/5, validation 0.5 + 0.1 * 2, best at 3, two checks waited, 95 epochs of 1 s left.
    assert plain_line(History.of(epochs(5))) == (
        "epoch   5/100  train loss 0.2000   validation 0.7000   accuracy  87.5%  best 0.5000 @ 3  wait 2/10  "
        "1,000 examples/s  at most 01:35 left"
    )


def test_a_live_line_holds_the_same_and_a_bar() -> None:
    line = live_line(History.of(epochs(5)), 200).plain
    for part in ("epoch 5/100", "train 0.2000", "validation 0.7000", "accuracy  87.5%", "best 0.5000 @ 3",
                 "patience ■■□□□□□□□□", "1,000 ex/s", "≤ 01:35"):  # fmt: skip
        assert part in line
    assert line.startswith("━" + "─" * 19)  # 5 of 100 epochs: one of 20 cells


def test_what_matters_most_stays_on_a_narrow_terminal() -> None:
    history = History.of(epochs(5))
    at_80 = live_line(history, 80).plain
    for part in ("epoch 5/100", "train 0.2000", "val 0.7000", "best 0.5000 @ 3", "≤ 01:35"):
        assert part in at_80
    assert live_line(history, 16).plain == "epoch 5/100"


@given(width=st.integers(1, 250), count=st.integers(0, 8), unicode=st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_live_line_never_wraps(width: int, count: int, unicode: bool) -> None:
    line = live_line(History.of(epochs(count)), width, unicode)
    assert cell_len(line.plain) <= width
    assert "\n" not in line.plain
    if not unicode:
        assert line.plain.isascii() or "…" in line.plain


def test_before_the_first_epoch_batches_are_shown_and_no_guess() -> None:
    history = History.of([STARTED, StepsEnded(epoch=1, step=4, loss=2.25, low=2.0, high=2.5)])
    line = live_line(history, 120).plain
    assert "batches 2.2500" in line
    assert "≤ --:--" in line
    assert done(history) == pytest.approx(4 / 1600)


def test_the_bar_is_full_only_at_the_end() -> None:
    assert bar(0.999, 10).plain == "━" * 9 + "─"
    assert bar(1.0, 10, unicode=False).plain == "#" * 10


def test_patience_is_a_strip_or_a_fraction() -> None:
    assert strip(2, 5) == "patience ■■□□□"
    assert strip(7, 5) == "patience ■■■■■"
    assert strip(3, 50) == "patience 3/50"
    assert strip(1, 3, unicode=False) == "patience #.."


def test_metrics_are_written_in_their_unit() -> None:
    assert measured("accuracy", 0.975) == "97.5%"
    assert measured("rmse", 53.25) == "53.250"
    assert measured("loss", 0.125) == "0.1250"


def test_the_header_tells_what_is_trained() -> None:
    text = "\n".join(header(STARTED, "digits-0007"))
    for part in ("digits-0007", "10 classes: 0, 1, 2", "1,000 train, 300 validation, 300 test", "17,226 parameters",
                 "he-uniform", "cce", "constant answer has 2.3026", "adam, lr 0.001", "at most 100 epochs of 16 steps",
                 "validation loss did not improve in 10 checks"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    ("training", "steps", "words"),
    [
        ({}, 16, "at most 100 epochs of 16 steps, batches of 64, seed 0"),
        ({"epochs": 1}, 16, "at most 1 epoch of 16 steps, batches of 64, seed 0"),
        ({"batch_size": "full"}, 1, "at most 100 epochs of 1 step, all 1,000 examples in each, seed 0"),
        ({"batch_size": 5000}, 1, "at most 100 epochs of 1 step, all 1,000 examples in each, seed 0"),
    ],
)
def test_the_header_tells_how_the_examples_are_portioned(
    training: dict[str, object], steps: int, words: str
) -> None:
    plain = Experiment.model_validate({"training": training}).plain()
    started = dataclasses.replace(STARTED, experiment=plain, steps_per_epoch=steps)
    assert words in "\n".join(header(started, "digits-1"))


def test_recall_says_of_which_class() -> None:
    plain = Experiment.model_validate(
        {"data": {"name": "breast-cancer"}, "stopping": {"monitor": "recall", "mode": "max"}}
    ).plain()
    started = dataclasses.replace(
        STARTED, experiment=plain, task="binary", classes=("malignant", "benign\x1b")
    )
    assert title("recall", started) == "recall of benign"
    assert title("precision", started) == "precision of benign"
    assert title("accuracy", started) == "accuracy"
    assert title("macro_recall", STARTED) == "macro recall"
    assert "when validation recall of benign did not improve" in "\n".join(header(started, "x"))
    part = {"loss": 0.5, "metrics": {"recall": 0.9}}
    end = EpochEnded(epoch=1, step=16, train=part, validation=part, lr=0.1, seconds=1, examples_per_second=1)
    assert "recall of benign  90.0%" in plain_line(History.of([started, end]))


def test_nothing_is_left_at_the_end_and_a_part_of_a_second_is_one() -> None:
    ends = [
        dataclasses.replace(event, seconds=0.004) for event in epochs(100) if isinstance(event, EpochEnded)
    ]
    assert "at most 00:01 left" in plain_line(History.of([STARTED, *ends[:50]]))
    assert "left" not in plain_line(History.of([STARTED, *ends]))


def test_a_regression_loss_names_its_unit() -> None:
    plain = Experiment.model_validate({"data": {"name": "diabetes"}}).plain()
    started = dataclasses.replace(
        STARTED, experiment=plain, task="regression", classes=(), target="progression"
    )
    assert "mse, in the square of the target's unit" in "\n".join(header(started, "diabetes-1"))


HOSTILE = "\x1b]52;c;aGk=\x07[red]x\u202ey\r\nz\x9b2J"


def test_nothing_from_outside_drives_the_terminal() -> None:
    started = dataclasses.replace(
        STARTED, classes=(HOSTILE, "b"), source=HOSTILE, notes=(HOSTILE,), layers=(HOSTILE,),
        experiment=dict(STARTED.experiment) | {"description": HOSTILE}, versions={HOSTILE: HOSTILE},
    )  # fmt: skip
    told = [
        *header(started, HOSTILE),
        remark(Diagnosed(finding=HOSTILE, text=HOSTILE)),
        remark(StorageFailed(what=HOSTILE, error=HOSTILE)),
        remark(CommandTaken(command=HOSTILE, error=HOSTILE)),
        remark(CommandTaken(command="set", value={"key": HOSTILE, "value": HOSTILE})),
        remark(CommandTaken(command="stop", value=HOSTILE)),
        remark(Resumed(epoch=1, step=2, changes={HOSTILE: [HOSTILE, HOSTILE]})),
    ]
    assert all(line and line.isprintable() for line in told)
    assert all("[red]x" in line for line in told[-6:])  # markup stays what it is: text


def test_most_events_need_no_remark() -> None:
    assert [event for event in epochs(3) if remark(event)] == []
    assert remark(CommandTaken(command="pause")) == ""
