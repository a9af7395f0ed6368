"""Sets from openml.org with the fetch replaced: reshaping, the cache, and what is said when it fails."""

from __future__ import annotations

import sys
import warnings
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
import sklearn.datasets

from ladera.engine.data import openml
from ladera.engine.data.dataset import load
from ladera.engine.errors import InputError
from ladera.engine.experiment import Data

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 3 * 32 * 32)).astype(float)
LABELS = np.array([str(i % 10) for i in range(20)], dtype=object)


@pytest.fixture
def fetches(monkeypatch, tmp_path):
    """Return the calls of a fetch_openml that answers from memory; the cache lies in a fresh folder."""
    calls = []

    def fetch(name, **settings):
        calls.append((name, settings))
        width = 3072 if name == "CIFAR_10" else 784
        return SimpleNamespace(data=PIXELS[:, :width], target=LABELS)

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    return calls


@pytest.mark.parametrize(
    ("name", "remote", "shape"),
    [
        ("mnist", "mnist_784", (1, 28, 28)),
        ("fashion-mnist", "Fashion-MNIST", (1, 28, 28)),
        ("cifar-10", "CIFAR_10", (3, 32, 32)),
    ],
)
def test_a_set_is_fetched_once_and_kept(fetches, name, remote, shape):
    data = load(Data(name=name), 0)
    (call,) = fetches
    assert call[0] == remote
    assert call[1] == {"version": 1, "as_frame": False, "parser": "liac-arff", "cache": False}
    assert data.x.shape == (20, *shape)
    # Planes lie one after another, rows within planes: the last value is the last pixel of the last channel.
    np.testing.assert_allclose(data.x[:, -1, -1, -1], PIXELS[:, int(np.prod(shape)) - 1] / 255, rtol=1e-6)
    np.testing.assert_allclose(data.x[:, 0, 1, 0], PIXELS[:, shape[2]] / 255, rtol=1e-6)
    assert data.y.tolist() == [i % 10 for i in range(20)]
    assert len(data.classes) == 10
    again = load(Data(name=name), 0)
    assert len(fetches) == 1
    np.testing.assert_array_equal(again.x, data.x)
    assert [path.suffix for path in openml.cache_file(name).parent.iterdir()] == [".npz"]


def test_a_damaged_cache_is_fetched_anew(fetches):
    path = openml.cache_file("mnist")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PK half a file")
    assert load(Data(name="mnist"), 0).x.shape == (20, 1, 28, 28)
    assert len(fetches) == 1


def test_a_cache_that_cannot_be_written_is_no_fault(fetches, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "file")
    assert len(load(Data(name="mnist"), 0).x) == 20


@pytest.mark.parametrize(
    "error", [URLError("no route to host"), TimeoutError("timed out"), ValueError("unknown set")]
)
def test_offline_the_message_names_ways_out(fetches, monkeypatch, error, recwarn):
    def fail(*_, **__):
        warnings.warn("A network error occurred. Retrying...", UserWarning, stacklevel=1)
        raise error

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fail)
    with pytest.raises(InputError, match=r"mnist could not be fetched .*mnist\.npz.*digits"):
        load(Data(name="mnist"), 0)
    assert not recwarn.list, "a warning would be written across the screen"


def test_without_scikit_learn_the_message_names_the_extra(fetches, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(InputError, match=r'pip install "ladera\[data\]"'):
        load(Data(name="mnist"), 0)


def test_an_unexpected_answer_is_refused(fetches, monkeypatch):
    answer = SimpleNamespace(data=PIXELS[:, :100], target=LABELS)
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", lambda *_, **__: answer)
    with pytest.raises(InputError, match="not 784 per image"):
        load(Data(name="mnist"), 0)
