"""The runs of a directory in rows: what is said of each, what a filter may name, in which order; pure but for `read`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from ..engine.store.listing import RunInfo, experiment_values, list_runs, run_info
from ..engine.store.status import NAME as STATUS
from .progress import measured
from .query import wanted
from .run_rows import Goodness, goodness
from .text import clean, duration
from .values import Change, Values, differing, in_cells

COLUMNS = ("run", "state", "epoch", "best", "age", "what differs")
#: Cells between two columns, that what differs has at least, and the columns that make room for it.
_GAP, _LEAST = 2, 20
_DROPPED = ("epoch", "age")
#: Fields beside those of the experiment, and what words without a field are looked for in.
OWN = ("name", "state", "epoch", "best", "monitor", "test", "experiment")
SPOKEN = (
    "name", "state", "experiment", "data", "model", "model.activation", "loss", "optimizer", "init", "data.preprocess",
    "data.augmentation",
)  # fmt: skip


@dataclass(frozen=True)
class Archived:
    """A run of the runs directory, with the values of its experiment."""

    info: RunInfo
    values: Values
    plain: Mapping[str, Any]
    "The experiment as it began; empty if it cannot be read."
    stamp: tuple[int, int] | None = None
    "When its status was written, and how long it is."

    @classmethod
    def of(cls, info: RunInfo) -> Archived:
        """Read the experiment of a run."""
        stamp = _stamp(info.path)
        plain = experiment_values(info.path)
        changes = {str(one["key"]): Change(one["value"], one["epoch"]) for one in info.status.changes}
        return cls(info, Values.of(plain, changes), plain, stamp)

    @property
    def settled(self) -> bool:
        """Whether its files say the same as when they were read: it had ended, and its status is that of then."""
        ended = self.info.status.ended is not None and not self.info.fault
        return ended and self.stamp is not None and self.stamp == _stamp(self.info.path)

    @cached_property
    def data(self) -> str:
        """The data set, or the user's own file."""
        return self.values.began.get("data.name") or Path(self.values.began.get("data.path", "")).name

    @property
    def goodness(self) -> Goodness:
        """Its place in a ranking."""
        status = self.info.status
        mode = self.values.now("stopping.mode") or "min"
        return goodness(self.data, status.monitor, mode, status.best_value)

    @cached_property
    def fields(self) -> dict[str, str]:
        """What a filter may name: its own fields, values by dotted key, parts by their kind, and last words of keys."""
        status, values = self.info.status, self.values.all()
        kinds = {key.removesuffix(".kind"): value for key, value in values.items() if key.endswith(".kind")}
        last = Counter(key.rpartition(".")[2] for key in values)
        short = {
            key.rpartition(".")[2]: value
            for key, value in values.items()
            if last[key.rpartition(".")[2]] == 1
        }
        own = {
            "name": self.info.name, "state": self.info.state.replace("_", " "), "epoch": str(status.epoch),
            "best": "" if status.best_value is None else str(status.best_value), "monitor": status.monitor,
            "test": "" if status.test is None else str(status.test.get("loss", "")), "experiment": status.description,
        }  # fmt: skip
        return {**short, **values, **kinds, "data": self.data, **own}


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = (path / STATUS).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def read(root: Path, known: Sequence[Archived] = ()) -> list[Archived]:
    """List the runs of a directory; reads their files, but for those of the `known` runs that are settled."""
    before = {run.info.path: run for run in known}

    def info(path: Path) -> RunInfo | None:
        run = before.get(path)
        return run.info if run is not None and run.settled else run_info(path)

    found: list[Archived] = []
    for one in list_runs(root, info):
        run = before.get(one.path)
        found.append(run if run is not None and run.info is one else Archived.of(one))
    return found


def rows(runs: Sequence[Archived]) -> list[tuple[tuple[str, ...], list[str]]]:
    """The runs as the table shows them, and apart the words of what differs, of which as many are shown as fit."""
    several = len({run.info.status.monitor for run in runs}) > 1
    return [(_row(run.info, several), words) for run, words in zip(runs, _apart(runs), strict=True)]


