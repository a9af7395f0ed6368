"""Every preset test runs in an empty folder, with an empty user folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ladera.presets.catalog import PresetError, load


@pytest.fixture(autouse=True)
def empty_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda name: str(tmp_path / "config" / name))
    return here


@pytest.fixture
def write() -> Callable[[str, str], Path]:
    """Write a file below the working directory."""

    def write_file(name: str, text: str) -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def complaint(write: Callable[[str, str], Path]) -> Callable[..., str]:
    """Return the whole message with which a file (x.toml unless named) and settings are refused."""

    def refuse(text: str | bytes, *settings: str, name: str = "x.toml") -> str:
        if isinstance(text, bytes):
            Path(name).write_bytes(text)
        else:
            write(name, text)
        with pytest.raises(PresetError) as caught:
            load(name, settings)
        return str(caught.value)

    return refuse
