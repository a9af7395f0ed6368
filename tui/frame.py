"""A run as one frame of text: what `ladera watch --once` prints."""

from __future__ import annotations

import shutil
import sys
import textwrap

from . import plots, stopping_panel, views
from .charts import Chart
from .fit import fit, speaks_unicode
from .run import Run
from .seven_bit import seven_bit
from .text import clean, harmless
from .view import View

#: Lines from which on the metric has a chart of its own, and what stands around the charts.
_BOTH, _AROUND = 36, 11


def frame(run: Run, width: int = 0, height: int = 0) -> str:
    """The title, the charts, what early stopping thinks, the diagnosis and what was noted, as plain lines."""
    size = shutil.get_terminal_size((80, 24))
    width, height = width or size.columns, height or size.lines
    run.poll()
    marker = fit().marker if speaks_unicode(sys.stdout) else "ascii"
    plain = marker == "ascii"
    notes = [line for note in run.history.notes for line in textwrap.wrap(f"Note: {clean(note, 400)}", width)]
    view, room = View(marker=marker, colour=False), max(8, height - _AROUND - len(notes))
    asked = [plots.loss_chart, plots.metric_chart] if room >= _BOTH - _AROUND else [plots.loss_chart]
    charts = [Chart().plain(ask(run, [run], view, width, room // len(asked))) for ask in asked]
    lines = [
        f"{run.name}  {views.in_one_line(run.in_force)}",
        str(views.status(run)),
        *charts,
        views.figures(run, width),
        *stopping_panel.stopping_lines(run, width, ascii_only=plain),
        *textwrap.wrap(views.diagnosis_line(run)[0], width),
        *notes,
    ]
    text = harmless("\n".join(line.rstrip() for text in lines for line in text.split("\n")))
    return seven_bit(text) if plain else text
