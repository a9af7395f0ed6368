"""The lab's main screen: the experiment beside its curves, what early stopping thinks, the diagnosis, the runs.

It shows and passes wishes on; what is shown comes from pure functions (`views`, `plots`, `form`), what happens
is the sitting's.
"""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from .. import plots, run_rows, views
from ..sitting import Run
from ..text import clean
from ..widgets.chart import ChartView
from ..widgets.experiment_form import ExperimentForm
from ..widgets.key_line import KeyLine
from ..widgets.line import Line, written
from ..widgets.runs_table import RunsTable

if TYPE_CHECKING:
    from ..app import LabApp

#: Share of the time that the screen may take while training, and while training waits or is elsewhere.
_BUDGET, _IDLE_BUDGET = 0.025, 0.25
_FASTEST, _SLOWEST = 0.2, 3.0
#: Seconds between looks at a terminal that is still busy with the last frame, and until it is called slow.
_BUSY, _SLOW = 0.5, 1.0
#: What the line of keys leaves to the help page where there is little room.
_FOR_WIDE = ("command_palette", "app.slow_motion", "app.branch")

#: Classes of the screen from so many columns and lines on.
_WIDTHS = [(0, "-narrow"), (100, "-normal"), (180, "-wide")]
_HEIGHTS = [(0, "-tiny"), (9, "-low"), (30, "-tall")]


