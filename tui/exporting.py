"""Exporting: the run that is looked at, or all runs that are shown, as a file in the current directory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .lab_base import LabBase
from .run import Run
from .screens.choice import ChoiceScreen

if TYPE_CHECKING:
    from .export.exported import ExportedRun
    from .export.files import Format

_COMPARED = "compared"


class Exporting(LabBase):
    """What a user takes out of the lab."""

    def action_export(self) -> None:
        """Ask for a format and write it."""
        from .export.files import FORMATS  # the first frame exports nothing

        run = self.current
        if run is None or run.history.started is None:
            self.note("Nothing to export yet: press r to train")
            return
        several = [other for other in self.sitting.runs if other.shown and other.history.started is not None]
        ways = [(name, f"{name:<12} {one.text}") for name, one in FORMATS.items()]
        if len(several) > 1:
            ways.insert(1, (_COMPARED, f"{_COMPARED:<12} report of the {len(several)} runs that are shown"))

        def go(way: str) -> None:
            if way == _COMPARED:
                self.behind(self._export(several, FORMATS["html"], "comparison"), "export")
            else:
                self.behind(self._export([run], FORMATS[way], run.name), "export")

        self.ask(ChoiceScreen(f"Export {run.name}:", ways), go)

    async def _export(self, runs: Sequence[Run], one: Format, stem: str) -> None:
        from .export.files import free_name, write

        metric = self.view.metric if one.name in ("svg", "png") else ""
        target = free_name(Path.cwd(), stem, one.suffix)

        def work() -> Path:
            return write([_read(run) for run in runs], one, target, metric)

        # A history is folded here while it trains: only what is read from the disk may be read by a thread.
        in_thread = all(run.directory is not None for run in runs)
        path = await asyncio.to_thread(work) if in_thread else work()
        self.copy_to_clipboard(str(path))
        self.note(f"written to {path}; its path is on the clipboard if the terminal allows it")


def _read(run: Run) -> ExportedRun:
    from .export.exported import ExportedRun
    from .export.files import exported

    answer = run.answers.get("confusion")
    found = ExportedRun(run.name, run.history) if run.directory is None else exported(run.directory)
    return replace(found, confusion=answer.answer if answer is not None else None)
