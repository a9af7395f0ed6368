"""Runs told by hand: event lists for every state that the lab has to show."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from ladera.engine.events import (
    Checked,
    CommandTaken,
    Diagnosed,
    EpochEnded,
    Event,
    Resumed,
    RunEnded,
    RunStarted,
    StorageFailed,
)
from ladera.engine.experiment import Experiment
from ladera.engine.stopping import EarlyStopping
from ladera.presets.catalog import change, load
from ladera.tui.__main__ import main
from ladera.tui.app import LabApp
from ladera.tui.run import Run

#: Eight epochs whose best validation loss is 0.5 at epoch 5.
TRAIN = [2.0, 1.5, 1.0, 0.8, 0.6, 0.4, 0.2, 0.1]
VALIDATION = [2.1, 1.6, 1.1, 0.9, 0.5, 0.6, 0.7, 0.8]


#: What a terminal tells of itself in its environment, and a person wishes there.
TOLD = (
    "CI", "NO_COLOR", "LC_ALL", "LC_CTYPE", "COLORFGBG", "TEXTUAL_COLOR_SYSTEM", "TEXTUAL_ANIMATIONS", "LADERA_ASCII",
    "LADERA_MARKER", "LADERA_THEME", "LADERA_REDUCED_MOTION",
)  # fmt: skip


@pytest.fixture(autouse=True)
def good_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same terminal everywhere: one that shows everything."""
    for name in TOLD:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}.items():
        monkeypatch.setenv(name, value)


class Script:
    """Builds experiments, event lists and runs; ten steps and two seconds an epoch."""

    @staticmethod
    def experiment(*settings: str, base: str = "digits") -> Experiment:
        """A preset with changes."""
        return change(load(base), list(settings))

    @staticmethod
    def started(experiment: Experiment, **changes: Any) -> RunStarted:
        """The first event."""
        values: dict[str, Any] = {
            "experiment": experiment.plain(),
            "parameters": 17226,
            "layers": ("64", "128 relu", "64 relu", "10"),
            "task": "multiclass",
            "classes": tuple("0123456789"),
            "shape": (64,),
            "sizes": {"train": 1077, "validation": 360, "test": 360},
            "steps_per_epoch": 10,
            "chance": math.log(10),
            "source": "digits",
        }
        return RunStarted(**{**values, **changes})

    def events(
        self,
        train: Sequence[float] = TRAIN,
        validation: Sequence[float] = VALIDATION,
        *,
        experiment: Experiment | None = None,
        metric: str = "accuracy",
        reason: str | None = None,
        detail: str = "",
        restored: int | None = None,
        **started: Any,
    ) -> list[Event]:
        """A run with a check at every epoch, by the verdicts of the experiment's own early stopping."""
        experiment = experiment or self.experiment()
        values = experiment.plain()["stopping"]
        stopping = EarlyStopping(**values)
        told: list[Event] = [self.started(experiment, **started)]
        for epoch, (low, high) in enumerate(zip(train, validation, strict=True), 1):
            share = 1 / (1 + high) if math.isfinite(high) else math.nan
            seen = {"loss": high, "metrics": {metric: share}}
            told.append(
                EpochEnded(
                    time=2.0 * epoch, epoch=epoch, step=10 * epoch, train={"loss": low, "metrics": {metric: 1 / (1 + low)}},
                    validation=seen, lr=0.001, seconds=2.0, examples_per_second=12345.0,
                )
            )  # fmt: skip
            watched = high if values["monitor"] == "loss" else share
            verdict = stopping.update(epoch, watched)
            told.append(
                Checked(
                    time=2.0 * epoch, epoch=epoch, value=watched, best=verdict.best, best_epoch=verdict.best_epoch,
                    reference=verdict.reference, wait=verdict.wait, patience=verdict.patience,
                    verdict="improved" if verdict.improved else "stop" if verdict.stop else "waiting",
                )
            )  # fmt: skip
        if reason is not None:
            tested = (
                {"loss": 0.55, "metrics": {metric: 0.9}} if reason in ("finished", "stopped_early") else None
            )
            told.append(
                RunEnded(
                    time=2.0 * len(train), reason=reason, epoch=len(train), step=10 * len(train), detail=detail,
                    restored_epoch=restored, test=tested, seconds=2.0 * len(train),
                )
            )  # fmt: skip
        return told

    def run(
        self, events: Sequence[Event] = (), label: str = "digits", number: int = 0, **options: Any
    ) -> Run:
        """A run that has seen these events."""
        experiment = options.pop("experiment", None) or self.experiment()
        run = Run(experiment, label, number=number, **options)
        run.incoming.extend(events)
        while run.incoming:  # a loaded machine folds less at once
            run.poll()
        return run

    def states(self) -> dict[str, Run]:
        """One run in each state."""
        patience = self.experiment("stopping.patience=3")
        started = self.started(patience)
        some = self.events(experiment=patience)
        nan = math.nan
        refused = self.run(experiment=patience)
        refused.trouble = "data: the file houses.csv is not there"
        regression = self.experiment(base="diabetes")
        paused = CommandTaken(time=16.0, command="pause", epoch=8, step=80)
        return {
            "empty": self.run(),
            "queued": self.run(queued=True),
            "started": self.run([started]),
            "running": self.run(some[:-4], experiment=patience),
            "paused": self.run([*some[:-4], paused], experiment=patience),
            "stopped_early": self.run(self.events(experiment=patience, reason="stopped_early", restored=5)),
            "finished": self.run(self.events(reason="finished", restored=5)),
            "stopped": self.run(self.events(reason="stopped", detail="on request")),
            "diverged": self.run(
                self.events([2.0, 9.0, 1e30], [2.0, 9.0, nan], reason="diverged", detail="the loss is not finite")
            ),
            "all nan": self.run(self.events([nan] * 3, [nan] * 3)),
            "failed": self.run([started, RunEnded(reason="failed", detail="CUDA out of memory")]),
            "refused": refused,
            "crashed": self.run(some[:-4], outside="crashed"),
            "storage": self.run([*some, StorageFailed(what="checkpoint", error="no space left")]),
            "resumed": self.run([*some[:-4], Resumed(time=16, epoch=4, step=40, changes={"optimizer.lr": [0.1, 0.01]})]),
            "changed": self.run(
                [*some, CommandTaken(command="set", value={"key": "optimizer.lr", "value": 0.1}, epoch=8, step=80)]
            ),
            "denied": self.run([*some, CommandTaken(command="set", value={"key": "x.y", "value": 1}, error="no such key")]),
            "told": self.run([*some, Diagnosed(finding="overfit", text="The gap grows. " * 30, epoch=8)]),
            "regression": self.run(
                self.events([4e5, 3e3], [5e5, 3.2e3], metric="r2", task="regression", experiment=regression),
                experiment=regression,
            ),
            "hostile": self.run(
                self.events(
                    source="\x1b[31mred\x1b]0;owned\x07", classes=("[bold]", "a[/b]c", "\u202eevil"),
                    layers=("[red]x[/]",), notes=("\x9b31mnote",),
                ),
                label="a[/b]c \x1b[2J [bold]x",
            ),
            "huge": self.run(self.events([1.0 / e for e in range(1, 3001)], [1.1 / e for e in range(1, 3001)])),
        }  # fmt: skip

    @staticmethod
    def trainer(events: Callable[[Run], Sequence[Event]] | Sequence[Event], *, linger: bool = True):
        """A trainer that tells a list of events and then obeys stop and pause like one that trains."""

        def train(run: Run) -> Iterator[Event]:
            told = list(events(run) if callable(events) else events)
            yield from told
            epoch = max((event.epoch for event in told if isinstance(event, EpochEnded)), default=0)
            step = 10 * epoch
            ended = any(isinstance(event, RunEnded) for event in told)
            until = time.monotonic() + 60
            while linger and not ended and time.monotonic() < until and threading.main_thread().is_alive():
                run.controls.wait(0.02)
                for command in run.controls.take():
                    if command.name == "probe":
                        continue
                    known = command.name != "set" or command.value["key"].startswith("optimizer.")
                    error = "" if known else f"{command.value['key']} cannot be changed while training"
                    yield CommandTaken(
                        command=command.name, value=command.value, epoch=epoch, step=step, error=error
                    )
                    if command.name in ("stop", "abandon", "finish_epoch"):
                        why = str(command.value or "") if command.name == "stop" else ""
                        yield RunEnded(
                            reason="stopped", epoch=epoch, step=step, detail="on request", interrupted_by=why
                        )
                        ended = True

        return train


