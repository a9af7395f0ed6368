"""Folders of WAVs: sample widths, channels, lengths, and faults named by file."""

from __future__ import annotations

import struct
import wave
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    whole = (tmp_path / "a" / "1.wav").read_bytes()
    bad = tmp_path / "b" / "bad.wav"
    bad.parent.mkdir()
    for raw, reason in (
        (b"", "ends too early"),
        (b"RIFF", "ends too early"),
        (b"RIFX" + whole[4:], "does not begin as RIFF WAVE"),
        (whole[:12], "holds no format"),
        (whole[:36], "holds no samples"),
        (riff(sixteen(1), encoding=7), "μ-law"),
        (riff(sixteen(1), encoding=0x55), "MP3"),
        (riff(sixteen(1), encoding=99), "number 99"),
        (riff(sixteen(1), encoding=3), "16 bits per float; 32 and 64"),
        (riff(bytes(10), width=5), "40 bits per sample; 8, 16, 24 and 32"),
        (riff(sixteen(1), channels=0), "0 channels"),
        (riff(sixteen(1), rate=0), "0 samples per second"),
    ):
        bad.write_bytes(raw)
        with pytest.raises(InputError, match=rf'bad\.wav": cannot be read as a WAV.*{reason}.*pcm_s16le'):
            load(Data(path=tmp_path), 0)
    save(bad, b"")
    with pytest.raises(InputError, match=r'bad\.wav": there are no samples'):
        load(Data(path=tmp_path), 0)
    bad.write_bytes(riff(np.array([0.5, np.nan], "<f4").tobytes(), encoding=3, width=4))
    with pytest.raises(InputError, match=r'bad\.wav": a sample is NaN or infinite'):
        load(Data(path=tmp_path), 0)


def riff(raw: bytes, *, encoding=1, width=2, channels=1, rate=8000, extensible=None, before=b"") -> bytes:
    """A WAV written by hand from the format; `extensible` is the encoding in the GUID behind 0xFFFE."""
    tag = encoding if extensible is None else 0xFFFE
    chunk = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * width, channels * width, 8 * width)
    if extensible is not None:
        tail = b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
        chunk += struct.pack("<HHI", 22, 8 * width, 4) + struct.pack("<H", extensible) + tail
    body = (
        before + b"fmt " + struct.pack("<I", len(chunk)) + chunk + b"data" + struct.pack("<I", len(raw)) + raw
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


WAVE = [-1.0, -0.5, 0.0, 0.25, 0.75]


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(
    ("encoding", "width", "dtype"), [(3, 4, "<f4"), (3, 8, "<f8"), (1, 2, "<i2"), (1, 4, "<i4")]
)
def test_floats_and_extensible_headers(tmp_path, extensible, encoding, width, dtype):
    scale = 1 if encoding == 3 else 2.0 ** (8 * width - 1)
    raw = (np.array(WAVE) * scale).astype(dtype).tobytes()
    path = tmp_path / "a.wav"
    path.write_bytes(riff(raw, encoding=encoding, width=width, extensible=encoding if extensible else None))
    samples, rate = read_wav(path)
    assert (samples.dtype, rate) == (np.float32, 8000)
    np.testing.assert_allclose(samples, WAVE, atol=1e-7)


def test_chunks_of_no_interest_are_passed_over_padding_included(tmp_path):
    path = tmp_path / "a.wav"
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # three bytes and one of padding
    path.write_bytes(riff(sixteen(16384), before=odd))
    assert read_wav(path)[0].tolist() == [0.5]


def test_floats_beyond_full_scale_are_cut_there_and_counted(tmp_path):
    for name, values in (("a", [0.5, -1.5, 2.0]), ("b", [0.5, -0.5, 1.0])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.wav").write_bytes(riff(np.array(values, "<f4").tobytes(), encoding=3, width=4))
    data = load(Data(path=tmp_path), 0)
    np.testing.assert_array_equal(data.x[:, 0], [[0.5, -1, 1], [0.5, -0.5, 1]])
    assert "1 clips reach beyond full scale and were cut there" in data.notes


@settings(deadline=None)
@given(st.binary(max_size=120), st.integers(0, 100))
def test_any_bytes_are_read_or_refused(noise, at):
    """Bytes put into a sound file at any place: read or refused with the file's name, never another fault."""
    whole = riff(sixteen(*range(20)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.wav"
        path.write_bytes(whole[:at] + noise + whole[at + len(noise) :])
        try:
            samples, _ = read_wav(path)
        except InputError as error:
            assert "x.wav" in str(error)
        else:
            assert np.isfinite(samples).all()
