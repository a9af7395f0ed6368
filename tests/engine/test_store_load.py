"""From a log to a History through the index: the same History, or none of the index's."""

from __future__ import annotations

import math
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladera.engine.event_lines import to_line
from ladera.engine.events import (
    Checked,
    CheckpointSaved,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    LayersProbed,
    PausedAt,
    Resumed,
    RunEnded,
    RunStarted,
    StepsEnded,
    StorageFailed,
)
from ladera.engine.history import History
from ladera.engine.series import Series
from ladera.engine.store import index, index_reader, load, log
from ladera.engine.store.index_reader import resume_index, valid_rows
from ladera.engine.store.load import follow, load_history
from ladera.engine.store.lock import Lock
from ladera.engine.store.log_writer import LogWriter


@pytest.fixture(autouse=True)
def early_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the index begin at 2 kB, so that a test's log is long."""
    monkeypatch.setattr(index, "FROM_BYTES", 2000)


def story(steps: int, seed: int = 0, attempts: int = 1) -> list[Event]:
    """A run of `steps` reports, an epoch every tenth, killed and resumed from its last checkpoint between attempts."""
    draw = random.Random(seed)
    events: list[Event] = [
        RunStarted(
            experiment={"training": {"epochs": 99}},
            parameters=1,
            task="binary",
            sizes={"train": 4, "validation": 1, "test": 1},
            steps_per_epoch=10,
        )
    ]
    step = saved = 0
    for attempt in range(attempts):
        if attempt:
            step = saved
            events.append(Resumed(epoch=step // 10, step=step))
        for _ in range(steps // attempts):
            step += 1
            loss = draw.choice([1.0 / step, 1.0 / step, math.nan, math.inf, 1e300])
            events.append(
                StepsEnded(
                    time=step / 8, epoch=(step - 1) // 10 + 1, step=step, loss=loss, low=loss, high=loss
                )
            )
            if step % 10 == 0:
                train = {
                    "loss": 1.0 / step,
                    "metrics": {"accuracy": draw.random()},
                    "batches": {"mean": 1.0, "low": 0.5, "high": 2.0},
                }
                events.append(
                    EpochEnded(
                        epoch=step // 10,
                        step=step,
                        train=train,
                        validation=None,
                        lr=0.1,
                        seconds=1.0,
                        examples_per_second=5.0,
                    )
                )
            if step % 40 == 0:
                saved = step
                events.append(CheckpointSaved(epoch=step // 10, step=step, path="p"))
    return events


def write(directory: Path, events: list[Event], *, dirt: bytes = b"") -> LogWriter:
    """Write a log as the recorder does, with its index."""
    directory.mkdir(exist_ok=True)
    writer = LogWriter(directory / log.NAME)
    writer.open()
    resume_index(directory, writer.index, writer.size)
    for number, event in enumerate(events):
        row = (event.step, event.loss, event.low, event.high) if isinstance(event, StepsEnded) else None
        writer.append(to_line(event), row)
        if dirt and number % 50 == 20:
            writer.append(dirt.decode())
        if number % 7 == 0:
            writer.flush()
    writer.sync()
    writer.close()
    return writer


def told(history: History) -> dict[str, str]:
    """Everything that is public in a History, and what it answers."""

    def plain(value: Any) -> str:
        if isinstance(value, Series):
            return repr(list(value.points()))
        if isinstance(value, dict) and any(isinstance(one, Series) for one in value.values()):
            return repr({name: plain(series) for name, series in value.items()})
        return repr(value)

    found = {name: getattr(history, name) for name in dir(history) if name[0] != "_"}
    values = {name: plain(value) for name, value in found.items() if not callable(value)}
    assert {"steps", "batch_loss", "time", "version", "epoch", "in_force", "state"} <= values.keys()
    return {**values, "eta": plain(history.eta())}


def eventful(seed: int) -> list[Event]:
    """Three attempts of a run in which everything happens that a log tells, wherever a report of steps may lie."""
    draw = random.Random(seed)
    events: list[Event] = []
    clock = saved_clock = 0.0
    step = saved = 0
    started = story(0)[0]

    def some(step: int, epoch: int) -> Event:
        return draw.choice([
            LayersProbed(time=clock, epoch=epoch, step=step, layers_health=()),
            Diagnosed(time=clock, finding="overfit", text="The gap grows.", epoch=epoch),
            CommandTaken(time=clock, command="pause", epoch=epoch, step=step + 2),
            CommandTaken(time=clock, command="step", value=1, epoch=epoch, step=step),
            CommandTaken(time=clock, command="pace", value=0.5, epoch=epoch, step=step),
            CommandTaken(time=clock, command="set", value={"key": "optimizer.lr", "value": 0.5}, epoch=epoch, step=step + 1),
            CommandTaken(time=clock, command="set", value={"key": "x", "value": 1}, error="no such key", step=step),
            PausedAt(time=clock, epoch=epoch, step=step + 1, loss=draw.random()),
            StorageFailed(time=clock, what="log", error="full"),
        ])  # fmt: skip

    for attempt in range(3):
        if attempt == 0 or (seed % 3 == 0 and attempt == 1):
            events.append(replace(started, time=0.0))
            step, clock = 0, 0.0
        else:
            step, clock = saved, saved_clock
            events.append(
                Resumed(time=clock, epoch=step // 10, step=step, changes={"stopping.patience": [5, 9]})
            )
        for _ in range(draw.randrange(20, 70)):
            step, clock = step + 1, clock + 1.5
            epoch, loss = (step - 1) // 10 + 1, draw.choice([draw.random(), math.nan])
            events.append(StepsEnded(time=clock, epoch=epoch, step=step, loss=loss, low=loss, high=loss))
            if step % 10 == 0:
                train = {
                    "loss": draw.random(),
                    "metrics": {},
                    "batches": {"mean": 1.0, "low": 0.5, "high": 2.0},
                }
                seen = {"loss": draw.random(), "metrics": {"accuracy": draw.random()}}
                events += [
                    EpochEnded(time=clock, epoch=epoch, step=step, train=train, validation=seen, lr=0.1, seconds=15.0,
                               examples_per_second=5.0),
                    Checked(time=clock, epoch=epoch, value=1.0, best=0.5, best_epoch=1, reference=0.5, wait=1, patience=5,
                            verdict="waiting"),
                ]  # fmt: skip
            if draw.random() < 0.1:
                events += [some(step, epoch) for _ in range(draw.randrange(1, 4))]
            if draw.random() < 0.1:
                saved, saved_clock = step, clock
                events.append(CheckpointSaved(time=clock, epoch=step // 10, step=step, path="p"))
    return [*events, RunEnded(time=clock, reason="finished", epoch=step // 10, step=step)]


@pytest.mark.parametrize("seed", range(6))
def test_the_fast_way_tells_everything_that_the_log_tells(tmp_path: Path, seed: int) -> None:
    events = eventful(seed)
    for length in range(60, len(events) + 1, 3):
        place = tmp_path / str(length)
        write(place, events[:length])
        assert valid_rows(place).end == (place / log.NAME).stat().st_size
        assert told(load_history(place)) == told(History.of(events[:length])), length


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("dirt", [b"", b"garbage", b"\0\0\0"])
def test_the_index_tells_what_the_log_tells(tmp_path: Path, attempts: int, dirt: bytes) -> None:
    events = story(300, attempts=attempts)
    write(tmp_path, events, dirt=dirt)
    assert valid_rows(tmp_path).end == (tmp_path / log.NAME).stat().st_size
    history, follower = follow(tmp_path)
    assert told(history) == told(History.of(events))
    assert follower.offset == (tmp_path / log.NAME).stat().st_size
    assert history.version == len(events)
    assert follower.bad == (sum(number % 50 == 20 for number in range(len(events))) if dirt else 0)


def test_an_index_cut_anywhere_is_believed_as_far_as_it_goes(tmp_path: Path) -> None:
    events = story(200)
    write(tmp_path, events)
    expected = told(History.of(events))
    whole = (tmp_path / index.NAME).read_bytes()
    for length in {*range(0, len(whole), 97), index.HEADER, index.HEADER + 40, len(whole) - 1}:
        (tmp_path / index.NAME).write_bytes(whole[:length])
        assert told(load_history(tmp_path)) == expected


@pytest.mark.parametrize("damage", ["nuls", "another run", "other header", "shifted", "ones"])
def test_an_index_that_does_not_fit_is_not_believed(tmp_path: Path, damage: str) -> None:
    events = story(400)
    write(tmp_path / "a", events)
    write(tmp_path / "b", story(400, seed=5)[1:])
    path = tmp_path / "a" / index.NAME
    whole = path.read_bytes()
    half = index.HEADER + 200 * 40
    path.write_bytes(
        {
            "nuls": whole[:half] + b"\0" * (len(whole) - half),
            "another run": (tmp_path / "b" / index.NAME).read_bytes(),
            "other header": b"x" + whole[1:],
            "shifted": whole[: index.HEADER] + whole[index.HEADER + 40 :],
            "ones": whole[:half] + b"\xff" * (len(whole) - half),
        }[damage]
    )
    assert told(load_history(tmp_path / "a")) == told(History.of(events))


def test_a_log_that_shrank_or_was_replaced_is_read_itself(tmp_path: Path) -> None:
    write(tmp_path, story(400))
    lines = (tmp_path / log.NAME).read_bytes().splitlines(keepends=True)
    (tmp_path / log.NAME).write_bytes(b"".join(lines[:150]))
    assert told(load_history(tmp_path)) == told(History.of(log.read(tmp_path / log.NAME)[0]))
    (tmp_path / log.NAME).write_bytes(b"".join([lines[0], *lines[200:]]))
    assert told(load_history(tmp_path)) == told(History.of(log.read(tmp_path / log.NAME)[0]))


def test_a_missing_index_is_made_unless_the_run_is_alive(tmp_path: Path) -> None:
    events = story(300)
    write(tmp_path, events)
    made = (tmp_path / index.NAME).read_bytes()
    (tmp_path / index.NAME).unlink()
    with Lock(tmp_path):
        assert told(load_history(tmp_path)) == told(History.of(events))
        assert not (tmp_path / index.NAME).exists()
    assert told(load_history(tmp_path)) == told(History.of(events))
    assert (tmp_path / index.NAME).read_bytes() == made


@pytest.mark.parametrize("first", [3, 10, 150, 299])
@pytest.mark.parametrize("index_left", ["whole", "cut", "none", "rubbish behind"])
def test_a_writer_that_goes_on_keeps_the_index_of_the_first(
    tmp_path: Path, first: int, index_left: str
) -> None:
    events = story(300)
    write(tmp_path, events[:first])
    path = tmp_path / index.NAME
    if path.exists() and index_left != "whole":
        whole = path.read_bytes()
        path.write_bytes({"cut": whole[:-30], "none": b"", "rubbish behind": whole + b"\0" * 50}[index_left])
    write(tmp_path, events[first:])
    assert valid_rows(tmp_path).end == (tmp_path / log.NAME).stat().st_size
    assert told(load_history(tmp_path)) == told(History.of(events))


def test_a_follower_goes_on_where_the_history_ends(tmp_path: Path) -> None:
    events = story(300)
    write(tmp_path, events[:200])
    history, follower = follow(tmp_path)
    write(tmp_path, events[200:])
    for event in follower.poll():
        history.apply(event)
    assert told(history) == told(History.of(events))


def test_of_very_many_reports_neighbours_are_merged_and_no_extreme_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "MOST_POINTS", 100)
    events = [event for event in story(1000) if not isinstance(event, StepsEnded)]
    draw = np.random.default_rng(3)
    losses = draw.normal(size=1000)
    steps = [
        StepsEnded(epoch=1, step=i + 1, loss=float(loss), low=float(loss) - 1, high=float(loss) + 1)
        for i, loss in enumerate(losses)
    ]
    write(tmp_path, [events[0], *steps])
    monkeypatch.setattr(index_reader, "PORTION", 128)
    history = load_history(tmp_path)
    assert 50 < len(history.steps) <= 101
    box = history.steps.bounds()
    assert box is not None
    assert (box.low, box.high) == (losses.min() - 1, losses.max() + 1)
    assert (history.steps.after(0.0), history.steps.last.x) == (10.0, 1000.0)
    assert history.steps.envelope().mean.mean() == pytest.approx(losses.mean(), abs=1e-9)


def test_portions_of_any_size_tell_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = story(300, attempts=2)
    write(tmp_path, events)
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr(index_reader, "PORTION", size)
        assert told(load_history(tmp_path)) == told(History.of(events))


def test_a_short_log_has_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "FROM_BYTES", 1 << 22)
    events = story(200)
    write(tmp_path, [*events, RunEnded(reason="finished", epoch=20, step=200)])
    assert os.listdir(tmp_path) == [log.NAME]  # noqa: PTH208
    assert load_history(tmp_path).state == "finished"


def test_no_run_is_an_empty_history(tmp_path: Path) -> None:
    history, follower = follow(tmp_path)
    assert (history.state, follower.poll()) == ("waiting", [])


def test_reports_that_go_back_without_a_resume_cost_themselves_only(tmp_path: Path) -> None:
    events = story(300)
    wrong = StepsEnded(epoch=1, step=5, loss=1.0, low=1.0, high=1.0)
    place = len(events) // 2
    write(tmp_path, [*events[:place], wrong, *events[place:]])
    history, follower = follow(tmp_path)
    assert told(history)["steps"] == told(History.of(events))["steps"]
    assert (history.version, follower.bad) == (len(events) + 1, 1)


def test_an_index_in_a_place_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    events = story(300)
    (tmp_path / index.NAME).mkdir()
    write(tmp_path, events)
    assert told(load_history(tmp_path)) == told(History.of(events))
    shutil.rmtree(tmp_path / index.NAME)
