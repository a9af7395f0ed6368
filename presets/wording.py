"""Validation errors of pydantic in the words of a preset file: dotted keys, plain reasons, what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ..engine.experiment import Experiment
from ..engine.misfits import Misfit, MisfitError
from .draft import Draft, Key
from .faults import Fault, did_you_mean, shown
from .listing import SECTIONS
from .merge import kinds

#: The sections whose keys depend on their kind, with the kind of a section that names none.
_USUAL = {"model": "mlp", "optimizer": "adam"}

_FORMS = {"device": '"auto", "cpu", "mps", "cuda" or "cuda:0"'}
_NOT = {
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "path_type": "must be text in quotes",
    "tuple_type": "must be a list in brackets",
    "finite_number": "must be a finite number",
    "model_type": "must be the name of a preset or a table of keys",
    "model_attributes_type": "must be the name of a preset or a table of keys",
}


def faults(error: ValidationError, draft: Draft) -> list[Fault]:
    """Turn every error into a fault with its key and where that key was set, in the order of the schema."""
    groups: dict[Key, list[dict[str, Any]]] = {}
    found: list[Fault] = []
    for detail in error.errors(include_url=False):
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, MisfitError):
            found += [_misfit(draft, one) for one in cause.found]
        else:
            groups.setdefault(_key(detail["loc"], detail["type"], draft.values), []).append(dict(detail))
    return [_fault(draft, key, _reason(key, details, draft)) for key, details in groups.items()] + found


def by_line(faults: list[Fault]) -> list[Fault]:
    """Order the faults: files as they come, each by line, then options."""
    files = list(dict.fromkeys(_place(fault)[0] for fault in faults))
    options = {name: name.startswith("--set") for name in files}

    def rank(fault: Fault) -> tuple[bool, int, int]:
        name, line = _place(fault)
        return options[name], files.index(name), line

    return sorted(faults, key=rank)


def _place(fault: Fault) -> tuple[str, int]:
    match = re.fullmatch(r"(.*):(\d+)", fault.where)
    return (match[1], int(match[2])) if match and not fault.where.startswith("--set") else (fault.where, 0)


def empty(draft: Draft) -> list[Fault]:
    """List the keys that options leave without a value and that need one, or do not exist; validation cannot see them.

    Most often a script did not set a variable: a default in its place would train something else than was meant.
    """
    fields = dict(_fields(draft))
    reasons = {
        key: _needed(key, fields[key]) if key in fields else f"unknown key{_meant(key, draft)}"
        for key in draft.unset
    }
    return [Fault(draft.unset[key], ".".join(key), reason) for key, reason in reasons.items() if reason]


def _needed(key: Key, field: FieldInfo) -> str:
    """Return why a key cannot be without a value; empty if it can."""
    if key == ("data", "target"):
        # Without one the last column is the target: nobody means that who names the key.
        return "is empty; name a column, or leave the option out"
    if field.default is None or field.default == "":
        return ""
    what = f"name a preset of {SECTIONS[key]}" if key in SECTIONS else "give it a value"
    return f"is empty; {what}, or leave the option out"


def _misfit(draft: Draft, misfit: Misfit) -> Fault:
    """Tell a misfit where the last of the keys that do not fit together was set: that is what brought it about."""
    keys = [tuple(key.split(".")) for key in (misfit.key, *misfit.others)]
    return Fault(draft.cause(keys), misfit.key, misfit.reason)


def _fault(draft: Draft, key: Key, reason: str) -> Fault:
    return Fault(draft.where(key), ".".join(shown_key(name) for name in key), reason)


def shown_key(name: str) -> str:
    """Write one part of a dotted key, in quotes if it is not bare."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name) else shown(name)


def _key(location: tuple[int | str, ...], error: str, values: Any) -> Key:
    """Take union tags and branch names out of pydantic's location; list entries count for their list."""
    parts = list(location)
    if len(parts) > 1 and parts[0] in _USUAL:
        del parts[1]
    key: list[str] = []
    for part in parts:
        if not isinstance(part, str) or not isinstance(values, dict) or part not in values:
            break
        key.append(part)
        values = values[part]
    if error.startswith("union_tag"):
        key.append("kind")
    return tuple(key)


