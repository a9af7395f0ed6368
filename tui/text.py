"""Text for a terminal: one sanitizer for whatever we did not write, and numbers that do not jump."""

from __future__ import annotations

import math
import unicodedata
from typing import Any, Literal

from rich.cells import cell_len, set_cell_size

from ..engine.toml import toml_value

#: Characters that end a word; everything else of the Unicode categories below is dropped without a trace.
_SPACES = frozenset("\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
#: Controls, formats (bidi, zero-width, tags), lone surrogates, line and paragraph separators.
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me"})
_MOST_MARKS = 3  # combining marks in a row that scripts need; more only pile up over other lines


def clean(text: str, limit: int = 200) -> str:
    """Text from outside (names, labels, paths, messages, logs) made harmless for any terminal or widget.

    Drops C0, C1 and DEL (so no escape sequence survives; its letters stay visible), bidirectional and
    zero-width controls, variation selectors, lone surrogates and piled-up marks; turns runs of white space,
    tabs and line ends among them, into one space; strips the ends; cuts to `limit` characters, the last of
    which is then an ellipsis. Markup such as `[bold]` is ordinary text: show it with markup off.
    """
    if limit < 1:
        return ""
    kept: list[str] = []
    marks = 0
    for character in text:
        if character in _SPACES:
            character = " "
        category = unicodedata.category(character)
        if (
            category in _DROPPED
            or "\ufe00" <= character <= "\ufe0f"
            or "\U000e0100" <= character <= "\U000e01ef"
        ):
            continue
        if category == "Zs":
            character = " "
        marks = marks + 1 if category in _MARKS else 0
        if marks > _MOST_MARKS or (character == " " and (not kept or kept[-1] == " ")):
            continue
        kept.append(character)
        if len(kept) > limit + 1:  # one beyond the cut tells that there is more; one may be a final space
            break
    result = "".join(kept).rstrip(" ")
    return result if len(result) <= limit else result[: limit - 1].rstrip(" ") + "…"


def harmless(text: str) -> str:
    """Lines of text without what could drive a terminal, spaces as they are: the last gate before the screen.

    Single words from outside pass `clean` where they enter a sentence; this holds for whatever they were put into.
    """
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in _DROPPED)


def ascii_only(text: str) -> str:
    """Text in 7-bit characters for terminals that have no others: accents fall off, the rest becomes `?`."""
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(c for c in decomposed if unicodedata.category(c) not in _MARKS)
    return bare.encode("ascii", "replace").decode("ascii")


def shorten(text: str, width: int, seven_bit: bool = False) -> str:
    """Clean text in at most `width` terminal cells, an ellipsis where it is cut; `seven_bit` as in ascii_only."""
    if width < 1:
        return ""
    # A cell holds at most one base character and its few marks.
    text = clean(text, limit=width * (_MOST_MARKS + 1) + 1)
    text = ascii_only(text) if seven_bit else text
    ellipsis = "..."[:width] if seven_bit else "…"
    return text if cell_len(text) <= width else set_cell_size(text, width - len(ellipsis)) + ellipsis


def short_name(name: str, width: int) -> str:
    """A name in at most `width` cells; the number at its end, which tells it from its like, stays to be seen."""
    name = clean(name)
    head, hyphen, tail = name.rpartition("-")
    if cell_len(name) <= width or not head or cell_len(tail) > width - 3:
        return shorten(name, width)
    return shorten(head, width - cell_len(tail) - 1) + hyphen + tail


def fit(text: str, width: int, align: Literal["left", "right"] = "left", seven_bit: bool = False) -> str:
    """Clean text in exactly `width` terminal cells, shortened or padded."""
    text = shorten(text, width, seven_bit)
    padding = " " * (width - cell_len(text))
    return padding + text if align == "right" else text + padding


def number(value: float, width: int = 7) -> str:
    """A measured number in exactly `width` characters: "0.1127 ", "12.345 ", "1.2e-05", "nan    ".

    As many decimals as the width holds beside a sign, so the digits of a falling loss stay where they are;
    below 0.001 and from 10^(width - 1) in exponent form; `#` throughout where nothing true fits.
    """
    if not math.isfinite(value):
        text = "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        return text.ljust(width) if len(text) <= width else "#" * width
    value = value + 0.0  # a negative zero prints as zero
    room = width - 1
    if value == 0 or 0.001 <= abs(value) < 10**room:
        for decimals in range(max(0, room - 2), -1, -1):
            digits = f"{abs(value):.{decimals}f}"
            if len(digits) <= room and (value == 0 or abs(value) >= 10.0**-decimals):
                return (("-" if value < 0 else "") + digits).ljust(width)
    for decimals in range(max(0, width - 6), -1, -1):
        text = f"{value:.{decimals}e}"
        if len(text) <= width:
            return text.ljust(width)
    return "#" * width


def typed(value: Any, limit: int = 60) -> str:
    """A value of an experiment as one types it after `--set key=`, text without its quotes: "0.001", "[128, 64]", "relu"."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return clean(value if isinstance(value, str) else toml_value(value), limit)


def took(seconds: float) -> str:
    """How long something took: "12.34 s" below a minute, from there as `duration`."""
    return f"{seconds:.2f} s" if seconds < 60 else duration(seconds)


def duration(seconds: float) -> str:
    """A time span: "00:41" below an hour, "1:02:03" below a day, "2d 03h" from there; "--:--" when unknown."""
    if not math.isfinite(seconds) or seconds < 0:
        return "--:--"
    minutes, s = divmod(int(seconds), 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    if days:
        return f"{days}d {h:02d}h"
    return f"{hours}:{m:02d}:{s:02d}" if hours else f"{m:02d}:{s:02d}"


def count(n: int) -> str:
    """How many: exact below 100,000 ("12,345"), then three digits and a unit ("1.23M")."""
    if abs(n) < 100_000:
        return f"{n:,}"
    size, units = abs(n) / 1000, iter("kMGTPE")
    unit = next(units)
    while size >= 999.5 and (larger := next(units, None)):
        size, unit = size / 1000, larger
    decimals = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{'-' if n < 0 else ''}{size:.{decimals}f}{unit}"


def percent(share: float) -> str:
    """A share of one in six characters: " 95.3%"; never 0 or 100 unless it is (" <0.1%", ">99.9%")."""
    if not math.isfinite(share):
        return "   nan" if math.isnan(share) else "   inf" if share > 0 else "  -inf"
    if 0 < share < 0.0005:
        return " <0.1%"
    if 0.9995 <= share < 1:
        return ">99.9%"
    text = f"{100 * share + 0.0:5.1f}%"
    return text if len(text) <= 6 else number(100 * share, 5) + "%"
