"""Claiming a run directory, and the experiment that is kept in it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import StoreError, quoted
from ..experiment import Experiment
from ..toml import experiment_toml
from . import atomic
from .reading import read_regular

EXPERIMENT = "experiment.toml"
BEST = "best.safetensors"
FINAL = "final.safetensors"
STOP = "STOP"
#: Checkpoints kept, beside the best weights.
KEPT_CHECKPOINTS = 2

_NUMBERED = re.compile(r"(.+)-(\d{4,})")
_LONGEST = 100
_LARGEST = 1 << 24


def refuse_name(name: str) -> None:
    """Raise StoreError for what cannot name a folder of a run, or would be a trap for whoever types it."""
    wrong = (
        not name
        or len(os.fsencode(name)) > _LONGEST
        or name[0] in ".-"
        or name != name.strip()
        or any(character in "/\\" or not character.isprintable() for character in name)
    )
    if wrong:
        raise StoreError(
            f"{quoted(name)} cannot be the name of a run: it names a folder, so it has no slash, backslash or control "
            f"character in it, no dot or dash in front, no space around it, and at most {_LONGEST} bytes"
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


def missing_folders(path: Path) -> list[Path]:
    """Return the folders of a path that are not there, the innermost first."""
    return [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]


def write_experiment(directory: Path, plain: Mapping[str, Any]) -> None:
    """Write the complete experiment; a relative data.path becomes absolute. Raises OSError."""
    about = "The complete experiment of this run: `ladera run` of this file does the same again, `ladera resume` takes over edits."
    atomic.replace(directory / EXPERIMENT, experiment_toml(plain, about).encode())


def read_experiment(directory: Path) -> dict[str, Any]:
    """Read the plain values of a run's experiment as its file has them. Raises OSError, ValueError or RecursionError."""
    return tomllib.loads(read_regular(directory / EXPERIMENT, _LARGEST).decode())


def load_experiment(directory: Path) -> Experiment:
    """Read the experiment of a run. Raises StoreError if it is missing, damaged or no longer valid."""
    path = directory / EXPERIMENT
    try:
        return Experiment.model_validate(read_experiment(directory))
    except FileNotFoundError:
        raise StoreError(f"{directory} holds no {EXPERIMENT}: it is no run directory") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise StoreError(f"{path} is not a valid experiment: {where}: {first['msg']}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from None
