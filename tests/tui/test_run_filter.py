"""The filter of the runs list, by hand."""

from __future__ import annotations

import pytest

from ladera.tui.run_filter import wanted

RUNS = [
    {"name": "digits-0001", "state": "finished", "experiment": "Handwritten digits"},
    {"name": "digits-0002", "state": "diverged", "experiment": "Handwritten digits"},
    {"name": "wine-0001", "state": "stopped early", "experiment": "Wines of three growers"},
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 1, 2]),
        ("digits", [0, 1]),
        ("DIGITS !diverged", [0]),
        ("state:stopped", [2]),
        ("/-0001$/", [0, 2]),
        ("!/-0001$/", [1]),
        ("name:/^w/", [2]),
        ("nothing", []),
        ("!", []),
    ],
)
def test_queries(query: str, found: list[int]) -> None:
    wants = wanted(query)
    assert [number for number, run in enumerate(RUNS) if wants(run)] == found


@pytest.mark.parametrize(("query", "complaint"), [("/(/", "no pattern"), ("colour:red", "no field 'colour'")])
def test_broken_queries_say_what_is_wrong(query: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        wanted(query)
