"""Commands for a run of another process, sent by a thread of their own: no answer is waited for where keys are read."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ..engine.controls import Command, Controls
from ..engine.errors import StoreError
from ..engine.events import CommandTaken, Event, Probed
from ..engine.store.control import Control, NoAnswerError, UnreachableError

#: The key of an answer to a probe that no process gave.
UNANSWERED = "unanswered"
#: Seconds until a process that does not answer counts as one that hangs, and between looks for answers to probes.
_PATIENCE, _LISTEN = 5.0, 0.1


class RemoteControls(Controls):
    """The way into a run of another process. `send` returns at once; a refusal comes as an event from `answers`."""

    def __init__(self, directory: Path, patience: float = _PATIENCE) -> None:
        super().__init__()
        self._directory, self._patience = directory, patience
        self._asked: SimpleQueue[Command | None] = SimpleQueue()
        self._heard: deque[Event] = deque()
        self._sender: threading.Thread | None = None

    def send(self, name: str, value: Any = None) -> None:
        """Have a command sent."""
        self._asked.put(Command(name, value))
        if self._sender is None:
            self._sender = threading.Thread(
                target=self._work,
                args=(self._asked,),
                name=f"commands to {self._directory.name}",
                daemon=True,
            )
            self._sender.start()

    def answers(self) -> list[Event]:
        """Return the answers to probes that came, and the refusals of commands."""
        return [self._heard.popleft() for _ in range(len(self._heard))]

    def close(self) -> None:
        """Let go; the run goes on."""
        self._asked.put(None)
        self._asked, self._sender = SimpleQueue(), None

    def _work(self, asked: SimpleQueue[Command | None]) -> None:
        control: Control | None = None
        while True:
            try:
                command = asked.get(timeout=None if control is None else _LISTEN)
                if command is None:
                    break
                control = self._deliver(control, command, asked)
            except Empty:
                pass
            if control is not None:
                self._heard.extend(control.poll())
                if control.closed:
                    control.close()
                    control = None
        if control is not None:
            control.close()

    def _deliver(
        self, control: Control | None, command: Command, asked: SimpleQueue[Command | None]
    ) -> Control | None:
        """Send a command and return the connection that it went over; None if there is none now."""
        known = control is not None
        try:
            control = control or Control(self._directory, self._patience)
            control.send(command.name, command.value)
        except StoreError as error:
            if not isinstance(error, UnreachableError):
                self._refuse(command, error)
                return control
            if control is not None:
                self._heard.extend(control.poll())
                control.close()
            if known and not isinstance(error, NoAnswerError):
                # The process that listened is gone; another one may have gone on with the run.
                return self._deliver(None, command, asked)
            self._refuse(command, error)
            if isinstance(error, NoAnswerError):
                self._refuse_all(asked, error)
            return None
        return control

    def _refuse_all(self, asked: SimpleQueue[Command | None], why: StoreError) -> None:
        """Refuse what waits behind a command that nobody answers, instead of waiting for each as long."""
        while not asked.empty():
            command = asked.get()
            if command is None:
                asked.put(None)
                return
            self._refuse(command, why)

    def _refuse(self, command: Command, why: StoreError) -> None:
        if command.name == "probe":
            self._heard.append(
                Probed(probe=str(command.value["name"]), step=0, answer={"error": str(why), UNANSWERED: True})
            )
        else:
            self._heard.append(CommandTaken(command=command.name, value=command.value, error=str(why)))
