"""Series against brute force: every expected number is computed from the plain lists of points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ladera.engine.series import Point, Series

VALUES = st.floats(width=64) | st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 0.0])
ORDINARY = st.floats(-1e6, 1e6)


@st.composite
def curves(draw: st.DrawFn, values: st.SearchStrategy[float] = VALUES) -> tuple[list[float], list[float]]:
    """Up to 700 points, so that two levels of blocks are complete; x has repeats and gaps."""
    length = draw(st.integers(0, 700))
    seed = draw(st.integers(0, 2**32 - 1))
    gaps = np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 1.0, 30.0], size=length)
    few = draw(st.lists(values, min_size=1, max_size=40))
    y = np.random.default_rng(seed + 1).choice(few, size=length)
    return np.cumsum(gaps).tolist(), y.tolist()


def build(x: list[float], y: list[float], split: int) -> Series:
    """The first `split` points in bulk, the rest one by one."""
    series = Series()
    series.extend(x[:split], y[:split])
    for a, b in zip(x[split:], y[split:], strict=True):
        series.append(a, b)
    return series


def finite(values: list[float]) -> list[float]:
    return [v for v in values if math.isfinite(v)]


@settings(max_examples=120, deadline=None)
@given(curves(), st.integers(0, 700), st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
def test_no_spike_is_ever_lost(
    curve: tuple[list[float], list[float]], split: int, columns: int, a: float, b: float
) -> None:
    x, y = curve
    series = build(x, y, min(split, len(x)))
    end = x[-1] if x else 0.0
    x0, x1 = sorted((a * end, b * end))
    inside = finite([v for p, v in zip(x, y, strict=True) if x0 <= p <= x1])
    envelope = series.envelope(x0, x1, columns)
    assert len(envelope) <= columns
    assert len(envelope.nonfinite_x) <= columns
    assert len(series) == len(x)
    if not inside:
        assert len(envelope) == 0
        assert series.bounds(x0, x1) is None
        return
    assert envelope.high.max() == max(inside)
    assert envelope.low.min() == min(inside)
    box = series.bounds(x0, x1)
    assert box is not None
    assert (box.low, box.high) == (min(inside), max(inside))
    assert (envelope.low <= envelope.mean).all()
    assert (envelope.mean <= envelope.high).all()
    assert (np.diff(envelope.x) >= 0).all()
    assert np.isfinite(envelope.mean).all()


@settings(max_examples=60, deadline=None)
@given(curves(ORDINARY), st.integers(1, 60))
def test_buckets_hold_what_lies_between_their_edges(
    curve: tuple[list[float], list[float]], columns: int
) -> None:
    x, y = curve
    if len(x) <= columns:
        return
    envelope = build(x, y, len(x)).envelope(columns=columns)
    # Equal widths: the bucket of a point is known from its x alone.
    edges = [x[0] * (1 - s) + x[-1] * s for s in np.linspace(0, 1, columns + 1)[1:-1]]
    buckets: dict[int, list[float]] = {}
    for p, v in zip(x, y, strict=True):
        buckets.setdefault(sum(e <= p for e in edges), []).append(v)
    expected = [buckets[k] for k in sorted(buckets)]
    np.testing.assert_array_equal(envelope.low, [min(v) for v in expected])
    np.testing.assert_array_equal(envelope.high, [max(v) for v in expected])
    np.testing.assert_allclose(envelope.mean, [math.fsum(v) / len(v) for v in expected], rtol=1e-9, atol=1e-6)


def test_a_spike_of_one_point_in_three_hundred_thousand_stands_in_its_own_column() -> None:
    y = np.zeros(300_000)
    y[123_456] = 7.0
    series = Series()
    series.extend(np.arange(300_000.0), y)
    envelope = series.envelope(columns=100)
    assert envelope.high.max() == 7.0
    # 123456 of 299999 lies in column floor(41.15) = 41.
    assert int(envelope.high.argmax()) == 41
    assert envelope.mean[41] == pytest.approx(7.0 / 3000, rel=1e-6)
    assert (envelope.high > 0).sum() == 1


def test_few_points_come_back_as_they_are() -> None:
    series = build([1, 2, 4], [0.5, 0.25, 0.125], 0)
    envelope = series.envelope(columns=3)
    np.testing.assert_array_equal(envelope.x, [1, 2, 4])
    np.testing.assert_array_equal(envelope.mean, [0.5, 0.25, 0.125])
    np.testing.assert_array_equal(envelope.low, envelope.high)


def test_values_that_are_not_finite_are_told_but_never_drawn() -> None:
    series = build([0, 1, 2, 3], [1.0, math.nan, math.inf, 3.0], 0)
    envelope = series.envelope(columns=10)
    np.testing.assert_array_equal(envelope.x, [0, 3])
    np.testing.assert_array_equal(envelope.nonfinite_x, [1, 2])
    last = series.last
    assert last is not None
    assert last.y == 3.0
    series.extend(np.arange(4.0, 1004), np.full(1000, math.nan))
    assert len(series.envelope(columns=20).nonfinite_x) <= 20


def test_lows_and_highs_widen_the_envelope_and_late_ones_leave_earlier_points_alone() -> None:
    series = build([0, 1], [5.0, 6.0], 1)
    series.append(2, 5.5, low=1.0, high=9.0)
    series.append(3, 5.0, low=7.0, high=math.inf)  # neither can be: the point stands for itself
    series.extend([4, 5], [5.0, 5.0], low=[2.0, math.nan], high=[5.0, 4.0])
    envelope = series.envelope(columns=10)
    np.testing.assert_array_equal(envelope.low, [5, 6, 1, 5, 2, 5])
    np.testing.assert_array_equal(envelope.high, [5, 6, 9, 5, 5, 5])
    point = series.value_at(2)
    assert point is not None
    assert (point.low, point.high) == (1.0, 9.0)


def test_one_by_one_and_in_bulk_are_the_same_curve() -> None:
    rng = np.random.default_rng(0)
    x, y = np.arange(5000.0), rng.normal(size=5000)
    low, high = y - rng.random(5000), y + rng.random(5000)
    bulk, single = Series(), Series()
    bulk.extend(x, y, low, high)
    for row in zip(x.tolist(), y.tolist(), low.tolist(), high.tolist(), strict=True):
        single.append(*row)
    for columns in (1, 7, 100, 4999, 5000):
        a, b = bulk.envelope(columns=columns), single.envelope(columns=columns)
        np.testing.assert_array_equal(a.low, b.low)
        np.testing.assert_array_equal(a.high, b.high)
        np.testing.assert_array_equal(a.mean, b.mean)


@settings(max_examples=60, deadline=None)
@given(curves(), st.integers(0, 300), st.floats(0, 1), curves())
def test_a_rewound_curve_equals_one_that_never_went_further(
    first: tuple[list[float], list[float]],
    looked: int,
    share: float,
    second: tuple[list[float], list[float]],
) -> None:
    x, y = first
    cut = share * (x[-1] if x else 0.0)
    series = build(x[:looked], y[:looked], looked // 2)
    series.envelope()  # blocks are summarized up to here, and no further before the cut
    for p, v in zip(x[looked:], y[looked:], strict=True):
        series.append(p, v)
    series.truncate_after(cut)
    kept = [(p, v) for p, v in zip(x, y, strict=True) if p <= cut]
    assert len(series) == len(kept)
    more = [(p + cut, v) for p, v in zip(*second, strict=True)]
    for p, v in more:
        series.append(p, v)
    fresh = build([p for p, _ in kept + more], [v for _, v in kept + more], len(kept))
    for columns in (1, 13, 400):
        a, b = series.envelope(columns=columns), fresh.envelope(columns=columns)
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.low, b.low)
        np.testing.assert_array_equal(a.high, b.high)
        np.testing.assert_array_equal(a.mean, b.mean)
        np.testing.assert_array_equal(a.nonfinite_x, b.nonfinite_x)


def test_the_nearest_point_is_found() -> None:
    series = build([0, 10, 10, 20], [1.0, 2.0, 3.0, 4.0], 4)

    def y_at(x: float) -> float | None:
        point = series.value_at(x)
        return point.y if point else None

    assert y_at(-5) == 1.0
    assert y_at(4.9) == 1.0
    assert y_at(5) == 3.0  # equally near: the later x, and there the newest point
    assert y_at(10) == 3.0
    assert y_at(99) == 4.0
    assert y_at(math.nan) is None
    assert Series().value_at(0) is None
    assert Series().last is None


def ema(y: list[float], weight: float) -> list[float]:
    """The definition: a weighted mean of everything so far, the value k steps back weighing w^k."""
    out: list[float] = []
    for t in range(len(y)):
        weights = [weight**k for k in range(t + 1)]
        out.append(
            math.fsum(w * v for w, v in zip(weights, reversed(y[: t + 1]), strict=True)) / math.fsum(weights)
        )
    return out


@settings(max_examples=60, deadline=None)
@given(st.lists(ORDINARY, min_size=1, max_size=80), st.floats(0, 0.99))
def test_smoothing_is_the_debiased_moving_average(y: list[float], weight: float) -> None:
    series = build([float(i) for i in range(len(y))], y, 0)
    smooth = series.smoothed(weight, columns=100)
    np.testing.assert_allclose(smooth.mean, ema(y, weight), rtol=1e-9, atol=1e-6)
    np.testing.assert_array_equal(smooth.low, y)


def test_smoothing_of_a_part_remembers_what_came_before() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=600)
    series = Series()
    series.extend(np.arange(600.0), y)
    whole = series.smoothed(0.9, columns=600)
    part = series.smoothed(0.9, x0=500, x1=540, columns=600)
    np.testing.assert_array_equal(part.x, np.arange(500.0, 541.0))
    np.testing.assert_allclose(part.mean, whole.mean[500:541], atol=1e-8)


def test_smoothing_passes_over_values_that_are_not_finite() -> None:
    series = build([0, 1, 2], [1.0, math.nan, 3.0], 0)
    smooth = series.smoothed(0.5)
    # Two finite values: (0.5 * 1 + 1 * 3) / 1.5.
    np.testing.assert_allclose(smooth.mean, [1.0, 3.5 / 1.5])
    np.testing.assert_array_equal(smooth.nonfinite_x, [1.0])


def test_a_constant_stays_itself_when_smoothed_in_buckets() -> None:
    series = Series()
    series.extend(np.arange(10_000.0), np.full(10_000, 0.3))
    np.testing.assert_allclose(series.smoothed(0.999, columns=50).mean, 0.3)


def test_ten_million_points_fit_and_answer() -> None:
    x = np.arange(10_000_000.0)
    y = np.sin(x / 1e5)
    y[7_654_321] = 50.0
    series = Series()
    series.extend(x, y)
    assert series.envelope(7_000_000, 8_000_000, 200).high.max() == 50.0
    assert memory(series) <= 40 * len(series)
    read = work(series, 400)
    series.truncate_after(100_000)
    # A hundred times fewer points: 7 levels of blocks become 5, and that is all that changes.
    assert read <= 400 * 30 * 6
    assert work(series, 400) >= read / 6


def test_lows_and_highs_keep_within_forty_bytes_a_point() -> None:
    series = Series()
    for i in range(20_000):
        series.append(i, 0.0, low=-1.0)
    assert memory(series) <= 40 * len(series) + 10_000


def memory(series: Series) -> int:
    columns = [series._x, series._y, series._low, series._high]
    for level in series._pyramid._levels:
        columns += [level.low, level.high, level.total, level.count]
    return sum(c.data.nbytes for c in columns if c is not None)


def work(series: Series, columns: int) -> int:
    """Numbers that an envelope reads, counted at the door of every level."""
    read = 0
    pyramid = series._pyramid
    doors = [pyramid, *pyramid._levels]
    originals = [pyramid._read, *(level.read for level in pyramid._levels)]

    def counting(original):
        def door(index):
            nonlocal read
            read += len(index)
            return original(index)

        return door

    pyramid._read = counting(originals[0])
    for level, original in zip(doors[1:], originals[1:], strict=True):
        level.read = counting(original)
    series.envelope(columns=columns)
    pyramid._read = originals[0]
    for level in doors[1:]:
        del level.read
    return read


@pytest.mark.parametrize("x", [math.nan, math.inf, 0.5])
def test_x_must_be_finite_and_not_go_back(x: float) -> None:
    series = build([0, 1], [0.0, 0.0], 0)
    with pytest.raises(ValueError, match="not go back"):
        series.append(x, 0.0)
    with pytest.raises(ValueError, match="not go back"):
        series.extend([1.0, x], [0.0, 0.0])
    assert len(series) == 2


def test_wrong_shapes_and_arguments_are_refused() -> None:
    series = Series()
    with pytest.raises(ValueError, match="one length"):
        series.extend([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="columns"):
        series.envelope(columns=0)
    with pytest.raises(ValueError, match="weight"):
        series.smoothed(1.0)
    series.extend([], [])
    assert series.envelope().x.shape == (0,)
    assert series.smoothed(0.5).x.shape == (0,)


def test_an_empty_window_between_two_points_is_empty() -> None:
    series = build([0, 10], [1.0, 2.0], 0)
    assert len(series.envelope(3, 7)) == 0
    assert len(series.envelope(7, 3)) == 0
    assert len(series.smoothed(0.9, 3, 7)) == 0


def test_all_points_come_back_as_they_were_appended() -> None:
    series = Series()
    series.append(1, 2.0)
    assert list(series.points()) == [Point(1.0, 2.0, 2.0, 2.0)]
    series.append(2, math.inf)
    series.append(2, 0.1, low=-1.0, high=7.0)
    series.append(9, 1 / 3)
    series.truncate_after(2)
    assert list(series.points()) == [
        Point(1.0, 2.0, 2.0, 2.0),
        Point(2.0, math.inf, math.inf, math.inf),
        Point(2.0, 0.1, -1.0, 7.0),
    ]
    assert list(Series().points()) == []


def test_points_cross_the_slabs_in_which_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladera.engine.series.SLAB", 4)
    series = Series()
    series.extend(np.arange(11.0), np.arange(11.0) ** 2)
    assert [(point.x, point.y) for point in series.points()] == [(float(i), float(i * i)) for i in range(11)]
