"""Folders that hold one sub-folder of files per class."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError, quoted


def class_files(
    root: Path, endings: Iterable[str], kind: str
) -> tuple[tuple[str, ...], list[tuple[Path, int]], int]:
    """Return the class names (sub-folders in alphabetical order), (file, class index) pairs, and the number of other files.

    Hidden files and folders are passed over. Raises InputError for a class without files and for a folder without classes.
    """
    endings = tuple(endings)
    try:
        folders = sorted(
            entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")
        )
        files: list[tuple[Path, int]] = []
        others = 0
        for index, folder in enumerate(folders):
            entries = sorted(
                entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith(".")
            )
            found = [(entry, index) for entry in entries if entry.suffix.lower() in endings]
            if not found:
                raise InputError(
                    f"{quoted(folder)}: the class has no {kind} ({', '.join(endings)}); add some or remove the folder"
                )
            files += found
            others += len(entries) - len(found)
    except OSError as error:
        raise InputError(f"{quoted(root)}: cannot be read: {error}") from error
    if not folders:
        raise InputError(
            f"{quoted(root)}: there are no sub-folders; put the {kind} of each class into a sub-folder with the class's name"
        )
    return tuple(folder.name for folder in folders), files, others
