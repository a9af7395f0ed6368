"""The network of a run that nobody trains any more, as its directory keeps it: weights, and a Training that holds them.

    kept = load_network(Path("runs/digits-0007"))
    kept.answer("confusion", {})

Three sets of weights may have been kept: the final ones, the best of the last save, and those of the newest
checkpoint. A run that was cut off has no final ones.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from torch import Tensor

from .. import probes
from ..changes import changes, with_changes
from ..errors import InputError, StoreError
from ..events import Probed
from ..experiment import Experiment
from ..history import History
from ..training import Training
from . import checkpoints, directory, tensors
from .checkpoints import SavedState
from .load import load_history
from .reading import open_regular

Which = Literal["final", "best", "latest"]
WHICH: tuple[Which, ...] = get_args(Which)


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """One set of weights that was kept."""

    which: Which
    step: int
    epoch: float
    "With a fraction where a checkpoint was saved within an epoch."
    words: str
    "For people: which weights, and from which file."
    values: Mapping[str, Tensor]
    "parameters and buffers."


@dataclass(frozen=True, slots=True, eq=False)
class KeptNetwork:
    """A network that can be asked."""

    training: Training
    weights: Weights
    others: tuple[Which, ...]
    "Further sets of weights that differ from these."
    optimizer_step: int | None
    "The step that the optimizer's state is of; None if no checkpoint kept it."
    warnings: tuple[str, ...]
    "For people: what is not as it was when the run was trained."

    def answer(self, probe: str, options: Mapping[str, Any]) -> Probed:
        """Answer a probe; what cannot be answered becomes {"error": why}."""
        answer = probes.answer(self.training, probe, options)
        if self.optimizer_step is None:
            answer = self._without_optimizer(probe, answer)
        return Probed(probe=probe, step=self.weights.step, answer=answer)

    def _without_optimizer(self, probe: str, answer: dict[str, Any]) -> dict[str, Any]:
        """Take out what a fresh optimizer's state would answer wrongly."""
        if probe == "rates" and not answer.get("shared"):
            return {"error": "the optimizer's state is kept in checkpoints only, and this run has none"}
        if probe == "layers":
            rows = answer.get("layers", ())
            return {**answer, "layers": [{**row, "update_ratio": None, "rate": None} for row in rows]}
        return answer


def load_network(place: Path, which: str = "") -> KeptNetwork:
    """Build the network of a run directory with the final weights, else the best, else those of the newest checkpoint.

    `which` asks for one of WHICH. The optimizer's state is the newest checkpoint's. Raises StoreError if the
    directory keeps no weights, or not those; InputError if the data cannot be read or made the same shape again.
    """
    history = load_history(place)
    if history.started is None:
        raise StoreError(f"{place} holds no run that began")
    found, state, warnings = _weights(place, history)
    chosen = next((one for one in found if which in ("", one.which)), None)
    if chosen is None:
        asked = (
            f"no {which} weights were kept"
            if which
            else "no weights were kept: it ended before any were saved"
        )
        raise StoreError("; ".join((f"{place.name}: {asked}", *warnings)))
    training = Training(_experiment(place, history))
    if state is not None:
        training.restore(state.tensors, state.plain["training"])
    else:
        training.step = chosen.step
    for name in ("parameters", "buffers"):
        here, kept = getattr(training.network, name), chosen.values[name]
        if here.shape != kept.shape:
            raise InputError(
                f"the weights are {kept.numel()} {name}, the network has {here.numel()}: the data changed their shape"
            )
        here.copy_(kept)
    if history.started.data_digest and training.data.digest != history.started.data_digest:
        warnings.append(
            "the data changed since: what is shown is of the data as it is, not as it was trained on"
        )
    return KeptNetwork(
        training, chosen, _others(found, chosen), None if state is None else state.step, tuple(warnings)
    )


def _experiment(place: Path, history: History) -> Experiment:
    """The experiment as it was at the end, on a device that is here."""
    before = history.started.experiment if history.started is not None else {}
    since = {key: new for key, (_, new) in changes(before, history.in_force).items()}
    # From the file: its data.path is absolute, wherever this process was started.
    plain = with_changes(directory.load_experiment(place).plain(), since)
    if plain["training"]["device"] != "cpu":
        plain["training"]["device"] = "auto"
    return Experiment.model_validate(plain)


def _weights(place: Path, history: History) -> tuple[list[Weights], SavedState | None, list[str]]:
    """Every set that was kept, the newest checkpoint, and what is wrong with the rest."""
    warnings: list[str] = []
    state: SavedState | None = None
    try:
        state = checkpoints.latest_valid(place)
        warnings += state.skipped if state is not None else ()
    except StoreError as error:
        warnings.append(str(error))
    found = [_final(place, history, warnings), _best(place, history, warnings), _latest(state, history)]
    return [one for one in found if one is not None], state, warnings


def _final(place: Path, history: History, warnings: list[str]) -> Weights | None:
    values, facts = _file(place / directory.FINAL, warnings)
    end = history.ended
    # A run that went on after its end, and was cut off, leaves the weights of the earlier end behind.
    if values is None or end is None or facts.get("step", str(end.step)) != str(end.step):
        return None
    epoch = end.epoch if end.restored_epoch is None else end.restored_epoch
    place_of = (
        f"the best, from {directory.FINAL}"
        if end.restored_epoch is not None
        else f"the last, from {directory.FINAL}"
    )
    return Weights("final", end.step, epoch, f"weights of epoch {epoch}, {place_of}", values)


def _best(place: Path, history: History, warnings: list[str]) -> Weights | None:
    values, facts = _file(place / directory.BEST, warnings)
    if values is None or not facts.get("epoch", "").isdecimal():
        return None
    epoch = int(facts["epoch"])
    words = f"weights of epoch {epoch}, the best, from {directory.BEST}"
    return Weights("best", epoch * _per_epoch(history), epoch, words, values)


def _latest(state: SavedState | None, history: History) -> Weights | None:
    if state is None:
        return None
    epoch = state.step / _per_epoch(history)
    words = f"weights of epoch {epoch:.4g}, the latest saved, from {checkpoints.FOLDER}/{state.path.name}"
    return Weights("latest", state.step, epoch, words, state.tensors)


def _per_epoch(history: History) -> int:
    return max(1, history.started.steps_per_epoch) if history.started is not None else 1


def _file(path: Path, warnings: list[str]) -> tuple[Mapping[str, Tensor] | None, Mapping[str, str]]:
    """Read a file of weights and the facts in it; one that is damaged is told and passed over."""
    try:
        with open_regular(path) as file:
            data = file.read()
        values, facts = tensors.loads(data), tensors.facts(data)
        if not {"parameters", "buffers"} <= values.keys():
            raise ValueError("it holds no parameters")
    except FileNotFoundError:
        return None, {}
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        warnings.append(f"{path.name} is damaged and was passed over: {reason}")
        return None, {}
    return values, facts


def _others(found: list[Weights], chosen: Weights) -> tuple[Which, ...]:
    """The sets of other epochs, each epoch once."""
    seen, others = {chosen.epoch}, list[Which]()
    for one in found:
        if one.epoch not in seen:
            seen.add(one.epoch)
            others.append(one.which)
    return tuple(others)
