"""The driver's ear, without a terminal: who acts is heard before anybody else."""

from __future__ import annotations

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
