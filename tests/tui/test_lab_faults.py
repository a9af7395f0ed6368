"""What a user can mend is said in words and never ends the lab: presets, files, directories and processes that refuse."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable, Input, OptionList

from ladera.engine.errors import InputError, StoreError
from ladera.engine.store.directory import write_experiment
from ladera.tui.mendable import in_words
from ladera.tui.screens.archive import ArchiveScreen
from ladera.tui.screens.lab import LabScreen
from ladera.tui.screens.picker import PickerScreen
from ladera.tui.widgets.line import Line

WRONG = 'extends = "digits"\n[optimizer]\nlr = -1.0\n'


@pytest.fixture(autouse=True)
def own_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of experiment presets, and a place of one's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "config" / "ladera" / "presets" / "experiments"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return folder


def raising(error: Exception) -> Any:
    """A function that fails."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def fine(lab: Any) -> bool:
    """Whether the lab goes on."""
    return lab.app._exception is None and not lab.app._exit


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("optimizer.lr: must be above 0\nand more"), "optimizer.lr: must be above 0 and more"),
        (PermissionError(13, "Permission denied", "/etc/x\x1b[31m"), "Permission denied: /etc/x[31m"),
        (OSError("odd"), "odd"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_faults_in_words(error: Exception, words: str) -> None:
    assert in_words(error) == words


# -- presets ---------------------------------------------------------------------------------------------------------


async def open_preset(lab: Any, name: str) -> OptionList:
    await lab.press("ctrl+o")
    options = lab.app.screen.query_one(OptionList)
    names = [options.get_option_at_index(i).id for i in range(options.option_count)]
    options.highlighted = names.index(name)
    await lab.pilot.pause()
    return options


@pytest.mark.parametrize(
    ("text", "why"), [(WRONG, "lr"), ("[optimizer\n", "cannot be chosen"), ("a = 1\n", "unknown")]
)
async def test_a_preset_with_invalid_values_is_listed_with_the_reason(
    open_lab: Any, own_presets: Path, text: str, why: str
) -> None:
    (own_presets / "mine.toml").write_text(text)
    async with open_lab() as lab:
        await open_preset(lab, "mine")
        assert "× mine" in lab.text
        about = lab.app.screen.query_one("#explained", Line).text
        assert "Cannot be chosen now: " in about and why in about.lower()
        await lab.press("enter")
        assert isinstance(lab.app.screen, PickerScreen)
        assert lab.app.base == "digits"


async def test_a_preset_that_breaks_while_one_chooses(open_lab: Any, own_presets: Path) -> None:
    (own_presets / "mine.toml").write_text('extends = "digits"\n')
    async with open_lab() as lab:
        await open_preset(lab, "mine")
        (own_presets / "mine.toml").write_text(WRONG)
        await lab.press("enter")
        assert isinstance(lab.app.screen, LabScreen) and fine(lab)
        assert any("optimizer.lr: must be" in note for note in lab.notes)
        assert lab.app.base == "digits"


async def test_a_part_that_cannot_be_read_is_greyed(open_lab: Any, own_presets: Path) -> None:
    folder = own_presets.parent / "optimizer"
    folder.mkdir()
    (folder / "odd.toml").write_text("[optimizer\n")
    async with open_lab() as lab:
        await lab.press("e")
        form = lab.app.lab.query_one("#form")
        form.highlighted = [row.key for row in form._rows].index("optimizer")
        await lab.press("enter")
        await lab.sees("× odd")
        await lab.press("end", "enter")
        assert lab.app.experiment.optimizer.kind == "adam" and fine(lab)


async def test_the_command_line_when_the_preset_it_began_with_is_broken(
    open_lab: Any, own_presets: Path
) -> None:
    (own_presets / "mine.toml").write_text(WRONG)
    async with open_lab(base="mine") as lab:
        await lab.press("y")
        await lab.sees("ladera run digits")
        assert any("optimizer.lr: must be" in note for note in lab.notes)


@pytest.mark.parametrize("where", ["the folder", "a file in it"])
async def test_saving_a_preset_where_nothing_can_be_written(
    open_lab: Any, own_presets: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "the folder":
        monkeypatch.setenv("XDG_CONFIG_HOME", str(own_presets.parent.parent.parent.parent / "plain"))
        Path("plain").write_text("a file where a folder belongs")
    else:
        monkeypatch.setattr(
            "tempfile.mkstemp", raising(PermissionError(13, "Permission denied", str(own_presets)))
        )
    async with open_lab() as lab:
        await lab.press("ctrl+s")
        lab.app.screen.query_one(Input).value = "kept"
        await lab.press("enter")
        await lab.until(lambda: lab.notes)
        assert ("Not a directory" if where == "the folder" else "Permission denied") in lab.notes[-1]
        assert fine(lab) and lab.app.base == "digits"


async def test_a_place_for_presets_that_may_not_be_looked_into(
    open_lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_lab() as lab:
        monkeypatch.setattr(
            "ladera.tui.editing.own_path", raising(PermissionError(13, "Permission denied", "/root"))
        )
        await lab.press("ctrl+s")
        lab.app.screen.query_one(Input).value = "kept"
        await lab.press("enter")
        assert "Permission denied: /root" in lab.app.screen.query_one("#prompt-judgement", Line).text
        assert fine(lab)


# -- directories and processes ----------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path, script: Any) -> Path:
    """A run of an earlier sitting."""
    place = tmp_path / "runs" / "digits-0001"
    place.mkdir(parents=True)
    write_experiment(place, script.experiment().plain())
    return place


async def archive(lab: Any) -> ArchiveScreen:
    await lab.press("slash")
    await lab.until(lambda: lab.app.screen.query_one(DataTable).row_count == 1)
    return lab.app.screen


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied", "events.jsonl"), StoreError("locked")]
)
async def test_a_run_that_cannot_be_read(
    open_lab: Any, kept: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("ladera.tui.watching.watch", raising(error))
    async with open_lab() as lab:
        await archive(lab)
        await lab.press("enter")
        await lab.until(lambda: in_words(error) in lab.notes)
        assert fine(lab) and lab.app.current is None


async def test_a_process_that_cannot_be_started_to_go_on(
    open_lab: Any, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ladera.tui.run_keeping.start_detached",
        raising(BlockingIOError(11, "Resource temporarily unavailable")),
    )
    async with open_lab() as lab:
        await archive(lab)
        await lab.press("g")
        await lab.sees("Go on with digits-0001, changed by")
        await lab.press("enter")
        await lab.until(lambda: "Resource temporarily unavailable" in lab.notes)
        assert fine(lab)


@pytest.mark.parametrize("what", ["rename", "delete"])
async def test_a_directory_that_refuses(
    open_lab: Any, kept: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(
        f"ladera.tui.screens.archive.{what}_run", raising(OSError(30, "Read-only file system", str(kept)))
    )
    async with open_lab() as lab:
        screen = await archive(lab)
        if what == "rename":
            await lab.press("f2")
            lab.app.screen.query_one(Input).value = "other"
            await lab.press("enter")
        else:
            await lab.press("delete", "down", "enter")
        await lab.until(lambda: "Read-only file system" in screen.query_one("#archive-note", Line).text)
        assert kept.exists() and fine(lab)


async def test_a_queued_run_that_cannot_go_to_the_background_says_why(
    open_lab: Any, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ladera.presets.write.save_as", raising(OSError(28, "No space left on device", "/tmp"))
    )
    async with open_lab(lambda run: script.events()) as lab:
        await lab.press("r", "r")
        await lab.press("t", "up", "A")
        waits = lab.app.sitting.runs[1]
        await lab.until(lambda: waits.state == "refused")
        assert waits.trouble == "No space left on device: /tmp" and fine(lab)


async def test_a_hand_over_that_fails_stays(
    open_lab: Any, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ladera.tui.leaving.start_detached", raising(OSError(12, "Cannot allocate memory")))
    async with open_lab(lambda run: script.events()) as lab:
        await lab.press("r")
        await lab.sees("training")
        lab.run.directory = Path("runs/digits-0001")
        await lab.press("D")
        await lab.until(lambda: any("Cannot allocate memory" in note for note in lab.notes))
        assert fine(lab)


async def test_exporting_where_nothing_can_be_written(
    open_lab: Any, script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_lab(watched=script.run(script.events(reason="finished"))) as lab:
        monkeypatch.setattr(
            "ladera.tui.export.files.write", raising(OSError(30, "Read-only file system", "digits.html"))
        )
        await lab.press("X", "enter")
        await lab.until(lambda: "Read-only file system: digits.html" in lab.notes)
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        os.rmdir(gone)  # noqa: PTH106 - what the shell's directory may be
        await lab.press("X", "enter")
        await lab.until(lambda: any("No such file" in note for note in lab.notes))
        monkeypatch.chdir(tmp_path)
        assert fine(lab)
