"""The command `ladera`, and `python -m ladera.tui`: without arguments the lab opens, the rest is the command line's."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from pathlib import Path

from .standard_streams import make_usable, output_fault


def main() -> None:
    """Run the command; faults a user can mend are one message and exit code 2."""
    make_usable()
    code = 1
    try:
        code = _run()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except Exception as error:
        from ..engine.errors import LaderaError

        if not isinstance(error, LaderaError):
            raise
        from .text import harmless

        for line in harmless(str(error)).splitlines():
            print(f"ladera: {line}", file=sys.stderr)
        code = 2
    if fault := output_fault():
        print(f"ladera: standard output: {fault}", file=sys.stderr)
        code = code or 3
    # All is done and kept: a second Ctrl-C while the interpreter ends would only show a traceback.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def _run() -> int:
    try:
        Path.cwd()
    except OSError as error:
        # Relative paths lead nowhere, and torch's library of matrix products ends the process.
        print(f"ladera: the working directory: {error.strerror}; cd to one that exists", file=sys.stderr)
        return 2
    # Looking for plugins of pydantic, which ladera uses none of, takes as long as reading a preset.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # The lab's first frame does not wait for the library that reads options where there are none.
    runs_dir = Path(os.environ.get("LADERA_RUNS") or "runs")
    if sys.argv[1:] or "_LADERA_COMPLETE" in os.environ or runs_dir.is_file():
        from .cli import app

        app()
        return 0
    from .opening import open_lab

    return open_lab(runs_dir)


if __name__ == "__main__":
    main()