def _reason(key: Key, details: list[dict[str, Any]], draft: Draft) -> str:
    detail, context = details[0], details[0].get("ctx", {})
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return f"unknown key{_meant(key, draft)}"
    if kind == "missing" and isinstance(detail["loc"][-1], int):
        return f"needs {detail['loc'][-1] + 1} values, not {shown(value)}"
    if kind in ("literal_error", "union_tag_invalid"):
        if kind == "union_tag_invalid":
            value = context["tag"]
        return f"must be {_choices(details)}, not {shown(value)}{_nearest(value, details)}"
    if len(details) > 1 and details[1]["type"] == "literal_error":
        return f"{_must(detail)}, or {_choices(details)}, not {shown(value)}{_nearest(value, details)}"
    if kind in ("model_type", "model_attributes_type") and key not in SECTIONS:
        name = f"; write {'.'.join(key)}.kind = {shown(value)}" if isinstance(value, str) else ""
        return f"must be a table of keys, not {shown(value)}{name}"
    if kind == "float_type" and isinstance(value, int) and not isinstance(value, bool):
        return "is too large for a number"
    entries = {_entry(detail): detail for detail in reversed(details)}
    if None in entries:
        return f"{_must(detail)}, not {shown(value)}"
    return "; ".join(
        f"entry {number} {_must(wrong)}, not {shown(wrong['input'])}"
        for number, wrong in reversed(entries.items())
    )


def _entry(detail: dict[str, Any]) -> int | None:
    """Return which entry of a list is wrong, counted from 1; None for no entry."""
    return next((place + 1 for place in detail["loc"] if isinstance(place, int)), None)


def _must(detail: dict[str, Any]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    match kind:
        case "greater_than":
            return f"must be greater than {_number(context['gt'])}"
        case "greater_than_equal":
            return f"must be at least {_number(context['ge'])}"
        case "less_than":
            return f"must be less than {_number(context['lt'])}"
        case "less_than_equal":
            return f"must be at most {_number(context['le'])}"
        case "string_pattern_mismatch":
            return f"must be {_FORMS.get(str(detail['loc'][-1]), context['pattern'])}"
        case "too_short":
            return f"needs at least {context['min_length']} value{'s' if context['min_length'] > 1 else ''}"
        case "too_long":
            return f"may have at most {context['max_length']} values"
        case "string_too_long":
            return f"may have at most {context['max_length']} characters"
        case _:
            return _NOT.get(kind) or detail["msg"].removeprefix("Value error, ")


def _number(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


def _expected(details: list[dict[str, Any]]) -> list[str]:
    """List the allowed words (as strings) or numbers of literals and union tags."""
    texts = [
        str(d["ctx"].get("expected") or d["ctx"].get("expected_tags") or "") for d in details if "ctx" in d
    ]
    return [word for text in texts for word in re.findall(r"'[^']*'|\d+", text)]


def _choices(details: list[dict[str, Any]]) -> str:
    words = [word.replace("'", '"') for word in _expected(details)]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _nearest(value: Any, details: list[dict[str, Any]]) -> str:
    return (
        did_you_mean(value, [word.strip("'") for word in _expected(details)])
        if isinstance(value, str)
        else ""
    )


def _meant(key: Key, draft: Draft) -> str:
    """Suggest a key of the same table, else the place where a key of that name (or nearly) belongs."""
    table, name = key[:-1], key[-1]
    every = list(_leaves(draft))
    here = [path[-1] for path in every if path[:-1] == table]
    fields = (
        {kind: list(known.model_fields) for kind, known in kinds(table[0]).items()} if len(table) == 1 else {}
    )
    of = " or ".join(f'"{kind}"' for kind, names in fields.items() if name in names)
    if of:
        return f"; it is a key of kind = {of}"
    hint = did_you_mean(name, here)
    if hint:
        return hint
    for kind, names in fields.items():
        close = get_close_matches(name, names, 1)
        if close:
            return f'; did you mean "{close[0]}", a key of kind = "{kind}"?'
    elsewhere = {".".join(path): path for path in every if path[-1] == name}
    if elsewhere:
        return f'; did you mean "{min(elsewhere, key=len)}"?'
    return f"; there are {', '.join(here)}" if here else ""


def _leaves(draft: Draft) -> Iterator[Key]:
    """Walk all keys of the schema, for unions those of the kind chosen."""
    return (key for key, _ in _fields(draft))


def _fields(draft: Draft) -> Iterator[tuple[Key, FieldInfo]]:
    """Walk all keys of the schema with what they may hold, for unions those of the kind chosen."""

    def walk(model: type[BaseModel], above: Key) -> Iterator[tuple[Key, FieldInfo]]:
        for name, info in model.model_fields.items():
            key, below = (*above, name), info.annotation
            yield key, info
            if not above and name in _USUAL:
                known, chosen = kinds(name), draft.get((name, "kind"))
                below = known[chosen if chosen in known else _USUAL[name]]
            if isinstance(below, type) and issubclass(below, BaseModel):
                yield from walk(below, key)

    yield from walk(Experiment, ())
