"""What the columns of a CSV file hold: counted in one pass, then judged as numbers, text or fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isinf, isnan
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, quoted
from .csv_rows import batches, header

Missing = Literal["refuse", "mean", "drop"]

#: Cells that stand for a missing value.
MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "NAN", "null", "NULL", "?"})
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")


@dataclass(slots=True)
class Column:
    """What one pass over the file tells of a column."""

    name: str
    numbers: int = 0
    texts: int = 0
    missing: int = 0
    first_text: tuple[int, str] = (0, "")
    commas: int = 0
    "Those among the texts that are numbers with a decimal comma."
    points: int = 0
    "Those among the numbers that have a decimal point."
    first_missing: int = 0
    "Row of the first missing cell."
    decimal_comma: bool = False
    "Whether a comma stands for the decimal point in this column."
    first_infinite: tuple[int, str] | None = None
    is_text: bool = False
    codes: dict[str, int] = field(default_factory=dict[str, int])
    "Categories of a text column by the order in which they come."

    def count(self, rows: list[int], cells: tuple[str, ...]) -> list[int]:
        """Take more cells into account; return the positions of those that are missing."""
        if all_numbers(cells) is not None:
            self.numbers += len(cells)
            self.points += "." in "".join(cells)
            return []
        gaps: list[int] = []
        for at, (row, cell) in enumerate(zip(rows, map(str.strip, cells), strict=True)):
            value = None if cell in MISSING else _number(cell)
            if cell in MISSING:
                gaps.append(at)
                self.first_missing = self.first_missing or row
            elif value is None:
                if not self.texts:
                    self.first_text = row, cell
                self.texts += 1
                if _DECIMAL_COMMA.fullmatch(cell):
                    self.commas += 1
                    if isinf(float(cell.replace(",", "."))) and self.first_infinite is None:
                        self.first_infinite = row, cell
            else:
                self.numbers += 1
                self.points += "." in cell
                if isinf(value) and self.first_infinite is None:
                    self.first_infinite = row, cell
        self.missing += len(gaps)
        return gaps


def all_numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Return the values of cells that all spell finite numbers, else None: the usual case, much faster than cell by cell."""
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    return values if np.isfinite(values).all() and "_" not in "".join(cells) else None


def _number(cell: str) -> float | None:
    """Return the number that `cell` spells, infinite when it overflows; None if it spells none."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return None if "_" in cell or isnan(value) else value


def survey(path: Path, delimiter: str) -> tuple[list[Column], int, int]:
    """Return what every column holds, the number of complete rows and the number of rows."""
    place = quoted(path)
    names = header(path, delimiter)
    if not names:
        raise InputError(
            f"{place}: the file is empty; a table has column names in its first row and an example in each row below"
        )
    if all(_number(name) is not None for name in names):
        raise InputError(f"{place}: row 1 holds numbers only; write the names of the columns there")
    if len(names) < 2:
        raise InputError(
            f"{place}: there is only one column, {quoted(names[0])}; a table needs a feature and a target, cut by a comma, semicolon, tab or |"
        )
    seen: dict[str, int] = {}
    for index, name in enumerate(names, 1):
        if not name:
            raise InputError(
                f"{place}: row 1: column {index} has no name; name it, or remove it if it only numbers the rows"
            )
        if name in seen:
            raise InputError(
                f"{place}: row 1: columns {seen[name]} and {index} are both named {quoted(name)}; rename one"
            )
        seen[name] = index
    columns = [Column(name) for name in names]
    complete = total = 0
    for rows, cells in batches(path, delimiter):
        gaps: set[int] = set()
        for column, of_column in zip(columns, cells, strict=True):
            gaps.update(column.count(rows, of_column))
        total += len(rows)
        complete += len(rows) - len(gaps)
    if total == 0:
        raise InputError(f"{place}: there is no row below the header")
    return columns, complete, total


def decide_kind(column: Column, place: str, delimiter: str, holds_classes: bool) -> None:
    """Call a column text when most of its cells are; refuse the odd cell out in a column of numbers.

    Where cells are not cut at commas, a column of numbers with a decimal comma (1,5) and whole ones is read as numbers;
    a point in one of them leaves open what the comma means, and is refused.
    """
    where = f"column {quoted(column.name)}"
    if not column.numbers and not column.texts:
        raise InputError(f"{place}: {where} has no values; fill it in, or remove it if it is not the target")
    row, cell = column.first_text
    if column.commas and column.commas == column.texts and delimiter != "," and not column.points:
        column.decimal_comma = True
        column.numbers, column.texts = column.numbers + column.texts, 0
    column.is_text = column.texts > (0 if holds_classes else column.numbers)
    if column.texts and _DECIMAL_COMMA.fullmatch(cell):
        why = (
            "others have a point"
            if column.points
            else "the file is cut at commas"
            if delimiter == ","
            else "others are texts"
        )
        raise InputError(
            f"{place}: row {row}, {where}: {quoted(cell)} has a decimal comma, and {why}; write numbers with a point, 1.5"
        )
    if column.texts and not column.is_text:
        raise InputError(
            f"{place}: row {row}, {where}: {quoted(cell)} is not a number, but most of the column is; correct it, or leave it empty and choose data.missing"
        )
    if column.first_infinite and not column.is_text:
        row, cell = column.first_infinite
        raise InputError(
            f"{place}: row {row}, {where}: {quoted(cell)} is not a finite number; correct it, or leave it empty and choose data.missing"
        )


def settle_missing(
    columns: list[Column], target_index: int, missing: Missing, incomplete: int, place: str
) -> None:
    """Refuse missing cells that `missing` has no answer to."""
    goal = columns[target_index]
    gaps = [f"{quoted(column.name, 40)} {column.missing}" for column in columns if column.missing]
    if missing == "refuse" and gaps:
        cells = sum(column.missing for column in columns)
        listed = ", ".join(gaps[:12]) + (", …" if len(gaps) > 12 else "")
        first = min((column for column in columns if column.missing), key=lambda column: column.first_missing)
        ways = 'set data.missing = "drop" to leave out these rows'
        ways += (
            "; a target cannot be filled in" if goal.missing else ', or "mean" to fill in the training mean'
        )
        raise InputError(
            f"{place}: {counted(cells, 'missing value')} in {counted(incomplete, 'row')}, the first in row {first.first_missing}, column "
            f"{quoted(first.name, 40)} (by column: {listed}); {ways}"
        )
    if missing == "mean" and goal.missing:
        raise InputError(
            f'{place}: the target {quoted(goal.name)} is missing in {counted(goal.missing, "row")} and cannot be filled in; set data.missing = "drop" or correct them'
        )


def counted(number: int, thing: str) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
