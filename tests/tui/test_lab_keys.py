"""Any keys in any order: the lab never raises, and never gets stuck."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from ladera.tui.help import SECTIONS, TABLE
from ladera.tui.screens.lab import LabScreen

_OWN = [
    key for keys in (*(keys for _, keys in SECTIONS), TABLE) for one in keys for key in one.keys.split(",")
]
#: Leaving would end the test, and saving writes presets; their own tests press these.
_LEFT_OUT = {"q", "ctrl+q", "ctrl+c", "D", "ctrl+s"}
_WALK = ["up", "down", "left", "right", "enter", "escape", "tab", "shift+tab", "home", "end", "pageup", "pagedown",
         "backspace", "delete", "space", "1", "=", ".", "[", "]", "é", "x", "Q"]  # fmt: skip
KEYS = sorted({*_OWN, *_WALK} - _LEFT_OUT)


def choices(rng: random.Random, count: int) -> list[str]:
    """Keys, with runs of the same one and of walking, as people press them."""
    keys: list[str] = []
    while len(keys) < count:
        pool = KEYS if rng.random() < 0.7 else ["enter", "down", "escape"]
        keys += [rng.choice(pool)] * rng.choice((1, 1, 1, 2, 5))
    return keys[:count]


async def mash(lab: Any, rng: random.Random, count: int) -> None:
    """Press keys; a window that changes its size now and then."""
    pressed: list[str] = []
    for number in range(0, count, 10):
        keys = [key for key in choices(rng, 10) if key != "r" or len(lab.app.sitting.runs) <= 12]
        pressed += keys
        await lab.pilot.press(*keys)
        if number % 50 == 0:
            await lab.pilot.resize_terminal(rng.choice((30, 80, 120, 200)), rng.choice((8, 24, 40)))
        if lab.app._exit:
            return  # leaving was chosen from the command palette
        assert lab.app._exception is None, pressed[-40:]
    for _ in range(12):
        if isinstance(lab.app.screen, LabScreen):
            break
        await lab.press("escape")
    assert isinstance(lab.app.screen, LabScreen), pressed[-40:]


async def test_some_hundred_keys(
    open_lab: Any, script: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    rng = random.Random(0)
    ends = [None, "finished", "stopped_early", "diverged"]
    async with open_lab(lambda run: script.events(reason=rng.choice(ends))) as lab:
        await mash(lab, rng, 100)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 120))
async def test_ten_thousand_keys(
    open_lab: Any, script: Any, seed: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    rng = random.Random(seed)
    ends = [None, "finished", "stopped_early", "diverged"]
    async with open_lab(lambda run: script.events(reason=rng.choice(ends))) as lab:
        await mash(lab, rng, 500)


async def test_what_a_key_leads_to_is_looked_for_before_the_clockworks_next_turn(
    open_lab: Any, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_lab(script.events()) as lab:
        looks = list[float]()
        monkeypatch.setattr(lab.app.lab, "set_timer", lambda delay, _: looks.append(delay))
        await lab.press("p")
        assert looks == [0.05, 0.15]
        lab.app.lab._looks_until = time.monotonic() + 600
        await lab.press("p")
        assert looks == [0.05, 0.15], "a key that is held down asks for no more than a first one"
        lab.app.lab._looks_until = 0.0
        await lab.pilot.click("#runs")
        assert looks == 2 * [0.05, 0.15]
