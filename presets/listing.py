"""Which presets there are: found by folder, read once, listed even when one of them is broken."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import platformdirs

from ..engine.errors import quoted
from .faults import Fault, PresetError, did_you_mean, inert, shown
from .read import NOTES, Document, read

Origin = Literal["built-in", "./presets", "user"]

EXPERIMENTS = "experiments"

#: Folders of part presets, in the order of the lecture; augmentation is a part of data.
PARTS = (
    "data",
    "augmentation",
    "model",
    "loss",
    "optimizer",
    "regularization",
    "init",
    "training",
    "stopping",
)

#: Keys of an experiment that may be given as the name of a part preset, with the folder of that part.
SECTIONS: dict[tuple[str, ...], str] = {
    ("data", "augmentation") if part == "augmentation" else (part,): part for part in PARTS
}

_BUILT_IN = Path(__file__).resolve().parent
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Preset:
    """A preset file as a picker shows it."""

    name: str
    "Part and file name: `optimizer/adam`, `experiments/digits`."
    part: str
    "One of PARTS, or `experiments`."
    path: Path
    origin: Origin
    description: str = ""
    formula: str = ""
    "Unicode mathematics, readable in a terminal."
    when: str = ""
    "When to choose it."
    caveat: str = ""
    "Where it surprises, or differs from the lecture."
    order: int = 100
    "Place in lists; equal places are ordered by name."
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)
    "The keys of the section (a part), or the file's sections (an experiment), as written."
    fault: str = ""
    "Why it cannot be used; empty if it can be read. `load` and `check` say whether its values are valid."

    @property
    def short(self) -> str:
        """The name within its part: `adam`."""
        return self.name.rpartition("/")[2]


def section_key(part: str) -> tuple[str, ...]:
    """Return the key of a part's section in an experiment: `("data", "augmentation")` for augmentation."""
    return ("data", "augmentation") if part == "augmentation" else (part,)


def section_values(document: Document, part: str) -> Mapping[str, Any]:
    """Return the table of a part preset that holds its section.

    Raises PresetError: the table is missing, or there are keys outside it that are no notes.
    """
    key = section_key(part)
    table: Any = document.values
    stray = [name for name in document.values if name not in NOTES and name != key[0]]
    for name in key:
        if isinstance(table, dict) and table is not document.values and len(table) > 1:
            stray += [other for other in table if other != name]
        table = table.get(name) if isinstance(table, dict) else None
    if stray:
        text = f"a preset of {part} keeps its keys in a table [{'.'.join(key)}]"
        raise PresetError([Fault(document.at((name,)), inert(name), text) for name in stray])
    if not isinstance(table, dict):
        raise PresetError([Fault(document.at(()), "", f"a preset of {part} needs a table [{'.'.join(key)}]")])
    return table


def valid_name(name: str) -> bool:
    """Whether a name within a part is fit to be a file name: letters, digits, `-`, `_` and `.`, no path."""
    return bool(_NAME.fullmatch(name)) and not name.endswith(".")


def user_folder() -> Path:
    """Return the folder of the user's own presets, which need not exist."""
    return Path(platformdirs.user_config_dir("ladera")) / "presets"


def built_in(path: Path) -> bool:
    """Whether a preset file came with the program."""
    return path.resolve().is_relative_to(_BUILT_IN)


def own_path(name: str) -> Path:
    """Return where an experiment preset of the user is kept under a name. Raises PresetError: the name is no file name."""
    if not valid_name(name):
        raise PresetError(
            [Fault("", "", f"{shown(name)} is no name for a preset: use letters, digits, -, _ and .")]
        )
    return user_folder() / EXPERIMENTS / f"{name}.toml"


def folders() -> list[tuple[Origin, Path]]:
    """List the folders that are searched, first match first."""
    own: list[tuple[Origin, Path]] = [("user", user_folder())]
    with suppress(FileNotFoundError):  # the working directory was deleted, and with it what was in it
        own.insert(0, ("./presets", Path.cwd() / "presets"))
    # In a checkout of ladera itself ./presets is the built-in folder.
    return [*((origin, path) for origin, path in own if path.resolve() != _BUILT_IN), ("built-in", _BUILT_IN)]


def catalog(part: str | None = None) -> list[Preset]:
    """List all presets, or those of one part, each name once: the first in search order hides the others.

    A file that cannot be read is listed with its fault. Files are read again only when they change.
    """
    found: dict[str, Preset] = {}
    for preset in _all(None if part is None else (part,)):
        found.setdefault(preset.name, preset)
    places = {name: place for place, name in enumerate((EXPERIMENTS, *PARTS))}
    return sorted(found.values(), key=lambda preset: (places[preset.part], preset.order, preset.name))


def find(part: str, name: str, but: Collection[Path] = ()) -> Preset | None:
    """Return the first preset of that part and name in search order, passing over the files in `but`."""
    wanted = f"{part}/{name}"
    return next(
        (preset for preset in _all((part,)) if preset.name == wanted and preset.path not in but), None
    )


def none_of(part: str, name: str) -> str:
    """Return that there is no preset of that part and name, with what was probably meant."""
    known = [preset.short for preset in catalog(part)]
    kind = part.removesuffix("s") if part == EXPERIMENTS else part
    hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
    return f"no {kind} preset {quoted(name)}{hint}" + (
        f"{'' if hint.endswith('?') else '.'} A file or folder of your own goes into data.path"
        if part == "data"
        else ""
    )


def _all(parts: tuple[str, ...] | None) -> Iterator[Preset]:
    for origin, folder in folders():
        for part in parts or (EXPERIMENTS, *PARTS):
            yield from _in_folder(origin, folder / part, part)
            if part == EXPERIMENTS and origin != "built-in":
                yield from _in_folder(origin, folder, part)


def _in_folder(origin: Origin, folder: Path, part: str) -> Iterator[Preset]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in (".toml", ".json"))
    except OSError:
        return
    for path in paths:
        if path.name.startswith(".") or path.name.endswith(".schema.json"):
            continue
        try:
            status = path.stat()
        except OSError:
            continue
        yield _preset(origin, path, part, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _preset(origin: Origin, path: Path, part: str, _modified: int, _size: int) -> Preset:
    name = f"{part}/{inert(path.stem)}"
    if not valid_name(path.stem):
        return Preset(name, part, path, origin, fault="its name may hold only letters, digits, -, _ and .")
    try:
        document = read(path)
        values = {key: value for key, value in document.values.items() if key not in NOTES}
        if part != EXPERIMENTS:
            values = dict(section_values(document, part))
    except PresetError as error:
        return Preset(name, part, path, origin, fault=str(error))
    notes = {key: document.values[key] for key in NOTES if key in document.values}
    order = notes.pop("order", 100)
    wrong = [
        Fault(document.at((key,)), key, "must be text in quotes")
        for key in notes
        if not isinstance(notes[key], str)
    ]
    if not isinstance(order, int):
        wrong.append(Fault(document.at(("order",)), "order", "must be a whole number"))
    if wrong:
        return Preset(name, part, path, origin, fault=str(PresetError(wrong)))
    lines = {key: inert(" ".join(note.split())) for key, note in notes.items()}
    return Preset(name, part, path, origin, order=order, values=values, **lines)
