"""Mean, lowest and highest of losses, one after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Spread:
    """What is known of the losses since the last report, or of an epoch so far."""

    total: float = 0.0
    count: int = 0
    low: float = math.inf
    high: float = -math.inf

    def add(self, value: float) -> None:
        """Take in a loss."""
        self.total += value
        self.count += 1
        self.low = min(self.low, value)
        self.high = max(self.high, value)

    @property
    def mean(self) -> float:
        """Of all of them; NaN of none."""
        return self.total / self.count if self.count else math.nan
