"""Files that appear whole or not at all, also after a power cut."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from . import pulse

#: What a file takes up is rounded up to this, so that within it it can grow on a full disk.
BLOCK = 4096
#: Bytes written and waited for at once, so that a slow disk is seen to get on.
PORTION = 16 << 20

_serial = count(1)

# How `replace` calls a file until it is whole. Those of a lock are its own affair.
_STAGED = re.compile(r"\.(?!lock\.).+\.\d+-\d+")

#: File systems without the notion answer so to an fsync of a directory.
_UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF}


def write_new(path: Path, *parts: bytes) -> None:
    """Create a file that must not exist yet, readable by its owner only, and wait until the disk has it."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        for part in parts:
            _write(fd, part, durable=True)
    finally:
        os.close(fd)
    pulse.beat()


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte; a short write is continued."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view[:PORTION]) :]
        pulse.beat()


def _write(fd: int, data: bytes, *, durable: bool) -> None:
    view = memoryview(data)
    for start in range(0, max(1, len(data)), PORTION):
        write_all(fd, view[start : start + PORTION])
        if durable:
            os.fsync(fd)
            pulse.beat()


def replace(path: Path, data: bytes, *, durable: bool = True, mode: int = 0o600) -> None:
    """Put new content in a file's place in one step; readers see the old or the new, never a mixture.

    `durable` waits until the disk has it; `mode` is what the umask leaves of it. Raises OSError; the old content then stays.
    """
    staging = path.with_name(f".{path.name}.{os.getpid()}-{next(_serial)}")
    try:
        fd = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            _write(fd, data, durable=durable)
        finally:
            os.close(fd)
        os.rename(staging, path)  # noqa: PTH104 - every fault is injected at the os functions
        pulse.beat()
    except BaseException:
        discard([staging])
        raise
    if durable:
        sync_directory(path.parent)


def overwrite(path: Path, data: bytes) -> None:
    """Put new content into a file's place without a new file, where the disk has no room for one. Raises OSError.

    A reader may see a mixture, for which the content must be of a kind that it notices. Blanks fill up what was longer.
    """
    # Without O_NONBLOCK the opening would wait for somebody to read from a pipe in its place.
    fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        if -(-len(data) // BLOCK) > -(-size // BLOCK):
            raise OSError(errno.ENOSPC, "no room to grow", str(path))
        os.pwrite(fd, data.ljust(size), 0)
    finally:
        os.close(fd)


def sync_directory(path: Path) -> None:
    """Wait until the disk has a directory's entries."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    finally:
        os.close(fd)
    pulse.beat()


def discard(paths: Iterable[Path]) -> None:
    """Delete files as far as they are there and can be deleted."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            continue


def sweep(directory: Path) -> None:
    """Delete what `replace` left where its process was killed; whoever calls this is the only one who writes there.

    Before the first write: a later process may have the number of the dead one, as in a container, and the same names.
    """
    try:
        paths = [path for path in directory.iterdir() if _STAGED.fullmatch(path.name)]
    except OSError:
        return
    discard(paths)


def serial() -> int:
    """Return a number that this process has not used yet."""
    return next(_serial)
