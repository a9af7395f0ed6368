"""The lines of a run's log in order, read where and when they are looked at, so that no log is too long."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

from ..engine.events import Event
from ..engine.history import History
from ..engine.store import log
from ..engine.store.reading import open_regular
from .log import LEVELS, Entry, entries, record, wanted
from .text import clean

#: Lines that can be scrolled through, and bytes at the end of the log that are read for them.
MOST_LINES, MOST_BYTES = 50_000, 64 << 20
#: Seconds that one reading may take.
BUDGET = 0.01


class Lines(Protocol):
    """The lines of a run, in order; the oldest fall away."""

    note: str
    "What is not there, in words."
    dropped: int
    "Lines that fell away."

    def __len__(self) -> int: ...

    def read(self) -> bool:
        """Take in some of what is new; whether anything was."""
        ...

    def part(self, first: int, number: int) -> list[Entry]:
        """Return some lines."""
        ...

    def whole(self, at: int) -> str:
        """Return all that is known of what a line tells; "" if there is no such line."""
        ...


class FromFile:
    """The lines of a log file. Kept is only where they begin; what is looked at is read again."""

    def __init__(
        self, path: Path, level: str, query: str = "", monitor: str = "loss", changed: str = ""
    ) -> None:
        self.note = ""
        self._path, self._monitor, self._changed = path, monitor, changed
        self._without = tuple(f'{{"event":"{name}"'.encode() for name in LEVELS[level])
        self._test = wanted(query) if query.strip() else None
        self._begin()

    def _begin(self) -> None:
        self._places: deque[tuple[int, int]] = deque(maxlen=MOST_LINES)
        self.dropped = 0
        self._waiting: Iterator[tuple[int, bytes]] = iter(())
        self._inode = self._offset = 0

    def __len__(self) -> int:
        return len(self._places)

    def read(self) -> bool:
        """Take in what is new, for some milliseconds."""
        try:
            facts = self._path.stat()
        except OSError:
            self.note = "its log cannot be read"
            return False
        if facts.st_size < self._offset or facts.st_ino != self._inode:
            self._begin()
            try:
                first = self._first(facts.st_size)
            except OSError:
                self.note = "its log cannot be read"
                return False
            self._inode, self._offset = facts.st_ino, first
            self.note = f"the last {MOST_BYTES >> 20} MiB of its log" if self._offset else ""
        before, until = len(self._places) + self.dropped, time.monotonic() + BUDGET
        while time.monotonic() < until:
            lines = list(islice(self._waiting, 64))
            if not lines:
                try:
                    portion = next(log.portions(self._path, self._offset), None)
                except OSError:
                    self.note = "its log cannot be read"
                    break
                if portion is None:
                    break
                self._waiting, self._offset = _placed(portion[0], self._offset), portion[1]
            for place, line in lines:
                self._take(place, line)
        if self.dropped:
            self.note = f"the last {MOST_LINES:,} lines"
        return len(self._places) + self.dropped != before

    def _first(self, size: int) -> int:
        """Where to begin: after a line's end, not too far back."""
        if size <= MOST_BYTES:
            return 0
        with open_regular(self._path) as file:
            file.seek(size - MOST_BYTES)
            file.readline(MOST_BYTES)
            return file.tell()

    def _take(self, place: int, line: bytes) -> None:
        if not line.strip() or line.startswith(self._without):
            return
        if self._test is None and line.startswith(_SINGLE):
            found = range(1)
        else:
            told = self._told(line)
            found = [at for at, entry in enumerate(told) if self._test is None or self._test(entry)]
        for at in found:
            self.dropped += len(self._places) == MOST_LINES
            self._places.append((place, at))

    def _told(self, line: bytes) -> list[Entry]:
        event = log.parse(line)
        try:
            told = entries(event, self._monitor, self._changed) if event is not None else []
        except (TypeError, KeyError, ValueError, AttributeError):
            told = []
        return told or [Entry(math.nan, "damaged", clean(line[:400].decode(errors="replace"), 200), True)]

    def part(self, first: int, number: int) -> list[Entry]:
        """Read some lines again."""
        found: list[Entry] = []
        try:
            with open_regular(self._path) as file:
                for place, at in islice(self._places, max(0, first), max(0, first) + number):
                    file.seek(place)
                    told = self._told(file.readline(1 << 20).removesuffix(b"\n"))
                    found.append(told[min(at, len(told) - 1)])
        except OSError:
            self.note = "its log cannot be read"
        return found

    def whole(self, at: int) -> str:
        """Read its record again."""
        if not 0 <= at < len(self._places):
            return ""
        try:
            with open_regular(self._path) as file:
                file.seek(self._places[at][0])
                line = file.readline(1 << 20)
        except OSError:
            self.note = "its log cannot be read"
            return ""
        event = log.parse(line)
        return clean(line.decode(errors="replace"), 20_000) if event is None else record(event)


