"""Reading events.jsonl: every good record, whatever else stands in the file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from ..controls import refusal
from ..event_lines import from_plain
from ..events import CommandTaken, Event, Resumed, RunStarted
from ..experiment import Experiment
from ..history import History
from .reading import open_regular

NAME = "events.jsonl"

_PORTION = 4 << 20
# A line that long is no record; more of it is not kept in memory.
_LONGEST = 64 << 20


def read(path: Path, offset: int = 0, end: int | None = None) -> tuple[list[Event], int, int]:
    """Read the complete lines from a byte offset on.

    Returns the events, the offset of the first byte not read (where an unterminated last line begins: it is read
    once it is complete), and the number of lines that are no record. A file that is not there has no lines.
    """
    found = list(scan(path, offset, end))
    events = [event for portion, _, _ in found for event in portion]
    return events, found[-1][1] if found else offset, sum(bad for _, _, bad in found)


def scan(path: Path, offset: int = 0, end: int | None = None) -> Iterator[tuple[list[Event], int, int]]:
    """Read as `read` does, in portions of about 4 MB, so that a log of any size needs little memory."""
    for lines, after in portions(path, offset, end):
        events = [parse(line) for line in lines]
        good = [event for event in events if event is not None]
        blank = sum(1 for line in lines if not line.strip())
        yield good, after, len(lines) - len(good) - blank


def portions(path: Path, offset: int = 0, end: int | None = None) -> Iterator[tuple[list[bytes], int]]:
    """Yield (complete lines without their ends, offset after them)."""
    try:
        file = open_regular(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    with file:
        file.seek(offset)
        rest = b""
        while True:
            wanted = _PORTION if end is None else min(_PORTION, end - offset - len(rest))
            data = file.read(wanted) if wanted > 0 else b""
            if not data:
                return
            cut = data.rfind(b"\n") + 1
            if not cut:
                rest += data
                if len(rest) > _LONGEST:
                    offset += len(rest)
                    rest = b""
                continue
            block = rest + data[:cut]
            rest = data[cut:]
            offset += len(block)
            yield block[:-1].split(b"\n"), offset


def parse(line: bytes) -> Event | None:
    """Return the event of a line; None if it is no record. NUL bytes around a record (a power cut leaves such) are passed over."""
    try:
        values = json.loads(line.strip(b"\0 \t\r"))
        event = from_plain(values) if isinstance(values, dict) else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return event if _makes_sense(event) else None


def _makes_sense(event: Event | None) -> bool:
    """Tell whether what a record holds below its fields is what readers count on; the fields themselves are checked."""
    match event:
        case RunStarted():
            sizes = [event.sizes.get(part) for part in ("train", "validation", "test")]
            branched = isinstance(event.parent.get("epoch", 0), int) and (
                not event.parent or "epoch" in event.parent
            )
            if not branched or not all(isinstance(size, int) and 0 <= size < 1 << 62 for size in sizes):
                return False
            try:
                Experiment.model_validate(event.experiment)
            except ValidationError as error:  # keys of another version do no harm
                return all(one["type"] == "extra_forbidden" for one in error.errors())
        case CommandTaken(command="set", error=""):
            return not refusal("set", event.value)
        case CommandTaken(command="pace", error=""):
            return not refusal("pace", event.value)
        case Resumed():
            return all(
                isinstance(change, list | tuple) and len(change) == 2 for change in event.changes.values()
            )
        case _:
            pass
    return True


def fold(history: History, events: Iterable[Event]) -> int:
    """Apply events and return how many of them could not be: records that a damaged disk made senseless."""
    bad = 0
    for event in events:
        try:
            history.apply(event)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError):
            bad += 1
    return bad


class Follower:
    """Reads a log as it grows, from another thread or process than its writer's."""

    def __init__(self, directory: Path, offset: int = 0) -> None:
        self.path = directory / NAME
        self.offset = offset
        "Bytes read so far."
        self.bad = 0
        "Lines seen that are no record."
        self.restarted = False
        "Whether the last poll found another file in the log's place: its events are told from the first on."
        self._inode = self._stat()[0]

    def poll(self, most: int = _PORTION) -> list[Event]:
        """Return what is new, at most about `most` bytes of it; an empty list if nothing is or the file cannot be read now."""
        inode, size = self._stat()
        self.restarted = False
        if not inode or (inode == self._inode and size == self.offset):
            return []
        if size < self.offset or (self._inode and inode != self._inode):
            self.offset, self.restarted = 0, True
        self._inode = inode
        try:
            while (found := next(scan(self.path, self.offset, self.offset + most), None)) is None:
                if self.offset + most >= size:  # the last line is not complete yet
                    return []
                most *= 2  # a line longer than that
        except OSError:
            return []
        events, self.offset, bad = found
        self.bad += bad
        return events

    def _stat(self) -> tuple[int, int]:
        try:
            facts = self.path.stat()
        except OSError:
            return 0, 0
        return facts.st_ino, facts.st_size
