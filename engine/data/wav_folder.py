"""Sound from a folder of WAV files with one sub-folder per class."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, quoted
from .dataset import Dataset, refuse_too_large
from .folders import class_files
from .names import Task
from .targets import class_task


def read_wav_folder(root: Path, task: Task | None) -> Dataset:
    """Read all WAVs as float32 (n, 1, samples) in [-1, 1]; the sub-folders are the classes.

    PCM of 8, 16, 24 or 32 bits; channels are averaged. Clips longer or shorter than the median are cut
    or padded with silence at their end, and `notes` tell how many. Raises InputError with the file's name for
    other encodings, empty clips, and sample rates that differ.
    """
    classes, files, others = class_files(root, (".wav",), "WAV files")
    found_task = class_task(classes, task, quoted(root))
    clips: list[NDArray[np.float32]] = []
    first_rate, values = 0, 0
    for path, _ in files:
        clip, rate = read_wav(path)
        first_rate = first_rate or rate
        if rate != first_rate:
            raise InputError(
                f"{quoted(path)} has {rate} samples per second, but {quoted(files[0][0])} has {first_rate}; resample it: ffmpeg -i IN.wav -ar {first_rate} OUT.wav"
            )
        values += clip.size
        refuse_too_large(values, quoted(root))
        clips.append(clip)
    lengths = np.array([clip.size for clip in clips])
    length = int(np.median(lengths))
    refuse_too_large(length * len(clips), quoted(root))
    x = np.zeros((len(clips), 1, length), dtype=np.float32)
    for row, clip in zip(x, clips, strict=True):
        row[0, : clip.size] = clip[:length]
    notes = [f"{first_rate} samples per second"]
    if (lengths != length).any():
        notes.append(
            f"all clips brought to the median length of {length} samples: {(lengths > length).sum()} cut, {(lengths < length).sum()} padded with silence"
        )
    if others:
        notes.append(f"{others} files that are no WAVs passed over")
    return Dataset(
        x=x,
        y=np.array([index for _, index in files], dtype=np.int64),
        task=found_task,
        form="audio",
        classes=classes,
        target_name="class",
        source=str(root),
        notes=tuple(notes),
    )


def read_wav(path: Path) -> tuple[NDArray[np.float32], int]:
    """Return (samples in [-1, 1], samples per second) of a PCM WAV, channels averaged."""
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            # Not by the header's count: a recorder that streams cannot know it and writes the largest number.
            refuse_too_large(path.stat().st_size // width, quoted(path))
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        reason = str(error) or "it ends too early"
        raise InputError(
            f"{quoted(path)}: cannot be read as a PCM WAV: {reason}; convert it: ffmpeg -i IN -c:a pcm_s16le OUT.wav"
        ) from error
    if width not in (1, 2, 3, 4):
        raise InputError(f"{quoted(path)}: {8 * width} bits per sample; 8, 16, 24 and 32 can be read")
    # A file cut off in the middle of a frame keeps its whole frames.
    raw = raw[: len(raw) - len(raw) % (channels * width)]
    if not raw:
        raise InputError(f"{quoted(path)}: there are no samples; remove the file")
    if width == 1:
        samples = np.frombuffer(raw, np.uint8).astype(np.float64) - 128.0
    elif width == 3:
        # The three bytes become the upper three of a 32-bit number, which keeps the sign.
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        samples = wide.view("<i4")[:, 0] / 256.0
    else:
        samples = np.frombuffer(raw, f"<i{width}").astype(np.float64)
    return (samples.reshape(-1, channels).mean(axis=1) / 2.0 ** (8 * width - 1)).astype(np.float32), rate
