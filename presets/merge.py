"""Layers of values laid over one another: what a later layer changes, drops and keeps, and where each value came from.

The rules, in the order of surprise they avoid:

- A part preset replaces its whole section (`optimizer = "adam"` leaves nothing of the old optimizer), except
  in `training`, whose presets change only the keys they name: a schedule says nothing about the epochs. Another kind
  of schedule keeps the warm-up and drops the rest of the old one.
- A table changes only the keys it names.
- A new `kind` of model or optimizer keeps the keys that the new kind knows too, and drops the others.
- A new source of data drops what described the old one (path, target, task, examples, noise, description); another
  path in the place of a path, and nothing else of these, is the same data elsewhere.
- A new task drops the loss, and a monitored metric that the task does not have, unless the same layer sets them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from ..engine.data.names import FACTS, named_task
from ..engine.experiment import Experiment, Schedule
from ..engine.tasks import METRICS
from .draft import UNSET, Draft, Key, Layer, Origin
from .faults import Fault, PresetError, shown
from .listing import SECTIONS, find, none_of, section_values, valid_name
from .read import NOTES, Document, read

#: The keys that say which data: exactly one of them has a value.
SOURCES: tuple[Key, ...] = (("data", "name"), ("data", "path"))
_SOURCE = ("name", "path", "target", "task", "examples", "noise")


#: Tells where a key of a layer stands.
At = Callable[[Key], Origin]


def lay(draft: Draft, layer: Layer) -> None:
    """Lay a layer over a draft by the rules above; faults go to `draft.faults`."""

    def at(key: Key) -> Origin:
        return Origin(layer.at(key))

    before, source = _task(draft) if draft.values else None, _source(draft)
    moves = _moves(draft.get(("data",)), layer.values.get("data"))
    fresh = not draft.values
    for name, value in layer.values.items():
        if name in Experiment.PARTS:
            _section(draft, (name,), value, at)
        else:
            _change(draft, (name,), value, at)
    if not fresh and _source(draft) != source and not moves and "description" not in layer.values:
        draft.drop(("description",))
    if not fresh and _task(draft) != before:
        _follow_task(draft, layer)


def document_layer(document: Document) -> Layer:
    """Make a layer of a preset file; a relative data.path starts from the file's folder."""
    values = {
        key: value for key, value in document.values.items() if key not in NOTES or key == "description"
    }
    data = values.get("data")
    if isinstance(data, dict) and isinstance(data.get("path"), str):
        values["data"] = {**data, "path": absolute(data["path"], document.path.parent)}
    return Layer(values, document.at)


def absolute(path: str, folder: Path) -> str:
    """Make a path absolute, from a folder; `~` is the home folder. An empty one is none, and stays so."""
    if not path.strip():
        return ""
    try:
        return str(folder.absolute() / Path(path).expanduser())
    except RuntimeError:  # no home folder
        return str(folder.absolute() / path)


def _section(draft: Draft, key: Key, value: Any, at: At) -> None:
    if value is UNSET:
        _change(draft, key, value, at)
    elif isinstance(value, str):
        _pick(draft, key, value, at(key))
    elif isinstance(value, dict):
        changes = dict(value)
        if "preset" in changes:
            _pick(draft, key, changes.pop("preset"), at((*key, "preset")))
        _make_room(draft, key, changes)
        if draft.get(key) is None:
            draft.put(key, {}, at(key))
        for name, change in changes.items():
            if (*key, name) in SECTIONS:
                _section(draft, (*key, name), change, at)
            else:
                _change(draft, (*key, name), change, at)
    else:
        draft.put(key, value, at(key))


def _change(draft: Draft, key: Key, value: Any, at: At) -> None:
    if value is UNSET:
        draft.drop(key)
        draft.unset[key] = at(key).where
    elif isinstance(value, dict) and isinstance(draft.get(key), dict):
        for name, change in value.items():
            _change(draft, (*key, name), change, at)
    elif isinstance(value, dict):
        draft.put(key, {}, at(key))
        for name, change in value.items():
            _change(draft, (*key, name), change, at)
    else:
        draft.put(key, value, at(key))


