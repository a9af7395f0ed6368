"""How the charts are looked at: pure values, and what zooming, panning and following make of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..engine.history import History
from .abscissa import Axis
from .curves import Marker
from .inks import INKS

#: Epochs of the shortest stretch that can be looked at.
_SHORTEST = 2.0


@dataclass(frozen=True)
class View:
    """The settings of the charts; kept by the lab, partly remembered between sittings."""

    axis: Axis = "epoch"
    log_y: bool = True
    smoothing: float = 0.0
    "Weight of the past in the moving average, 0 is off."
    metric: str = ""
    "The second chart's metric; the task's own if empty."
    batches: bool = False
    "Whether the losses of the batches are drawn below those of the epochs."
    close: bool = False
    "Whether the loss axis makes room for validation only: a train loss near zero would flatten it."
    start: float | None = None
    end: float | None = None
    "The stretch that is looked at, in epochs; None, None shows all."
    span: float | None = None
    "So many epochs up to the newest are shown: the stretch follows; None where it does not."
    cursor: float | None = None
    "Epoch whose exact values are shown."
    marker: Marker = "braille"
    colour: bool = True
    ink: str = "dark"
    "Of INKS: the colours that the theme's ground asks for."

    @property
    def light(self) -> bool:
        """Whether the ground is light."""
        return INKS[self.ink].light

    @property
    def whole(self) -> bool:
        """Whether all of the run is shown."""
        return self.start is None and self.span is None

    def unzoomed(self) -> View:
        """The same view of the whole run, without a cursor."""
        return replace(self, start=None, end=None, span=None, cursor=None)


def visible(history: History, view: View, longest: float = 0) -> tuple[float, float]:
    """The visible range in epochs.

    While training it has room to the right and grows in steps, seldom; a run that has ended is seen beside all of
    those it is compared with, of which the `longest` made so many epochs.
    """
    newest = float(max(history.epoch, 1))
    if view.start is not None and view.end is not None:
        return view.start, max(view.end, view.start + 1)
    if view.span is not None:
        start = max(0.0, newest - view.span)
        return start, max(newest, start + min(view.span, 1.0))
    if history.ended is not None:
        return 0.0, max(newest, float(longest))
    # Where it would stop belongs to the picture, as long as that leaves the curves most of it.
    stop = history.stops_at
    wanted = newest if stop is None else min(float(stop), newest * 1.5)
    return 0.0, min(_roomy(max(newest, wanted)), float(max(history.epochs, newest)))


def _roomy(span: float) -> float:
    """The next of 5, 10, 15, 20, 30, 40, 60, 80, 100, 150, …"""
    scale = 10.0 ** max(0, math.floor(math.log10(max(span, 1))) - 1)
    for factor in (5, 10, 15, 20, 30, 40, 60, 80, 100):
        if span <= factor * scale:
            return factor * scale
    return span


def zoomed(history: History, view: View, factor: float, longest: float = 0) -> View:
    """The view of a stretch `factor` as long, around the cursor, up to the newest epoch, or around its middle."""
    low, high = visible(history, view, longest)
    end = visible(history, view.unzoomed(), longest)[1]
    span = max(_SHORTEST, (high - low) * factor)
    if span >= end:
        return replace(view, start=None, end=None, span=None)
    if view.cursor is None and view.start is None and history.ended is None:
        return replace(view, span=min(span, float(max(history.epoch, 1))))
    middle = view.cursor if view.cursor is not None else high - span / 2 if view.whole else (low + high) / 2
    start = min(max(0.0, middle - span / 2), end - span)
    return replace(view, start=start, end=start + span, span=None)


def panned(history: History, view: View, share: float, longest: float = 0) -> View:
    """The view of a stretch as long, a share of its length later; while training it follows the newest epoch from there on."""
    if view.whole:
        return view
    low, high = visible(history, view, longest)
    span = high - low
    newest = float(max(history.epoch, 1))
    if share > 0 and history.ended is None and high + share * span >= newest:
        return replace(view, start=None, end=None, span=min(span, newest))
    end = max(visible(history, view.unzoomed(), longest)[1], span)
    start = min(max(0.0, low + share * span), end - span)
    return replace(view, start=start, end=start + span, span=None)
