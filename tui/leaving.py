"""Leaving the lab: what becomes of the run that trains, and of those that wait behind it."""

from __future__ import annotations

import asyncio

from .detach import start_detached
from .hints import command
from .lab_base import LabBase
from .mendable import MENDABLE, in_words
from .run import Run
from .screens.choice import ChoiceScreen
from .text import clean
from .values import differing
from .views import STATES

#: Names of queued runs that a question holds, and values in which each differs from the others.
_NAMED, _TOLD = 4, 2


def not_trained(queued: list[Run]) -> str:
    """That runs which wait will not be trained; "" if none waits."""
    if not queued:
        return ""
    keys = differing([run.values for run in queued])
    told = [" ".join([clean(run.name, 40), *run.values.told(keys)[:_TOLD]]) for run in queued[:_NAMED]]
    names = ", ".join(told) + ", …" * (len(queued) > _NAMED)
    return f" {len(queued)} queued run{'s' * (len(queued) != 1)} will not be trained: {names}."


class Leaving(LabBase):
    """How a user leaves."""

    def action_leave(self) -> None:
        """Leave; asks while something trains here."""
        training = self.sitting.training
        if training is None or not training.active:
            self.exit()
            return

        def go(way: str) -> None:
            if way == "stop":
                self.saving = training
                self.sitting.drop_queue()
                training.controls.stop("leaving the lab")
                self.exit()
            elif way == "detach":
                self._leave_behind(training)

        again = command(self.runs_dir, "resume", training.name)
        look = command(self.runs_dir, "watch", training.name)
        self.ask(
            ChoiceScreen(
                f"{clean(training.name)} is training.{not_trained(self.sitting.queued)}",
                [
                    ("on", "Go on training, stay here"),
                    ("detach", f"Leave and let it train in the background (`{look}` shows it)"),
                    ("stop", f"Save it, stop it and leave (`{again}` goes on later)"),
                ],
                lambda: training.active,
            ),
            go,
        )

    def action_detach(self) -> None:
        """Hand the run that trains to a process of its own, and leave; asks if others wait behind it."""
        training, queued = self.sitting.training, self.sitting.queued
        if training is None or not training.active:
            self.note("Nothing trains here that could go on in the background")
        elif not queued:
            self._leave_behind(training)
        else:
            ways = [("on", "Stay here"), ("detach", "Leave; only the one that trains goes on")]
            self.ask(
                ChoiceScreen(
                    f"Leave {clean(training.name)} in the background?{not_trained(queued)}",
                    ways,
                    lambda: training.active,
                ),
                lambda way: self._leave_behind(training) if way == "detach" else None,
            )

    def _leave_behind(self, run: Run) -> None:
        if self.sitting.held:
            self.note(f"{run.name} is being handed over")
            return
        self.sitting.held = True  # nothing of the queue may begin while the lab is left
        self.note("saves it and hands it to a process of its own…")
        self.behind(self._leave_without(run), "detach")

    async def _leave_without(self, run: Run) -> None:
        # Should the terminal go away meanwhile, this ends here, and what is left of it is done without a screen.
        self.handing = run
        words = await self._handed_over(run)
        self.handing, self.sitting.held = None, False
        if words:
            self.sitting.drop_queue()
            self.exit(words)

    async def _handed_over(self, run: Run) -> str:
        """Stop a run and start it again in a process of its own; what to say on leaving, "" to stay."""
        while run.directory is None and not run.trouble:
            await asyncio.sleep(0.05)
        run.controls.stop("handing over")
        await self.let_go(run)
        end = run.history.ended
        if run.directory is None or end is None:
            return ""  # it was refused, and says so
        if not end.interrupted_by:
            return f"{run.name} {STATES[end.reason][1]} before it could be handed over"
        try:
            arguments = ["resume", str(run.directory), "--quiet"]
            code, answer = await asyncio.to_thread(start_detached, arguments)
        except MENDABLE as error:
            code, answer = 1, in_words(error)
        if code:
            again = command(self.runs_dir, "resume", run.name)
            self.note(f"it could not go on in the background: {answer}. It is saved: `{again}`")
            return ""
        return f"{run.name} trains in the background: `{command(self.runs_dir, 'watch', run.name)}` shows it"
