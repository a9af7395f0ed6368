"""Experiments as TOML text: complete for a run directory, or into the file that was edited, comments kept."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import InlineTable, Item, Table

from ..engine.changes import flat
from ..engine.experiment import Experiment
from ..engine.store import atomic
from ..engine.toml import experiment_toml, from_anywhere
from .difference import changed, nearest
from .faults import Fault, PresetError, inert, label
from .listing import SECTIONS, Preset, built_in
from .load import change, load, locate
from .read import NOTES, read

#: Names the schema to editors that know of such a line, and says how to put it there.
HEAD = """#:schema ./experiment.schema.json
# An editor completes and checks this file with: ladera presets schema > experiment.schema.json
"""

#: What a preset file says of itself that is no value of the experiment.
_OF_THE_FILE = tuple(note for note in NOTES if note != "description")
#: Keys that decide which others a section has.
_KINDS = (("kind",), ("name",), ("path",))


def dump(experiment: Experiment, *comments: str) -> str:
    """Write every key of an experiment as TOML, with comment lines on top; `load` of it gives an equal experiment.

    A relative data.path is made absolute: it would be read from the new file's folder.
    """
    lines = [inert(line) for comment in comments for line in comment.splitlines()]
    return HEAD + experiment_toml(experiment.plain(), *lines)


def save_as(
    experiment: Experiment, path: str | Path, base: str | Path | None = None, *, overwrite: bool = False
) -> Path:
    """Write a preset file and return its path.

    With `base`, the experiment preset (name or file) it was edited from, the base's own text is kept with its
    comments and only what differs is changed; where that cannot say the same, the complete form is written. What a
    built-in base says of itself, as when to use it, is not said of one's own.
    The file appears whole or not at all. Raises PresetError: the file exists and `overwrite` is not
    given, its name does not end in .toml, or it cannot be written.
    """
    path = Path(path)
    if path.suffix != ".toml":
        raise PresetError([Fault(label(path), "", "the name of a preset file ends in .toml")])
    if path.exists() and not overwrite:
        raise PresetError(
            [Fault(label(path), "", "exists already; choose another name or allow overwriting it")]
        )
    text = (None if base is None else _edited(experiment, base, path)) or dump(experiment)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text, overwrite)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PresetError([Fault(label(path), "", f"cannot be written: {reason}")]) from None
    return path


def _plain(experiment: Experiment) -> dict[str, Any]:
    return from_anywhere(experiment.plain())


def _edited(experiment: Experiment, base: str | Path, path: Path) -> str | None:
    """Return the base's text with the differing keys changed, None if that does not give the experiment."""
    source = locate(str(base))
    if source.suffix != ".toml":
        return None
    before = load(source)
    for complete in (False, True):
        document = tomlkit.parse(read(source).text)
        if built_in(source):
            for note in _OF_THE_FILE:
                document.pop(note, None)
        _change(document, before, experiment, complete=complete)
        text = re.sub(r"\A#:schema \.\./[^\n]*\n", HEAD, tomlkit.dumps(document))
        if _says(text, experiment, path):
            return text
    return None


def _change(
    document: tomlkit.TOMLDocument, before: Experiment, experiment: Experiment, *, complete: bool
) -> None:
    """Change what differs. A section of another kind is one of another preset, or stated whole if `complete` is asked for."""
    target = _plain(experiment)
    leaves = changed(before.plain(), target)
    anew = {
        key[:1]
        for key, value in leaves
        if (key[0],) in SECTIONS and (key[1:] in _KINDS or (complete and value is None))
    }
    for key in anew:
        _state(document, key[0], experiment, None if complete else nearest(experiment, key[0]))
    for key, value in leaves:
        if key[:1] in anew:
            continue
        if value is None:
            _remove(document, key)
        else:
            _set(document, key, value)


def _state(document: tomlkit.TOMLDocument, part: str, experiment: Experiment, preset: Preset | None) -> None:
    """Let a section say all of its values, by a preset and what differs from it, or without one value by value.

    The keys that it keeps keep their comments.
    """
    section = _plain(experiment)[part]
    different = flat(section)
    if preset is not None:
        like = flat(_plain(change(experiment, [f"{part}={preset.short}"]))[part])
        different = {key: value for key, value in different.items() if like.get(key) != value}
        if not isinstance(document.get(part), dict) and not different:
            _set(document, (part,), preset.short)
            return
    if isinstance(table := document.get(part), dict):
        told = {name for name, value in section.items() if not isinstance(value, dict)}
        told = {*told, "preset"} - {"kind"} if preset is not None else told
        for name in [name for name in table if name not in told]:
            del table[name]
        if preset is not None:
            different |= {name: section[name] for name in table if name != "preset"}
    if preset is not None:
        _set(document, (part, "preset"), preset.short)
    for key, value in different.items():
        _set(document, (part, *key.split(".")), value)


def _remove(document: tomlkit.TOMLDocument, key: tuple[str, ...]) -> None:
    """Take a key away where the file itself has it."""
    table: Any = document
    for name in key[:-1]:
        table = table.get(name) if isinstance(table, dict) else None
    if isinstance(table, dict) and key[-1] in table:
        del table[key[-1]]


def _set(document: tomlkit.TOMLDocument, key: tuple[str, ...], value: Any) -> None:
    """Set a key; a section given by name becomes a table with that preset."""
    table: Any = document
    for name in key[:-1]:
        below = table.get(name)
        if isinstance(below, str):
            replacement = tomlkit.inline_table()
            replacement.add("preset", str(below))
            table[name] = replacement
        elif below is None:
            inside = isinstance(table, InlineTable)
            table[name] = tomlkit.inline_table() if inside else tomlkit.table()
        table = table[name]
    known = table.get(key[-1])
    new = tomlkit.item(value)
    if isinstance(known, Item) and not isinstance(known, (Table, InlineTable)) and not isinstance(new, Table):
        new.trivia.comment_ws, new.trivia.comment = known.trivia.comment_ws, known.trivia.comment
    table[key[-1]] = new


def _says(text: str, experiment: Experiment, path: Path) -> bool:
    """Whether the text, read in the folder of `path`, gives the experiment."""
    folder = path.parent if path.parent.is_dir() else None
    handle, name = tempfile.mkstemp(suffix=".toml", prefix=".ladera-", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        return _plain(load(name)) == _plain(experiment)
    except PresetError:
        return False
    finally:
        Path(name).unlink()


def _replace(path: Path, text: str, overwrite: bool) -> None:
    """Write the file in one step; the name is taken first, so that nobody else's file is replaced."""
    path.touch(exist_ok=overwrite)
    mode = stat.S_IMODE(path.stat().st_mode)
    atomic.replace(path, text.encode(), mode=mode)
    path.chmod(mode)  # what the umask takes of it was meant for new files
