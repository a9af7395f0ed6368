"""The standard streams made fit to be written to: open where the caller closed them, and no fault of theirs an exception.

A write that fails in the middle of a command would end it with a traceback, be it a reader that left (`| head`) or a
disk that is full. So what fails is dropped and remembered, and the end of the program tells of it.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_NAMES = ("stdin", "stdout", "stderr")


def is_reader_gone(error: OSError, terminal: bool) -> bool:
    """Whether a failed write says that nobody reads any more, which is the reader's business and no fault."""
    return error.errno == errno.EPIPE or (terminal and error.errno == errno.EIO)


class _Forgiving(io.FileIO):
    """A descriptor whose failed writes are dropped."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.fault: OSError | None = None
        "The first write that failed, unless its reader had left."
        self._terminal = self.isatty()

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, or remember why not."""
        try:
            return super().write(data)
        except OSError as error:
            if self.fault is None and not is_reader_gone(error, self._terminal):
                self.fault = error
            return memoryview(data).nbytes


def make_usable() -> None:
    """Open /dev/null on each of the descriptors 0 to 2 that is closed, and make failed writes harmless.

    Otherwise the next file that is opened takes the number, and what is printed goes into it. Streams that somebody
    else has put in place (tests do) stay as they are.
    """
    for descriptor, name in enumerate(_NAMES):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number: this one
        stream: TextIO | None = getattr(sys, name)
        if name == "stdin" and stream is None:
            sys.stdin = open(descriptor, encoding="utf-8", closefd=False)  # noqa: SIM115
        elif name != "stdin" and stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _forgiving(descriptor, stream))


def _forgiving(descriptor: int, like: TextIO | None) -> TextIO:
    raw = io.BufferedWriter(_Forgiving(descriptor))
    # A stream without a buffer, as PYTHONUNBUFFERED asks for, has one here, which is emptied after each line.
    if not isinstance(like, io.TextIOWrapper):
        return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace")
    return io.TextIOWrapper(
        raw, encoding=like.encoding, errors=like.errors,
        line_buffering=like.line_buffering or like.write_through,
    )  # fmt: skip


def output_fault() -> str:
    """Flush standard output and return why something of it could not be written; empty if all is well."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    fault = raw.fault if isinstance(raw, _Forgiving) else None
    return "" if fault is None else fault.strerror or str(fault)
