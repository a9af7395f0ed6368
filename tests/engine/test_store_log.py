"""Reading a log: every good record of a torn, dirty or growing file, at any truncation."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladera.engine.event_lines import to_line
from ladera.engine.events import Checked, CommandTaken, Event, Resumed, RunEnded, RunStarted, StepsEnded
from ladera.engine.history import History
from ladera.engine.store import log
from ladera.engine.store.log import Follower, fold, read


def step(number: int, loss: float = 0.5) -> StepsEnded:
    return StepsEnded(time=number / 10, epoch=1, step=number, loss=loss, low=0.25, high=0.75)


SAMPLE: list[Event] = [
    RunStarted(
        experiment={"description": "naïve 手書き", "training": {"epochs": 3}},
        parameters=10,
        task="multiclass",
        classes=("é", "nan", "\u202e"),
        sizes={"train": 3, "validation": 1, "test": 1},
        steps_per_epoch=1,
    ),
    step(1, float("inf")),
    step(2),
    Checked(epoch=1, value=0.5, best=0.5, best_epoch=1, wait=0, patience=3, verdict="improved"),
    RunEnded(reason="finished", epoch=1, step=2, test={"loss": float("-inf"), "metrics": {}}),
]
LINES = [to_line(event).encode() + b"\n" for event in SAMPLE]


def test_every_truncation_of_a_log_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    whole = b"".join(LINES)
    path = tmp_path / log.NAME
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        complete = whole[:length].count(b"\n")
        assert read(path) == (SAMPLE[:complete], sum(map(len, LINES[:complete])), 0)


def test_every_truncation_is_read_on_once_the_rest_is_there(tmp_path: Path) -> None:
    whole = b"".join(LINES)
    path = tmp_path / log.NAME
    for length in range(0, len(whole) + 1, 3):
        path.write_bytes(whole[:length])
        first, offset, _ = read(path)
        path.write_bytes(whole)
        assert first + read(path, offset)[0] == SAMPLE


@pytest.mark.parametrize(
    "dirt",
    [
        b"garbage\n",
        b"{\n",
        b"[1, 2]\n",
        b'"text"\n',
        b'{"event": "no such event"}\n',
        b'{"event": "steps_ended"}\n',
        b'{"event": ["steps_ended"]}\n',
        b"\x00" * 512 + b"\n",
        b"\xff\xfe\x80 not UTF-8\n",
        b"x" * (1 << 20) + b"\n",
        b"[" * 100_000 + b"\n",
        b'{"event": "steps_ended", "epoch": 1, "step": 3, "loss": 0.1, "low": 0.1, "hi\n',
    ],
)
def test_one_bad_line_costs_itself_only(tmp_path: Path, dirt: bytes) -> None:
    path = tmp_path / log.NAME
    for place in range(len(LINES) + 1):
        path.write_bytes(b"".join([*LINES[:place], dirt, *LINES[place:]]))
        events, offset, bad = read(path)
        assert (events, offset, bad) == (SAMPLE, path.stat().st_size, 1)


def test_nuls_that_a_power_cut_left_around_a_record_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / log.NAME
    path.write_bytes(LINES[0] + b"\x00" * 4096 + LINES[1] + b"\n  \n" + LINES[2])
    assert read(path) == (SAMPLE[:3], path.stat().st_size, 0)


def test_a_file_that_is_not_there_has_no_records(tmp_path: Path) -> None:
    assert read(tmp_path / log.NAME) == ([], 0, 0)
    assert Follower(tmp_path).poll() == []


@given(
    st.lists(
        st.one_of(
            st.sampled_from(LINES), st.binary(max_size=40).map(lambda data: data.replace(b"\n", b" ") + b"\n")
        ),
        max_size=12,
    ),
    st.integers(1, 64),
)
def test_portions_of_any_size_tell_the_same(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int
) -> None:
    path = tmp_path_factory.mktemp("log") / log.NAME
    path.write_bytes(b"".join(lines))
    whole = read(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_PORTION", size)
        assert repr(read(path)) == repr(whole)
    assert whole[1] == path.stat().st_size
    assert len(whole[0]) >= sum(line in LINES for line in lines)


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_PORTION", 64)
    monkeypatch.setattr(log, "_LONGEST", 256)
    path = tmp_path / log.NAME
    path.write_bytes(b"x" * 10_000 + b"\n" + LINES[1])
    events, _, bad = read(path)
    assert events == [SAMPLE[1]]
    assert bad == 1


def test_records_that_make_no_sense_are_left_out_of_a_history() -> None:
    values = json.loads(LINES[2])
    events = [
        log.parse(json.dumps(values | change).encode())
        for change in ({"step": "x"}, {"step": 1e400}, {"loss": [1]}, {})
    ]
    good = [event for event in events if event is not None]
    history = History()
    assert fold(history, good) == len(good) - 1
    assert history.step == 2


def test_commands_and_resumes_that_make_no_sense_leave_no_trace() -> None:
    senseless = [
        CommandTaken(command="set", value={"key": "optimizer.lr"}, step=2),
        CommandTaken(command="set", value=None, step=2),
        CommandTaken(command="pace", value=[], step=2),
        Resumed(epoch=0, step=0, changes={"optimizer.lr": 0.1}),
    ]
    history = History()
    assert fold(history, [*SAMPLE[:3], *senseless]) == len(senseless)
    assert (history.commands, history.resumes, history.step) == ([], [], 2)
    assert fold(history, [CommandTaken(command="of a version to come", value=[1], step=2)]) == 0


def test_a_follower_tells_each_record_once_as_the_file_grows(tmp_path: Path) -> None:
    path = tmp_path / log.NAME
    follower, told = Follower(tmp_path), list[Event]()
    whole = b"".join(LINES)
    for start in range(0, len(whole), 7):
        with path.open("ab") as file:
            file.write(whole[start : start + 7])
        told += follower.poll()
    assert told == SAMPLE
    assert follower.poll() == []


@pytest.mark.parametrize("most", [1, 100, 1000, 1 << 20])
def test_a_follower_reads_in_portions_however_long_a_line_is(tmp_path: Path, most: int) -> None:
    path = tmp_path / log.NAME
    path.write_bytes(b"".join(LINES) + b"x" * 700 + b"\n" + LINES[1] + LINES[2][:20])
    follower, polls = Follower(tmp_path), list[list[Event]]()
    while follower.offset < path.stat().st_size - 20:
        polls.append(follower.poll(most))
    assert [event for news in polls for event in news] == [*SAMPLE, SAMPLE[1]]
    assert follower.bad == 1
    assert (len(polls) == 1) == (most == 1 << 20)
    with path.open("ab") as file:
        file.write(LINES[2][20:])
    assert follower.poll(most) == [SAMPLE[2]]


def test_a_follower_starts_again_when_another_file_takes_the_place(tmp_path: Path) -> None:
    path = tmp_path / log.NAME
    path.write_bytes(b"".join(LINES))
    follower = Follower(tmp_path)
    assert follower.poll() == SAMPLE
    other = tmp_path / "other"
    other.write_bytes(b"".join(LINES[:3]))
    os.rename(other, path)  # noqa: PTH104
    assert (follower.poll(), follower.restarted) == (SAMPLE[:3], True)
    assert (follower.poll(), follower.restarted) == ([], False)
