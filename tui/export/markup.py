"""SVG and HTML as strings that cannot be broken by what they hold: every text is cleaned and escaped on its way in."""

from __future__ import annotations

from html import escape

from ..text import clean

#: Elements without content; all others get an end tag, which HTML demands and XML allows.
_EMPTY = frozenset({"path", "line", "rect", "circle", "polygon", "meta"})
_LONGEST = 4000


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def text(value: str) -> Markup:
    """Any text as markup: `clean` drops what XML forbids, the rest cannot open or close anything."""
    # The two noncharacters that XML 1.0 excludes are neither controls nor formats.
    kept = clean(value, _LONGEST).replace("\ufffe", "").replace("\uffff", "")
    return Markup(escape(kept, quote=True))


def join(parts: list[Markup], between: str = "\n") -> Markup:
    """Markup one after the other."""
    return Markup(between.join(parts))


def tag(name: str, /, *content: str, **attributes: str | float | None) -> Markup:
    """An element; plain strings in it are escaped, Markup is taken as it is.

    Attribute names may end in an underscore (`class_`); inner ones become hyphens; None leaves one out.
    """
    words = [name]
    for key, value in attributes.items():
        if value is not None:
            words.append(f'{key.rstrip("_").replace("_", "-")}="{_value(value)}"')
    start = " ".join(words)
    if name in _EMPTY:
        return Markup(f"<{start}/>")
    inside = "".join(part if isinstance(part, Markup) else text(part) for part in content)
    return Markup(f"<{start}>{inside}</{name}>")


def _value(value: str | float) -> str:
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return text(value)
    return f"{value:.2f}".rstrip("0").rstrip(".")
