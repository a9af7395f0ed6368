"""A run as the exports see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...engine.history import History


@dataclass(frozen=True, eq=False)
class ExportedRun:
    """What is known of a run that is to be exported."""

    name: str
    "As it is called in the list of runs."
    history: History
    directory: str = ""
    "Where it is kept; empty if nowhere."
    began: float = 0.0
    "Seconds since 1970 at which the run's clock was 0."
    state: str = ""
    "How it is doing, where its process knows more than its events: crashed, stalled."
    confusion: Mapping[str, Any] | None = None
    "The answer to the probe `confusion`, if it was asked."

    @property
    def state_now(self) -> str:
        """How it is doing."""
        return self.state or self.history.state
