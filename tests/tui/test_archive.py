"""All runs of the directory: what is told, filtered and sorted by hand; looked at, gone on with, used again, renamed, deleted."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable, Input

from ladera.engine.event_lines import to_line
from ladera.engine.store.directory import write_experiment
from ladera.engine.store.process import this_process
from ladera.engine.store.status import Status, read_status, write_status
from ladera.tui import archived
from ladera.tui.archived import SPOKEN, known_fields, ordered, read, rows
from ladera.tui.going_on import complaint, suggestion
from ladera.tui.query import wanted
from ladera.tui.screens import archive as archive_screen
from ladera.tui.screens.lab import LabScreen
from ladera.tui.widgets.line import Line

DEAD = {**this_process().plain(), "start": "1"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The lab's runs directory."""
    return tmp_path / "runs"


@pytest.fixture
def make(root: Path, script: Any) -> Any:
    """Make a run directory."""

    def made(name: str, *settings: str, base: str = "digits", age: float = 0.0, **values: Any) -> Path:
        path = root / name
        path.mkdir(parents=True)
        experiment = script.experiment(*settings, base=base)
        write_experiment(path, experiment.plain())
        (path / "events.jsonl").write_text(
            "".join(to_line(event) + "\n" for event in script.events(experiment=experiment))
        )
        began = time.time() - age
        status = {
            "state": "finished", "process": DEAD, "started": began, "heartbeat": began, "progressed": began, "ended": began,
            "epoch": 8, "epochs": 100, "description": experiment.description, "monitor": experiment.stopping.monitor,
        }  # fmt: skip
        write_status(path, Status(**{**status, **values}), durable=False)
        return path

    return made


@pytest.fixture
def some(make: Any) -> None:
    """Five runs, by age: a monitor that grows, two data sets, one that was changed."""
    make("digits-0001", "optimizer=sgd", age=500, best_epoch=5, best_value=0.3)
    make("digits-0002", "optimizer.lr=0.01", age=400, best_epoch=7, best_value=0.2, state="stopped_early")
    grows = ("stopping.monitor=accuracy", "stopping.mode=max")
    make("digits-0003", *grows, age=300, best_epoch=3, best_value=0.8)
    make("digits-0004", *grows, age=200, best_epoch=4, best_value=0.9)
    changes = ({"key": "optimizer.lr", "value": 0.05, "epoch": 19, "step": 190},)
    make("wine-0001", base="wine", age=100, best_epoch=2, best_value=0.1, changes=changes)


def names(runs: list[Any], query: str) -> str:
    wants = wanted(query, known_fields(runs), SPOKEN)
    return " ".join(run.info.name[0] + run.info.name[-1] for run in runs if wants(run.fields))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "d1 d2 d3 d4 w1"),
        ("adam", "d2 d3 d4 w1"),
        ("sgd", "d1"),
        ("!sgd digits", "d2 d3 d4"),
        ("lr:0.01", "d2"),
        ("lr:1e-2", "d2"),
        ("lr=0.01", "d2"),  # as it is told in the list
        ("lr:0.05", "w1"),  # the value in force
        ("lr:<0.01", "d3 d4"),
        ("optimizer:sgd", "d1"),
        ("optimizer.kind:sgd", "d1"),
        ("data:wine", "w1"),
        ("model:mlp state:early", "d2"),
        ("stopping.mode:max", "d3 d4"),
        ("best:<0.25 monitor:loss", "d2 w1"),
        ("relu !wine", "d1 d2 d3 d4"),
        ("description=x", ""),
    ],
)
def test_the_filter_knows_the_experiments(some: None, root: Path, query: str, found: str) -> None:
    assert names(read(root), query) == found


def test_an_unknown_field_is_named_with_its_nearest(some: None, root: Path) -> None:
    with pytest.raises(ValueError, match="no field 'optimiser'; did you mean optimizer"):
        wanted("optimiser:adam", known_fields(read(root)))
    with pytest.raises(
        ValueError, match="there are name, state, epoch, best, monitor, test, experiment, data"
    ):
        wanted("xyz:1", known_fields(read(root)))
    assert known_fields([])[:2] == ["name", "state"]


