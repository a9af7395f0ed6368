"""Asks a run's network, wherever it is: in this process, in the one that trains it, or on the disk only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..engine.events import Probed
from .kept import Kept, KeptAnswer, Question
from .remote import UNANSWERED
from .run import Run

#: While training, an answer is asked for at most this often, and so seldom that answering takes 2 % of the time.
_SECONDS, _SHARE, _MOST_SECONDS = 1.0, 0.02, 30.0

Place = Literal["memory", "disk", "nowhere"]


@dataclass(frozen=True)
class Seen:
    """An answer, and of which weights it is."""

    answer: Mapping[str, Any]
    step: int
    words: str = ""
    "Which weights, if they came from the disk."
    which: str = ""
    "final, best or latest, if they came from the disk."
    others: tuple[str, ...] = ()
    "Other weights on the disk that can be asked for."
    warnings: tuple[str, ...] = ()


class Inquiry:
    """One look's questions and the latest answer; nothing in here blocks."""

    def __init__(self, run: Run, kept: Kept) -> None:
        self.run, self._kept = run, kept
        self.which = ""
        "The weights on the disk that are wanted; the first there are if empty."
        self.seen: Seen | None = None
        self._asked: tuple[Place, float, int] | None = None
        "Where the last question went, when, and at which step."
        self._options: dict[str, Any] = {}
        self._took: float | None = None
        self._last: Probed | None = None
        self._deaf = False
        "Whether the process that should train it did not take the last question."

    @property
    def place(self) -> Place:
        """Who can answer."""
        if (self.run.active or self.run.working) and not self._deaf:
            return "memory"
        return "disk" if self.run.directory is not None else "nowhere"

    def begin(self, probe: str) -> None:
        """Forget what was asked: another look begins."""
        self.seen = self._asked = self._took = None
        self._deaf = False
        self._last = self.run.answers.get(probe)

    def again(self) -> None:
        """Make the next question due at once; what is on the screen stays until the answer comes."""
        self._asked = None

    def resized(self, options: Mapping[str, Any]) -> None:
        """Ask again if the new size calls for other options."""
        if self._asked is not None and dict(options) != self._options:
            self.again()

    def ask(self, probe: str, options: Mapping[str, Any]) -> None:
        """Ask."""
        if self.place == "memory":
            self.run.controls.probe(probe, **options)
        elif self.place == "disk" and self.run.directory is not None:
            self._kept.ask(Question(self.run.directory, probe, tuple(options.items()), self.which))
        self._asked = self.place, time.monotonic(), self.run.history.step
        self._took, self._options = None, dict(options)

    def poll(self, probe: str) -> bool:
        """Take an answer that came; whether one did."""
        answer = self._kept.poll()
        if answer is not None and self.place == "disk" and self._concerns(answer, probe):
            self.seen = _from_disk(answer)
            self._took = self._since()
            return True
        told = self.run.answers.get(probe)
        if told is not None and told is not self._last and self.place == "memory":
            if UNANSWERED in told.answer and self.run.directory is not None:
                # Its process went away without a word; what it saved is still there.
                self._last, self._deaf = told, True
                return False
            self._last, self.seen = told, Seen(told.answer, told.step)
            self._took = self._since()
            return True
        return False

    def _concerns(self, answer: KeptAnswer, probe: str) -> bool:
        return (answer.question.directory, answer.question.probe) == (self.run.directory, probe)

    def _since(self) -> float:
        return time.monotonic() - self._asked[1] if self._asked is not None else 0.0

    def due(self) -> bool:
        """Whether to ask now: while training as often as answering costs little, else after every change."""
        history, place = self.run.history, self.place
        if history.started is None or place == "nowhere":
            return False
        if self._asked is None or self._asked[0] != place:
            return True
        if place == "disk":
            return False
        if not self.run.active or history.paused:
            # The network stands still: ask again only after a step.
            return history.step != self._asked[2]
        if self._took is None:
            return False
        return self._since() >= max(_SECONDS, min(_MOST_SECONDS, self._took / _SHARE))


def _from_disk(answer: KeptAnswer) -> Seen:
    if answer.probed is None:
        return Seen({"error": answer.trouble}, 0)
    return Seen(
        answer.probed.answer, answer.probed.step, words=answer.words, which=answer.which, others=answer.others,
        warnings=answer.warnings,
    )  # fmt: skip
