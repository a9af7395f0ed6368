"""Five hundred times kill -9, as test_store_kill9.py does fifty."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.mark.soak
def test_five_hundred_kills_change_no_bit(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "engine" / "test_store_kill9.py"
    spec = importlib.util.spec_from_file_location("kill9", source)
    assert spec is not None
    assert spec.loader is not None
    kill9 = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kill9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kill9.Training, "report_every", lambda _: 2)
        kill9.rounds(tmp_path, 500, seed=1)
