"""The shipped sets against scikit-learn's own loaders."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets

from ladera.engine.data.dataset import load
from ladera.engine.data.names import FACTS
from ladera.engine.errors import InputError
from ladera.engine.experiment import Data

SHIPPED = [name for name, facts in FACTS.items() if not facts.synthetic and not facts.online]


def test_digits_are_scikit_learns():
    ours, theirs = load(Data(name="digits"), 0), datasets.load_digits()
    assert ours.x.shape == (1797, 1, 8, 8)
    assert ours.x.dtype == np.float32
    np.testing.assert_array_equal(ours.x[:, 0] * 16, theirs.images)
    np.testing.assert_array_equal(ours.y, theirs.target)
    assert ours.classes == tuple("0123456789")


@pytest.mark.parametrize(
    ("name", "loader"),
    [
        ("breast-cancer", datasets.load_breast_cancer),
        ("wine", datasets.load_wine),
        ("iris", datasets.load_iris),
    ],
)
def test_tables_are_scikit_learns(name, loader):
    ours, theirs = load(Data(name=name), 0), loader()
    assert ours.x.dtype == np.float64
    np.testing.assert_array_equal(ours.x, theirs.data)
    # scikit-learn has malignant, which one looks for, as class 0; recall and precision are about class 1.
    swapped = name == "breast-cancer"
    np.testing.assert_array_equal(ours.y, 1 - theirs.target if swapped else theirs.target)
    assert ours.classes == tuple(theirs.target_names[::-1] if swapped else theirs.target_names)
    assert ours.feature_names == tuple(theirs.feature_names)


def test_a_set_of_two_classes_can_be_had_with_an_output_for_each():
    """L10: cce over two classes beside bce."""
    data = load(Data(name="breast-cancer", task="multiclass"), 0)
    assert (data.task, data.classes) == ("multiclass", ("benign", "malignant"))
    assert load(Data(name="moons", task="multiclass", examples=50), 0).task == "multiclass"
    with pytest.raises(InputError, match="diabetes is a regression task, not multiclass"):
        load(Data(name="diabetes", task="multiclass"), 0)
    with pytest.raises(InputError, match="wine is a multiclass task, not binary"):
        load(Data(name="wine", task="binary"), 0)


def test_diabetes_is_scikit_learns_in_its_own_units():
    ours, theirs = load(Data(name="diabetes"), 0), datasets.load_diabetes(scaled=False)
    np.testing.assert_array_equal(ours.x, theirs.data)
    np.testing.assert_array_equal(ours.y, theirs.target)
    assert ours.feature_names == tuple(theirs.feature_names)
    assert ours.y.dtype == np.float64


@pytest.mark.parametrize("name", SHIPPED)
def test_facts_known_beforehand_hold(name):
    data = load(Data(name=name), 0)
    facts = FACTS[name]
    assert (data.task, data.form) == (facts.task, facts.form)
    assert {
        "binary": len(data.classes) == 2,
        "multiclass": len(data.classes) > 2,
        "regression": not data.classes,
    }[data.task]


def test_reading_a_shipped_set_imports_neither_scikit_learn_nor_torch():
    code = (
        "import sys; from ladera.engine.data.dataset import load; from ladera.engine.experiment import Data; "
        "load(Data(name='digits'), 0); load(Data(name='moons'), 0); "
        "print([m for m in ('sklearn', 'torch', 'PIL', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"name": "wine", "examples": 100}, "data.examples"),
        ({"name": "wine", "noise": 0.1}, "data.noise"),
        ({"name": "wine", "target": "alcohol"}, "data.target"),
        ({"name": "wine", "task": "regression"}, "data.task"),
        ({"path": "nowhere.csv"}, "nowhere.csv"),
        ({"path": "nowhere.csv", "examples": 10}, "data.examples"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(settings, key):
    with pytest.raises(InputError, match=key):
        load(Data(**settings), 0)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "table.xlsx"
    path.write_bytes(b"PK")
    with pytest.raises(InputError, match=r"table\.xlsx.*must end in \.csv"):
        load(Data(path=path), 0)
