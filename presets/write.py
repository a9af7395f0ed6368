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

from ..engine.experiment import Experiment
from ..engine.store import atomic
from ..engine.toml import experiment_toml, from_anywhere
from .difference import changed
from .faults import Fault, PresetError, inert, label
from .load import load, locate
from .read import read

#: Names the schema to editors that know of such a line, and says how to put it there.
HEAD = """#:schema ./experiment.schema.json
# An editor completes and checks this file with: ladera presets schema > experiment.schema.json
"""


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
    comments and only what differs is changed; where that cannot say the same, the complete form is written.
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
    before, target = load(source), _plain(experiment)
    document = tomlkit.parse(read(source).text)
    for key, value in changed(before.plain(), target):
        if value is None:
            return None
        _set(document, key, value)
    text = re.sub(r"\A#:schema \.\./[^\n]*\n", HEAD, tomlkit.dumps(document))
    return text if _says(text, experiment, path) else None


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
