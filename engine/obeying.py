"""How a run obeys: commands taken at step boundaries, pauses, the pace asked for, and questions answered."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from . import ending, probes
from .controls import Command, Controls, refusal
from .ending import Ending
from .errors import LaderaError
from .events import CommandTaken, Event, PausedAt, Probed
from .position import Position
from .saving import Saving

#: Events as they come, and at last how the run is to end, if it was asked to.
Obeyed = Generator[Event, None, Ending | None]


class Obeying:
    """What was asked of a run and is still to be done."""

    def __init__(self, controls: Controls, position: Position, saving: Saving) -> None:
        self.controls, self.position, self.saving = controls, position, saving
        self.paused = False
        self.pause_at_step: int | None = None
        self.pause_after_epoch: int | None = None
        self.stop_after_epoch = False
        self.pace = 0.0
        "Least seconds per epoch; 0 is as fast as it goes."

    @property
    def due(self) -> bool:
        """Whether there is something to obey after this step."""
        return self.controls.pending or self.paused or self.position.training.step == self.pause_at_step

    def obey(self) -> Obeyed:
        """Take waiting commands; while paused, wait for more, with the clock stopped."""
        asked = yield from self._obey()
        if asked is None:
            self.position.clock.stop()
            self.controls.stand_aside()
        self.position.clock.start()
        return asked

    def after_epoch(self, epoch: int, seconds: float) -> Obeyed:
        """Stop or pause if that was asked for, and keep the pace; `seconds` is what the epoch took."""
        if self.stop_after_epoch:
            return Ending("stopped", f"stopped on request after epoch {epoch}")
        if self.pause_after_epoch is not None and epoch >= self.pause_after_epoch:
            self.pause_after_epoch = None
            yield self._taken(Command("pause"))
            self.paused = True
            asked = yield from self.obey()
            if asked is not None:
                return asked
        return (yield from self._keep_pace(seconds))

    def asked_to_leave(self) -> Generator[Event, None, Command | None]:
        """Take waiting commands once training is over: answer questions, and return what asks for the end, if anything."""
        leave: Command | None = None
        for command in self.controls.take() if self.controls.pending else ():
            if refusal(command.name, command.value):
                continue
            if command.name == "probe":
                yield self._probe(command)
            elif command.name in ("stop", "abandon"):
                leave = leave or command
        return leave

    def answer_probes(self) -> Iterator[Event]:
        """After the end, answer questions about the final network until told to stop."""
        self.position.clock.stop()
        while (yield from self.asked_to_leave()) is None:
            self.controls.wait(60.0)

    def _obey(self) -> Obeyed:
        position = self.position
        if position.training.step == self.pause_at_step:
            self.pause_at_step, self.paused = None, True
            yield self._taken(Command("pause"))
        asked: Ending | None = None
        told = False
        while True:
            for command in self.controls.take():
                asked = (yield from self._one(command)) or asked
            if not self.paused or asked is not None:
                return asked
            if not told:
                told = True
                yield PausedAt(
                    time=position.now(),
                    epoch=position.epoch,
                    step=position.training.step,
                    loss=position.last_loss,
                )
            position.clock.stop()
            self.controls.wait(60.0)

    def _one(self, command: Command) -> Obeyed:
        position, value = self.position, command.value
        error = refusal(command.name, value)
        asked: Ending | None = None
        if error:
            yield self._taken(Command(command.name), error)  # without a value that no log may be able to hold
            return None
        match command.name:
            case "pause":
                self.paused = True
            case "resume":
                self.paused = False
            case "step":
                self.pause_at_step, self.paused = position.training.step + value, False
            case "run_epochs":
                self.pause_after_epoch, self.paused = position.epoch - 1 + value, False
            case "finish_epoch":
                self.stop_after_epoch, self.paused = True, False
            case "stop" | "abandon":
                asked = ending.asked(command)
            case "pace":
                self.pace = float(value)
            case "checkpoint":
                yield self._taken(command)
                yield self.saving.save(position)
                return None
            case "set":
                try:
                    position.training.change(value["key"], value["value"])
                except LaderaError as fault:
                    error = str(fault)
            case "probe":
                yield self._probe(command)
                return None
            case name:
                raise AssertionError(f"{name} is in COMMANDS and not obeyed")
        yield self._taken(command, error)
        return asked

    def _taken(self, command: Command, error: str = "") -> CommandTaken:
        position = self.position
        return CommandTaken(
            time=position.now(), command=command.name, value=command.value, epoch=position.epoch - 1,
            step=position.training.step, error=error,
        )  # fmt: skip

    def _probe(self, command: Command) -> Probed:
        options, training = dict(command.value), self.position.training
        name = options.pop("name")
        answer = probes.answer(training, name, options)
        return Probed(time=self.position.now(), probe=name, step=training.step, answer=answer)

    def _keep_pace(self, seconds: float) -> Obeyed:
        """Wait out what is left of the pace asked for, so that an eye can follow; no training time, no other number."""
        began = time.monotonic() - seconds
        self.position.clock.stop()
        asked: Ending | None = None
        while asked is None and (left := began + self.pace - time.monotonic()) > 0:
            self.controls.wait(left)
            asked = yield from self._obey()
        self.position.clock.start()
        return asked
