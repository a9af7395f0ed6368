"""Write the data sets that ship with ladera (engine/data/sets/*.npz) from scikit-learn's copies.

Run as `python scripts/make_data_sets.py`; the files are the same to the bit on every run.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets

SETS = Path(__file__).parents[1] / "engine" / "data" / "sets"


def write(name: str, x: Any, y: Any, classes: Any, feature_names: Any, target_name: str) -> None:
    """Write one set; texts are unicode arrays, so that reading needs no pickle."""
    arrays = {
        "x": x,
        "y": y,
        "classes": np.array([str(c) for c in classes], dtype=np.str_),
        "feature_names": np.array([str(f) for f in feature_names], dtype=np.str_),
        "target_name": np.array([target_name]),
    }
    with zipfile.ZipFile(SETS / f"{name}.npz", "w") as archive:
        for key, array in arrays.items():
            member = io.BytesIO()
            np.save(member, np.ascontiguousarray(array), allow_pickle=False)
            # A fixed time stamp (the default of ZipInfo) keeps the file the same on every run.
            entry = zipfile.ZipInfo(f"{key}.npy")
            archive.writestr(entry, member.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


def main() -> None:
    """Write all sets."""
    SETS.mkdir(parents=True, exist_ok=True)
    digits = datasets.load_digits()
    write(
        "digits",
        digits.images.astype(np.uint8)[:, None],
        digits.target.astype(np.uint8),
        range(10),
        [],
        "digit",
    )
    for name, loaded, target in (
        ("breast-cancer", datasets.load_breast_cancer(), "diagnosis"),
        ("wine", datasets.load_wine(), "cultivar"),
        ("iris", datasets.load_iris(), "species"),
    ):
        write(
            name,
            loaded.data,
            loaded.target.astype(np.uint8),
            loaded.target_names,
            loaded.feature_names,
            target,
        )
    diabetes = datasets.load_diabetes(scaled=False)
    write("diabetes", diabetes.data, diabetes.target, [], diabetes.feature_names, "progression")


if __name__ == "__main__":
    main()
