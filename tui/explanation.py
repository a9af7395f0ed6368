"""A run explained: how it ended, the diagnosis with its evidence, what was noticed before the start."""

from __future__ import annotations

from ..engine import diagnosis
from ..engine.evidence import explained
from . import stopping_panel
from .endings import penalized, reading, why
from .run import Run
from .text import clean


def diagnosis_text(run: Run) -> str:
    """How the run ended and why, all findings with their evidence, and what was noted before the start."""
    history = run.history
    if run.trouble:
        return run.trouble
    lines: list[str] = []
    if history.ended is not None:
        lines += [why(history), stopping_panel.test_line(history), *filter(None, [penalized(history)]), ""]
    for finding in diagnosis.current(history):
        lines += [finding.finding.replace("_", " ").capitalize(), f"  {clean(finding.text, 600)}"]
        rows = [tuple(clean(part, 120) for part in row) for row in explained(finding.evidence)]
        names, values = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
        lines += [
            f"    {name:<{names}}  {value:>{values}}  {meaning}".rstrip() for name, value, meaning in rows
        ]
        lines.append("")
    if read := reading(history):
        lines += [read, ""]
    earlier = [finding for finding in history.diagnoses if finding.finding != "healthy"]
    if earlier:
        lines.append("Told during the run:")
        lines += [f"  epoch {finding.epoch}: {clean(finding.text, 600)}" for finding in earlier]
        lines.append("")
    noted = [(one.epoch, note) for one in history.resumes for note in one.notes]
    if noted:
        lines.append("Noted when it went on:")
        lines += [f"  epoch {epoch}: {clean(note, 400)}" for epoch, note in noted]
        lines.append("")
    if history.started:
        lines.append(
            "Noted before the start:" if history.started.notes else "Nothing was noted before the start."
        )
        lines += [f"  {clean(note, 400)}" for note in history.started.notes]
        lines.append("")
        lines.append(
            f"Network: {' · '.join(history.started.layers)} ({history.started.parameters:,} parameters)"
        )
        lines.append(f"Data: {clean(history.started.source, 200)}")
    return "\n".join(lines)
