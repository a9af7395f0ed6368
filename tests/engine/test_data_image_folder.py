"""Folders of images: pixels, classes, modes, and faults named by file."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from ladera.engine.data.dataset import load
from ladera.engine.errors import InputError
from ladera.engine.experiment import Data

RNG = np.random.default_rng(0)


def save(root, name, pixels, mode=None):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels, mode).save(path) if mode is None else Image.fromarray(pixels).convert(mode).save(
        path
    )


def read(root, **settings):
    return load(Data(path=root, **settings), 0)


def test_colour_images(tmp_path):
    pixels = RNG.integers(0, 256, (3, 5, 4, 3), dtype=np.uint8)
    save(tmp_path, "dogs/a.png", pixels[0])
    save(tmp_path, "cats/b.PNG", pixels[1])
    save(tmp_path, "birds/c.bmp", pixels[2])
    (tmp_path / "birds" / "readme.txt").write_text("none")
    (tmp_path / "birds" / ".hidden.png").write_text("none")
    (tmp_path / ".git").mkdir()
    data = read(tmp_path)
    assert (data.classes, data.task, data.form) == (("birds", "cats", "dogs"), "multiclass", "image")
    assert data.y.tolist() == [0, 1, 2]
    assert data.x.dtype == np.float32
    np.testing.assert_allclose(data.x, pixels[[2, 1, 0]].transpose(0, 3, 1, 2) / 255, rtol=1e-6)
    assert data.notes == ("1 files that are no images passed over",)


def test_grey_images_keep_one_channel_unless_one_has_colour(tmp_path):
    grey = RNG.integers(0, 256, (4, 4), dtype=np.uint8)
    save(tmp_path, "a/1.png", grey)
    save(tmp_path, "b/1.png", grey, "LA")
    data = read(tmp_path)
    assert (data.x.shape, data.task) == ((2, 1, 4, 4), "binary")
    assert read(tmp_path, task="multiclass").task == "multiclass"
    save(tmp_path, "b/2.png", np.stack([grey] * 3, 2), "RGBA")
    mixed = read(tmp_path)
    assert mixed.x.shape == (3, 3, 4, 4)
    np.testing.assert_array_equal(mixed.x[0], np.repeat(data.x[0], 3, axis=0))
    assert any("2 grey images of 3" in note for note in mixed.notes)


def test_a_different_size_is_refused_with_its_file_and_a_way_out(tmp_path):
    save(tmp_path, "a/1.png", np.zeros((4, 6), np.uint8))
    save(tmp_path, "b/odd.png", np.zeros((5, 6), np.uint8))
    with pytest.raises(
        InputError, match=r'odd\.png" is 6 x 5 pixels.*1\.png" is 6 x 4.*mogrify -resize "6x4!"'
    ):
        read(tmp_path)


def test_faults(tmp_path):
    with pytest.raises(InputError, match="no sub-folders"):
        read(tmp_path)
    save(tmp_path, "a/1.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="only one class"):
        read(tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match=r'b": the class has no images'):
        read(tmp_path)
    save(tmp_path, "b/1.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match=r"data\.task is regression"):
        read(tmp_path, task="regression")
    with pytest.raises(InputError, match=r"data\.target"):
        read(tmp_path, target="class")
    save(tmp_path, "b/deep.png", np.zeros((4, 4), np.uint16))
    with pytest.raises(InputError, match=r'deep\.png": more than 8 bits'):
        read(tmp_path)
    (tmp_path / "b" / "deep.png").write_bytes((tmp_path / "a" / "1.png").read_bytes()[:40])
    with pytest.raises(InputError, match=r'deep\.png": cannot be read as an image'):
        read(tmp_path)


def test_an_image_too_large_to_be_meant_is_refused(tmp_path, monkeypatch):
    save(tmp_path, "a/1.png", np.zeros((40, 40), np.uint8))
    save(tmp_path, "b/1.png", np.zeros((40, 40), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match=r'1\.png": cannot be read .*1600 pixels'):
        read(tmp_path)


def test_without_pillow_the_message_names_the_extra(tmp_path, monkeypatch):
    save(tmp_path, "a/1.png", np.zeros((4, 4), np.uint8))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InputError, match=r'pip install "ladera\[images\]"'):
        read(tmp_path)
