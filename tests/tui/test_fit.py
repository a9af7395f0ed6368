"""What is made of a terminal, from its environment."""

from __future__ import annotations

import io
import locale

import pytest

from ladera.tui.fit import fit, seven_bit, speaks_unicode

GOOD = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


def test_a_good_terminal_gets_everything_and_fixes_nothing() -> None:
    found = fit(GOOD)
    assert (found.marker, found.colours, found.theme, found.motion) == (
        "braille",
        "24-bit",
        "ladera-dark",
        True,
    )
    assert (found.fixed, found.complaints) == (frozenset(), ())


@pytest.mark.parametrize(
    ("told", "colours"),
    [
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "screen-256color"}, "256"),
        ({"TERM": "screen"}, "16"),
        ({"TERM": "xterm"}, "16"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "24-bit"),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit", "NO_COLOR": ""}, "none"),
        ({"TERM": "xterm-256color", "TEXTUAL_COLOR_SYSTEM": "standard"}, "16"),
    ],
)
def test_the_depth_of_colours(told: dict[str, str], colours: str) -> None:
    found = fit(told)
    assert found.colours == colours
    assert found.theme == ("ladera-ansi" if colours in ("16", "none") else "ladera-dark")


# COLORFGBG as rxvt, Konsole and others set it: "foreground;background" or with a middle part.
@pytest.mark.parametrize(
    ("ground", "theme"),
    [("15;0", "ladera-dark"), ("0;15", "ladera-light"), ("0;default;15", "ladera-light"), ("0;7", "ladera-light"),
     ("15;8", "ladera-dark"), ("12;default", "ladera-dark"), ("", "ladera-dark")],
)  # fmt: skip
def test_the_ground(ground: str, theme: str) -> None:
    assert fit({**GOOD, "COLORFGBG": ground}).theme == theme
    assert fit({"TERM": "xterm", "COLORFGBG": ground}).theme == theme.replace("-dark", "").replace(
        "ladera", "ladera-ansi"
    )


@pytest.mark.parametrize(
    ("told", "plain"),
    [
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "de_DE.utf8"}, False),
        ({"LANG": "de_DE.ISO-8859-15@euro"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, True),
        ({"LANG": "en_US.ISO-8859-1", "LC_CTYPE": "en_US.UTF-8"}, False),
        ({"LC_ALL": "POSIX"}, True),
        ({"LADERA_ASCII": "1"}, True),
        ({"LADERA_ASCII": "0"}, False),
        ({}, False),
    ],
)
def test_seven_bit_where_more_is_not_understood(told: dict[str, str], plain: bool) -> None:
    assert bool(seven_bit(told)) is plain
    assert fit({"TERM": "xterm", **told}).marker == ("ascii" if plain else "braille")
    assert ("marker" in fit({"TERM": "xterm", **told}).fixed) is plain


def test_a_locale_without_an_encoding_is_asked_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "getencoding", lambda: "ISO-8859-1")
    assert seven_bit({"LANG": "de_DE"})
    monkeypatch.setattr(locale, "getencoding", lambda: "UTF-8")
    assert not seven_bit({"LANG": "de_DE"})


def test_wishes_win_and_those_that_cannot_be_fulfilled_are_told() -> None:
    found = fit({**GOOD, "LADERA_MARKER": "block", "LADERA_THEME": "nord", "LADERA_REDUCED_MOTION": "1"})
    assert (found.marker, found.theme, found.motion) == ("block", "nord", False)
    assert found.fixed == {"marker", "theme"}
    found = fit({**GOOD, "LADERA_MARKER": "dots"})
    assert (found.marker, found.complaints) == (
        "braille",
        ("LADERA_MARKER=dots is none of braille, block, ascii",),
    )
    assert fit({"TERM": "linux"}).marker == "ascii"
    assert fit({"TERM": "linux", "LADERA_MARKER": "block"}).marker == "block"
    assert not fit({**GOOD, "TEXTUAL_ANIMATIONS": "none"}).motion


def test_a_stream_says_itself_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert speaks_unicode(io.TextIOWrapper(io.BytesIO(), "utf-8"))
    assert not speaks_unicode(io.TextIOWrapper(io.BytesIO(), "latin-1"))
    monkeypatch.setenv("LADERA_ASCII", "1")
    assert not speaks_unicode(io.TextIOWrapper(io.BytesIO(), "utf-8"))
