"""The runs of a sitting: one trains, the others wait; faults become words; nothing is folded out of turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ladera.engine.errors import InputError
from ladera.engine.events import CheckpointSaved, CommandTaken, Event, Probed, RunEnded
from ladera.tui.sitting import Run, Sitting


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


def test_a_burst_is_folded_in_portions(script: Any) -> None:
    run = script.run()
    run.incoming.extend([*script.events()] + [Probed(probe="p", step=i, answer={}) for i in range(30_000)])
    run.poll()
    assert run.incoming
    while run.poll():
        pass
    assert run.answers["p"].step == 29_999


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


def test_closing_starts_nothing_more(script: Any) -> None:
    bench = Bench(script.trainer(script.events(reason="finished")))
    first, second = (bench.sitting.start(script.experiment(), name) for name in ("one", "two"))
    bench.sitting.close()
    bench.work()
    assert bench.begun == [first]
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
    run = script.run(script.events())
    run.ask("set", {"key": "optimizer.lr", "value": -1})
    assert hear(CommandTaken(time=clock, command="set", error="lr must be above 0")) == ""
    assert [command.name for command in run.controls.take()] == ["set"]
