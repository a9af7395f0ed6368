"""Copies of a training's state along its way, so that another run can start from any of them; importing it needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .history import History

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A state to start a new run from; `loop.run` takes it as its checkpoint."""

    tensors: Mapping[str, Tensor]
    plain: Mapping[str, Any]
    parent: Mapping[str, Any]
    "The run and the epoch {run, epoch} it is taken from."
    history: History = field(default_factory=History)
    "Empty: the shared part belongs to the parent."
    notes: tuple[str, ...] = ()
    "What is to be told of the state."


@dataclass(frozen=True, slots=True)
class Retrace:
    """A state to start a new run from that no memory holds: `store.retrace.reach` reads it, or trains up to it again."""

    directory: Path
    epoch: int
    "The state is that at the end of this epoch."


class Ring:
    """Keeps states of one run at regular epochs; when full, every other one goes and the distance doubles.

    One thread keeps, another may ask: what is asked is an immutable copy.
    """

    def __init__(self, most: int = 64, bytes_at_most: int = 256 << 20) -> None:
        self.every = 1
        "Epochs between two kept states."
        self._most = most
        self._bytes = bytes_at_most
        self._kept: dict[int, tuple[dict[str, Tensor], dict[str, Any]]] = {}

    def due(self, epoch: int) -> bool:
        """Whether the state after this epoch is to be kept."""
        return epoch % self.every == 0

    def keep(self, epoch: int, tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> None:
        """Keep the state after an epoch: a copy of the tensors, and the plain values, which nobody else may change."""
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
        most = max(2, min(self._most, self._bytes // max(1, size)))
        kept = dict(self._kept)
        kept[epoch] = {name: tensor.clone() for name, tensor in tensors.items()}, dict(plain)
        while len(kept) > most:
            self.every *= 2
            kept = {number: state for number, state in kept.items() if number % self.every == 0}
        self._kept = kept

    @property
    def epochs(self) -> list[int]:
        """The epochs whose states are kept."""
        return sorted(self._kept)

    def branch(self, run: str, epoch: float) -> Branch | None:
        """Return the newest kept state not after an epoch; None if there is none."""
        kept = self._kept
        number = max((one for one in kept if one <= epoch), default=None)
        if number is None:
            return None
        tensors, plain = kept[number]
        return Branch(tensors, plain, {"run": run, "epoch": number})
