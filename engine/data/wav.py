"""One WAV file: the chunks of RIFF that matter, PCM and IEEE float, also behind WAVE_FORMAT_EXTENSIBLE.

Python's own `wave` module reads PCM alone, and extensible headers only since 3.12.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .dataset import quoted, refuse_too_large

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
#: Encodings that are named when they are refused.
_NAMES = {2: "Microsoft ADPCM", 6: "A-law", 7: "μ-law", 17: "IMA ADPCM", 85: "MP3"}
_DTYPES = {(_PCM, 1): "u1", (_PCM, 2): "<i2", (_PCM, 4): "<i4", (_FLOAT, 4): "<f4", (_FLOAT, 8): "<f8"}


@dataclass(frozen=True, slots=True)
class _Format:
    """The chunk "fmt "."""

    encoding: int
    channels: int
    rate: int
    width: int
    "Bytes of one sample of one channel."


def read_wav(path: Path) -> tuple[NDArray[np.float32], int]:
    """Return (samples, samples per second) of a WAV, channels averaged; PCM in [-1, 1], floats as they are.

    PCM of 8, 16, 24 or 32 bits and floats of 32 or 64. A data chunk that promises more than the file holds, as a recorder
    writes that streams, ends with the file. Raises InputError with the file's name for everything else.
    """
    try:
        with path.open("rb") as file:
            form, raw = _chunks(file, path)
    except (OSError, struct.error, ValueError) as error:
        reason = "it ends too early" if isinstance(error, struct.error) else error
        raise InputError(
            f"{quoted(path)}: cannot be read as a WAV: {reason}; convert it: ffmpeg -i IN -c:a pcm_s16le OUT.wav"
        ) from error
    # A file cut off in the middle of a frame keeps its whole frames.
    raw = raw[: len(raw) - len(raw) % (form.channels * form.width)]
    if not raw:
        raise InputError(f"{quoted(path)}: there are no samples; remove the file")
    samples = _samples(raw, form).reshape(-1, form.channels).mean(axis=1)
    if not np.isfinite(samples).all():
        raise InputError(f"{quoted(path)}: a sample is NaN or infinite; remove the file or write it anew")
    return samples.astype(np.float32), form.rate


def _chunks(file: BinaryIO, path: Path) -> tuple[_Format, bytes]:
    riff, _, kind = struct.unpack("<4sI4s", file.read(12))
    if riff != b"RIFF" or kind != b"WAVE":
        raise ValueError("it does not begin as RIFF WAVE does")
    form: _Format | None = None
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"fmt ":
            form = _format(file.read(size))
        elif name == b"data":
            if form is None:
                raise ValueError("its samples come before their format")
            # By what the file holds, not by what the header promises.
            refuse_too_large(min(size, path.stat().st_size) // form.width, quoted(path))
            return form, file.read(size)
        else:
            file.seek(size, 1)
        file.seek(size % 2, 1)  # chunks begin at even places
    raise ValueError("it holds no samples" if form else "it holds no format")


def _format(chunk: bytes) -> _Format:
    encoding, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", chunk)
    if encoding == _EXTENSIBLE and len(chunk) >= 26:
        # The true encoding begins the GUID behind the size, the valid bits and the speakers.
        (encoding,) = struct.unpack_from("<H", chunk, 24)
    if channels == 0 or rate == 0:
        raise ValueError(f"its header tells of {channels} channels and {rate} samples per second")
    width = block // channels or (bits + 7) // 8
    if encoding not in (_PCM, _FLOAT):
        raise ValueError(
            f"its encoding is {_NAMES.get(encoding, f'number {encoding}')}, neither PCM nor float"
        )
    if (encoding, width) not in _DTYPES and (encoding, width) != (_PCM, 3):
        kinds = "8, 16, 24 and 32 can be read" if encoding == _PCM else "32 and 64 can be read"
        raise ValueError(f"{8 * width} bits per {'sample' if encoding == _PCM else 'float'}; {kinds}")
    return _Format(encoding, channels, rate, width)


def _samples(raw: bytes, form: _Format) -> NDArray[np.float64]:
    if (form.encoding, form.width) == (_PCM, 3):
        # The three bytes become the upper three of a 32-bit number, which keeps the sign.
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0] / 2.0**31
    values = np.frombuffer(raw, _DTYPES[form.encoding, form.width]).astype(np.float64)
    if form.encoding == _FLOAT:
        return values
    if form.width == 1:
        values -= 128.0  # bytes are unsigned, about 128
    return values / 2.0 ** (8 * form.width - 1)
