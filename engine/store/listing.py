"""Which runs there are, how each is doing, and finding, renaming and deleting them; needs no torch."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import StoreError, quoted
from . import log
from .directory import EXPERIMENT, read_experiment, refuse_name, split_name
from .lock import Lock, holder
from .reading import open_regular, read_regular
from .status import LARGEST, Status, after, described, parse_status, well_formed
from .status import NAME as STATUS

_TAIL = 1 << 16
#: Runs that are named where the one that is asked for is not there.
_NAMED = 6


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run of a list."""

    name: str
    path: Path
    state: str
    "training, paused, stopped, finished, stopped_early, diverged, failed, crashed, stalled or damaged."
    status: Status
    fault: str = ""
    "What is wrong with the directory, if it is damaged."

    @property
    def progress(self) -> float:
        """Share of the epochs that were made, 0 to 1."""
        return min(1.0, self.status.epoch / self.status.epochs) if self.status.epochs else 0.0

    @property
    def age(self) -> float:
        """Seconds since it began, by the wall clock."""
        return max(0.0, time.time() - self.status.started)


def experiment_values(path: Path) -> Mapping[str, Any]:
    """Return the plain values of a run's experiment as its file has them, of any version; empty if it cannot be read."""
    try:
        return _parsed(path, (path / EXPERIMENT).stat().st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=4096)
def _parsed(path: Path, _modified: int) -> Mapping[str, Any]:
    try:
        return read_experiment(path)
    except (OSError, ValueError, RecursionError):
        return {}


def list_runs(root: Path, info: Callable[[Path], RunInfo | None] | None = None) -> list[RunInfo]:
    """Return the runs of a directory by when they began, the newest last; folders that are no runs are passed over.

    `info` tells of a folder, as `run_info` does. Those that began together are ordered by name and number.
    """
    try:
        with os.scandir(root) as entries:
            names = [entry.name for entry in entries if entry.name[0] != "." and _is_folder(entry)]
    except OSError:
        return []
    runs = [run for name in names if (run := (info or run_info)(root / name)) is not None]
    return sorted(runs, key=lambda run: (run.status.started, *split_name(run.name)))


def count_runs(root: Path) -> int:
    """Return how many run directories there are, without a look into them."""
    try:
        return sum(1 for _ in root.glob(f"[!.]*/{STATUS}"))
    except OSError:
        return 0


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # for example a link to itself
        return False


def run_info(path: Path) -> RunInfo | None:
    """Return what is known of one run; None if the folder is no run."""
    try:
        return _run_info(path)
    except Exception as error:  # one directory, whatever is in it, must not take away the list of all others
        fault = f"it cannot be read ({type(error).__name__}: {error})"
        return RunInfo(path.name, path, "damaged", Status(started=_changed(path)), fault)


def _run_info(path: Path) -> RunInfo | None:
    fault = ""
    try:
        status = parse_status(read_regular(path / STATUS, LARGEST))
        if status is None:
            fault = f"{STATUS} cannot be read"
    except OSError as error:
        status, fault = None, f"no {STATUS} ({error.strerror})"
    if status is not None:
        return RunInfo(path.name, path, status.state_now(), status)
    status = _from_log(path)
    if status is not None:
        # The log tells what the status would have; only who wrote it is not in there.
        alive = (owner := holder(path)) is not None and owner.process.alive()
        state = status.state if alive or status.ended is not None else "crashed"
        return RunInfo(path.name, path, state, status, fault)
    if any(os.path.lexists(path / name) for name in (EXPERIMENT, log.NAME, STATUS)):
        return RunInfo(path.name, path, "damaged", Status(started=_changed(path)), fault)
    if split_name(path.name)[1] and _empty(path):
        return RunInfo(path.name, path, "damaged", Status(started=_changed(path)), "the directory is empty")
    return None


def known_status(path: Path) -> Status:
    """Return what is known of how a run is doing, from its log where its status cannot be read."""
    try:
        status = parse_status(read_regular(path / STATUS, LARGEST))
    except OSError:
        status = None
    return status or _from_log(path) or Status()


