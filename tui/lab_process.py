"""The lab as a process: signals, a terminal that goes away, stray output, and what remains to be done afterwards."""

from __future__ import annotations

import asyncio
import importlib
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..engine.controls import Controls
from ..engine.experiment import Experiment
from ..engine.store.status import exit_code
from .app import LabApp
from .driver import LOST, ResilientDriver
from .native_output import native_output_to, terminal_fileno
from .signals import passed_on
from .sitting import Run
from .text import clean
from .widgets.chart import warm


class _ToTraining(Controls):
    """Passes what a signal asks for on to the run that trains now, whichever that is."""

    def __init__(self, app: LabApp) -> None:
        super().__init__()
        self._app = app

    def send(self, name: str, value: Any = None) -> None:
        """Send a command to the run that trains, if one does."""
        training = self._app.sitting.training
        if training is not None:
            training.controls.send(name, value)


def open_lab(experiment: Experiment, base: str, runs_dir: Path, watched: Run | None = None) -> int:
    """Open the lab on the terminal, and return the exit code once it is left and its training has ended.

    A terminal that goes away (SIGHUP, end of input) ends the screen, not the training; SIGTERM and SIGINT save and
    end both. What C libraries and warnings print meanwhile goes to a file; if it holds anything, its end is shown.
    """
    app = LabApp(
        experiment, base, runs_dir, watched=watched, prepare=warm if watched else _import_what_trains,
        driver_class=ResilientDriver,
    )  # fmt: skip

    app.recall()

    def leave(why: str) -> None:
        driver = app._driver
        if isinstance(driver, ResilientDriver):
            driver.leave(why)

    async def screen() -> str | None:
        result = await app.run_async()
        app.remember()
        if received.number is None:
            _say_that_it_trains_on(app)
        if result == LOST:
            _let_go_of_the_terminal(app)
        return result

    with tempfile.NamedTemporaryFile(prefix="ladera-", suffix=".log") as log:
        with (
            passed_on(
                _ToTraining(app),
                hung_up=lambda: leave("the terminal hung up"),
                ending=lambda: leave("a signal"),
            ) as received,
            native_output_to(log.name),
        ):
            # The event loop's own end waits for the thread that trains: what is said of it comes before.
            result = asyncio.run(screen())
            _wait_for_the_end(app.sitting.runs)
        if result is not None and result != LOST:
            print(clean(result, 500))
        stray = Path(log.name).read_text(errors="replace").strip()
        if stray and app.return_code:
            print(stray[-4000:], file=sys.stderr)
    ends = [run.history.ended for run in app.sitting.runs if run.source is None]
    if received.exit_code is not None:
        return received.exit_code
    trained = [end for end in ends if end is not None]
    if result == LOST and trained:
        return exit_code(trained[-1])
    return app.return_code or 0


def _import_what_trains() -> None:
    """Import torch while somebody still looks at the first frame: the first run need not wait for it."""
    warm()
    with suppress(Exception):  # the run that needs it will say what is wrong
        importlib.import_module("ladera.engine.loop")


def _say_that_it_trains_on(app: LabApp) -> None:
    """Tell the terminal, if it takes it, that a training outlives the screen; why a screen failed goes to its native.log."""
    # Textual's handlers for Ctrl-Z would take up the screen again.
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    signal.signal(signal.SIGCONT, signal.SIG_DFL)
    run = app.sitting.training
    place = run.directory if run is not None else None
    fault, driver = app._exception, app._driver
    if fault is not None and place is not None:
        with suppress(OSError), (place / "native.log").open("a", encoding="utf-8") as native:
            native.write("".join(traceback.format_exception(fault)))
    left = isinstance(driver, ResilientDriver) and driver.lost_reason is not None
    if run is None or not run.active or not (fault or left):
        return
    why = "the screen failed" if fault else "the screen is gone"
    words = f"{why}; {clean(run.name)} trains on; `ladera watch {clean(run.name)}` shows it, Ctrl-C saves and ends\n"
    terminal = terminal_fileno()
    with suppress(OSError, ValueError):
        if select.select([], [terminal], [], 0)[1]:  # one that takes nothing (Ctrl-S) would hold the end up
            os.write(terminal, words.encode())


def _let_go_of_the_terminal(app: LabApp) -> None:
    """Point the standard streams elsewhere: a terminal that is gone fails every write and ends every read."""
    training = app.sitting.training
    place = training.directory if training is not None else None
    target = str(place / "native.log") if place is not None else os.devnull
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, target, os.O_WRONLY),
        (2, target, os.O_WRONLY),
    ):
        opened = os.open(path, flags | (os.O_CREAT | os.O_APPEND if flags == os.O_WRONLY else 0), 0o600)
        os.dup2(opened, number)
        os.close(opened)


def _wait_for_the_end(runs: list[Run]) -> None:
    """Wait until no thread trains or saves any more; signals are obeyed meanwhile."""
    while any(run.working for run in runs):
        time.sleep(0.05)
    for run in runs:
        while run.poll():
            pass