def _row(run: RunInfo, several: bool) -> tuple[str, ...]:
    status, best = run.status, ""
    if status.best_value is not None:
        best = f"{measured(status.monitor, status.best_value)} @ {status.best_epoch}"
        best = f"{clean(status.monitor, 20)} {best}" if several else best
    epoch = f"{status.epoch}/{status.epochs}" if status.epochs else ""
    return clean(run.name, 40), run.state.replace("_", " "), epoch, best, duration(run.age)


def _apart(runs: Sequence[Archived]) -> list[list[str]]:
    """What sets each run apart from the others on the same data, what the fewest have first, and at last the data.

    Across data sets next to everything differs, and follows from the data.
    """
    of_data: dict[str, list[Archived]] = {}
    for run in runs:
        of_data.setdefault(run.data, []).append(run)
    found: dict[Path, list[str]] = {}
    for data, group in of_data.items():
        keys = differing([run.values for run in group])
        shares = {key: Counter(run.values.now(key) for run in group) for key in keys}
        for run in group:
            rarest = sorted(keys, key=lambda key: shares[key][run.values.now(key)])
            found[run.info.path] = run.values.told(rarest) + [clean(data, 60)] * (len(of_data) > 1)
    return [
        [clean(run.info.fault, 200)] if run.info.fault
        else found[run.info.path] or clean(run.info.status.description, 200).split(" ")
        for run in runs
    ]  # fmt: skip


def known_fields(runs: Sequence[Archived]) -> list[str]:
    """All fields that a filter may name, those of every run first."""
    found = dict.fromkeys((*OWN, "data", "model", "loss", "optimizer", "init", "lr"))
    return [*(found | dict.fromkeys(key for run in runs for key in run.fields))]


def ordered(runs: Sequence[Archived], by: str) -> list[Archived]:
    """Sort by a column: age and epoch downwards, the best first among those that can be compared, the rest by the alphabet."""
    newest = sorted(runs, key=lambda run: run.info.age)
    match by:
        case "age":
            return newest
        case "best":
            return sorted(newest, key=lambda run: run.goodness)
        case "epoch":
            return sorted(newest, key=lambda run: -run.info.status.epoch)
        case "state":
            return sorted(newest, key=lambda run: run.info.state)
        case "run":
            return sorted(newest, key=lambda run: run.info.name)
        case _:
            words = dict(zip((run.info.path for run in newest), _apart(newest), strict=True))
            return sorted(newest, key=lambda run: words[run.info.path])


@dataclass(frozen=True)
class Listing:
    """What the table shows, or what is wrong with the filter."""

    widths: dict[str, int]
    "Cells of each column."
    rows: dict[Path, list[str]]
    "The cells of each run, in order."
    trouble: str = ""


def listing(runs: Sequence[Archived], query: str, by: str, width: int) -> Listing:
    """The runs that a filter lets through, in an order, in so many cells; what differs gets the room that is left."""
    try:
        wants = wanted(query, known_fields(runs), SPOKEN)
    except ValueError as error:
        return Listing({}, {}, str(error))
    found = ordered([run for run in runs if wants(run.fields)], by)
    told = rows(found)
    widths = {
        column: max([cell_len(column), *(cell_len(row[place]) for row, _ in told)])
        for place, column in enumerate(COLUMNS[:-1])
    }
    room = width - 1 - _GAP
    for column in _DROPPED:
        if room - sum(each + _GAP for each in widths.values()) < _LEAST:
            del widths[column]
    room = max(1, room - sum(each + _GAP for each in widths.values()))
    cells = {
        run.info.path: [
            *(value for column, value in zip(COLUMNS, row, strict=False) if column in widths),
            in_cells(words, room),
        ]
        for run, (row, words) in zip(found, told, strict=True)
    }
    return Listing(widths | {COLUMNS[-1]: room}, cells)
