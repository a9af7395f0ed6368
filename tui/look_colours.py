"""The colours of looks inside, and what stands for them where a terminal has few or none."""

from __future__ import annotations

from .blocks import Page
from .inks import INKS
from .pictures import VIRIDIS

#: One colour a class, told apart by colour-blind eyes (Okabe and Ito).
CLASSES = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (204, 121, 167),
    (0, 114, 178),
    (213, 94, 0),
    (240, 228, 66),
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SIGNS = "123456789abcdefghijklmnopqrstuvwxyz"
#: From negative through nothing to positive, on a dark ground and on a light one.
SIGNED = ("#0072b2", "#56b4e9", "#303030", "#e69f00", "#d55e00")
SIGNED_ON_LIGHT = ("#0072b2", "#9fd3f2", "#f2f2f2", "#f5c877", "#b34700")
#: The same in characters.
SIGNED_SHADES = "=- +#"


def own(index: int, page: Page) -> str:
    """One of the terminal's own 16 colours; neighbours differ."""
    names = INKS["ansi-light" if page.light else "ansi"].runs
    return names[index % len(names)]


def right(page: Page) -> str:
    """The colour of what came out right."""
    return own(1, page) if page.colours == "16" else "#00598c" if page.light else "#56b4e9"


def wrong(page: Page) -> str:
    """The colour of what came out wrong, and of what the network says beside what is true."""
    return own(0, page) if page.colours == "16" else "#8f3d00" if page.light else "#e69f00"


def quiet(page: Page) -> str:
    """The colour of what the rest is compared with."""
    return "bright_black" if page.colours == "16" else "#5f6670" if page.light else "#999999"


def layer_colour(index: int, count: int, page: Page) -> str:
    """Colours from the first layer to the last, dark ones left out on a dark ground, light ones on a light one."""
    if page.colours == "16":
        return own(index, page)
    shades = VIRIDIS[:6] if page.light else VIRIDIS[4:]
    return shades[round(index * (len(shades) - 1) / max(1, count - 1))]


def layer_sign(index: int) -> str:
    """What a layer's points are drawn with: its number, from the tenth on a letter."""
    return _SIGNS[index % len(_SIGNS)]


def class_colour(index: int, page: Page) -> str:
    """The colour of a class."""
    return (
        own(index, page)
        if page.colours == "16"
        else "#{:02x}{:02x}{:02x}".format(*CLASSES[index % len(CLASSES)])
    )


def class_letter(index: int) -> str:
    """The letter of a class where colours do not tell it."""
    return _LETTERS[index % 26]


def ends(page: Page, low: str, high: str) -> str:
    """What the two ends of a scale mean, in words that follow what is drawn."""
    if page.painted:
        return f"dark is {low}, light is {high}"
    return f"blank is {low}, {page.shades[-1]} is {high}"
