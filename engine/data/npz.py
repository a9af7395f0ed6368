"""A data set from an NPZ file with arrays x and y, as `numpy.savez` writes it."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, quoted
from .dataset import MAX_VALUES, Dataset, refuse_too_large, unit_float32
from .names import Form, Task
from .targets import class_task, number_target

_KEYS = ("x", "y", "classes", "feature_names")


def read_npz(path: Path, task: Task | None, missing: Literal["refuse", "mean", "drop"]) -> Dataset:
    """Read arrays `x` and `y` and, if there, `classes` (names by index) and `feature_names`.

    The shape of x tells the form: (n, features) is a table, (n, 1, samples) audio, (n, height, width)
    grey images, (n, channels, height, width) or (n, height, width, channels) images with 1 or 3 channels.
    Images are uint8, or floats from 0 to 1; audio is int16, or floats from -1 to 1. y is (n,) or (n, 1):
    texts, class indices, or numbers; the task of numbers is found as for a CSV file, but whole numbers of
    images and audio, and those that `classes` names, are classes. Raises InputError for anything else;
    nothing is unpickled.
    """
    place = quoted(path)
    arrays = _read(path, place)
    x, form, notes = _inputs(arrays["x"], place)
    y = arrays["y"]
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or len(y) != len(x):
        raise InputError(
            f"{place}: y has shape {y.shape}, but x holds {len(x)} examples; y needs one class or number per example (one-hot rows: store their argmax)"
        )
    if len(x) == 0:
        raise InputError(f"{place}: there are no examples")
    if x.size == 0:
        raise InputError(
            f"{place}: x has shape {arrays['x'].shape}: an example holds no value; there is nothing to learn from"
        )
    x, y, dropped = _settle_missing(x, y, missing, form, place)
    notes += dropped
    found_task, targets, classes = _targets(y, arrays.get("classes"), task, form, place)
    names = tuple(map(str, arrays["feature_names"].tolist())) if "feature_names" in arrays else ()
    if form == "table" and not names:
        names = tuple(f"x{index}" for index in range(x.shape[1]))
    if form == "table" and len(names) != x.shape[1]:
        raise InputError(f"{place}: feature_names has {len(names)} names for {x.shape[1]} columns of x")
    return Dataset(
        x=x,
        y=targets,
        task=found_task,
        form=form,
        classes=classes,
        feature_names=names if form == "table" else (),
        source=str(path),
        notes=tuple(notes),
    )


def _read(path: Path, place: str) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            size = sum(entry.file_size for entry in members.values())
            if size > 8 * MAX_VALUES:
                raise InputError(
                    f"{place}: {size:,} bytes unpacked are more than the {8 * MAX_VALUES:,} that are held in memory"
                )
            if not {"x", "y"} <= members.keys():
                raise InputError(
                    f"{place}: needs the arrays x and y; it holds {', '.join(map(quoted, members)) or 'none'}"
                )
            return {key: _array(archive, members[key], key, place) for key in _KEYS if key in members}
    except (
        OSError,
        ValueError,
        EOFError,
        RuntimeError,
        MemoryError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = "it needs more memory than there is" if isinstance(error, MemoryError) else str(error)
        raise InputError(f"{place}: cannot be read as an NPZ file of plain arrays: {reason}") from error


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, key: str, place: str) -> NDArray[Any]:
    """Read one array, after its header was found to promise what fits into memory and what the file holds."""
    with archive.open(entry) as file:
        try:
            version = np.lib.format.read_magic(file)
            header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, _, dtype = header(file)
        except (ValueError, KeyError) as error:
            raise InputError(
                f"{place}: {key} is no array as numpy writes it ({error}); save the file with numpy.savez"
            ) from error
        values = math.prod(shape)
        refuse_too_large(values, f"{place}: {key} of shape {shape}")
        promised, held = values * dtype.itemsize, entry.file_size - file.tell()
        if not dtype.hasobject and promised > held:
            raise InputError(
                f"{place}: {key} of shape {shape} needs {promised:,} bytes, but the file holds {held:,}; it is damaged"
            )
    with archive.open(entry) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _inputs(x: NDArray[Any], place: str) -> tuple[NDArray[Any], Form, list[str]]:
    if x.dtype.kind not in "buif":
        raise InputError(f"{place}: x holds {x.dtype}, not numbers")
    if x.ndim == 2:
        table = x.astype(np.float64)
        if np.isinf(table).any():
            row, column = np.argwhere(np.isinf(table))[0]
            raise InputError(
                f"{place}: x[{row}, {column}] is infinite; correct it, or make it NaN and choose data.missing"
            )
        return table, "table", []
    if x.ndim == 3 and x.shape[1] == 1:
        scaled = x.astype(np.float32) / np.float32(32768) if x.dtype == np.int16 else x.astype(np.float32)
        _refuse_range(scaled, -1, x.dtype, "audio must be int16, or floats from -1 to 1", place)
        return scaled, "audio", []
    notes: list[str] = []
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[1] not in (1, 3) and x.shape[3] in (1, 3):
        x = x.transpose(0, 3, 1, 2)
        notes.append("axes of the images moved from (height, width, channels) to (channels, height, width)")
    elif x.ndim != 4 or x.shape[1] not in (1, 3):
        raise InputError(
            f"{place}: x has shape {x.shape}; use (n, features), (n, 1, samples), (n, height, width) or (n, channels, height, width) with 1 or 3 channels"
        )
    scaled = unit_float32(x, 255.0) if x.dtype == np.uint8 else np.ascontiguousarray(x, dtype=np.float32)
    _refuse_range(scaled, 0, x.dtype, "images must be uint8, or floats from 0 to 1", place)
    return scaled, "image", notes


def _refuse_range(x: NDArray[np.float32], low: float, dtype: np.dtype[Any], rule: str, place: str) -> None:
    # Written so that NaN, which compares false with everything, is refused too.
    if x.size and not (x.min() >= low and x.max() <= 1):
        raise InputError(f"{place}: x ({dtype}) reaches from {x.min():g} to {x.max():g}; {rule}")


def _settle_missing(
    x: NDArray[Any], y: NDArray[Any], missing: str, form: Form, place: str
) -> tuple[NDArray[Any], NDArray[Any], list[str]]:
    gaps = np.isnan(x).any(axis=1) if form == "table" else np.zeros(len(x), dtype=bool)
    no_target = np.isnan(y) if y.dtype.kind == "f" else np.zeros(len(y), dtype=bool)
    rows = gaps | no_target
    if not rows.any():
        return x, y, []
    if missing == "drop":
        if rows.all():
            raise InputError(f'{place}: no example is complete, so none is left after data.missing = "drop"')
        return x[~rows], y[~rows], [f"{rows.sum()} of {len(rows)} examples dropped for missing values"]
    if missing == "refuse":
        first = ", ".join(map(str, np.argwhere(np.isnan(x))[0])) if gaps.any() else ""
        where = f"x[{first}]" if first else f"y[{int(np.flatnonzero(no_target)[0])}]"
        counts = [
            f"{count} in {name}"
            for name, count in (("x", int(np.isnan(x).sum())), ("y", int(no_target.sum())))
            if count
        ]
        ways = 'set data.missing = "drop" to leave out these examples'
        ways += (
            "; a target cannot be filled in"
            if no_target.any()
            else ', or "mean" to fill in the training mean'
        )
        raise InputError(
            f"{place}: missing values (NaN), {' and '.join(counts)}, in {rows.sum()} examples, the first at {where}; {ways}"
        )
    if no_target.any():
        raise InputError(
            f'{place}: the target is missing in {no_target.sum()} examples and cannot be filled in; set data.missing = "drop" or correct them'
        )
    filled = int(np.isnan(x).sum())
    return x, y, [f"{filled} missing values in {gaps.sum()} examples filled with the training mean"]


def _targets(
    y: NDArray[Any], names: NDArray[Any] | None, task: Task | None, form: Form, place: str
) -> tuple[Task, NDArray[Any], tuple[str, ...]]:
    if y.dtype.kind == "U":
        found, indices = np.unique(y, return_inverse=True)
        classes = tuple(map(str, found.tolist()))
        return class_task(classes, task, f"{place}: y"), indices.astype(np.int64), classes
    if y.dtype.kind not in "buif" or not np.isfinite(y.astype(np.float64)).all():
        raise InputError(f"{place}: y ({y.dtype}) must hold texts or finite numbers")
    if names is not None:
        classes = tuple(map(str, names.tolist()))
        if len(set(classes)) != len(classes):
            raise InputError(f"{place}: classes holds a name twice")
        if not np.isin(y, np.arange(len(classes))).all():
            raise InputError(
                f"{place}: classes has {len(classes)} names, so y must hold indices 0 to {len(classes) - 1}; it reaches from {y.min():g} to {y.max():g}"
            )
        return class_task(classes, task, f"{place}: y"), y.astype(np.int64), classes
    if task is None and form != "table" and y.dtype.kind in "bui":
        task = "binary" if len(np.unique(y)) == 2 else "multiclass"
    return number_target(y.astype(np.float64), task, f"{place}: y")
