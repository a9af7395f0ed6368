"""Training, validation and test part: disjoint, stratified by class, the same for the same seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..seeds import stream
from .names import Task

PARTS = ("training", "validation", "test")


def split_indices(
    y: NDArray[np.int64] | NDArray[np.float64], shares: tuple[float, float, float], task: Task, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the sorted indices of the training, validation and test part.

    y: (n,) targets; for classes every class is split in the proportion of `shares`: each part gets its
    exact quota rounded down, and the examples left over go to the parts with the largest remainder, what
    rounding took from them in earlier classes included. So every count is within 1 of its quota, and rare
    classes do not starve a part. Every class has a training example, where that takes one from another part.
    The three are disjoint and their union is everything. Raises InputError when a part with a share above 0
    comes out empty.
    """
    n = len(y)
    groups = [np.flatnonzero(y == c) for c in np.unique(y)] if task != "regression" else [np.arange(n)]
    rng = stream(seed, "split")
    counts = apportion([len(group) for group in groups], shares)
    pieces: tuple[list[NDArray[np.int64]], ...] = ([], [], [])
    for group, (training, validation, _) in zip(groups, counts, strict=True):
        drawn = rng.permutation(group)
        cuts = np.split(drawn, [training, training + validation])
        for piece, cut in zip(pieces, cuts, strict=True):
            piece.append(cut)
    training, validation, test = (np.sort(np.concatenate(piece)).astype(np.int64) for piece in pieces)
    for part, share, indices in zip(PARTS, shares, (training, validation, test), strict=True):
        if share > 0 and len(indices) == 0:
            raise InputError(_why_empty(part, share, n, [len(group) for group in groups]))
    return training, validation, test


def _why_empty(part: str, share: float, n: int, sizes: list[int]) -> str:
    """Say what leaves a part without an example: classes that have one each, as numbers taken for classes do, or its share."""
    alone = sum(size == 1 for size in sizes)
    if len(sizes) > 1 and 2 * alone > len(sizes):
        of_them = f"{'all' if alone == len(sizes) else alone} of a single example"
        return (
            f"data.task: the target makes {len(sizes)} classes of {n} examples, {of_them}, which training needs: the {part} part "
            f'stays empty; use more examples, or data.task = "regression" for a target that is a number'
        )
    return f"data.split: a {part} share of {share:g} of {n} examples leaves the {part} part empty; enlarge the share or use more examples"


def apportion(sizes: list[int], shares: tuple[float, float, float]) -> list[tuple[int, int, int]]:
    """Return whole counts (training, validation, test) per class that add up to its size."""
    owed = np.zeros(3)
    exact = np.asarray(shares) / sum(shares)
    counts: list[tuple[int, int, int]] = []
    for size in sizes:
        # 0.1 + 0.2 of 10 must count as 3, not as 3 and a trace.
        quota = np.round(exact * size, 9)
        seats = np.floor(quota).astype(int)
        claims = np.where(exact > 0, np.round(owed + quota - seats, 6), -np.inf)
        order = np.argsort(-claims, kind="stable")
        seats[order[: size - int(seats.sum())]] += 1
        if size and seats[0] == 0:
            seats[int(np.argmax(seats))] -= 1
            seats[0] += 1
        owed += quota - seats
        counts.append((int(seats[0]), int(seats[1]), int(seats[2])))
    return counts


def stratified_subset(
    y: NDArray[np.int64] | NDArray[np.float64], size: int, task: Task, seed: int
) -> NDArray[np.int64]:
    """Return `size` sorted positions into y, classes in proportion (largest remainder), each class at least once if it fits.

    Raises InputError when y has fewer than `size` entries.
    """
    if size > len(y):
        raise InputError(
            f"data.subset: {size} examples are asked for, but the training part has {len(y)}; lower data.subset or enlarge the training share"
        )
    groups = [np.flatnonzero(y == c) for c in np.unique(y)] if task != "regression" else [np.arange(len(y))]
    sizes = np.array([len(group) for group in groups])
    # Whole-number arithmetic, so that equal remainders are equal.
    seats, remainders = size * sizes // len(y), size * sizes % len(y)
    seats[np.argsort(-remainders, kind="stable")[: size - int(seats.sum())]] += 1
    while size >= len(groups) and seats.min() == 0:
        seats[int(np.argmin(seats))] += 1
        seats[int(np.argmax(seats))] -= 1
    rng = stream(seed, "subset")
    drawn = [rng.permutation(group)[:count] for group, count in zip(groups, seats, strict=True)]
    return np.sort(np.concatenate(drawn)).astype(np.int64)
