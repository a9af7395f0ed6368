"""One function of a batch on a GPU, launched as a whole.

The kernels of a small network take less time than launching them one by one. A CUDA graph launches all of them with
one call; it is recorded once for each shape of batch, and does the same arithmetic in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

# Calls of a shape before it is recorded: libraries set themselves up in the first.
_WARM = 2


class Replayed:
    """`function(x, y)`, which launches the same kernels for the same shapes and returns one tensor.

    It must not wait for the GPU, and draw random numbers from `generators` only. What is returned holds until the next
    call. Where the function cannot be recorded it is called as it is.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], generators: Sequence[Generator]) -> None:
        self._function, self._generators = function, generators
        self._calls = Counter[torch.Size]()
        self._recorded: dict[torch.Size, _Recorded | None] = {}

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return function(x, y)."""
        if x.shape not in self._recorded:
            self._calls[x.shape] += 1
            if self._calls[x.shape] <= _WARM:
                return self._function(x, y)
            self._recorded[x.shape] = self._record(x, y)
        recorded = self._recorded[x.shape]
        if recorded is None:
            return self._function(x, y)
        recorded.x.copy_(x)
        recorded.y.copy_(y)
        recorded.graph.replay()
        return recorded.result

    def forget(self) -> None:
        """Record anew: something changed that the function reads as a plain number."""
        self._recorded.clear()

    def _record(self, x: Tensor, y: Tensor) -> _Recorded | None:
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream(x.device)
        states = [generator.get_state() for generator in self._generators]
        for generator in self._generators:
            graph.register_generator_state(generator)
        x, y = x.clone(), y.clone()
        try:
            # Other threads may use the GPU meanwhile.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                result = self._function(x, y)
        except RuntimeError:
            torch.cuda.set_stream(stream)
            for generator, state in zip(self._generators, states, strict=True):
                # The state it shared with the recording goes on waiting for its end.
                generator.graphsafe_set_state(Generator(x.device).set_state(state))
            return None
        return _Recorded(graph, x, y, result)


@dataclass(frozen=True, slots=True, eq=False)
class _Recorded:
    graph: torch.cuda.CUDAGraph
    x: Tensor
    y: Tensor
    result: Tensor
