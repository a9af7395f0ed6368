"""Augmentation: each change against its definition, the nesting of the lecture's types, and what never changes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ladera.engine.augmentation import add_noise, augment, label_risk, roll, rotate, translate
from ladera.engine.experiment import Augmentation

TYPE_I = {"flip": 0.5}
TYPE_II = TYPE_I | {"rotation": 180.0}
TYPE_III = TYPE_II | {"contrast": 0.5, "colour_shift": 0.3, "permute_channels": True}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=8, channels=3, height=9, width=9, seed=1):
    return torch.rand(n, channels, height, width, generator=generator(seed), dtype=torch.float64)


def clips(n=8, samples=512, seed=1):
    return 2 * torch.rand(n, 1, samples, generator=generator(seed), dtype=torch.float64) - 1


def changed(x, form="image", seed=0, **knobs):
    return augment(x, Augmentation(**knobs), form, generator(seed))


# -- images


def test_half_of_the_images_are_flipped():
    # lecture.md A5: 0.5 +- 0.03; the deviation of 10 000 draws is 0.005.
    x = images(10_000, 1, 2, 2)
    flipped = changed(x, flip=0.5)
    mirrored = (flipped == x.flip(-1)).flatten(1).all(1)
    kept = (flipped == x).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert mirrored.double().mean() == pytest.approx(0.5, abs=0.03)
    assert torch.equal(changed(x, flip=1.0), x.flip(-1))


def test_a_full_turn_is_the_identity():
    for dtype in (torch.float32, torch.float64):
        x = images(4, 3, 7, 11).to(dtype)
        turned = rotate(x, torch.tensor([0.0, 360.0, -360.0, 720.0], dtype=dtype))
        assert (turned - x).abs().max() < 1e-5


def test_quarter_turns_are_numpys():
    x = images(3, 2, 8, 8)
    turned = rotate(x, torch.tensor([90.0, 180.0, 270.0], dtype=torch.float64))
    for quarters in (1, 2, 3):
        np.testing.assert_allclose(
            turned[quarters - 1].numpy(), np.rot90(x[quarters - 1].numpy(), quarters, (1, 2)), atol=1e-9
        )


@pytest.mark.parametrize(("height", "width"), [(15, 15), (12, 20)])
def test_rotation_is_scipys_bilinear_rotation(height, width):
    # An oblong shows that pixels, not the sides' unit lengths, are turned.
    x = images(1, 1, height, width)
    turned = rotate(x, torch.tensor([30.0], dtype=torch.float64))[0, 0].numpy()
    expected = ndimage.rotate(x[0, 0].numpy(), 30.0, reshape=False, order=1, mode="nearest")
    np.testing.assert_allclose(turned, expected, atol=1e-9)


def test_rotations_are_uniform_within_their_limit(monkeypatch):
    angles = []
    monkeypatch.setattr("ladera.engine.augmentation.rotate", lambda x, degrees: angles.append(degrees) or x)
    changed(images(20_000, 1, 1, 1), rotation=40.0)
    (drawn,) = angles
    assert -40 <= drawn.min() < -39.9
    assert 39.9 < drawn.max() <= 40
    # Uniform on +-40: mean 0, deviation 40 / sqrt(3); 20 000 draws.
    assert drawn.mean() == pytest.approx(0, abs=0.7)
    assert drawn.std() == pytest.approx(40 / math.sqrt(3), rel=0.02)


def test_translations_move_by_whole_pixels():
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    down_right = torch.tensor([[1, 2]])
    repeated = translate(x, down_right, repeat_border=True)[0, 0]
    assert repeated.tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [4, 4, 4, 5]]
    padded = translate(x, -down_right, repeat_border=False)[0, 0]
    assert padded.tolist() == [[6, 7, 0, 0], [10, 11, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("knob", ["shift", "crop"])
def test_every_translation_is_equally_likely(knob):
    x = torch.zeros(25_000, 1, 5, 5)
    x[:, :, 2, 2] = 1
    moved = changed(x, **{knob: 2})
    # One pixel each, at each of 25 places 1000 times (deviation 31).
    assert torch.equal(moved.sum((1, 2, 3)), torch.ones(25_000))
    assert (moved.sum((0, 1)) - 1000).abs().max() < 150


def test_contrast_keeps_the_mean_and_scales_about_it():
    x = 0.4 + 0.2 * images(2000, 3, 4, 4)
    y = changed(x, contrast=0.5)
    mean = x.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(y.mean((1, 2, 3), keepdim=True), mean)
    factors = ((y - mean) / (x - mean)).flatten(1)
    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors), rtol=1e-6, atol=1e-6)
    assert 0.5 <= factors[:, 0].min() < 0.51
    assert 1.49 < factors[:, 0].max() <= 1.5


def test_colour_shift_adds_one_number_per_channel():
    x = 0.4 + 0.2 * images(500, 3, 4, 4)
    added = changed(x, colour_shift=0.3) - x
    torch.testing.assert_close(added, added[:, :, :1, :1].expand_as(added))
    assert added.abs().max() <= 0.3
    assert np.corrcoef(added[:, :, 0, 0].T.numpy())[0, 1] == pytest.approx(0, abs=0.2)


def test_channels_are_permuted_in_all_orders():
    x = images(6000, 3, 2, 2)
    y = changed(x, permute_channels=True)
    orders = torch.stack([(y[:, [k]] == x).flatten(2).all(2).long().argmax(1) for k in range(3)], 1)
    torch.testing.assert_close(y, x.gather(1, orders[:, :, None, None].expand_as(x)), rtol=0, atol=0)
    _, counts = orders.unique(dim=0, return_counts=True)
    # Six orders of 1000 each, deviation 29.
    assert len(counts) == 6
    assert (counts - 1000).abs().max() < 150


def test_noise_has_its_deviation_in_preprocessed_units_and_images_stay_in_range():
    x = torch.full((100, 3, 10, 10), 0.5, dtype=torch.float64)
    scale = torch.tensor([0.1, 0.2, 0.4], dtype=torch.float64)[:, None, None]
    y = augment(x, Augmentation(noise=0.1), "image", generator(), scale)
    torch.testing.assert_close((y - x).std((0, 2, 3)), 0.1 * scale.flatten(), rtol=0.03, atol=0)
    loud = augment(x, Augmentation(noise=9.0), "image", generator(), scale)
    assert loud.min() == 0
    assert loud.max() == 1


# -- the lecture's types


def test_the_types_are_nested_exactly():
    x = images(30)
    # A5: angle 0 and jitter 0 in type III are type I; type III's colours off are type II.
    quiet = TYPE_III | {"rotation": 0.0, "contrast": 0.0, "colour_shift": 0.0, "permute_channels": False}
    assert torch.equal(changed(x, **quiet), changed(x, **TYPE_I))


def test_later_knobs_leave_earlier_draws_alone_over_many_batches():
    # Whatever the order of the channels, each pixel holds the same three values.
    x = images(16)
    generators = [generator(5), generator(5)]
    for _ in range(4):
        two = augment(x, Augmentation(**TYPE_II), "image", generators[0])
        three = augment(x, Augmentation(**TYPE_II, permute_channels=True), "image", generators[1])
        assert torch.equal(two.sort(1).values, three.sort(1).values)


def test_the_same_example_is_drawn_anew():
    x = images(4)
    stream = generator()
    first, second = (augment(x, Augmentation(**TYPE_III), "image", stream) for _ in range(2))
    assert (first != second).flatten(1).any(1).all()
    assert torch.equal(first, changed(x, **TYPE_III))


# -- audio


def test_added_noise_has_the_asked_ratio():
    # lecture.md A4: within 0.5 dB in every clip; here exactly, because the noise is scaled by its own power.
    x = clips()
    for snr in (-10.0, 0.0, 20.0):
        rest = changed(x, "audio", snr_db=snr) - x
        measured = 10 * torch.log10(x.square().mean((1, 2)) / rest.square().mean((1, 2)))
        torch.testing.assert_close(measured, torch.full((8,), snr).double(), atol=1e-9, rtol=0)


def test_silence_stays_silent():
    assert torch.equal(changed(torch.zeros(2, 1, 64), "audio", snr_db=10.0), torch.zeros(2, 1, 64))
    assert torch.isfinite(add_noise(torch.zeros(1, 1, 4), 0.0, generator())).all()


def test_a_circular_shift_keeps_the_magnitude_spectrum():
    x = clips()
    y = changed(x, "audio", time_shift=1.0)
    assert not torch.equal(x, y)
    assert (torch.fft.rfft(x).abs() - torch.fft.rfft(y).abs()).abs().max() < 1e-9
    assert roll(torch.arange(5.0)[None, None], torch.tensor([2])).tolist() == [[[3, 4, 0, 1, 2]]]
    assert roll(torch.arange(5.0)[None, None], torch.tensor([-6])).tolist() == [[[1, 2, 3, 4, 0]]]


def test_gain_is_within_its_decibels():
    x = clips(2000, 8)
    y = changed(x, "audio", gain_db=6.0)
    decibels = 20 * torch.log10((y / x).flatten(1))
    torch.testing.assert_close(decibels, decibels[:, :1].expand_as(decibels))
    assert -6 <= decibels.min() < -5.9
    assert 5.9 < decibels.max() <= 6


def test_a_mask_silences_one_stretch_no_longer_than_asked():
    x = torch.ones(3000, 1, 40)
    silent = changed(x, "audio", time_mask=0.25)[:, 0] == 0
    lengths = silent.sum(1)
    assert lengths.min() == 0
    assert lengths.max() == 10
    edges = silent.int().diff(dim=1, prepend=torch.zeros(3000, 1), append=torch.zeros(3000, 1)).abs().sum(1)
    assert (edges[lengths > 0] == 2).all()
    assert silent[:, 0].any()
    assert silent[:, -1].any()


# -- all forms

KNOBS = {
    "flip": st.floats(0, 1),
    "rotation": st.floats(0, 360),
    "contrast": st.floats(0, 1),
    "colour_shift": st.floats(0, 1),
    "permute_channels": st.booleans(),
    "shift": st.integers(0, 5),
    "crop": st.integers(0, 5),
    "noise": st.floats(0, 3),
}
SOUNDS = {
    "snr_db": st.none() | st.floats(-40, 120),
    "gain_db": st.floats(0, 60),
    "time_shift": st.floats(0, 1),
    "time_mask": st.floats(0, 1),
    "noise": st.floats(0, 3),
}


@settings(deadline=None)
@given(
    knobs=st.fixed_dictionaries({}, optional=KNOBS),
    shape=st.tuples(st.integers(1, 4), st.sampled_from([1, 3]), st.integers(1, 8), st.integers(1, 8)),
    seed=st.integers(0, 1000),
)
def test_images_keep_shape_and_range_and_their_source(knobs, shape, seed):
    x = images(*shape, seed=seed).float()
    before = x.clone()
    y = changed(x, seed=seed, **knobs)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert -1e-6 <= y.min() <= y.max() <= 1 + 1e-6
    assert torch.equal(x, before)
    assert torch.equal(y, changed(x, seed=seed, **knobs))
    if not Augmentation(**knobs).active:
        assert torch.equal(x, y)


@settings(deadline=None)
@given(
    knobs=st.fixed_dictionaries({}, optional=SOUNDS),
    n=st.integers(1, 4),
    samples=st.integers(1, 50),
    seed=st.integers(0, 1000),
)
def test_audio_keeps_shape_and_its_source(knobs, n, samples, seed):
    x = clips(n, samples, seed).float()
    before = x.clone()
    y = changed(x, "audio", seed, **knobs)
    assert y.shape == x.shape
    assert torch.isfinite(y).all()
    assert torch.equal(x, before)
    assert torch.equal(y, changed(x, "audio", seed, **knobs))


def test_a_table_knows_noise_only():
    x = torch.zeros(2000, 3)
    scale = torch.tensor([1.0, 10.0, 100.0])
    y = augment(x, Augmentation(noise=0.5), "table", generator(), scale)
    torch.testing.assert_close(y.std(0), 0.5 * scale, rtol=0.06, atol=0)


def test_the_global_random_numbers_are_left_alone():
    torch.manual_seed(3)
    state = torch.get_rng_state()
    changed(images(), **TYPE_III, noise=0.1, shift=1, crop=1)
    changed(clips(), "audio", snr_db=3.0, gain_db=1.0, time_shift=0.1, time_mask=0.1)
    assert torch.equal(state, torch.get_rng_state())


# -- labels


@pytest.mark.parametrize(
    ("knobs", "name", "word"),
    [
        ({"flip": 0.5}, "digits", "flip"),
        ({"flip": 0.5}, "mnist", "flip"),
        ({"rotation": 180.0}, "mnist", "rotation"),
        ({"time_shift": 0.5}, "tones", "time_shift"),
        ({"rotation": 15.0, "shift": 1}, "digits", None),
        ({"flip": 0.5, "rotation": 180.0}, "shapes", None),
        ({"flip": 0.5}, "cifar-10", None),
        ({"flip": 0.5}, None, None),
    ],
)
def test_changes_that_may_change_the_label_are_told(knobs, name, word):
    risk = label_risk(Augmentation(**knobs), name)
    assert risk is None if word is None else word in risk
