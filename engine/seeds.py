"""One seed governs a run; each purpose draws from a stream of its own, so that turning one off moves no other."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def derive(seed: int, purpose: str, *indices: int) -> int:
    """Return the 63-bit seed of a purpose ("shuffle", "init", …), and of an epoch within it if given."""
    sequence = np.random.SeedSequence([seed, crc32(purpose.encode()), *indices])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the run's random numbers for one purpose; other purposes neither disturb them nor resemble them."""
    return np.random.default_rng([seed, crc32(purpose.encode())])
