"""What happens in a run, as frozen records of plain values; the log, the screen and the tests all read these.

On disk each is one line of strict JSON: `event` (its name), `time` (seconds of training so far) and its fields; a
diagnosis and a command have their own name there as `name`. Non-finite numbers are the strings "nan", "inf" and "-inf".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, TypeAlias

from .strict_json import encoder, numbers, strict

#: The attribute's name on disk, where it is another: in Python `name` is the event's own.
_NAME = {"on_disk": "name"}

#: What was measured, by name; any number in it may be NaN or infinite, which the log keeps as text.
Measured: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a run."""

    name: ClassVar[str] = "event"
    #: False for answers to a viewer's question, which are no part of what the run did.
    recorded: ClassVar[bool] = True

    time: float = 0.0
    "Seconds of training so far, pauses left out, by a monotonic clock; a resumed run goes on from its checkpoint's time."


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """The first event: what is about to be trained."""

    name: ClassVar[str] = "run_started"

    experiment: Mapping[str, Any]
    "The complete experiment as plain values."
    parameters: int
    "How many numbers are trained."
    layers: tuple[str, ...] = ()
    "The layers in order, in words."
    task: str
    classes: tuple[str, ...] = ()
    target: str = ""
    "Name of what is predicted."
    shape: tuple[int, ...] = ()
    "Shape of one example."
    sizes: Mapping[str, int]
    "Examples in train, validation and test."
    steps_per_epoch: int
    chance: float | None = None
    "Loss, in the unit shown, of always giving the best constant answer: the training class shares or mean target."
    source: str = ""
    "Where the data come from, in words."
    notes: tuple[str, ...] = ()
    "What the reader should know of the data and the choices: warnings and rules applied."
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 1
    data_digest: str = ""
    parent: Mapping[str, Any] = field(default_factory=dict)
    "The run and the epoch {run, epoch} that this one branched from; empty for a run from the start."
    again: bool = False
    "Told once more for a log that lacks it: nothing begins, and what came before stays."


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsEnded(Event):
    """Some updates were made; the step numbers at which this is told follow from the experiment alone."""

    name: ClassVar[str] = "steps_ended"

    epoch: int
    step: int
    loss: float
    "Mean of the batch losses since the last such event, without the penalty, in training mode."
    low: float
    high: float
    "Smallest and largest of them, so that no spike is lost."


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnded(Event):
    """Every training example was seen once more."""

    name: ClassVar[str] = "epoch_ended"

    epoch: int
    step: int
    train: Measured
    "loss (data loss, evaluation mode, at the epoch's end), penalty in its unit, metrics, and batches {mean, low, high} of the batch losses."
    validation: Measured | None
    "loss and metrics, measured the same way; None where this epoch has no check."
    lr: float
    "Learning rate of the last step."
    seconds: float
    "Duration of the epoch with its evaluations."
    examples_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Event):
    """Early stopping read a validation value."""

    name: ClassVar[str] = "checked"

    epoch: int
    value: float
    best: float | None
    best_epoch: int | None
    reference: float | None = None
    "The value that must be beaten by more than min_delta; it moves only on a counted improvement."
    wait: int
    patience: int
    verdict: str
    "improved, waiting or stop."


@dataclass(frozen=True, slots=True, kw_only=True)
class LayersProbed(Event):
    """How the layers are doing, measured on the same training examples at epochs 0, 1, 2, 4, 8, …"""

    name: ClassVar[str] = "layers_probed"

    epoch: int
    step: int
    layers_health: tuple[Measured, ...]
    "One mapping per activation layer, first to last; see probes.layer_health."


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosed(Event):
    """A finding about the run, with its evidence and a next step."""

    name: ClassVar[str] = "diagnosed"

    finding: str = field(metadata=_NAME)
    "Stable name, for example overfit."
    text: str
    "One or two sentences: what is seen and what to try."
    evidence: Measured = field(default_factory=dict)
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTaken(Event):
    """A command took effect, at a step boundary."""

    name: ClassVar[str] = "command"

    command: str = field(metadata=_NAME)
    value: Any = None
    epoch: int = 0
    step: int = 0
    error: str = ""
    "Why the command was refused; empty if it was obeyed."


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved(Event):
    """The complete state of the training was saved."""

    name: ClassVar[str] = "checkpoint_saved"

    epoch: int
    step: int
    path: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFailed(Event):
    """Something could not be written; training goes on."""

    name: ClassVar[str] = "storage_failed"

    what: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Event):
    """The run goes on from a checkpoint; records of later steps than this are superseded."""

    name: ClassVar[str] = "resumed"

    epoch: int
    step: int
    changes: Mapping[str, Any] = field(default_factory=dict)
    "Keys that differ from the run's earlier experiment: {key: [old, new]}."
    notes: tuple[str, ...] = ()
    "What the reader should know of it: checkpoints that are damaged and were passed over."


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed(Event):
    """The answer to a viewer's question about the network as it is now."""

    name: ClassVar[str] = "probed"
    recorded: ClassVar[bool] = False

    probe: str
    step: int
    answer: Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedAt(Event):
    """For viewers: a pause has taken effect; the reports of steps stay where an undisturbed run has them."""

    name: ClassVar[str] = "paused_at"
    recorded: ClassVar[bool] = False

    epoch: int
    "The epoch in progress."
    step: int
    loss: float
    "Batch loss of that step, NaN before the first."


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """The last event."""

    name: ClassVar[str] = "run_ended"

    reason: str
    "finished, stopped_early, stopped, diverged or failed."
    epoch: int = 0
    step: int = 0
    best_epoch: int | None = None
    restored_epoch: int | None = None
    "Epoch whose weights are the final ones; None if they are those of the last step."
    test: Measured | None = None
    "loss and metrics of the final weights on the test part; None if the run has none to give."
    weights: Measured = field(default_factory=dict)
    "Of a run with a penalty, for the final weights: penalty, zeros and small (shares), inputs, unused_inputs and unused (names)."
    seconds: float = 0.0
    "Time spent training, without pauses."
    detail: str = ""
    "For people: why it ended."
    interrupted_by: str = ""
    "What stopped a run that is to go on later, such as SIGTERM; empty for every other end."


