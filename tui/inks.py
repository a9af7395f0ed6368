"""The colours of curves and marks on each kind of ground; known without the screen's library.

A colour belongs to a run and stays with it. Runs that follow each other are told apart by colour-blind eyes too
(hues after Okabe and Ito, their lightness changed for the ground); no run is red, since red is trouble. A dim curve
is blended with its ground and still has a contrast of 3. Tests hold all of this.
"""

from __future__ import annotations

from dataclasses import dataclass

from .curves import Palette


@dataclass(frozen=True)
class Ink:
    """What charts are drawn with."""

    runs: tuple[str, ...]
    "Colours of runs in turn, as in Palette; the first is that of the run one looks at first."
    marks: Palette
    "Everything but the curves."
    light: bool = False
    "Whether the ground is light."


_APART = ("#ffa010", "#8fdcff", "#fff87a", "#9a9cff", "#ff8fd0", "#20c890", "#ffffff")

INKS: dict[str, Ink] = {
    "dark": Ink(
        ("#ef9f20", "#1fae80", "#8a94ff", "#e2e2e2", "#d98cb9", "#62c4ff", "#f5ee7a"),
        Palette(band="#78808d", best="#5fd38d", stop="#e8c15a", event="#9199a6", trouble="#ff6b6b"),
    ),
    "light": Ink(
        ("#8a4b00", "#a0306f", "#4a4700", "#2a2a9a", "#006b4f", "#00619b", "#222222"),
        Palette(band="#81868d", best="#00602a", stop="#7a4b00", event="#5f6670", trouble="#b00020"),
        light=True,
    ),
    "contrast": Ink(
        _APART,
        Palette(band="#b0b0b0", best="#7dff9a", stop="#ffe97a", event="#d0d0d0", trouble="#ff8a8a"),
    ),
    # No mark is told from another by red against green: best is blue, trouble is vermilion.
    "colour-blind": Ink(
        _APART,
        Palette(band="#78808d", best="#62c4ff", stop="#f5ee7a", event="#9199a6", trouble="#ff8040"),
    ),
    # The terminal's own colours, whatever it shows for them.
    "ansi": Ink(
        ("bright_yellow", "bright_cyan", "bright_magenta", "bright_green", "bright_blue", "bright_white"),
        Palette(band="bright_black", best="green", stop="yellow", event="bright_black", trouble="bright_red"),
    ),
    "ansi-light": Ink(
        ("blue", "magenta", "green", "black", "cyan", "yellow"),
        Palette(band="bright_black", best="green", stop="magenta", event="bright_black", trouble="red"),
        light=True,
    ),
}  # fmt: skip


def letter(number: int) -> str:
    """What a run is known by where there are no colours: A for the first; like colours, letters come back into use."""
    return chr(ord("A") + number % 26)
