"""The machine and the process that trains: sampled once a second, and only while looked at."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen

from ...engine.store.process import Process
from ...engine.store.status import read_status
from .. import plots, views
from ..blocks import Page
from ..nvidia import Gpus, read_gpus
from ..run import Run
from ..system import SECONDS, Asking, Machine, Ring, Sample
from ..system_hints import hints
from ..system_page import keep, page_of
from ..text import clean
from ..widgets.line import Line
from ..widgets.picture import Picture

if TYPE_CHECKING:
    from ..app import LabApp

#: Seconds after which a driver that owes an answer is told of.
_LATE = 3.0


def process_of(run: Run | None) -> int | None:
    """The process that trains a run: this one, or that of a watched run; None if it cannot be seen from here."""
    if run is None or run.source is None:
        return os.getpid()
    if run.directory is None:
        return None
    process = Process.of(read_status(run.directory).process)
    return process.pid if process is not None and process.alive() else None


class SystemScreen(Screen[None]):
    """CPU, memory, disk and GPUs, the last two minutes of them, and what they say."""

    app: LabApp  # type: ignore[assignment]

    DEFAULT_CSS = """
    SystemScreen #system-title { height: 1; background: $panel; padding: 0 1; text-style: bold; }
    SystemScreen Picture { height: 1fr; margin: 1 1 0 1; }
    SystemScreen #system-says { height: auto; max-height: 4; padding: 0 1; color: $text-muted; }
    SystemScreen #system-keys { height: 1; padding: 0 1; background: $panel; }
    SystemScreen.-low Picture { margin: 0 1; }
    SystemScreen.-low #system-says { max-height: 1; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high")]
    BINDINGS = [
        Binding("escape,q", "dismiss", "Back"),
        Binding("p", "app.pause", "Pause"),
        Binding("question_mark", "app.help", "Help"),
    ]

    def __init__(self, run: Run | None, root: Path) -> None:
        """`run` may be None: then it is about the machine alone; `root` is where the runs are kept."""
        super().__init__()
        self.run, self._root = run, root
        self.machine = Machine(None, None, root)
        self.samples = Asking(self._read)
        self.gpus = Asking(self._read_gpus)
        "Asked apart: a driver that hangs must not hide the rest."
        self._ring = Ring()
        self._seen = 0

    def compose(self) -> ComposeResult:
        yield Line("", id="system-title")
        yield Picture(id="system-picture")
        yield Line("", id="system-says")
        yield Line("", id="system-keys")

    def on_mount(self) -> None:
        """Sample at once, and then once a second."""
        self.set_interval(SECONDS, self._ask)
        self.set_interval(0.25, self.tick)
        self._ask()
        self.call_after_refresh(self._tell)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self._draw)

    # -- in threads --------------------------------------------------------------------------------------------------

    def _read(self) -> Sample:
        self.machine.pid = process_of(self.run)
        self.machine.directory = self.run.directory if self.run is not None else None
        return self.machine.read()

    def _read_gpus(self) -> Gpus:
        return read_gpus(self.machine.pid or 0)

    # -- in the event loop -------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        if self.app.screen is self:
            self.samples.ask()
            self.gpus.ask()

    def tick(self) -> None:
        """Take a sample that came."""
        if self.app.screen is not self:
            return
        if self.samples.answers != self._seen:
            self._seen = self.samples.answers
            if self.samples.answer is not None and not self.samples.trouble:
                keep(self._ring, self.samples.answer, self._cards())
            self._draw()
        self._tell()

    def _cards(self) -> Gpus:
        """The GPUs, or why they are not known."""
        asked = self.gpus
        if asked.waiting > _LATE:
            return Gpus(trouble=f"the NVIDIA driver has not answered for {asked.waiting:.0f} s")
        if asked.trouble:
            return Gpus(trouble=asked.trouble)
        return asked.answer if asked.answer is not None else Gpus(trouble="asking the driver…")

    def _draw(self) -> None:
        picture, view = self.query_one(Picture), self.app.shown_view
        page = Page(
            picture.size.width, picture.size.height, view.marker, plots.palette_of(view), light=view.light
        )
        if not page.width:
            return
        sample, gpus = self.samples.answer, self._cards()
        if sample is None or self.samples.trouble:
            words = self.samples.trouble or "measuring…"
            picture.show([page.line(clean(words, 300))])
            return
        picture.show(page_of(sample, _clean(gpus), self._ring, page, str(self.app.cost)))
        self.query_one("#system-says", Line).set("\n".join(self._says(sample, gpus)))

    def _says(self, sample: Sample, gpus: Gpus) -> list[str]:
        history = self.run.history if self.run is not None else None
        started = history.started if history is not None else None
        at_work = history is not None and self.run is not None and self.run.active and not history.paused
        said = hints(
            sample, self._ring, gpus, training=at_work and started is not None,
            device=started.device if started else "cpu", threads=started.threads if started else 1,
            asked=str(history.setting("training.device", "auto")) if history is not None else "auto",
        )  # fmt: skip
        return [clean(line, 300) for line in said[:2]] or ["Nothing stands out."]

    def _tell(self) -> None:
        name = clean(self.run.name, 40) if self.run is not None else ""
        self.query_one("#system-title", Line).set(f"System   {name}   {views.status(self.run)}")
        active = self.run is not None and self.run.active
        paused = self.run is not None and self.run.history.paused
        keys = ["p go on" if paused else "p pause"] if active else []
        self.query_one("#system-keys", Line).set("   ".join(["Escape back", *keys]))


def _clean(gpus: Gpus) -> Gpus:
    """What a driver calls itself, made harmless."""
    return Gpus(tuple(replace(gpu, name=clean(gpu.name, 60)) for gpu in gpus.found), clean(gpus.trouble, 200))
