"""Which task a column of targets poses, and the targets as class indices or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, quoted
from .names import Task

#: Most classes that a target may have: more mean that the column is an identifier or a measurement.
MAX_CLASSES = 1000
#: Whole numbers with at most this many distinct values could be classes as well as a measurement.
FEW_VALUES = 20


def class_task(classes: Sequence[str], task: Task | None, place: str) -> Task:
    """Return binary for two classes and multiclass for more, unless `task` asks for multiclass with two.

    Raises InputError (with `place` in front) where the classes do not make the task that was asked for.
    """
    if task == "regression":
        raise InputError(
            f"{place}: the target holds names of classes, but data.task is regression; leave data.task out, or give another target"
        )
    if len(classes) < 2:
        raise InputError(
            f"{place}: there is only one class ({quoted(classes[0])}); training needs at least two"
            if classes
            else f"{place}: there are no classes"
        )
    if len(classes) > MAX_CLASSES:
        raise InputError(f"{place}: {len(classes)} classes are more than {MAX_CLASSES}; is this the target?")
    if task == "binary" and len(classes) != 2:
        raise InputError(
            f'{place}: data.task is binary, but there are {len(classes)} classes; set data.task = "multiclass"'
        )
    return task or ("binary" if len(classes) == 2 else "multiclass")


def number_target(
    values: NDArray[Any], task: Task | None, place: str
) -> tuple[Task, NDArray[Any], tuple[str, ...]]:
    """Return (task, y, classes) for targets that are finite numbers, shape (n,).

    Without a task, two distinct values are two classes, and anything but few whole numbers is
    regression; few whole numbers (at most 20 distinct) leave it open, and InputError asks for data.task.
    """
    distinct = np.unique(values)
    if task is None:
        if len(distinct) == 1:
            raise InputError(f"{place}: all targets are {distinct[0]:g}; there is nothing to learn")
        whole = bool(np.all(distinct == np.round(distinct)))
        if len(distinct) > 2 and whole and len(distinct) <= FEW_VALUES:
            raise InputError(
                f"{place}: the target holds {len(distinct)} different whole numbers, which could be classes or a measurement; "
                'set data.task = "multiclass" or data.task = "regression"'
            )
        task = "binary" if len(distinct) == 2 else "regression"
    if task == "regression":
        return task, values.astype(np.float64), ()
    if len(distinct) > MAX_CLASSES:
        raise InputError(
            f"{place}: {len(distinct)} distinct values are more than {MAX_CLASSES} classes; is this the target?"
        )
    classes = tuple(str(int(v)) if v == round(v) else repr(v) for v in distinct.tolist())
    task = class_task(classes, task, place)
    return task, np.searchsorted(distinct, values).astype(np.int64), classes
