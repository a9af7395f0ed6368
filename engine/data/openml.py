"""MNIST, Fashion-MNIST and CIFAR-10 from openml.org, kept as small files after the first time."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, quoted
from .dataset import Dataset, unit_float32
from .names import cache_file

_DIGITS = tuple(map(str, range(10)))
_CLOTHES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True, slots=True)
class _Remote:
    openml_name: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]


REMOTE: dict[str, _Remote] = {
    "mnist": _Remote("mnist_784", (1, 28, 28), _DIGITS),
    "fashion-mnist": _Remote("Fashion-MNIST", (1, 28, 28), _CLOTHES),
    "cifar-10": _Remote("CIFAR_10", (3, 32, 32), _OBJECTS),
}


def fetch(name: str) -> Dataset:
    """Return the set from the cache, or fetch it (11 to 650 MB) through scikit-learn and keep it.

    Raises InputError without scikit-learn (the extra `data`) or network.
    """
    remote, path = REMOTE[name], cache_file(name)
    arrays = _read(path, remote)
    if arrays is None:
        arrays = _download(name, remote)
        _keep(path, *arrays)
    pixels, labels = arrays
    return Dataset(
        x=unit_float32(pixels, 255.0),
        y=labels.astype(np.int64),
        task="multiclass",
        form="image",
        classes=remote.classes,
        target_name="class",
        source=f"openml.org, {remote.openml_name} version 1",
        notes=("the set's own test part is split anew with the rest",),
    )


def _read(path: Path, remote: _Remote) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return what the cache holds; None if there is nothing whole."""
    try:
        with np.load(path, allow_pickle=False) as file:
            pixels, labels = file["x"], file["y"]
    except (OSError, ValueError, KeyError, EOFError):
        return None
    whole = pixels.dtype == np.uint8 and pixels.shape[1:] == remote.shape and labels.shape == (len(pixels),)
    return (pixels, labels) if whole else None


def _download(name: str, remote: _Remote) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    try:
        datasets: Any = import_module("sklearn.datasets")
    except ImportError as error:
        raise InputError(
            f'data.name: fetching {name} needs scikit-learn, which is not installed: pip install "ladera[data]"'
        ) from error
    try:
        # The parser "auto" would ask for pandas. Kept as bytes below, not by scikit-learn as text.
        with warnings.catch_warnings():
            # Its retries are told on stderr, across whatever is on the screen; the last failure is told below.
            warnings.simplefilter("ignore", UserWarning)
            fetched = datasets.fetch_openml(
                remote.openml_name, version=1, as_frame=False, parser="liac-arff", cache=False
            )
    except (OSError, ValueError) as error:
        raise InputError(
            f"data.name: {name} could not be fetched from openml.org ({error}); without a network, copy {quoted(cache_file(name), 300)} "
            "from a machine that has fetched it, or use a built-in set such as digits"
        ) from error
    pixels = np.asarray(fetched.data, dtype=np.float64)
    labels = np.asarray(fetched.target).astype(np.float64)
    values = int(np.prod(remote.shape))
    if pixels.ndim != 2 or pixels.shape[1] != values or labels.shape != (len(pixels),):
        raise InputError(
            f"data.name: openml.org returned {name} with {pixels.shape} values, not {values} per image; try again later"
        )
    if not np.isin(labels, np.arange(len(remote.classes))).all():
        raise InputError(
            f"data.name: openml.org returned {name} with classes other than 0 to {len(remote.classes) - 1}; try again later"
        )
    return pixels.reshape(-1, *remote.shape).astype(np.uint8), labels.astype(np.uint8)


def _keep(path: Path, pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """Write the cache in one step, so that a broken-off fetch leaves no half file; no room to write is no fault."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
            try:
                np.savez_compressed(file, x=pixels, y=labels)
                file.close()
                os.replace(part, path)  # noqa: PTH105, os.replace is atomic on every system
            except BaseException:
                part.unlink(missing_ok=True)
                raise
    except OSError:
        return
