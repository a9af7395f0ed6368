"""The line of every key in a TOML or JSON text: neither tomllib, json nor pydantic knows it."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from contextlib import suppress

Path = tuple[str, ...]

_SEGMENT = re.compile(r'[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|\'([^\'\n]*)\'|([A-Za-z0-9_-]+))[ \t]*')
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'',
    re.DOTALL,
)
_BLANK = re.compile(r"(?:[\s,]|#[^\n]*)*")
_BARE = re.compile(r"[^,\]}\n#]*")


def key_lines(text: str, *, toml: bool) -> list[tuple[Path, int]]:
    """List (key path, line) of every key in order of appearance, lines counted from 1.

    Best effort: where the text is not what its format demands, the list ends. Elements of arrays
    carry the array's path. A key given twice is listed twice.
    """
    scanner = _Scanner(text)
    with suppress(_End, RecursionError):
        scanner.statements() if toml else scanner.value(_skip(text, 0), ())
    return scanner.found


class _End(Exception):  # noqa: N818 (not a fault: the scan is over)
    """The text cannot be followed any further."""


def _skip(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[tuple[Path, int]] = []
        self._ends = [match.start() for match in re.finditer("\n", text)]

    def statements(self) -> None:
        """Read TOML: headers and `key = value` lines."""
        table: Path = ()
        position = _skip(self.text, 0)
        while position < len(self.text):
            if self.text[position] == "[":
                start = position + (2 if self.text.startswith("[[", position) else 1)
                table, position = self.key(start, ())
                position = self.text.find("\n", position)
                if position < 0:
                    return
            else:
                position = self.entry(position, table)
            position = _skip(self.text, position)

    def key(self, position: int, above: Path) -> tuple[Path, int]:
        """Read a dotted key and note its line."""
        path, start = above, position
        while match := _SEGMENT.match(self.text, position):
            quoted, literal, bare = match.groups()
            path = (*path, _unquoted(quoted) if quoted is not None else literal if bare is None else bare)
            position = match.end()
            if not self.text.startswith(".", position):
                self.found.append((path, bisect_left(self._ends, start) + 1))
                return path, position
            position += 1
        raise _End

    def entry(self, position: int, above: Path) -> int:
        """Read `key = value` or `"key": value`."""
        path, position = self.key(position, above)
        if self.text[position : position + 1] not in ("=", ":"):
            raise _End
        return self.value(_skip(self.text, position + 1), path)

    def value(self, position: int, path: Path) -> int:
        """Read a value; tables inside it note their keys."""
        opening = self.text[position : position + 1]
        if opening and opening in "{[":
            closing = "}" if opening == "{" else "]"
            position = _skip(self.text, position + 1)
            while not self.text.startswith(closing, position):
                if position >= len(self.text):
                    raise _End
                position = self.entry(position, path) if opening == "{" else self.value(position, path)
                position = _skip(self.text, position)
            return position + 1
        match = (_STRING if opening and opening in "\"'" else _BARE).match(self.text, position)
        if match is None or match.end() == position:
            raise _End
        return match.end()


def _unquoted(body: str) -> str:
    try:
        return str(json.loads(f'"{body}"'))
    except ValueError:
        return body
