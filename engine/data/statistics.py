"""Centre and scale of features, fitted on training examples alone, computed in double precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Pool = Literal["value", "channel", "all"]

#: Values handled at a time: 32 MiB in double precision.
_CHUNK = 2**22


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """What (x - center) / scale needs; arrays broadcast against one example."""

    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    fill: NDArray[np.float64] | None = None
    "Training means that stand in for missing values (NaN); None if there are none."

    def apply(self, x: NDArray[Any], dtype: type[np.floating[Any]]) -> NDArray[Any]:
        """Return (x - center) / scale, computed in double precision, as `dtype`; missing values filled first."""
        out = np.empty(x.shape, dtype)
        for rows in _chunks(x):
            block = _filled(x[rows], self.fill) - self.center
            block /= self.scale
            with np.errstate(over="ignore"):
                out[rows] = block
        return out


def fit(x: NDArray[Any], method: Literal["none", "standardize", "minmax"], pool: Pool) -> Statistics:
    """Fit on x, shape (n, *shape), missing values (NaN) filled with the mean of the others.

    standardize: mean and biased deviation sqrt(1/n sum (x - mean)^2), as scikit-learn (torch.std divides by n - 1).
    minmax: minimum and range, so that training values reach from 0 to 1. A constant feature is centred
    and gets scale 1. One pair of statistics for every value of an example, for every channel (axis 1), or for all together.
    """
    axes = {"value": (0,), "channel": (0, *range(2, x.ndim)), "all": tuple(range(x.ndim))}[pool]
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))[1:]
    fill = None
    if x.dtype.kind == "f" and any(np.isnan(x[rows]).any() for rows in _chunks(x)):
        present = sum((~np.isnan(x[rows])).sum(axis=axes).astype(np.float64) for rows in _chunks(x))
        total = sum(np.nansum(x[rows], axis=axes, dtype=np.float64) for rows in _chunks(x))
        with np.errstate(invalid="ignore"):
            fill = np.asarray(total / present).reshape(kept)
    if method == "none":
        return Statistics(np.zeros(kept), np.ones(kept), fill)

    def blocks() -> Iterator[NDArray[Any]]:
        for rows in _chunks(x):
            yield _filled(x[rows], fill)

    low = np.min([block.min(axis=axes) for block in blocks()], axis=0).astype(np.float64).reshape(kept)
    high = np.max([block.max(axis=axes) for block in blocks()], axis=0).astype(np.float64).reshape(kept)
    # Constant is judged by the values: rounding can leave a constant column a deviation of 1e-17 to divide by.
    constant = high == low
    with np.errstate(over="ignore", invalid="ignore"):
        width = np.where(constant, 1.0, high - low)
        if method == "minmax":
            return Statistics(low, width, fill)
        count = x.size / max(1, int(np.prod(kept)))
        center = (
            np.asarray(sum(block.sum(axis=axes, dtype=np.float64) for block in blocks())).reshape(kept)
            / count
        )
        center = np.where(constant, low, center)
        # In units of the range, squares neither overflow nor vanish.
        squares = sum((((block - center) / width) ** 2).sum(axis=axes) for block in blocks())
        scale = np.where(constant, 1.0, width * np.sqrt(np.asarray(squares).reshape(kept) / count))
    return Statistics(center, scale, fill)


def _filled(x: NDArray[Any], fill: NDArray[np.float64] | None) -> NDArray[Any]:
    return x if fill is None else np.where(np.isnan(x), fill, x)


def _chunks(x: NDArray[Any]) -> Iterator[slice]:
    step = max(1, _CHUNK // max(1, x[:1].size))
    for start in range(0, len(x), step):
        yield slice(start, start + step)
