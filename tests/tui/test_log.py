"""The log's lines: every event in words, by hand; files that grow, tear and begin anew against the events in them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from ladera.engine.event_lines import to_line
from ladera.engine.events import (
    EVENTS,
    CheckpointSaved,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    LayersProbed,
    Resumed,
    RunEnded,
    StepsEnded,
    StorageFailed,
)
from ladera.engine.history import History
from ladera.tui import log_lines
from ladera.tui.explanation import diagnosis_text
from ladera.tui.frame import frame
from ladera.tui.log import LEVELS, clock, entries, record, wanted
from ladera.tui.log_lines import FromFile, FromHistory, FromOutput, Lines

from .conftest import Script

NAN = math.nan


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reading takes all there is, however busy the machine."""
    monkeypatch.setattr(log_lines, "BUDGET", 60.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "00:00.0"), (41.38, "00:41.3"), (3599.99, "59:59.9"), (3723.5, "1:02:03"), (200000, "2d 07h"), (NAN, "--:--")],
)  # fmt: skip
def test_times(seconds: float, words: str) -> None:
    assert clock(seconds).strip() == words
    assert len(clock(seconds)) == 7


@pytest.mark.parametrize(
    ("event", "kind", "words", "trouble"),
    [
        (StepsEnded(epoch=2, step=1500, loss=0.5, low=0.25, high=0.75), "steps",
         "step 1,500: batch loss 0.5000 (0.2500 to 0.7500)", False),
        (StepsEnded(epoch=2, step=9, loss=NAN, low=0.25, high=math.inf), "steps", "batch loss nan (0.2500 to inf)", True),
        (LayersProbed(epoch=4, step=9, layers_health=({"name": "hidden 1", "dead": 0.25, "saturated": 0.0},)), "layers",
         "hidden 1 dead 25% saturated 0%", False),
        (Diagnosed(finding="overfit", text="The gap grows.", epoch=7), "finding", "The gap grows.", False),
        (CommandTaken(command="set", value={"key": "optimizer.lr", "value": 0.1}, epoch=3, step=30), "command",
         "optimizer.lr = 0.1 (step 30)", False),
        (CommandTaken(command="run_epochs", value=4, epoch=3, step=30), "command", "run_epochs 4 (step 30)", False),
        (CommandTaken(command="set", value=1, error="no such key", step=3), "command", "no such key (step 3)", True),
        (CheckpointSaved(epoch=3, step=30, path="/runs/x/checkpoints/step-30", seconds=0.014), "checkpoint",
         "step 30: step-30 in 0.01 s", False),
        (StorageFailed(what="checkpoint", error="no space left"), "storage", "checkpoint: no space left", True),
        (Resumed(epoch=4, step=40, changes={"optimizer.lr": [0.1, 0.01]}), "resumed", "optimizer.lr was 0.1, is 0.01", False),
        (RunEnded(reason="diverged", epoch=3, step=30, detail="the loss is not finite", seconds=61), "ended",
         "diverged at step 30: the loss is not finite; 01:01 of training", True),
        (RunEnded(reason="stopped_early", step=30, restored_epoch=5), "ended", "the weights of epoch 5 are the final ones", False),
    ],
)  # fmt: skip
def test_words(event: Event, kind: str, words: str, trouble: bool) -> None:
    (entry,) = entries(event)
    assert entry.kind == kind
    assert words in entry.text
    assert entry.trouble is trouble
    assert entry.epoch == getattr(event, "epoch", None)


def test_a_whole_run_in_words(script: Any) -> None:
    told = script.events(
        [2.0, NAN], [2.1, NAN], experiment=script.experiment("stopping.patience=1"), reason="finished", restored=1,
        notes=("one note", "another"), parent={"run": "digits-0001", "epoch": 4},
    )  # fmt: skip
    found = [entry for event in told for entry in entries(event, "loss", "since digits: lr 1 → 2")]
    assert [entry.kind for entry in found] == [
        "started", "branch", "note", "note", "changed", "epoch", "check", "epoch", "check", "ended", "test"
    ]  # fmt: skip
    text = {entry.kind: entry for entry in found}
    assert "1,077 train, 360 validation, 360 test examples; cpu, 1 thread" in text["started"].text
    assert text["branch"].text == "of digits-0001 at epoch 4"
    assert (
        "train 2.0000   validation 2.1000   accuracy 32.3%  lr 0.001  2.00 s  12,345 examples/s"
        in found[5].text
    )
    assert found[6].text == "improved; best 2.1000 at epoch 1"
    assert found[7].trouble and found[7].text.startswith("not finite: train nan")
    assert found[8].text.startswith("early stopping ends the run: no improvement in 1 checks")
    assert text["test"].text == "loss 0.5500  accuracy 90.0%"


