"""What a run is called: after what its experiment began with, or after its data where those are others."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..engine.experiment import Experiment
from ..engine.store.directory import EXPERIMENT, split_name
from ..presets.catalog import PresetError, load

#: Bytes of a file's name that a run is called by.
_LONGEST = 80


def run_name(experiment: Experiment, base: str, begun: Experiment | None = None) -> str:
    """Name a run of an experiment that began with `base`: a preset, a file, or what an earlier run was called.

    `begun` is what `base` stands for; without it, `base` is looked up.
    """
    if begun is None:
        try:
            begun = load(base)
        except PresetError:  # an earlier run's name is no preset
            return _called(base)
    data, before = experiment.data, begun.data
    if (data.name, data.path) == (before.name, before.path):
        return _called(base)
    return (
        data.name
        or re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(data.path or "").stem).strip("-.")[:40]
        or _called(base)
    )


def _called(base: str) -> str:
    """A preset's name, its file's, or that of the run whose experiment it is."""
    path = Path(base)
    if path.name == EXPERIMENT:
        return _usable(split_name(path.absolute().parent.name)[0])
    return _usable(path.stem if path.suffix in (".toml", ".json") else path.name)


def _usable(name: str) -> str:
    """What is left of the name of a file that no run may have."""
    name = "".join(character if character.isprintable() and character != "\\" else "-" for character in name)
    name = name.lstrip(".- ")
    while len(os.fsencode(name)) > _LONGEST:
        name = name[:-1]
    return name.rstrip() or "run"