def _pick(draft: Draft, key: Key, name: Any, origin: Origin) -> None:
    """Lay the part preset of that name over a section."""
    part, dotted, pick = SECTIONS[key], ".".join(key), origin.pick or origin.where
    short = name.removeprefix(f"{part}/") if isinstance(name, str) else ""
    if not valid_name(short):
        draft.faults.append(Fault(origin.where, dotted, f"{shown(name)} is not the name of a preset"))
        return
    preset = find(part, short)
    if preset is None:
        draft.faults.append(Fault(origin.where, dotted, none_of(part, short)))
        return
    try:
        document = read(preset.path)
        values = dict(section_values(document, part))
    except PresetError as error:
        draft.faults += error.faults
        return
    if part == "data" and isinstance(values.get("path"), str):
        values["path"] = absolute(values["path"], document.path.parent)
    schedule = values.get("schedule")
    if part != "training":
        draft.drop(key)
    elif isinstance(schedule, Mapping) and schedule.get("kind") not in (
        None,
        draft.get((*key, "schedule", "kind")),
    ):
        # What is left of the other schedule would do nothing; a warm-up goes with every kind.
        for name in Schedule.model_fields.keys() - {"kind", "warmup"}:
            draft.drop((*key, "schedule", name))
    if draft.get(key) is None:
        draft.put(key, {}, origin)

    def at(key: Key) -> Origin:
        return Origin(document.at(key), pick)

    for name, value in values.items():
        inner = (*key, name)
        if inner in SECTIONS:
            _section(draft, inner, value, at)
        else:
            _change(draft, inner, value, at)


def _make_room(draft: Draft, key: Key, changes: Mapping[str, Any]) -> None:
    """Drop what a new kind does not know, or what described the old source of data."""
    below = draft.get(key)
    if not isinstance(below, dict):
        return
    gone: set[str] = set()
    classes = kinds(key[0]) if len(key) == 1 else {}
    kind = changes.get("kind")
    if classes and isinstance(kind, str) and kind in classes and kind != below.get("kind"):
        gone = below.keys() - classes[kind].model_fields.keys()
        gone &= {name for known in classes.values() for name in known.model_fields}
    sources = [name for name in ("name", "path") if changes.get(name, UNSET) is not UNSET]
    if key == ("data",) and any(changes[name] != below.get(name) for name in sources):
        gone = set() if _moves(below, changes) else set(_SOURCE)
    for name in gone - changes.keys():
        draft.drop((*key, name))


def _moves(before: Any, changes: Any) -> bool:
    """Whether all that is said of the source of the data is another path."""
    return (
        isinstance(before, dict)
        and isinstance(changes, dict)
        and "path" in before
        and isinstance(changes.get("path"), str)
        and not changes.keys() & {"preset", *_SOURCE} - {"path"}
    )


def _follow_task(draft: Draft, layer: Layer) -> None:
    loss = layer.values.get("loss")
    if loss is None:
        draft.drop(("loss",))
    elif isinstance(loss, dict) and not {"kind", "preset"} & loss.keys():
        draft.drop(("loss", "kind"))
    stopping = layer.values.get("stopping")
    if isinstance(stopping, str) or (isinstance(stopping, dict) and {"monitor", "preset"} & stopping.keys()):
        return
    task = _task(draft)
    if task in METRICS and draft.get(("stopping", "monitor")) not in METRICS[task]:
        draft.drop(("stopping", "monitor"))
        draft.drop(("stopping", "mode"))


def _source(draft: Draft) -> tuple[Any, Any]:
    return draft.get(("data", "name")), draft.get(("data", "path"))


def _task(draft: Draft) -> str | None:
    """Name the task as far as the values tell; digits is the default data."""
    data = draft.get(("data",))
    if not isinstance(data, dict):
        data = {"name": "digits"}
    name = data.get("name")
    task = data.get("task")
    if isinstance(name, str) and name in FACTS:
        return named_task(name, task)
    return task if isinstance(task, str) else None


def kinds(section: str) -> dict[str, type[BaseModel]]:
    """Map each `kind` of a section that is a union (model, optimizer) to its class; empty for the others."""
    annotation = Experiment.model_fields[section].annotation
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in (Union, UnionType):
        return {}
    return {get_args(known.model_fields["kind"].annotation)[0]: known for known in get_args(annotation)}
