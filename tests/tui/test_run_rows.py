"""The rows of the runs table: what differs, in which order, with which signs."""

from __future__ import annotations

from typing import Any

from ladera.tui import run_rows


def runs_of(script: Any, *settings: tuple[str, ...]) -> list[Any]:
    """Runs without events, numbered."""
    return [script.run(experiment=script.experiment(*each), number=i) for i, each in enumerate(settings)]


def test_what_differs_are_the_values_that_several_have(script: Any) -> None:
    one, two = runs_of(script, (), ("optimizer.lr=0.1", "training.seed=3"))
    assert run_rows.what_differs(one, [one]) == "—"
    assert run_rows.what_differs(two, [one, two]) == "lr=0.1 seed=3"
    assert run_rows.what_differs(one, [one, two]) == "lr=0.001 seed=0"


def test_kinds_come_first_and_tell_what_only_they_have(script: Any) -> None:
    # adam has beta1 and beta2, sgd neither; both have a learning rate.
    adam, sgd = runs_of(script, ("training.batch_size=32",), ("optimizer=sgd",))
    assert run_rows.what_differs(adam, [adam, sgd]) == "adam lr=0.001 batch_size=32"
    assert run_rows.what_differs(sgd, [adam, sgd]).startswith("sgd lr=")


def test_a_row(script: Any) -> None:
    run = script.states()["stopped_early"]
    assert run_rows.run_row(run, []) == ("  digits", "■ stopped early", "8/100", "0.5000", "5", "—")
    run.pinned = True
    assert run_rows.run_row(run, [], run)[0] == "▸♦ digits"
    run.pinned, run.shown = False, False
    assert run_rows.run_row(run, [], run)[0] == "▸◌ digits"


def test_a_long_name_keeps_its_number(script: Any) -> None:
    run = script.run(label="too-high-learning-rate-0012")
    (name, *_) = run_rows.run_row(run, [])
    assert name == "  too-high-learn…-0012"
    assert len(name) == run_rows.COLUMNS["run"]


def test_runs_in_one_line(script: Any) -> None:
    one, two = runs_of(script, (), ())
    assert run_rows.runs_line([one, two], 60).rstrip() == "○ digits preparing   ○ digits preparing"


def test_the_orders(script: Any) -> None:
    worse = script.run(script.events([1.0], [0.9]), "b", number=0)
    better = script.run(script.events([1.0], [0.4]), "c", number=1)
    none = script.run([], "a", number=2)

    def names(by: str) -> str:
        return "".join(run.name for run in run_rows.ordered([worse, better, none], by))

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
