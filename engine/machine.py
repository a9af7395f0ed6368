"""What a training asks of the machine: the device, the CPU threads, and how often it tells of its steps."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import torch

from .errors import InputError

# Multiplications of an update from which on threads share them.
_SHARED = 25_000_000


def choose_device(name: str) -> torch.device:
    """Return the device to train on; auto takes CUDA if there is one. Raises InputError if it is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(
            f'training.device: {name} asked for, but torch sees no CUDA device; use "auto" or "cpu"'
        )
    if name == "mps" and not torch.backends.mps.is_available():
        raise InputError('training.device: mps asked for, but torch sees none; use "auto" or "cpu"')
    if name.startswith("cuda:") and int(name[5:]) >= torch.cuda.device_count():
        raise InputError(
            f"training.device: {name} asked for, but there are {torch.cuda.device_count()} CUDA devices"
        )
    return torch.device(name)


@dataclass(frozen=True)
class TorchSettings:
    """What torch is told for the whole process: to be set while training, and set back."""

    threads: int
    "On the CPU."
    deterministic: bool
    "Whether only those of cuDNN's kernels are used that give the same numbers each time."
    tf32: bool
    "Whether cuDNN may round the factors of float32 products to 10 bits; for other products torch does not."

    @classmethod
    def now(cls) -> TorchSettings:
        """Return what holds."""
        cudnn = torch.backends.cudnn
        return cls(torch.get_num_threads(), cudnn.deterministic, cudnn.allow_tf32)

    def apply(self) -> None:
        """Let it hold."""
        torch.set_num_threads(self.threads)
        torch.backends.cudnn.deterministic = self.deterministic
        torch.backends.cudnn.allow_tf32 = self.tf32


def threads(asked: int, operations: int) -> int:
    """Return the CPU threads to use: one for small networks, whose kernels are too short to share."""
    if asked:
        return asked
    if operations < _SHARED:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def report_every(device: str, asked: int, layers: int, operations: int) -> int:
    """Return the steps between two StepsEnded events: 50 ms of work on a machine faster than any, so never less.

    It follows from the experiment alone, not from a clock, so that two runs tell the same story.
    """
    if device == "cpu":
        # Seconds a layer, and multiplications a second: 2e11 is beyond one core, 20 of them beyond what cores share.
        cores = asked or (1 if operations < _SHARED else 20)
        layer, pace = 4e-6, 2e11 * cores
    else:
        layer, pace = 12e-6, 4e13
    return math.ceil(0.05 / (layer * (1 + layers) + operations / pace))