def test_by_best_the_direction_counts_and_what_compares_stands_together(some: None, root: Path) -> None:
    runs = read(root)

    def order(by: str) -> list[str]:
        return [run.info.name[0] + run.info.name[-1] for run in ordered(runs, by)]

    assert order("best") == ["d4", "d3", "d2", "d1", "w1"]  # digits by accuracy, by loss, then wine
    assert order("age") == ["w1", "d4", "d3", "d2", "d1"]
    assert order("run") == ["d1", "d2", "d3", "d4", "w1"]
    assert order("state") == ["w1", "d4", "d3", "d1", "d2"]
    assert set(order("what differs")) == set(order("age"))


def test_what_is_told_of_a_run(some: None, root: Path) -> None:
    runs = read(root)
    told = {row[0]: (row[1:4], words) for row, words in rows(runs)}
    assert told["digits-0004"][0] == ("finished", "8/100", "accuracy 90.0% @ 4")
    # What few have comes first, the data last; what differs across data sets follows from the data.
    assert told["digits-0001"][1] == ["sgd", "lr=0.1", "monitor=loss", "digits"]
    assert told["digits-0004"][1] == ["lr=0.001", "monitor=accuracy", "adam", "digits"]
    # Of runs of one data set, only what differs among them; the monitor is named only where there are several.
    told = {row[0]: (row[1:4], words) for row, words in rows(runs[:2])}
    assert told["digits-0001"] == (("finished", "8/100", "0.3000 @ 5"), ["sgd", "lr=0.1"])
    assert told["digits-0002"] == (("stopped early", "8/100", "0.2000 @ 7"), ["adam", "lr=0.01"])
    assert [words[-1] for _, words in rows([runs[0], runs[-1]])] == ["digits", "wine"]
    ((_, words),) = rows(runs[-1:])
    assert words == ["lr=0.005→0.05 @19"]


def test_a_damaged_run_is_listed_with_what_is_wrong(make: Any, root: Path) -> None:
    path = make("digits-0001")
    for name in ("status.json", "events.jsonl"):
        (path / name).write_text("\x1b[31m{")
    (path / "experiment.toml").write_text("[optimizer")
    (row, words), (run,) = rows(read(root))[0], read(root)
    assert row[1] == "damaged" and "status.json cannot be read" in words[0]
    assert run.fields["name"] == "digits-0001" and "\x1b" not in "".join(row)
    assert ordered([run], "best") == [run]


# -- going on ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "text", "why"),
    [
        ("stopped_early", "stopping.patience=20", "after 10 checks"),
        ("finished", "training.epochs=200", "its 100 epochs"),
        ("diverged", "optimizer.lr=0.0001", "would again"),
        ("stopped", "", "last checkpoint"),
        ("crashed", "", "last checkpoint"),
    ],
)
def test_what_has_to_change_to_go_on(script: Any, state: str, text: str, why: str) -> None:
    experiment = script.experiment()
    suggested, told = suggestion(state, experiment)
    assert suggested == text and why in told
    assert complaint(suggested, experiment) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model.hidden=[1]", "cannot change when a run goes on: model.hidden"),
        ("training.seed=4", "cannot change when a run goes on"),
        ("optimizer.lr=-1", "must be"),
        ("patience=3", "unknown"),
        ("'", "quotation"),
        ("lr", "key=value"),
    ],
)
def test_what_cannot_change_is_said_before(script: Any, text: str, words: str) -> None:
    assert words in str(complaint(text, script.experiment())).lower().replace("key.subkey", "key")


async def archive(lab: Any, rows: int) -> DataTable[Any]:
    await lab.press("slash")
    await lab.until(lambda: lab.app.screen.query_one(DataTable).row_count == rows)
    return lab.app.screen.query_one(DataTable)


