"""What lies below the charts: epochs, steps or seconds of one run, and the way between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from ..engine.history import History

Axis = Literal["epoch", "step", "time"]

#: What the axis is called, with its unit.
NAMES: dict[Axis, str] = {"epoch": "epoch", "step": "step", "time": "seconds"}
#: Points of the curve of time over epochs; between them it is taken as straight.
_KNOTS = 2000


class Abscissa:
    """Turns epochs, whole or parts of one, numbers or arrays, into the unit of an axis, and back."""

    def __init__(self, history: History, axis: Axis) -> None:
        self.axis = axis
        self.steps = history.started.steps_per_epoch if history.started else 1
        "Steps of an epoch."
        self.of, self.epochs = self._ways(history)

    def _ways(self, history: History) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        if self.axis == "step":
            return lambda epochs: epochs * self.steps, lambda steps: steps / self.steps
        if self.axis == "epoch" or not len(history.epoch_times):
            return lambda epochs: epochs, lambda x: x
        import numpy as np

        points = history.epoch_times.envelope(columns=_KNOTS)
        times, epochs = np.append(0.0, points.mean), np.append(0.0, points.x)
        pace = max(float(times[-1] / epochs[-1]), 1e-9)

        def of(x: Any) -> Any:
            late = times[-1] + (x - epochs[-1]) * pace
            return np.where(x > epochs[-1], late, np.interp(x, epochs, times))[()]

        def back(x: Any) -> Any:
            late = epochs[-1] + (x - times[-1]) / pace
            return np.where(x > times[-1], late, np.interp(x, times, epochs))[()]

        return of, back
