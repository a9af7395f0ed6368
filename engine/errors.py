"""The faults that a user can mend: each message says what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class LaderaError(Exception):
    """A fault with a message for people; the command line prints it without a traceback."""


class InputError(LaderaError):
    """Bad input (a preset, a data file, an argument): exit code 2, nothing was created."""


class StoreError(LaderaError):
    """A run directory cannot be used: damaged, locked by another process, or of a newer version."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return what to say to who asked for a word that is not known: the nearest one that is, or all of them."""
    from difflib import get_close_matches  # faults are rare

    words = list(known)
    close = get_close_matches(word, words, 1)
    return f'did you mean "{close[0]}"?' if close else f"there are {', '.join(words)}"


def quoted(text: str | Path, limit: int = 80) -> str:
    """Return text from outside as a message shows it: in quotes, on one line, nothing in it that a terminal could act on.

    It is cut to `limit` characters; a path is shown whole: cut, it would not say which file is meant.
    """
    whole = str(text)
    cut = whole if isinstance(text, Path) or len(whole) <= limit else whole[: limit - 1] + "…"
    inert = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return '"' + inert.replace('"', '\\"') + '"'
