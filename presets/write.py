"""Experiments as TOML text: complete for a run directory, or into the file that was edited, comments kept."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import InlineTable, Item, Table

from ..engine.experiment import Experiment
from .difference import changed
from .faults import Fault, PresetError, inert, label
from .load import load, locate
from .read import read

SCHEMA_LINE = "#:schema ./experiment.schema.json"


def dump(experiment: Experiment, *comments: str) -> str:
    """Write every key of an experiment as TOML, with comment lines on top; `load` of it gives an equal experiment.

    A relative data.path is made absolute: it would be read from the new file's folder.
    """
    document = tomlkit.document()
    for line in (line for comment in comments for line in comment.splitlines()):
        document.add(tomlkit.comment(inert(line)))
    for name, value in _plain(experiment).items():
        document.add(name, _item(value))
    return f"{SCHEMA_LINE}\n{tomlkit.dumps(document)}"


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
    values = experiment.plain()
    if experiment.data.path is not None:
        values["data"]["path"] = str(experiment.data.path.absolute())
    for name in ("model", "optimizer"):
        values[name] = {"kind": values[name]["kind"], **values[name]}
    return values


def _item(value: Any) -> Item:
    """Make a TOML item; tables are written as sections."""
    if not isinstance(value, Mapping):
        return tomlkit.item(value)
    table = tomlkit.table()
    for name, entry in value.items():
        table.add(name, _item(entry))
    return table


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
    text = tomlkit.dumps(document)
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
    """Write beside the file, then rename; the name is taken first, so that nobody else's file is replaced."""
    path.touch(exist_ok=overwrite)
    handle, name = tempfile.mkstemp(suffix=".tmp", prefix=".ladera-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, name)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
