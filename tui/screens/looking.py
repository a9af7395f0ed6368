"""Looking at the charts: scale, axis and smoothing, the stretch that is seen, the cursor; by key and by mouse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from textual.binding import Binding
from textual.screen import Screen

from .. import plots
from ..abscissa import Abscissa, Axis
from ..progress import metric as metric_of
from ..progress import metric_of_task
from ..view import panned, visible, zoomed
from ..widgets.chart import ChartView

if TYPE_CHECKING:
    from ..app import LabApp
    from ..run import Run

_T = TypeVar("_T")
_AXES: tuple[Axis, ...] = ("epoch", "step", "time")
_SMOOTHINGS = (0.0, 0.6, 0.9)


def following(values: Sequence[_T], now: _T) -> _T:
    """The value after one, the first after the last and after one that is none of them."""
    return values[(values.index(now) + 1) % len(values)] if now in values else values[0]


class LookingScreen(Screen[None]):
    """The part of the main screen that a key or a click looks with; nothing here changes a run."""

    app: LabApp  # type: ignore[assignment]

    BINDINGS = [
        Binding("l", "log_scale", "Log", show=False),
        Binding("x", "axis", "Axis", show=False),
        Binding("v", "smooth", "Smooth", show=False),
        Binding("m", "metric", "Metric", show=False),
        Binding("B", "batches", "Batches", show=False),
        Binding("C", "close_up", "Close", show=False),
        Binding("F", "full", "Full", show=False),
        Binding("plus,equals_sign", "zoom(0.5)", "Zoom in", show=False),
        Binding("minus", "zoom(2)", "Zoom out", show=False),
        Binding("left_parenthesis", "pan(-0.25)", "Earlier", show=False),
        Binding("right_parenthesis", "pan(0.25)", "Later", show=False),
        Binding("0", "whole", "Whole run", show=False),
        Binding("comma", "cursor(-1)", "Cursor left", show=False),
        Binding("full_stop", "cursor(1)", "Cursor right", show=False),
        Binding("less_than_sign", "cursor(-10)", "Cursor far left", show=False),
        Binding("greater_than_sign", "cursor(10)", "Cursor far right", show=False),
    ]

    def chart_of_loss(self, width: int, height: int) -> plots.ChartSpec:
        """What the first chart shows."""
        app = self.app
        return plots.loss_chart(app.current, app.sitting.runs, app.shown_view, width, height)

    def chart_of_metric(self, width: int, height: int) -> plots.ChartSpec:
        """What the second chart shows."""
        app = self.app
        usual = metric_of_task(app.experiment.task)
        return plots.metric_chart(app.current, app.sitting.runs, app.shown_view, width, height, usual)

    def show_charts(self) -> None:
        """Draw the charts that are visible, one after the other: a key press comes between them."""
        for chart in self.query(ChartView):
            self.call_later(chart.show)

    def _look(self, **changes: Any) -> None:
        self.app.look(replace(self.app.view, **changes))

    def action_log_scale(self) -> None:
        """Log or linear loss."""
        self._look(log_y=not self.app.view.log_y)

    def action_axis(self) -> None:
        """Epochs, steps or seconds below the charts."""
        self._look(axis=following(_AXES, self.app.view.axis))

    def action_smooth(self) -> None:
        """Moving average: off, light, strong."""
        self._look(smoothing=following(_SMOOTHINGS, self.app.view.smoothing))

    def action_batches(self) -> None:
        """The losses of the batches below those of the epochs, or not."""
        self._look(batches=not self.app.view.batches)

    def action_close_up(self) -> None:
        """Room for validation only, or for all curves."""
        self._look(close=not self.app.view.close)
        self.app.note("the loss axis fits " + ("validation" if self.app.view.close else "all curves"))

    def action_full(self) -> None:
        """The charts alone, or with everything around them."""
        self.toggle_class("-full")
        self.call_after_refresh(self.show_charts)

    def action_metric(self) -> None:
        """Where one chart is seen, the other; else the next metric, the learning rate or the penalty."""
        if self.has_class("-narrow") and not self.has_class("-tall"):
            self.toggle_class("-other")
            self.call_after_refresh(self.show_charts)
        elif (run := self.app.current) is not None and run.history.started is not None:
            now = self.app.view.metric or metric_of(run.history)
            self._look(metric=following(plots.metrics(run.history), now))

    # -- the stretch that is seen ------------------------------------------------------------------------------------

    def _longest(self, run: Run) -> int:
        return plots.longest(run, self.app.sitting.runs)

    def action_zoom(self, factor: float) -> None:
        """Show a shorter or longer stretch: around the cursor, or up to the newest epoch."""
        if (run := self.app.current) is not None:
            self.app.look(zoomed(run.history, self.app.view, factor, self._longest(run)))

    def action_pan(self, share: float) -> None:
        """Move the stretch; at the newest epoch of a run that trains it follows."""
        if (run := self.app.current) is not None:
            if self.app.view.whole:
                self.app.note("all of the run is seen: + shows a shorter stretch, ( and ) move it")
            self.app.look(panned(run.history, self.app.view, share, self._longest(run)))

    def action_whole(self) -> None:
        """The whole run, and no cursor."""
        self.app.look(self.app.view.unzoomed())

    # -- the cursor --------------------------------------------------------------------------------------------------

    def action_cursor(self, by: int) -> None:
        """Move the cursor; its exact values stand below the charts and at the ends of the lines."""
        run = self.app.current
        if run is not None and run.history.epochs_done:
            view = self.app.view
            newest = math.floor(visible(run.history, view)[1])  # of what is seen
            self._put_cursor(run, newest if view.cursor is None else view.cursor + by)

    def _put_cursor(self, run: Run, epoch: float) -> None:
        self._look(cursor=float(min(max(1, round(epoch)), run.history.epochs_done)))

    def on_chart_view_clicked(self, event: ChartView.Clicked) -> None:
        """Put the cursor where the mouse was."""
        run = self.app.current
        if run is not None and run.history.epochs_done:
            self._put_cursor(run, float(Abscissa(run.history, self.app.view.axis).epochs(event.x)))
