"""`ladera figures`: the lecture's figures, listed or printed as text."""

from __future__ import annotations

import io
import shutil
import sys
from textwrap import wrap

from ..engine.errors import InputError, did_you_mean, quoted
from .blocks import Page
from .curves import Palette
from .figure_list import FIGURES, Choice, Figure
from .fit import fit, speaks_unicode
from .inks import INKS
from .seven_bit import seven_bit

#: Columns where there is no terminal, and rows of a figure.
_COLUMNS, _ROWS = 100, 24
#: Steps where none are asked for: those of the reference.
STEPS = 25


def show_figures() -> int:
    """List the figures with a sentence each."""
    width = max(40, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 0
    for figure in FIGURES:
        text = f"{figure.sentence} ({figure.rows})"
        lines = wrap(text, width - 15) if width else [text]
        for start, line in zip([f"  {figure.name:<13}", *[" " * 15] * len(lines)], lines, strict=False):
            print(_written(start + line))
    return 0


def show_figure(
    name: str, steps: int | None = None, surface: str = "", formula: str = "", cut: int | None = None
) -> int:
    """Print one figure; what is None or empty is left as it is usual."""
    figure = _named(name)
    options = {"--steps": steps is not None, "--surface": surface, "--formula": formula, "--cut": cut is not None}  # fmt: skip
    if not figure.steps and (given := [option for option, value in options.items() if value]):
        raise InputError(
            f"{given[0]} is for the figure optimizers: ladera figures optimizers {given[0]} …; {figure.name} has nothing to choose"
        )
    usual = Choice()
    choice = Choice(surface or usual.surface, formula or usual.formula, cut or 0)
    at = STEPS if steps is None else steps
    page = _page()
    found = figure.compute(choice, at)
    for line in figure.draw(found, choice, at, page):
        print(_rendered(line, page))
    return 0


def _named(name: str) -> Figure:
    for figure in FIGURES:
        if figure.name == name:
            return figure
    hint = did_you_mean(name, [figure.name for figure in FIGURES])
    raise InputError(f"there is no figure {quoted(name)}; {hint}")


def _page() -> Page:
    """The terminal's width and what it can show; plain text of 100 columns elsewhere."""
    terminal, suits = sys.stdout.isatty(), fit()
    marker = suits.marker if speaks_unicode(sys.stdout) else "ascii"
    if not terminal:
        return Page(_COLUMNS, _ROWS, marker, Palette(colour=False), colours="none")
    size = shutil.get_terminal_size()
    light = "light" in suits.theme
    ink = ("ansi-light" if light else "ansi") if suits.colours == "16" else "light" if light else "dark"
    palette = INKS[ink].marks if suits.colours != "none" else Palette(colour=False)
    rows = max(12, min(_ROWS, size.lines - 2))
    return Page(max(20, size.columns - 1), rows, marker, palette, light=light, colours=suits.colours)


def _written(text: str) -> str:
    return text if speaks_unicode(sys.stdout) else seven_bit(text)


def _rendered(line: object, page: Page) -> str:
    from rich.console import Console
    from rich.text import Text

    assert isinstance(line, Text)
    if not page.palette.colour:
        return _written(line.plain.rstrip())
    console = Console(file=io.StringIO(), force_terminal=True, width=10_000, legacy_windows=False)
    with console.capture() as captured:
        console.print(line, end="", soft_wrap=True, highlight=False, markup=False)
    return captured.get()
