"""The lab's main screen: the experiment beside its curves, what early stopping thinks, the diagnosis, the runs.

It shows and passes wishes on; what is shown comes from pure functions (`views`, `plots`, `form`), what happens
is the sitting's.
"""

from __future__ import annotations

import gc
import threading
import time

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical

from ...engine.store.listing import count_runs
from .. import plots, run_rows, stopping_panel, views
from ..redraw import FASTEST, Redraw
from ..run import Run
from ..text import clean
from ..widgets.chart import ChartView
from ..widgets.experiment_form import ExperimentForm
from ..widgets.key_line import KeyLine
from ..widgets.line import Line, written
from ..widgets.runs_table import RunsTable
from .looking import LookingScreen

#: When the collector of garbage looks at its three generations: a frame makes thousands of objects, and is not to be held up.
_COLLECTOR = 5_000, 3, 250
#: Seconds between two turns of the clockwork.
TURN = FASTEST
#: Seconds after a key or click at which news are looked for.
_SOON = 0.05, 0.15
#: Share of its thread's time that drawing may take while training, and while training waits or is elsewhere.
_BUDGET, _IDLE_BUDGET = 0.013, 0.25
#: What the line of keys leaves to the help page where there is little room.
_FOR_WIDE = (
    "command_palette", "app.slow_motion", "app.branch", "app.what_if", "app.diagnosis", "app.inside", "app.runs", "edit",
)  # fmt: skip

#: Classes of the screen from so many columns and lines on.
_WIDTHS = [(0, "-narrow"), (100, "-normal"), (180, "-wide")]
_HEIGHTS = [(0, "-tiny"), (9, "-low"), (36, "-tall")]


