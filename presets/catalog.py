"""The presets at one's disposal: list, find, load, change, compare and write them."""

from __future__ import annotations

from .difference import command_line, difference, named, settings_between
from .faults import Fault, PresetError
from .listing import EXPERIMENTS, PARTS, Preset, catalog, find, folders, own_path, user_folder, valid_name
from .load import change, check, compatible, load, locate
from .schema import schema
from .write import SCHEMA_LINE, dump, save_as

__all__ = [
    "EXPERIMENTS",
    "PARTS",
    "SCHEMA_LINE",
    "Fault",
    "Preset",
    "PresetError",
    "catalog",
    "change",
    "check",
    "command_line",
    "compatible",
    "difference",
    "dump",
    "find",
    "folders",
    "load",
    "locate",
    "named",
    "own_path",
    "save_as",
    "schema",
    "settings_between",
    "user_folder",
    "valid_name",
]
