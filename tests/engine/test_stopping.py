"""Early stopping: the named rules one by one, and 100 000 random sequences against a second way of saying them."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladera.engine.experiment import Stopping
from ladera.engine.stopping import EarlyStopping, Verdict, replay, would_stop_at

NAN, INF = math.nan, math.inf


def run(values: list[float], every: int = 1, **config: Any) -> list[Verdict]:
    """Return the verdict of every check, at epochs every, 2 every, ..., also of those after a stop."""
    stopping = EarlyStopping(**config)
    return [stopping.update(every * (i + 1), value) for i, value in enumerate(values)]


def stop_of(values: list[float], every: int = 1, **config: Any) -> tuple[int | None, int | None]:
    """Return (epoch at which training stops, epoch to restore)."""
    stopping = EarlyStopping(**config)
    for i, value in enumerate(values):
        verdict = stopping.update(every * (i + 1), value)
        if verdict.stop:
            return every * (i + 1), verdict.best_epoch
    return None, stopping.state()["best_epoch"]


# (values, configuration, epoch of the stop, epoch restored); by hand from the definitions.
CASES: dict[str, tuple[list[float], dict[str, Any], int | None, int | None]] = {
    "patience 3 and no gain stops at epoch 4": ([1, 1, 1, 1, 1], {"patience": 3}, 4, 1),
    "patience 1 stops at the first check without gain": ([3, 2, 2.5, 1], {"patience": 1}, 3, 2),
    "patience 0 counts as 1": ([3, 2, 2.5, 1], {"patience": 0}, 3, 2),
    "a gain in time resets the count": ([3, 4, 4, 2, 4, 4, 4], {"patience": 3}, 7, 4),
    "a gain one check late does not": ([3, 4, 4, 4, 2], {"patience": 3}, 4, 1),
    "steady progress never stops": ([5, 4, 3, 2, 1], {"patience": 1}, None, 5),
    "a tie is no improvement": ([1, 1, 1], {"patience": 2}, 3, 1),
    "the earliest of ties is restored": ([2, 1, 3, 1, 3, 3], {"patience": 4}, 6, 2),
    "a gain of exactly min_delta is none": ([2.0, 1.5, 1.0], {"patience": 1, "min_delta": 0.5}, 2, 2),
    "a gain above min_delta is one": ([2.0, 1.49, 0.98], {"patience": 1, "min_delta": 0.5}, None, 3),
    "small gains add up": ([1.0, 0.75, 0.5, 0.25, 0.0], {"patience": 2, "min_delta": 0.375}, None, 5),
    "gains below min_delta move the best but not the count": (
        [1.0, 0.9, 0.8],
        {"patience": 2, "min_delta": 0.5},
        3,
        3,
    ),
    "mode max": ([0.1, 0.4, 0.3, 0.5, 0.2, 0.6, 0.6, 0.5, 0.4], {"patience": 3, "mode": "max"}, 9, 6),
    "mode max with min_delta": ([0.5, 0.75, 1.0], {"patience": 1, "mode": "max", "min_delta": 0.25}, 2, 2),
    "negative values in mode max": ([-3, -2, -2, -2.5], {"patience": 2, "mode": "max"}, 4, 2),
    "NaN is a check without improvement": ([2, NAN, NAN, 1], {"patience": 2}, 3, 1),
    "NaN between gains does not hurt": ([3, NAN, 2, NAN, 1], {"patience": 2}, None, 5),
    "a NaN first value does not become the best": ([NAN, 2, 1], {"patience": 2}, None, 3),
    "minus infinity never improves": ([2, -INF, 1.5, -INF, -INF], {"patience": 2}, 5, 3),
    "plus infinity never improves in mode max": ([0.5, INF, INF], {"patience": 2, "mode": "max"}, 3, 1),
    "all NaN: nothing to restore": ([NAN, NAN, NAN], {"patience": 3}, 3, None),
    "all infinite: nothing to restore": ([INF, -INF], {"patience": 5}, None, None),
    "the run's end restores the best all the same": ([3, 1, 2], {"patience": 5}, None, 2),
    "a baseline not reached stops in spite of gains": (
        [5, 4, 3, 2.5],
        {"patience": 3, "baseline": 1.0},
        3,
        3,
    ),
    "a baseline reached resets the count": (
        [5, 4, 0.9, 2, 0.8, 2, 2, 2],
        {"patience": 3, "baseline": 1.0},
        8,
        5,
    ),
    "a value equal to the baseline does not": ([1.0, 1.0], {"patience": 2, "baseline": 1.0}, 2, 1),
    "beating the baseline without a gain does not": ([0.5, 0.6, 0.7], {"patience": 2, "baseline": 1.0}, 3, 1),
    "a baseline in mode max": (
        [0.5, 0.6, 0.95, 0.9],
        {"patience": 3, "mode": "max", "baseline": 0.9},
        None,
        3,
    ),
    "warm-up counts nothing": ([1, 2, 2, 2, 2, 2], {"patience": 2, "warm_up": 3}, 5, 1),
    "warm-up covers its last epoch": ([1, 2, 2], {"patience": 1, "warm_up": 2}, 3, 1),
    "no verdict is latched in warm-up": ([1, 2, 2, 2, 0.5, 2], {"patience": 2, "warm_up": 4}, None, 5),
    "the best of the warm-up is to be beaten": ([1, 5, 5, 4, 3, 2], {"patience": 3, "warm_up": 2}, 5, 1),
    "not enabled never stops": ([1, 2, 3, 4], {"patience": 1, "enabled": False}, None, 1),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    values, config, stops, restored = CASES[name]
    assert stop_of(values, **config) == (stops, restored)


def test_patience_counts_checks_not_epochs() -> None:
    assert stop_of([1, 2, 2, 2, 2], every=10, patience=3) == (40, 10)
    assert stop_of([1, 2, 2, 2, 2], every=3, patience=2, warm_up=4) == (9, 3)


def test_the_raw_best_is_kept_apart_from_the_reference() -> None:
    last = run([1.0, 0.9, 0.85, 0.95], patience=10, min_delta=0.2)[-1]
    assert (last.best, last.best_epoch) == (0.85, 3)
    assert (last.reference, last.reference_epoch) == (1.0, 1)


def test_every_field_of_a_verdict() -> None:
    first, second = run([2.0, 3.0], patience=0)
    assert first == Verdict(True, False, 0, 1, 2.0, 1, 2.0, 1)
    assert second == Verdict(False, True, 1, 1, 2.0, 1, 2.0, 1)
    nothing = run([NAN])[0]
    assert nothing == Verdict(False, False, 1, 10, None, None, None, None)
    with pytest.raises(FrozenInstanceError):
        first.stop = True


def test_improved_says_reference_even_where_the_baseline_keeps_counting() -> None:
    verdicts = run([5.0, 4.0], patience=5, baseline=1.0)
    assert [(v.improved, v.wait) for v in verdicts] == [(True, 1), (True, 2)]


def test_training_may_go_on_after_a_stop_and_recover() -> None:
    verdicts = run([1.0, 2.0, 2.0, 0.5, 2.0], patience=1)
    assert [v.stop for v in verdicts] == [False, True, True, False, True]


def test_epochs_counted_from_0_lose_no_check() -> None:
    assert EarlyStopping().update(0, NAN).wait == 1


def test_defaults_are_those_of_the_schema() -> None:
    plain = Stopping().model_dump()
    assert vars(EarlyStopping(**plain)) == vars(EarlyStopping())
    assert {name: value for name, value in vars(EarlyStopping()).items() if name in plain} == plain


@pytest.mark.parametrize(
    "config",
    [
        {"min_delta": -0.1}, {"min_delta": NAN}, {"min_delta": INF}, {"patience": -1}, {"warm_up": -1},
        {"mode": "auto"}, {"baseline": NAN}, {"baseline": INF},
    ],
)  # fmt: skip
def test_meaningless_configurations_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(config))):
        EarlyStopping(**config)


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(TypeError, match="cooldown"):
        EarlyStopping(cooldown=1)


# -- state ------------------------------------------------------------------------------------------------------


def test_configuration_never_comes_from_state() -> None:
    old = EarlyStopping(patience=2)
    for epoch, value in enumerate([1.0, 2.0], 1):
        old.update(epoch, value)
    assert old.state() == {"wait": 1, "best": 1.0, "best_epoch": 1, "reference": 1.0, "reference_epoch": 1}
    new = EarlyStopping(patience=5)
    new.restore(old.state())
    verdict = new.update(3, 2.0)
    assert (verdict.wait, verdict.patience, verdict.stop) == (2, 5, False)
    assert (verdict.best, verdict.best_epoch) == (1.0, 1)


@pytest.mark.parametrize("state", [{}, {"wait": 1}, {**EarlyStopping().state(), "patience": 3}])
def test_a_foreign_state_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a state"):
        EarlyStopping().restore(state)


# -- what-if ----------------------------------------------------------------------------------------------------


def test_replay_gives_the_verdicts_up_to_the_stop() -> None:
    recorded = [(2, 3.0), (4, 2.0), (6, 2.5), (8, 2.5), (10, 1.0)]
    verdicts = replay(recorded, patience=2)
    assert [v.wait for v in verdicts] == [0, 0, 1, 2]
    assert verdicts[-1].stop
    assert replay(recorded, patience=3)[-1].best_epoch == 10
    assert replay([], patience=3) == []


@given(
    st.integers(1, 12),
    st.integers(0, 12),
    st.integers(0, 9),
    st.integers(0, 20),
    st.lists(st.booleans(), max_size=12),
)
def test_would_stop_at_is_where_it_stops(
    every: int, patience: int, late: int, warm_up: int, gains: list[bool]
) -> None:
    """Play a run, then let nothing improve, asking from an epoch between two checks."""
    stopping, value, epoch, wait = EarlyStopping(patience=patience, warm_up=warm_up), 0.0, 0, 0
    for gain in [True, *gains]:
        epoch, value = epoch + every, value - gain
        verdict = stopping.update(epoch, value)
        wait = verdict.wait
        if verdict.stop:
            assert would_stop_at(epoch, wait, patience, every, warm_up) == epoch
            return
    told = would_stop_at(epoch + late % every, wait, patience, every, warm_up)
    while not verdict.stop:
        epoch += every
        verdict = stopping.update(epoch, value)
    assert told == epoch


def test_would_stop_at_by_hand() -> None:
    assert would_stop_at(10, 0, 3) == 13
    assert would_stop_at(10, 2, 3) == 11
    assert would_stop_at(10, 1, 3, 5) == 20
    assert would_stop_at(12, 1, 3, 5) == 20
    assert would_stop_at(10, 0, 0) == 11
    assert would_stop_at(10, 3, 3) == 10
    assert would_stop_at(2, 0, 3, 1, warm_up=6) == 9


# -- a second way of saying it ------------------------------------------------------------------------------------


def oracle(checks: list[tuple[int, float]], config: dict[str, Any]) -> tuple[Any, ...]:
    """Judge the last check from the whole record at once, without carrying any count.

    Values are turned so that less is better; the references are collected in one pass, the count is the
    distance to the last check that reset it or belonged to the warm-up.
    """
    sign = 1 if config["mode"] == "min" else -1
    turned = [sign * value if math.isfinite(value) else None for _, value in checks]
    seen = [value for value in turned if value is not None]
    best_at = turned.index(min(seen)) if seen else None
    references: list[int] = []
    for i, value in enumerate(turned):
        if value is not None and (not references or value < turned[references[-1]] - config["min_delta"]):
            references.append(i)
    level = None if config["baseline"] is None else sign * config["baseline"]
    anchors = [i for i in references if level is None or turned[i] < level]
    anchors += [i for i, (epoch, _) in enumerate(checks) if epoch <= config["warm_up"]]
    last = len(checks) - 1
    wait = last - max(anchors, default=-1)
    limit = max(config["patience"], 1)
    reference = references[-1] if references else None
    return (
        bool(references) and references[-1] == last,
        config["enabled"] and wait >= limit,
        wait,
        limit,
        None if best_at is None else checks[best_at][1],
        None if best_at is None else checks[best_at][0],
        None if reference is None else checks[reference][1],
        None if reference is None else checks[reference][0],
    )


@pytest.mark.parametrize("sequences", [20_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_random_sequences(sequences: int) -> None:
    """Few distinct values make ties, exact min_deltas and equal baselines common; a state saved and restored on the way."""
    chance = random.Random(20)
    pool = [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, -0.5, -1.0, NAN, INF, -INF]
    stops = nothing = 0
    for _ in range(sequences):
        config = {
            "enabled": chance.random() < 0.9,
            "mode": chance.choice(("min", "max")),
            "patience": chance.randrange(5),
            "min_delta": chance.choice((0.0, 0.0, 0.25, 0.5)),
            "baseline": chance.choice((None, None, 0.5, 0.25)),
            "warm_up": chance.choice((0, 0, 1, 3)),
        }
        every, count = chance.choice((1, 1, 3)), chance.randrange(1, 8)
        values = chance.choices(pool, k=count)
        restored_at = chance.randrange(count)
        stopping, checks = EarlyStopping(**config), list[tuple[int, float]]()
        for i, value in enumerate(values):
            if i == restored_at:
                saved = json.loads(json.dumps(stopping.state(), allow_nan=False))
                stopping = EarlyStopping(**config)
                stopping.restore(saved)
            verdict = stopping.update(every * (i + 1), value)
            checks.append((every * (i + 1), value))
        found = (
            verdict.improved, verdict.stop, verdict.wait, verdict.patience,
            verdict.best, verdict.best_epoch, verdict.reference, verdict.reference_epoch,
        )  # fmt: skip
        assert found == oracle(checks, config), (checks, config)
        stops += verdict.stop
        nothing += verdict.best is None
    # The sequences reach the interesting ends.
    assert stops > sequences / 10
    assert nothing > sequences / 100


@given(
    st.lists(st.floats(allow_nan=True), min_size=1, max_size=30),
    st.floats(0, 1),
    st.sampled_from(["min", "max"]),
)
def test_any_floats_against_the_oracle(values: list[float], min_delta: float, mode: str) -> None:
    config = {
        "enabled": True,
        "mode": mode,
        "patience": 3,
        "min_delta": min_delta,
        "baseline": None,
        "warm_up": 0,
    }
    verdicts = run(values, **config)
    for i, verdict in enumerate(verdicts):
        checks = list(enumerate(values[: i + 1], 1))
        assert (verdict.improved, verdict.stop, verdict.wait) == oracle(checks, config)[:3]


def test_imports_no_torch() -> None:
    code = "import sys, ladera.engine.stopping as s; s.EarlyStopping().update(1, 2.0); print('torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"
