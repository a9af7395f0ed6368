"""The runs of a sitting: one trains, the others wait; faults become words; nothing is folded out of turn."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ladera.engine.errors import InputError
from ladera.engine.events import (
    CheckpointSaved,
    CommandTaken,
    EpochEnded,
    Event,
    Probed,
    Resumed,
    RunEnded,
    RunStarted,
)
from ladera.tui.run import Run
from ladera.tui.sitting import Sitting


class Bench:
    """A sitting whose training happens when the test says so."""

    def __init__(self, trainer: Any) -> None:
        self.begun: list[Run] = []
        self.sitting = Sitting(trainer, self.begun.append)

    def work(self) -> None:
        self.sitting.work(self.begun[-1])
        self.sitting.poll()


def test_the_second_run_waits_for_the_first(script: Any) -> None:
    bench = Bench(script.trainer(script.events(reason="finished")))
    first, second = (bench.sitting.start(script.experiment(), name) for name in ("one", "two"))
    assert (first.queued, second.queued) == (False, True)
    assert (first.state, second.state) == ("waiting", "queued")
    assert bench.begun == [first]
    bench.work()
    assert (first.state, second.queued) == ("finished", False)
    assert bench.begun == [first, second]
    bench.work()
    assert second.state == "finished"
    assert bench.sitting.training is None
    assert [run.number for run in bench.sitting.runs] == [0, 1]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            InputError("data: no file houses.csv; check data.path"),
            "data: no file houses.csv; check data.path",
        ),
        (RuntimeError("\x1b[31mbad\x07 thing"), "[31mbad thing"),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
)
def test_a_fault_becomes_words_and_the_next_run_begins(script: Any, error: Exception, words: str) -> None:
    def refuse(run: Run) -> Iterator[Event]:
        raise error
        yield

    bench = Bench(refuse)
    first, second = (bench.sitting.start(script.experiment(), name) for name in ("one", "two"))
    bench.work()
    assert (first.state, first.trouble, first.active, first.working) == ("refused", words, False, False)
    assert bench.begun == [first, second]


def test_a_set_that_is_fetched_first_is_named(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ladera.engine.data.names.cache_file", lambda name: tmp_path / name)
    experiment = script.experiment("data=mnist")
    assert script.run(experiment=experiment).preparing.startswith("mnist is fetched from openml.org, once")
    (tmp_path / "mnist").touch()
    assert script.run(experiment=experiment).preparing == "reading the data…"


def test_a_fault_after_some_epochs_keeps_the_curves(script: Any) -> None:
    def fail(run: Run) -> Iterator[Event]:
        yield from script.events()
        raise RuntimeError("disk")

    bench = Bench(fail)
    run = bench.sitting.start(script.experiment(), "one")
    bench.work()
    assert (run.trouble, run.history.epoch) == ("disk", 8)


def test_poll_tells_whether_anything_is_new(script: Any) -> None:
    run = script.run(script.events())
    assert not run.poll()
    run.incoming.append(Probed(probe="layers", step=3, answer={"a": 1}))
    assert run.poll()
    assert run.answers["layers"].answer == {"a": 1}


class Clock:
    """A clock that moves when it is looked at: every batch of events takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


