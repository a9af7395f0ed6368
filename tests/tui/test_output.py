"""The output thread: order, the replaced line, a stalled reader that holds nobody up, and a reader that leaves."""

from __future__ import annotations

import errno
import io
import os
import threading
import time
from types import SimpleNamespace

import pyte
import pytest

from ladera.tui import output
from ladera.tui.output import Output


def pipe() -> tuple[int, io.TextIOWrapper]:
    read_end, write_end = os.pipe()
    return read_end, open(write_end, "w", encoding="utf-8")  # noqa: PTH123 - a descriptor


def read_all(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 65536):
        parts.append(part)
    return b"".join(parts)


def on_screen(text: str) -> list[str]:
    """What a terminal shows after this text, by an independent terminal emulator."""
    screen = pyte.Screen(40, 6)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))  # as the tty does
    return [row.rstrip() for row in screen.display if row.strip()]


def test_lines_come_in_order_and_nothing_else() -> None:
    stream = io.StringIO()
    out = Output(stream)
    for number in range(1000):
        out.line(f"line {number}")
    out.close()
    assert stream.getvalue() == "".join(f"line {number}\n" for number in range(1000))


def test_the_live_line_stays_below_the_lines_and_goes_at_the_end() -> None:
    stream = io.StringIO()
    out = Output(stream)
    out.live("a long line at 1 %")
    out.line("a finding")
    out.live("50 %")
    out.line("another")
    out.live(None)
    out.close()
    assert on_screen(stream.getvalue()) == ["a finding", "another"]


def test_a_live_line_is_shown_below() -> None:
    stream = io.StringIO()
    out = Output(stream)
    out.live("at 1 %")
    out.line("a finding")
    out.live("9 %")
    out.close()
    assert on_screen(stream.getvalue()) == ["a finding", "9 %"]


def test_nobody_waits_for_a_stalled_reader() -> None:
    read_end, stream = pipe()
    out = Output(stream)
    done = threading.Event()

    def talk() -> None:
        for _ in range(100):  # a pipe holds 64 KiB
            out.line("x" * 10_000)
        done.set()

    threading.Thread(target=talk, daemon=True).start()
    assert done.wait(20)
    closing = threading.Thread(target=out.close)
    closing.start()
    received = 0
    while received < 100 * 10_001:
        received += len(os.read(read_end, 65536))
    closing.join(20)
    assert not closing.is_alive()
    assert received == 100 * 10_001
    assert not out.dead


def test_too_much_unread_text_holds_the_writer_until_it_is_in_a_hurry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "MOST_PENDING", 1000)
    _read_end, stream = pipe()
    hurry = threading.Event()
    out = Output(stream, hurry.is_set)
    finished = threading.Event()

    def talk() -> None:
        for _ in range(50):
            out.line("x" * 10_000)
        finished.set()

    threading.Thread(target=talk, daemon=True).start()
    assert not finished.wait(0.5)
    hurry.set()
    assert finished.wait(20)
    began = time.monotonic()
    out.close(patience=0.2)  # what nobody reads is left behind
    assert time.monotonic() - began < 20


def test_a_reader_that_left_is_no_error() -> None:
    read_end, stream = pipe()
    out = Output(stream)
    os.close(read_end)
    out.line("nobody reads this")
    out.close()
    assert out.dead
    out.line("nor this")
    out.live("nor this")
    out.close()
    assert out.fault is None


def test_a_disk_that_is_full_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    _read_end, stream = pipe()
    out = Output(stream)

    def full(descriptor: int, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("ladera.tui.output.os", SimpleNamespace(write=full))
    out.line("no room for this")
    out.close()
    assert out.dead
    assert out.fault is not None
    assert out.fault.errno == errno.ENOSPC


def test_characters_the_terminal_lacks_are_replaced() -> None:
    read_end, write_end = os.pipe()
    stream = open(write_end, "w", encoding="ascii")  # noqa: PTH123, SIM115 - a descriptor
    out = Output(stream)
    out.line("π = 3.14")
    out.close()
    stream.close()
    assert read_all(read_end) == b"? = 3.14\n"
