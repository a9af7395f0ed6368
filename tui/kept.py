"""Asks about networks that are on the disk only, through a process of their own.

Torch takes a second to load and holds the interpreter meanwhile; in another process it holds up no key press and no
training, and its memory is free again once nobody looks.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..engine.event_lines import from_plain
from ..engine.events import Probed
from .text import clean


@dataclass(frozen=True)
class Question:
    """What is asked of which network."""

    directory: Path
    probe: str
    options: tuple[tuple[str, Any], ...] = ()
    which: str = ""
    "final, best or latest weights; the first of these that was kept if empty."


@dataclass(frozen=True)
class KeptAnswer:
    """An answer from the disk."""

    question: Question
    probed: Probed | None
    "None if there is no network to ask; `trouble` then says why."
    trouble: str = ""
    which: str = ""
    "final, best or latest."
    words: str = ""
    "Which weights were looked at."
    others: tuple[str, ...] = ()
    "Other sets of weights that can be asked for."
    warnings: tuple[str, ...] = ()


class Kept:
    """One process at most, started with the first question; at most one question is under way, the newest waits.

    `ask` and `poll` never block.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None
        self._lines: deque[bytes | None] = deque()
        "What the process said, filled by a thread; None is its end."
        self._asked: Question | None = None
        self._next: Question | None = None

    def ask(self, question: Question) -> None:
        """Ask; the answer comes with a later `poll`. A question that still waits is dropped for the newer one."""
        self._next = question
        self._send()

    @property
    def busy(self) -> bool:
        """Whether an answer is to come."""
        return self._asked is not None or self._next is not None

    def poll(self) -> KeptAnswer | None:
        """Return an answer if one came."""
        while self._lines:
            line, question = self._lines.popleft(), self._asked
            self._asked = None
            if line is None:
                trouble = self._ended()
                if question is not None:
                    return KeptAnswer(question, None, trouble)
                continue
            self._send()
            if question is not None:
                return _read(question, line)
        self._send()
        return None

    def close(self) -> None:
        """End the process."""
        self._asked = self._next = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def _send(self) -> None:
        if self._asked is not None or self._next is None:
            return
        question, self._next = self._next, None
        try:
            if self._process is None or self._process.poll() is not None:
                self._start()
            assert self._process is not None
            assert self._process.stdin is not None
            values = {
                "directory": str(question.directory.absolute()), "which": question.which, "probe": question.probe,
                "options": dict(question.options),
            }  # fmt: skip
            self._process.stdin.write(json.dumps(values).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            self._lines.append(json.dumps({"error": f"nobody can be asked: {error}"}).encode())
        self._asked = question

    def _start(self) -> None:
        self._forget()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ladera.tui.answering"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._complaints, start_new_session=True,
        )  # fmt: skip
        self._lines = deque()
        threading.Thread(target=_collect, args=(self._process, self._lines), daemon=True).start()

    def _ended(self) -> str:
        """What to say of a process that went away before it answered."""
        code = self._process.wait() if self._process is not None else 0
        said = ""
        if self._complaints is not None:
            self._complaints.seek(0)
            said = self._complaints.read().decode(errors="replace").strip().rpartition("\n")[2]
        self._forget()
        killed = "; it may have needed more memory than there is" if code == -9 else ""
        return clean(f"the process that looks ended with {code}{killed}" + (f": {said}" if said else ""), 300)

    def _forget(self) -> None:
        for stream in (self._process and self._process.stdin, self._complaints):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process = self._complaints = None


def _collect(process: subprocess.Popen[bytes], lines: deque[bytes | None]) -> None:
    assert process.stdout is not None
    with process.stdout:
        lines.extend(process.stdout)
    lines.append(None)


def _read(question: Question, line: bytes) -> KeptAnswer:
    try:
        told = json.loads(line)
        if "error" in told:
            return KeptAnswer(question, None, clean(str(told["error"]), 500))
        probed = from_plain(told["event"])
        assert isinstance(probed, Probed)
        return KeptAnswer(
            question, probed, which=told["which"], words=told["words"], others=tuple(told["others"]),
            warnings=tuple(told["warnings"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        return KeptAnswer(question, None, f"an answer that cannot be read: {error}")
