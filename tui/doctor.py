"""`ladera doctor`: what this machine and this terminal can do, in plain lines, with a way out for what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from .fit import fit
from .fit import seven_bit as seven_bit_only
from .seven_bit import seven_bit
from .terminal import why_plain
from .text import clean

#: Extras: the module that tells whether one is there, and what it adds.
_EXTRAS = {
    "data": ("sklearn", "more data sets from OpenML"),
    "images": ("PIL", "folders of images"),
}

_SMALLEST = 80, 24


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    text: str
    fine: bool = True
    "False if ladera cannot work with it."


def examine(runs_dir: Path) -> int:
    """Print what was found; return 1 if something is missing, else 0."""
    findings = [*_software(), *_machine(), *_terminal(), *_fit(), *_storage(runs_dir), *_extras()]
    plain = bool(seven_bit_only())
    for finding in findings:
        mark, text = "  " if finding.fine else "! ", clean(finding.text, 500)
        print(f"{mark}{finding.topic:<10} {seven_bit(text) if plain else text}")
    bad = [finding.topic for finding in findings if not finding.fine]
    print(f"\nnot right: {', '.join(bad)}" if bad else "\nall is well")
    return 1 if bad else 0


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _software() -> Iterator[Finding]:
    new_enough = sys.version_info >= (3, 11)
    text = f"{platform.python_version()} at {sys.executable}"
    yield Finding("python", text if new_enough else f"{text}; ladera needs 3.11 or newer", new_enough)
    names = ("ladera", "textual", "plotext", "numpy", "pydantic", "safetensors")
    found = {name: _version(name) for name in names}
    missing = [name for name, number in found.items() if not number]
    text = ", ".join(f"{name} {number or 'missing'}" for name, number in found.items())
    yield Finding("packages", text if not missing else f"{text}; pip install ladera", not missing)


def _machine() -> Iterator[Finding]:
    yield Finding("machine", f"{platform.platform()}, {_cores()}")
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("torch", f"cannot be imported: {error}; see https://pytorch.org/get-started", False)
        return
    yield Finding(
        "torch", f"{torch.__version__}, {torch.get_num_threads()} threads, {_blas(torch.__config__.show())}"
    )
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(index)
            yield Finding("cuda", f"cuda:{index} {facts.name}, {facts.total_memory / 2**30:.0f} GiB")
    else:
        built = torch.version.cuda
        yield Finding(
            "cuda",
            f"no device seen (torch is built for CUDA {built})"
            if built
            else "this torch is built for the CPU",
        )
    if torch.backends.mps.is_available():
        yield Finding("mps", "available")


def _cores() -> str:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{allowed} of {os.cpu_count()} cores usable"


def _blas(configuration: str) -> str:
    known = {"mkl": "MKL", "openblas": "OpenBLAS", "accelerate": "Accelerate"}
    blas = next((name for word, name in known.items() if f"blas_info={word}" in configuration.lower()), "")
    if not blas:
        blas = next((name for word, name in known.items() if word in configuration.lower()), "unknown BLAS")
    return f"{blas}, oneDNN" if "mkldnn=1" in configuration.lower().replace("use_", "") else blas


def _terminal() -> Iterator[Finding]:
    for name, stream in (("stdin", sys.stdin), ("stdout", sys.stdout)):
        if not stream.isatty():
            yield Finding("terminal", f"{name} is none: `ladera` runs headless")
            return
    if reason := why_plain():
        yield Finding("terminal", f"{clean(reason, 100)}: `ladera` runs headless")
        return
    columns, lines = shutil.get_terminal_size()
    small = columns < _SMALLEST[0] or lines < _SMALLEST[1]
    advice = f"; the lab wants at least {_SMALLEST[0]}x{_SMALLEST[1]}" if small else ""
    yield Finding("terminal", f"{os.environ['TERM']}, {columns}x{lines}{advice}{_inside()}")


def _fit() -> Iterator[Finding]:
    """What the screen makes of this terminal, and how to have it otherwise."""
    suits = fit()
    drawn = {"braille": "braille dots", "block": "blocks", "ascii": "7-bit characters, as all else"}
    otherwise = "" if suits.marker != "braille" else "; --ascii or LADERA_MARKER=block change it"
    yield Finding("charts", f"in {drawn[suits.marker]} ({suits.marker_why}){otherwise}")
    depth = {"none": "none", "16": "the terminal's 16"}.get(suits.colours, suits.colours)
    yield Finding("colours", f"{depth} ({suits.colours_why})")
    yield Finding("theme", f"{suits.theme} ({suits.theme_why}); Ctrl+P or LADERA_THEME change it")
    yield Finding("motion", f"{'on' if suits.motion else 'off'} ({suits.motion_why})")
    for complaint in suits.complaints:
        yield Finding("wish", complaint)


def _inside() -> str:
    if os.environ.get("TMUX"):
        return ", inside tmux: a run outlives the connection"
    if os.environ.get("STY"):
        return ", inside screen: a run outlives the connection"
    return ", over SSH" if os.environ.get("SSH_CONNECTION") else ""


def _storage(runs_dir: Path) -> Iterator[Finding]:
    place = runs_dir.absolute()
    existing = next(path for path in (place, *place.parents) if path.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".ladera-"):
            free = shutil.disk_usage(existing).free / 2**30
        yield Finding("runs", f"{place}, writable, {free:,.1f} GiB free", free > 0.05)
    except OSError as error:
        advice = "choose another place with --runs-dir or LADERA_RUNS"
        yield Finding("runs", f"{place} cannot be written: {error.strerror}; {advice}", False)


def _extras() -> Iterator[Finding]:
    for name, (module, gives) in _EXTRAS.items():
        there = find_spec(module) is not None
        yield Finding(
            "extra", f"{name}: {gives}" + ("" if there else f"; not installed: pip install 'ladera[{name}]'")
        )
