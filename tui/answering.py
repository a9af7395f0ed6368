"""A process that answers questions about networks that are on the disk only: `python -m ladera.tui.answering`.

One JSON object a line comes in, {"directory", "which", "probe", "options"}, and one goes out for each: {"event": a Probed
event, "words", "others", "warnings"}, or {"error": why there is no network to ask}. The last network asked for stays
in memory. It ends with its input, or when nobody has asked for a while.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from ..engine.store.kept import KeptNetwork

#: Seconds without a question after which it goes, with the memory that the network and torch take.
_IDLE = 600.0


def main() -> None:
    """Answer until the input ends; nothing but answers is written to what was standard output at the start."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        os.nice(5)  # whoever trains meanwhile goes first
    network: tuple[str, str, KeptNetwork] | None = None
    for question in _questions():
        directory, which = question["directory"], question["which"]
        try:
            if network is None or network[:2] != (directory, which):
                network = None  # before the next one is read: both need not find room
                network = directory, which, _loaded(directory, which)
            told = _answer(network[2], question["probe"], question["options"])
        except Exception as error:
            told = {"error": _in_words(error)}
        _write(answers, told)


def _questions() -> Iterator[dict[str, Any]]:
    while select.select([sys.stdin], [], [], _IDLE)[0] and (line := sys.stdin.readline()):
        yield json.loads(line)


def _loaded(directory: str, which: str) -> KeptNetwork:
    from ..engine.machine import TorchSettings
    from ..engine.store.kept import load_network

    kept = load_network(Path(directory), which)
    TorchSettings(kept.training.threads(), deterministic=True, tf32=False).apply()
    return kept


def _answer(kept: KeptNetwork, probe: str, options: dict[str, Any]) -> dict[str, Any]:
    from ..engine.event_lines import to_plain

    return {
        "event": to_plain(kept.answer(probe, options)),
        "which": kept.weights.which,
        "words": kept.weights.words,
        "others": kept.others,
        "warnings": kept.warnings,
    }


def _in_words(error: Exception) -> str:
    from ..engine.errors import LaderaError

    return str(error) if isinstance(error, LaderaError) else f"{type(error).__name__}: {error}"


def _write(answers: BinaryIO, told: dict[str, Any]) -> None:
    answers.write(json.dumps(told).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
