"""The wheel: built without a network, it holds every package, preset, data set and stylesheet of the tree, and works elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: Files that a package needs at run time, by ending.
PAYLOAD = (".py", ".toml", ".css", ".tcss", ".npz", ".md", ".json")


def tree() -> set[str]:
    """Every file below the three folders that the wheel must hold, by its path in the wheel."""
    return {
        f"ladera/{path.relative_to(ROOT)}"
        for folder in ("engine", "presets", "tui")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in PAYLOAD and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"  # setuptools leaves a build folder beside its input
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "engine", "presets", "tui"):
        (copy / name).symlink_to(ROOT / name)
    done = subprocess.run(  # noqa: PLW1510 - the message is asserted
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(copy)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("ladera-*.whl"))


def test_the_wheel_holds_every_file_of_the_tree(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("ladera/")}
    assert tree() - packed == set(), "name the package or its data in pyproject.toml"


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"ladera"}
    assert [name for name in names if name.startswith("ladera/") and name not in tree()] == []


def test_the_wheel_is_licensed_and_has_the_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    scripts = next(archive.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    assert "ladera = ladera.tui.__main__:main" in scripts


def test_the_unpacked_wheel_works_from_anywhere(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import json, sys, ladera.tui.cli as cli\n"
        "from ladera.presets.catalog import catalog, check\n"
        "from ladera.engine.experiment import Experiment\n"
        "print(json.dumps([cli.__file__, len(catalog()), [p.name for p in catalog() if check(p)]]))"
    )
    done = subprocess.run(  # noqa: PLW1510 - the message is asserted
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site"), "XDG_CONFIG_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    file, count, broken = json.loads(done.stdout)
    assert file.startswith(str(tmp_path))
    assert count == len(list((ROOT / "presets").glob("*/*.toml")))
    assert broken == []


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().split()}
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"], *project["optional-dependencies"]["data"],
              *project["optional-dependencies"]["images"]]  # fmt: skip
    names = {item.split(">")[0].split("=")[0].split("[")[0].lower() for item in wanted} - {
        "ladera",
        "setuptools",
    }
    assert names - pinned == set()
