"""What a training asks of the machine: the device, the CPU threads, and how often it tells of its steps."""

from __future__ import annotations

import math
import os

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
        layer, pace = 20e-6, 4e13
    return math.ceil(0.05 / (layer * (1 + layers) + operations / pace))
