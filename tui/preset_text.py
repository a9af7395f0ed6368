"""A preset in words: formula, symbols, values, when and when not, and the lecture's example; for pickers and the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..engine.examples import example
from ..engine.experiment import Augmentation, Experiment
from ..presets.catalog import EXPERIMENTS, Preset, PresetError, load
from ..presets.merge import kinds
from ..presets.symbols import symbols
from .form import meaning_of
from .text import clean, typed


def brief(preset: Preset) -> list[str]:
    """Description, formula, when to use it and what to mind, a line each."""
    lines = [clean(preset.description)]
    if preset.formula:
        lines.append(f"  {clean(preset.formula)}")
    if preset.when:
        lines.append(f"When: {clean(preset.when)}")
    if preset.caveat:
        lines.append(f"Mind: {clean(preset.caveat, 400)}")
    return lines


def full(preset: Preset) -> list[str]:
    """That, with the meaning of the symbols below the formula, what each value does, and an example."""
    lines = [clean(preset.description)]
    if preset.formula:
        lines.append(f"  {clean(preset.formula)}")
        known = "; ".join(f"{symbol}: {meaning}" for symbol, meaning in symbols(preset.part, preset.formula))
        lines += [f"  {known}"] if known else []
    if preset.when:
        lines.append(f"When: {clean(preset.when)}")
    if preset.caveat:
        lines.append(f"Mind: {clean(preset.caveat, 400)}")
    lines += _whole(preset) if preset.part == EXPERIMENTS else _values(preset)
    examples = example(preset.part, preset.values)
    lines += [("Example: " if index == 0 else "  ") + line for index, line in enumerate(examples)]
    return lines


def _values(preset: Preset) -> list[str]:
    section = _type(preset.part, preset.values)
    rows = [
        (f"{name} = {typed(value)}", meaning_of(preset.part, name, section) if section else "")
        for name, value in _leaves(preset.values)
        if name not in ("kind", "name")
    ]
    if not rows:
        return []
    wide = (
        max(len(row[0]) for row in rows if len(row[0]) <= 24) if any(len(row[0]) <= 24 for row in rows) else 0
    )
    return ["Sets:", *(f"  {value:<{wide}}  {clean(meaning, 300)}".rstrip() for value, meaning in rows)]


def _whole(preset: Preset) -> list[str]:
    """An experiment in one line, a part a word."""
    from .views import in_one_line

    try:
        return [f"  {in_one_line(load(preset.short))}"]
    except PresetError:
        return []


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield above + name, value


def _type(part: str, values: Mapping[str, Any]) -> type | None:
    """The class of the section that a preset's values belong to."""
    if part == "augmentation":
        return Augmentation
    if part in ("model", "optimizer"):
        return kinds(part).get(str(values.get("kind", "")))
    section = Experiment.model_fields[part].annotation if part in Experiment.model_fields else None
    return section if isinstance(section, type) else None
