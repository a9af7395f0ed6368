"""A run as one frame of text: what `ladera watch --once` prints."""

from __future__ import annotations

import shutil
import sys

from . import plots, views
from .charts import Chart
from .fit import fit, speaks_unicode
from .seven_bit import seven_bit
from .sitting import Run


def frame(run: Run, width: int = 0, height: int = 0) -> str:
    """The title, the loss, what early stopping thinks and the diagnosis, as plain lines."""
    size = shutil.get_terminal_size((80, 24))
    width, height = width or size.columns, height or size.lines
    run.poll()
    marker = fit().marker if speaks_unicode(sys.stdout) else "ascii"
    plain = marker == "ascii"
    view = plots.View(marker=marker, colour=False)
    chart = Chart().plain(plots.loss_chart(run, [run], view, width, max(8, height - 9)))
    lines = [
        f"{run.name}  {views.in_one_line(run.experiment)}",
        str(views.status(run)),
        chart,
        views.figures(run, width),
        *views.stopping_lines(run, width, ascii_only=plain),
        views.diagnosis_line(run)[0],
    ]
    text = "\n".join(line.rstrip() for text in lines for line in text.split("\n"))
    return seven_bit(text) if plain else text
