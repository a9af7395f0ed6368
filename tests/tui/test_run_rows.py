"""The rows of the runs table: which columns there is room for, what differs, in which order, with which signs."""

from __future__ import annotations

import math
from typing import Any

import pytest
from rich.cells import cell_len

from ladera.engine.events import CommandTaken, Resumed
from ladera.tui import run_rows
from ladera.tui.run_rows import GAP, SIGN, goodness, table
from ladera.tui.values import Change, Values, differing, in_cells


def runs_of(script: Any, *settings: tuple[str, ...]) -> list[Any]:
    """Runs without events, numbered."""
    return [script.run(experiment=script.experiment(*each), number=i) for i, each in enumerate(settings)]


def cells(runs: list[Any], number: int = 0, **options: Any) -> dict[str, str]:
    """A row by its columns' titles."""
    shown = table(runs, **options)
    return dict(zip([title for title, _ in shown.columns], shown.rows[number], strict=True))


def differences(*runs: Any) -> list[str]:
    keys = differing([run.values for run in runs])
    return [" ".join(run.values.told(keys)) for run in runs]


def set_to(key: str, value: Any, epoch: int, error: str = "") -> CommandTaken:
    return CommandTaken(
        time=2.0 * epoch,
        command="set",
        value={"key": key, "value": value},
        epoch=epoch,
        step=10 * epoch,
        error=error,
    )


# -- what differs ----------------------------------------------------------------------------------------------------


def test_what_differs_are_the_values_that_several_have(script: Any) -> None:
    one, two = runs_of(script, (), ("optimizer.lr=0.1", "training.seed=3"))
    assert differences(one) == [""]
    assert differences(one, two) == ["lr=0.001 seed=0", "lr=0.1 seed=3"]
    assert cells([one])["what differs"] == "—"


def test_kinds_come_first_and_tell_what_only_they_have(script: Any) -> None:
    # adam has beta1 and beta2, sgd neither; both have a learning rate.
    adam, sgd = runs_of(script, ("training.batch_size=32",), ("optimizer=sgd",))
    told = differences(adam, sgd)
    assert told[0] == "adam lr=0.001 batch_size=32"
    assert told[1].startswith("sgd lr=") and "beta" not in told[1]


def test_a_live_change_is_told_of_one_run_alone_and_beside_others(script: Any) -> None:
    changed = script.run([*script.events(), set_to("optimizer.lr", 0.01, 19)])
    assert differences(changed) == ["lr=0.001→0.01 @19"]
    # The other has now the same learning rate; that it began with it is what differs.
    (other,) = runs_of(script, ("optimizer.lr=0.01",))
    assert differences(changed, other) == ["lr=0.001→0.01 @19", "lr=0.01"]
    assert changed.in_force.optimizer.lr == 0.01


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([set_to("optimizer.lr", 0.1, 3), set_to("optimizer.lr", 0.01, 5)], "lr=0.001→0.01 @5"),
        ([set_to("optimizer.lr", 0.1, 3), set_to("optimizer.lr", 0.001, 5)], ""),  # as it was
        ([set_to("optimizer.lr", 0.1, 3, "lr must be above 0")], ""),
        (
            [Resumed(time=16.0, epoch=8, step=80, changes={"stopping.patience": [10, 30]})],
            "patience=10→30 @8",
        ),
        ([set_to("training.clip_norm", 1.0, 3)], "clip_norm=0→1 @3"),
    ],
)
def test_which_changes_count(script: Any, events: list[Any], told: str) -> None:
    assert differences(script.run([*script.events(), *events])) == [told]


def test_values_are_looked_up_once_until_something_changes(script: Any) -> None:
    run = script.run(script.events())
    assert run.values is run.values and run.in_force is run.in_force
    before = run.values
    run.incoming.append(set_to("optimizer.lr", 0.01, 8))
    run.poll()
    assert run.values is not before


