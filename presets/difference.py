"""What differs between two experiments, and the command line that makes one out of the other."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ..engine.changes import changes, flat
from ..engine.experiment import Experiment
from .faults import PresetError
from .listing import PARTS, Preset, catalog, section_key
from .load import change, load
from .merge import SOURCES
from .settings import setting

Leaf = tuple[str, ...]


def difference(a: Experiment, b: Experiment) -> list[tuple[str, Any, Any]]:
    """List (key, value in a, value in b) of the keys that differ; None where an experiment does not have the key."""
    return [(key, left, right) for key, (left, right) in changes(a.plain(), b.plain()).items()]


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[Leaf, Any]]:
    """List (key path, new value) of the keys that differ; None where the key is gone."""
    return [(key, right) for key, _, right in _differing(before, after)]


def named(experiment: Experiment, part: str) -> Preset | None:
    """Return the first preset of a part that gives exactly the experiment's section, None if its values are its own."""
    section = _section(experiment, part)
    for preset in catalog(part):
        if not preset.fault and _differs_little(preset, section):
            try:
                if change(experiment, [_set(section_key(part), preset.short)]) == experiment:
                    return preset
            except PresetError:
                continue
    return None


def nearest(experiment: Experiment, part: str) -> Preset | None:
    """Return the preset of a part most like the experiment's section: of its kind or source, with the most equal values.

    None if there is none of that kind, as for a file of one's own.
    """
    section = flat(_section(experiment, part))
    best, most = None, 0
    for preset in catalog(part):
        if preset.fault:
            continue
        try:
            made = _section(change(experiment, [_set(section_key(part), preset.short)]), part)
        except PresetError:
            continue
        values = flat(made)
        if any(values.get(key) != section.get(key) for key in ("kind", "name")):
            continue
        equal = sum(values.get(key) == value for key, value in section.items())
        if equal > most:
            best, most = preset, equal
    return best


def settings_between(experiment: Experiment, base: Experiment) -> list[str]:
    """List the settings that make `experiment` out of `base`, by part presets where one says it all."""
    differing = _differing(base.plain(), experiment.plain())
    settings, said = _by_preset(experiment, differing)
    settings += _settings([leaf for leaf in differing if not any(leaf[0][: len(key)] == key for key in said)])
    # A setting may take others with it (a new kind, a new task): what they dropped is set again.
    for _ in range(3):
        try:
            left = _differing(change(base, settings).plain(), experiment.plain())
        except PresetError:  # halfway the parts contradict each other
            break
        if not left:
            return settings
        settings += _settings(left)
    before, after = flat(base.plain()), flat(experiment.plain())
    return _settings(
        [(tuple(key.split(".")), before.get(key), after.get(key)) for key in {**before, **after}]
    )


def _settings(keys: list[tuple[Leaf, Any, Any]]) -> list[str]:
    """Write a setting per key; a new kind drops the keys that only the old one has, new data what the old was named by."""
    other = {key[0] for key, left, right in keys if key[1:] == ("kind",) and left != right}
    return [
        _set(key, value)
        for key, _, value in keys
        if value is not None or not (key[0] in other or key in SOURCES)
    ]


def command_line(experiment: Experiment, base: str) -> str:
    """Write the shell command that runs this experiment, from the preset `base` and `--set` options."""
    words = ["ladera", "run", base]
    for text in settings_between(experiment, load(base)):
        words += ["--set", text]
    return shlex.join(words)


def _by_preset(experiment: Experiment, keys: list[tuple[Leaf, Any, Any]]) -> tuple[list[str], list[Leaf]]:
    """Name part presets for the sections of which the kind, the data set or several keys differ."""
    settings: list[str] = []
    said: list[Leaf] = []
    for part in PARTS:
        key = section_key(part)
        inside = [leaf for leaf, _, _ in keys if leaf[: len(key)] == key]
        if key[:1] in said or not (len(inside) > 1 or {(*key, "kind"), (*key, "name")} & {*inside}):
            continue
        preset = named(experiment, part)
        if preset is not None:
            settings.append(_set(key, preset.short))
            said.append(key)
    return settings, said


def _set(key: Leaf, value: Any) -> str:
    return setting(".".join(key), value)


def _section(experiment: Experiment, part: str) -> Mapping[str, Any]:
    values: Any = experiment.plain()
    for name in section_key(part):
        values = values[name]
    return values


def _differs_little(preset: Preset, section: Mapping[str, Any]) -> bool:
    """Whether the values that the preset states are the section's: a quick test before the exact one."""
    return all(
        isinstance(value, (dict, str)) or section.get(name) == value for name, value in preset.values.items()
    )


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[Leaf, Any, Any]]:
    return [(tuple(key.split(".")), left, right) for key, (left, right) in changes(a, b).items()]