def test_a_burst_is_folded_in_portions_and_no_run_starves(
    script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    for module in ("run", "sitting"):
        monkeypatch.setattr(f"ladera.tui.{module}.time", clock)
    sitting = Sitting(script.trainer([]), lambda run: None)
    runs = [script.run([], name) for name in ("one", "two")]
    for run in runs:
        sitting.add(run)
        run.incoming.extend(Probed(probe="p", step=i, answer={}) for i in range(100))
    assert sitting.poll()
    assert [len(run.incoming) for run in runs] == [36, 36]  # of each 64, whatever the clock says
    while sitting.poll():
        pass
    assert [run.answers["p"].step for run in runs] == [99, 99]


def test_while_there_is_time_a_burst_is_folded_at_once(script: Any) -> None:
    run = script.run()
    run.incoming.extend(Probed(probe="p", step=i, answer={}) for i in range(1000))
    assert run.poll(math.inf)
    assert not run.incoming
    assert run.answers["p"].step == 999


def test_records_of_a_log_that_make_no_sense_are_passed_over_and_told(script: Any) -> None:
    # A validation part without a loss, as no version writes it.
    odd = EpochEnded(epoch=9, step=90, train={}, validation=None, lr=0.1, seconds=1, examples_per_second=1)
    told = [[*script.events(), odd, CommandTaken(command="pause", epoch=8, step=80)]]
    run = Run(script.experiment(), "far", number=0, source=lambda run: told.pop() if told else [], unread=2)
    run.poll()
    assert (run.senseless, run.damaged, run.history.paused) == (1, 3, True)
    assert run.damage() == "3 damaged lines in the log of far, passed over: G shows its log"
    assert run.damage() == ""  # told once, and again only when there are far more
    run.unread = 6
    assert run.damage().startswith("7 damaged lines")


def test_our_own_events_are_not_guarded(script: Any) -> None:
    odd = EpochEnded(epoch=9, step=90, train={}, validation=None, lr=0.1, seconds=1, examples_per_second=1)
    with pytest.raises(KeyError):
        script.run([odd])


def test_a_run_that_is_taken_off_the_list_is_let_go(script: Any) -> None:
    gone: list[str] = []
    sitting = Sitting(script.trainer([]), lambda run: None)
    run = Run(script.experiment(), "far", number=0, source=lambda run: [], let_go=lambda: gone.append("far"))
    sitting.add(run)
    sitting.remove(run)
    assert gone == ["far"]


def test_a_run_of_another_process_is_read_and_never_trained(script: Any) -> None:
    bench = Bench(script.trainer([]))
    told = [script.events()]
    run = Run(script.experiment(), "far", number=5, source=lambda run: told.pop() if told else [])
    bench.sitting.add(run)
    assert bench.sitting.poll()
    assert (run.number, run.state, run.history.epoch) == (0, "training", 8)
    run.outside = "crashed"
    assert (run.state, run.active) == ("crashed", False)
    assert bench.begun == []


def test_a_run_that_trains_cannot_be_removed(script: Any) -> None:
    bench = Bench(script.trainer(script.events(reason="finished")))
    run = bench.sitting.start(script.experiment(), "one")
    bench.sitting.remove(run)
    assert bench.sitting.runs == [run]
    bench.work()
    bench.sitting.remove(run)
    assert bench.sitting.runs == []


def test_a_queue_that_is_dropped_starts_nothing_more(script: Any) -> None:
    bench = Bench(script.trainer(script.events(reason="finished")))
    first, second = (bench.sitting.start(script.experiment(), name) for name in ("one", "two"))
    bench.sitting.drop_queue()
    bench.work()
    assert bench.begun == [first]
    assert bench.sitting.dropped == [second]
    assert not second.queued


def test_a_training_thread_ends_when_told_to_stop(script: Any) -> None:
    sitting = Sitting(script.trainer(script.events()), lambda run: None)
    run = sitting.start(script.experiment(), "one")
    thread = threading.Thread(target=sitting.work, args=(run,))
    thread.start()
    run.controls.stop()
    thread.join(30)
    sitting.poll()
    assert (thread.is_alive(), run.state) == (False, "stopped")
    assert isinstance(run.history.ended, RunEnded)


def test_what_is_waited_for_is_known_until_it_is_done(script: Any) -> None:
    run = script.run(script.events())
    clock = run.history.time

    def hear(event: Event) -> str:
        run.incoming.append(event)
        run.poll()
        return run.awaited

    run.ask("pause")
    assert run.awaited == "pausing"
    assert hear(CommandTaken(time=clock, command="pace", value=0.0)) == "pausing", "another command's answer"
    assert hear(CommandTaken(time=clock, command="pause")) == ""
    run.ask("checkpoint")
    assert hear(CommandTaken(time=clock, command="checkpoint")) == "saving", "taken, but not on the disk yet"
    assert hear(CheckpointSaved(time=clock, step=80, epoch=8, path="step-80")) == ""
    run.ask("stop")
    assert hear(CommandTaken(time=clock, command="stop")) == "stopping"
    assert hear(script.events(reason="stopped")[-1]) == ""
    assert hear(Resumed(time=clock, epoch=8, step=80)) == "", "another attempt was told nothing"
    run = script.run(script.events())
    run.ask("set", {"key": "optimizer.lr", "value": -1})
    assert hear(CommandTaken(time=clock, command="set", error="lr must be above 0")) == ""
    assert [command.name for command in run.controls.take()] == ["set"]


@pytest.mark.parametrize("first", [RunEnded, Resumed, RunStarted])
def test_another_attempt_was_not_told_what_the_one_before_it_was(script: Any, first: type[Event]) -> None:
    """It ended as it was asked to, or its process was gone before it could."""
    events = script.events(reason="stopped")
    clock, ways = events[-1].time, {RunEnded: events[-1], RunStarted: events[0]}
    run = script.run(events[:-1])
    run.ask("finish_epoch")
    again = Resumed(time=clock, epoch=8, step=80)
    run.incoming.extend([ways[first], again] if first is RunEnded else [ways.get(first, again)])
    run.poll()
    assert (run.state, run.awaited) == ("training", "")


def test_what_is_asked_before_a_run_begins_is_waited_for(script: Any) -> None:
    run = script.run([])
    run.ask("stop")
    run.incoming.append(script.events()[0])
    run.poll()
    assert run.awaited == "stopping"


def test_training_stands_aside_for_a_key_but_keeps_most_of_the_time_from_a_key_held_down(
    script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, ways = Bench(script.trainer(script.events())), list[float]()
    bench.sitting.give_way(0.0)  # nothing trains
    run, queued = (bench.sitting.start(script.experiment(), name) for name in ("one", "two"))
    monkeypatch.setattr(run.controls, "give_way", ways.append)
    monkeypatch.setattr(queued.controls, "give_way", lambda _: pytest.fail("it only waits"))
    for thirtieth in range(301):
        bench.sitting.give_way(100.0 + thirtieth / 30)
    assert 0.5 < sum(ways) <= 0.2 * 10 + ways[0]