def _from_log(path: Path) -> Status | None:
    """Make a status of the log's beginning and end and of experiment.toml; None if the log holds no record."""
    try:
        with open_regular(path / log.NAME) as file:
            size = os.fstat(file.fileno()).st_size
            first = log.parse(file.readline(_TAIL))
            file.seek(max(file.tell(), size - _TAIL))
            rest = [event for line in file.read(_TAIL).split(b"\n") if (event := log.parse(line)) is not None]
    except OSError:
        return None
    if first is None and not rest:
        return None
    when = _changed(path)
    status = _tried(
        Status(state="training", started=when), lambda status: after(status, first, when) if first else status
    )
    # It holds what is in force since the run went on, of which the end of the log may tell nothing.
    status = _tried(status, lambda status: described(status, experiment_values(path)))
    for event in rest:
        status = _tried(status, lambda status, event=event: after(status, event, when))
    return status


def _tried(status: Status, step: Callable[[Status], Status]) -> Status:
    """Return the status after a step; as it was, if what somebody wrote into a file makes no sense."""
    try:
        following = step(status)
    except (TypeError, KeyError, ValueError, AttributeError, IndexError, ArithmeticError):
        return status
    return following if well_formed(following) else status


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _empty(path: Path) -> bool:
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is None
    except OSError:
        return True


def find_run(root: Path, name: str) -> Path:
    """Return the directory of a run by its name, by what it was called (the newest), or by its path.

    Raises StoreError with the nearest name if there is none, and for a name that is none.
    """
    path = Path(name)
    if os.sep in name.rstrip(os.sep):
        return _directory(path)
    name = name.rstrip(os.sep)
    refuse_name(name)
    if (root / name).is_dir():
        return root / name
    try:
        names = [entry.name for entry in root.iterdir() if entry.is_dir() and entry.name[0] != "."]
    except OSError:
        names = []
    called = sorted((split_name(entry)[1], entry) for entry in names if split_name(entry)[0] == name)
    if called:
        return root / called[-1][1]
    if path.exists():
        return _directory(path)
    close = get_close_matches(name, [*names, *{split_name(entry)[0] for entry in names}], 1)
    hint = f'did you mean "{close[0]}"?' if close else _there_are(names)
    raise StoreError(f"no run {quoted(name)} in {root}; {hint}")


def _directory(path: Path) -> Path:
    """Return a run directory that was given by its path. Raises StoreError if it is none."""
    try:
        if path.is_dir():
            return path
        if not path.exists():
            raise StoreError(f"there is no run directory {path}")
    except OSError as error:
        raise StoreError(f"{quoted(str(path))} cannot be looked at: {error.strerror}") from None
    inside = (path.parent / EXPERIMENT).is_file()
    raise StoreError(
        f"{path} is a file; give the directory of the run" + (f", {path.parent}" if inside else "")
    )


def _there_are(names: Sequence[str]) -> str:
    """Name some of the runs that there are."""
    shown = ", ".join(quoted(name)[1:-1] for name in sorted(names)[:_NAMED])
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"there {'is' if len(names) < 2 else 'are'} {shown or 'none'}{more}"


def delete_run(path: Path) -> None:
    """Delete a run directory. Raises StoreError if it is no run, a process writes in it, or it cannot be deleted."""
    with _held(path):
        grave = path.with_name(f".deleted-{path.name}-{os.getpid()}")
        try:
            path.rename(grave)  # at once out of every list, however long the rest takes
            shutil.rmtree(grave)
        except OSError as error:
            raise StoreError(f"{path} cannot be deleted: {error}") from None


def rename_run(path: Path, name: str) -> Path:
    """Give a run directory another name and return its path. Raises StoreError as delete_run does, or if the name is taken."""
    refuse_name(name)
    target = path.with_name(name)
    with _held(path):
        try:
            target.mkdir(mode=0o700)  # claims the name; the rename then puts the run in the empty one's place
        except FileExistsError:
            raise StoreError(f"{target} exists already; choose another name") from None
        except OSError as error:
            raise StoreError(f"{path} cannot be renamed: {error}") from None
        try:
            path.rename(target)
        except OSError as error:
            target.rmdir()
            raise StoreError(f"{path} cannot be renamed: {error}") from None
    return target


def _held(path: Path) -> Lock:
    """Return the lock of a run that nobody writes, ready to be taken."""
    if path.is_symlink():
        raise StoreError(f"{path} is a link; delete or rename what it points to")
    if not path.is_dir() or run_info(path) is None:
        raise StoreError(f"{path} is no run directory")
    return Lock.of_run(path)
