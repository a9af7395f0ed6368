"""A run as TensorBoard event files, written without TensorBoard.

A scalar summary is a few protobuf fields in a checksummed record: less code than asking for the `tensorboard`
package, which brings grpc, protobuf and 30 MB, and whose writer starts a thread. What is written is what
TensorFlow documents: records (length, masked CRC-32C of it, data, masked CRC-32C of that) of `Event` messages.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...engine.history import History
from ...engine.series import Series

_TRAIN, _VALIDATION = "train", "validation"


def write_events(history: History, directory: Path, began: float = 0.0) -> list[Path]:
    """Write train/ and validation/ below a directory, as two TensorBoard runs whose curves share a chart.

    x is the step, whatever the curve: an epoch's values stand at its last step. Wall times are `began` (seconds since
    1970) plus the run's clock; those of batch losses are interpolated between the ends of the epochs. Values are
    float32, as in every scalar summary. Returns the files; raises OSError, FileExistsError if one is there.
    """
    per_epoch = history.started.steps_per_epoch if history.started else 1
    ends = list(history.epoch_times.points())
    steps = np.array([0.0, *(point.x * per_epoch for point in ends)])
    times = np.array([0.0, *(point.y for point in ends)])

    def scalars(tag: str, series: Series, scale: int) -> Iterator[bytes]:
        for point in series.points():
            step = round(point.x * scale)
            yield event(began + float(np.interp(step, steps, times)), step, tag, point.y)

    def train() -> Iterator[bytes]:
        for name, series in history.train.items():
            yield from scalars(name, series, per_epoch)
        yield from scalars("penalty", history.penalty, per_epoch)
        yield from scalars("learning_rate", history.lr, per_epoch)
        yield from scalars("batch_loss", history.steps, 1)

    def validation() -> Iterator[bytes]:
        for name, series in history.validation.items():
            yield from scalars(name, series, per_epoch)
        for check in history.checks:
            step = check.epoch * per_epoch
            yield event(began + float(np.interp(step, steps, times)), step, "early_stopping_wait", check.wait)

    written: list[Path] = []
    for name, events in ((_TRAIN, train()), (_VALIDATION, validation())):
        folder = directory / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"events.out.tfevents.{int(began):010d}.ladera"
        with path.open("xb") as file:
            file.write(record(_header(began)))
            file.writelines(record(data) for data in events)
        written.append(path)
    return written


def record(data: bytes) -> bytes:
    """Frame a message: its length, and checksums of the length and of the message."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def event(wall_time: float, step: int, tag: str, value: float) -> bytes:
    """An Event with one scalar: wall_time = 1, step = 2, summary = 5 {value = 1 {tag = 1, simple_value = 2}}."""
    name = tag.encode()
    with np.errstate(over="ignore"):  # beyond float32 is infinite
        single = float(np.float32(value))
    scalar = b"\x0a" + _varint(len(name)) + name + b"\x15" + struct.pack("<f", single)
    summary = b"\x0a" + _varint(len(scalar)) + scalar
    return _stamp(wall_time) + b"\x10" + _varint(step) + b"\x2a" + _varint(len(summary)) + summary


def masked_crc(data: bytes) -> int:
    """CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), rotated and offset as TensorFlow's records ask."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _header(wall_time: float) -> bytes:
    """The first Event of a file: file_version = 3."""
    version = b"brain.Event:2"
    return _stamp(wall_time) + b"\x1a" + _varint(len(version)) + version


def _stamp(wall_time: float) -> bytes:
    return b"\x09" + struct.pack("<d", wall_time)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = tuple(_entry(byte) for byte in range(256))
