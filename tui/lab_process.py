"""The lab as a process: signals, a terminal that goes away, stray output, and what remains to be done afterwards."""

from __future__ import annotations

import asyncio
import importlib
import math
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..engine.controls import Controls
from ..engine.experiment import Experiment
from ..engine.store.status import exit_code
from .app import LabApp
from .detach import start_detached
from .driver import LOST, ResilientDriver
from .ending import Ending
from .hints import command
from .mendable import MENDABLE
from .native_output import let_go_of_terminal, native_output_to, open_native_log, say, terminal_fileno
from .run import Run
from .signals import passed_on
from .text import clean
from .views import STATES
from .widgets.chart import warm

#: Seconds after which somebody who left the screen wonders what is waited for.
_WONDERING = 0.5
#: Seconds in which the process says how its runs ended, and ends by itself, where nothing holds it up.
_GRACE = 0.5
#: Seconds after which a thread that computes lets another one go on, where Python's are 0.005: what was drawn waits so long
#: for the thread that writes it, and so does a step of training.
_SWITCH = 0.001


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
    sys.setswitchinterval(_SWITCH)

    def leave(why: str) -> None:
        driver = app._driver
        if isinstance(driver, ResilientDriver):
            with suppress(RuntimeError):  # the screen was left before: its event loop is closed
                driver.leave(why)

    told: list[str] = []

    async def screen() -> str | None:
        result = await app.run_async()
        app.remember()
        _leave_screen(app)
        if result == LOST and not _terminal_there(app):
            _let_go_of_the_terminal(app)
        outlived = result == LOST or app._exception is not None
        told.extend(_wait_for_the_end(app, lambda: not outlived or received.number is not None))
        if received.number is None:
            _hand_over(app)
        return result

    ending = Ending(_Idle(app))

    def end() -> None:
        leave("a signal")
        ending.asked()

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
            ending.listen(received)
            # The event loop's own end waits for the thread that trains: what is said of it comes before.
            result = asyncio.run(screen())
        for line in [result] if result and result != LOST else told:
            say(clean(line, 500))
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


def _leave_screen(app: LabApp) -> None:
    """Take back what a screen had set up for the whole process; why one failed goes to the native.log of what trains."""
    # Textual's handlers for Ctrl-Z would take up the screen again.
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    signal.signal(signal.SIGCONT, signal.SIG_DFL)
    run, fault = app.sitting.training, app._exception
    if fault is not None and run is not None and run.directory is not None:
        with suppress(OSError), os.fdopen(open_native_log(run.directory), "a", encoding="utf-8") as native:
            native.write("".join(traceback.format_exception(fault)))


def _terminal_there(app: LabApp) -> bool:
    """Whether the terminal is still one: the screen may have ended for a signal only."""
    driver = app._driver
    return isinstance(driver, ResilientDriver) and not driver.gone and os.isatty(terminal_fileno())


class _Idle:
    """Whether, for a while already, the screen is gone and no run that has begun is at work: what still loads can be left."""

    def __init__(self, app: LabApp) -> None:
        self._app, self._since = app, math.inf

    def __call__(self) -> bool:
        driver, now = self._app._driver, time.monotonic()
        gone = isinstance(driver, ResilientDriver) and driver.closed
        # A run that has just ended is still to be told of.
        if not gone or any(run.working and run.directory is not None for run in self._app.sitting.runs):
            self._since = math.inf
        else:
            self._since = min(self._since, now)
        return now - self._since >= _GRACE


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


def _wait_for_the_end(app: LabApp, leaving: Callable[[], bool]) -> list[str]:
    """Wait until no thread trains or saves any more, and return how the runs ended; signals are obeyed meanwhile.

    Runs that wait for their turn get it, unless somebody is `leaving`. What is waited for is said when it takes long
    enough to wonder.
    """
    sitting = app.sitting
    ours = [run for run in sitting.runs if run.source is None]
    unfinished = [run for run in ours if (run.working or run.queued) and run.history.ended is None]
    begin, said = time.monotonic(), set[tuple[str, bool]]()
    sitting.begin = lambda run: threading.Thread(target=sitting.work, args=(run,)).start()
    while sitting.queued or any(run.working for run in ours):
        if leaving():
            sitting.drop_queue()
        sitting.poll()
        for run in unfinished:
            saves = run is app.saving or (leaving() and run.history.ended is None)
            wonders = run.working and run.history.ended is None and (run.name, saves) not in said
            if wonders and time.monotonic() > begin + _WONDERING:
                said.add((run.name, saves))
                why = "the screen failed; " * (app._exception is not None)
                say(clean(why + still(run, app.runs_dir, saves=saves), 500))
        time.sleep(0.05)
    for run in ours:
        while run.poll():
            pass
    return [*(ended(run, app.runs_dir) for run in unfinished if not run.queued), *dropped(sitting.dropped)]


def _hand_over(app: LabApp) -> None:
    """Give the run that was to go on in the background its process: the screen has ended while it was being saved."""
    run = app.handing
    if (
        run is not None
        and run.directory is not None
        and run.history.ended
        and run.history.ended.interrupted_by
    ):
        with suppress(*MENDABLE):
            start_detached(["resume", str(run.directory), "--quiet"])


def still(run: Run, runs_dir: Path, *, saves: bool) -> str:
    """What a run does after the screen was left, and what can be done about it."""
    history = run.history
    where = f" ({history.epoch}/{history.epochs})" if history.started else ""
    if saves:
        return f"saving {run.name}{where}…"
    return f"{run.name} still trains{where}; Ctrl-C saves and stops, `{command(runs_dir, 'watch', run.name)}` looks"


def ended(run: Run, runs_dir: Path) -> str:
    """How a run ended after the screen was left."""
    end = run.history.ended
    if end is None:
        return f"{run.name}: {run.trouble or 'it has not begun'}"
    if end.interrupted_by and run.history.saved:
        return f"{run.name} was saved after {end.step:,} steps: `{command(runs_dir, 'resume', run.name)}` goes on"
    detail = f": {end.detail}" if end.reason in ("failed", "diverged") else ""
    return f"{run.name} {STATES[end.reason][1]} at epoch {end.epoch}{detail}"


def dropped(runs: Sequence[Run]) -> list[str]:
    """Which runs of the queue were not trained."""
    names = ", ".join(run.name for run in runs)
    return (
        [f"{len(runs)} queued run{'s were' if len(runs) > 1 else ' was'} not trained: {names}"]
        if runs
        else []
    )
