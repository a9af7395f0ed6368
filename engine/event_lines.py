"""Events as lines on the disk, and back.

Each is one line of strict JSON: `event` (its name), `time` (seconds of training so far) and its fields; a diagnosis and
a command have their own name there as `name`. Non-finite numbers are the strings "nan", "inf" and "-inf".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from .events import EVENTS, Event
from .strict_json import encoder, numbers, strict

_ENCODER = encoder()


def to_plain(event: Event) -> dict[str, Any]:
    """Return the event as a mapping ready for strict JSON."""
    values = {key: strict(getattr(event, name)) for name, key in _keys(type(event))}
    return {"event": event.name, "time": round(event.time, 6), **values}


@cache
def _keys(kind: type[Event]) -> tuple[tuple[str, str], ...]:
    """List (attribute, key on disk) of all fields but the time."""
    return tuple(
        (item.name, item.metadata.get("on_disk", item.name)) for item in fields(kind) if item.name != "time"
    )


@cache
def _attributes(kind: type[Event]) -> Mapping[str, str]:
    """Map each key that a line may have to the attribute that it fills."""
    return {"time": "time"} | {key: name for name, own in _keys(kind) for key in (name, own)}


def to_line(event: Event) -> str:
    """Return the event as one line of strict JSON, without the line's end."""
    values = {"event": event.name, "time": round(event.time, 6)}
    for name, key in _keys(type(event)):
        values[key] = getattr(event, name)
    try:
        return _ENCODER.encode(values)
    except (TypeError, ValueError):  # a number that is not finite, or a mapping that is no dict
        return _ENCODER.encode(to_plain(event))


def from_plain(values: Mapping[str, Any]) -> Event:
    """Build an event from a mapping read from JSON.

    Fields of a newer version are passed over, and the attribute's name is read as well as the one on disk; raises
    ValueError if the event is unknown, lacks a field, or has one of another type.
    """
    kind = EVENTS.get(values.get("event", ""))
    if kind is None:
        raise ValueError(f"no event {values.get('event')!r}")
    types, numeric, names = _types(kind), _numeric(kind), _attributes(kind)
    read = {names[key]: _read(value, names[key] in numeric) for key, value in values.items() if key in names}
    for name, value in read.items():
        if not _fits(value, types[name]) or (
            name in _PARTS and value is not None and not _is_measured(value)
        ):
            raise ValueError(f"{kind.name}: {name} is of another type")
    try:
        return kind(**read)
    except TypeError as error:
        raise ValueError(f"incomplete event {kind.name}: {error}") from None


@cache
def _numeric(kind: type[Event]) -> frozenset[str]:
    """Fields in which "nan" is a number; elsewhere it may be somebody's class name."""
    return frozenset(
        item.name for item in fields(kind) if "float" in str(item.type) or "Measured" in str(item.type)
    )


#: Fields that hold what was measured on a part of the data.
_PARTS = ("train", "validation", "test")
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "str": (str,), "bool": (bool,), "None": (type(None),),
    "tuple": (tuple,), "Mapping": (Mapping,), "Measured": (Mapping,), "Any": (object,),
}  # fmt: skip


@cache
def _types(kind: type[Event]) -> dict[str, tuple[type, ...]]:
    """What each field may hold, by its annotation."""
    return {
        item.name: tuple(
            one for name in str(item.type).split(" | ") for one in _TYPES[name.split("[")[0].strip()]
        )
        for item in fields(kind)
    }


def _fits(value: Any, types: tuple[type, ...]) -> bool:
    if isinstance(value, bool):
        return bool in types or object in types
    # An integer beyond the largest float is no measure and no count.
    return isinstance(value, types) and not (isinstance(value, int) and abs(value) > 1 << 62)


def _is_measured(value: Any) -> bool:
    metrics = value.get("metrics", {})
    numbers = (value.get("loss"), *(metrics.values() if isinstance(metrics, Mapping) else (None,)))
    return all(_fits(number, (int, float)) for number in numbers)


def _read(value: Any, numeric: bool) -> Any:
    if numeric:
        return numbers(value)
    return tuple(value) if isinstance(value, list) else value