EVENTS: dict[str, type[Event]] = {
    kind.name: kind
    for kind in (
        RunStarted, StepsEnded, EpochEnded, Checked, LayersProbed, Diagnosed, CommandTaken, CheckpointSaved, StorageFailed, Resumed,
        Probed, PausedAt, RunEnded,
    )
}  # fmt: skip


def to_plain(event: Event) -> dict[str, Any]:
    """Return the event as a mapping ready for strict JSON."""
    values = {key: strict(getattr(event, name)) for name, key in _keys(type(event))}
    return {"event": event.name, "time": round(event.time, 6), **values}


_ENCODER = encoder()


@cache
def _keys(kind: type[Event]) -> tuple[tuple[str, str], ...]:
    """List (attribute, key on disk) of all fields but the time."""
    return tuple(
        (item.name, item.metadata.get("on_disk", item.name)) for item in fields(kind) if item.name != "time"
    )


@cache
def _attributes(kind: type[Event]) -> Mapping[str, str]:
    """Map each key that a line may have to the attribute that it fills."""
    return {"time": "time"} | {key: name for name, own in _keys(kind) for key in (name, own)}


def to_line(event: Event) -> str:
    """Return the event as one line of strict JSON, without the line's end."""
    values = {"event": event.name, "time": round(event.time, 6)}
    for name, key in _keys(type(event)):
        values[key] = getattr(event, name)
    try:
        return _ENCODER.encode(values)
    except (TypeError, ValueError):  # a number that is not finite, or a mapping that is no dict
        return _ENCODER.encode(to_plain(event))


def from_plain(values: Mapping[str, Any]) -> Event:
    """Build an event from a mapping read from JSON.

    Fields of a newer version are passed over, and the attribute's name is read as well as the one on disk; raises
    ValueError if the event is unknown, lacks a field, or has one of another type.
    """
    kind = EVENTS.get(values.get("event", ""))
    if kind is None:
        raise ValueError(f"no event {values.get('event')!r}")
    types, numeric, names = _types(kind), _numeric(kind), _attributes(kind)
    read = {names[key]: _read(value, names[key] in numeric) for key, value in values.items() if key in names}
    for name, value in read.items():
        if not _fits(value, types[name]) or (
            name in _PARTS and value is not None and not _is_measured(value)
        ):
            raise ValueError(f"{kind.name}: {name} is of another type")
    try:
        return kind(**read)
    except TypeError as error:
        raise ValueError(f"incomplete event {kind.name}: {error}") from None


@cache
def _numeric(kind: type[Event]) -> frozenset[str]:
    """Fields in which "nan" is a number; elsewhere it may be somebody's class name."""
    return frozenset(
        item.name for item in fields(kind) if "float" in str(item.type) or "Measured" in str(item.type)
    )


#: Fields that hold what was measured on a part of the data.
_PARTS = ("train", "validation", "test")
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "str": (str,), "bool": (bool,), "None": (type(None),),
    "tuple": (tuple,), "Mapping": (Mapping,), "Measured": (Mapping,), "Any": (object,),
}  # fmt: skip


@cache
def _types(kind: type[Event]) -> dict[str, tuple[type, ...]]:
    """What each field may hold, by its annotation."""
    return {
        item.name: tuple(
            one for name in str(item.type).split(" | ") for one in _TYPES[name.split("[")[0].strip()]
        )
        for item in fields(kind)
    }


def _fits(value: Any, types: tuple[type, ...]) -> bool:
    if isinstance(value, bool):
        return bool in types or object in types
    # An integer beyond the largest float is no measure and no count.
    return isinstance(value, types) and not (isinstance(value, int) and abs(value) > 1 << 62)


def _is_measured(value: Any) -> bool:
    metrics = value.get("metrics", {})
    numbers = (value.get("loss"), *(metrics.values() if isinstance(metrics, Mapping) else (None,)))
    return all(_fits(number, (int, float)) for number in numbers)


def _read(value: Any, numeric: bool) -> Any:
    if numeric:
        return numbers(value)
    return tuple(value) if isinstance(value, list) else value