async def test_a_run_that_stopped_early_goes_on_with_more_patience(
    open_lab: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("digits-0001", state="stopped_early")
    asked: list[list[str]] = []

    def start(arguments: list[str]) -> tuple[int, str]:
        asked.append(arguments)
        return 0, str(path)

    monkeypatch.setattr("ladera.tui.run_keeping.start_detached", start)
    async with open_lab() as lab:
        await archive(lab, 1)
        await lab.press("g")
        await lab.sees("Go on with digits-0001, changed by")
        await lab.sees("stopping.patience=20")
        lab.app.screen.query_one(Input).value = "model.hidden=[1]"
        await lab.press("enter")
        assert "cannot change when a run goes on" in lab.app.screen.query_one("#prompt-judgement", Line).text
        lab.app.screen.query_one(Input).value = "stopping.patience=30 optimizer.lr=0.0005"
        await lab.press("enter")
        await lab.until(lambda: lab.app.current is not None)
        assert asked == [
            ["resume", str(path), "--set", "stopping.patience=30", "--set", "optimizer.lr=0.0005", "--quiet"]
        ]
        assert lab.run.name == "digits-0001"


async def test_a_run_of_this_sitting_gives_its_directory_free_and_is_then_watched(
    open_lab: Any, script: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("digits-0001")
    monkeypatch.setattr("ladera.tui.run_keeping.start_detached", lambda arguments: (0, str(path)))
    ended = threading.Event()

    def lingers(
        run: Any,
    ) -> Any:  # as the engine does: it ends, and answers questions until it is told to stop
        yield from script.events(reason="finished")
        while not any(command.name == "stop" for command in run.controls.take()):
            run.controls.wait(0.05)
        ended.set()

    async with open_lab(trainer=lingers) as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.ended)
        lab.run.directory, ours = path, lab.run
        assert ours.working
        await archive(lab, 1)
        await lab.press("g")
        await lab.sees("Go on with")
        await lab.press("enter")
        await lab.until(lambda: lab.app.current not in (None, ours))
        assert ended.is_set() and not ours.working
        assert lab.run.source is not None and len(lab.app.sitting.runs) == 1


async def test_what_trains_here_is_not_gone_on_with_or_deleted(open_lab: Any, script: Any, make: Any) -> None:
    path = make("digits-0001")
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        await lab.sees("training")
        lab.run.directory = path
        await archive(lab, 1)
        await lab.press("delete", "down", "enter")
        await lab.sees("digits-0001 trains in this lab")
        assert path.exists()


async def test_deleted_and_renamed_runs_leave_the_lists(open_lab: Any, make: Any, root: Path) -> None:
    make("digits-0001", age=10)
    make("digits-0002")
    async with open_lab() as lab:
        table = await archive(lab, 2)
        await lab.press("enter")
        await lab.until(lambda: lab.app.current is not None)
        await archive(lab, 2)
        await lab.press("f2")
        lab.app.screen.query_one(Input).value = "my run"
        assert "no slash" in lab.app.screen.query_one("#prompt-help", Line).text
        judgement = lab.app.screen.query_one("#prompt-judgement", Line)
        await lab.until(lambda: not judgement.text)
        lab.app.screen.query_one(Input).value = "digits-0001"
        await lab.press("enter")  # stays
        await lab.until(lambda: "digits-0001 exists already" in judgement.text)
        lab.app.screen.query_one(Input).value = "better-0002"
        await lab.press("enter")
        await lab.until(lambda: lab.run.name == "better-0002")  # the one that is looked at
        table = lab.app.screen.query_one(DataTable)
        await lab.until(lambda: str(table.get_row_at(0)[0]) == "better-0002")
        await lab.press("delete", "down", "enter")
        await lab.until(lambda: not lab.app.sitting.runs)
        await lab.until(lambda: table.row_count == 1)
        assert [path.name for path in root.iterdir()] == ["digits-0001"]


async def test_the_cursor_stays_on_what_is_renamed_and_goes_to_the_neighbour_of_what_is_deleted(
    open_lab: Any, make: Any
) -> None:
    for age in (40, 30, 20, 10):
        make(f"digits-00{age}", age=age)
    async with open_lab() as lab:
        table = await archive(lab, 4)
        await lab.press("down", "down", "f2")
        lab.app.screen.query_one(Input).value = "better-0030"
        await lab.press("enter")
        await lab.until(lambda: str(table.get_row_at(2)[0]) == "better-0030")
        assert table.cursor_row == 2
        await lab.press("delete")
        await lab.sees("Delete better-0030 with")
        await lab.press("down", "enter")
        await lab.until(lambda: table.row_count == 3)
        await lab.until(lambda: table.cursor_row == 2)
        await lab.press("delete")
        await lab.sees("Delete digits-0040 with")
        await lab.press("escape")


# -- the screen --------------------------------------------------------------------------------------------------------


async def test_a_slow_disk_holds_up_no_key(
    open_lab: Any, some: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(archive_screen, "read", lambda *args: go.wait(60) and read(*args))
    async with open_lab() as lab:
        await lab.press("slash")
        await lab.sees("reading the directory")
        await lab.press("slash", *"sgd")
        go.set()
        await lab.sees("1 of 5 runs")
        await lab.press("escape", "escape")
        assert isinstance(lab.app.screen, LabScreen)


@pytest.mark.parametrize("many", [200, 1])
async def test_the_list_is_filtered_and_sorted_and_keeps_its_place(
    open_lab: Any, some: None, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(archive_screen, "_MANY", many)
    async with open_lab() as lab:
        table = await archive(lab, 5)
        screen = lab.app.screen
        await lab.press("down", "down")
        assert screen.chosen.name == "digits-0003"
        await lab.press("o", "o", "o", "o", "o")  # differs, run, state, epoch, best
        note = screen.query_one("#archive-note", Line)
        await lab.until(lambda: "by best within data and monitor" in note.text)
        assert [str(table.get_row_at(row)[0]) for row in (0, 1)] == ["digits-0004", "digits-0003"]
        assert screen.chosen.name == "digits-0003"
        await lab.press("slash", *"lr:0.01")
        await lab.sees("1 of 5 runs")
        assert "Handwritten digits" in lab.text  # alone, it differs from nothing
        screen.query_one(Input).value = "lrr:0.01"
        await lab.sees("no field 'lrr'; did you mean lr?")


async def test_runs_of_other_processes_are_seen_to_go_on(
    open_lab: Any, make: Any, some: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    live: dict[str, Any] = {"state": "training", "process": this_process().plain(), "ended": None}
    make("iris-0001", base="iris", **live)
    opened: list[str] = []
    info = archived.run_info
    monkeypatch.setattr(archived, "run_info", lambda path: opened.append(path.name) or info(path))
    monkeypatch.setattr(archive_screen, "_AGAIN", 0.05)
    async with open_lab(size=(120, 12)) as lab:
        table = await archive(lab, 6)
        screen = lab.app.screen
        await lab.press("slash", *"!sgd", "enter")
        await lab.until(lambda: table.row_count == 5)
        await lab.press(*["down"] * 3)
        assert screen.chosen.name == "digits-0003"
        top, cursor = table.scroll_offset.y, table.cursor_row
        opened.clear()
        path = screen._root / "iris-0001"
        write_status(path, replace(read_status(path), epoch=41, heartbeat=time.time()), durable=False)
        await lab.until(lambda: str(table.get_row_at(0)[2]) == "41/100")
        assert set(opened) == {"iris-0001"}  # those that ended are not read again
        assert (table.scroll_offset.y, table.cursor_row, screen.chosen.name) == (top, cursor, "digits-0003")
        make("new-0001", age=-5)
        await lab.until(lambda: table.row_count == 6)
        assert screen.chosen.name == "digits-0003"
        await lab.until(lambda: table.scroll_offset.y == min(top + 1, table.max_scroll_y))
        assert screen.query_one(Input).value == "!sgd"


@pytest.mark.parametrize(("size", "columns"), [((80, 24), 4), ((120, 40), 6), ((200, 60), 6), ((20, 8), 4)])
async def test_columns_give_way_to_what_differs(open_lab: Any, some: None, size: Any, columns: int) -> None:
    async with open_lab(size=size) as lab:
        table = await archive(lab, 5)
        assert len(table.ordered_columns) == columns
        assert size[0] < 80 or table.ordered_columns[-1].width >= 20
        assert len(lab.text.split("\n")) == size[1]


async def test_an_experiment_of_an_earlier_sitting_is_used_again(open_lab: Any, some: None) -> None:
    async with open_lab() as lab:
        await archive(lab, 5)
        await lab.press("E")
        await lab.until(lambda: lab.app.experiment.data.name == "wine")
        assert (lab.app.experiment.optimizer.lr, lab.app.base) == (0.05, "wine")
        assert "as it was changed: optimizer.lr=0.05 from epoch 19" in lab.notes[-1]


async def test_without_runs_it_says_so(open_lab: Any) -> None:
    async with open_lab() as lab:
        await lab.press("slash")
        await lab.sees("no runs in")
        await lab.press("g", "E", "y", "f2", "delete")
        assert archived.read(lab.app.runs_dir) == []
        assert lab.app._exception is None
