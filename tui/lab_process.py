"""The lab as a process: signals, a terminal that goes away, stray output, and what remains to be done afterwards."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..engine.controls import Controls
from ..engine.experiment import Experiment
from ..engine.store.status import exit_code
from .app import LabApp
from .driver import LOST, ResilientDriver
from .leaving import Leaving
from .native_output import let_go_of_terminal, native_output_to, open_native_log
from .signals import passed_on
from .sitting import Run
from .text import clean
from .widgets.chart import warm

#: Seconds after the screen's end in which the process ends by itself where nothing holds it up.
_GRACE = 0.5


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

    leaving = Leaving(lambda: _is_idle(app))

    def end() -> None:
        leave("a signal")
        leaving.asked()

    # Without a name: whatever ends this process, nothing is left behind.
    with tempfile.TemporaryFile() as log:
        with (
            passed_on(
                _ToTraining(app),
                hung_up=lambda: leave("the terminal hung up"),
                ending=end,
            ) as received,
            native_output_to(f"/dev/fd/{log.fileno()}"),
        ):
            leaving.listen(received)
            result = app.run()
            app.remember()
            if result == LOST:
                _let_go_of_the_terminal(app)
            _wait_for_the_end(app.sitting.runs)
        if result is not None and result != LOST:
            print(clean(result, 500))
        log.seek(0)
        stray = log.read().decode(errors="replace").strip()
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


def _is_idle(app: LabApp) -> bool:
    """Whether the screen is gone, and no run that has begun is at work: what still loads can be left."""
    driver = app._driver
    if not isinstance(driver, ResilientDriver) or driver.closed_for < _GRACE:
        return False
    return not any(run.working and run.directory is not None for run in app.sitting.runs)


def _let_go_of_the_terminal(app: LabApp) -> None:
    """Point the standard streams elsewhere: a terminal that is gone fails every write and ends every read."""
    training = app.sitting.training
    place = training.directory if training is not None else None
    let_go_of_terminal()
    if place is not None:
        log = open_native_log(place)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.close(log)


def _wait_for_the_end(runs: list[Run]) -> None:
    """Wait until no thread trains or saves any more; signals are obeyed meanwhile."""
    while any(run.working for run in runs):
        time.sleep(0.05)
    for run in runs:
        while run.poll():
            pass
