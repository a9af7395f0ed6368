"""The state of a run at the end of any epoch: read from a checkpoint, or reached by training again up to there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from torch import Tensor

from ..branching import Branch, Retrace, Ring
from ..changes import LIVE, with_changes
from ..controls import Controls
from ..errors import InputError, StoreError
from ..events import CommandTaken, EpochEnded, RunEnded
from ..experiment import Experiment
from ..history import History, Turn
from ..loop import run
from . import checkpoints
from .directory import refuse_name
from .load import begun_with, load_history


def reach(wanted: Retrace, controls: Controls, say: Callable[[str], None]) -> Branch:
    """Return the state that is wanted; `say` is told how far it is.

    Where no checkpoint is from that epoch, the run is trained again with the values that it had, from the newest earlier
    one, from where it branched off, or from its start: on a CPU that gives the same state bit for bit, and a note tells
    whether it did. Raises StoreError or InputError: there is no way to the state, or `controls` ask for an end.
    """
    directory, epoch = wanted.directory, wanted.epoch
    history = load_history(directory)
    if history.started is None:
        raise StoreError(f"{directory.name} has no first record: there is no state of it to start from")
    start = _nearest(directory, history, epoch, controls, say)
    if start is None or start.parent != {"run": directory.name, "epoch": epoch}:
        start = _trained(directory, history, epoch, start, controls, say)
    return start


def _nearest(
    directory: Path, history: History, epoch: int, controls: Controls, say: Callable[[str], None]
) -> Branch | None:
    """The newest kept state not after an epoch, else the one that the run branched off; None for a start from scratch."""
    try:
        return checkpoints.branch(directory, epoch)
    except StoreError:
        parent = history.started.parent if history.started else {}
    if not parent:
        return None
    name, since = str(parent.get("run", "")), int(parent.get("epoch", 0))
    refuse_name(name)
    place = directory.with_name(name)
    if not place.is_dir() or place == directory:
        raise StoreError(
            f"no state of {directory.name} from before epoch {epoch} is kept, and {name}, from which it branched off, is gone"
        )
    return reach(Retrace(place, since), controls, say)


def _trained(
    directory: Path,
    history: History,
    epoch: int,
    start: Branch | None,
    controls: Controls,
    say: Callable[[str], None],
) -> Branch:
    """Train again up to the end of an epoch, each value changed at the step at which it was."""
    name = directory.name
    step = 0 if start is None else int(start.plain["training"]["step"])
    experiment, later = _values(directory, history, history.turns(epoch), step)
    ring, replay = _Only(epoch), Controls()
    turns = deque((at, list(same)) for at, same in groupby(later, key=lambda turn: turn.step))

    def go_on(at: int) -> None:
        """Set what was set at this step, and pause at the next one of which there is something to set."""
        while turns and turns[0][0] <= at:
            for turn in turns.popleft()[1]:
                replay.set(turn.key, turn.value)
        if turns:
            replay.step(turns[0][0] - at)
        else:
            replay.resume()

    go_on(step + 1)  # the first step after which a command is taken
    loss, detail = None, ""
    say(f"trains {name} again:\nto epoch {epoch}")
    for event in run(experiment, replay, checkpoint=start, ring=ring):
        if isinstance(event, EpochEnded):
            loss = event.train["loss"]
            say(f"trains {name} again:\nepoch {event.epoch} of {epoch}")
        elif isinstance(event, CommandTaken) and event.command == "pause":
            go_on(event.step)
        elif isinstance(event, RunEnded):
            detail = event.detail
        if controls.leaving or ring.epochs:
            replay.abandon()
    if controls.leaving:
        raise StoreError(f"stopped while {name} was trained again up to epoch {epoch}")
    branch = ring.branch(name, epoch)
    if branch is None:
        raise StoreError(f"trained again, {name} does not come to the end of epoch {epoch}: {detail}")
    since = f"epoch {start.parent['epoch']}" if start else "its start"
    return replace(branch, notes=(_compared(name, epoch, since, history, loss),))


def _values(directory: Path, history: History, turns: list[Turn], step: int) -> tuple[Experiment, list[Turn]]:
    """The experiment as it was at a step, without an end of its own, and what was set later."""
    begun = begun_with(directory, history).plain()
    now = {turn.key: turn.value for turn in turns if turn.step <= step or turn.key not in LIVE}
    late = [turn for turn in turns if turn.step > step and turn.key.startswith("training.schedule.")]
    if late:
        raise InputError(
            f"the schedule of {directory.name} was changed when it went on at epoch {late[0].epoch}, which cannot be "
            f"done again: branch from an epoch up to {late[0].epoch}"
        )
    # What early stopping thinks is nothing that a branch takes over; off, it cannot end the way to the state.
    experiment = Experiment.model_validate(with_changes(begun, {**now, "stopping.enabled": False}))
    later = [turn for turn in turns if turn.step > step and turn.key in LIVE]
    return experiment, [turn for turn in later if not turn.key.startswith("stopping.")]


def _compared(name: str, epoch: int, since: str, history: History, loss: float | None) -> str:
    """What was done, and whether it led to the same state."""
    told = f"{name} was trained again from {since} to epoch {epoch}, where this run begins"
    known = history.train["loss"].value_at(epoch) if "loss" in history.train else None
    if known is None or loss is None:
        return f"{told}."
    if known.y == loss:
        return f"{told}: the training loss there is the same, {loss:.4g}."
    return (
        f"{told}: the training loss there is {loss:.6g}, and was {known.y:.6g}. Another device, another number of threads or "
        "another version of torch gives other roundings."
    )


class _Only(Ring):
    """Keeps the state of one epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch

    def due(self, epoch: int) -> bool:
        return epoch == self._epoch

    def keep(self, epoch: int, tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> None:
        if not self.epochs:
            super().keep(epoch, tensors, plain)
