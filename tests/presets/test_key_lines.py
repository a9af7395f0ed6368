"""The line of each key, against a text whose lines are counted by hand and against random TOML."""

from __future__ import annotations

import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from ladera.presets.lines import key_lines

TEXT = '''# [not.a.table]
a = 1
"b c" = "x = 1 # no [comment]"
d.e = [
  1, # in = a list
  {f = 2, g = {h = 3}},
]
[i.j] # header
k = """
l = 5
"""
m = 'n = 1'
[[o]]
p = 1979-05-27 07:32:00
'q' = {r = 1, s = [{t = 1}]}
'''


def test_toml_by_hand() -> None:
    assert key_lines(TEXT, toml=True) == [
        (("a",), 2),
        (("b c",), 3),
        (("d", "e"), 4),
        (("d", "e", "f"), 6),
        (("d", "e", "g"), 6),
        (("d", "e", "g", "h"), 6),
        (("i", "j"), 8),
        (("i", "j", "k"), 9),
        (("i", "j", "m"), 12),
        (("o",), 13),
        (("o", "p"), 14),
        (("o", "q"), 15),
        (("o", "q", "r"), 15),
        (("o", "q", "s"), 15),
        (("o", "q", "s", "t"), 15),
    ]


def test_json_by_hand() -> None:
    text = '{"a": 1,\n "b": {"c": [1, "x: {",\n {"d": null}]},\n "\\u0065": true}'
    found = [(("a",), 1), (("b",), 2), (("b", "c"), 2), (("b", "c", "d"), 3), (("e",), 4)]
    assert key_lines(text, toml=False) == found


def test_the_scan_ends_where_the_text_is_no_toml() -> None:
    assert key_lines("a = 1\nb ? 2\nc = 3", toml=True) == [(("a",), 1), (("b",), 2)]
    assert key_lines("{" * 5000, toml=False) == []
    assert key_lines("a = " + "[" * 100_000, toml=True) == [(("a",), 1)]


KEYS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=6)
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-5, 5), KEYS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


def paths(values: object, above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if isinstance(values, list):
        return {path for value in values for path in paths(value, above)}
    if isinstance(values, dict):
        return {(*above, name) for name in values} | {
            path for name, value in values.items() for path in paths(value, (*above, name))
        }
    return set()


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_key_that_tomlkit_writes_is_found(values: dict[str, object]) -> None:
    found = {path for path, _ in key_lines(tomlkit.dumps(values), toml=True)}
    # A table that only holds tables has no line of its own.
    assert {path[:length] for path in found for length in range(1, len(path) + 1)} == paths(values)


@given(st.text(st.sampled_from("ab.=[]{}\"'\n#,\\: 1"), max_size=60))
def test_no_text_makes_it_fail(text: str) -> None:
    for toml in (True, False):
        assert all(1 <= line <= text.count("\n") + 1 for _, line in key_lines(text, toml=toml))
