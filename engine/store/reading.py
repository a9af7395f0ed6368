"""Reading what anybody may have put into a directory: regular files only, so that nothing is waited for or has no end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; a link to one is as good.

    Raises OSError, also for a pipe, which would be waited for, and for a device, which may have no end.
    """
    return os.fdopen(_opened(path)[0], "rb")


def read_regular(path: Path, most: int) -> bytes:
    """Return what is in a file. Raises OSError as `open_regular` does, and if it holds more than `most` bytes."""
    descriptor, size = _opened(path)
    parts: list[bytes] = []
    length = 0
    try:
        # One byte more than there is: a file that is longer than that was growing meanwhile.
        while max(size, length) <= most:
            part = os.read(descriptor, max(size + 1 - length, 1 << 12))
            if not part:
                return parts[0] if len(parts) == 1 else b"".join(parts)
            parts.append(part)
            length += len(part)
    finally:
        os.close(descriptor)
    raise OSError(errno.EFBIG, f"longer than {most} bytes", str(path))


def _opened(path: Path) -> tuple[int, int]:
    """Return a descriptor and how many bytes there are."""
    # Without O_NONBLOCK the opening itself would wait for somebody to write into a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor, facts.st_size
