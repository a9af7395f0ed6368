"""`--set a.b=VALUE` options as one layer of values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..engine.toml import toml_value
from .draft import UNSET, Key, Layer
from .faults import Fault, inert
from .listing import SECTIONS
from .merge import SOURCES, absolute

_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){0,7}")


def settings_layer(settings: Sequence[str]) -> tuple[Layer, list[Fault]]:
    """Read options together, like a file: only the order of two for the same key matters, the later one counts.

    VALUE is a TOML value and a bare word is text. An empty VALUE takes a key that may be without one (data.subset,
    stopping.baseline) back to that; `wording.empty` refuses it for all others.
    A section may be set to the name of a part preset (`optimizer=adam`), with changes in options of
    their own (`optimizer.lr=0.1`). A relative data.path starts from the working directory.
    """
    values: dict[str, Any] = {}
    places: dict[Key, str] = {}
    faults: list[Fault] = []
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip()
        option = f"--set {inert(setting)}"
        key = tuple(name.split("."))
        if not equals or not _KEY.fullmatch(name):
            faults.append(Fault(option, "", "write it as key=value, for example optimizer.lr=0.01"))
        elif name == "extends":
            faults.append(Fault(option, "extends", "belongs in a file; name the experiment itself instead"))
        else:
            value = _value(text)
            if value is UNSET and key in SOURCES:
                value = ""  # not the other source, but none
            if key == ("data", "path") and isinstance(value, str):
                value = absolute(value, Path.cwd())
            if not _put(values, key, value):
                faults.append(
                    Fault(option, name, "another --set gives this section a value that is no table")
                )
            places[key] = option

    def at(key: Key) -> str:
        for length in range(len(key), 0, -1):
            if key[:length] in places:
                return places[key[:length]]
        return next((option for place, option in places.items() if place[: len(key)] == key), "--set")

    return Layer(values, at), faults


def _put(values: dict[str, Any], key: Key, value: Any) -> bool:
    """Set a key deep down; a section's name and changes to it may come in any order."""
    table: dict[str, Any] = values
    for depth, name in enumerate(key[:-1], 1):
        below: Any = table.setdefault(name, {})
        if isinstance(below, str) and key[:depth] in SECTIONS:
            below = table[name] = {"preset": below}
        if not isinstance(below, dict):
            return False
        table = below
    known = table.get(key[-1])
    if isinstance(known, dict) and isinstance(value, dict):
        known.update(value)
    elif isinstance(known, dict) and isinstance(value, str) and key in SECTIONS:
        known["preset"] = value
    else:
        table[key[-1]] = value
    return True


def parsed(setting: str) -> tuple[str, Any]:
    """Read one `key=value` by the same rules; the value is None where nothing follows the sign."""
    key, _, text = setting.partition("=")
    value = _value(text)
    return key.strip(), None if value is UNSET else value


def _value(text: str) -> Any:
    if not text.strip():
        return UNSET
    try:
        values = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text.strip()
    return values["value"] if list(values) == ["value"] else text.strip()


def setting(key: str, value: Any) -> str:
    """Write the option's argument that sets a key; None leaves it without a value."""
    if value is None:
        return f"{key}="
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z/][A-Za-z0-9_./ -]*", value)
        and _value(value) == value
    ):
        return f"{key}={value}"
    return f"{key}={toml_value(value)}"
