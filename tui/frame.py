"""A run as one frame of text: what `ladera watch --once` prints."""

from __future__ import annotations

import shutil
import sys

from . import plots, views
from .charts import Chart
from .sitting import Run


def frame(run: Run, width: int = 0, height: int = 0) -> str:
    """The title, the loss, what early stopping thinks and the diagnosis, as plain lines."""
    size = shutil.get_terminal_size((80, 24))
    width, height = width or size.columns, height or size.lines
    run.poll()
    plain = (sys.stdout.encoding or "").lower().replace("-", "") not in ("utf8", "utf16")
    view = plots.View(marker="ascii" if plain else "braille", colour=False)
    chart = Chart().plain(plots.loss_chart(run, [run], view, width, max(8, height - 9)))
    lines = [
        f"{run.name}  {views.in_one_line(run.experiment)}",
        str(views.status(run)),
        chart,
        views.figures(run, width),
        *views.stopping_lines(run, width, ascii_only=plain),
        views.diagnosis_line(run)[0],
    ]
    return "\n".join(line.rstrip() for text in lines for line in text.split("\n"))
