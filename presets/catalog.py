"""The presets at one's disposal: list, find, load, change and compare them; `presets.write` writes them."""

from __future__ import annotations

from .difference import command_line, difference, named, nearest, settings_between
from .faults import Fault, PresetError
from .listing import EXPERIMENTS, PARTS, Preset, catalog, find, folders, own_path, user_folder, valid_name
from .load import change, check, compatible, load, locate
from .schema import schema

__all__ = [
    "EXPERIMENTS",
    "PARTS",
    "Fault",
    "Preset",
    "PresetError",
    "catalog",
    "change",
    "check",
    "command_line",
    "compatible",
    "difference",
    "find",
    "folders",
    "load",
    "locate",
    "named",
    "nearest",
    "own_path",
    "schema",
    "settings_between",
    "user_folder",
    "valid_name",
]
