"""Sound from a folder of WAV files with one sub-folder per class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, quoted
from .dataset import Dataset, refuse_too_large
from .folders import class_files
from .names import Task
from .targets import class_task
from .wav import read_wav


def read_wav_folder(root: Path, task: Task | None) -> Dataset:
    """Read all WAVs as float32 (n, 1, samples) in [-1, 1]; the sub-folders are the classes.

    PCM of 8, 16, 24 or 32 bits and IEEE floats of 32 or 64; channels are averaged. Samples beyond ±1, which floats may
    hold, are cut there. Clips longer or shorter than the median are cut
    or padded with silence at their end, and `notes` tell how many. Raises InputError with the file's name for
    other encodings, empty clips, and sample rates that differ.
    """
    classes, files, others = class_files(root, (".wav",), "WAV files")
    found_task = class_task(classes, task, quoted(root))
    clips: list[NDArray[np.float32]] = []
    first_rate, values, loud = 0, 0, 0
    for path, _ in files:
        clip, rate = read_wav(path)
        first_rate = first_rate or rate
        if rate != first_rate:
            raise InputError(
                f"{quoted(path)} has {rate} samples per second, but {quoted(files[0][0])} has {first_rate}; resample it: ffmpeg -i IN.wav -ar {first_rate} OUT.wav"
            )
        if clip.size and max(clip.max(), -clip.min()) > 1:
            loud += 1
            np.clip(clip, -1, 1, out=clip)
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
    if loud:
        notes.append(f"{loud} clips reach beyond full scale and were cut there")
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
