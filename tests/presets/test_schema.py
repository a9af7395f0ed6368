"""The JSON Schema for editors: the file in the repository is the current one, and it tells good presets from bad ones."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ladera.presets import catalog as package
from ladera.presets.catalog import catalog, load, schema
from ladera.presets.write import dump

FOLDER = Path(package.__file__).parent


def accepts(value: Any, rule: dict[str, Any]) -> bool:
    """Judge a value by the subset of JSON Schema 2020-12 that the schema uses, written from the standard."""
    known = {
        *("$defs", "$ref", "$schema", "additionalProperties", "anyOf", "const", "default", "description"),
        *("discriminator", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems"),
        *("maxLength", "maximum", "minItems", "minimum", "oneOf", "pattern", "prefixItems", "properties"),
        *("title", "type"),
    }
    assert rule.keys() <= known, rule.keys() - known
    if "$ref" in rule and not accepts(value, SCHEMA["$defs"][rule["$ref"].removeprefix("#/$defs/")]):
        return False
    if "anyOf" in rule and not any(accepts(value, choice) for choice in rule["anyOf"]):
        return False
    if "const" in rule and value != rule["const"]:
        return False
    if "enum" in rule and value not in rule["enum"]:
        return False
    types = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
        "array": list,
        "object": dict,
        "null": type(None),
    }
    kind = rule.get("type")
    if kind and (not isinstance(value, types[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return False
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (
            rule.get("minimum", value) <= value <= rule.get("maximum", value)
            and not value <= rule.get("exclusiveMinimum", float("-inf"))
            and not value >= rule.get("exclusiveMaximum", float("inf"))
        )
    if isinstance(value, str):
        return len(value) <= rule.get("maxLength", len(value)) and bool(
            re.search(rule.get("pattern", ""), value)
        )
    if isinstance(value, list):
        places = rule.get("prefixItems", [])
        return (
            rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value))
            and all(accepts(entry, place) for entry, place in zip(value, places, strict=False))
            and all(accepts(entry, rule.get("items", {})) for entry in value[len(places) :])
        )
    if isinstance(value, dict):
        properties = rule.get("properties", {})
        return all(
            accepts(entry, properties[name]) if name in properties else rule.get("additionalProperties", True)
            for name, entry in value.items()
        )
    return True


SCHEMA = schema()


def test_the_file_is_the_current_schema() -> None:
    file = json.loads((FOLDER / "experiment.schema.json").read_text(encoding="utf-8"))
    assert file == SCHEMA, "write it anew: ladera presets schema > presets/experiment.schema.json"


@pytest.mark.parametrize("preset", catalog(), ids=lambda preset: preset.name)
def test_built_in_files_name_the_schema_and_keep_to_it(preset: Any) -> None:
    text = preset.path.read_text(encoding="utf-8")
    assert text.startswith("#:schema ../experiment.schema.json\n")
    assert accepts(tomllib.loads(text), SCHEMA)


def test_a_dump_keeps_to_it() -> None:
    for preset in catalog("experiments"):
        assert accepts(tomllib.loads(dump(load(preset.name))), SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "modl = 'mlp'",
        "extends = 3",
        "optimizer = 3",
        "[optimizer]\nlr = 0",
        "[optimizer]\nkind = 'sgd'\nmomentum = 0.9",
        "[optimizer]\nkind = 'adem'",
        "[training]\nepochs = 1.5",
        "[training]\nbatch_size = 'ful'",
        "[model]\nhidden = [0]",
        "[data]\nsplit = [0.5, 0.5]",
        "[data]\naugmentation = {flip = 2}",
        "[training]\ndevice = 'gpu'",
    ],
)
def test_it_refuses_what_load_refuses(text: str) -> None:
    assert not accepts(tomllib.loads(text), SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "extends = 'digits'\noptimizer = 'sgd'",
        "[optimizer]\npreset = 'adam'\nlr = 1",
        "[optimizer]\nlr = 0.1",
        "[data]\nname = 'shapes'\naugmentation = 'image-1'",
        "[data]\npath = 'x.csv'\naugmentation = {preset = 'image-1', flip = 0.1}",
        "[training]\nbatch_size = 'full'",
    ],
)
def test_it_accepts_what_load_accepts(text: str) -> None:
    assert accepts(tomllib.loads(text), SCHEMA)
