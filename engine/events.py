"""What happens in a run, as frozen records of plain values; the log, the screen and the tests all read these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

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
