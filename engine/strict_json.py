"""Strict JSON: a number that is not finite is the string "nan", "inf" or "-inf", so that every reader can read it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def strict(value: Any) -> Any:
    """Return plain values as strict JSON has them: mappings with text as keys, lists, and no number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): strict(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(inner) for inner in value]
    return value


def numbers(value: Any) -> Any:
    """Return values read from strict JSON with their numbers; lists become tuples. For fields that hold no text of people."""
    if isinstance(value, str):
        return _NON_FINITE.get(value, value)
    if isinstance(value, dict):
        return {key: numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return tuple(numbers(inner) for inner in value)
    return value


def encoder(*, indent: int | None = None, ascii_only: bool = False) -> json.JSONEncoder:
    """Return an encoder that raises ValueError for what `strict` has not passed; compact without an `indent`."""
    separators = (",", ":") if indent is None else None
    return json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False, separators=separators, indent=indent)