def test_a_log_of_another_version_changes_nothing_that_this_one_does_not_know(script: Any) -> None:
    run = script.run([*script.events(), set_to("optimizer.lr", "fast", 8)])
    assert run.in_force == run.experiment
    assert differences(run) == ["lr=0.001→fast @8"]


def test_words_are_left_out_whole_and_shorter_ones_take_their_place() -> None:
    words = ["momentum", "hidden=256-128", "lr=0.05", "seed=3"]
    found = {width: in_cells(words, width) for width in (38, 37, 30, 26, 18, 17, 10, 9, 8, 1)}
    assert found == {
        38: "momentum hidden=256-128 lr=0.05 seed=3", 37: "momentum hidden=256-128 lr=0.05 …", 30: "momentum hidden=256-128 …",
        26: "momentum hidden=256-128 …", 18: "momentum lr=0.05 …", 17: "momentum seed=3 …", 10: "momentum …", 9: "lr=0.05 …",
        8: "seed=3 …", 1: "…",
    }  # fmt: skip
    assert in_cells([], 5) == ""
    change = Values.of({"a": {"b": 1}}, {"a.b": Change(1, 3), "a.c": Change(2, 4)})
    assert change.told(["a.b", "a.c", "a.d"]) == ["b=1", "c=none→2 @4"]
    assert change.all() == {"a.b": "1", "a.c": "2"}


# -- columns and signs -----------------------------------------------------------------------------------------------


def test_a_row(script: Any) -> None:
    run = script.states()["stopped_early"]
    # Accuracy at the best epoch is 1 / (1 + 0.5), the script's test accuracy 0.9, its time 2 s an epoch.
    assert cells([run], width=160) == {
        "run": " ━  digits", "state": "■ stopped early", "epoch": "  8/100", "best": "0.5000 @5", "accuracy": "66.7%",
        "test": "90.0%", "time": "00:16", "what differs": "—",
    }  # fmt: skip
    run.pinned = True
    assert cells([run], current=run)["run"] == "▸━♦ digits"
    run.pinned, run.shown = False, False
    assert cells([run], current=run)["run"] == "▸◌  digits"


def test_without_colours_a_line_is_known_by_its_letter(script: Any) -> None:
    runs = runs_of(script, (), ())
    shown = table(runs, colour=False)
    assert [row[0][SIGN] for row in shown.rows.values()] == ["B", "A"]
    assert run_rows.letter(26) == "A"


@pytest.mark.parametrize("width", [20, 40, 60, 76, 78, 86, 120, 158, 300])
def test_columns_fill_the_width_and_no_cell_is_cut(script: Any, width: int) -> None:
    runs = [run for number, run in enumerate(script.states().values()) for run.number in (number,)]
    shown = table(runs, width=width)
    assert set(shown.rows) == {run.number for run in runs}
    total = sum(wide + GAP for _, wide in shown.columns)
    assert total == width or shown.columns[-1][1] == 1  # too narrow even for what is always there
    for row in shown.rows.values():
        assert all(cell_len(cell) <= wide for cell, (_, wide) in zip(row, shown.columns, strict=True))


def test_what_differs_keeps_its_room_until_there_is_enough_for_more(script: Any) -> None:
    finished = script.run(script.events(reason="finished", restored=5), "digits-0001")
    titles = {
        width: [title for title, _ in table([finished], width=width).columns[4:-1]]
        for width in (76, 86, 96, 106)
    }
    assert titles == {76: [], 86: ["accuracy"], 96: ["accuracy", "test"], 106: ["accuracy", "test", "time"]}
    assert table([finished], width=76).columns[-1][1] >= 18  # 80x24


def test_test_results_are_told_only_after_the_end(script: Any) -> None:
    assert "test" not in cells([script.run(script.events())], width=200)


