"""The README's examples do what it says: the files load, the code runs, and an optimizer is added in its four places."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from ladera.presets.catalog import load
from ladera.tui.cli import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", README, re.M | re.S)
    return [
        "\n".join(line.removeprefix(indent) for line in text.splitlines()) + "\n" for indent, text in found
    ]


def test_the_experiment_can_be_loaded(tmp_path: Path) -> None:
    (text,) = [block for block in blocks("toml") if "extends" in block]
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    experiment = load(tmp_path / "mine.toml")
    assert experiment.optimizer.kind == "rmsprop"
    assert experiment.stopping.monitor == "accuracy"


def test_the_notebook_example_runs() -> None:
    (code,) = [block for block in blocks("python") if "for event in run" in block]
    with redirect_stdout(io.StringIO()) as out:
        exec(compile(code, "README.md", "exec"), {})
    assert re.match(r"1 \d\.\d+ \d\.\d+\n2 ", out.getvalue())


def words(text: str) -> list[str]:
    """The lines of a run's text without numbers, which differ between machines, and without its chart."""
    lines = [" ".join(re.sub(r"[<>]?\d[\d.,:e+-]*[%kM]?", "#", line).split()) for line in text.splitlines()]
    return [line for line in lines if line and not re.search("[│┤└]|epoch$", line)]


def test_the_sample_is_what_the_program_prints(tmp_path: Path) -> None:
    (sample,) = blocks("console")
    command, shown = sample.split("\n", 1)
    assert command == "$ ladera run digits | cat"
    done = subprocess.run(
        [sys.executable, "-m", "ladera.tui", "run", "digits"], cwd=tmp_path, env=os.environ | {"LADERA_RUNS": "runs"},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    printed = words(done.stdout)
    assert [line for line in words(shown) if line not in printed] == []


def test_the_settings_of_the_commands_are_valid() -> None:
    for line in README.splitlines():
        if settings := re.findall(r"--set (\S+)", line):
            preset = re.search(r"ladera run (\w+) ", line)
            if preset:
                load(preset[1], settings)


def test_the_commands_exist() -> None:
    commands = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    commands |= {group.name for group in app.registered_groups if group.name}
    assert set(re.findall(r"(?:^|`)ladera ([a-z]+)", README, re.M)) <= commands


def test_the_files_it_names_are_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_an_optimizer_is_added_in_four_places(tmp_path: Path) -> None:
    package = tmp_path / "ladera"
    for folder in ("engine", "presets", "tui"):
        shutil.copytree(ROOT / folder, package / folder, ignore=shutil.ignore_patterns("__pycache__"))
    formula, schema = [block for block in blocks("python") if "class Sign" in block]
    (preset,) = [block for block in blocks("toml") if "Sign descent" in block]

    path = package / "engine" / "optimizers.py"
    before, marker, after = path.read_text(encoding="utf-8").partition("#: The optimizers by the name")
    path.write_text(
        before + formula + "\n\n" + marker + after.replace("Adamw)", "Adamw, Sign)", 1), encoding="utf-8"
    )
    path = package / "engine" / "experiment.py"
    before, marker, after = path.read_text(encoding="utf-8").partition("Optimizer = Annotated[")
    path.write_text(
        before + schema + "\n\n" + marker + after.replace("Adamw,", "Adamw | Sign,", 1), encoding="utf-8"
    )
    (package / "presets" / "optimizer" / "sign.toml").write_text(preset, encoding="utf-8")
    assert tomllib.loads(preset)["optimizer"]["kind"] == "sign"

    for arguments in (
        ["presets", "check", "optimizer/sign"],
        ["run", "digits", "--set", "optimizer=sign", "--set", "training.epochs=3", "-q"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", "from ladera.tui.__main__ import main; main()", *arguments], cwd=tmp_path, timeout=120,
            env=os.environ | {"PYTHONPATH": str(tmp_path), "LADERA_RUNS": "runs"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert 'kind = "sign"' in (tmp_path / "runs" / "digits-0001" / "experiment.toml").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("word", ["/tmp/", "/home/", "/root/"])
def test_the_documents_stand_for_themselves(word: str) -> None:
    for document in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")):
        assert word not in document.read_text(encoding="utf-8"), document
