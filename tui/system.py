"""The machine and the process that trains: measured at a moment, in a thread, and kept for two minutes."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..engine.store.log import NAME as LOG
from .cgroup import allowance

T = TypeVar("T")

#: Seconds between samples, and how many are kept: two minutes.
SECONDS, KEPT = 1.0, 120


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at a moment; None where the system does not tell. Sizes are bytes."""

    at: float
    "By the monotonic clock."
    cores: tuple[float, ...] = ()
    "How busy each core was since the last sample, 0 to 1."
    usable: float = 1.0
    "Cores that the process may use: its affinity, and the quota of its container."
    load: tuple[float, float, float] | None = None
    "Processes that ran or wanted to, on average over 1, 5 and 15 minutes."
    pid: int | None = None
    process_cores: float | None = None
    "Cores' worth of time that the process took since the last sample."
    threads: int | None = None
    resident: int | None = None
    "Memory of the process."
    used: int = 0
    "Memory of the machine that is not available."
    total: int = 0
    limit: int | None = None
    "Memory that the container allows."
    limit_used: int | None = None
    disk_free: int | None = None
    "Where the runs are kept."
    run_size: int | None = None
    "Files of the run."
    log_rate: float | None = None
    "Bytes a second by which the run's log grows."

    @property
    def busy(self) -> float | None:
        """How busy all cores were, 0 to 1; None at the first sample."""
        return sum(self.cores) / len(self.cores) if self.cores else None

    @property
    def memory(self) -> tuple[int, int]:
        """Used and allowed memory, by whichever bound is nearer."""
        if self.limit is not None and self.limit_used is not None and self.limit < self.total:
            inside, whole = self.limit_used / self.limit, self.used / max(1, self.total)
            return (self.limit_used, self.limit) if inside >= whole else (self.used, self.total)
        return self.used, self.total


class Machine:
    """Reads samples of one process and its run; rates are those since the sample before. Needs psutil only."""

    def __init__(self, pid: int | None, directory: Path | None, root: Path) -> None:
        """`pid` is None if the process cannot be seen from here; `root` is where the runs are kept."""
        self.pid, self.directory, self._root = pid, directory, root
        self._cores: list[tuple[float, float]] = []
        self._process: Any = None
        self._before: tuple[float, float] | None = None
        self._log: tuple[float, int] | None = None

    def read(self) -> Sample:
        """Measure now. Raises OSError or psutil.Error only if the machine itself cannot be read."""
        import psutil

        now = time.monotonic()
        memory = psutil.virtual_memory()
        told = allowance(self.pid if self.pid is not None else os.getpid())
        affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        size, rate = self._run(now)
        return Sample(
            at=now, cores=self._busy(psutil.cpu_times(percpu=True)), usable=min(affinity, told.cores or affinity),
            load=os.getloadavg() if hasattr(os, "getloadavg") else None, used=memory.total - memory.available,
            total=memory.total, limit=told.memory, limit_used=told.used, disk_free=_free(self._root),
            run_size=size, log_rate=rate, **self._of_process(psutil, now),
        )  # fmt: skip

    def _busy(self, times: Sequence[Any]) -> tuple[float, ...]:
        """How busy each core was, from what it counted; guests are counted twice there."""
        counted: list[tuple[float, float]] = []
        for core in times:
            idle = core.idle + getattr(core, "iowait", 0.0)
            whole = sum(core) - getattr(core, "guest", 0.0) - getattr(core, "guest_nice", 0.0)
            counted.append((idle, whole))
        before, self._cores = self._cores, counted
        if len(before) != len(counted):
            return ()
        shares: list[float] = []
        for (idle, whole), (idle_before, whole_before) in zip(counted, before, strict=True):
            passed = whole - whole_before
            shares.append(min(1.0, max(0.0, 1 - (idle - idle_before) / passed)) if passed > 0 else 0.0)
        return tuple(shares)

    def _of_process(self, psutil: Any, now: float) -> dict[str, Any]:
        if self.pid is None:
            return {}
        try:
            if self._process is None or self._process.pid != self.pid:
                self._process, self._before = psutil.Process(self.pid), None
            with self._process.oneshot():
                times = self._process.cpu_times()
                threads, resident = self._process.num_threads(), self._process.memory_info().rss
        except psutil.Error:  # it ended, or is somebody else's
            self._process = None
            return {}
        spent = times.user + times.system
        before, self._before = self._before, (now, spent)
        rate = (spent - before[1]) / (now - before[0]) if before and now > before[0] else None
        return {"pid": self.pid, "process_cores": rate, "threads": threads, "resident": resident}

    def _run(self, now: float) -> tuple[int | None, float | None]:
        """Bytes of the run's files, and by how many a second its log grows."""
        if self.directory is None:
            return None, None
        size = log = 0
        try:
            with os.scandir(self.directory) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        own = entry.stat(follow_symlinks=False).st_size
                        size += own
                        log = own if entry.name == LOG else log
        except OSError:
            return None, None
        before, self._log = self._log, (now, log)
        if before is None or now <= before[0]:
            return size, None
        return size, max(0, log - before[1]) / (now - before[0])


