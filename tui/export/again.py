"""How to do a run again, and what its experiment changes about the preset that is nearest to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...engine.changes import flat
from ...engine.experiment import Experiment
from ...engine.store.directory import EXPERIMENT, split_name
from ...presets.difference import command_line, difference
from ...presets.listing import EXPERIMENTS, catalog
from ...presets.load import load
from ..values import train_again
from .exported import ExportedRun


@dataclass(frozen=True)
class Origin:
    """A preset and the way from it to an experiment."""

    preset: str
    command: str
    "The shell command that trains the experiment."
    changes: tuple[tuple[str, Any, Any], ...]
    "(key, value in the preset, value in the experiment)."


def origin(values: Mapping[str, Any], name: str = "") -> Origin | None:
    """Return the built-in experiment preset to start from; None if the values are no experiment of this version.

    The one that is the same; else the one that the run is named after; else the first with the same data and kind
    of model, the same data, the same kind of model.
    """
    try:
        experiment = Experiment.model_validate(dict(values))
    except ValidationError:
        return None
    called, candidates = split_name(name)[0], list[tuple[tuple[bool, ...], str, Experiment]]()
    for preset in catalog(EXPERIMENTS):
        if preset.origin != "built-in" or preset.fault:
            continue  # somebody else may not have the user's own presets
        base = load(str(preset.path))
        other_data = base.data.name != experiment.data.name
        other_model = base.model.kind != experiment.model.kind
        same = not difference(base, _described(experiment, base))
        candidates.append(((not same, preset.short != called, other_data, other_model), preset.short, base))
    if not candidates:
        return None
    _, chosen, base = min(candidates, key=lambda candidate: candidate[0])
    wanted = _described(experiment, base)
    return Origin(chosen, command_line(wanted, chosen), tuple(difference(base, wanted)))


def commands(run: ExportedRun) -> list[str]:
    """List the commands that train a run's experiment again: from its directory, and from a preset."""
    lines: list[str] = []
    if run.directory and (Path(run.directory) / EXPERIMENT).is_file():
        lines.append(train_again(run.history, run.directory))
    found = origin(run.history.in_force, run.name)
    return [*lines, found.command] if found else lines


def differing(runs: Sequence[ExportedRun]) -> list[tuple[str, list[Any]]]:
    """List (key, its value in each run) of the keys in which runs differ at the end; None where a run does not have the key."""
    plain = [flat(run.history.in_force) for run in runs]
    keys = dict.fromkeys(key for values in plain for key in values if key != "description")
    rows = [(key, [values.get(key) for values in plain]) for key in keys]
    return [(key, values) for key, values in rows if any(value != values[0] for value in values)]


def _described(experiment: Experiment, base: Experiment) -> Experiment:
    """The experiment with the preset's description, which trains nothing."""
    return experiment.model_copy(update={"description": base.description})
