"""What the terminal at hand is able to; imports nothing, since it is asked before anything else."""

from __future__ import annotations

import os
import sys
from typing import Literal, TextIO

Style = Literal["live", "plain", "quiet"]


def style_of(stream: TextIO) -> Style:
    """Live on a terminal that can move its cursor, plain elsewhere."""
    return "live" if stream.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb") else "plain"


def can_hold_a_screen() -> bool:
    """Tell whether all three streams are a terminal that can move its cursor; the screen is drawn on standard error."""
    return sys.stdin.isatty() and sys.stderr.isatty() and style_of(sys.stdout) == "live"
