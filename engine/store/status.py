"""status.json: how a run is doing, small enough to read for thousands of runs at once."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeAlias

from ..controls import COMMANDS
from ..events import (
    Checked,
    CheckpointSaved,
    CommandTaken,
    EpochEnded,
    Event,
    Measured,
    Resumed,
    RunEnded,
    RunStarted,
    StepsEnded,
    StorageFailed,
)
from ..strict_json import encoder, numbers, strict
from . import atomic
from .process import Process
from .reading import read_regular

NAME = "status.json"
#: Seconds without a sign of life after which a run whose process cannot be seen counts as dead.
SILENCE = 60.0
#: Seconds without an event after which a run whose process lives counts as stalled.
STALL = 120.0

_MOST_CHANGES = 100
#: Seconds since 1970.
Moment: TypeAlias = float
#: One of STATES.
State: TypeAlias = str

STATES = (
    "waiting", "training", "paused", "finished", "stopped_early", "stopped", "diverged", "failed",
)  # fmt: skip

#: Bytes of a status.json; a larger file is none.
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the owner of a run last said of it; times are labels only."""

    state: State = "waiting"
    "training, paused, or the reason of the end: finished, stopped_early, stopped, diverged, failed."
    detail: str = ""
    "Why it ended, for people."
    exit_code: int | None = None
    "0 finished, stopped early or on request; 3 failed; 4 diverged; 130, 143 by a signal; None while it runs."
    description: str = ""
    process: Mapping[str, Any] = field(default_factory=dict)
    started: Moment = 0.0
    heartbeat: Moment = 0.0
    "When the process last wrote this."
    progressed: Moment = 0.0
    "When the last event came."
    ended: Moment | None = None
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    monitor: str = "loss"
    changes: tuple[Mapping[str, Any], ...] = ()
    "Values of the experiment that were changed since it began, oldest first: each {key, value, epoch, step}."
    best_epoch: int | None = None
    best_value: float | None = None
    train: Measured | None = None
    "loss and metrics of the last epoch."
    validation: Measured | None = None
    test: Measured | None = None
    checkpoint: str | None = None
    storage: str | None = None
    "What cannot be written now; None while all is well."
    unwritten: int = 0
    "Records that are not in the log because of it."

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, with what is asked for most on top: reason, pid and host."""
        ended = self.state not in ("waiting", "training", "paused")
        top = {"reason": self.state if ended else None} | {
            key: self.process.get(key) for key in ("pid", "host")
        }
        return top | asdict(self)

    def owner_alive(self) -> bool | None:
        """Tell whether the process that wrote this lives; None if nothing is known of it."""
        process = Process.of(self.process)
        if process is None:
            return None
        alive = process.alive()
        return alive if alive is not None else time.time() - self.heartbeat < SILENCE

    def state_now(self) -> str:
        """Return the state, or crashed or stalled where the file still says that the run goes on."""
        if self.state not in ("waiting", "training", "paused"):
            return self.state
        if not self.owner_alive():
            return "crashed"
        if self.state == "training" and time.time() - self.progressed > STALL:
            return "stalled"
        return self.state


def after(status: Status, event: Event, now: float) -> Status:
    """Return the status after one more event."""
    match event:
        case StepsEnded():
            return replace(status, progressed=now, epoch=event.epoch - 1, step=event.step)
        case EpochEnded():
            validation = status.validation if event.validation is None else _measured(event.validation)
            return replace(
                status, progressed=now, epoch=event.epoch, step=event.step,
                train=_measured(event.train), validation=validation,
            )  # fmt: skip
        case Checked():
            return replace(status, progressed=now, best_epoch=event.best_epoch, best_value=event.best)
        case RunStarted():
            if not event.again:
                status = Status(state="training", process=status.process, started=status.started)
            return described(replace(status, progressed=now), event.experiment)
        case Resumed():
            epochs = event.changes.get("training.epochs", (None, status.epochs))[1]
            # What was changed after the checkpoint is superseded like everything else that came after it.
            kept = tuple(change for change in status.changes if change["step"] <= event.step)
            for key, (_, value) in event.changes.items():
                kept = _changed(kept, key, value, event)
            return replace(
                status, state="training", detail="", exit_code=None, ended=None, progressed=now,
                epoch=event.epoch, step=event.step, epochs=epochs, test=None, changes=kept,
            )  # fmt: skip
        case CommandTaken():
            return replace(_commanded(status, event), progressed=now)
        case CheckpointSaved():
            return replace(status, progressed=now, checkpoint=event.path, storage=None)
        case StorageFailed():
            return replace(status, progressed=now, storage=f"{event.what}: {event.error}")
        case RunEnded():
            return replace(
                status, state=event.reason, detail=event.detail, progressed=now, ended=now, epoch=event.epoch,
                step=event.step, best_epoch=event.best_epoch, test=None if event.test is None else _measured(event.test),
                exit_code=exit_code(event),
            )  # fmt: skip
        case _:
            return replace(status, progressed=now)


def described(status: Status, experiment: Mapping[str, Any]) -> Status:
    """Return the status with what an experiment says."""
    return replace(
        status, description=str(experiment.get("description", "")), epochs=experiment["training"]["epochs"],
        monitor=experiment["stopping"]["monitor"],
    )  # fmt: skip


def exit_code(event: RunEnded) -> int:
    """Return the exit code of a run that ended so."""
    if event.reason == "stopped":
        return {"SIGINT": 130, "SIGTERM": 143}.get(event.interrupted_by, 0)
    return {"failed": 3, "diverged": 4}.get(event.reason, 0)


def _commanded(status: Status, event: CommandTaken) -> Status:
    if event.error:
        return status
    kind = COMMANDS.get(event.command)
    if event.command == "pause" or (kind is not None and kind.ends_pause):
        return replace(status, state="paused" if event.command == "pause" else "training")
    if event.command != "set":
        return status
    key, value = event.value["key"], event.value["value"]
    epochs = value if key == "training.epochs" else status.epochs
    return replace(status, epochs=epochs, changes=_changed(status.changes, key, value, event))


def _changed(
    changes: tuple[Mapping[str, Any], ...], key: str, value: Any, event: CommandTaken | Resumed
) -> tuple[Mapping[str, Any], ...]:
    changes = (*changes, {"key": key, "value": value, "epoch": event.epoch, "step": event.step})
    if len(changes) <= _MOST_CHANGES:
        return changes
    # A script may change a value at every step; of each the last one matters.
    return tuple({change["key"]: change for change in changes}.values())


def _measured(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"loss": part["loss"], "metrics": dict(part.get("metrics", {}))}


def write_status(directory: Path, status: Status, *, durable: bool) -> None:
    """Replace a run's status.json; on a full disk overwrite it. Raises OSError."""
    text = encoder(indent=1).encode(strict({"format": 1, **status.plain()}))
    data = text.encode("utf-8", "surrogatepass") + b"\n"
    try:
        atomic.replace(directory / NAME, data, durable=durable)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        # A full disk is what readers need to be told of most.
        atomic.overwrite(directory / NAME, data)


