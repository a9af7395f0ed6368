"""Text from outside in a message: in quotes, on one line, inert."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladera.engine.errors import quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("houses", '"houses"'),
        ("don't", '"don\'t"'),
        ('say "a"', r'"say \"a\""'),
        ("a\nb", r'"a\nb"'),
        ("\x1b[2J\x9b\u202e", r'"\x1b[2J\x9b\u202e"'),
        ("\udc80", r'"\udc80"'),
        ("größe", '"größe"'),
        ("x" * 90, '"' + "x" * 79 + '…"'),
        (Path("x" * 90), '"' + "x" * 90 + '"'),
    ],
)
def test_quoted(text: str | Path, shown: str) -> None:
    assert quoted(text) == shown
