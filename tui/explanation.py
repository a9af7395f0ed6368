"""A run explained: the diagnosis with its evidence, what was noticed before the start, how it ended."""

from __future__ import annotations

from ..engine import diagnosis
from . import views
from .sitting import Run
from .text import clean


def diagnosis_text(run: Run) -> str:
    """All findings with their evidence, the notes before the start, and how the run ended."""
    history = run.history
    lines: list[str] = []
    if run.trouble:
        return run.trouble
    for finding in diagnosis.current(history):
        lines += [f"{finding.finding.replace('_', ' ')}", f"  {clean(finding.text, 600)}"]
        lines += [
            f"    {clean(str(key))}: {clean(str(value), 120)}" for key, value in finding.evidence.items()
        ]
        lines.append("")
    earlier = [finding for finding in history.diagnoses if finding.finding != "healthy"]
    if earlier:
        lines.append("Told during the run:")
        lines += [f"  epoch {finding.epoch}: {clean(finding.text, 300)}" for finding in earlier]
        lines.append("")
    if history.started and history.started.notes:
        lines.append("Noted before the start:")
        lines += [f"  {clean(note, 400)}" for note in history.started.notes]
        lines.append("")
    if history.started:
        lines.append(
            f"Network: {' · '.join(history.started.layers)} ({history.started.parameters:,} parameters)"
        )
        lines.append(f"Data: {clean(history.started.source, 200)}")
    if history.ended:
        lines.append(views.test_line(history))
    return "\n".join(lines)
