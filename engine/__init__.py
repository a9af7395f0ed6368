"""Training without a screen: `for event in run(experiment): ...`.

`run` needs torch; it is imported on first use, so that reading experiments stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .experiment import Experiment

if TYPE_CHECKING:
    from .loop import run

__all__ = ["Experiment", "run"]


def __getattr__(name: str) -> Any:
    if name == "run":
        from .loop import run

        return run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
