"""What the terminal at hand is able to; imports nothing, since it is asked before anything else."""

from __future__ import annotations

import os
import sys
from typing import Literal, TextIO

Style = Literal["live", "plain", "quiet"]


def style_of(stream: TextIO) -> Style:
    """Live on a terminal that can move its cursor, plain elsewhere."""
    return "live" if stream.isatty() and not why_plain() else "plain"


def why_plain() -> str:
    """Why a terminal gets plain lines, by what the environment tells of it; empty if it may have more."""
    kind, service = os.environ.get("TERM", ""), os.environ.get("CI", "")
    if kind in ("", "dumb"):
        return f"TERM={kind or '(not set)'} cannot move its cursor"
    # A build service may run commands in a pseudo-terminal, but keeps what they write as a log.
    return f"CI={service} says that nobody watches" if service.lower() not in ("", "0", "false", "no") else ""


def can_hold_a_screen() -> bool:
    """Tell whether all three streams are a terminal that can move its cursor; the screen is drawn on standard error."""
    return sys.stdin.isatty() and sys.stderr.isatty() and style_of(sys.stdout) == "live"
