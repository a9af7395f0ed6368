"""The colours of curves and marks: contrast on their ground, and distance for colour-blind eyes.

Contrast as in WCAG 2.2 (1.4.3 text, 1.4.11 graphics). Colour blindness by the matrices of Machado, Oliveira and
Fernandes (2009) for full severity, in linear RGB; distance is the Euclidean one in CIELAB (CIE 1976), where 2.3 is just noticeable.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from ladera.tui.inks import INKS
from ladera.tui.themes import THEMES, ink_of

#: What dim leaves of a colour on its ground, textual.constants.DIM_FACTOR.
_DIM = 0.66

_SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
#: Themes with colours of their own; those of 16 colours have the terminal's.
OWN = {ink_of(theme): theme for theme in THEMES if not theme.ansi}


def rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def linear(colour: np.ndarray) -> np.ndarray:
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, sight: str) -> np.ndarray:
    seen = np.clip(_SIGHT[sight] @ linear(rgb(colour)), 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ seen / [0.9505, 1.0, 1.089]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one: str, other: str, sight: str) -> float:
    return float(np.linalg.norm(lab(one, sight) - lab(other, sight)))


def test_the_rules_measure_as_published() -> None:
    # WCAG: black on white is 21, #767676 on white the palest grey that passes as text; CIELAB: white is (100, 0, 0).
    white, black = rgb("#ffffff"), rgb("#000000")
    assert contrast(white, black) == pytest.approx(21)
    assert contrast(rgb("#767676"), white) == pytest.approx(4.54, abs=0.01)
    assert lab("#ffffff", "full") == pytest.approx([100, 0, 0], abs=0.05)


@pytest.mark.parametrize("name", OWN)
def test_colours_stand_out_from_their_ground(name: str) -> None:
    ground, ink = rgb(OWN[name].background or ""), INKS[name]
    for colour in ink.runs:
        assert contrast(rgb(colour), ground) >= 4.5, colour  # the run's name has it too
        assert contrast(ground + _DIM * (rgb(colour) - ground), ground) >= 3, f"dim {colour}"
    for mark in (ink.marks.best, ink.marks.stop, ink.marks.event, ink.marks.trouble):
        assert contrast(rgb(mark or ""), ground) >= 4.5, mark
    assert contrast(rgb(ink.marks.band or ""), ground) >= 3
    if name == "contrast":
        assert min(contrast(rgb(colour), ground) for colour in ink.runs) >= 7  # WCAG's AAA


@pytest.mark.parametrize("name", OWN)
def test_words_stand_out_from_their_ground(name: str) -> None:
    theme = OWN[name]
    for ground in (theme.background, theme.surface, theme.panel):
        for words in (theme.foreground, theme.error):
            assert contrast(rgb(words or ""), rgb(ground or "")) >= 4.5, (words, ground)
    cursor = theme.variables
    assert contrast(rgb(cursor["block-cursor-foreground"]), rgb(cursor["block-cursor-background"])) >= 4.5


@pytest.mark.parametrize("sight", _SIGHT)
@pytest.mark.parametrize("name", OWN)
def test_runs_that_follow_each_other_are_told_apart(name: str, sight: str) -> None:
    runs = INKS[name].runs
    for one, other in zip(runs, runs[1:] + runs[:1], strict=True):
        assert distance(one, other, sight) >= 20, (one, other)


@pytest.mark.parametrize("sight", ["protanopia", "deuteranopia"])
def test_to_colour_blind_eyes_the_theme_for_them_tells_all_runs_and_marks_apart(sight: str) -> None:
    ink = INKS["colour-blind"]
    assert min(distance(*pair, sight) for pair in combinations(ink.runs, 2)) >= 10
    marks = [colour or "" for colour in (ink.marks.best, ink.marks.stop, ink.marks.trouble)]
    assert min(distance(*pair, sight) for pair in combinations(marks, 2)) >= 20


def test_no_run_is_of_the_colour_of_trouble() -> None:
    for name in OWN:
        ink = INKS[name]
        assert min(distance(run, ink.marks.trouble or "", "full") for run in ink.runs) >= 20, name


def test_the_16_colours_are_names_of_the_terminals_own() -> None:
    plain = {"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"}
    known = plain | {f"bright_{name}" for name in plain}
    for name in ("ansi", "ansi-light"):
        marks = INKS[name].marks
        assert {*INKS[name].runs, marks.band, marks.best, marks.stop, marks.event, marks.trouble} <= known
        assert not {"red", "bright_red"} & set(INKS[name].runs)
