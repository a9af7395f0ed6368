"""`ladera export`: runs as files for other programs and other people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ..engine.errors import InputError, did_you_mean, quoted
from ..engine.store.listing import find_run
from .commands_lab import newest
from .export.exported import ExportedRun
from .export.files import FORMATS, Format, content, exported, format_of, write
from .text import clean


def export(names: Sequence[str], to: str, kind: str, metric: str, runs_dir: Path, *, force: bool) -> int:
    """Write one run, or a comparison of several, and print where; the newest run if none is named."""
    one = _format(kind, to)
    if metric and one.name not in ("svg", "png"):
        raise InputError(f"export: --metric chooses a chart; {one.name} holds all curves")
    found = [find_run(runs_dir, name) for name in names] or [newest(runs_dir)]
    runs = [exported(directory) for directory in dict.fromkeys(found)]
    if to == "-":
        if one.name == "tensorboard":
            raise InputError("export: tensorboard is a folder; give its name with --to")
        sys.stdout.buffer.write(content(runs, one, metric))
        _remark(runs, one, metric)
        return 0
    target = Path(to) if to else Path(f"{runs[0].name if len(runs) == 1 else 'comparison'}{one.suffix}")
    print(clean(str(write(runs, one, target, metric, force=force)), 4096))
    _remark(runs, one, metric)
    return 0


def _remark(runs: Sequence[ExportedRun], one: Format, metric: str) -> None:
    """Tell what the chart of a comparison does not show, or shows together though it does not compare."""
    if one.name in ("svg", "png") and len(runs) > 1:
        from .export.figures import remarks  # with it comes numpy

        for remark in remarks(runs, metric):
            print(f"ladera: export: {clean(remark, 1000)}", file=sys.stderr)


def _format(kind: str, to: str) -> Format:
    if kind in FORMATS:
        return FORMATS[kind]
    if kind:
        raise InputError(f"export: there is no format {quoted(kind)}; {did_you_mean(kind, FORMATS)}")
    if to == "-":
        raise InputError(f"export: standard output needs a format: --format {' | '.join(FORMATS)}")
    return format_of(Path(to)) if to else FORMATS["html"]
