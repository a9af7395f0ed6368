"""NPZ files: forms by shape, ranges, targets, and what is refused."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from ladera.engine.data.dataset import load
from ladera.engine.errors import InputError
from ladera.engine.experiment import Data

RNG = np.random.default_rng(0)
Y = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def read(tmp_path):
    """Return a reader of arrays saved as an NPZ file; keyword `settings` goes to Data."""

    def reader(settings=None, **arrays):
        np.savez(tmp_path / "set.npz", **arrays)
        return load(Data(path=tmp_path / "set.npz", **(settings or {})), 0)

    return reader


def test_a_table(read):
    x = RNG.normal(size=(6, 2)).astype(np.float32)
    data = read(x=x, y=Y * 1.5 + 0.25, settings={"task": "regression"}, feature_names=np.array(["a", "b"]))
    np.testing.assert_array_equal(data.x, x)
    assert (data.x.dtype, data.form, data.task) == (np.float64, "table", "regression")
    assert data.feature_names == ("a", "b")
    assert read(x=x, y=RNG.normal(size=(6, 1))).feature_names == ("x0", "x1")


@pytest.mark.parametrize(
    ("shape", "expected", "form"),
    [
        ((6, 5, 4), (6, 1, 5, 4), "image"),
        ((6, 1, 5, 4), (6, 1, 5, 4), "image"),
        ((6, 3, 5, 4), (6, 3, 5, 4), "image"),
        ((6, 5, 4, 3), (6, 3, 5, 4), "image"),
        ((6, 5, 4, 1), (6, 1, 5, 4), "image"),
        ((6, 1, 50), (6, 1, 50), "audio"),
    ],
)
def test_the_shape_tells_the_form(read, shape, expected, form):
    x = RNG.uniform(size=shape).astype(np.float32)
    data = read(x=x, y=Y)
    assert (data.x.shape, data.form, data.task, data.classes) == (
        expected,
        form,
        "multiclass",
        ("0", "1", "2"),
    )
    assert data.x.dtype == np.float32
    if shape == (6, 5, 4, 3):
        assert data.x[2, 1, 4, 3] == x[2, 4, 3, 1]
        assert data.notes


def test_bytes_become_the_unit_range(read):
    x = np.array([0, 51, 255], np.uint8).repeat(8).reshape(6, 2, 2)
    np.testing.assert_allclose(np.unique(read(x=x, y=Y).x), [0, 0.2, 1], rtol=1e-6)
    x = np.array([-32768, 0, 16384], np.int16).repeat(8).reshape(6, 1, 4)
    np.testing.assert_array_equal(np.unique(read(x=x, y=Y).x), [-1, 0, 0.5])


def test_targets_of_every_kind(read):
    x = RNG.normal(size=(6, 2))
    texts = read(x=x, y=np.array(["b", "a", "b", "a", "b", "c"]))
    assert (texts.classes, texts.y.tolist(), texts.task) == (
        ("a", "b", "c"),
        [1, 0, 1, 0, 1, 2],
        "multiclass",
    )
    named = read(x=x, y=Y, classes=np.array(["x", "y", "z", "unseen"]))
    assert (named.classes, named.y.tolist()) == (("x", "y", "z", "unseen"), Y.tolist())
    assert read(x=x, y=Y % 2 == 1).task == "binary"
    with pytest.raises(InputError, match=r"could be classes or a measurement"):
        read(x=x, y=Y)


def test_missing_values(read):
    x = RNG.normal(size=(6, 2))
    x[1, 0] = x[4, 0] = x[4, 1] = np.nan
    y = RNG.normal(size=6)
    with pytest.raises(InputError, match=r"missing values .*, 3 in x, in 2 examples.* or \"mean\""):
        read(x=x, y=y)
    assert len(read(x=x, y=y, settings={"missing": "drop"}).x) == 4
    assert np.isnan(read(x=x, y=y, settings={"missing": "mean"}).x).sum() == 3
    y[0] = np.nan
    assert len(read(x=x, y=y, settings={"missing": "drop"}).x) == 3
    with pytest.raises(InputError, match=r"3 in x and 1 in y, in 3 examples.*; a target cannot be filled in"):
        read(x=x, y=y)
    with pytest.raises(InputError, match="target is missing in 1"):
        read(x=x, y=y, settings={"missing": "mean"})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((6, 2))}, 'needs the arrays x and y; it holds "x"'),
        ({"x": np.zeros((6, 2)), "y": np.zeros(5)}, "x holds 6 examples"),
        ({"x": np.zeros((6, 2)), "y": np.eye(6)[:, :3]}, "argmax"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "no examples"),
        ({"x": np.zeros((6, 2), complex), "y": Y}, "not numbers"),
        ({"x": np.full((6, 2), np.inf), "y": Y}, r"x[0, 0] is infinite"),
        ({"x": np.full((6, 2), "a"), "y": Y}, "not numbers"),
        ({"x": np.zeros(6), "y": Y}, "shape (6,)"),
        ({"x": np.zeros((6, 2, 2, 2)), "y": Y}, "with 1 or 3 channels"),
        ({"x": np.full((6, 4, 4), 255.0), "y": Y}, "floats from 0 to 1"),
        ({"x": np.full((6, 4, 4), np.nan), "y": Y}, "floats from 0 to 1"),
        ({"x": np.full((6, 1, 4), -2.0), "y": Y}, "floats from -1 to 1"),
        (
            {"x": np.zeros((6, 2)), "y": Y, "classes": np.array(["a", "b"])},
            "indices 0 to 1; it reaches from 0 to 2",
        ),
        ({"x": np.zeros((6, 2)), "y": Y, "classes": np.array(["a", "b", "a"])}, "a name twice"),
        ({"x": np.zeros((6, 2)), "y": Y + 0.5, "feature_names": np.array(["a"])}, "1 names for 2 columns"),
        ({"x": np.zeros((6, 2)), "y": Y * 1j}, "texts or finite numbers"),
        ({"x": np.zeros((6, 2)), "y": np.array([{}] * 6)}, "plain arrays"),
    ],
)
def test_faults(read, arrays, message):
    with pytest.raises(InputError) as error:
        read({"task": "regression"} if "names" in message else None, **arrays)
    assert message in str(error.value)
    assert "set.npz" in str(error.value)


def test_damaged_files_are_refused(tmp_path):
    whole = io.BytesIO()
    np.savez_compressed(whole, x=RNG.normal(size=(50, 4)), y=RNG.normal(size=50))
    content = bytearray(whole.getvalue())
    path = tmp_path / "set.npz"
    for damaged in (
        b"",
        b"no zip",
        content[: len(content) // 2],
        content[:200] + b"\0\1\2" * 40 + content[320:],
    ):
        path.write_bytes(bytes(damaged))
        with pytest.raises(InputError, match=r"set\.npz"):
            load(Data(path=path), 0)


# -- arrays that promise what the file does not hold


def member(shape, *, descr="<f8", data=b"\0" * 64) -> bytes:
    """An array file with a header of its own making."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue() + data


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (member((10**12, 8)), "8,000,000,000,000 values are more than"),
        (member((10**8, 4)), "needs 3,200,000,000 bytes, but the file holds 64; it is damaged"),
        (member((3, 8)), "needs 192 bytes, but the file holds 64"),
        (member((-1, 8)), "plain arrays"),
        (member((8, 1), descr="|O"), "Object arrays cannot be loaded"),
        (b"garbage", "x is no array as numpy writes it"),
        (b"", "x is no array as numpy writes it"),
        (b"\x93NUMPY\x09\x00" + member((8, 1))[8:], "x is no array as numpy writes it"),
        (b"\x93NUMPY\x01\x00\x05\x00{'a'}", "x is no array as numpy writes it"),
    ],
)
def test_headers_are_read_before_memory_is_asked_for(tmp_path, x, message):
    path, y = tmp_path / "set.npz", io.BytesIO()
    np.save(y, np.arange(8) * 0.3)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", x)
        archive.writestr("y.npy", y.getvalue())
    tracemalloc.start()
    with pytest.raises(InputError) as error:
        load(Data(path=path), 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message in str(error.value)
    assert "set.npz" in str(error.value)
    assert peak < 10_000_000


def test_a_member_that_is_no_array_is_refused(tmp_path):
    path, y = tmp_path / "set.npz", io.BytesIO()
    np.save(y, np.arange(8) * 0.3)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "hi")
        archive.writestr("y.npy", y.getvalue())
    with pytest.raises(InputError, match=r'set\.npz": x is no array'):
        load(Data(path=path), 0)


def test_memory_that_runs_out_is_no_traceback(read, monkeypatch):
    def full(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(np.lib.format, "read_array", full)
    with pytest.raises(InputError, match="needs more memory than there is"):
        read(x=np.zeros((6, 2)), y=Y)


def test_examples_without_a_value_are_refused(read):
    with pytest.raises(InputError, match=r"x has shape \(50, 0\): an example holds no value"):
        read(x=np.zeros((50, 0)), y=np.arange(50) * 0.3)


def test_missing_values_are_placed_and_what_fills_them_is_told(read):
    x = np.zeros((6, 2))
    x[3, 1] = np.nan
    with pytest.raises(InputError, match=r"the first at x\[3, 1\]"):
        read(x=x, y=np.arange(6) / 7)
    assert (
        "1 missing values in 1 examples filled with the training mean"
        in read(x=x, y=np.arange(6) / 7, settings={"missing": "mean"}).notes
    )
