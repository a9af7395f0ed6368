"""What runs are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ladera.engine.store.directory import refuse_name
from ladera.presets.catalog import change, load
from ladera.tui.naming import run_name


@pytest.fixture(autouse=True)
def empty_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda name: str(tmp_path / "config" / name))


def test_a_run_is_called_after_what_its_experiment_began_with() -> None:
    digits = load("digits", ["optimizer=sgd", "data.label_noise=0.1"])
    assert run_name(digits, "digits") == "digits"
    assert run_name(digits, "first try") == "first try"  # what an earlier run was called
    Path("runs/mine-0007").mkdir(parents=True)
    assert run_name(digits, "runs/mine-0007/experiment.toml") == "mine"
    Path("small.toml").write_text('extends = "digits"\n')
    assert run_name(digits, "small.toml") == "small"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (".mine.toml", "mine"),
        ("- x.toml", "x"),
        ("...toml", "run"),
        ("a\tb\\c.toml", "a-b-c"),
        ("x" * 120 + ".toml", "x" * 80),
        ("ü" * 60 + " .json", "ü" * 40),
    ],
)
def test_a_file_whose_name_no_run_may_have(file: str, name: str) -> None:
    Path(file).write_text(
        "[optimizer]\nlr = 0.1\n" if file.endswith("toml") else '{"optimizer": {"lr": 0.1}}'
    )
    assert run_name(load(f"./{file}"), f"./{file}") == name
    refuse_name(name)


def test_or_after_its_data_if_those_are_others() -> None:
    assert run_name(load("digits", ["data=moons"]), "digits") == "moons"
    assert run_name(load("digits", ["data.path=/far/My Houses (2).csv"]), "digits") == "My-Houses-2"
    assert run_name(load("digits", ["data.path=/far/()"]), "digits") == "digits"


async def test_in_the_lab_too_whatever_the_experiment_began_with(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events(reason="finished"), base="first-try") as lab:
        await lab.press("r")
        await lab.until(lambda: lab.run.history.ended)
        assert lab.run.label == "first-try"
        lab.app.take(change(lab.app.experiment, ["data=moons"]))
        await lab.press("r")
        assert [run.label for run in lab.app.sitting.runs] == ["first-try", "moons"]
