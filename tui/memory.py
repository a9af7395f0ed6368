"""How the lab was looked at last time, kept between sittings; a file that cannot be read is as good as none."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from .fit import MARKERS
from .view import View

#: What is remembered; zoom and cursor belong to one run.
_KEPT: dict[str, tuple[Any, ...]] = {
    "axis": ("epoch", "step", "time"),
    "log_y": (True, False),
    "smoothing": (0.0, 0.6, 0.9),
    "batches": (True, False),
    "marker": MARKERS,
}


def _place() -> Path:
    return user_state_path("ladera") / "view.json"


def _read() -> dict[str, Any]:
    try:
        values: Any = json.loads(_place().read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def recalled(view: View, few_colours: bool = False, fixed: Collection[str] = ()) -> tuple[View, str]:
    """Return the view with what is remembered, but for what is `fixed`, and the theme's name ("" if none is).

    Themes are remembered apart for terminals with few colours: one that is good there is seldom good elsewhere.
    """
    values = _read()
    known = {
        name: values[name]
        for name, allowed in _KEPT.items()
        if name not in fixed and values.get(name) in allowed
    }
    theme = values.get(_theme(few_colours), "")
    return replace(view, **known), theme if isinstance(theme, str) and "theme" not in fixed else ""


def remember(view: View, theme: str, few_colours: bool = False, fixed: Collection[str] = ()) -> None:
    """Keep the view for the next sitting, and what is `fixed` as it was; "" forgets the theme.

    A disk that refuses costs only this.
    """
    values = _read() | {name: getattr(view, name) for name in _KEPT if name not in fixed}
    if "theme" not in fixed:
        values[_theme(few_colours)] = theme
    try:
        _place().parent.mkdir(parents=True, exist_ok=True)
        _place().write_text(json.dumps(values))
    except OSError:
        pass


def _theme(few_colours: bool) -> str:
    return "theme of few colours" if few_colours else "theme"
