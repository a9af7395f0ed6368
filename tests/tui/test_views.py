"""What the lab says of scripted runs: exact words, widths that hold, numbers that keep their place."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from rich.cells import cell_len

from ladera.engine.events import CommandTaken, PausedAt, RunEnded
from ladera.tui import plots, run_rows, stopping_panel, views
from ladera.tui.seven_bit import seven_bit
from ladera.tui.view import View

HARMFUL = {*map(chr, range(32)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u202e"} - {"\n"}


def everything(run: Any, width: int) -> list[str]:
    """All that the panels say of a run."""
    return [
        views.in_one_line(run.experiment, width),
        str(views.status(run)),
        *stopping_panel.stopping_lines(run, width),
        views.figures(run),
        views.diagnosis_line(run)[0],
        *run_rows.table([run], width=width).rows[run.number],
        run_rows.runs_line([run], width),
    ]


def test_every_state_has_words_and_no_harmful_byte(script: Any) -> None:
    for name, run in script.states().items():
        for width in (20, 80):
            for text in everything(run, width):
                assert not HARMFUL & set(text), (name, text)
        assert run.state in views.STATES, name


def test_the_stopping_panel_is_three_lines_that_fit(script: Any) -> None:
    states = script.states()
    for width, (name, run) in product(range(20, 121), states.items()):
        for ascii_only in (False, True):
            lines = stopping_panel.stopping_lines(run, width, ascii_only=ascii_only)
            assert 1 <= len(lines) <= 3, name
            assert all(cell_len(line) <= width for line in lines), (name, lines)
            assert not ascii_only or all(line.isascii() for line in lines), (name, lines)


def test_the_stopping_panel_says(script: Any) -> None:
    # Best 0.5 at epoch 5, epochs 6 and 7 were no better: with patience 3 it stops at 8 unless below 0.5 - 0.1.
    experiment = script.experiment("stopping.patience=3", "stopping.min_delta=0.1")
    told = script.events(experiment=experiment)
    running = script.run(told[:-2], experiment=experiment)
    assert stopping_panel.stopping_lines(running, 80) == [
        "waiting 2 of 3 checks  ▰▰▱",
        "best loss 0.5000 at epoch 5 · stops at epoch 8 unless below 0.4000",
        "must beat 0.5000 of epoch 5 by 0.1 · at the end the best weights are restored",
    ]
    assert stopping_panel.stopping_lines(running, 20) == [
        "wait 2/3 ▰▰▱",
        "best loss 0.5000 at…",
        "at the end the best…",
    ]
    ended = script.run(script.events(experiment=experiment, reason="stopped_early", restored=5))
    assert stopping_panel.stopping_lines(ended, 80) == [
        "stopped early at epoch 8: 3 checks without improvement by more than 0.1",
        "best loss 0.5000 at epoch 5 · weights of epoch 5 are loaded",
        "test: loss 0.5500 · accuracy 90.0%",
    ]


def test_the_stopping_panel_before_and_without(script: Any) -> None:
    states = script.states()
    assert stopping_panel.stopping_lines(None, 200) == stopping_panel.stopping_lines(states["empty"], 200)
    assert stopping_panel.stopping_lines(states["started"], 80) == [
        "Waiting for the first check of validation loss."
    ]
    assert stopping_panel.stopping_lines(states["all nan"], 80) == ["No finite validation loss yet."]
    off = script.experiment("stopping.enabled=false", "stopping.restore_best=false")
    assert stopping_panel.stopping_lines(script.run(script.events(experiment=off), experiment=off), 80) == [
        "it is off · best loss 0.5000 at epoch 5, 3 epochs ago",
        "at the end the last weights stay (restore_best is off)",
    ]
    short = script.experiment("training.epochs=9")
    lines = stopping_panel.stopping_lines(script.run(script.events(experiment=short), experiment=short), 80)
    assert lines[1] == "best loss 0.5000 at epoch 5 · will not stop before the last epoch"


def test_a_metric_that_is_better_when_larger(script: Any) -> None:
    experiment = script.experiment(
        "stopping.monitor=accuracy", "stopping.mode=max", "stopping.min_delta=0.01"
    )
    lines = stopping_panel.stopping_lines(
        script.run(script.events(experiment=experiment), experiment=experiment), 90
    )
    # The largest share is 1 / (1 + 0.5) at epoch 5; to beat it takes 0.01 more.
    assert lines[1] == "best accuracy 0.6667 at epoch 5 · stops at epoch 15 unless above 0.6767"


@pytest.mark.parametrize(
    ("wait", "patience", "width", "expected"),
    [
        (0, 3, 10, "▱▱▱"),
        (3, 3, 10, "▰▰▰"),
        (1, 100, 10, "▰▱▱▱▱▱▱▱▱▱"),
        (99, 100, 10, "▰▰▰▰▰▰▰▰▰▰"),
        (5, 10, 1, "▰"),
        (0, 10, 0, "▱"),
    ],
)
def test_the_strip(wait: int, patience: int, width: int, expected: str) -> None:
    assert stopping_panel.strip(wait, patience, width) == expected
    assert stopping_panel.strip(wait, patience, width, ascii_only=True) == expected.replace("▰", "#").replace(
        "▱", "."
    )


def test_the_figures_keep_their_places(script: Any) -> None:
    lines = [views.figures(script.run(script.events([a], [b]))) for a, b in
             ((2.0, 1.0), (1e-9, 1e9), (math.nan, math.inf), (123456.0, 0.1), (1.0, 1e-9), (0.1, 0.0))]  # fmt: skip
    assert lines[0] == (
        "epoch   1/100  train 2.0000   validation 1.0000   accuracy  50.0%  gap -1.0000   12,345 examples/s  step 10"
    )
    for word in ("train", "validation", "accuracy", "gap", "examples"):
        assert len({line.find(word) for line in lines}) == 1, lines
    assert views.figures(None) == ""
    assert views.figures(script.states()["started"]) == "epoch   0/100"


def test_the_figures_of_a_pause_tell_the_step_and_its_loss(script: Any) -> None:
    run = script.run(
        [*script.events(), CommandTaken(command="pause", step=83), PausedAt(epoch=9, step=83, loss=0.25)]
    )
    assert views.figures(run, 90) == (
        "epoch   8/100  step 83 (3/10 of the next epoch)  batch loss 0.2500   train 0.1000 "
    )


def test_the_figures_of_the_end_are_those_of_the_weights_that_are_loaded(script: Any) -> None:
    run = script.run(script.events(reason="stopped_early", restored=5))
    assert views.figures(run, 90) == (
        "epoch   5/100 loaded  train 0.6000   validation 0.5000   accuracy  66.7%  gap -0.1000"
    )


def test_the_headline_names_the_run_and_what_is_in_force(script: Any) -> None:
    change = CommandTaken(command="set", value={"key": "optimizer.lr", "value": 0.5}, epoch=4, step=40)
    run = script.run([*script.events(), change], label="digits-0003")
    assert views.headline(None, run.experiment, 60).startswith("digits · mlp 128-64 · cce · adam 0.001")
    assert (
        views.headline(run, run.experiment, 60)
        == "digits-0003 · mlp 128-64 · cce · adam 0.5 · he-uniform · …"
    )
    run.label = "mine"
    assert (
        views.headline(run, run.experiment, 60)
        == "mine · digits · mlp 128-64 · cce · adam 0.5 · he-uniform · …"
    )
    for width in range(1, 80):
        assert cell_len(views.headline(run, run.experiment, width)) <= width


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("data.label_noise=0.2", "digits label noise 0.2"),
        ("data.subset=100", "digits (100)"),
        ("model.activation=tanh", "mlp 128-64 tanh"),
        ("init=normal-tiny", "normal 0.01"),
        ("training=cosine", "adam 0.001 · cosine"),
        ("loss=cce-balanced", "cce balanced"),
    ],
)
def test_the_title_tells_what_makes_an_experiment_another(script: Any, setting: str, words: str) -> None:
    assert words in views.in_one_line(script.experiment(setting))


def test_the_figures_that_fit(script: Any) -> None:
    run = script.run(script.events())
    assert views.figures(run, 78) == (
        "epoch   8/100  train 0.1000   validation 0.8000   accuracy  55.6%  gap 0.7000 "
    )
    assert views.figures(run, 40) == "epoch   8/100  train 0.1000 "
    assert views.figures(run, 120).endswith("gap 0.7000    12,345 examples/s  step 80")


def test_the_status_of_each_state(script: Any) -> None:
    states = script.states()
    # Epochs of two seconds; 94 of 100 are left after six.
    assert str(views.status(states["running"])) == "● training  00:12 · ≤03:08 left"
    assert str(views.status(states["paused"])) == "‖ paused  00:16", "how long it waits nobody knows"
    assert str(views.status(states["crashed"])).endswith(" crashed  00:12")
    states["crashed"].outside = "stalled"
    assert str(views.status(states["crashed"])).endswith(" stalled  00:12")
    assert str(views.status(states["stopped_early"])) == "■ stopped early  00:16"
    assert str(views.status(states["refused"])) == "✗ refused"
    assert str(views.status(states["queued"])) == "○ queued"
    assert str(views.status(None)) == "○ no run yet"
    states["running"].ask("pause")
    assert str(views.status(states["running"])) == "● training · pausing…  00:12 · ≤03:08 left"


def test_the_diagnosis_tells_trouble_from_news(script: Any) -> None:
    states = script.states()
    assert views.diagnosis_line(states["refused"]) == ("data: the file houses.csv is not there", True)
    assert views.diagnosis_line(states["failed"]) == ("CUDA out of memory", True)
    assert views.diagnosis_line(states["storage"])[0].startswith("Storage fault: no space left.")
    assert views.diagnosis_line(None) == (
        "Press r to train this experiment. The diagnosis will tell here what the curves mean.",
        False,
    )
    assert views.diagnosis_line(states["diverged"])[1]


def test_the_title_drops_whole_words(script: Any) -> None:
    experiment = script.experiment("regularization.l2=0.0001")
    whole = "digits · mlp 128-64 · cce · adam 0.001 · l2 0.0001 · he-uniform · batch 64"
    assert views.in_one_line(experiment) == whole == views.in_one_line(experiment, len(whole))
    assert views.in_one_line(experiment, 40) == "digits · mlp 128-64 · cce · …"
    for width in range(1, 100):
        assert cell_len(views.in_one_line(experiment, width)) <= width


def test_a_test_result_that_was_looked_at_twice_says_so(script: Any) -> None:
    told = script.events(reason="finished")
    ended = type(told[-1])(reason="finished", epoch=8, test={"loss": 0.5, "metrics": {}, "evaluations": 2})
    line = stopping_panel.test_line(script.run([*told[:-1], ended]).history)
    assert line == "test: loss 0.5000 (seen 2 times: biased)"


def test_metrics_without_room_are_left_out_and_no_number_is_cut(script: Any) -> None:
    test = {"loss": 0.0529, "metrics": {"accuracy": 0.988, "recall": 0.975, "precision": 1.0}}
    *told, ended = script.events(reason="finished")
    history = script.run([*told, replace(ended, test=test)]).history
    whole = stopping_panel.test_line(history)
    assert whole.endswith("precision 100.0%")
    for width in range(20, len(whole)):
        line = stopping_panel.test_line(history, width)
        assert len(line) <= width
        assert whole.startswith(line)
        assert whole[len(line) :].startswith(" · ")
        assert stopping_panel.stopping_lines(script.run([*told, replace(ended, test=test)]), width)[2] == line


def test_a_run_that_ends_before_its_first_check_says_so(script: Any) -> None:
    ended = RunEnded(reason="diverged", epoch=0, step=3, detail="the loss is not finite at step 3")
    run = script.run([script.started(script.experiment()), ended])
    lines = stopping_panel.stopping_lines(run, 80)
    assert lines[0] == "diverged at epoch 0: the loss is not finite at step 3"
    spec = plots.loss_chart(run, [run], View(), 80, 20)
    assert spec.curves == ()
    assert spec.empty == "it ended after 3 steps, before there was a value to draw"


def test_clipped_text_says_that_there_is_more() -> None:
    assert views.clipped("one two three four", 9, 2) == "one two\nthree …"
    assert views.clipped("one two three four", 9, 3) == "one two\nthree\nfour"
    assert views.clipped("a\n  b c d", 4, 9) == "a\n  b\n  c\n  d"
    for width in range(1, 60):
        text = views.clipped("word " * 40, width, 3, "… d: all of it")
        assert text.count("\n") <= 2
        assert all(len(line) <= max(width, len("… d: all of it")) for line in text.split("\n"))


def test_seven_bit_text_keeps_its_meaning() -> None:
    assert seven_bit("● digits · mlp") == "* digits - mlp"
    assert seven_bit("ŷ = W·x, η ≤ 1") == "y^ = W*x, eta <= 1"
    assert seven_bit("日本") == "??"


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("stopped on request after epoch 8", "stopped on request after epoch 8"),
        ("stopped on request", "stopped on request at epoch 8"),
        ("by SIGTERM", "stopped at epoch 8: by SIGTERM"),
        ("", "stopped at epoch 8"),
    ],
)
def test_how_it_was_stopped_is_said_once(script: Any, detail: str, words: str) -> None:
    *before, ended = script.events(reason="stopped")
    run = script.run([*before, replace(ended, detail=detail)])
    assert stopping_panel.stopping_lines(run, 80)[0] == words


def test_a_single_check_is_one_check(script: Any) -> None:
    experiment = script.experiment("stopping.patience=1")
    run = script.run(script.events([1, 1], [1, 2], experiment=experiment, reason="stopped_early"))
    assert (
        stopping_panel.stopping_lines(run, 80)[0] == "stopped early at epoch 2: 1 check without improvement"
    )


def test_a_pause_is_told(script: Any) -> None:
    run = script.run([*script.events(), CommandTaken(command="pause"), CommandTaken(command="resume")])
    assert run.state == "training"
