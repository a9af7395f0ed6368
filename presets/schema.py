"""The JSON Schema of an experiment preset, for editors: every key, its range, and parts by name."""

from __future__ import annotations

from typing import Any

from ..engine.experiment import Experiment
from .listing import SECTIONS

_NOTES = {
    "extends": "Start from another experiment preset: its name, or a file ending in .toml or .json.",
    "formula": "What is computed, for pickers.",
    "when": "When to choose it.",
    "caveat": "Where it surprises, or differs from the lecture.",
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an experiment file.

    No key is required, since `extends` or a named part may give it; each section may be the name of a part preset.
    """
    whole = Experiment.model_json_schema()
    definitions: dict[str, Any] = whole["$defs"]
    for definition in definitions.values():
        definition.pop("required", None)
    properties: dict[str, Any] = whole["properties"]
    for key, part in SECTIONS.items():
        holder = properties if len(key) == 1 else definitions[key[0].capitalize()]["properties"]
        holder[key[-1]] = _named_or_table(holder[key[-1]], part, definitions)
    for note, text in _NOTES.items():
        properties[note] = {"type": "string", "description": text}
    properties["order"] = {"type": "integer", "description": "Place in lists; the default is 100."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **whole,
        "title": "A ladera experiment",
        "description": "The complete configuration of one training; what is left out has a default.",
        "properties": properties,
    }


def _named_or_table(table: dict[str, Any], part: str, definitions: dict[str, Any]) -> dict[str, Any]:
    references = [table] if "$ref" in table else table.get("oneOf", [])
    for reference in references:
        definition = definitions[reference["$ref"].rpartition("/")[2]]
        preset = {"type": "string", "description": f"A preset of {part} to start from."}
        definition["properties"]["preset"] = preset
    name = {"type": "string", "description": f"The name of a preset of {part}."}
    return {"anyOf": [name, *({"$ref": reference["$ref"]} for reference in references)]}
