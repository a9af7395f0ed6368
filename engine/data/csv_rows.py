"""Rows of a CSV or TSV file, some at a time, in bounded memory; every fault is named with its row."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from ..errors import InputError, quoted

MAX_COLUMNS = 20_000
#: Longest record in characters: a longer one is a damaged file or not a table.
MAX_RECORD = 1 << 20
DELIMITERS = (",", ";", "\t", "|")
#: Records looked at to find the delimiter.
_SAMPLE = 10
#: Rows handled at a time: at least so many, and so many characters.
_BATCH_ROWS = 64
_BATCH = 1 << 16


class _Lines:
    """The lines of a text file; refuses a record longer than `MAX_RECORD` before it is read whole."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            start = file.read(4)
        utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        # newline="" leaves line ends to the csv module, which must see those inside quotes.
        self.file = path.open(encoding="utf-16" if utf16 else "utf-8-sig", newline="")
        self.place = quoted(path)
        self.row = 1
        self.length = 0

    def __iter__(self) -> Iterator[str]:
        while line := self.file.readline(MAX_RECORD + 1):
            self.length += len(line)
            if self.length > MAX_RECORD:
                raise InputError(
                    f"{self.place}: row {self.row} is longer than {MAX_RECORD:,} characters; is a quote left open, or is this not a table?"
                )
            yield line

    def next_row(self) -> None:
        """Count one more row and start to measure the next record."""
        self.row += 1
        self.length = 0


def find_delimiter(path: Path) -> str:
    """Return the delimiter among , ; tab | that cuts the first rows into the most columns, alike in every row."""
    best, best_score = ",", (False, 0)
    for delimiter in DELIMITERS:
        widths: list[int] = []
        # A fault met here ends the sample; it comes back, with its row, in the reading proper.
        with suppress(InputError):
            widths.extend(
                len(cells) for _, cells, _ in islice(_records(path, delimiter, strict=False), _SAMPLE)
            )
        if widths:
            score = (widths[0] > 1 and len(set(widths)) == 1, widths[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


def header(path: Path, delimiter: str) -> list[str]:
    """Return the cells of row 1, or nothing from an empty file."""
    for _, cells, _ in _records(path, delimiter, strict=True):
        if len(cells) > MAX_COLUMNS:
            raise InputError(
                f"{quoted(path)}: {len(cells):,} columns are more than {MAX_COLUMNS:,}; leave some out"
            )
        return [cell.strip() for cell in cells]
    return []


def batches(path: Path, delimiter: str) -> Iterator[tuple[list[int], list[tuple[str, ...]]]]:
    """Yield (row numbers, columns) for some rows below the header at a time; blank rows are counted and left out.

    UTF-8 with or without a byte order mark, UTF-16 with one. Raises InputError for ragged rows, broken
    quotes, records over `MAX_RECORD` characters, and bytes that are not text.
    """
    records = _records(path, delimiter, strict=True)
    width = next((len(cells) for _, cells, _ in records), 0)
    numbers: list[int] = []
    rows: list[list[str]] = []
    size = 0
    for row, cells, length in records:
        if len(cells) != width:
            raise InputError(
                f"{quoted(path)}: row {row} has {len(cells)} cells, but the header has {width} (row 1 is the header; cells are cut at {quoted(delimiter)}); "
                "a cell that holds the delimiter must stand in double quotes"
            )
        numbers.append(row)
        rows.append(cells)
        size += length
        if size >= _BATCH and len(rows) >= _BATCH_ROWS:
            yield numbers, list(zip(*rows, strict=True))
            numbers, rows, size = [], [], 0
    if rows:
        yield numbers, list(zip(*rows, strict=True))


def _records(path: Path, delimiter: str, strict: bool) -> Iterator[tuple[int, list[str], int]]:
    """Yield (row number, cells, characters)."""
    try:
        lines = _Lines(path)
    except OSError as error:
        raise InputError(f"{quoted(path)}: cannot be read: {error.strerror}") from error
    with lines.file:
        try:
            for cells in csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=strict):
                # A line of blanks is as good as an empty one.
                if len(cells) > 1 or (cells and cells[0].strip()):
                    yield lines.row, cells, lines.length
                lines.next_row()
        except csv.Error as error:
            if "field limit" in str(error):
                raise InputError(
                    f"{quoted(path)}: row {lines.row}: a cell is longer than {csv.field_size_limit():,} characters; leave out the column of "
                    "long texts (or is a quote left open?)"
                ) from error
            reason = str(error).replace("\t", "\\t")
            raise InputError(f"{quoted(path)}: row {lines.row}: {reason}; check the double quotes") from error
        except UnicodeError as error:
            raise InputError(
                f"{quoted(path)}: near row {lines.row}: the file is not UTF-8 text ({error.reason if isinstance(error, UnicodeDecodeError) else error}); save it as UTF-8"
            ) from error
        except OSError as error:
            raise InputError(f"{quoted(path)}: cannot be read: {error.strerror}") from error
