"""What is wrong with a preset, where, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..engine.errors import InputError, quoted
from ..engine.toml import toml_value


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    where: str
    "File and line (`digits.toml:3`) or option (`--set optimizer.lr=-1`)."
    key: str
    "Dotted key (`optimizer.lr`); empty if the fault is not about one."
    text: str
    "What is wrong and what to do."

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.text) if part)


class PresetError(InputError):
    """A preset cannot be used; the message has one line per fault, all of them at once."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "…"?` for the nearest known word, or nothing."""
    close = get_close_matches(word, list(known), 1)
    return f'; did you mean "{close[0]}"?' if close else ""


def shown(value: Any) -> str:
    """Write a value as the user would, on one line of inert text of at most 60 characters."""
    if isinstance(value, dict):
        text = "a table"
    elif isinstance(value, (list, tuple)):
        text = "[" + ", ".join(shown(entry) for entry in value[:20]) + (", …]" if len(value) > 20 else "]")
    elif isinstance(value, (str, Path)):
        text = quoted(str(value))
    elif value is None:
        text = "null"
    elif isinstance(value, int) and value.bit_length() > 200:
        text = "a number of more than 60 digits"
    else:
        text = toml_value(value)
    return text if len(text) <= 60 else text[:59] + "…"


def inert(text: str) -> str:
    """Replace what a terminal could act on (control, format and surrogate characters) by `?`."""
    return "".join(character if character.isprintable() else "?" for character in text)


def label(path: Path) -> str:
    """Name a file in messages: relative to the working directory if it lies inside it."""
    with suppress(ValueError, OSError):
        path = path.relative_to(Path.cwd())
    return inert(str(path))
