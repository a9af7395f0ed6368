"""A data set in memory as plain arrays, and `load`, which reads whatever an experiment names. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, quoted
from .names import FACTS, Facts, Form, Task, named_task

if TYPE_CHECKING:
    from ..experiment import Data

#: Most values (examples times values of one example) that a data set may hold: 4 GiB in double precision.
MAX_VALUES = 2**29


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """All examples of a data set, unsplit and unscaled.

    Names come from files as they stand there: they may hold control bytes, which a screen has to clean.
    """

    x: NDArray[Any]
    "(n, *shape). Tables: float64 (n, features), NaN where a value is missing. Images: float32 (n, channels, height, width) in [0, 1]. Audio: float32 (n, 1, samples) in [-1, 1]."
    y: NDArray[Any]
    "(n,): int64 class indices, or float64 targets."
    task: Task
    form: Form
    classes: tuple[str, ...] = ()
    "Class names by index; empty for regression."
    feature_names: tuple[str, ...] = ()
    "Column names of a table; empty for images and audio."
    target_name: str = "target"
    source: str = ""
    "Where the examples come from, in words."
    notes: tuple[str, ...] = ()
    "What was done to the examples on reading that a reader would want to know."


def load(data: Data, seed: int) -> Dataset:
    """Read or generate the data set that `data` names.

    Only synthetic sets depend on `seed`. Raises InputError with the file, row and column where the
    data cannot be used, and for settings that the set has no use for.
    """
    if data.name is not None:
        return _load_named(data, data.name, seed)
    assert data.path is not None
    path = data.path.expanduser()
    _refuse_settings(data, f"the file or folder {quoted(path)}", "examples", "noise")
    if path.is_dir():
        _refuse_settings(data, f"the folder {quoted(path)}: its sub-folders are the classes", "target")
        if next(path.glob("*/*.[wW][aA][vV]"), None):
            from .wav_folder import read_wav_folder

            return read_wav_folder(path, data.task)
        from .image_folder import read_image_folder

        return read_image_folder(path, data.task)
    if not path.is_file():
        raise InputError(
            f"data.path: there is no file or folder {quoted(path)}; give a CSV, TSV or NPZ file, or a folder"
        )
    if path.suffix.lower() == ".npz":
        _refuse_settings(data, f"the NPZ file {quoted(path)}: its target is the array y", "target")
        from .npz import read_npz

        return read_npz(path, data.task, data.missing)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        from .csv_table import read_csv

        return read_csv(path, data.target, data.task, data.missing)
    raise InputError(
        f"data.path: {quoted(path)} is neither a CSV, TSV or NPZ file nor a folder; its name must end in .csv, .tsv, .txt or .npz"
    )


def _load_named(data: Data, name: str, seed: int) -> Dataset:
    facts = FACTS.get(name)
    if facts is None:
        raise InputError(f"data.name: no data set {quoted(name)}; there are {', '.join(FACTS)}")
    _refuse_settings(data, f"the data set {name}", "target")
    task = named_task(name, data.task)
    if data.task not in (None, facts.task, task):
        raise InputError(f"data.task: {name} is a {facts.task} task, not {data.task}; leave data.task out")
    found = _of_name(data, name, facts, seed)
    return found if found.task == task else replace(found, task=task)


def _of_name(data: Data, name: str, facts: Facts, seed: int) -> Dataset:
    if facts.synthetic:
        from .synthetic import generate

        return generate(name, seed, data.examples, data.noise)
    _refuse_settings(data, f"the data set {name}: its examples are given", "examples", "noise")
    if facts.online:
        from .openml import fetch

        return fetch(name)
    from .builtin import read_builtin

    return read_builtin(name)


def _refuse_settings(data: Data, place: str, *keys: str) -> None:
    """Refuse settings that would do nothing."""
    for key in keys:
        if getattr(data, key) is not None:
            way_out = (
                "; to add noise to training inputs use data.augmentation.noise" if key == "noise" else ""
            )
            way_out = "; to use fewer training examples use data.subset" if key == "examples" else way_out
            raise InputError(f"data.{key} does not apply to {place}; remove it{way_out}")


def refuse_too_large(values: int, place: str) -> None:
    """Refuse a data set of more than `MAX_VALUES` values before memory is asked for."""
    if values > MAX_VALUES:
        raise InputError(
            f"{place}: {values:,} values are more than the {MAX_VALUES:,} that are held in memory; use fewer or smaller examples"
        )


def unit_float32(x: NDArray[Any], largest: float) -> NDArray[np.float32]:
    """Return integers 0 to `largest` as float32 in [0, 1]."""
    return np.ascontiguousarray(x, dtype=np.float32) / np.float32(largest)
