"""`ladera presets`: list, show and check presets, and print their schema."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from ..engine.errors import InputError, quoted
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
from ..presets.listing import none_of
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
    raise InputError(f"no kind of preset {quoted(word)}; there are {', '.join(parts)}")


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
            raise InputError(none_of(part, short))
        return preset
    return None


def check_all(names: Sequence[str]) -> int:
    """Check presets by name or file, or all; return 2 if one cannot be used."""
    checked = _checked(names)
    broken: dict[str, list[str]] = {}
    for name, fault in checked:
        for line in (fault or "").splitlines():
            broken.setdefault(line, []).append(clean(name))
        if fault is None and names:
            print(f"{clean(name)}: fine")
    for line, where in broken.items():
        print(_told(line, where), file=sys.stderr)
    wrong = sum(fault is not None for _, fault in checked)
    if not names:
        print(f"{len(checked)} presets checked, {wrong} cannot be used")
    return 2 if wrong else 0


def _told(fault: str, names: Sequence[str]) -> str:
    """One fault with the presets that have it: a broken part spoils every experiment that names it."""
    if len(names) == 1:
        return fault if fault.startswith(f"{names[0]}:") else f"{names[0]}: {fault}"
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"{fault}\n  in {', '.join(names[:4])}{more}"


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
            load(name, with_data=True)
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