def _free(root: Path) -> int | None:
    place = next((path for path in (root, *root.absolute().parents) if path.exists()), root)
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


class Asking(Generic[T]):
    """Reads in a thread of its own, once for each `ask`; one that hangs holds up nobody, and no second is begun."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._since: float | None = None
        self.answer: T | None = None
        "The latest answer."
        self.trouble = ""
        "Why the last one failed."
        self.answers = 0
        "How many there were, so that a new one is told from the one before."

    @property
    def waiting(self) -> float:
        """Seconds for which an answer has been due; 0 if none is."""
        since = self._since
        return time.monotonic() - since if since is not None else 0.0

    def ask(self) -> None:
        """Ask, unless an answer is still due."""
        if self._since is None:
            self._since = time.monotonic()
            # A daemon: a driver that never answers does not keep the program from ending.
            threading.Thread(target=self._work, name="ladera system", daemon=True).start()

    def _work(self) -> None:
        try:
            self.answer = self._read()
            self.trouble = ""
        except Exception as error:
            self.trouble = str(error) or type(error).__name__
        self.answers += 1
        self._since = None


class Ring:
    """The numbers of the last two minutes, one a second; None where there was none."""

    def __init__(self) -> None:
        self._values: dict[str, deque[float | None]] = {}
        self._at: float | None = None

    def add(self, at: float, **values: float | None) -> None:
        """Take the numbers of a moment; seconds that were missed stay empty."""
        passed = 1 if self._at is None else max(1, round((at - self._at) / SECONDS))
        self._at = at
        for name in values.keys() | self._values.keys():
            series = self._values.setdefault(name, deque([None] * KEPT, maxlen=KEPT))
            series.extend([None] * (min(passed, KEPT) - 1))
            series.append(values.get(name))

    def values(self, name: str) -> list[float | None]:
        """Return the numbers of one name, the newest last; empty ones where it has none."""
        return list(self._values.get(name, ())) or [None] * KEPT

    def recent(self, name: str, seconds: int = 10) -> float | None:
        """Return the mean of the last seconds; None until there are five numbers."""
        known = [value for value in self.values(name)[-seconds:] if value is not None]
        return sum(known) / len(known) if len(known) >= 5 else None


def size(n: float) -> str:
    """Bytes for people: "412 MiB", "1.23 GiB"; three digits."""
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while abs(n) >= 999.5 and len(units) > 1:
        n /= 1024
        del units[0]
    digits = 0 if units[0] == "B" or abs(n) >= 99.95 else 1 if abs(n) >= 9.995 else 2
    return f"{n:.{digits}f} {units[0]}"