def test_of_a_monitored_metric_the_loss_is_told_beside_it(script: Any) -> None:
    experiment = script.experiment("stopping.monitor=accuracy", "stopping.mode=max")
    run = script.run(script.events(experiment=experiment, reason="finished"), experiment=experiment)
    row = cells([run], width=200)
    assert (row["best"], row["loss"], row["test"]) == ("66.7%  @5", "0.5000", "0.5500")


def test_metrics_of_different_tasks_are_named(script: Any) -> None:
    states = script.states()
    runs = [states["finished"], states["regression"]]
    runs[1].number = 1
    assert [cells(runs, number, width=200)["metric"] for number in (0, 1)] == ["accuracy 66.7%", "R² 3.1e-04"]
    assert cells(runs, 0, width=200)["test"] == "accuracy 90.0%"


def test_a_long_name_keeps_its_number(script: Any) -> None:
    run = script.run(label="too-high-learning-rate-0012")
    name = cells([run])["run"]
    assert name == " ━  too-high-lea…-0012"
    assert cells([run], width=200)["run"] == " ━  too-high-learning-rate-0012"


def test_runs_in_one_line(script: Any) -> None:
    one, two = runs_of(script, (), ())
    assert run_rows.runs_line([], 60) == "no runs yet"
    assert run_rows.runs_line([], 60, earlier=1200) == "no runs yet; / lists 1,200 earlier"
    two.label = "wine"
    assert run_rows.runs_line([one, two], 24).rstrip() == "○ wine preparing"
    assert run_rows.runs_line([one, two], 24, one).rstrip() == "○ digits preparing"
    two.label = "digits"
    assert run_rows.runs_line([one, two], 60).rstrip() == "○ digits preparing   ○ digits preparing"


# -- order -----------------------------------------------------------------------------------------------------------


def test_the_orders(script: Any) -> None:
    worse = script.run(script.events([1.0], [0.9]), "b", number=0)
    better = script.run(script.events([1.0], [0.4]), "c", number=1)
    none = script.run([], "a", number=2)

    def names(by: str) -> str:
        runs = [worse, better, none]
        assert list(table(runs, by).rows) == [run.number for run in run_rows.ordered(runs, by)]
        return "".join(run.name for run in run_rows.ordered(runs, by))

    assert names("newest") == "acb"
    assert names("best") == "cba"
    assert names("name") == "abc"
    worse.pinned = True
    assert names("best") == "bca"


def test_of_a_metric_that_grows_the_highest_is_best(script: Any) -> None:
    # The script's accuracy is 1 / (1 + loss): the lower loss has the higher accuracy.
    settings = ("stopping.monitor=accuracy", "stopping.mode=max")
    experiment = script.experiment(*settings)
    low = script.run(script.events([1.0], [9.0], experiment=experiment), "low", experiment=experiment)
    high = script.run(script.events([1.0], [0.1], experiment=experiment), "high", experiment=experiment)
    assert [run.name for run in run_rows.ordered([low, high], "best")] == ["high", "low"]
    assert "1. high" in run_rows.comparison([low, high])


def test_what_cannot_be_compared_does_not_stand_between() -> None:
    places = [
        goodness("wine", "loss", "min", 0.1), goodness("digits", "loss", "min", 0.3), goodness("digits", "accuracy", "max", 0.9),
        goodness("digits", "loss", "min", None), goodness("digits", "loss", "min", 0.2), goodness("digits", "accuracy", "max", 0.95),
        goodness("digits", "loss", "min", math.nan),
    ]  # fmt: skip
    order = sorted(range(len(places)), key=lambda place: places[place])
    assert order[:5] == [5, 2, 4, 1, 0]


def test_the_comparison_tells_what_was_changed(script: Any) -> None:
    changed = script.run([*script.events(), set_to("optimizer.lr", 0.01, 7)], "one")
    text = run_rows.comparison([changed, script.run(script.events(), "two")])
    assert "optimizer.lr               0.01             0.001" in text
    assert "one: optimizer.lr was 0.001 until epoch 7" in text
