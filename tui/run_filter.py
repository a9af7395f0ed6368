"""Which runs of a list are wanted: words that must occur, !words that must not, /patterns/, and field:words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

#: The fields a filter may name.
FIELDS = ("name", "state", "experiment")


def wanted(query: str) -> Callable[[Mapping[str, str]], bool]:
    """Return the test for a query such as `adam !diverged state:finished /0{3}[1-5]/`; all terms must hold.

    Upper and lower case are alike. Raises ValueError, saying which term, for a broken pattern or an unknown field.
    """
    tests = [_term(term) for term in query.split()]
    return lambda run: all(test(run) for test in tests)


def _term(term: str) -> Callable[[Mapping[str, str]], bool]:
    if term.startswith("!") and len(term) > 1:
        inner = _term(term[1:])
        return lambda run: not inner(run)
    field, colon, rest = term.partition(":")
    if colon and rest and field.isalpha():
        if field not in FIELDS:
            raise ValueError(f"no field {field!r}; there are {', '.join(FIELDS)}")
        test = _text(rest)
        return lambda run: test(run.get(field, ""))
    test = _text(term)
    return lambda run: any(test(value) for value in run.values())


def _text(term: str) -> Callable[[str], bool]:
    if len(term) > 2 and term[0] == term[-1] == "/":
        try:
            pattern = re.compile(term[1:-1], re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"{term} is no pattern: {error}") from None
        return lambda value: pattern.search(value) is not None
    word = term.casefold()
    return lambda value: word in value.casefold()
