"""Schedules against torch.optim.lr_scheduler where it has the same thing, and by hand elsewhere."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from ladera.engine.experiment import Schedule
from ladera.engine.schedules import Plateau, rate


def rates(steps: int, per_epoch: int = 5, epochs: int = 12, lr: float = 0.4, **fields: Any) -> list[float]:
    return [rate(Schedule(**fields), lr, step, per_epoch, epochs) for step in range(steps)]


def reference(make: Any, steps: int, lr: float = 0.4, **arguments: Any) -> list[float]:
    """Return the rates of a torch scheduler stepped after every update."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler, seen = make(optimizer, **arguments), list[float]()
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def test_constant() -> None:
    assert rates(60, kind="constant") == [0.4] * 60


def test_step_is_torchs() -> None:
    ours = rates(60, kind="step", every=3, factor=0.5)
    assert ours == pytest.approx(reference(lr_scheduler.StepLR, 60, step_size=15, gamma=0.5), rel=1e-12)
    assert len(set(ours)) == 4


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
def test_cosine_is_torchs(final: float) -> None:
    ours = rates(60, kind="cosine", final=final)
    theirs = reference(lr_scheduler.CosineAnnealingLR, 60, T_max=60, eta_min=0.4 * final)
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    assert all(value > 0 for value in ours)


def test_cosine_ends_at_final_and_stays_there() -> None:
    assert rate(Schedule(kind="cosine", final=0.25), 0.4, 60, 5, 12) == pytest.approx(0.1)
    assert rate(Schedule(kind="cosine", final=0.25), 0.4, 99, 5, 12) == pytest.approx(0.1)


def test_warm_up_is_torchs_and_never_0() -> None:
    ours = rates(60, kind="constant", warmup=2)
    theirs = reference(lr_scheduler.LinearLR, 60, start_factor=0.1, end_factor=1.0, total_iters=9)
    assert ours == pytest.approx(theirs, rel=1e-9)
    assert ours[:3] == pytest.approx([0.04, 0.08, 0.12])


def test_warm_up_then_cosine_falls_from_the_peak_over_the_rest() -> None:
    ours = rates(60, kind="cosine", warmup=2)
    assert ours[9] == ours[10] == pytest.approx(0.4)
    assert ours[35] == pytest.approx(0.2)
    assert ours[10:] == sorted(ours[10:], reverse=True)


def test_warm_up_does_not_move_the_cuts() -> None:
    ours = rates(60, kind="step", warmup=2, every=4, factor=0.1)
    assert ours[19] == pytest.approx(0.4)
    assert ours[20] == pytest.approx(0.04)


@pytest.mark.parametrize("warmup", [12, 20])
def test_a_run_that_is_all_warm_up(warmup: int) -> None:
    ours = rates(60, kind="cosine", warmup=warmup)
    assert ours == pytest.approx([0.4 * (step + 1) / (5 * warmup) for step in range(60)])


@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau_cuts_where_torch_does(mode: Any) -> None:
    chance = random.Random(0)
    for patience in (1, 2, 5):
        for _ in range(30):
            # Few distinct values give many ties.
            values = [chance.choice([0.5, 0.6, 0.7, 0.8, 0.9, math.nan]) for _ in range(60)]
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
            torchs = lr_scheduler.ReduceLROnPlateau(
                optimizer,
                mode=mode,
                factor=0.5,
                patience=patience - 1,
                threshold=0.0,
                threshold_mode="abs",
                eps=0.0,
            )
            ours = Plateau(Schedule(kind="plateau", factor=0.5, patience=patience), mode)
            for value in values:
                before = ours.scale
                assert ours.update(value) == (ours.scale < before)
                torchs.step(value)
                assert ours.scale == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)


def test_plateau_by_hand_and_infinities_do_not_improve() -> None:
    plateau = Plateau(Schedule(kind="plateau", factor=0.1, patience=2))
    assert [plateau.update(v) for v in (1.0, 0.9, -math.inf, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8)] == [
        False, False, False, True, False, False, True, False, True,
    ]  # fmt: skip
    assert plateau.scale == pytest.approx(1e-3)


def test_plateau_leaves_other_schedules_alone() -> None:
    plateau = Plateau(Schedule(kind="step", patience=1))
    assert not any(plateau.update(1.0) for _ in range(20))
    assert plateau.scale == 1.0
    assert rate(Schedule(kind="plateau"), 0.4, 55, 5, 12) == 0.4


def test_plateau_continues_from_its_state() -> None:
    schedule = Schedule(kind="plateau", factor=0.5, patience=3)
    values = [1.0, 0.9, 0.95, 0.95, 0.95, 0.99, 0.8, 0.9, 0.9, 0.9, 0.9]
    for cut in range(len(values)):
        whole, first, second = Plateau(schedule), Plateau(schedule), Plateau(schedule)
        seen = [(whole.update(v), whole.scale) for v in values]
        head = [(first.update(v), first.scale) for v in values[:cut]]
        second.restore(json.loads(json.dumps(first.state())))
        assert head + [(second.update(v), second.scale) for v in values[cut:]] == seen
    for state in ({}, {"scale": 1.0}, {"scale": "x"}):
        with pytest.raises(ValueError, match="not a state"):
            Plateau(schedule).restore(state)
