"""One preset file read into plain values, with the line of each key; bounded in size and depth."""

from __future__ import annotations

import json
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from .faults import Fault, PresetError, inert, label
from .lines import key_lines

MAX_BYTES = 1 << 20
MAX_DEPTH = 8  # the schema needs 3

#: Keys of a preset file that describe it and belong to no section.
NOTES = ("description", "formula", "when", "caveat", "order")


@dataclass(frozen=True)
class Document:
    """A preset file as it was read."""

    path: Path
    values: Mapping[str, Any]
    text: str = field(repr=False, default="")

    def lines(self) -> dict[tuple[str, ...], int]:
        """Map each key path to its (first) line; scanned when a message needs it."""
        found: dict[tuple[str, ...], int] = {}
        for key, line in key_lines(self.text, toml=self.path.suffix != ".json"):
            found.setdefault(key, line)
        return found

    def at(self, key: tuple[str, ...]) -> str:
        """Return `file:line` of a key, or of the nearest table above it."""
        lines = self.lines()
        for length in range(len(key), 0, -1):
            if key[:length] in lines:
                return f"{label(self.path)}:{lines[key[:length]]}"
        return label(self.path)


def read(path: Path) -> Document:
    """Read a TOML file, or a JSON file by its suffix.

    Raises PresetError: not a regular file, larger than 1 MiB, not UTF-8, not TOML or JSON, a key given
    twice, or tables nested deeper than any preset needs.
    """
    try:
        status = path.stat()
        return _read(path, status.st_mtime_ns, status.st_size)
    except (OSError, ValueError):
        return _read(path, 0, 0)


@lru_cache(maxsize=1024)
def _read(path: Path, _modified: int, _size: int) -> Document:
    text = _text(path)
    parse = _json if path.suffix == ".json" else _toml
    values = parse(text, path)
    if _depth(values) > MAX_DEPTH:
        raise _refused(label(path), f"tables and lists are nested deeper than {MAX_DEPTH} levels")
    return Document(path, values, text)


def _refused(where: str, text: str, key: str = "") -> PresetError:
    return PresetError([Fault(where, key, text)])


def _text(path: Path) -> str:
    name = label(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _refused(name, "this is a folder; a preset is a .toml or .json file")
        if not stat.S_ISREG(status.st_mode):
            raise _refused(name, "this is not a regular file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _refused(name, "there is no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(name, f"cannot be read: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise _refused(name, "larger than 1 MiB; this is no preset")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _refused(f"{name}:{line}", f"not UTF-8 text (byte 0x{raw[error.start]:02x})") from None


def _toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _refused(label(path), f"tables and lists are nested deeper than {MAX_DEPTH} levels") from None
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        if message.startswith(("Cannot overwrite", "Cannot declare")):
            _refuse_twice(text, path)
        match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
        if match:
            where = f"{label(path)}:{match[2]}"
            raise _refused(where, f"not valid TOML: {inert(match[1])} (column {match[3]})") from None
        raise _refused(
            f"{label(path)}:{text.count(chr(10)) + 1}",
            f"not valid TOML: {inert(message.removesuffix(' (at end of document)'))} (end of the file)",
        ) from None
    except ValueError as error:  # a number of more than 4300 digits
        raise _refused(label(path), f"not valid TOML: {inert(str(error)).split(';')[0]}") from None


def _json(text: str, path: Path) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            _refuse_twice(text, path)
        return table

    try:
        values = json.loads(text, object_pairs_hook=once)
    except RecursionError:
        raise _refused(label(path), f"tables and lists are nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        where = f"{label(path)}:{error.lineno}"
        raise _refused(where, f"not valid JSON: {error.msg} (column {error.colno})") from None
    except ValueError as error:
        raise _refused(label(path), f"not valid JSON: {inert(str(error)).split(';')[0]}") from None
    if not isinstance(values, dict):
        raise _refused(label(path), "not a preset: the JSON must be an object")
    values.pop("$schema", None)
    return values


def _refuse_twice(text: str, path: Path) -> None:
    """Raise for the first key that is given twice, with both lines, if the scan finds it."""
    first: dict[tuple[str, ...], int] = {}
    for key, line in key_lines(text, toml=path.suffix != ".json"):
        if key in first:
            name = ".".join(inert(part) for part in key)
            raise _refused(f"{label(path)}:{line}", f"given twice; first on line {first[key]}", name)
        first[key] = line


def _depth(values: Any) -> int:
    """Return how deeply tables and lists are nested, without recursion."""
    deepest, pending = 0, [(values, 0)]
    while pending and deepest <= MAX_DEPTH:
        value, depth = pending.pop()
        deepest = max(deepest, depth)
        if isinstance(value, dict):
            pending += [(child, depth + 1) for child in value.values()]
        elif isinstance(value, list):
            pending += [(child, depth + 1) for child in value]
    return deepest
