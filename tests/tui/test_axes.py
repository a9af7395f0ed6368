"""Axis ranges and ticks: they hold the data, they are round, and they seldom move."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ladera.tui.axes import LARGEST, Range, nice_range, tame, ticks

FINITE = st.floats(-1e300, 1e300)
POSITIVE = st.floats(1e-290, 1e300)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, (0, 1)),
        (0.0431, 2.3, (0, 2.5)),
        (1, 27, (0, 30)),
        (98.2, 99.9, (98, 100)),
        (-0.5, 0.7, (-0.6, 0.8)),
        (0, 0, (-0.6, 0.6)),
        (math.nan, 1, (0, 1)),
        (0, math.inf, (0, 1)),
    ],
)
def test_linear_ranges_end_at_round_numbers(low: float, high: float, expected: tuple[float, float]) -> None:
    assert nice_range(low, high) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0431, 2.3, (0.03, 3)), (0.1, 1, (0.1, 1)), (3, 3, (1, 7)), (0, 1, (0.1, 1)), (-1, 5, (0.1, 1))],
)
def test_logarithmic_ranges_end_at_round_numbers(
    low: float, high: float, expected: tuple[float, float]
) -> None:
    assert nice_range(low, high, log=True) == pytest.approx(expected)


@given(FINITE, FINITE)
def test_a_linear_range_holds_the_data(a: float, b: float) -> None:
    low, high = sorted((tame(a), tame(b)))
    span = nice_range(low, high)
    slack = 1e-6 * (span.high - span.low)
    assert span.low - slack <= low <= high <= span.high + slack
    assert math.isfinite(span.high - span.low)
    assert span.high > span.low


@given(POSITIVE, POSITIVE)
def test_a_logarithmic_range_holds_the_data(a: float, b: float) -> None:
    low, high = sorted((a, b))
    span = nice_range(low, high, log=True)
    assert 0 < span.low <= low * (1 + 1e-6)
    assert high * (1 - 1e-6) <= span.high < math.inf
    assert span.high > span.low


@given(FINITE, FINITE, FINITE, st.booleans())
def test_a_range_stays_while_the_data_grow_inside_it(a: float, b: float, c: float, log: bool) -> None:
    if log:
        a, b, c = (abs(v) + 1e-290 for v in (a, b, c))
    first = nice_range(min(a, b), max(a, b), log=log)
    assume(first.low <= c <= first.high)
    again = nice_range(min(a, b, c), max(a, b, c), first, log)
    # The range of a single value is a guess at its surroundings: the first that is much narrower replaces it.
    if again != first:
        assert nice_range(min(a, b, c), max(a, b, c), log=log) == again
        assert math.isclose(a, b, rel_tol=0.9 if log else 1e-8, abs_tol=1e-290)


def test_a_falling_loss_moves_its_axis_a_few_times_only() -> None:
    # From a span of 0 to 2.29 by at least a quarter at a time, the first doublings within a round step.
    for log, most in ((False, 14), (True, 10)):
        span, lowest, seen = None, math.inf, []
        for epoch in range(500):
            lowest = min(lowest, 2.3 * math.exp(-epoch / 80) + 0.01)
            span = nice_range(lowest, 2.3, span, log)
            if span not in seen:
                seen.append(span)
        assert len(seen) <= most


def test_a_range_that_became_far_too_wide_is_given_up() -> None:
    wide = nice_range(0, 1000)
    assert nice_range(0, 500, wide) == wide
    assert nice_range(0, 1, wide) == Range(0, 1)
    assert nice_range(5, 2000, wide) == Range(0, 2500)
    assert nice_range(5000, 6000, wide) == nice_range(5000, 6000)


@given(FINITE, FINITE, st.integers(0, 12), st.booleans(), st.booleans())
def test_ticks_are_few_short_distinct_and_inside(
    a: float, b: float, most: int, log: bool, whole: bool
) -> None:
    if log:
        a, b = abs(a) + 1e-290, abs(b) + 1e-290
    span = nice_range(min(a, b), max(a, b), log=log)
    found = ticks(span, most, log, whole)
    assert len(found) <= max(2, most)
    labels = [label for _, label in found]
    assert all(0 < len(label) <= 7 for label in labels)
    assert len(set(labels)) == len(labels)
    slack = 1e-6 * (span.high - span.low)
    assert all(span.low - slack <= value <= span.high + slack for value, _ in found)
    if whole and not log and 4 <= span.high - span.low < 1e6:
        assert all(value == int(value) for value, _ in found)


@pytest.mark.parametrize(
    ("span", "most", "log", "expected"),
    [
        ((0, 2.5), 6, False, ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]),
        ((0, 30), 4, False, ["0", "10", "20", "30"]),
        ((0, 1_500_000), 4, False, ["0", "0.5M", "1.0M", "1.5M"]),
        ((0, 60_000), 4, False, ["0", "20k", "40k", "60k"]),
        ((1.1e-4, 1.3e-4), 5, False, ["1.1e-4", "1.15e-4", "1.2e-4", "1.25e-4", "1.3e-4"]),
        ((-1e300, 1e300), 3, False, ["-1e300", "0", "1e300"]),
        ((0.03, 3), 6, True, ["0.05", "0.1", "0.2", "0.5", "1", "2"]),
        ((0.03, 3), 4, True, ["0.05", "0.2", "1"]),
        ((1e-8, 10), 5, True, ["1e-08", "1e-06", "0.0001", "0.01", "1"]),
    ],
)
def test_tick_labels(span: tuple[float, float], most: int, log: bool, expected: list[str]) -> None:
    assert [label for _, label in ticks(Range(*span), most, log)] == expected


def test_tame() -> None:
    assert tame(1e308) == LARGEST
    assert tame(-math.inf) == -LARGEST
    assert tame(5e-324) == 0.0
    assert tame(0.5) == 0.5
    assert math.isnan(tame(math.nan))
