"""docs/lecture.md has every row of the lecture, and every test and every piece of code that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/lecture.md").read_text(encoding="utf-8")
COUNTS = {
    "P": 7,
    "D": 5,
    "L": 20,
    "O": 14,
    "B": 5,
    "R": 11,
    "DO": 4,
    "ES": 4,
    "A": 7,
    "BN": 12,
    "I": 11,
    "T": 26,
}
ROWS = {
    cells[0]: cells[1:]
    for line in PAGE.splitlines()
    if line.startswith("| ") and re.fullmatch(r"[A-Z]+\d+", (cells := [c.strip() for c in line.strip("| ").split(" | ")])[0])
}  # fmt: skip
TESTS = sorted(set(re.findall(r"`(\S+\.py)::(test_\w+)`", PAGE)))
CODE = sorted(
    {name for row, cells in ROWS.items() if row[0] != "T" for name in re.findall(r"`([^`]+)`", cells[2])}
)


@cache
def names(path: Path) -> frozenset[str]:
    """Functions, classes, methods and values that a module defines at its top."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)
            }
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(found)


def test_every_row_of_the_lecture_is_there_once() -> None:
    expected = [f"{letters}{n}" for letters, count in COUNTS.items() for n in range(1, count + 1)]
    assert sorted(ROWS) == sorted(expected)
    assert len(re.findall(r"^\| [A-Z]+\d+ \|", PAGE, re.MULTILINE)) == len(expected)


def test_a_row_says_what_ladera_does_and_who_holds_it_to_that() -> None:
    for row, cells in ROWS.items():
        assert len(cells) == 4, row
        assert all(cells), row
        assert "::test_" in cells[3], row


def test_what_the_usual_suite_does_not_hold_is_said() -> None:
    """A row held by long proofs alone names `make soak`."""
    for row, cells in ROWS.items():
        if all(file.startswith("soak/") for file in re.findall(r"`(\S+\.py)::test_\w+`", cells[3])):
            assert "`make soak`" in cells[1], row


def test_every_named_test_exists() -> None:
    assert len(TESTS) > 100
    missing = [
        f"{file}::{test}"
        for file, test in TESTS
        if not (path := ROOT / "tests" / file).is_file() or test not in names(path)
    ]
    assert not missing


def test_every_piece_of_named_code_exists() -> None:
    assert len(CODE) > 60
    assert not [name for name in CODE if not exists(name)]


def exists(name: str) -> bool:
    """Whether a preset file, or `module.name` of the engine (or of presets and tui, by their folder), is there."""
    if name.endswith(".toml"):
        return (ROOT / name).is_file()
    parts = name.split(".")
    folder = ROOT if parts[0] in ("presets", "tui") else ROOT / "engine"
    for cut in range(1, len(parts)):
        path = folder.joinpath(*parts[:cut]).with_suffix(".py")
        if path.is_file():
            return ".".join(parts[cut:]) in names(path)
    return False