#: Events of exactly one line: known without reading the record.
_SINGLE = tuple(
    f'{{"event":"{name}"'.encode() for name in ("steps_ended", "epoch_ended", "checked", "checkpoint_saved")
)


def _placed(lines: list[bytes], offset: int) -> Iterator[tuple[int, bytes]]:
    for line in lines:
        yield offset, line
        offset += len(line) + 1


class FromHistory:
    """The lines of a run that no file tells of: what its History keeps of it, which is not every epoch and checkpoint."""

    def __init__(self, history: History, level: str, query: str = "", changed: str = "") -> None:
        self._changed, self.dropped = changed, 0
        self.note = "kept in memory only: no epochs, and of checkpoints the last"
        self._history, self._without = history, LEVELS[level]
        self._test = wanted(query) if query.strip() else None
        self._version = -1
        self._due = 0.0
        self._entries: list[tuple[Event, int]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def read(self) -> bool:
        """Order anew what is there, as often as it costs little."""
        history, begin = self._history, time.monotonic()
        if history.version == self._version or begin < self._due:
            return False
        self._version = history.version
        events: list[Event] = [
            *([history.started] if history.started else []), *history.checks, *history.layers, *history.diagnoses,
            *history.commands, *history.resumes, *history.saved,
            *([history.storage] if history.storage else []), *([history.ended] if history.ended else []),
        ]  # fmt: skip
        events = sorted(
            (event for event in events if event.name not in self._without),
            key=lambda event: (event is not history.started, event is history.ended, event.time),
        )[-MOST_LINES:]
        before, self._entries = len(self._entries), []
        for event in events:
            for at, entry in enumerate(entries(event, history.monitor, self._changed)):
                if self._test is None or self._test(entry):
                    self._entries.append((event, at))
        self._due = time.monotonic() + 50 * (time.monotonic() - begin)
        return len(self._entries) != before

    def part(self, first: int, number: int) -> list[Entry]:
        """Write some lines."""
        chosen = self._entries[max(0, first) : max(0, first) + number]
        return [entries(event, self._history.monitor, self._changed)[at] for event, at in chosen]

    def whole(self, at: int) -> str:
        """Tell the event."""
        return record(self._entries[at][0]) if 0 <= at < len(self._entries) else ""


class FromOutput:
    """What libraries printed, from files of plain text: the last 256 KiB of each."""

    _BYTES = 256 << 10

    def __init__(self, paths: list[Path], query: str = "") -> None:
        self.note, self.dropped = "", 0
        self._paths = paths
        self._test = wanted(query) if query.strip() else None
        self._seen: list[tuple[int, int]] = []
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def read(self) -> bool:
        """Read anew what grew."""
        sizes: list[tuple[int, int]] = []
        for path in self._paths:
            try:
                facts = path.stat()
                sizes.append((facts.st_size, facts.st_mtime_ns))
            except OSError:
                sizes.append((0, 0))
        if sizes == self._seen:
            return False
        self._seen, self._entries = sizes, []
        for path in self._paths:
            for text in self._tail(path):
                entry = Entry(math.nan, "", clean(text, 20_000))
                if entry.text and (self._test is None or self._test(entry)):
                    self._entries.append(entry)
        return True

    def _tail(self, path: Path) -> list[str]:
        try:
            with open_regular(path) as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - self._BYTES))
                data = file.read(self._BYTES)
        except OSError:
            return []
        cut = data.find(b"\n") + 1 if size > self._BYTES else 0
        return data[cut:].decode(errors="replace").replace("\r", "\n").split("\n")

    def part(self, first: int, number: int) -> list[Entry]:
        """Return some lines."""
        return self._entries[max(0, first) : max(0, first) + number]

    def whole(self, at: int) -> str:
        """Return the line."""
        return self._entries[at].text if 0 <= at < len(self._entries) else ""
