"""Values on their way to an experiment: not validated yet, each with the place where it was set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .faults import Fault

Key = tuple[str, ...]

#: Given as a value, leaves the key without one.
UNSET = object()


class Origin(NamedTuple):
    """Where a value was set."""

    where: str
    "`file:line` or the option."
    pick: str = ""
    "For a value of a part preset: where that was chosen, `file:line` or the option."


@dataclass
class Draft:
    """Values that are not validated yet."""

    values: dict[str, Any] = field(default_factory=dict)
    origin: dict[Key, Origin] = field(default_factory=dict)
    "Where each key was set last; the key that was set last of all comes last."
    faults: list[Fault] = field(default_factory=list)
    unset: dict[Key, str] = field(default_factory=dict)
    "Keys that an option left without a value, with that option."

    def get(self, key: Key) -> Any:
        """Return the value of a key, None if it is not there."""
        value: Any = self.values
        for name in key:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def put(self, key: Key, value: Any, origin: Origin) -> None:
        """Set a key, making the tables above it."""
        table = self.values
        for depth, name in enumerate(key[:-1], 1):
            below = table.get(name)
            if not isinstance(below, dict):
                below = table[name] = {}
                self.origin[key[:depth]] = origin
            table = below
        self.drop(key)
        table[key[-1]] = value
        self.origin[key] = origin

    def drop(self, key: Key) -> None:
        """Take a key away with everything below it."""
        table = self.get(key[:-1])
        if isinstance(table, dict) and key[-1] in table:
            del table[key[-1]]
            self.origin = {path: origin for path, origin in self.origin.items() if path[: len(key)] != key}

    def where(self, key: Key) -> str:
        """Return where a key came from: its own origin, that of what lies below it, or that of the table above."""
        if key in self.origin:
            return self.origin[key].where
        below = [origin for path, origin in self.origin.items() if path[: len(key)] == key]
        if below and key:
            return below[-1].where
        return self.where(key[:-1]) if key else ""

    def cause(self, keys: Sequence[Key]) -> str:
        """Return what brought keys together: the place where the last of them was set, or its part chosen."""
        places = [
            origin.pick or origin.where
            for path, origin in self.origin.items()
            if any(path[: len(key)] == key for key in keys)
        ]
        return next((place for place in reversed(places) if place), self.where(keys[0]))


@dataclass(frozen=True)
class Layer:
    """Values of one file or of all `--set` options, with where each stands."""

    values: Mapping[str, Any]
    at: Callable[[Key], str]
