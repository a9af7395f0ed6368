"""Strict JSON, by hand."""

from __future__ import annotations

import json
import math
from types import MappingProxyType

import pytest

from ladera.engine.strict_json import encoder, numbers, strict


def test_numbers_that_are_not_finite_become_text_and_numbers_again() -> None:
    values = {
        "a": math.inf,
        "b": (1.5, -math.inf),
        "c": MappingProxyType({1: math.nan}),
        "d": "text",
        "e": None,
    }
    plain = strict(values)
    assert plain == {"a": "inf", "b": [1.5, "-inf"], "c": {"1": "nan"}, "d": "text", "e": None}
    again = numbers(json.loads(encoder().encode(plain)))
    assert again["a"] == math.inf and again["b"] == (1.5, -math.inf)
    assert math.isnan(again["c"]["1"])
    assert (again["d"], again["e"]) == ("text", None)


@pytest.mark.parametrize("value", [math.nan, {"a": [math.inf]}])
def test_what_was_not_made_strict_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        encoder().encode(value)


def test_letters_stay_letters_and_a_line_is_compact() -> None:
    assert encoder().encode({"größe": [1, 2]}) == '{"größe":[1,2]}'
    assert encoder(indent=1).encode({"a": 1}) == '{\n "a": 1\n}'