@pytest.fixture
def script() -> Script:
    """Scripted runs."""
    return Script()


class Lab:
    """The lab under a pilot."""

    def __init__(self, app: LabApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def text(self) -> str:
        """The screen as text."""
        rows = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in rows)

    @property
    def run(self) -> Run:
        """The current run."""
        assert self.app.current is not None
        return self.app.current

    @property
    def notes(self) -> list[str]:
        """What was said in passing."""
        return [note.message for note in self.app._notifications]

    async def press(self, *keys: str) -> None:
        """Type."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        """Wait for a condition."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"it did not come:\n{self.text}"
            await self.pilot.pause(0.02)
        await self.pilot.pause()

    async def sees(self, words: str, seconds: float = 30.0) -> None:
        """Wait for words on the screen."""
        await self.until(lambda: words in self.text, seconds)


@pytest.fixture
def open_lab(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AbstractAsyncContextManager[Lab]]:
    """Open the lab with a trainer that tells scripted events; its threads end with it."""
    monkeypatch.setattr("ladera.tui.screens.lab.TURN", 0.05)

    @asynccontextmanager
    async def opened(
        told: Any = (),
        size: tuple[int, int] = (120, 40),
        *,
        trainer: Any = None,
        experiment: Experiment | None = None,
        **options: Any,
    ) -> AsyncIterator[Lab]:
        app = LabApp(
            experiment or script.experiment(),
            options.pop("base", "digits"),
            tmp_path / "runs",
            trainer=trainer or script.trainer(told),
            **options,
        )
        try:
            async with app.run_test(size=size, notifications=True) as pilot:
                await pilot.pause()
                yield Lab(app, pilot)
                for run in app.sitting.runs:
                    run.queued = False
                    if run.source is None:
                        run.controls.abandon()
        finally:
            for run in app.sitting.runs:
                if run.source is None:  # another process has its own
                    run.controls.abandon()

    return opened


@pytest.fixture
def ladera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in an empty folder, with an empty folder of user presets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LADERA_RUNS", "runs")
    monkeypatch.setattr("platformdirs.user_config_dir", lambda name: str(tmp_path / "config" / name))

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ladera", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return call
