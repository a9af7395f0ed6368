"""A run's events as lines of text: what each says, and which are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.changes import flat
from ..engine.event_lines import to_plain
from ..engine.events import (
    Checked,
    CheckpointSaved,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    LayersProbed,
    Resumed,
    RunEnded,
    RunStarted,
    StepsEnded,
    StorageFailed,
)
from .progress import measured, remark, title
from .query import wanted as query_wanted
from .text import clean, count, duration, number

#: How much is told, and which events are left out.
LEVELS: dict[str, frozenset[str]] = {
    "all but steps": frozenset({"steps_ended"}),
    "events only": frozenset({"steps_ended", "epoch_ended", "checked", "layers_probed"}),
    "everything": frozenset(),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line."""

    time: float
    "Seconds since the run began."
    kind: str
    "What happened, in a word that a filter can name."
    text: str
    trouble: bool = False
    epoch: int | None = None
    "Epoch it is about, if it is about one."

    @property
    def plain(self) -> str:
        """The line as text."""
        epoch = "" if self.epoch is None else str(self.epoch)
        return f"{clock(self.time)} {epoch:>5} {self.kind:<10} {self.text}"


def clock(seconds: float) -> str:
    """Seconds since the run began: "00:41.3", and from an hour on without tenths."""
    if not math.isfinite(seconds) or seconds < 0:
        return "  --:--"
    text = duration(seconds)
    return (text if seconds >= 3600 else f"{text}.{int(seconds * 10) % 10}").rjust(7)


def entries(event: Event, monitor: str = "loss", changed: str = "") -> list[Entry]:
    """Return the lines of an event; `monitor` is what early stopping reads, `changed` what is new in this run."""
    words = remark(event)
    match event:
        case RunStarted():
            found = _started(event) + ([("changed", changed, False)] if changed else [])
        case StepsEnded():
            text = f"step {event.step:,}: batch loss {_number(event.loss)} ({_number(event.low)} to {_number(event.high)})"
            found = [("steps", text, not math.isfinite(event.loss + event.low + event.high))]
        case EpochEnded():
            found = [("epoch", *_epoch(event))]
        case Checked():
            found = [("check", _check(event, monitor), not math.isfinite(event.value))]
        case LayersProbed():
            found = [("layers", _layers(event), False)]
        case Diagnosed():
            found = [("finding", clean(event.text, 600), False)]
        case CommandTaken():
            where = f"step {event.step:,}"
            value = "" if event.value is None else f" {event.value}"
            found = [
                ("command", f"{words or clean(event.command + value, 300)} ({where})", bool(event.error))
            ]
        case CheckpointSaved():
            text = f"step {event.step:,}: {clean(Path(event.path).name)} in {event.seconds:.2f} s"
            found = [("checkpoint", text, False)]
        case StorageFailed():
            found = [("storage", words, True)]
        case Resumed():
            found = [("resumed", words, False), *_notes(event)]
        case RunEnded():
            found = _ended(event)
        case _:
            found = [(event.name, "", False)]
    epoch = getattr(event, "epoch", None)
    epoch = epoch if isinstance(epoch, int) else None
    return [Entry(event.time, kind, _harmless(text), trouble, epoch) for kind, text, trouble in found]


_Found = tuple[str, str, bool]


def _harmless(text: str) -> str:
    """A log may be anybody's, its words and even its numbers; ordinary text keeps its columns."""
    return text if text.replace("²", "").isascii() and text.isprintable() else clean(text, 2000)


def _number(value: float) -> str:
    return number(value).strip()


def _started(event: RunStarted) -> list[_Found]:
    sizes = event.sizes
    text = (
        f"{clean(event.source, 100)}; {clean(' · '.join(event.layers), 300)}; {event.parameters:,} parameters; "
        f"{sizes['train']:,} train, {sizes['validation']:,} validation, {sizes['test']:,} test examples; "
        f"{event.device}, {event.threads} thread{'s' * (event.threads != 1)}"
    )
    found: list[_Found] = [("started", text, False)]
    if event.parent:
        run, epoch = clean(str(event.parent.get("run", "?"))), event.parent.get("epoch", "?")
        found.append(("branch", f"of {run} at epoch {epoch}", False))
    return found + _notes(event)


def _notes(event: RunStarted | Resumed) -> list[_Found]:
    return [("note", clean(note, 600), False) for note in event.notes]


def _epoch(event: EpochEnded) -> tuple[str, bool]:
    train, validation = event.train, event.validation
    losses = [train["loss"], *([validation["loss"]] if validation is not None else [])]
    parts = [f"train {number(train['loss'])}"]
    if validation is not None:
        parts.append(f"validation {number(validation['loss'])}")
        parts += _metrics(validation)
    parts += [
        f"lr {event.lr:g}", f"{event.seconds:.2f} s", f"{count(round(event.examples_per_second))} examples/s"
    ]  # fmt: skip
    wrong = not all(math.isfinite(loss) for loss in losses)
    return ("not finite: " if wrong else "") + "  ".join(parts), wrong


def _metrics(part: Mapping[str, Any]) -> list[str]:
    return [f"{title(name)} {measured(name, value)}" for name, value in part.get("metrics", {}).items()]


def _check(event: Checked, monitor: str) -> str:
    best = (
        f"best {measured(monitor, event.best)} at epoch {event.best_epoch}"
        if event.best is not None
        else "no best yet"
    )
    told = {
        "improved": "improved",
        # With early stopping off the count goes on beyond patience.
        "waiting": f"no improvement, {event.wait}{f' of {event.patience}' * (event.wait <= event.patience)} checks",
        "stop": f"early stopping ends the run: no improvement in {event.wait} checks",
    }
    return f"{told.get(event.verdict, clean(event.verdict))}; {best}"


def _layers(event: LayersProbed) -> str:
    parts = [
        f"{clean(str(layer.get('name', '?')), 30)} dead {layer.get('dead', 0.0):.0%} saturated {layer.get('saturated', 0.0):.0%}"
        for layer in event.layers_health
    ]
    return f"{', '.join(parts) or 'no layer with an activation'}"


def _ended(event: RunEnded) -> list[_Found]:
    text = f"{event.reason.replace('_', ' ')} at step {event.step:,}"
    text += f": {clean(event.detail, 600)}" if event.detail else ""
    if event.restored_epoch is not None:
        text += f"; the weights of epoch {event.restored_epoch} are the final ones"
    text += f"; {duration(event.seconds)} of training"
    found: list[_Found] = [("ended", text, event.reason in ("diverged", "failed"))]
    if event.test:
        parts = [f"loss {_number(event.test['loss'])}", *_metrics(event.test)]
        found.append(("test", "  ".join(parts), False))
    return found


#: What a filter may name.
FIELDS = ("kind", "epoch", "time", "text")


def record(event: Event) -> str:
    """The whole of an event: its fields, one a line."""
    values = flat(to_plain(event))
    wide = min(32, max(map(len, values)))
    return "\n".join(f"{clean(key):<{wide}}  {clean(_said(value), 20_000)}" for key, value in values.items())


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_said, value)) or "none"
    return str(value) if value not in (None, "", {}) else "none"


def wanted(query: str) -> Callable[[Entry], bool]:
    """Return the test for a query, as in `query.wanted`. Raises ValueError for a broken one."""
    test = query_wanted(query, FIELDS)

    def matches(entry: Entry) -> bool:
        epoch = "" if entry.epoch is None else str(entry.epoch)
        return test({"kind": entry.kind, "epoch": epoch, "time": clock(entry.time), "text": entry.text})

    return matches
