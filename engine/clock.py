"""The clock of a run: seconds of training, without pauses and without waiting for an eye to follow."""

from __future__ import annotations

import time


class Clock:
    """Counts while it runs; stopping it twice, or reading it while it stands, changes nothing."""

    def __init__(self, seconds: float = 0.0, epoch_seconds: float = 0.0) -> None:
        self._seconds, self._epoch_seconds = seconds, epoch_seconds
        self._since: float | None = time.monotonic()
        "When it was started last, by the monotonic clock; None while it stands."

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self._seconds + self._running()

    @property
    def epoch_seconds(self) -> float:
        """Seconds of the epoch in progress so far."""
        return self._epoch_seconds + self._running()

    def _running(self) -> float:
        return 0.0 if self._since is None else time.monotonic() - self._since

    def stop(self) -> None:
        """Stand still."""
        self._seconds, self._epoch_seconds, self._since = self.seconds, self.epoch_seconds, None

    def start(self) -> None:
        """Go on."""
        if self._since is None:
            self._since = time.monotonic()

    def lap(self) -> float:
        """Return the seconds of the epoch that ends now, above 0, and begin the next."""
        passed = self.epoch_seconds
        running = self._since is not None
        self.stop()
        self._epoch_seconds = 0.0
        if running:
            self.start()
        return max(passed, 1e-9)