def read_status(directory: Path) -> Status:
    """Read a run's status.json; of one that is missing or damaged whatever cannot be read has its default."""
    return parse_status(_content(directory)) or Status()


def _content(directory: Path) -> bytes:
    try:
        return read_regular(directory / NAME, LARGEST)
    except OSError:
        return b""


def parse_status(data: bytes) -> Status | None:
    """Return the status in a file's bytes, None if they hold none."""
    try:
        values = json.loads(data)
        ours = isinstance(values, dict) and values.get("format", 1) == 1
        known = _known(values) if ours else None
    except (ValueError, OverflowError, RecursionError):
        return None
    return None if known is None else Status(**known)


def _known(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields that are there; None if one of them is not what it has to be."""
    known: dict[str, Any] = {}
    for name, (kind, fits) in _FIELDS.items():
        if name not in values:
            continue
        value = values[name]
        if kind not in ("str", "State"):
            value = numbers(value)
            if name == "changes" and isinstance(value, tuple):
                value = tuple(filter(_is_change, value))
            if kind in ("float", "Moment") and type(value) is int:
                value = float(value)
        if not any(one(value) for one in fits):
            return None
        known[name] = value
    return known


def well_formed(status: Status) -> bool:
    """Tell whether every field is of its type and in its range: of one made from somebody's log it may not be."""
    return all(any(one(getattr(status, name)) for one in fits) for name, (_, fits) in _FIELDS.items())


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_measured(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    metrics = value.get("metrics", {})
    return (
        _is_number(value.get("loss"))
        and isinstance(metrics, Mapping)
        and all(map(_is_number, metrics.values()))
    )


def _is_change(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("key"), str)
        and "value" in value
        and all(type(value.get(name)) is int for name in ("epoch", "step"))
    )


#: What a field holds, by the name of its type. Counts and times are bounded so that sums and shares of them are numbers.
_FITS: dict[str, Callable[[Any], bool]] = {
    "State": lambda value: value in STATES,
    "str": lambda value: isinstance(value, str),
    "int": lambda value: type(value) is int and 0 <= value < 1 << 53,
    "float": _is_number,
    "Moment": lambda value: type(value) is float and 0 <= value < 1e11,
    "Mapping[str, Any]": lambda value: isinstance(value, Mapping),
    "Measured": _is_measured,
    "tuple[Mapping[str, Any], ...]": lambda value: isinstance(value, tuple) and all(map(_is_change, value)),
    "None": lambda value: value is None,
}
_FIELDS = {
    item.name: (kinds[0], [_FITS[kind] for kind in kinds])
    for item in fields(Status)
    if (kinds := str(item.type).split(" | "))
}
