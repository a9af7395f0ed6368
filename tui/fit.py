"""What the terminal at hand can show and what is wished for: marker, colours, theme, motion, each with the reason why.

Read from the environment alone, so that the lab, the text without a screen and `ladera doctor` agree.
"""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TextIO, get_args

from .curves import Marker

Colours = Literal["none", "16", "256", "24-bit"]
MARKERS: tuple[Marker, ...] = get_args(Marker)


@dataclass(frozen=True)
class Fit:
    """What is used until somebody chooses otherwise."""

    marker: Marker
    "What charts are drawn with; with ascii everything else is in 7-bit characters too."
    marker_why: str
    colours: Colours
    colours_why: str
    theme: str
    "The wished theme, or the one that suits the terminal."
    theme_why: str
    motion: bool
    "False stops every animation and the blinking of cursors."
    motion_why: str
    fixed: frozenset[str] = frozenset()
    'What the environment or the terminal decides, so that nothing remembered may: "marker", "theme".'
    complaints: tuple[str, ...] = ()
    "Wishes that cannot be fulfilled, in words."


def fit(environ: Mapping[str, str] | None = None) -> Fit:
    """Look at the environment, the process's own by default."""
    environ = os.environ if environ is None else environ
    fixed: set[str] = set()
    complaints: list[str] = []
    marker, marker_why = _marker(environ, complaints)
    # Braille where nothing speaks against it; anything else was asked for or is all there is.
    if marker_why:
        fixed.add("marker")
    colours, colours_why = _colours(environ)
    theme, theme_why = _theme(environ, colours)
    if environ.get("LADERA_THEME"):
        fixed.add("theme")
    motion, motion_why = _motion(environ)
    return Fit(
        marker, marker_why or "UTF-8", colours, colours_why, theme, theme_why, motion, motion_why,
        frozenset(fixed), tuple(complaints),
    )  # fmt: skip


def seven_bit(environ: Mapping[str, str] | None = None) -> str:
    """Why only 7-bit characters may be written; "" if others may."""
    environ = os.environ if environ is None else environ
    if environ.get("LADERA_ASCII", "") not in ("", "0"):
        return "--ascii or LADERA_ASCII"
    name = _locale(environ)
    if name and not _is_utf8(name):
        return f"the locale {name} is not UTF-8; LC_ALL=C.UTF-8 is"
    return ""


def speaks_unicode(stream: TextIO) -> bool:
    """Whether a stream may be written more than 7-bit characters to."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf") and not seven_bit()


def _locale(environ: Mapping[str, str]) -> str:
    """The locale that decides about characters."""
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    return next((environ[name] for name in names if environ.get(name)), "")


def _is_utf8(name: str) -> bool:
    # By name: a locale that comes along over SSH need not be installed for its terminal to be what it says. Where no
    # locale is set Python takes C for UTF-8 (PEP 538), and so do the terminals of containers.
    if "." in name or name in ("C", "POSIX", "UTF-8"):
        return name.rpartition(".")[2].partition("@")[0].lower().replace("-", "") == "utf8"
    return locale.getencoding().lower().replace("-", "") == "utf8"


def _marker(environ: Mapping[str, str], complaints: list[str]) -> tuple[Marker, str]:
    if why := seven_bit(environ):
        return "ascii", why
    wish = environ.get("LADERA_MARKER", "")
    for marker in MARKERS:
        if wish == marker:
            return marker, "LADERA_MARKER"
    if wish:
        complaints.append(f"LADERA_MARKER={wish} is none of {', '.join(MARKERS)}")
    if environ.get("TERM") == "linux":
        return (
            "ascii",
            "the Linux console's fonts hold few characters; LADERA_MARKER=block or braille tries more",
        )
    return "braille", ""


def _colours(environ: Mapping[str, str]) -> tuple[Colours, str]:
    """As Rich and Textual decide."""
    if "NO_COLOR" in environ:
        return "none", "NO_COLOR"
    forced: dict[str, Colours] = {"standard": "16", "256": "256", "truecolor": "24-bit"}
    if found := forced.get(environ.get("TEXTUAL_COLOR_SYSTEM", "")):
        return found, "TEXTUAL_COLOR_SYSTEM"
    kind, deep = environ.get("TERM", ""), environ.get("COLORTERM", "").strip().lower()
    if deep in ("truecolor", "24bit"):
        return "24-bit", f"COLORTERM={deep}"
    if kind.rpartition("-")[2] in ("256color", "kitty"):
        return "256", f"TERM={kind}; COLORTERM=truecolor tells of more"
    return "16", f"TERM={kind}; COLORTERM=truecolor tells of more"


#: What stands for themes that are made of colours which 16 do not have.
_IN_16 = {"ladera-dark": "ladera-ansi", "ladera-light": "ladera-ansi-light"}


def _theme(environ: Mapping[str, str], colours: Colours) -> tuple[str, str]:
    if wish := environ.get("LADERA_THEME", ""):
        if colours == "16" and wish in _IN_16:
            return _IN_16[wish], f"LADERA_THEME={wish}, in 16 colours"
        return wish, "LADERA_THEME"
    ground = environ.get("COLORFGBG", "").rpartition(";")[2]
    light = ground in ("7", "9", "10", "11", "12", "13", "14", "15")
    told = f"COLORFGBG tells of a {'light' if light else 'dark'} ground" if ground.isdigit() else ""
    if colours in ("none", "16"):
        why = "the terminal's own colours" if colours == "16" else "no colours"
        return "ladera-ansi-light" if light else "ladera-ansi", ", ".join(filter(None, (why, told)))
    return "ladera-light" if light else "ladera-dark", told or "the default"


def _motion(environ: Mapping[str, str]) -> tuple[bool, str]:
    if environ.get("LADERA_REDUCED_MOTION", "") not in ("", "0"):
        return False, "LADERA_REDUCED_MOTION"
    if environ.get("TEXTUAL_ANIMATIONS", "").lower() == "none":
        return False, "TEXTUAL_ANIMATIONS"
    return True, "LADERA_REDUCED_MOTION=1 stops it"