class LabScreen(Screen[None]):
    """Everything at a glance."""

    app: LabApp  # type: ignore[assignment]

    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS

    BINDINGS = [
        Binding("r", "app.train", "Run"),
        Binding("p", "app.pause", "Pause"),
        Binding("s", "app.stop", "Stop"),
        Binding("e", "edit", "Edit"),
        Binding("i", "app.inside", "Inside"),
        Binding("d", "app.diagnosis", "Why"),
        Binding("w", "app.what_if", "What if"),
        Binding("b", "app.branch", "Branch"),
        Binding("t", "app.runs", "Runs"),
        Binding("question_mark", "app.help", "Help"),
        Binding("q", "app.leave", "Quit"),
        Binding("o", "app.slow_motion", "Slow"),
        Binding("space", "app.single_step", "Step", show=False),
        Binding("right_square_bracket", "app.some_epochs", "Run n epochs", show=False),
        Binding("f", "app.finish_epoch", "Finish epoch", show=False),
        Binding("k", "app.checkpoint", "Checkpoint", show=False),
        Binding("c", "app.change_live", "Change live", show=False),
        Binding("l", "log_scale", "Log", show=False),
        Binding("x", "axis", "Axis", show=False),
        Binding("v", "smooth", "Smooth", show=False),
        Binding("m", "metric", "Metric", show=False),
        Binding("plus,equals_sign", "zoom(0.5)", "Zoom in", show=False),
        Binding("minus", "zoom(2)", "Zoom out", show=False),
        Binding("left_parenthesis,h", "pan(-0.25)", "Earlier", show=False),
        Binding("right_parenthesis,j", "pan(0.25)", "Later", show=False),
        Binding("0", "whole", "Whole run", show=False),
        Binding("comma", "cursor(-1)", "Cursor left", show=False),
        Binding("full_stop", "cursor(1)", "Cursor right", show=False),
        Binding("n", "app.next_run", "Next run", show=False),
        Binding("a", "app.compare", "Compare", show=False),
        Binding("g", "app.system", "System", show=False),
        Binding("G", "app.log", "Log", show=False),
        Binding("X", "app.export", "Export", show=False),
        Binding("z", "app.marker", "Marker", show=False),
        Binding("slash", "app.archive", "All runs", show=False),
        Binding("y", "app.command_line", "Command", show=False),
        Binding("u", "app.undo", "Undo", show=False),
        Binding("D", "app.detach", "Detach", show=False),
        Binding("escape", "back", "Back", show=False),
    ]

    def compose(self) -> ComposeResult:
        # Textual sets these at the first resize, after it has painted the layout of another size.
        for cells, points in zip(self.app.size, (_WIDTHS, _HEIGHTS), strict=True):
            self.add_class([name for least, name in points if least <= cells][-1])
        with Horizontal(id="title"):
            yield Line("", id="headline")
            yield Line("", id="status")
        with Horizontal(id="body"):
            with Vertical(id="side"):
                yield ExperimentForm(self.app.experiment, id="form")
                yield Line("", id="about")
            with Vertical(id="main"):
                with Vertical(id="charts"):
                    yield ChartView(self._loss, id="loss")
                    yield ChartView(self._metric, id="metric")
                yield Line("", id="figures")
                yield Line("", id="stopping", classes="panel")
                yield Line("", id="diagnosis", classes="panel")
                yield RunsTable(id="runs")
        yield Line("", id="runs-line")
        yield KeyLine(dropped=_FOR_WIDE)

    def on_mount(self) -> None:
        """Start the clockwork: news are folded ten times a second, charts are drawn as the budget allows."""
        self.query_one("#side").border_title = "Experiment"
        self.query_one("#stopping").border_title = "Early stopping: w what if"
        self.query_one("#diagnosis").border_title = "Diagnosis: d why"
        self._due, self._used, self._stale = 0.0, time.thread_time(), False
        self._told: tuple[Run | None, int] = (None, 0)
        self._behind_since: float | None = None
        self._slow_line = False
        self.set_interval(0.1, self.tick)
        self.query_one("#form").focus()
        self.app.theme_changed_signal.subscribe(self, lambda _: self.call_after_refresh(self.show_charts))
        self.call_after_refresh(self.show_all)
        self.call_after_refresh(_tidy_from_now_on)

    # -- showing -----------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Fold what arrived; show what changed, as often as the time it takes allows.

        What one showing cost, Textual's painting included, is the processor time of this thread until the next.
        """
        self._stale = self.app.sitting.poll() or self._stale
        now, run = time.monotonic(), self.app.current
        self._tell_refusals(run)
        calm = run is None or not run.active
        if (
            self._stale
            and (now >= self._due or calm)
            and self.app.screen is self
            and self._terminal_ready(now)
        ):
            used = time.thread_time()
            cost, self._used = used - self._used, used
            # Where training waits anyway, an eye may have more.
            idle = run is not None and (run.history.paused or run.history.pace > 0)
            share = _IDLE_BUDGET if idle or (run is not None and run.source is not None) else _BUDGET
            self._stale, self._due = False, now + min(_SLOWEST, max(_FASTEST, cost / share))
            self.show_all()

    def _terminal_ready(self, now: float) -> bool:
        """Whether the last frame has arrived: a slow line gets as many frames as it can carry."""
        if self.app.terminal_behind:
            self._behind_since = self._behind_since or now
            self._due = now + _BUSY
            return False
        self._slow_line = self._behind_since is not None and now - self._behind_since >= _SLOW
        self._behind_since = None
        return True

    def _tell_refusals(self, run: Run | None) -> None:
        """Say why a command was not obeyed."""
        commands = run.history.commands if run is not None else []
        run_before, told = self._told
        for command in commands[told if run is run_before else len(commands) :]:
            if command.error:
                self.note(f"{command.command} was refused: {command.error}")
        self._told = run, len(commands)

    def show_all(self) -> None:
        """Show everything anew."""
        self.show_text()
        self.show_charts()

    def show_text(self) -> None:
        """Show the words and numbers."""
        app, run = self.app, self.app.current
        ascii_only = app.view.marker == "ascii"
        status = str(views.status(run)) + "  slow terminal" * self._slow_line
        self.query_one("#status", Line).set(status)
        experiment = run.experiment if run is not None else app.experiment
        room = max(1, self.size.width - max(cell_len(status) + 2, 20) - 2)
        self.query_one("#headline", Line).set(views.in_one_line(experiment, room))
        self.query_one("#side").border_title = (
            "Experiment" if experiment == app.experiment else "Next experiment: r trains it"
        )
        stopping = self.query_one("#stopping", Line)
        width = stopping.content_size.width or 80
        stopping.set("\n".join(views.stopping_lines(run, width, ascii_only=ascii_only)))
        figures = plots.exact_values(run, app.sitting.runs, app.view) if run else ""
        line = self.query_one("#figures", Line)
        line.set(figures or views.figures(run, line.content_size.width))
        text, trouble = views.diagnosis_line(run)
        line = self.query_one("#diagnosis", Line)
        size = line.content_size
        line.set(
            views.clipped(written(line, text), size.width, size.height, "… d: all of it") if size else text
        )
        line.set_class(trouble, "trouble")
        self.query_one("#runs-line", Line).set(
            run_rows.runs_line(app.sitting.runs, max(10, self.size.width - 2))
        )
        self.query_one(RunsTable).show()

    def show_charts(self) -> None:
        """Draw the charts that are visible."""
        for chart in self.query(ChartView):
            chart.show()

    def _loss(self, width: int, height: int) -> plots.ChartSpec:
        return plots.loss_chart(self.app.current, self.app.sitting.runs, self.app.shown_view, width, height)

    def _metric(self, width: int, height: int) -> plots.ChartSpec:
        return plots.metric_chart(self.app.current, self.app.sitting.runs, self.app.shown_view, width, height)

    def on_resize(self) -> None:
        """Fit the words to the new size."""
        self.call_after_refresh(self.show_all)
        self.call_after_refresh(self.show_about)

    # -- the form ----------------------------------------------------------------------------------------------------

    def on_experiment_form_looked(self, event: ExperimentForm.Looked) -> None:
        """Tell what the highlighted part is."""
        self.show_about()

    def show_about(self) -> None:
        """Tell of the highlighted row as much as there is room for; the picker tells all."""
        row, about = self.query_one("#form", ExperimentForm).current, self.query_one("#about", Line)
        if row is not None:
            room = about.content_size
            about.set(views.clipped(written(about, self.app.about(row)), room.width, room.height))

    def on_experiment_form_chosen(self, event: ExperimentForm.Chosen) -> None:
        """Let the user change it."""
        self.app.edit(event.row)

    def show_experiment(self) -> None:
        """Show the changed experiment."""
        self.query_one("#form", ExperimentForm).show(self.app.experiment)
        self.show_about()
        self.show_text()

    def on_data_table_row_selected(self, event: RunsTable.RowSelected) -> None:
        """Look at the chosen run; on a small screen, back to the charts."""
        self.remove_class("-listing")
        self.app.look_at(int(event.row_key.value or 0))

    # -- looking -----------------------------------------------------------------------------------------------------

    def action_edit(self) -> None:
        """Go to the form; on a small screen it takes the place of the charts."""
        self.remove_class("-listing")
        self.add_class("-editing")
        self.query_one("#form").focus()

    def action_back(self) -> None:
        """Back to the charts on a small screen."""
        self.remove_class("-editing", "-listing")
        self.call_after_refresh(self.show_charts)

    def action_log_scale(self) -> None:
        """Log or linear loss."""
        self.app.look(log_y=not self.app.view.log_y)

    def action_axis(self) -> None:
        """Epochs, steps or time below the charts."""
        order: tuple[plots.Axis, ...] = ("epoch", "step", "time")
        self.app.look(axis=order[(order.index(self.app.view.axis) + 1) % 3])

    def action_smooth(self) -> None:
        """Moving average: off, light, strong."""
        levels = (0.0, 0.6, 0.9)
        now = self.app.view.smoothing
        self.app.look(smoothing=levels[(levels.index(now) + 1) % 3] if now in levels else 0.0)

    def action_metric(self) -> None:
        """On a small screen the other chart; else the next metric."""
        if self.has_class("-narrow"):
            self.toggle_class("-other")
            self.call_after_refresh(self.show_charts)
            return
        run = self.app.current
        names = [name for name in run.history.validation if name != "loss"] if run else []
        if names:
            now = self.app.view.metric or views.metric_of(run.history) if run else ""
            self.app.look(metric=names[(names.index(now) + 1) % len(names)] if now in names else names[0])

    def action_zoom(self, factor: float) -> None:
        """Show a shorter or longer stretch around the cursor, or up to the newest epoch."""
        run = self.app.current
        if run is None:
            return
        view = self.app.view
        low, high = self._visible(run, view)
        span = max(4.0, (high - low) * factor)
        if span >= self._visible(run, replace(view, start=None, end=None))[1]:
            self.app.look(start=None, end=None)
        elif view.end is None and view.cursor is None:
            self.app.look(start=max(0.0, run.history.epoch - span))
        else:
            middle = view.cursor if view.cursor is not None else (low + high) / 2
            self.app.look(start=max(0.0, middle - span / 2), end=middle + span / 2)

    def _visible(self, run: Run, view: plots.View) -> tuple[float, float]:
        return plots.visible(run.history, view, plots.longest(self.app.sitting.runs))

    def action_pan(self, share: float) -> None:
        """Move the visible stretch; at the newest epoch it follows again."""
        run = self.app.current
        if run is None:
            return
        low, high = self._visible(run, self.app.view)
        move = (high - low) * share
        low, high = max(0.0, low + move), max(high - low, high + move)
        follows = high >= run.history.epoch and share > 0
        self.app.look(start=low, end=None if follows else high)

    def action_whole(self) -> None:
        """The whole run, and no cursor."""
        self.app.look(start=None, end=None, cursor=None)

    def action_cursor(self, by: int) -> None:
        """Move the cursor; its exact values stand below the charts."""
        run = self.app.current
        if run is None or not run.history.epoch:
            return
        now = self.app.view.cursor
        start = run.history.epoch if now is None else now + by
        self.app.look(cursor=float(min(max(1, start), run.history.epoch)))

    def note(self, text: str) -> None:
        """Say something in passing."""
        self.notify(written(self, clean(text, 300)), markup=False)


def _tidy_from_now_on() -> None:
    """Start the garbage collector; what the start left is never looked at again."""
    gc.freeze()
    gc.enable()
