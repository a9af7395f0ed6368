"""The runs table under the pilot: its keys and where they are said, its signs and columns, and the experiments of its runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from ladera.engine.events import CommandTaken
from ladera.presets.catalog import change
from ladera.tui.inks import INKS
from ladera.tui.view import View
from ladera.tui.widgets.experiment_form import ExperimentForm
from ladera.tui.widgets.runs_table import RunsTable

SIZES = [(80, 24), (120, 40), (200, 60)]


def row(lab: Any, key: str) -> str:
    """The value of a row of the form."""
    form = lab.app.lab.query_one(ExperimentForm)
    return next(row.value for row in form._rows if row.key == key)


async def type_value(lab: Any, text: str) -> None:
    """Put a text into the prompt."""
    lab.app.screen.query_one(Input).value = text
    await lab.pilot.pause()


async def test_the_runs_table_by_its_own_keys(
    open_lab: Any, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_lab(lambda run: script.events(reason="finished" if run.number < 2 else None)) as lab:
        for _ in range(2):
            await lab.pilot.press("r")
            await lab.until(lambda: lab.app.sitting.training is None and lab.app.current.history.ended)
        for _ in range(3):
            await lab.pilot.press("r")  # one that trains on, two that wait
        await lab.until(lambda: len(lab.app.sitting.runs) == 5)
        runs = list(lab.app.sitting.runs)
        await lab.pilot.press("t")
        table = lab.app.lab.query_one("#runs")
        await lab.until(lambda: table.row_count == 5 and "P pin" in str(table.border_title))
        assert table.chosen is runs[2]  # the one that is looked at
        table.move_cursor(row=0)
        assert table.chosen is runs[4]
        await lab.pilot.press("shift+down")  # before the other one that waits
        assert [run.number for run in lab.app.sitting.runs] == [0, 1, 2, 4, 3]
        assert table.chosen is runs[4]
        await lab.pilot.press("delete")
        assert runs[4] not in lab.app.sitting.runs
        await lab.until(lambda: table.row_count == 4)
        table.move_cursor(row=3)
        assert table.chosen is runs[0]
        await lab.pilot.press("space")
        assert not runs[0].shown
        assert not runs[2].history.paused  # not the key of a single step
        await lab.pilot.press("P")
        assert table.get_row_at(0)[0].plain.strip() == "◌♦ digits"
        assert table.chosen is runs[0]
        table.move_cursor(row=2)
        assert table.chosen is runs[2]
        await lab.pilot.press("delete")
        assert runs[2] in lab.app.sitting.runs  # it trains
        copied: list[str] = []
        monkeypatch.setattr(lab.app, "copy_to_clipboard", copied.append)
        await lab.pilot.press("Y")
        assert copied == []  # it has no directory here
        runs[2].directory = Path("somewhere")
        await lab.pilot.press("Y")
        assert copied == [str(Path("somewhere").absolute())]
        await lab.pilot.press("enter")
        assert lab.app.current is runs[2]


async def test_the_runs_table_says_its_keys_where_they_work(open_lab: Any, script: Any) -> None:
    for size in SIZES:
        async with open_lab(script.events(reason="finished"), size) as lab:
            await lab.press("r")
            await lab.until(lambda lab=lab: lab.app.current and lab.app.current.history.ended)
            assert size[0] < 100 or "Runs: t to the table" in lab.text
            await lab.press("t")
            await lab.sees("Runs: Enter look at · space curves · E use its values")
            assert ("A apart" in lab.text) == (size[0] >= 200)
            await lab.press("e")
            await lab.until(lambda lab=lab: "space curves" not in lab.text)


async def test_the_actions_of_the_table_are_in_the_palette(open_lab: Any, script: Any) -> None:
    async with open_lab(lambda run: script.events(reason="finished")) as lab:
        for _ in range(2):
            await lab.press("r")
            await lab.until(lambda: lab.app.sitting.training is None and lab.app.current.history.ended)
        commands = {one.title: one.callback for one in lab.app.get_system_commands(lab.app.screen)}
        await commands["Pin"]()  # acts on the run that is looked at
        assert [run.pinned for run in lab.app.sitting.runs] == [False, True]
        await commands["Quit"]()
        assert lab.app._exit  # nothing trains


@pytest.mark.parametrize("view", [View(), View(colour=False), View(marker="ascii", colour=False)])
async def test_a_run_has_the_sign_of_its_curve(open_lab: Any, script: Any, view: View) -> None:
    async with open_lab(lambda run: script.events(reason="finished"), (160, 40), view=view) as lab:
        for _ in range(2):
            await lab.press("r")
            await lab.until(lambda: lab.app.sitting.training is None and lab.app.current.history.ended)
        table = lab.app.lab.query_one(RunsTable)
        await lab.until(lambda: table.row_count == 2)
        name = table.get_cell("0", "run")
        if view.colour:
            colour = INKS["dark"].runs[0]
            assert (name.plain[1], [str(span.style) for span in name.spans]) == ("━", [colour])
            lab.app.theme = "ladera-light"
            lab.app.lab.show_all()
            assert [str(span.style) for span in table.get_cell("0", "run").spans] == [INKS["light"].runs[0]]
        else:
            assert (name.plain[1], name.spans) == ("A", [])
            await lab.sees("A digits")  # at the end of its line


async def test_a_live_change_is_seen_in_the_table(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        await lab.press("r")
        await lab.sees("training")
        await lab.press("c")
        await type_value(lab, "optimizer.lr=0.01")
        await lab.press("enter")
        await lab.sees("lr=0.001→0.01 @8")


async def test_columns_follow_a_new_size(open_lab: Any, script: Any) -> None:
    async with open_lab(watched=script.states()["finished"], size=(200, 60)) as lab:
        await lab.sees("90.0%")
        table = lab.app.lab.query_one(RunsTable)
        assert [str(column.label) for column in table.ordered_columns][4:] == [
            "accuracy",
            "test",
            "time",
            "what differs",
        ]
        await lab.pilot.resize_terminal(120, 40)
        await lab.until(lambda: len(table.ordered_columns) < 8)
        assert table.row_count == 1


# -- the experiment of a run -----------------------------------------------------------------------------------------


async def test_the_experiment_of_a_run_goes_into_the_form_and_back(open_lab: Any, script: Any) -> None:
    experiment = script.experiment("optimizer.lr=0.5", base="wine")
    set_to = {"key": "optimizer.lr", "value": 0.01}
    told = [
        *script.events(experiment=experiment),
        CommandTaken(command="set", value=set_to, epoch=8, step=80),
    ]
    async with open_lab(watched=script.run(told, label="wine", experiment=experiment)) as lab:
        await lab.press("t", "E")
        assert lab.app.experiment == change(experiment, ["optimizer.lr=0.01"])
        assert (lab.app.base, row(lab, "data"), row(lab, "optimizer.lr")) == ("wine", "wine", "0.01")
        assert "as it was changed: optimizer.lr=0.01 from epoch 8; u takes it back" in lab.notes[-1]
        await lab.press("E")
        assert not lab.notes[-1].endswith("back")  # it is there already
        await lab.press("e", "u")
        assert (lab.app.base, row(lab, "data")) == ("digits", "digits")


async def test_the_command_line_says_which_experiment_is_which(open_lab: Any, script: Any) -> None:
    set_to = {"key": "optimizer.lr", "value": 0.01}
    experiment = script.experiment("optimizer.lr=0.5", base="wine")
    told = [
        *script.events(experiment=experiment),
        CommandTaken(command="set", value=set_to, epoch=8, step=80),
    ]
    run = script.run(told, label="wine", experiment=experiment)
    async with open_lab(watched=run, size=(120, 50)) as lab:
        lab.app.take(script.experiment("optimizer=sgd"))
        await lab.press("y")
        await lab.sees("Two experiments as commands: Escape back, y copy the run's, Y copy the form's")
        for words in (
            "wine, which the title and the charts show:", "ladera run wine --set optimizer.lr=0.5",
            "optimizer.lr  0.5 → 0.01 at epoch 8", "The next experiment, in the form; r trains it:",
        ):  # fmt: skip
            assert words in lab.text, words
        await lab.press("y")
        assert lab.app.clipboard == "ladera run wine --set optimizer.lr=0.5"
        await lab.press("Y")
        assert lab.app.clipboard == "ladera run digits --set optimizer=sgd"


async def test_a_run_is_named_after_its_data_if_these_are_others(open_lab: Any, script: Any) -> None:
    async with open_lab(lambda run: script.events(reason="finished")) as lab:
        for settings, name in (
            (["optimizer.lr=0.1"], "digits"),
            (["data=wine"], "wine"),
            (
                ["data.path=my houses (2).csv", "data.task=regression", "loss=mse", "data.target=y"],
                "my-houses-2",
            ),
        ):
            lab.app.take(change(script.experiment(), settings))
            await lab.press("r")
            await lab.until(lambda: lab.app.sitting.training is None)
            assert lab.app.sitting.runs[-1].name == name
        lab.app.take(script.experiment(base="wine"), "wine-first")
        await lab.press("r")
        assert lab.app.sitting.runs[-1].name == "wine-first"


async def test_a_queued_run_goes_to_the_background(
    open_lab: Any, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def start(arguments: list[str]) -> tuple[int, str]:
        asked.append([*arguments, Path(arguments[1]).read_text()])
        return 2, "no room"

    monkeypatch.setattr("ladera.tui.run_keeping.start_detached", start)
    async with open_lab(lambda run: script.events()) as lab:
        await lab.pilot.press("r", "r")
        trains, waits = lab.app.sitting.runs
        lab.app.start_apart(trains)
        assert not asked
        lab.app.start_apart(waits)
        await lab.until(lambda: waits.trouble == "no room")
        assert asked[0][0] == "run"
        assert asked[0][2:4] == ["--name", "digits"]
        assert 'kind = "adam"' in asked[0][-1]


async def test_the_runs_of_a_small_screen(open_lab: Any, script: Any) -> None:
    async with open_lab(lambda run: script.events(reason="finished"), size=(80, 24)) as lab:
        await lab.pilot.press("r")
        await lab.until(lambda: lab.app.current and lab.app.current.history.ended)
        table = lab.app.lab.query_one("#runs")
        assert not table.display
        await lab.pilot.press("t")
        await lab.until(
            lambda: table.display and table.has_focus and not lab.app.lab.query_one("#charts").display
        )
        await lab.pilot.press("enter")
        await lab.until(lambda: lab.app.lab.query_one("#charts").display)


async def test_the_run_that_is_looked_at_can_be_seen_in_a_sorted_table(open_lab: Any, script: Any) -> None:
    async with open_lab(lambda run: script.events(reason="finished"), (120, 40)) as lab:
        for _ in range(7):
            await lab.press("r")
            await lab.until(lambda: lab.app.sitting.training is None and lab.app.current.history.ended)
        table = lab.app.lab.query_one(RunsTable)
        await lab.press("t", "S", "S", "escape")
        for _ in range(7):
            await lab.press("n")
            await lab.until(lambda: "▸" in str(table.get_cell(str(lab.app.current.number), "run")))
            row = table.get_row_index(str(lab.app.current.number))
            lines = table.scrollable_content_region.height - table.header_height
            await lab.until(lambda: table.scroll_offset.y <= row < table.scroll_offset.y + lines)  # noqa: B023
