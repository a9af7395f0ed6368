"""A table from a CSV or TSV file: numbers as they are, text columns one column per category."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, quoted
from .csv_columns import (
    MISSING,
    Column,
    Missing,
    all_numbers,
    counted,
    decide_kind,
    settle_missing,
    survey,
)
from .csv_rows import MAX_COLUMNS, batches, find_delimiter
from .dataset import Dataset, refuse_too_large
from .names import Task
from .targets import class_task, number_target

#: Most categories of a text column: more mean an identifier or free text.
MAX_CATEGORIES = 1000


def read_csv(path: Path, target: str | None, task: Task | None, missing: Missing) -> Dataset:
    """Read a table whose first row holds the column names.

    The column `target` (the last one if None) is predicted from all others. A column in which most
    cells are no numbers is text: as a target it names the classes, as a feature it becomes one 0/1
    column per category, "colour=red". Where cells are not cut at commas, a column may have decimal commas. Missing cells are refused, left as NaN for the training mean
    (a category of its own, "colour=missing", in a text column), or dropped with their row.

    The file is read twice, so that memory holds some rows and the resulting arrays only. Row numbers in
    messages count the header as row 1. Raises InputError for whatever is no complete table of finite numbers and
    categories, and where the target leaves the task open (see `targets.number_target`).
    """
    place = quoted(path)
    delimiter = find_delimiter(path)
    columns, complete, total = survey(path, delimiter)
    target_index = _target_index([column.name for column in columns], target, place)
    for index, column in enumerate(columns):
        decide_kind(column, place, delimiter, index == target_index and task in ("binary", "multiclass"))
    settle_missing(columns, target_index, missing, total - complete, place)
    count = complete if missing == "drop" else total
    if count == 0:
        raise InputError(f'{place}: no row is complete, so none is left after data.missing = "drop"')
    refuse_too_large(count * len(columns), place)

    cells = _read_cells(path, delimiter, columns, count, drop=missing == "drop")
    goal = columns[target_index]
    if goal.is_text:
        y, classes = _sorted_codes(goal, cells[target_index])
        found_task = class_task(classes, task, f"{place}: column {quoted(goal.name)}")
    else:
        found_task, y, classes = number_target(
            cells[target_index], task, f"{place}: column {quoted(goal.name)}"
        )

    blocks: list[NDArray[np.float64]] = []
    names: list[str] = []
    notes: list[str] = []
    for index, column in enumerate(columns):
        if index == target_index:
            continue
        if not column.is_text:
            blocks.append(cells[index][:, None])
            names.append(column.name)
            continue
        codes, categories = _sorted_codes(column, cells[index])
        # A category that is called so is not the same as none.
        gap = "missing" if "missing" not in categories else "(missing)"
        names.extend(f"{column.name}={category or gap}" for category in categories)
        if len(names) > MAX_COLUMNS:
            raise InputError(
                f"{place}: the text columns make more than {MAX_COLUMNS:,} features; leave out the columns that only name the row"
            )
        refuse_too_large(count * len(names), place)
        blocks.append((codes[:, None] == np.arange(len(categories))).astype(np.float64))
        notes.append(
            f"column {quoted(column.name)} holds text: one 0/1 column for each of its {len(categories)} categories"
        )
    if missing == "drop" and complete < total:
        notes.append(f"{total - complete} of {total} rows dropped for missing values")
    if missing == "mean":
        notes += _filled(columns)
    if commas := [column.name for column in columns if column.decimal_comma]:
        notes.append(f"a comma is the decimal point in {_listed(commas)}")
    return Dataset(
        x=np.concatenate(blocks, axis=1),
        y=y,
        task=found_task,
        form="table",
        classes=classes,
        feature_names=tuple(names),
        target_name=goal.name,
        source=str(path),
        notes=tuple(notes),
    )


def _filled(columns: list[Column]) -> list[str]:
    """Say how many cells the training mean will stand for, and how many became a category."""
    numbers = [column for column in columns if column.missing and not column.is_text]
    texts = [column for column in columns if column.missing and column.is_text]
    found: list[str] = []
    if numbers:
        cells = counted(sum(column.missing for column in numbers), "missing value")
        found.append(
            f"{cells} filled with the training mean, in {_listed([column.name for column in numbers])}"
        )
    if texts:
        cells = counted(sum(column.missing for column in texts), "missing text")
        found.append(f"{cells} a category of its own, in {_listed([column.name for column in texts])}")
    return found


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"column{'s' * (len(names) > 1)} {', '.join(quoted(name, 40) for name in names[:6])}{more}"


def _target_index(names: list[str], target: str | None, place: str) -> int:
    if target is None:
        return len(names) - 1
    if target not in names:
        alike = [name for name in names if name.casefold() == target.strip().casefold()]
        close = alike or get_close_matches(target, names, 1)
        listed = ", ".join(quoted(name, 40) for name in names[:12]) + (", …" if len(names) > 12 else "")
        raise InputError(
            f"data.target: {place} has no column {quoted(target)}; "
            + (f"did you mean {quoted(close[0])}?" if close else f"there are {listed}")
        )
    return names.index(target)


def _read_cells(
    path: Path, delimiter: str, columns: list[Column], count: int, drop: bool
) -> list[NDArray[np.float64]]:
    """Return each column's values, shape (count,): numbers, NaN where missing; codes of categories in text columns."""
    changed = InputError(f"{quoted(path)}: the file changed while it was read; try again")
    values = [np.empty(count) for _ in columns]
    at = 0
    for rows, cells in batches(path, delimiter):
        if len(cells) != len(columns):
            raise changed
        if drop:
            gaps = {i for column in cells for i, cell in enumerate(column) if cell.strip() in MISSING}
            kept = [i not in gaps for i in range(len(rows))]
            rows, cells = list(compress(rows, kept)), [tuple(compress(column, kept)) for column in cells]
        end = at + len(rows)
        if end > count:
            raise changed
        for column, store, of_column in zip(columns, values, cells, strict=True):
            try:
                store[at:end] = (
                    _codes(path, column, rows, of_column) if column.is_text else _numbers(of_column, column)
                )
            except ValueError as error:
                raise changed from error
        at = end
    if at != count:
        raise changed
    return values


def _numbers(cells: tuple[str, ...], column: Column) -> NDArray[np.float64]:
    if column.decimal_comma:
        cells = tuple(cell.replace(",", ".") for cell in cells)
    values = all_numbers(cells)
    if values is not None:
        return values
    return np.array([np.nan if cell.strip() in MISSING else float(cell) for cell in cells])


def _codes(path: Path, column: Column, rows: list[int], cells: tuple[str, ...]) -> list[int]:
    """Return the number of each cell's category, in the order in which categories come; missing is one of them."""
    codes: list[int] = []
    for row, cell in zip(rows, map(str.strip, cells), strict=True):
        codes.append(column.codes.setdefault("" if cell in MISSING else cell, len(column.codes)))
        if len(column.codes) > MAX_CATEGORIES:
            raise InputError(
                f"{quoted(path)}: row {row}, column {quoted(column.name)}: more than {MAX_CATEGORIES} different texts; "
                "remove the column if it only names the row"
            )
    return codes


def _sorted_codes(column: Column, codes: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return codes that follow the alphabet, whatever order the rows have, and the categories."""
    categories = tuple(sorted(column.codes))
    position = {category: index for index, category in enumerate(categories)}
    ranks = np.array([position[category] for category in column.codes], dtype=np.int64)
    return ranks[codes.astype(np.int64)], categories
