"""The filter language of the runs list and the log, by hand."""

from __future__ import annotations

import pytest

from ladera.tui.query import wanted

RUNS = [
    {"name": "digits-0001", "state": "finished", "lr": "0.001", "best": "0.1117"},
    {"name": "digits-0002", "state": "diverged", "lr": "10.0"},
    {"name": "wine-0001", "state": "stopped early", "lr": "0.01", "best": "0.02"},
]
FIELDS = ("name", "state", "lr", "best", "optimizer.beta1")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 1, 2]),
        ("digits", [0, 1]),
        ("DIGITS !diverged", [0]),
        ("state:stopped", [2]),
        ("STATE:Stopped", [2]),
        ("/-0001$/", [0, 2]),
        ("!/-0001$/", [1]),
        ("name:/^w/", [2]),
        ("name:0001", [0, 2]),
        ("nothing", []),
        ("!", [0, 1, 2]),  # half typed
        ("lr:0.01", [2]),
        ("lr:1e-3", [0]),
        ("lr:=1e-3", [0]),
        ("lr:<0.01", [0]),
        ("lr:>=.01", [1, 2]),
        ("!lr:>1", [0, 2]),
        ("best:<1", [0, 2]),  # what has none is no match
        ("name:>1", []),  # no number
        ("optimizer.beta1:0.9", []),
    ],
)
def test_queries(query: str, found: list[int]) -> None:
    wants = wanted(query, FIELDS)
    assert [number for number, run in enumerate(RUNS) if wants(run)] == found


def test_words_without_a_field_are_looked_for_in_what_is_spoken() -> None:
    wants = wanted("0.01", FIELDS, spoken=("name", "state", "description"))
    assert [run["name"] for run in RUNS if wants(run)] == []
    assert wanted("early", FIELDS, spoken=("state",))(RUNS[2])


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("/(/", "no pattern"),
        ("!name:/(/", "no pattern"),
        ("colour:red", "no field 'colour'; there are name, state, lr"),
        ("nam:red", "no field 'nam'; did you mean name"),
        ("lr:<0.1 staet:x", "did you mean state"),
    ],
)
def test_broken_queries_say_what_is_wrong(query: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        wanted(query, FIELDS)


def test_many_fields_are_not_all_told() -> None:
    with pytest.raises(ValueError, match=r"there are a, b, c, d, e, f, g, h, …$"):
        wanted("xyz:1", "abcdefghij")