class LabScreen(LookingScreen):
    """Everything at a glance."""

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
        Binding("n", "app.next_run", "Next run", show=False),
        Binding("a", "app.compare", "Compare", show=False),
        Binding("g", "app.system", "System", show=False),
        Binding("G", "app.log", "Log", show=False),
        Binding("L", "app.figures", "Figures", show=False),
        Binding("X", "app.export", "Export", show=False),
        Binding("z", "app.marker", "Marker", show=False),
        Binding("slash", "app.archive", "All runs", show=False),
        Binding("y", "app.command_line", "Command", show=False),
        Binding("u", "app.undo", "Undo", show=False),
        Binding("ctrl+l", "show_now", "Show now", show=False),
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
                    yield ChartView(self.chart_of_loss, id="loss")
                    yield ChartView(self.chart_of_metric, id="metric")
                yield Line("", id="figures")
                yield Line("", id="stopping", classes="panel")
                yield Line("", id="diagnosis", classes="panel")
                yield RunsTable(id="runs")
        yield Line("", id="runs-line")
        yield KeyLine(dropped=_FOR_WIDE)

    def on_mount(self) -> None:
        """Start the clockwork: news are folded four times a second, charts are drawn as the budget allows."""
        self.query_one("#side").border_title = "Experiment"
        self.query_one("#stopping").border_title = "Early stopping: w what if"
        self.query_one("#diagnosis").border_title = "Diagnosis: d why"
        self._redraw, self._stale = Redraw(time.thread_time()), False
        self._told: tuple[Run | None, int] = (None, 0)
        self._looks_until = 0.0
        self._unmounted = threading.Event()
        self.set_interval(TURN, self.tick)
        self.query_one("#form").focus()
        self.app.theme_changed_signal.subscribe(self, lambda _: self.call_after_refresh(self.show_charts))
        self.call_after_refresh(self.show_all)
        self.call_after_refresh(self._after_the_first_frame)

    def on_unmount(self) -> None:
        """Let the thread go that prepared."""
        self._unmounted.set()

    def _after_the_first_frame(self) -> None:
        """Start the garbage collector, which need not look at what the start left; import what will be needed soon."""
        gc.freeze()
        gc.set_threshold(*_COLLECTOR)
        gc.enable()
        threading.Thread(target=self._prepare, name="preparing", daemon=True).start()

    def _prepare(self) -> None:
        self.app.earlier, self._stale = count_runs(self.app.runs_dir), True
        self.app.prepare()
        gc.freeze()
        # A thread that ends hands its heap on to the next one: training would get this one, full of what imports left.
        self._unmounted.wait()

    # -- showing -----------------------------------------------------------------------------------------------------

    def look_soon(self) -> None:
        """Somebody acted: look at what comes of it before the clockwork's next turn."""
        now = time.monotonic()
        if now >= self._looks_until:
            self._looks_until = now + _SOON[-1]
            for delay in _SOON:
                self.set_timer(delay, self.tick)

    def tick(self) -> None:
        """Fold what arrived; show what changed, as often as the time it takes allows."""
        self._stale = self.app.sitting.poll() or self._stale
        now, run = time.monotonic(), self.app.current
        self._tell_refusals(run)
        self.app.cost.sample(now, self.app.written, time.thread_time())
        if self.app.screen is not self:
            self._redraw.away()
            return
        slow = self._redraw.slow
        free = self._redraw.carried(now, self.app.terminal_behind)
        self._stale = self._stale or slow != self._redraw.slow
        if self._stale and free and (self._redraw.due(now) or run is None or not run.active):
            self._stale = False
            self._redraw.drawn(now, time.thread_time(), self._share(run), self.app.written)
            self.show_all()

    def _share(self, run: Run | None) -> float:
        """The share of this thread's time that drawing may take: more where it holds no training up."""
        waits = run is not None and (run.history.paused or run.history.pace > 0)
        return _IDLE_BUDGET if waits or (run is not None and run.source is not None) else _BUDGET

    def begin_run(self) -> None:
        """A run starts: look at the whole of it, at once and often."""
        self._redraw.begin(time.monotonic(), time.thread_time(), self.app.written)
        self.remove_class("-editing", "-listing")
        for chart in self.query(ChartView):
            chart.reset()

    def action_show_now(self) -> None:
        """Show the newest figures, however seldom a slow terminal gets them."""
        self.app.sitting.poll()
        self.show_all()

    def _tell_refusals(self, run: Run | None) -> None:
        """Say why a command was not obeyed, and that a log is damaged."""
        if run is not None and (words := run.damage()):
            self.note(words)
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
        state = views.status(run)
        status = state.short if self.has_class("-narrow") else str(state)
        status += "  slow terminal: Ctrl+L shows now" * self._redraw.slow
        self.query_one("#status", Line).set(status)
        room = max(1, self.size.width - max(cell_len(status) + 2, 20) - 2)
        self.query_one("#headline", Line).set(views.headline(run, app.experiment, room))
        experiment = run.in_force if run is not None else app.experiment
        title = "Experiment" if experiment == app.experiment else "Next experiment: r trains it"
        side = self.query_one("#side")
        if side.border_title != title:  # to set it paints the whole panel
            side.border_title = title
        stopping = self.query_one("#stopping", Line)
        width = stopping.content_size.width or 80
        stopping.set("\n".join(stopping_panel.stopping_lines(run, width, ascii_only=ascii_only)))
        line = self.query_one("#figures", Line)
        width = line.content_size.width
        line.set((plots.exact_values(run, app.view, width) if run else "") or views.figures(run, width))
        text, trouble = views.diagnosis_line(run)
        line = self.query_one("#diagnosis", Line)
        size = line.content_size
        line.set(
            views.clipped(written(line, text), size.width, size.height, written(line, "… d: all of it"))
            if size
            else text
        )
        line.set_class(trouble, "trouble")
        self.query_one("#runs-line", Line).set(
            run_rows.runs_line(app.sitting.runs, max(10, self.size.width - 2), run, app.earlier)
        )
        self.query_one(RunsTable).show()
        paused = run is not None and run.active and run.history.paused
        keys = self.query_one(KeyLine)
        keys.say("app.pause", "Go on" if paused else "Pause")
        keys.say(
            "app.slow_motion",
            "Full speed" if run is not None and run.active and run.history.pace > 0 else "Slow",
        )

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
            text = written(about, self.app.about(row))
            about.set(views.clipped(text, room.width, room.height, written(about, "…")))

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
        self.remove_class("-editing", "-listing", "-full")
        self.call_after_refresh(self.show_charts)

    def note(self, text: str) -> None:
        """Say something in passing."""
        # One at a time, and short: they lie over the figures.
        self.app.clear_notifications()
        self.notify(written(self, clean(text, 300)), markup=False, timeout=3)
