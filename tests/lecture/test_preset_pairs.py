"""Every preset of every part trains two epochs with every preset of every other part, or is refused with the reason.

Not the full product: a greedy covering of all pairs over parts. Which presets go together is written here a second time,
as a rule of its own; the engine has to agree with it in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from ladera.engine import Experiment, run
from ladera.engine.data import openml, prepare
from ladera.engine.data.dataset import Dataset, load
from ladera.engine.data.names import FACTS
from ladera.engine.errors import InputError
from ladera.engine.events import EpochEnded, RunEnded
from ladera.presets.catalog import PARTS, Preset, PresetError, catalog, change

#: Part and name of the preset, for example ("optimizer", "adam").
Choice = tuple[str, str]
PRESETS: dict[Choice, Preset] = {(preset.part, preset.short): preset for preset in catalog()
                                 if preset.part in PARTS and preset.origin == "built-in"}  # fmt: skip
KEYS = {part: "data.augmentation" if part == "augmentation" else part for part in PARTS}
#: Training examples of each run: enough for ten classes, few enough to be quick.
SUBSET = 40


def names(part: str) -> list[str]:
    return [name for place, name in PRESETS if place == part]


PAIRS = [
    (a, b)
    for one, other in combinations(PARTS, 2)
    for a in ((one, name) for name in names(one))
    for b in ((other, name) for name in names(other))
]


# -- the rule -------------------------------------------------------------------------------------------------------


def fits(chosen: Mapping[str, str]) -> bool:
    """Tell whether presets of some of the parts go together; parts that are not chosen are open."""
    value = {part: PRESETS[part, name].values for part, name in chosen.items()}
    facts = FACTS[value["data"]["name"]] if "data" in value else None
    form, task = (facts.form, facts.task) if facts else (None, None)
    coloured = chosen.get("data") in ("shapes", "cifar-10") if facts else None
    if "loss" in value:
        wanted = {"cce": "multiclass", "bce": "binary", "auto": task}.get(value["loss"]["kind"], "regression")
        if task not in (None, wanted):
            return False
        task = wanted
    if value.get("stopping", {}).get("monitor") == "accuracy" and task == "regression":
        return False
    needs: set[str] = set()
    if value.get("model", {}).get("kind") == "cnn":
        needs |= {"image", "audio"}
    if value.get("model", {}).get("kind") == "polynomial":
        needs |= {"table"}
    forms = {form} if form else needs or {"table", "image", "audio"}
    if needs and not forms & needs:
        return False
    # No data set at hand poses a binary or regression task on images or sounds.
    if task in ("binary", "regression") and "table" not in forms:
        return False
    if task in ("binary", "regression"):
        forms = {"table"}
    knobs = set(value.get("augmentation", {}))
    if knobs & {"flip", "rotation", "contrast", "colour_shift", "permute_channels", "shift", "crop"}:
        forms &= {"image"}
    if knobs & {"snr_db", "gain_db", "time_shift", "time_mask"}:
        forms &= {"audio"}
    if not forms or ("permute_channels" in knobs and coloured is False):
        return False
    size = value.get("training", {}).get("batch_size", 64)
    size = SUBSET if size == "full" else min(size, SUBSET)
    lonely = size == 1 or SUBSET % size == 1
    return not (lonely and value.get("model", {}).get("batch_norm"))


# -- the covering ---------------------------------------------------------------------------------------------------


def covering() -> Iterator[dict[str, str]]:
    """Choose one preset per part, again and again, until every pair that fits occurred."""
    left = {pair for pair in PAIRS if fits(dict(pair))}
    while left:
        chosen = dict(min(left))
        for part in PARTS:
            if part in chosen:
                continue
            fitting = [name for name in names(part) if fits({**chosen, part: name})]
            assert fitting, f"{chosen} leaves no {part}"
            chosen[part] = max(
                fitting, key=lambda name: sum(pair in left for pair in between(chosen, (part, name)))
            )
        new = {(a, b) for a, b in combinations(((part, chosen[part]) for part in PARTS), 2)}
        assert left & new
        left -= new
        yield chosen


def between(chosen: Mapping[str, str], choice: Choice) -> Iterator[tuple[Choice, Choice]]:
    for part, name in chosen.items():
        first, second = sorted(((part, name), choice), key=lambda item: PARTS.index(item[0]))
        yield first, second


RUNS = list(covering())
REFUSED = [pair for pair in PAIRS if not fits(dict(pair))]


def built(chosen: Mapping[str, str]) -> Experiment:
    """The experiment of the chosen presets, with few examples and two epochs."""
    settings = [f"{KEYS[part]}={chosen[part]}" for part in PARTS if part in chosen]
    settings += [f"data.subset={SUBSET}", "training.epochs=2", "training.device=cpu"]
    settings += ["training.threads=1", "training.seed=3"]
    return change(Experiment(), settings)


# -- the tests ------------------------------------------------------------------------------------------------------


@lru_cache
def remote(name: str) -> Dataset:
    """Random pictures of the shape of a set that would have to be downloaded."""
    rng, facts = np.random.default_rng(0), openml.REMOTE[name]
    x = rng.random((200, *facts.shape), dtype=np.float32)
    return Dataset(
        x=x, y=np.arange(200) % 10, task="multiclass", form="image", classes=facts.classes, source="random numbers"
    )  # fmt: skip


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, Dataset] = {}

    def once(data: Any, seed: int) -> Dataset:
        key = repr((data.name, data.examples, data.noise, seed))
        if key not in kept:
            kept[key] = load(data, seed)
        return kept[key]

    monkeypatch.setattr(openml, "fetch", remote)
    monkeypatch.setattr(prepare, "load", once)


def test_every_pair_is_tried_or_refused() -> None:
    tried = {pair for chosen in RUNS for pair in combinations(((part, chosen[part]) for part in PARTS), 2)}
    assert tried | set(REFUSED) == set(PAIRS)
    assert not tried & set(REFUSED)
    assert {choice for pair in tried for choice in pair} == set(PRESETS)


def test_every_preset_trains_with_every_other_that_fits() -> None:
    """Two epochs of at least one step each, on the CPU in float32: every loss a number, and weights that are tested."""
    diverged = 0
    for chosen in RUNS:
        events = list(run(built(chosen)))
        end = events[-1]
        assert isinstance(end, RunEnded), chosen
        # Some combinations are bound to explode (huge weights and a high rate); none may fail.
        assert end.reason in ("finished", "diverged"), (chosen, end.detail)
        diverged += end.reason == "diverged"
        if end.reason == "finished":
            epochs = [event for event in events if isinstance(event, EpochEnded)]
            assert len(epochs) == 2, chosen
            assert end.step >= 2, chosen
            assert all(math.isfinite(epoch.train["loss"]) for epoch in epochs), chosen
            assert end.test is not None, chosen
    assert diverged < 0.1 * len(RUNS)


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    """A pair of which one is no data set is tried on every data set; each refusal names a key and says more than no."""
    for pair in REFUSED:
        asked = dict(pair)
        for data in [asked["data"]] if "data" in asked else names("data"):
            chosen = {**asked, "data": data}
            with pytest.raises((PresetError, InputError)) as caught:
                next(run(built(chosen)))
            text = str(caught.value)
            assert any(f"{KEYS[part]}." in text or f"{KEYS[part]}:" in text for part in asked), (chosen, text)
            assert len(text) > 30, (chosen, text)
