"""Checkpoints: directories that are complete or not there, and are believed only if every byte is the one written.

`checkpoints/step-000000123/` holds `state.safetensors` (every tensor), `state.json` (every number, and how long the
log was) and `manifest.json`, written last: sizes and SHA-256 of the two, and its own. The folder is made under
another name, synced, and renamed.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..branching import Branch
from ..errors import StoreError
from ..history import History
from . import atomic, tensors
from .reading import read_regular

FOLDER = "checkpoints"
FORMAT = 1

_TENSORS, _NUMBERS, _MANIFEST = "state.safetensors", "state.json", "manifest.json"
_NAME = re.compile(r"step-(\d{9,})(?:-(\d+))?")
_STAGING = ".staging-"
_LINK = "checkpoints are kept, and deleted, in the run's own directory only; put the folder itself there"


@dataclass(frozen=True, slots=True, eq=False)
class SavedState:
    """A checkpoint as it was read."""

    path: Path
    step: int
    tensors: Mapping[str, torch.Tensor]
    plain: Mapping[str, Any]
    log_bytes: int
    "How long the log was: what comes after it in the file is superseded when the run goes on from here."
    history: History
    skipped: tuple[str, ...] = ()
    "Newer checkpoints that are damaged, and why they were passed over; for people."


def save(
    directory: Path, state: Mapping[str, torch.Tensor], plain: Mapping[str, Any], log_bytes: int
) -> Path:
    """Write a checkpoint and return its folder; the disk has it when this returns.

    Raises OSError; everything saved before is then still there.
    """
    folder = directory / FOLDER
    if folder.is_symlink():
        raise OSError(errno.ELOOP, _LINK, str(folder))
    if not folder.is_dir():
        folder.mkdir(mode=0o700)
        atomic.sync_directory(directory)
    step = int(plain["training"]["step"])
    staging = folder / f"{_STAGING}{os.getpid()}-{atomic.serial()}"
    try:
        staging.mkdir(mode=0o700)
        files = {
            _TENSORS: tensors.dumps(state),
            _NUMBERS: json.dumps({"plain": plain, "log_bytes": log_bytes}).encode() + b"\n",
        }
        for name, data in files.items():
            atomic.write_new(staging / name, data)
        facts = {name: {"bytes": len(data), "sha256": tensors.digest(data)} for name, data in files.items()}
        atomic.write_new(staging / _MANIFEST, _manifest(step, facts))
        atomic.sync_directory(staging)
        place = _free_place(folder, step)
        os.rename(staging, place)  # noqa: PTH104 - every fault is injected at the os functions
        atomic.sync_directory(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return place


def prune(directory: Path, keep: Collection[str]) -> None:
    """Delete every checkpoint but those named, and what interrupted saves left; as far as the storage lets us."""
    sweep(directory)
    for path in _entries(directory):
        if _NAME.fullmatch(path.name) and path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)


def sweep(directory: Path) -> None:
    """Delete what interrupted saves left; checkpoints stay."""
    for path in _entries(directory):
        if path.name.startswith(_STAGING):
            shutil.rmtree(path, ignore_errors=True)


def _entries(directory: Path) -> list[Path]:
    folder = directory / FOLDER
    try:
        return [] if folder.is_symlink() else list(folder.iterdir())
    except OSError:
        return []


def found(directory: Path) -> list[Path]:
    """Return the folders that carry a checkpoint's name, newest first. Raises StoreError if their folder is a link."""
    folder = directory / FOLDER
    if folder.is_symlink():
        raise StoreError(f"{folder} is a link: {_LINK}")
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return []
    matches = [match for match in map(_NAME.fullmatch, names) if match]
    matches.sort(key=lambda match: (int(match[1]), int(match[2] or 1)), reverse=True)
    return [folder / match[0] for match in matches]


