"""The batches of an epoch: in which order the training examples come, and how they are gathered."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from .data.prepare import Prepared
from .seeds import derive

# Elements gathered at once: large enough that one gather serves many batches, small enough to stay out of the way.
_GATHER = 1 << 22


class Batches:
    """The training part in batches of `size`, shuffled anew for each epoch from `seed`."""

    def __init__(self, data: Prepared, size: int, seed: int, augmentation: Generator) -> None:
        self._data, self._size, self._seed = data, size, seed
        self._augmentation = augmentation
        self._augments = data.augmentation.active
        self._order: tuple[int, Tensor] | None = None
        "An epoch and the order of its examples."
        self._block: tuple[int, int, Tensor, Tensor] | None = None
        "Examples of that order gathered at once: from where, to where, inputs and targets."

    def batch(self, epoch: int, index: int) -> tuple[Tensor, Tensor]:
        """Return batch `index` (from 0) of `epoch` (from 1).

        Every training example comes once an epoch; the last batch may be smaller. With augmentation the examples
        are changed anew.
        """
        train, size = self._data.train, self._size
        if size >= len(train.x) and not self._augments:
            return train.x, train.y
        if self._order is None or self._order[0] != epoch:
            generator = Generator().manual_seed(derive(self._seed, "shuffle", epoch))
            self._order = epoch, torch.randperm(len(train.x), generator=generator).to(train.x.device)
            self._block = None
        order, start = self._order[1], index * size
        if self._augments:
            chosen = order[start : start + size]
            return self._data.augmented(chosen, self._augmentation), train.y.index_select(0, chosen)
        block = self._block
        if block is None or not block[0] <= start < block[1]:
            rows = max(1, _GATHER // (size * max(1, train.x[0].numel()))) * size
            first = start // rows * rows
            chosen = order[first : first + rows]
            block = self._block = (
                first,
                first + rows,
                train.x.index_select(0, chosen),
                train.y.index_select(0, chosen),
            )
        view = slice(start - block[0], start - block[0] + size)
        return block[2][view], block[3][view]
