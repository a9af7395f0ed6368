"""What the symbols of the formulas mean."""

from __future__ import annotations

import re

import pytest

from ladera.presets.catalog import PARTS, catalog
from ladera.presets.symbols import SYMBOLS, symbols

#: Words and names that a formula may hold unexplained: functions, set notation, names of classes, running indices.
_PLAIN = re.compile(
    r"softmax|sigmoid|relu|tanh|pool|sign|max|min|log|ln|cos|sin|dt|flip|shift|mask|pad|random|Bernoulli|"
    r"[a-zA-Z-]{2,}|π|Σ_c|Σ_k|Σ|∫|ℝ|\bk\b|\bi\b|[₁₂]"
)


@pytest.mark.parametrize("part", PARTS)
def test_every_greek_letter_of_a_formula_is_explained(part: str) -> None:
    for preset in catalog(part):
        known = {symbol for symbol, _ in symbols(part, preset.formula)}
        greek = set(re.findall("[α-ωΑ-ΩĝĥŷÂ]\u0302?(?![a-z])", re.sub("π|Σ|Δ", "", preset.formula)))
        assert not {letter for letter in greek if not any(letter in symbol for symbol in known)}, preset.name


def test_a_symbol_is_read_whole() -> None:
    adam = "θ ← θ − η·m̂ / (√v̂ + ε)"
    assert [symbol for symbol, _ in symbols("optimizer", adam)] == ["θ", "η", "m̂", "v̂", "ε"]  # no v, no m
    assert [symbol for symbol, _ in symbols("init", "w ~ U(±√(6 / (n_in + n_out)))")] == [
        "w",
        "U",
        "n_in",
        "n_out",
    ]
    assert symbols("loss", "w_y") == [("w_y", "weight of the true class")]
    assert symbols("loss", "softmax") == []


def test_every_symbol_of_a_part_stands_in_one_of_its_formulas() -> None:
    for part, table in SYMBOLS.items():
        used = {symbol for preset in catalog(part) for symbol, _ in symbols(part, preset.formula)}
        assert set(table) - used == set(), part