def test_no_event_is_without_words_or_lets_an_escape_through(script: Any) -> None:
    evil = "\x1b]0;owned\x07\u202e[bold]x"
    told: list[Event] = [
        script.started(script.experiment(), source=evil, layers=(evil,), notes=(evil,), device=evil, parent={"run": evil}),
        *script.events()[1:3],
        StepsEnded(epoch=1, step=1, loss=1, low=1, high=1),
        EpochEnded(epoch=1, step=1, train={"loss": 1.0}, validation={"loss": 1.0, "metrics": {evil: 0.5}}, lr=0.1,
                   seconds=1, examples_per_second=1),
        LayersProbed(epoch=1, step=1, layers_health=({"name": evil},)),
        Diagnosed(finding=evil, text=evil), CommandTaken(command=evil, value=evil), CommandTaken(command=evil, error=evil),
        CheckpointSaved(epoch=1, step=1, path=evil), StorageFailed(what=evil, error=evil),
        Resumed(epoch=1, step=1, changes={evil: [evil, evil]}),
        RunEnded(reason=evil, detail=evil, test={"loss": 1.0, "metrics": {evil: 1.0}}),
    ]  # fmt: skip
    assert {event.name for event in told} == {name for name, kind in EVENTS.items() if kind.recorded}
    for event in told:
        found = entries(event, "loss", evil)
        assert found
        for entry in found:
            assert entry.plain.isprintable(), event


def test_filters(script: Any) -> None:
    found = [entry for event in script.events(reason="finished") for entry in entries(event)]
    assert {entry.kind for entry in found if wanted("CHECK improved")(entry)} == {"check"}
    assert not any("check" in entry.plain for entry in found if wanted("!check !")(entry))
    assert all(map(wanted(" "), found))
    assert {entry.kind for entry in found if wanted("kind:/^(check|ended)$/ epoch:>7")(entry)} == {
        "check",
        "ended",
    }
    assert [entry.epoch for entry in found if wanted("epoch:1")(entry)] == [
        1,
        1,
    ]  # not 10, and nothing without one
    with pytest.raises(ValueError, match="there are kind, epoch, time, text"):
        wanted("colour:red")


def test_a_record_is_told_whole(script: Any) -> None:
    text = record(Diagnosed(finding="overfit", text="The gap grows. " * 100, evidence={"gap": NAN}, epoch=7))
    lines = dict(line.split(maxsplit=1) for line in text.split("\n"))
    assert lines["event"] == "diagnosed" and lines["evidence.gap"] == "nan"
    assert lines["text"] == ("The gap grows. " * 100).strip()
    told = record(script.started(script.experiment(), notes=("one", "two\x1b[31m")))
    assert "experiment.optimizer.lr" in told and "\x1b" not in told
    assert dict(line.split(maxsplit=1) for line in told.split("\n"))["notes"] == "one, two[31m"


# -- files -----------------------------------------------------------------------------------------------------------


def all_of(lines: Lines) -> list[str]:
    while lines.read():
        pass
    return [entry.plain for entry in lines.part(0, len(lines))]


def write(path: Path, events: list[Event]) -> None:
    path.write_text("".join(to_line(event) + "\n" for event in events))


def plain(events: list[Event], level: str = "all but steps", query: str = "") -> list[str]:
    return [
        entry.plain
        for event in events
        if event.name not in LEVELS[level]
        for entry in entries(event)
        if wanted(query)(entry)
    ]


@pytest.mark.parametrize("level", list(LEVELS))
@pytest.mark.parametrize("query", ["", "best", "!epoch"])
def test_a_file_tells_what_its_events_tell(script: Any, tmp_path: Path, level: str, query: str) -> None:
    path, told = tmp_path / "events.jsonl", script.events(reason="finished", notes=("one", "two"))
    told.insert(1, StepsEnded(epoch=1, step=1, loss=1, low=1, high=1))
    write(path, told)
    lines = FromFile(path, level, query)
    assert all_of(lines) == plain(told, level, query)
    middle = [entry.plain for entry in lines.part(2, 3)]
    assert middle == plain(told, level, query)[2:5]


