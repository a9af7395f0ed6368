"""What the screen costs: bytes to the terminal, and processor time of the thread that draws, over the last seconds."""

from __future__ import annotations

from collections import deque

from .system import size

#: Seconds between samples, and how many are kept.
_EVERY, _KEPT = 1.0, 11


class ScreenCost:
    """Sampled by the screen's clockwork; knows no clock of its own."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int, float]] = deque(maxlen=_KEPT)

    def sample(self, now: float, written: int, used: float) -> None:
        """Take the bytes written and the thread's processor time so far; more often than once a second is passed over."""
        if not self._samples or now - self._samples[-1][0] >= _EVERY:
            self._samples.append((now, written, used))

    @property
    def rates(self) -> tuple[float, float] | None:
        """Bytes a second and share of a core over the last ten seconds; None until there is a second of them."""
        if len(self._samples) < 2:
            return None
        (began, bytes_before, used_before), (ended, bytes_after, used_after) = (
            self._samples[0],
            self._samples[-1],
        )
        return (bytes_after - bytes_before) / (ended - began), (used_after - used_before) / (ended - began)

    def __str__(self) -> str:
        rates = self.rates
        return (
            "…" if rates is None else f"{size(round(rates[0]))}/s to the terminal, {rates[1]:.1%} of a core"
        )
