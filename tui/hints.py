"""Commands to type next, as they work in the shell at hand; imports next to nothing, since the guard needs it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def command(runs_dir: Path, *words: str) -> str:
    """The command line of `ladera` with these words that finds the runs of a directory, from where this one was typed."""
    known = runs_dir == Path(os.environ.get("LADERA_RUNS") or "runs")
    return shlex.join(["ladera", *words, *(() if known else ("--runs-dir", str(runs_dir)))])


def no_runs(runs_dir: Path) -> str:
    """That a directory has no runs, and how it gets one."""
    return f"no runs in {runs_dir}; `{command(runs_dir, 'run', 'digits')}` makes one"
