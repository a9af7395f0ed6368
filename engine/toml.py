"""An experiment as TOML text. Its keys and plain values are all that is ever written, so this is all of TOML that it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
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


def experiment_toml(plain: Mapping[str, Any], *comments: str) -> str:
    """Write the plain values of an experiment, complete as they are, with comment lines on top."""
    lines = [f"# {line}".rstrip() for comment in comments for line in comment.splitlines()]
    return "\n".join([*lines, *_table(from_anywhere(plain), ())]) + "\n"


def from_anywhere(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values as a file in any folder has to say them: with an absolute data.path; kinds come first."""
    values = {
        name: {**({"kind": part["kind"]} if "kind" in part else {}), **part}
        if isinstance(part, Mapping)
        else part
        for name, part in plain.items()
    }
    if values["data"].get("path"):
        values["data"]["path"] = str(Path(values["data"]["path"]).absolute())
    return values


def _table(values: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines = ["", f"[{'.'.join(path)}]"] if path else []
    # A key after a table would belong to it.
    lines += [
        f"{name} = {toml_value(value)}" for name, value in values.items() if not isinstance(value, Mapping)
    ]
    for name, value in values.items():
        if isinstance(value, Mapping):
            lines += _table(value, (*path, name))
    return lines


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", escaped) + '"'
