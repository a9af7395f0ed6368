"""Faults that a user can mend, and how they are said: none of them may end the lab."""

from __future__ import annotations

from ..engine.errors import LaderaError
from .text import clean

#: What is said in words instead of raised further; anything else is a fault of the program.
MENDABLE = (LaderaError, OSError)


def in_words(error: BaseException) -> str:
    """What is wrong, in one line: the message of a fault of ours, what the system says and of which file."""
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename is not None else ""
        return clean(f"{error.strerror}{where}", 600)
    return clean(str(error), 600) or type(error).__name__
