"""Folders of WAVs: sample widths, channels, lengths, and faults named by file."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from ladera.engine.data.dataset import load
from ladera.engine.data.wav_folder import read_wav
from ladera.engine.errors import InputError
from ladera.engine.experiment import Data


def save(path, raw: bytes, width=2, channels=1, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)


def sixteen(*values):
    return np.array(values, "<i2").tobytes()


@pytest.mark.parametrize(
    ("width", "raw"),
    [
        # -1, -1/2, 0, 1/2 and the smallest step below 1, written by hand from the format: 8 bits are
        # unsigned about 128, the others little-endian two's complement.
        (1, bytes([0, 64, 128, 192, 255])),
        (2, bytes([0, 0x80, 0, 0xC0, 0, 0, 0, 0x40, 0xFF, 0x7F])),
        (3, bytes([0, 0, 0x80, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0x40, 0xFF, 0xFF, 0x7F])),
        (4, bytes([0, 0, 0, 0x80, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0xFF, 0xFF, 0xFF, 0x7F])),
    ],
)
def test_every_width_of_pcm(tmp_path, width, raw):
    save(tmp_path / "a.wav", raw, width)
    samples, rate = read_wav(tmp_path / "a.wav")
    assert samples.dtype == np.float32
    assert rate == 8000
    np.testing.assert_allclose(samples, [-1, -0.5, 0, 0.5, 1 - 2.0 ** (1 - 8 * width)], atol=1e-7)


def test_channels_are_averaged(tmp_path):
    save(tmp_path / "a.wav", sixteen(16384, 0, -32768, 32767, 8192, 8192), channels=2)
    np.testing.assert_allclose(read_wav(tmp_path / "a.wav")[0], [0.25, -0.5 / 32768, 0.25], atol=1e-7)


def test_clips_are_brought_to_the_median_length(tmp_path):
    save(tmp_path / "up" / "1.wav", sixteen(*[16384] * 4))
    save(tmp_path / "up" / "2.WAV", sixteen(*[16384] * 9))
    save(tmp_path / "down" / "1.wav", sixteen(*[-16384] * 2))
    data = load(Data(path=tmp_path), 0)
    assert (data.classes, data.task, data.form) == (("down", "up"), "binary", "audio")
    np.testing.assert_array_equal(data.x[:, 0], [[-0.5, -0.5, 0, 0], [0.5] * 4, [0.5] * 4])
    assert data.y.tolist() == [0, 1, 1]
    assert any("median length of 4 samples: 1 cut, 1 padded" in note for note in data.notes)
    assert any("8000 samples per second" in note for note in data.notes)


def test_a_clip_cut_off_in_a_frame_keeps_its_whole_frames(tmp_path):
    save(tmp_path / "a.wav", sixteen(*[16384] * 10))
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content[:-3])
    assert len(read_wav(tmp_path / "a.wav")[0]) == 8


def test_a_header_that_promises_too_much_is_no_fault(tmp_path):
    save(tmp_path / "a.wav", sixteen(*[16384] * 10))
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[40:44] = b"\xfe\xff\xff\x7f"
    (tmp_path / "a.wav").write_bytes(content)
    assert len(read_wav(tmp_path / "a.wav")[0]) == 10


def test_different_rates_are_refused(tmp_path):
    save(tmp_path / "a" / "1.wav", sixteen(1, 2), rate=8000)
    save(tmp_path / "b" / "odd.wav", sixteen(1, 2), rate=16000)
    with pytest.raises(InputError, match=r'odd\.wav" has 16000 samples per second.*has 8000.*-ar 8000'):
        load(Data(path=tmp_path), 0)


def test_other_encodings_and_empty_clips_are_refused(tmp_path):
    save(tmp_path / "a" / "1.wav", sixteen(1, 2))
    content = bytearray((tmp_path / "a" / "1.wav").read_bytes())
    content[20] = 3  # the format tag: IEEE float
    bad = tmp_path / "b" / "float.wav"
    bad.parent.mkdir()
    for raw in (bytes(content), b"", b"RIFF"):
        bad.write_bytes(raw)
        with pytest.raises(InputError, match=r'float\.wav": cannot be read as a PCM WAV.*pcm_s16le'):
            load(Data(path=tmp_path), 0)
    save(bad, b"")
    with pytest.raises(InputError, match=r'float\.wav": there are no samples'):
        load(Data(path=tmp_path), 0)
