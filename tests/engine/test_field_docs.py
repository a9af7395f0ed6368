"""Docstrings of fields: those in the source, inherited ones too, in the schema and on demand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from ladera.engine.experiment import Adam, Experiment, Part
from ladera.engine.field_docs import field_docs


def test_each_field_has_the_string_below_it() -> None:
    docs = field_docs(Adam)
    assert docs["lr"] == "Learning rate eta.", "inherited"
    assert "description" not in docs
    assert all("\n" not in text.strip() for text in docs.values())


def test_a_class_without_source_has_none() -> None:
    made: Any = type("Made", (Part,), {"__module__": "ladera.engine.made"})
    assert field_docs(made) == {}


def test_classes_of_others_are_not_read() -> None:
    @dataclass
    class Other:
        size: int = 0
        "Not one of ours."

    assert field_docs(Other) == {}


def test_the_schema_tells_them() -> None:
    found = Experiment.model_json_schema()["$defs"]["Adam"]["properties"]
    assert {name: one.get("description", "") for name, one in found.items() if name in field_docs(Adam)} == (
        field_docs(Adam)
    )


def test_importing_reads_no_source() -> None:
    code = (
        "import ast\n"
        "def refuse(*_, **__): raise AssertionError('a source was parsed')\n"
        "ast.parse = refuse\n"
        "import ladera.engine.experiment\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
