"""The worked examples in words: the lecture's numbers, each from the formulas, and no torch to show them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ladera.engine.examples import example
from ladera.presets.catalog import catalog

# Printed in the lecture: L12, L19, R8 to R10; ln c from L13.
PRINTED = [
    ("loss", {"kind": "cce"}, ["0.223", "2.303", "0.693", "1.099"]),
    ("loss", {"kind": "bce"}, ["0.223", "0.693", "2.303", "4.605"]),
    ("loss", {"kind": "mae"}, ["90, 50, 30, 60", "100, 25, 28, 75", "13."]),
    ("loss", {"kind": "mse"}, ["238.5", "15.44"]),
    ("loss", {"kind": "mape"}, ["23.19 %"]),
    ("regularization", {"l1": 0.1}, ["0.98", "2.32", "70.03", "0.90", "1.06", "32.69"]),
    ("regularization", {"l2": 0.1}, ["0.98", "2.32", "70.03", "0.90", "1.06", "32.69"]),
]


@pytest.mark.parametrize(("part", "values", "numbers"), PRINTED)
def test_an_example_holds_the_printed_numbers(
    part: str, values: dict[str, object], numbers: list[str]
) -> None:
    text = " ".join(example(part, values))
    assert [number for number in numbers if number not in text] == []


def test_what_has_no_example_says_nothing() -> None:
    assert example("optimizer", {"kind": "adam"}) == ()
    assert example("loss", {"kind": "auto"}) == ()
    assert example("regularization", {"l1": 0.0, "l2": 0.0}) == ()


def test_each_loss_but_auto_and_each_penalty_has_one() -> None:
    for preset in (*catalog("loss"), *catalog("regularization")):
        assert bool(example(preset.part, preset.values)) == (preset.short not in ("auto", "none")), (
            preset.name
        )


def test_examples_need_no_torch() -> None:
    code = "import sys, ladera.tui.preset_text, ladera.engine.examples; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
