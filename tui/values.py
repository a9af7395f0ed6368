"""The values of experiments beside each other: in which they differ, and what was changed on the way."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

from ..engine.changes import flat, with_changes
from ..engine.errors import LaderaError
from ..engine.experiment import Experiment
from ..engine.history import History
from ..engine.store.directory import EXPERIMENT
from .text import clean, shorten, typed


@dataclass(frozen=True, slots=True)
class Change:
    """A value that a run took on later."""

    value: Any
    epoch: int


@dataclass(frozen=True, slots=True)
class Values:
    """The values of an experiment by dotted key, in words, and what was changed while it trained."""

    began: Mapping[str, str]
    changes: Mapping[str, Change]

    @classmethod
    def of(cls, plain: Mapping[str, Any], changes: Mapping[str, Change] | None = None) -> Values:
        """Take nested plain values; changes to what a value was anyway are none."""
        began = {key: typed(value) for key, value in flat(plain).items()}
        changes = {key: one for key, one in (changes or {}).items() if typed(one.value) != began.get(key)}
        return cls(began, changes)

    def now(self, key: str) -> str | None:
        """The value in force; None if the experiment has none of this name."""
        change = self.changes.get(key)
        return self.began.get(key) if change is None else typed(change.value)

    def all(self) -> dict[str, str]:
        """All values in force."""
        return {**self.began, **{key: typed(change.value) for key, change in self.changes.items()}}

    def told(self, keys: Iterable[str]) -> list[str]:
        """Those of some keys in words: `adam`, `lr=0.001`, and `lr=0.001→0.01 @19` for one that changed at epoch 19."""
        words: list[str] = []
        for key in keys:
            if (value := self.now(key)) is None:
                continue
            change = self.changes.get(key)
            if change is not None:
                value = f"{self.began.get(key, 'none')}→{value} @{change.epoch}"
            words.append(clean(value if is_kind(key) else f"{key.split('.')[-1]}={value}", 60))
        return words


def in_force(experiment: Experiment, changes: Mapping[str, Change]) -> Experiment:
    """The experiment with the changes; as it began, if this version does not know them."""
    wanted = {key: change.value for key, change in changes.items()}
    try:
        return Experiment.model_validate(with_changes(experiment.plain(), wanted))
    except (LaderaError, ValueError):
        return experiment


def live_changes(history: History, before: float = math.inf) -> dict[str, Change]:
    """What commands and a going-on with other values made of a run's values up to an epoch's end, the last of each."""
    return {turn.key: Change(turn.value, turn.epoch) for turn in history.turns(before)}


def train_again(history: History, directory: str) -> str:
    """The shell command that trains what a run's experiment.toml holds, and in a comment whether that is another run."""
    command = shlex.join(["ladera", "run", f"{directory}/{EXPERIMENT}"])
    # Going on with other values writes the file; a command does not.
    written = max((event.time for event in history.resumes if event.changes), default=-1.0)
    changed = any(
        event.command == "set" and not event.error and event.time >= written for event in history.commands
    )
    return f"{command}  # without what was changed while it trained" if changed else command


def differing(values: Sequence[Values]) -> list[str]:
    """The keys that had different values in experiments that have them, or in one over time; kinds first.

    What only one kind has is told by the kind.
    """
    words: dict[str, str] = {}
    found: dict[str, None] = {}
    for one in values:
        for key, value in one.began.items():
            if words.setdefault(key, value) != value:
                found[key] = None
        found |= dict.fromkeys(one.changes)
    found.pop("description", None)
    if "stopping.monitor" in found:  # of each monitor one direction is the better one
        found.pop("stopping.mode", None)
    # In the order in which an experiment has them, not in which they were found to differ.
    order = {key: place for place, key in enumerate(words)}
    return sorted(found, key=lambda key: (not is_kind(key), order.get(key, len(order))))


def is_kind(key: str) -> bool:
    """Whether a value says by itself what it is the value of."""
    return key.endswith(".kind") or key == "data.name"


def in_cells(words: Sequence[str], width: int) -> str:
    """Those of the words that fit into so many cells, in their order, with an ellipsis for the others."""
    line = " ".join(words)
    if cell_len(line) <= width:
        return line
    room = width - 2
    kept: list[str] = []
    for one in words:
        if cell_len(one) <= room - bool(kept):
            room -= cell_len(one) + bool(kept)
            kept.append(one)
    return " ".join([*kept, "…"]) if kept else shorten(line, width)