def test_what_is_no_file_and_larger_than_is_read_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_lines, "MOST_BYTES", 1)
    lines = FromFile(tmp_path, "everything")
    assert not lines.read() and lines.note == "its log cannot be read"


def test_a_file_that_grows_tears_and_begins_anew(script: Any, tmp_path: Path) -> None:
    path, told = tmp_path / "events.jsonl", script.events()
    lines = FromFile(path, "everything")
    assert all_of(lines) == [] and "cannot be read" in lines.note
    write(path, told[:3])
    assert all_of(lines) == plain(told[:3], "everything") and lines.note == ""
    last = to_line(told[3]) + "\n"
    with path.open("a") as file:
        file.write("\x1b[31mno record\n" + last[:20])
        file.flush()
        assert all_of(lines)[-1].endswith("damaged    [31mno record")
        assert lines.whole(len(lines) - 1) == "[31mno record"
        file.write(last[20:])
    assert all_of(lines)[-1:] == plain(told[3:4], "everything")
    write(path, told[:1])
    assert all_of(lines) == plain(told[:1], "everything")
    assert lines.whole(0) == record(told[0]) and lines.whole(1) == lines.whole(-1) == ""
    path.unlink()
    assert not lines.read() and lines.part(0, 9) == [] and lines.whole(0) == ""


def test_only_the_newest_lines_of_a_long_log(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, told = tmp_path / "events.jsonl", script.events([1.0] * 100, [1.0] * 100)
    write(path, told)
    monkeypatch.setattr(log_lines, "MOST_LINES", 30)
    lines = FromFile(path, "everything")
    assert all_of(lines) == plain(told, "everything")[-30:]
    assert lines.dropped == len(told) - 30 and "last 30 lines" in lines.note
    monkeypatch.setattr(log_lines, "MOST_LINES", 50_000)
    monkeypatch.setattr(log_lines, "MOST_BYTES", 2000)
    short = all_of(FromFile(path, "everything"))
    assert 0 < len(short) < 20
    assert short == plain(told, "everything")[-len(short) :]


def test_a_history_tells_what_it_keeps(script: Any) -> None:
    told = [
        *script.events(reason="finished", notes=("one",)),
        Diagnosed(finding="overfit", text="Gap.", epoch=3, time=5.0),
    ]
    history = History.of(told)
    lines = FromHistory(history, "all but steps", "", "since x: y")
    text = all_of(lines)
    assert [line.split()[-1] for line in text if "changed" in line] == ["y"]
    kinds = [entry.kind for entry in lines.part(0, 99)]
    assert kinds[:3] == ["started", "note", "changed"] and kinds[-2:] == ["ended", "test"]
    assert kinds.count("check") == 8 and kinds.index("finding") == 5  # 5 s: after the checks at 2 s and 4 s
    assert len(all_of(FromHistory(history, "events only"))) == 5
    assert lines.whole(0) == record(told[0]) and lines.whole(99) == ""
    assert not lines.read()


def test_output_of_libraries(tmp_path: Path) -> None:
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    first.write_bytes(b"progress 1\rprogress 2\n\n\x1b[31mWarning\x1b[0m: \xff old\n")
    lines = FromOutput([first, second])
    lines.read()
    assert [entry.text for entry in lines.part(0, 9)] == ["progress 1", "progress 2", "[31mWarning[0m: � old"]
    assert not lines.read()
    second.write_text("more\n" * 100_000)
    assert lines.read()
    assert len(lines) == 3 + (256 << 10) // 5
    only = FromOutput([first], "warn")
    only.read()
    assert len(only) == 1
    assert only.whole(0) == "[31mWarning[0m: � old" and only.whole(1) == ""


def test_what_the_reader_should_know_of_going_on_is_a_line_of_its_own(script: Script) -> None:
    event = Resumed(epoch=3, step=30, notes=("checkpoint step-40 is damaged",))
    told = entries(event)
    assert [(one.kind, one.text) for one in told] == [
        ("resumed", "goes on after epoch 3, step 30"), ("note", "checkpoint step-40 is damaged"),
    ]  # fmt: skip
    run = script.run([*script.events(), event])
    assert "Note: checkpoint step-40 is damaged" in frame(run, 80, 24)
    assert "epoch 3: checkpoint step-40 is damaged" in diagnosis_text(run)
