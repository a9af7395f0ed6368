"""`ladera presets`: list, show and check presets, and print their schema."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from ..engine.errors import InputError
from ..presets.catalog import (
    EXPERIMENTS,
    PARTS,
    Preset,
    PresetError,
    catalog,
    check,
    find,
    load,
    schema,
)
from ..presets.faults import inert
from ..presets.write import dump
from .preset_text import full
from .text import clean, fit

_NAME_WIDTH = 34


def listing(part: str = "", *, json: bool = False) -> int:
    """Print the presets of one part, or all: what each is, its formula and when to use it.

    On a terminal a preset takes a few lines, in a pipe or a file one, which `grep` finds whole.
    """
    found = catalog(_part(part) if part else None)
    if json:
        return _print_json([_plain(preset) for preset in found])
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns
    section = ""
    for preset in found:
        if preset.part != section:
            print(f"{'' if not section else chr(10)}{preset.part}")
            section = preset.part
        for line in _block(preset, width) if terminal else [_row(preset)]:
            print(line.rstrip())
    return 0


def _row(preset: Preset) -> str:
    name = preset.short + ("" if preset.origin == "built-in" else f" ({preset.origin})")
    return f"  {fit(name, _NAME_WIDTH - 2)}{'   '.join(_said(preset))}"


def _block(preset: Preset, width: int) -> list[str]:
    """The name, and beside it what is said of the preset, wrapped."""
    name = preset.short + ("" if preset.origin == "built-in" else f" ({preset.origin})")
    space = min(_NAME_WIDTH, max(12, width // 3))
    lines = [line for text in _said(preset) for line in wrap(text, max(20, width - space))]
    starts = [f"  {fit(name, space - 2)}", *[" " * space] * len(lines)]
    return [start + line for start, line in zip(starts, lines, strict=False)]


def _said(preset: Preset) -> list[str]:
    if preset.fault:
        return [f"broken: {clean(preset.fault, 1000)}"]
    when = f"when: {clean(preset.when)}" if preset.when else ""
    return [text for text in (clean(preset.description), clean(preset.formula), when) if text]


def _part(word: str) -> str:
    parts = (EXPERIMENTS, *PARTS)
    for part in parts:
        if word in (part, part.rstrip("s"), f"{part}s"):
            return part
    raise InputError(f"no kind of preset {clean(word)!r}; there are {', '.join(parts)}")


def _plain(preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.short,
        "part": preset.part,
        "origin": preset.origin,
        "path": str(preset.path),
        "description": preset.description,
        "formula": preset.formula,
        "when": preset.when,
        "caveat": preset.caveat,
        "values": preset.values,
        "fault": preset.fault,
    }


def show(name: str, settings: Sequence[str] = ()) -> int:
    """Print an experiment complete as TOML, or a part's file with what its symbols and values mean and an example."""
    preset = _part_preset(name)
    if preset is None:
        print(dump(load(name, settings)), end="")
        return 0
    if settings:
        raise InputError(f"{clean(name)} is a part; --set changes an experiment: ladera presets show digits --set {preset.part}={preset.short}")  # fmt: skip
    if preset.fault:
        raise InputError(preset.fault)
    for line in preset.path.read_text(encoding="utf-8").splitlines():
        print(inert(line.expandtabs()))
    # Comments, so that what is printed is still the preset.
    print("\n" + "\n".join(f"# {line}".rstrip() for line in _explained(preset)))
    return 0


def _explained(preset: Preset) -> list[str]:
    """What the file does not say: the meaning of the symbols and values, and an example."""
    said = {clean(text, 400) for text in (preset.description, preset.formula)}
    return [
        line
        for line in full(preset)
        if line.strip() not in said and not line.startswith(("When: ", "Mind: "))
    ]


def _part_preset(name: str) -> Preset | None:
    part, _, short = name.partition("/")
    if short and part in PARTS:
        preset = find(part, short)
        if preset is None:
            known = ", ".join(other.short for other in catalog(part))
            raise InputError(f"no preset {clean(short)!r} of {part}; there are {known}")
        return preset
    return None


def check_all(names: Sequence[str]) -> int:
    """Check presets by name or file, or all; return 2 if one cannot be used."""
    faults = 0
    for name, fault in _checked(names):
        if fault is not None:
            faults += 1
            print(fault, file=sys.stderr)
        elif names:
            print(f"{clean(name)}: fine")
    if not names:
        print(f"{len(catalog())} presets checked, {faults} cannot be used")
    return 2 if faults else 0


def _checked(names: Sequence[str]) -> list[tuple[str, str | None]]:
    if not names:
        return [(preset.name, check(preset)) for preset in catalog()]
    results: list[tuple[str, str | None]] = []
    for name in names:
        try:
            preset = _part_preset(name)
            if preset is not None:
                results.append((name, check(preset)))
                continue
            load(Path(name) if name.endswith((".toml", ".json")) else name)
            results.append((name, None))
        except (PresetError, InputError) as error:
            results.append((name, str(error)))
    return results


def print_schema() -> int:
    """Print the JSON Schema of an experiment file."""
    return _print_json(schema())


def _print_json(values: Any) -> int:
    print(json.dumps(values, ensure_ascii=False, indent=2, allow_nan=False))
    return 0
