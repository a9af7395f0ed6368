"""`ladera runs`: which runs there are and how each is doing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ..engine.store.listing import RunInfo, list_runs
from ..engine.strict_json import encoder, strict
from .hints import no_runs
from .text import clean, fit, percent


def names(runs_dir: Path) -> list[str]:
    """List the names of the runs in a directory, for completion."""
    return [run.name for run in list_runs(runs_dir)]


def show_runs(runs_dir: Path, *, json: bool) -> int:
    """List the runs, the newest last."""
    found = list_runs(runs_dir)
    if json:
        for run in found:
            # In ASCII: a name that is no UTF-8 can be written so, too.
            print(encoder(ascii_only=True).encode(_plain(run)))
        return 0
    if not found:
        print(clean(no_runs(runs_dir), 10_000), file=sys.stderr)
        return 0
    rows = [("run", "state", "epoch", "best", "age", "experiment"), *map(_row, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        print(
            "  ".join(
                [*(fit(cell, width) for cell, width in zip(row, widths, strict=False)), row[5]]
            ).rstrip()
        )
    return 0


def _row(run: RunInfo) -> tuple[str, ...]:
    status = run.status
    best = "-"
    if status.best_value is not None and status.best_epoch is not None:
        best = f"{clean(status.monitor, 20)} {status.best_value:.4g} @ {status.best_epoch}"
    progress = f"{status.epoch}/{status.epochs}" if status.epochs else "-"
    if run.state == "training":
        progress += f" {percent(run.progress).strip()}"
    about = clean(run.fault or status.storage or status.description, 60)
    return clean(run.name, 60), run.state.replace("_", " "), progress, best, _age(run.age), about


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _plain(run: RunInfo) -> dict[str, Any]:
    values = {"name": run.name, "path": str(run.path), "state_now": run.state, "fault": run.fault}
    return strict(values | run.status.plain())
