"""Which curves, marks and bands a chart shows, and what another early stopping would have done."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ladera.engine.events import (
    Checked,
    CheckpointSaved,
    CommandTaken,
    EpochEnded,
    Resumed,
    RunEnded,
    StepsEnded,
)
from ladera.engine.history import History
from ladera.engine.stopping import replay
from ladera.tui import plots
from ladera.tui.charts import Chart
from ladera.tui.curves import Strip
from ladera.tui.inks import INKS
from ladera.tui.scale import choose_ranges
from ladera.tui.screens.what_if import Question, answer, asked, stepped, told
from ladera.tui.view import View, panned, visible, zoomed

SIZES = [(1, 1), (10, 3), (40, 10), (80, 14), (180, 40)]


def marks(spec: Any) -> dict[str, float]:
    return {mark.label: float(mark.x) for mark in spec.marks}


@pytest.mark.parametrize("marker", ["braille", "block", "ascii"])
def test_every_state_can_be_drawn_at_every_size(script: Any, marker: Any) -> None:
    for name, run in script.states().items():
        for width, height in SIZES:
            for view in (View(marker=marker), View(marker=marker, smoothing=0.9, axis="time", cursor=2.0)):
                for chart in (plots.loss_chart, plots.metric_chart):
                    drawn = Chart().plain(chart(run, [run], view, width, height))
                    assert "unavailable" not in drawn, (name, drawn)
                    assert "\x1b" not in drawn
                    assert marker != "ascii" or drawn.isascii(), (name, drawn)


def test_both_curves_with_their_marks(script: Any) -> None:
    experiment = script.experiment("stopping.patience=4", "stopping.min_delta=0.1")
    run = script.run(script.events(experiment=experiment), experiment=experiment)
    spec = plots.loss_chart(run, [run], View(), 80, 20)
    assert [(curve.label, curve.style, curve.last) for curve in spec.curves] == [
        ("train", "dim", 0.1),
        ("validation", "strong", 0.8),
    ]
    assert marks(spec) == {"best 0.5000 @ 5": 5, "would stop @ 9": 9}
    # Improvements must get below 0.5 - 0.1.
    assert [(band.low, band.high) for band in spec.bands] == [(0.4, 0.5)]
    assert spec.log_y
    assert not plots.metric_chart(run, [run], View(), 80, 20).log_y


def test_the_axis_of_a_share_ends_at_one(script: Any) -> None:
    run = script.run(script.events([0.01] * 5, [0.02] * 5))
    # 1 / 1.02 = 0.980 lies above 0.98, 1 / 1.1 = 0.909 above 0.9.
    assert plots.metric_chart(run, [run], View(), 80, 20).y_range == (0.98, 1.0)
    run = script.run(script.events([0.01] * 5, [0.1] * 5))
    assert plots.metric_chart(run, [run], View(), 80, 20).y_range == (0.9, 1.0)
    run = script.run(script.events([0.01], [math.nan]))
    assert plots.metric_chart(run, [run], View(), 80, 20).y_range == (0.98, 1.0)
    run = script.states()["regression"]
    assert plots.metric_chart(run, [run], View(), 80, 20).y_range is None


def test_before_the_first_run_the_chart_teaches(script: Any) -> None:
    assert "press r to train" in plots.loss_chart(None, [], View(), 80, 20).empty
    states = script.states()
    assert plots.loss_chart(states["empty"], [], View(), 80, 20).empty == "reading the data…"
    assert (
        "queued: it trains when those before it"
        in plots.loss_chart(states["queued"], [], View(), 80, 20).empty
    )
    assert "press r" in plots.loss_chart(script.states()["refused"], [], View(), 80, 20).empty


def test_a_run_that_waits_for_torch_says_so_until_it_is_there(script: Any) -> None:
    run = script.states()["empty"]
    run.loading = True
    assert plots.loss_chart(run, [], View(), 80, 20).empty == "loading torch…"
    assert run.poll()  # something to show
    assert not run.poll()
    run.loading = False
    assert run.poll()
    assert plots.loss_chart(run, [], View(), 80, 20).empty == "reading the data…"


def test_other_runs_lie_below_and_keep_their_colour(script: Any) -> None:
    one, two = (script.run(script.events(), label=f"run-{n}", number=n) for n in (0, 1))
    spec = plots.loss_chart(two, [one, two], View(), 80, 20)
    assert [curve.label for curve in spec.curves] == ["run-0", "train", "validation"]
    assert [curve.colour for curve in spec.curves] == [INKS["dark"].runs[0], *[INKS["dark"].runs[1]] * 2]
    one.shown = False
    assert len(plots.loss_chart(two, [one, two], View(), 80, 20).curves) == 2
    assert {curve.colour for curve in plots.loss_chart(two, [one], View(colour=False), 80, 20).curves} == {
        None
    }


def test_a_run_that_has_ended_is_seen_beside_the_whole_of_the_others(script: Any) -> None:
    short = script.run(script.events(reason="finished"), number=0)
    long = script.run(script.events([1.0 / n for n in range(1, 31)], [1.0] * 30), number=1)
    assert short.history.epoch == 8
    assert plots.loss_chart(short, [short, long], View(), 80, 20).x_range == (0, 30)
    long.shown = False
    assert plots.loss_chart(short, [short, long], View(), 80, 20).x_range == (0, 8)
    long.shown, training = True, script.run(script.events(), number=2)
    assert plots.loss_chart(training, [long, training], View(), 80, 20).x_range[1] < 30, "its own pace"


def test_the_visible_range_grows_in_steps(script: Any) -> None:
    long = [1.0 / n for n in range(1, 100)]
    ends = [visible(script.run(script.events(long[:n], long[:n])).history, View())[1] for n in range(1, 99)]
    assert ends == sorted(ends)
    assert len(set(ends)) < 12
    assert ends[-1] <= 100  # never beyond the last epoch of the experiment


def test_ended_runs_show_no_empty_room(script: Any) -> None:
    run = script.states()["stopped_early"]
    assert visible(run.history, View()) == (0.0, 8.0)
    assert visible(run.history, View(start=3.0, end=3.0)) == (3.0, 4.0)
    spec = plots.loss_chart(run, [run], View(), 80, 20)
    assert marks(spec) == {"best 0.5000 @ 5": 5, "stopped @ 8": 8}


@pytest.mark.parametrize(("axis", "end"), [("epoch", 8.0), ("step", 80.0), ("time", 16.0)])
def test_the_axis_changes_everything_alike(script: Any, axis: Any, end: float) -> None:
    run = script.states()["stopped_early"]
    spec = plots.loss_chart(run, [run], View(axis=axis), 80, 20)
    assert spec.x_range is not None
    assert spec.x_range[1] == pytest.approx(end)
    assert float(spec.curves[1].x[-1]) == pytest.approx(end)
    assert marks(spec)["best 0.5000 @ 5"] == pytest.approx(5 * end / 8)
    assert spec.x_label == {"time": "seconds"}.get(axis, axis)


def test_commands_and_resumes_are_marked(script: Any) -> None:
    events = [
        *script.events(),
        CommandTaken(command="set", value={"key": "optimizer.lr", "value": 0.1}, epoch=4, step=40),
        CommandTaken(command="set", value={"key": "a.b", "value": 1}, epoch=5, step=50, error="no"),
        CommandTaken(command="pause", epoch=6, step=60),
    ]
    events.append(CheckpointSaved(epoch=6, step=65, path="checkpoints/step-000000065"))
    spec = plots.loss_chart(script.run(events), [], View(cursor=3.0), 80, 20)
    kinds = [
        (mark.kind, float(mark.x), mark.label) for mark in spec.marks if mark.kind in ("command", "cursor")
    ]
    assert kinds == [("command", 4, "lr 0.1"), ("command", 6, "pause"), ("cursor", 3, "@ 3")]
    assert [float(mark.x) for mark in spec.marks if mark.kind == "save"] == [6.5]
    resumed = script.run([*script.events(), Resumed(epoch=4, step=40)])
    spec = plots.loss_chart(resumed, [], View(), 80, 20)
    assert [(mark.label, float(mark.x)) for mark in spec.marks if mark.kind == "resume"] == [("resumed", 4)]
    assert len(spec.curves[0].x) == 4  # what lay behind the checkpoint is gone


def test_under_a_smoothed_curve_the_raw_one_stays(script: Any) -> None:
    run = script.run(script.events())
    spec = plots.loss_chart(run, [run], View(smoothing=0.6), 80, 20)
    assert [(curve.label, curve.points) for curve in spec.curves] == [
        ("", True), ("train", False), ("", True), ("validation", False),
    ]  # fmt: skip
    assert list(spec.curves[2].y) == pytest.approx([2.1, 1.6, 1.1, 0.9, 0.5, 0.6, 0.7, 0.8])
    assert spec.curves[3].last == 0.8  # the number at the end is the measured one


def test_the_cursor_reads_exact_values(script: Any) -> None:
    one, two = (script.run(script.events(), label=f"run-{n}", number=n) for n in (0, 1))
    assert plots.exact_values(one, View()) == ""
    assert plots.exact_values(one, View(cursor=5.0)) == (
        "epoch 5  train 0.6  validation 0.5  accuracy 66.7%  train accuracy 62.5%  step 50  after 00:10"
    )
    assert plots.exact_values(one, View(cursor=5.0), 40) == "epoch 5  train 0.6  validation 0.5"
    # The other runs' values at the cursor, and one's own, stand at the ends of the lines of both charts.
    for chart, values in (
        (plots.loss_chart, [0.5, 0.6, 0.5]),
        (plots.metric_chart, [1 / 1.5, 1 / 1.6, 1 / 1.5]),
    ):
        spec = chart(one, [one, two], View(cursor=5.0), 80, 20)
        assert [curve.last for curve in spec.curves] == pytest.approx(values)


def test_only_what_means_the_same_is_drawn_together(script: Any) -> None:
    base = script.experiment()
    run = script.run(script.events(), number=0)
    other_loss = base.model_copy(update={"loss": base.loss.model_copy(update={"kind": "mse"})})
    beside = [
        script.run(script.events(), number=1, label="alike"),
        script.run(script.events(), number=2, label="mse", experiment=other_loss),
        script.run(script.events(), number=3, label="iris", experiment=script.experiment(base="iris")),
    ]
    loss = plots.loss_chart(run, [run, *beside], View(), 80, 20)
    assert [curve.label for curve in loss.curves] == ["alike", "train", "validation"]
    assert loss.title == "Loss, log scale; 2 of other data or loss are not drawn"
    # An accuracy means the same whatever the loss was.
    accuracy = plots.metric_chart(run, [run, *beside], View(), 80, 20)
    assert [curve.label for curve in accuracy.curves] == ["alike", "mse", "train", "validation"]


def test_a_run_that_diverged_does_not_flatten_the_others(script: Any) -> None:
    run = script.run(script.events())
    diverged = script.run(script.events([1e20] * 3, [1e25] * 3, reason="diverged"), number=1, label="bad")
    spec = plots.loss_chart(run, [diverged, run], View(), 80, 20)
    assert [(curve.label, curve.fits) for curve in spec.curves] == [
        ("bad", False), ("train", True), ("validation", True),
    ]  # fmt: skip
    assert choose_ranges(spec, None).y.high < 10
    alone = plots.loss_chart(diverged, [diverged, run], View(), 80, 20)
    assert choose_ranges(alone, None).y.high > 1e24


def test_the_loss_axis_can_fit_validation_alone(script: Any) -> None:
    run = script.run(script.events([1e-8] * 8, [0.5] * 8))
    assert choose_ranges(plots.loss_chart(run, [run], View(), 80, 20), None).y.low < 1e-7
    assert choose_ranges(plots.loss_chart(run, [run], View(close=True), 80, 20), None).y.low > 0.1


@pytest.mark.parametrize(("axis", "end"), [("step", 120.0), ("time", 16.0), ("epoch", 8.0)])
def test_runs_of_other_batch_sizes_are_seen_whole_on_every_axis(script: Any, axis: Any, end: float) -> None:
    """Ten and fifteen steps an epoch: 80 and 120 steps in eight epochs; epochs take two seconds in both."""
    run = script.run(script.events(reason="finished"))
    longer = script.run(script.events(reason="finished", steps_per_epoch=15), number=1, label="longer")
    spec = plots.loss_chart(run, [run, longer], View(axis=axis), 80, 20)
    assert spec.x_range == pytest.approx((0.0, end))
    assert float(spec.curves[0].x[-1]) == pytest.approx(end)


def test_what_is_not_finite_stays_marked_under_a_smoothed_curve(script: Any) -> None:
    values = [1.0, 0.9, math.nan, 0.8, math.inf, 0.7]
    run = script.run(script.events([1.0] * 6, values))
    for smoothing in (0.0, 0.6):
        spec = plots.loss_chart(run, [run], View(smoothing=smoothing), 80, 20)
        line = spec.curves[-1]
        assert list(line.nonfinite) == [3.0, 5.0]
        drawn = Chart().plain(spec)
        assert "not finite" in drawn
        assert drawn.count("×") == 3  # one in the title


def test_before_the_first_epoch_the_losses_of_the_batches_are_seen(script: Any) -> None:
    steps = [
        StepsEnded(epoch=1, step=n, loss=float(9 - n), low=float(8 - n), high=float(10 - n))
        for n in (2, 4, 6)
    ]
    run = script.run([script.started(script.experiment()), *steps])
    spec = plots.loss_chart(run, [run], View(), 80, 20)
    (curve,) = spec.curves
    assert (curve.label, curve.last) == ("batches", 3.0)
    assert list(curve.x) == pytest.approx([0.2, 0.4, 0.6])  # ten steps an epoch
    assert (list(curve.low), list(curve.high)) == ([6.0, 4.0, 2.0], [8.0, 6.0, 4.0])
    whole = script.run([script.started(script.experiment()), *steps, *script.events()[1:]])
    for view, shown in ((View(), False), (View(batches=True), True), (View(axis="step"), True)):
        labels = [curve.label for curve in plots.loss_chart(whole, [whole], view, 80, 20).curves]
        assert labels == [""] * shown + ["train", "validation"]


def test_the_second_chart_shows_the_learning_rate_too(script: Any) -> None:
    run = script.run(script.events())
    assert plots.metrics(run.history) == ["accuracy", "lr"]
    spec = plots.metric_chart(run, [run], View(metric="lr"), 80, 20)
    assert spec.title.startswith("Learning rate")
    assert [list(curve.y) for curve in spec.curves] == [[0.001] * 8]


def test_patience_lies_on_the_axis_from_the_best_to_where_it_ends(script: Any) -> None:
    experiment = script.experiment("stopping.patience=4")
    run = script.run(script.events(experiment=experiment), experiment=experiment)
    assert plots.loss_chart(run, [run], View(), 80, 20).strip == Strip(5.0, 8.0, 9.0)
    assert plots.metric_chart(run, [run], View(), 80, 20).strip is None
    drawn = Chart().plain(plots.loss_chart(run, [run], View(), 80, 20))
    axis = next(line for line in drawn.split("\n") if "└" in line)
    # Three of four checks are used up: 75 % of the cells between 5 and 9.
    assert axis.count("▰") == pytest.approx(3 * axis.count("▱"), abs=3)
    improving = script.run(script.events(experiment=experiment)[:11], experiment=experiment)
    assert plots.loss_chart(improving, [improving], View(), 80, 20).strip is None


def test_a_branch_says_where_it_comes_from(script: Any) -> None:
    events = script.events(parent={"run": "digits-0001", "epoch": 3})
    spec = plots.loss_chart(script.run(events), [], View(), 80, 20)
    assert ("from digits-0001", 3.0) in [(mark.label, float(mark.x)) for mark in spec.marks]


def test_a_line_goes_on_to_the_edge_of_a_stretch(script: Any) -> None:
    """Checks every 4 epochs and a stretch between two of them: the line that joins them is seen."""
    experiment = script.experiment("training.validate_every=4")
    told = script.events([1.0] * 9, [1.0] * 9, experiment=experiment)
    kept = [
        replace(e, validation=None) if isinstance(e, EpochEnded) and e.epoch % 4 != 1 else e for e in told
    ]
    run = script.run([e for e in kept if not isinstance(e, Checked)])
    spec = plots.loss_chart(run, [run], View(start=6.0, end=8.0), 80, 20)
    assert list(spec.curves[-1].x) == [5.0, 9.0]
    checks = [float(m.x) for m in plots.loss_chart(run, [run], View(), 80, 20).marks if m.kind == "check"]
    assert checks == [1.0, 5.0, 9.0]


# -- the stretch that is seen ----------------------------------------------------------------------------------------


def training(script: Any, epochs: int) -> Any:
    values = [1.0 / n for n in range(1, epochs + 1)]
    return script.run(script.events(values, values), number=0)


def test_a_zoom_while_training_follows_the_newest_epoch(script: Any) -> None:
    view = zoomed(training(script, 40).history, View(), 0.5)
    span = view.span
    assert span is not None
    for epochs in (40, 41, 60):
        low, high = visible(training(script, epochs).history, view)
        assert (low, high) == (epochs - span, epochs)


def test_panning_keeps_the_length_and_comes_back_to_following(script: Any) -> None:
    history = training(script, 40).history
    view = zoomed(history, View(), 0.25)
    low, high = visible(history, view)
    earlier = panned(history, view, -0.5)
    assert visible(history, earlier) == pytest.approx((low - (high - low) / 2, high - (high - low) / 2))
    assert earlier.span is None
    later = panned(history, panned(history, earlier, 0.25), 0.25)
    assert later.span == pytest.approx(high - low)
    for _ in range(100):
        later = panned(history, later, 0.25)
    assert visible(history, later) == pytest.approx((low, high))
    first = panned(history, earlier, -100)
    assert visible(history, first)[0] == 0.0
    assert panned(history, View(), 0.25) == View()


@given(st.lists(st.sampled_from(["+", "-", "(", ")", "c"]), max_size=30), st.booleans(), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_a_stretch_never_leaves_the_run(keys: list[str], ended: bool, epochs: int) -> None:
    history = History()
    history.epoch = epochs
    if ended:
        history.ended = RunEnded(reason="finished", epoch=epochs)
    view = View()
    for key in keys:
        if key in "+-":
            view = zoomed(history, view, 0.5 if key == "+" else 2.0)
        elif key == "c":
            view = replace(view, cursor=float(epochs))
        else:
            view = panned(history, view, 0.25 if key == ")" else -0.25)
        low, high = visible(history, view)
        assert low >= 0
        assert high - low >= 1
        assert low < max(epochs, 1)
    assert visible(history, view.unzoomed()) == visible(history, View())


# -- what if ---------------------------------------------------------------------------------------------------------


def test_the_question_starts_as_the_run_was(script: Any) -> None:
    experiment = script.experiment("stopping.patience=3", "stopping.min_delta=0.1", "stopping.warm_up=2")
    run = script.run(script.events(experiment=experiment, reason="stopped_early", restored=5))
    assert asked(run.history) == Question("loss", "min", 3, 0.1, 2, None)
    assert answer(run.history, asked(run.history)).stop_epoch == 8


@pytest.mark.parametrize("patience", [1, 2, 3, 4, 50])
@pytest.mark.parametrize("delta", [0.0, 0.15, 0.3, 5.0])
@pytest.mark.parametrize(("monitor", "mode"), [("loss", "min"), ("accuracy", "max")])
def test_the_answer_is_the_replay(script: Any, patience: int, delta: float, monitor: str, mode: Any) -> None:
    run = script.run(script.events())
    values = [2.1, 1.6, 1.1, 0.9, 0.5, 0.6, 0.7, 0.8]
    points = [(e, v if monitor == "loss" else 1 / (1 + v)) for e, v in enumerate(values, 1)]
    verdicts = replay(points, monitor=monitor, mode=mode, patience=patience, min_delta=delta)
    found = answer(run.history, Question(monitor, mode, patience, delta))
    assert found.stop_epoch == (len(verdicts) if verdicts[-1].stop else None)
    assert (found.best_epoch, found.reference) == (verdicts[-1].best_epoch, verdicts[-1].reference)
    assert found.loss == values[(verdicts[-1].best_epoch or 1) - 1]
    assert found.lowest == 0.5


def said(run: Any, question: Question) -> str:
    return told(question, answer(run.history, question))


def test_the_answer_in_words(script: Any) -> None:
    run = script.run(script.events([1] * 6, [1.0, 0.6, 0.7, 0.8, 0.5, 0.9]))
    # By hand: with patience 2 the checks 3 and 4 do not beat 0.6; the lowest, 0.5, comes at 5.
    assert said(run, Question("loss", "min", 2, 0.0)) == (
        "monitor loss (min) · patience   2 · min_delta 0\n"
        "It would have stopped at epoch 4, 2 of 6 epochs earlier, with the weights of epoch 2 (loss 0.6000), "
        "0.1000 above the lowest recorded."
    )
    assert said(run, Question("loss", "min", 9, 0.0)) == (
        "monitor loss (min) · patience   9 · min_delta 0\n"
        "It would not have stopped within the 6 recorded epochs: the answer lies beyond them. So far: the weights of "
        "epoch 5 (loss 0.5000), the lowest recorded."
    )
    assert "the last one recorded" in said(script.run(script.events([1] * 2, [1.0, 0.9])), Question("loss", "min", 1, 0.5))  # fmt: skip
    assert "(accuracy 66.7%), validation loss 0.5000, the lowest recorded" in said(
        run, Question("accuracy", "max", 9, 0.0)
    )


def test_no_finite_value_and_a_best_of_zero(script: Any) -> None:
    nothing = script.states()["all nan"]
    assert "no finite value of loss" in said(nothing, Question("loss", "min", 1, 0.0))
    zero = script.run(script.events([0.0] * 3, [0.0] * 3))
    assert "(loss 0.0000)" in said(zero, Question("loss", "min", 1, 0.0))


def test_min_delta_moves_along_its_scale() -> None:
    assert stepped((0.0, 1.0, 2.0), 1.0, 1) == 2.0
    assert stepped((0.0, 1.0, 2.0), 0.0, -1) == 0.0
    assert stepped((0.0, 1.0, 2.0), 99.0, 1) == 2.0
    assert replace(Question("loss", "min", 1, 0.0), patience=2).patience == 2
