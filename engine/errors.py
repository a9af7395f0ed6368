"""The faults that a user can mend: each message says what is wrong, where, and what to do."""

from __future__ import annotations


class LaderaError(Exception):
    """A fault with a message for people; the command line prints it without a traceback."""


class InputError(LaderaError):
    """Bad input (a preset, a data file, an argument): exit code 2, nothing was created."""


class StoreError(LaderaError):
    """A run directory cannot be used: damaged, locked by another process, or of a newer version."""
