"""Values of an experiment as TOML on one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def toml_value(value: Any) -> str:
    """Write a plain value as TOML on one line; reading it gives the same value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(entry) for entry in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {toml_value(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, str):
        return _quoted(value)
    return repr(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", escaped) + '"'
