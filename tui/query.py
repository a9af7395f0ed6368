"""The filter language of lists: words, !words that must not occur, /patterns/, field:words, and numbers as lr:<0.01."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches

#: A line of a list: its fields by name, as text.
Fields = Mapping[str, str]

_FIELD = re.compile(r"([a-z][a-z0-9_.]*)([:=])(.+)", re.IGNORECASE)
_NUMBER = re.compile(r"(<=|>=|<|>|=|)([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)", re.IGNORECASE)
_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
#: Fields named in the complaint about one that is none.
_NAMED = 8


def wanted(
    query: str, fields: Collection[str], spoken: Collection[str] | None = None
) -> Callable[[Fields], bool]:
    """Return the test for a query such as `adam !diverged state:finished lr:<0.01 /0{3}[1-5]/`; all terms must hold.

    `fields` may be named; words without a field are looked for in those that are `spoken`, or in all. Upper and lower
    case are alike, numbers equal by value. Raises ValueError, saying which term, for a broken pattern or an unknown field.
    """
    tests = [_term(term, fields, spoken) for term in query.split() if term != "!"]
    return lambda line: all(test(line) for test in tests)


def _term(term: str, fields: Collection[str], spoken: Collection[str] | None) -> Callable[[Fields], bool]:
    if term.startswith("!"):
        inner = _term(term[1:], fields, spoken)
        return lambda line: not inner(line)
    named = _FIELD.fullmatch(term)
    # As a list tells it, lr=0.01 is the same as lr:0.01; another word with = in it is a word.
    if named is not None and (named[2] == ":" or named[1].casefold() in fields):
        field, rest = named[1].casefold(), named[3]
        if field not in fields:
            close = get_close_matches(field, fields, 1)
            known = [*fields][:_NAMED]
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            more = ", …" if not close and len(fields) > _NAMED else ""
            raise ValueError(f"no field {field!r}; {hint}{more}")
        test = _number(rest) or _text(rest)
        return lambda line: field in line and test(line[field])
    test = _text(term)
    if spoken is None:
        return lambda line: any(test(value) for value in line.values())
    return lambda line: any(test(line[field]) for field in spoken if field in line)


def _number(term: str) -> Callable[[str], bool] | None:
    found = _NUMBER.fullmatch(term)
    if found is None:
        return None
    compare, limit = _COMPARE.get(found[1], operator.eq), float(found[2])

    def test(value: str) -> bool:
        try:
            return compare(float(value), limit)
        except ValueError:  # a word that holds the digits, unless numbers were compared
            return not found[1] and found[2] in value

    return test


def _text(term: str) -> Callable[[str], bool]:
    if len(term) > 2 and term[0] == term[-1] == "/":
        try:
            pattern = re.compile(term[1:-1], re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"{term} is no pattern: {error}") from None
        return lambda value: pattern.search(value) is not None
    word = term.casefold()
    return lambda value: word in value.casefold()
