"""Claiming a run directory, and the experiment that is kept in it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ..errors import StoreError
from ..experiment import Experiment
from . import atomic
from .reading import read_regular

if TYPE_CHECKING:
    from tomlkit.items import Item

EXPERIMENT = "experiment.toml"
BEST = "best.safetensors"
FINAL = "final.safetensors"
STOP = "STOP"

_NUMBERED = re.compile(r"(.+)-(\d{4,})")
_LONGEST = 100
_LARGEST = 1 << 24


def refuse_name(name: str) -> None:
    """Raise StoreError for a name that is no plain file name: with a slash, a control character, a dot or dash in front."""
    wrong = (
        not name
        or len(os.fsencode(name)) > _LONGEST
        or name[0] in ".-"
        or name != name.strip()
        or any(character in "/\\" or not character.isprintable() for character in name)
    )
    if wrong:
        raise StoreError(
            f"{name!r} cannot be the name of a run: use letters, digits, dots and dashes, at most {_LONGEST} bytes, "
            "not beginning with a dot or a dash"
        )


def refuse_unwritable(root: Path) -> None:
    """Raise StoreError if no run could be made below a directory, which need not be there yet; nothing is created."""
    place = root.absolute()
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        why = "is no directory"
    elif not os.access(place, os.W_OK | os.X_OK):
        why = "cannot be written"
    else:
        return
    raise StoreError(f"no run can be kept in {root}: {place} {why}; choose another place with --runs-dir")


def split_name(name: str) -> tuple[str, int]:
    """Return what a run was called and its number: ("digits", 7) of "digits-0007"; 0 if it has none."""
    match = _NUMBERED.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, 0)


def claim(root: Path, name: str) -> Path:
    """Make and return a new directory `name-NNNN` under root, with the next free number; it is nobody else's.

    Raises StoreError if the name is no plain one or nothing can be written there.
    """
    refuse_name(name)
    try:
        root.mkdir(parents=True, exist_ok=True)
        taken = [
            number for base, number in (split_name(path.name) for path in root.iterdir()) if base == name
        ]
        number = max(taken, default=0) + 1
        while True:
            directory = root / f"{name}-{number:04d}"
            try:
                # The one step in which two processes that start at once are told apart.
                directory.mkdir(mode=0o700)
                return directory
            except FileExistsError:
                number += 1
    except OSError as error:
        raise StoreError(
            f"no run directory can be made in {root}: {error.strerror}; choose another place with --runs-dir"
        ) from None


def write_experiment(directory: Path, plain: Mapping[str, Any]) -> None:
    """Write the complete experiment; a relative data.path becomes absolute. Raises OSError."""
    import tomlkit  # reading, as for a list of runs, does without

    values = {key: dict(value) if isinstance(value, Mapping) else value for key, value in plain.items()}
    if values["data"].get("path"):
        values["data"]["path"] = str(Path(values["data"]["path"]).absolute())
    document = tomlkit.document()
    document.add(
        tomlkit.comment("The complete experiment of this run; `ladera run` of this file does the same again.")
    )
    for name, value in values.items():
        document.add(name, _item(value))
    atomic.replace(directory / EXPERIMENT, tomlkit.dumps(document).encode())


def _item(value: Any) -> Item:
    import tomlkit

    if not isinstance(value, Mapping):
        return tomlkit.item(value)
    table = tomlkit.table()
    # A key after a sub-table would belong to it.
    for name, entry in sorted(value.items(), key=lambda pair: isinstance(pair[1], Mapping)):
        table.add(name, _item(entry))
    return table


def load_experiment(directory: Path) -> Experiment:
    """Read the experiment of a run. Raises StoreError if it is missing, damaged or no longer valid."""
    path = directory / EXPERIMENT
    try:
        return Experiment.model_validate(tomllib.loads(read_regular(path, _LARGEST).decode()))
    except FileNotFoundError:
        raise StoreError(f"{directory} holds no {EXPERIMENT}: it is no run directory") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise StoreError(f"{path} is not a valid experiment: {where}: {first['msg']}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from None
