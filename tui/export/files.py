"""Writing an export: the format by the file's name, whole or not at all, nothing overwritten unasked."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...engine.errors import InputError, StoreError
from ...engine.store import atomic
from ...engine.store.directory import load_experiment
from ...engine.store.listing import run_info
from ...engine.store.load import load_history
from ..text import clean
from .exported import ExportedRun


@dataclass(frozen=True)
class Format:
    """What an export can be written as."""

    name: str
    suffix: str
    "Of its file; empty for a folder."
    text: str


FORMATS = {
    one.name: one
    for one in (
        Format("html", ".html", "report of results, curves, diagnosis: one file"),
        Format("csv", ".csv", "table: one row an epoch, in full precision"),
        Format("steps", ".csv", "table: one row for each report of steps"),
        Format("svg", ".svg", "chart for documents and slides"),
        Format("png", ".png", "chart as a picture; needs matplotlib"),
        Format("tensorboard", "", "folder of event files for TensorBoard"),
    )
}


def exported(directory: Path) -> ExportedRun:
    """Read a run from its directory. Raises StoreError: there is no run, or none that has begun."""
    info = run_info(directory)
    history = load_history(directory)
    if history.started is None:
        load_experiment(directory)  # says what is wrong with a directory that holds none
        raise StoreError(f"{directory} holds no record of a training: there is nothing to export yet")
    return ExportedRun(
        directory.name, history, str(directory), began=info.status.started if info else 0.0,
        state=info.state if info and history.ended is None else "",
    )  # fmt: skip


def format_of(target: Path) -> Format:
    """The format that a file's name asks for. Raises InputError: it asks for none."""
    for one in FORMATS.values():
        if one.suffix and target.suffix.lower() == one.suffix:
            return one
    known = ", ".join(dict.fromkeys(one.suffix for one in FORMATS.values() if one.suffix))
    raise InputError(
        f"export: {clean(str(target))} ends in none of {known}; name one of them, or the format: "
        f"--format {' | '.join(FORMATS)}"
    )


def write(
    runs: Sequence[ExportedRun], one: Format, target: Path, metric: str = "", *, force: bool = False
) -> Path:
    """Write an export and return where it is.

    Raises InputError, and leaves nothing behind: the target is there and `force` is not given, it cannot be
    written, there is no such metric, or what writes the format is not installed.
    """
    if target.exists() and (not force or one.name == "tensorboard" or target.is_dir()):
        folder = one.name == "tensorboard" or target.is_dir()
        way = "choose another name" if folder else "--force overwrites it"
        raise InputError(f"export: {clean(str(target))} is there already; {way}")
    try:
        if one.name == "tensorboard":
            _write_events(runs, target)
        else:
            atomic.replace(target, content(runs, one, metric), durable=False, mode=0o666)
    except OSError as error:
        raise InputError(f"export: {clean(str(target))} cannot be written: {error.strerror}") from error
    return target


def content(runs: Sequence[ExportedRun], one: Format, metric: str = "") -> bytes:
    """The bytes of the one file of a format. Raises InputError: see `write`."""
    if one.name == "html":
        from .report import report

        return report(runs).encode()
    if one.name in ("svg", "png"):
        from .chart import to_png, to_svg
        from .figures import chart

        spec = chart(runs, metric)
        return to_svg(spec).encode() if one.name == "svg" else to_png(spec)
    from .csv_file import write_epochs, write_steps

    if one.name == "steps" and all(run.history.steps.last is None for run in runs):
        raise InputError(
            "export: there is no report of steps: short epochs are told as a whole; --format csv has them"
        )
    stream = io.StringIO()
    (write_steps if one.name == "steps" else write_epochs)(runs, stream)
    return stream.getvalue().encode()


def _write_events(runs: Sequence[ExportedRun], target: Path) -> None:
    from .tensorboard import write_events

    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for run in runs:
            write_events(run.history, staging / run.name if len(runs) > 1 else staging, run.began)
        staging.chmod(0o755)
        os.rename(staging, target)  # noqa: PTH104 - Path.rename would take an empty folder's place, too
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """A path that does not exist: `stem.suffix`, or with the next free number."""
    target, number = folder / f"{stem}{suffix}", 2
    while target.exists():
        target, number = folder / f"{stem}-{number}{suffix}", number + 1
    return target
