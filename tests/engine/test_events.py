"""Events on disk: strict JSON, read back as they were."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladera.engine import Experiment, run
from ladera.engine.event_lines import from_plain, to_line, to_plain
from ladera.engine.events import (
    EVENTS,
    Checked,
    CheckpointSaved,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    LayersProbed,
    Probed,
    RunEnded,
    RunStarted,
    StepsEnded,
)

NUMBERS = st.floats(allow_nan=False) | st.just(math.inf)


@given(st.integers(1, 10**9), NUMBERS, NUMBERS, NUMBERS)
def test_steps_come_back_as_they_were(step: int, loss: float, low: float, high: float) -> None:
    event = StepsEnded(time=1.5, epoch=2, step=step, loss=loss, low=low, high=high)
    assert from_plain(json.loads(to_line(event))) == event


def test_non_finite_numbers_are_strings_on_disk_and_numbers_again_in_memory() -> None:
    train = {"loss": math.nan, "penalty": 0.0, "metrics": {"accuracy": 0.5}}
    event = EpochEnded(
        epoch=1,
        step=2,
        train=train,
        validation={"loss": -math.inf, "metrics": {}},
        lr=0.1,
        seconds=1,
        examples_per_second=9,
    )
    line = to_line(event)
    assert json.loads(line, parse_constant=pytest.fail)["train"]["loss"] == "nan"
    again = from_plain(json.loads(line))
    assert isinstance(again, EpochEnded)
    assert math.isnan(again.train["loss"])
    assert again.validation == {"loss": -math.inf, "metrics": {}}


def test_names_that_look_like_numbers_stay_names() -> None:
    event = RunStarted(
        experiment={"data": {"name": "inf"}}, parameters=1, task="multiclass", classes=("nan", "inf"), target="nan",
        sizes={"train": 1}, steps_per_epoch=1,
    )  # fmt: skip
    assert from_plain(json.loads(to_line(event))) == event


def test_every_number_that_may_not_be_finite_comes_back_as_one() -> None:
    events = [
        RunStarted(
            experiment={}, parameters=1, task="regression", sizes={}, steps_per_epoch=1, chance=math.inf
        ),
        Diagnosed(finding="diverged", text="", evidence={"loss": -math.inf}),
        Checked(epoch=1, value=math.inf, best=None, best_epoch=None, wait=1, patience=2, verdict="waiting"),
        LayersProbed(epoch=0, step=0, layers_health=({"std": math.inf},)),
        Probed(probe="rates", step=1, answer={"rates": (math.inf, 1.0)}),
        RunEnded(reason="diverged", test={"loss": math.inf, "metrics": {"mae": -math.inf}}),
        CommandTaken(command="set", value={"key": "stopping.monitor", "value": "inf"}),
    ]
    for event in events:
        assert from_plain(json.loads(to_line(event))) == event


#: The names of events and fields that other programs rely on.
ON_DISK = {
    "run_started": "experiment parameters classes sizes versions device",
    "steps_ended": "epoch step loss",
    "epoch_ended": "epoch step train validation seconds examples_per_second",
    "checked": "epoch value best best_epoch wait patience verdict",
    "diagnosed": "name text evidence",
    "command": "name value",
    "checkpoint_saved": "",
    "run_ended": "reason best_epoch restored_epoch test seconds",
}


def test_events_and_fields_have_stable_names_on_disk() -> None:
    seen: set[str] = set()
    trained = run(Experiment.model_validate({"training": {"epochs": 2, "batch_size": 1}}))
    others = [CheckpointSaved(epoch=1, step=2, path="x"), CommandTaken(command="pause")]
    for event in [*trained, *others]:
        line = json.loads(to_line(event))
        assert line == json.loads(json.dumps(to_plain(event)))
        if line["event"] in ON_DISK:
            assert {"event", "time", *ON_DISK[line["event"]].split()} <= line.keys()
            seen.add(line["event"])
        if line["event"] == "epoch_ended":
            assert {"loss", "penalty", "metrics"} <= line["train"].keys()
            assert {"loss", "metrics"} <= line["validation"].keys()
    assert seen == ON_DISK.keys()


@pytest.mark.parametrize(
    ("event", "old"),
    [(Diagnosed(finding="overfit", text="t"), "finding"), (CommandTaken(command="set", value=1), "command")],
)
def test_what_a_diagnosis_or_a_command_is_called_has_two_names(event: Event, old: str) -> None:
    line = json.loads(to_line(event))
    assert line["name"] in ("overfit", "set")
    assert old not in line
    assert from_plain(line) == event
    line[old] = line.pop("name")  # as older logs have it
    assert from_plain(line) == event


def test_text_stays_one_line() -> None:
    line = to_line(CommandTaken(command="set", value="a\nb\u2028c", error="\x1b[2J"))
    assert "\n" not in line
    assert "\x1b" not in line


def test_every_event_has_a_name_of_its_own() -> None:
    assert len(EVENTS) == 13
    assert all(kind.name == name for name, kind in EVENTS.items())


@pytest.mark.parametrize(
    "line", [{}, {"event": "dance"}, {"event": "steps_ended", "step": 1}, {"event": None}]
)
def test_what_is_no_event_is_refused(line: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="event"):
        from_plain(line)


def test_fields_of_a_newer_version_are_passed_over() -> None:
    values = json.loads(to_line(StepsEnded(epoch=1, step=2, loss=3.0, low=2.0, high=4.0)))
    assert from_plain({**values, "colour": "blue"}) == StepsEnded(
        epoch=1, step=2, loss=3.0, low=2.0, high=4.0
    )
