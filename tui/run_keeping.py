"""The runs: look at another, compare, open and go on with earlier ones, hand one over to the background, leave."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from .detach import start_detached
from .lab_base import LabBase
from .mendable import MENDABLE, in_words
from .run_rows import comparison
from .screens.archive import ArchiveScreen
from .screens.choice import ChoiceScreen
from .screens.text import TextScreen
from .sitting import Run
from .text import clean


class RunKeeping(LabBase):
    """What a user does with runs as a whole."""

    def action_next_run(self) -> None:
        """Look at the next run."""
        runs = self.sitting.runs
        if runs:
            here = runs.index(self.current) if self.current in runs else -1
            self.look_at(runs[(here + 1) % len(runs)].number)

    def take_off(self, run: Run) -> None:
        """Take a run off the list; what is on the disk stays."""
        if run is self.sitting.training and run.active:
            self.note("it trains: s stops it")
            return
        self.sitting.remove(run)
        if run is self.current:
            self.current = self.sitting.runs[-1] if self.sitting.runs else None
        self.lab.show_all()

    def start_apart(self, run: Run) -> None:
        """Train a queued run in a process of its own, without waiting for its turn."""
        if not run.queued or run.branch is not None:
            self.note(
                "only a queued run that is no branch can go to the background; D hands over the one that trains"
            )
            return
        run.queued = False
        self.behind(self._start_apart(run), "detach")

    async def _start_apart(self, run: Run) -> None:
        try:
            code, answer = await self._detached(run)
        except MENDABLE as error:
            code, answer = 1, in_words(error)
        if code:
            run.trouble = answer
            self.lab.show_all()
        else:
            self.sitting.remove(run)
            await self._watch(Path(answer))
            self.note(f"{Path(answer).name} trains in a process of its own")

    async def _detached(self, run: Run) -> tuple[int, str]:
        from ..presets.write import save_as

        with tempfile.TemporaryDirectory() as folder:
            path = save_as(run.experiment, Path(folder) / "experiment.toml")
            command = ["run", str(path), "--name", run.label, "--runs-dir", str(self.runs_dir), "--quiet"]
            return await asyncio.to_thread(start_detached, command)

    def action_archive(self) -> None:
        """All runs of the runs directory; look at one, or go on with it."""

        def go(answer: tuple[str, Path]) -> None:
            what, directory = answer
            self.behind(self._resume(directory) if what == "resume" else self._watch(directory), "detach")

        self.ask(ArchiveScreen(self.runs_dir), go)

    async def _watch(self, directory: Path) -> None:
        from .watching import watch  # the first frame waits for no log of another process

        run = next((run for run in self.sitting.runs if run.directory == directory), None)
        if run is None:
            run = await asyncio.to_thread(watch, directory)
            self.sitting.add(run)
        self.look_at(run.number)

    async def _resume(self, directory: Path) -> None:
        self.note(f"{directory.name} goes on in a process of its own…")
        code, answer = await asyncio.to_thread(start_detached, ["resume", str(directory), "--quiet"])
        if code:
            self.note(answer)
        else:
            await self._watch(directory)

    def action_compare(self) -> None:
        """What differs between the runs of this sitting, and how they did; ranked by validation, never by test."""
        self.push_screen(TextScreen("Comparison", comparison(self.sitting.runs)))

    def action_runs(self) -> None:
        """Go to the runs table; on a small screen it takes the place of the charts."""
        self.lab.add_class("-listing")
        self.lab.query_one("#runs").focus()

    def action_leave(self) -> None:
        """Leave; asks while something trains here."""
        training = self.sitting.training
        if training is None or not training.active:
            self.exit()
            return

        def go(way: str) -> None:
            if way == "stop":
                training.controls.stop("leaving the lab")
                self.exit(f"{training.name} was saved: `ladera resume {training.name}` goes on")
            elif way == "detach":
                self.action_detach()

        self.ask(
            ChoiceScreen(
                f"{clean(training.name)} is training.",
                [
                    ("on", "Go on training, stay here"),
                    ("detach", "Leave and let it train in the background (ladera watch shows it)"),
                    ("stop", "Save it, stop it and leave (ladera resume goes on later)"),
                ],
            ),
            go,
        )

    def action_detach(self) -> None:
        """Hand the run that trains to a process of its own, and leave."""
        training = self.sitting.training
        if training is None:
            self.note("Nothing trains here that could go on in the background")
            return
        self.note("saves it and hands it to a process of its own…")
        self.behind(self._hand_over(training), "detach")

    async def _hand_over(self, run: Run) -> None:
        while run.directory is None and not run.trouble:
            await asyncio.sleep(0.05)
        run.controls.stop("handing over")
        while run.history.ended is None and not run.trouble:
            await asyncio.sleep(0.05)
        run.controls.stop()
        while run.working:
            await asyncio.sleep(0.05)
        if run.directory is None:
            return
        code, answer = await asyncio.to_thread(start_detached, ["resume", str(run.directory), "--quiet"])
        if code:
            self.note(
                f"it could not go on in the background: {answer}. It is saved: `ladera resume {run.name}`"
            )
            return
        self.exit(f"{run.name} trains in the background: `ladera watch {run.name}` shows it")
