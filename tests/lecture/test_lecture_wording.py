"""T1: names are written as their authors write them, wherever a user reads them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Code may say Adagrad and Rmsprop; these are read by people.
READ = [
    *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "presets").glob("*/*.toml"),
    *(ROOT / "engine").rglob("*.py"), *(ROOT / "presets").glob("*.py"), *(ROOT / "tui").rglob("*.py"),
]  # fmt: skip
WRONG = re.compile(
    r"RMS-?prop\b|RmsProp|RMSPProp|Ada-Grad|\bAdagrad(?=[ ,.;:'])|Adaptative|\bADAM\b|\bADAGRAD\b"
)


@pytest.mark.parametrize("path", READ, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_of_optimizers_are_spelled_right(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        # The page about the lecture quotes its typos; classes and modules keep Python's habits.
        if path.name == "lecture.md" and line.startswith("| T1 |"):
            continue
        code = re.sub(
            r"`[^`]*`|torch\.optim\.\w+|class \w+|Adagrad \| Rmsprop|Adagrad, Rmsprop|optimizers\.\w+",
            "",
            line,
        )
        assert not WRONG.search(code), f"{path}:{number}: {line.strip()}"


def test_adam_is_told_what_it_stands_for() -> None:
    assert (
        "adaptive moment estimation"
        in (ROOT / "presets/optimizer/adam.toml").read_text(encoding="utf-8").lower()
    )
