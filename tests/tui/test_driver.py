"""The driver's ear, without a terminal: who acts is heard before anybody else, and an ear that hears nothing sleeps."""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time

import pytest
from textual._xterm_parser import XTermParser
from textual.message import Message

from ladera.tui.driver import ResilientDriver


def test_a_key_and_a_click_are_acts_and_a_moved_mouse_is_none() -> None:
    heard = list[str]()

    def process(message: Message) -> None:
        heard.append(type(message).__name__)

    driver = ResilientDriver.__new__(ResilientDriver)  # no terminal
    driver.process_message = process  # type: ignore[method-assign]
    driver.on_act = lambda: heard.append("act")
    for event in XTermParser().feed("\x1b[<35;10;10Mr\x1b[<0;10;10M\x1b[I"):
        driver._heard(event)
    assert heard == ["MouseMove", "act", "Key", "act", "MouseDown", "AppFocus"]


def test_the_input_thread_sleeps_until_a_key_or_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, asked = list[str](), list[float | None]()
    select = selectors.SelectSelector.select

    def counted(self: selectors.SelectSelector, timeout: float | None = None) -> object:
        asked.append(timeout)
        return select(self, timeout)

    def process(message: Message) -> None:
        heard.append(getattr(message, "key", ""))

    def until(count: int) -> None:
        end = time.monotonic() + 30
        while len(heard) < count and time.monotonic() < end:
            time.sleep(0.01)

    monkeypatch.setattr(selectors.SelectSelector, "select", counted)
    driver = ResilientDriver.__new__(ResilientDriver)  # no terminal
    driver._debug, driver.exit_event = False, threading.Event()
    driver.process_message = process  # type: ignore[method-assign]
    driver.fileno, keys = os.pipe()
    driver._waker, driver._woken = socket.socketpair()
    ear = threading.Thread(target=driver.run_input_thread)
    ear.start()
    try:
        os.write(keys, b"r")
        until(1)
        os.write(keys, b"\x1b")  # the key, or the first byte of another: only time tells
        until(2)
        assert heard == ["r", "escape"]
    finally:
        driver.exit_event.set()
        driver._waker.close()
        ear.join(30)
        os.close(keys)
        os.close(driver.fileno)
    assert not ear.is_alive()
    assert set(asked) == {None, 0.1}
    assert asked[-1] is None
