"""What outside text and numbers look like on the screen, byte by byte."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ladera.engine.findings import short
from ladera.tui.text import ascii_only, clean, count, duration, fit, number, percent, shorten, typed

# Any code point, lone surrogates included, and a good share of the dangerous ones.
DANGEROUS = "".join(
    map(chr, [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, 0x2028, 0x2029, 0xFEFF])
) + (
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufe0f\ufff9\ud800\udfff"
    "\U000e0001\U000e0041\U000e0101"
)
HOSTILE = st.text(st.characters(categories=["C", "L", "M", "N", "P", "S", "Z"]) | st.sampled_from(DANGEROUS))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("\x1b]52;c;aGVsbG8=\x07x", "]52;c;aGVsbG8=x"),  # clipboard write
        ("\x1b[2J\x1b[31mred", "[2J[31mred"),
        ("\x9b2Jc1", "2Jc1"),
        ("a\tb\r\n\n  c\x0bd", "a b c d"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("zero\u200bwidth\ufeff\u2060", "zerowidth"),
        ("\ud800lone\udfff", "lone"),
        ("del\x7f\x00nul", "delnul"),
        ("[bold]a[/b]c", "[bold]a[/b]c"),
        ("  edges  ", "edges"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 3),
        ("héllo 世界 θ ← η", "héllo 世界 θ ← η"),
        ("\u00a0no\u00a0break\u3000wide", "no break wide"),
        ("", ""),
        ("\x1b\x00", ""),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_clean_leaves_no_control_byte() -> None:
    encoded = clean(
        "".join(map(chr, range(0x110000))), limit=2_000_000
    ).encode()  # strict: no surrogate is left
    assert not re.search(rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]", encoded)
    for bad in DANGEROUS:
        if not 0xD800 <= ord(bad) <= 0xDFFF and bad not in "\t\n":
            assert bad.encode() not in encoded


@given(HOSTILE, st.integers(-2, 60))
def test_clean_of_anything(text: str, limit: int) -> None:
    result = clean(text, limit)
    assert len(result) <= max(0, limit)
    assert not {unicodedata.category(c) for c in result} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert result == result.strip(" ")
    assert "  " not in result
    assert clean(result, max(1, limit)) == result


def test_clean_cuts_with_an_ellipsis_only_when_something_is_lost() -> None:
    assert clean("abcdef", 6) == "abcdef"
    assert clean("abcdef ", 6) == "abcdef"
    assert clean("abcdefg", 6) == "abcde…"
    assert clean("ab", 1) == "…"
    assert clean("a" * 1_000_000) == "a" * 199 + "…"


@given(HOSTILE, st.integers(0, 30), st.sampled_from(["left", "right"]), st.booleans())
def test_fit_takes_exactly_its_cells(
    text: str, width: int, align: Literal["left", "right"], seven_bit: bool
) -> None:
    fitted = fit(text, width, align, seven_bit)
    assert cell_len(fitted) == width
    assert fitted.isascii() or not seven_bit
    assert cell_len(shorten(text, width, seven_bit)) <= width


def test_fit() -> None:
    assert fit("loss", 6) == "loss  "
    assert fit("loss", 6, "right") == "  loss"
    assert fit("validation", 6) == "valid…"
    assert fit("世界世界", 5) == "世界…"
    assert fit("validación", 6, seven_bit=True) == "val..."
    assert fit("validación", 12, seven_bit=True) == "validacion  "
    assert fit("abc", 2, seven_bit=True) == ".."
    assert shorten("loss", 6) == "loss"


def test_ascii_only() -> None:
    assert ascii_only("pérdida θ…") == "perdida ?..."


@given(HOSTILE)
def test_ascii_only_is_seven_bit(text: str) -> None:
    assert all(ord(c) < 128 for c in ascii_only(clean(text)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1127, "0.1127 "),
        (0.11274999, "0.1127 "),
        (-0.1127, "-0.1127"),
        (0.0, "0.0000 "),
        (-0.0, "0.0000 "),
        (2.302585, "2.3026 "),
        (12.345678, "12.346 "),
        (9.99999, "10.000 "),
        (99999.96, "100000 "),
        (123456, "123456 "),
        (999999.7, "1.0e+06"),
        (1234567, "1.2e+06"),
        (-1234567, "-1e+06 "),
        (0.001, "0.0010 "),
        (1.2345e-5, "1.2e-05"),
        (-1.2345e-5, "-1e-05 "),
        (1e308, "1e+308 "),
        (-1e308, "-1e+308"),
        (5e-324, "5e-324 "),
        (math.nan, "nan    "),
        (math.inf, "inf    "),
        (-math.inf, "-inf   "),
    ],
)
def test_number(value: float, expected: str) -> None:
    assert number(value) == expected


@given(st.floats(), st.integers(1, 14))
def test_number_keeps_its_width_and_tells_the_truth(value: float, width: int) -> None:
    text = number(value, width)
    assert len(text) == width
    if "#" in text:
        assert width < 7
        return
    shown = float(text)
    if math.isnan(value):
        assert math.isnan(shown)
    elif not math.isfinite(value) or value == 0:
        assert shown == value
    elif math.isfinite(shown):
        # One digit at least: off by half of itself at most. Rounding up may leave the range of floats.
        assert abs(shown / value - 1) <= 0.5
    else:
        assert abs(value) > 9e307


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "00:00"),
        (41.9, "00:41"),
        (3599.99, "59:59"),
        (3723, "1:02:03"),
        (86399, "23:59:59"),
        (86400 * 2 + 3600 * 3 + 59, "2d 03h"),
        (-1, "--:--"),
        (math.nan, "--:--"),
        (math.inf, "--:--"),
    ],
)
def test_duration(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (0, "0"),
        (12345, "12,345"),
        (99_999, "99,999"),
        (100_000, "100k"),
        (999_499, "999k"),
        (999_500, "1.00M"),
        (1_234_567, "1.23M"),
        (45_600_000, "45.6M"),
        (-1_234_567, "-1.23M"),
        (7 * 10**9, "7.00G"),
    ],
)
def test_count(n: int, expected: str) -> None:
    assert count(n) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.953, " 95.3%"),
        (0, "  0.0%"),
        (1, "100.0%"),
        (0.00001, " <0.1%"),
        (0.99999, ">99.9%"),
        (math.nan, "   nan"),
        (-0.031, " -3.1%"),
        (-1.5, "-150 %"),
        (1e9, "1e+11%"),
    ],
)
def test_percent(share: float, expected: str) -> None:
    assert percent(share) == expected


def test_importing_the_module_is_cheap() -> None:
    code = "import sys, ladera.tui.text; sys.exit(any(m in sys.modules for m in ('torch', 'textual', 'plotext', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.000751, "7.51e-04"),
        (0.11169, "0.112"),
        (5962.04, "5962"),
        (12.345, "12.3"),
        (0.9996, "1"),
        (1234567.0, "1.23e+06"),
        (0.0001, "0.0001"),
        (1e-5, "1e-05"),
        (0.0, "0"),
        (-0.25, "-0.25"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_the_diagnosis_writes_numbers_in_three_digits(value: float, text: str) -> None:
    assert short(value) == text


@given(st.floats(-1e12, 1e12))
def test_and_in_the_form_that_they_have_on_the_screen(value: float) -> None:
    """One value is never 7.5e-04 here and 0.000751 there; a setting such as 0.0001 is as one types it."""
    screen, words = number(value).strip(), short(value)
    if abs(abs(value) - 0.001) > 1e-5 and abs(value) < 999_000 and words != f"{value:g}":
        assert ("e" in screen) == ("e" in words)
    assert float(words) == pytest.approx(value, rel=0.006)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1e-4, "0.0001"),
        (0.123456789, "0.123456789"),
        (0.0, "0"),
        (1e-8, "1e-08"),
        ((128, 64), "[128, 64]"),
        ([0.5, True], "[0.5, true]"),
        ("relu", "relu"),
        (None, "none"),
        ({"key": "optimizer.lr"}, '{key = "optimizer.lr"}'),
        ("a\nb\x1b[2J", "a b[2J"),
    ],
)
def test_a_value_is_written_as_one_types_it(value: object, text: str) -> None:
    assert typed(value) == text
