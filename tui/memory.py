"""How the charts were looked at last time, kept between sittings; a file that cannot be read is as good as none."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from .plots import View

#: What is remembered; zoom and cursor belong to one run.
_KEPT = {"axis": ("epoch", "step", "time"), "log_y": (True, False), "smoothing": (0.0, 0.6, 0.9)}


def _place() -> Path:
    return user_state_path("ladera") / "view.json"


def recalled(view: View) -> tuple[View, str]:
    """Return the view with what is remembered, and the theme's name ("" if none is)."""
    try:
        values: Any = json.loads(_place().read_text())
        known = {name: values[name] for name, allowed in _KEPT.items() if values.get(name) in allowed}
        theme = values.get("theme", "")
    except (OSError, ValueError, AttributeError, TypeError):
        return view, ""
    names = {field.name for field in fields(view)}
    changed = {**asdict(view), **{name: value for name, value in known.items() if name in names}}
    return View(**changed), theme if isinstance(theme, str) else ""


def remember(view: View, theme: str) -> None:
    """Keep the view for the next sitting; a disk that refuses costs only this."""
    values = {name: getattr(view, name) for name in _KEPT} | {"theme": theme}
    try:
        _place().parent.mkdir(parents=True, exist_ok=True)
        _place().write_text(json.dumps(values))
    except OSError:
        pass
