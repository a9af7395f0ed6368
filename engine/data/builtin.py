"""The small real data sets that ship with ladera (origin and licences: sets/SOURCES.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .dataset import Dataset, unit_float32
from .names import FACTS

SETS = Path(__file__).parent / "sets"


def read_builtin(name: str) -> Dataset:
    """Read a shipped set: digits, breast-cancer, wine, iris or diabetes; the values are scikit-learn's, exactly.

    digits are grey images of 8 x 8 pixels whose 17 levels 0 to 16 become 0 to 1. diabetes keeps its
    original units (scikit-learn's `scaled=False`). Of breast-cancer malignant is class 1, which recall and precision
    are about; scikit-learn has it as class 0.
    """
    facts = FACTS[name]
    with np.load(SETS / f"{name}.npz", allow_pickle=False) as arrays:
        x, y = arrays["x"], arrays["y"]
        classes = tuple(map(str, arrays["classes"]))
        feature_names = tuple(map(str, arrays["feature_names"]))
        (target_name,) = map(str, arrays["target_name"])
    if name == "breast-cancer":
        y, classes = 1 - y, classes[::-1]
    if facts.form == "image":
        x, feature_names = unit_float32(x, 16.0), ()
    return Dataset(
        x=x,
        y=y.astype(np.float64 if facts.task == "regression" else np.int64),
        task=facts.task,
        form=facts.form,
        classes=classes,
        feature_names=feature_names,
        target_name=target_name,
        source=f"built-in set {name} (UCI and LARS collections, as in scikit-learn)",
    )
