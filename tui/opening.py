"""Opening the lab, or what runs in its place where there is no terminal; imports next to nothing before the fork."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path

from .guard import guarded
from .terminal import can_hold_a_screen


def open_lab(runs_dir: Path, preset: str = "", settings: Sequence[str] = ()) -> int:
    """Open the lab where there is a terminal; run the same experiment headless where there is none.

    Without a preset (a name or a file) it is that of the last run, else the default; settings change it.
    """
    if can_hold_a_screen():
        return guarded(lambda: _screen(runs_dir, preset, settings), runs_dir)
    from .commands_train import no_screen

    return no_screen(runs_dir, preset, settings)


def _screen(runs_dir: Path, preset: str, settings: Sequence[str]) -> int:
    gc.disable()  # what is imported now stays; the lab turns it on with its first frame
    from .commands_lab import screen

    return screen(runs_dir, preset, settings)