def branch(directory: Path, epoch: float) -> Branch:
    """Return a state to start a new run from: that of the newest valid checkpoint not after an epoch.

    Raises StoreError: there is none; it names the epochs of those that can be used.
    """
    usable: list[int] = []
    for path in found(directory):
        try:
            state = _read(path, ())
        except (OSError, ValueError, StoreError):
            continue
        ended = state.plain["epoch"] - 1
        if ended <= epoch:
            return Branch(state.tensors, state.plain, {"run": directory.name, "epoch": ended})
        usable.append(ended)
    kept = " and ".join(map(str, sorted(usable)))
    raise StoreError(
        f"no checkpoint of {directory.name} is from before epoch {epoch:g}"
        + (f"; what is kept is from the end of epoch {kept}" if kept else ": none is kept that can be used")
    )


def latest_valid(directory: Path) -> SavedState | None:
    """Read the newest checkpoint that is complete and undamaged; None if none was ever made.

    Its `history` is empty. Raises StoreError if there are checkpoints but none is valid, or if a newer version
    of ladera wrote the newest.
    """
    skipped: list[str] = []
    for path in found(directory):
        try:
            return _read(path, tuple(skipped))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            skipped.append(f"checkpoint {path.name} is damaged and was passed over: {reason}")
    if skipped:
        raise StoreError(
            f"no checkpoint of {directory} can be used: {'; '.join(skipped)}. "
            "A new run with the same experiment.toml starts over"
        )
    return None


def _read(path: Path, skipped: tuple[str, ...]) -> SavedState:
    """Read a checkpoint and believe it only if every byte is the one written. Raises OSError, ValueError, StoreError."""
    try:
        return _checked(path, skipped)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it does not hold what a checkpoint does ({error!r})") from None


def _checked(path: Path, skipped: tuple[str, ...]) -> SavedState:
    step, facts = _checked_manifest(read_regular(path / _MANIFEST, 1 << 20), path)
    contents: dict[str, bytes] = {}
    for name in (_TENSORS, _NUMBERS):
        data = contents[name] = read_regular(path / name, facts[name]["bytes"])
        if len(data) != facts[name]["bytes"]:
            raise ValueError(f"{name} has {len(data)} bytes instead of {facts[name]['bytes']}")
        if tensors.digest(data) != facts[name]["sha256"]:
            raise ValueError(f"{name} is not what was written (SHA-256 differs)")
    numbers = json.loads(contents[_NUMBERS])
    return SavedState(
        path,
        step,
        tensors.loads(contents[_TENSORS]),
        numbers["plain"],
        numbers["log_bytes"],
        History(),
        skipped,
    )


def _manifest(step: int, files: Mapping[str, Any]) -> bytes:
    body = {"format": FORMAT, "step": step, "files": files}
    return _canonical({**body, "sha256": tensors.digest(_canonical(body))})


def _canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, indent=1).encode() + b"\n"


def _checked_manifest(data: bytes, path: Path) -> tuple[int, Mapping[str, Any]]:
    """Return step and files of a manifest in which no bit is another. Raises ValueError, or StoreError if it is newer."""
    values = json.loads(data)
    if not isinstance(values, dict) or _canonical(values) != data:
        raise ValueError(f"{_MANIFEST} is not what was written")
    signed = values.pop("sha256", None)
    if signed != tensors.digest(_canonical(values)):
        raise ValueError(f"{_MANIFEST} is not what was written (SHA-256 differs)")
    if values["format"] != FORMAT:
        raise StoreError(
            f"{path} was written in format {values['format']} by a newer ladera; this one reads format {FORMAT}: update it"
        )
    return values["step"], values["files"]


def _free_place(folder: Path, step: int) -> Path:
    """Return a name that is not taken: a second save of one step has another number of attempts behind it."""
    place, attempt = folder / f"step-{step:09d}", 1
    while place.exists():
        attempt += 1
        place = folder / f"step-{step:09d}-{attempt}"
    return place


def save_weights(
    path: Path, parameters: torch.Tensor, buffers: torch.Tensor, facts: Mapping[str, str]
) -> None:
    """Write weights and running statistics as one file, in one step. Raises OSError."""
    atomic.replace(path, tensors.dumps({"parameters": parameters, "buffers": buffers}, facts))
