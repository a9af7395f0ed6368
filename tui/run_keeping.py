"""The runs: look at another, compare, open earlier ones, use their experiments, go on with them, train one apart."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from ..engine.errors import StoreError
from ..engine.experiment import Experiment
from ..engine.store.directory import load_experiment
from ..engine.store.listing import run_info
from ..engine.store.status import Status
from .detach import start_detached
from .editing import Editing
from .going_on import complaint, settings_of, suggestion
from .mendable import MENDABLE, in_words
from .run import Run
from .run_rows import comparison
from .screens.archive import ArchiveScreen
from .screens.prompt import PromptScreen
from .screens.text import TextScreen
from .text import clean
from .values import Change, in_force


class RunKeeping(Editing):
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

    # -- runs of earlier sittings ------------------------------------------------------------------------------------

    def action_archive(self) -> None:
        """All runs of the runs directory; look at one, go on with it, or use its experiment again."""

        def go(answer: tuple[str, Path]) -> None:
            what, directory = answer
            ways = {"look": self._watch, "resume": self._ask_resume, "use": self._use}
            self.behind(ways[what](directory), "archive")

        self.ask(ArchiveScreen(self.runs_dir, self._free, self._moved), go)

    def _in(self, directory: Path) -> Run | None:
        """The run of this sitting that is in a directory."""
        there = directory.absolute()
        return next(
            (run for run in self.sitting.runs if run.directory and run.directory.absolute() == there), None
        )

    async def _watch(self, directory: Path) -> None:
        from .watching import watch  # the first frame waits for no log of another process

        run = self._in(directory)
        if run is None:
            run = await asyncio.to_thread(watch, directory)
            self.sitting.add(run)
        self.look_at(run.number)

    async def _use(self, directory: Path) -> None:
        experiment, changes, _ = await asyncio.to_thread(_as_it_is, directory)
        self.use_experiment(in_force(experiment, changes), directory.name, changes)

    async def _ask_resume(self, directory: Path) -> None:
        """Ask what shall change, since what came to its end has nothing left to do."""
        experiment, changes, state = await asyncio.to_thread(_as_it_is, directory)
        if state in ("training", "paused"):
            self.note(f"{directory.name} trains already")
            await self._watch(directory)
            return
        now = in_force(experiment, changes)
        text, why = suggestion(state, now)
        self.ask(
            PromptScreen(
                f"Go on with {clean(directory.name)}, changed by", text,
                f"{why} key=value, several with spaces between; nothing leaves all as it was.",
                lambda text: complaint(text, now),
            ),
            lambda text: self.behind(self._resume(directory, settings_of(text)), "detach"),
        )  # fmt: skip

    async def _resume(self, directory: Path, settings: list[str]) -> None:
        self.note(f"{directory.name} goes on in a process of its own…")
        await self._free(directory)
        options = [word for setting in settings for word in ("--set", setting)]
        code, answer = await asyncio.to_thread(
            start_detached, ["resume", str(directory), *options, "--quiet"]
        )
        if code:
            self.note(answer)
            return
        run = self._in(directory)
        if run is not None and run.source is None:
            self.sitting.remove(run)  # another process trains it: it is looked at from its directory
        await self._watch(directory)

    async def _free(self, directory: Path) -> None:
        """End our thread that only answers questions about a run, since it holds the directory."""
        run = self._in(directory)
        if run is not None and run.source is None:
            if run.active:
                raise StoreError(f"{run.name} trains in this lab: s stops it")
            await self.let_go(run)

    def _moved(self, directory: Path, where: Path | None) -> None:
        """A directory has another name, or is gone."""
        run = self._in(directory)
        if run is None:
            return
        if where is not None and run.source is None:
            run.directory = where
            self.lab.show_all()
            return
        was_current = run is self.current
        self.take_off(run)
        if where is not None and was_current:
            self.behind(self._watch(where), "archive")

    # -- all of them -------------------------------------------------------------------------------------------------

    def action_compare(self) -> None:
        """What differs between the runs of this sitting, and how they did; ranked by validation, never by test."""
        self.push_screen(TextScreen("Comparison", comparison(self.sitting.runs)))

    def action_runs(self) -> None:
        """Go to the runs table; on a small screen it takes the place of the charts."""
        self.lab.add_class("-listing")
        self.lab.query_one("#runs").focus()


def _as_it_is(directory: Path) -> tuple[Experiment, dict[str, Change], str]:
    """The experiment of a run, what was changed since it began, and how it is doing; reads its files."""
    info = run_info(directory)
    status = Status() if info is None else info.status
    changes = {str(one["key"]): Change(one["value"], one["epoch"]) for one in status.changes}
    return load_experiment(directory), changes, "damaged" if info is None else info.state
