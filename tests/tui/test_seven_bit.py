"""What terminals of 7 bits are given: every character that the program writes somewhere has a form that can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ladera.tui.filters import same_width
from ladera.tui.seven_bit import DRAWN, seven_bit

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [
    path
    for folder in ("tui", "presets", "engine")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".toml", ".tcss", ".css") and path.name != "seven_bit.py"
]


def written() -> Iterator[str]:
    """Every character beyond 7 bits in the program's own texts."""
    yield from sorted({one for path in TEXTS for one in path.read_text("utf-8") if not one.isascii()})


def test_there_is_something_to_test() -> None:
    assert {"½", "θ", "●", "─", "→"} <= set(written())


@pytest.mark.parametrize("character", written())
def test_every_character_of_the_program_has_a_form(character: str) -> None:
    form = seven_bit(f"a{character}b")
    assert form.isascii()
    assert "?" not in form, "add it to tui/seven_bit.py"
    assert len(form) > 2, "it must not vanish"
    assert "?" not in same_width(character)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("flip(x) with p = ½", "flip(x) with p = 1/2"),
        ("1 and ½", "1 and 1/2"),
        ("x ∈ ℝ¹³", "x in R^13"),  # not R13
        ("ℝ⁴, 10⁻⁴, σ², wᵀx", "R^4, 10^-4, sigma^2, w^Tx"),
        ("g·min(1, 1 / ‖g‖)", "g*min(1, 1 / ||g||)"),
        ("θ ← θ − η m̂ / (√v̂ + ε)", "theta <- theta - eta m^ / (sqrt v^ + eps)"),
        ("ĥ and ŷ", "h^ and y^"),
        ("café, Zürich", "cafe, Zurich"),
        ("● digits · mlp", "* digits - mlp"),
        ("日", "?"),
    ],
)
def test_formulas_and_words_keep_their_meaning(text: str, form: str) -> None:
    assert seven_bit(text) == form


def test_what_is_drawn_takes_one_cell() -> None:
    assert all(len(form) == 1 for form in DRAWN.values())
    assert same_width("⣿⠀█─┼↑") == ": #-+^"


def test_signs_that_stand_beside_each_other_differ() -> None:
    from ladera.tui.views import STATES

    forms = [seven_bit(sign) for sign, _ in STATES.values()]
    assert len(set(forms)) == len({sign for sign, _ in STATES.values()})
