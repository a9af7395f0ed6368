"""Axis ranges and ticks: round numbers, ranges that change seldom, labels of one width."""

from __future__ import annotations

import math
from typing import NamedTuple

#: Values beyond this are drawn at it; below its inverse they are drawn as zero.
LARGEST = 1e300
#: A range is kept while the data would, drawn afresh, fill this share of it.
_KEPT = 0.4
_HEADROOM = 0.25
_LOG_ENDS = (1, 2, 3, 5, 7)  # mantissas at which a logarithmic axis may end


class Range(NamedTuple):
    """The two ends of an axis, low < high."""

    low: float
    high: float


class Tick(NamedTuple):
    """A labelled place on an axis."""

    value: float
    label: str


def tame(value: float) -> float:
    """The value within plus or minus 1e300, with subnormal and other vanishing values as zero; NaN stays."""
    if abs(value) < 1 / LARGEST:
        return 0.0
    return min(max(value, -LARGEST), LARGEST)


def nice_range(low: float, high: float, previous: Range | None = None, log: bool = False) -> Range:
    """A range with round ends around low..high that changes in steps, seldom.

    `previous` is kept as long as it holds the data and is not more than 2.5 times too wide; an end that the data
    have crossed gets room for a quarter more, zero being left aside. Ends that are not finite, or not positive
    on a logarithmic axis, give the range of an empty chart: (0, 1) or (0.1, 1).
    """
    if not (math.isfinite(low) and math.isfinite(high)) or (log and min(low, high) <= 0):
        return Range(0.1, 1.0) if log else Range(0.0, 1.0)
    low, high = sorted((tame(low), tame(high)))
    if log:
        low, high = max(low, 1 / LARGEST), max(high, 1 / LARGEST)
    round_off, width = (_log_range, _log_width) if log else (_linear_range, _width)
    fresh = round_off(low, high)
    if previous is None or (log and previous.low <= 0):
        return fresh
    # An end may lie short of the data by as much as rounding it off was allowed to forget.
    below, above = previous if log else (_width(previous), _width(previous))
    if previous.low - 1e-8 * below <= low and high <= previous.high + 1e-8 * above:
        return previous if width(fresh) >= _KEPT * width(previous) else fresh
    if high < previous.low or previous.high < low:
        return fresh  # nothing in common: another curve
    more = width(Range(low, high)) * _HEADROOM
    below = low / math.exp(more) if log else low - more if low < 0 else max(0.0, low - more)
    above = high * math.exp(more) if log else high + more if high > 0 else min(0.0, high + more)
    below, above = below if low < previous.low else low, above if high > previous.high else high
    return round_off(max(tame(below), 1 / LARGEST) if log else tame(below), tame(above))


def _width(span: Range) -> float:
    return span.high - span.low


def _log_width(span: Range) -> float:
    return math.log(span.high) - math.log(span.low)


def ticks(span: Range, most: int, log: bool = False, whole: bool = False) -> list[Tick]:
    """At most `most` (at least 2) ticks at round values in the range, labels of at most 7 characters.

    `whole` keeps to whole numbers, for epochs and steps, where the range is at least 4 wide.
    """
    most = max(2, most)
    values = _log_ticks(span, most) if log else _linear_ticks(span, most, whole and _width(span) >= 4)
    labels = [f"{v:g}" for v in values] if log else _labels(values)
    # A span so narrow that seven characters cannot tell its ticks apart keeps the first of each label.
    return [
        Tick(v, text)
        for i, (v, text) in enumerate(zip(values, labels, strict=True))
        if text not in labels[:i]
    ]


def _labels(values: list[float]) -> list[str]:
    """Labels of evenly spaced values: with the same decimals, with a unit, or with an exponent."""
    if not values:
        return []
    largest = max(abs(v) for v in values)
    step = values[1] - values[0] if len(values) > 1 else largest or 1.0
    if 10_000 <= largest < 1e12 and step >= 10:
        size, unit = next((s, u) for s, u in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if largest >= s)
        decimals = max(0, -_exponent(step / size * (1 + 1e-9)))
        labels = [f"{v / size:.{decimals}f}{unit}" if v else "0" for v in values]
    else:
        decimals = max(0, -_exponent(step * (1 + 1e-9)))
        labels = [f"{v:.{decimals}f}" for v in values] if largest < 1e12 else [" " * 8]
    return labels if max(map(len, labels)) <= 7 else [_scientific(v) for v in values]


def _scientific(value: float) -> str:
    """Up to three digits and an exponent without padding: 1.15e-4."""
    for decimals in (2, 1, 0):
        digits, exponent = f"{value:.{decimals}e}".split("e")
        text = f"{digits.rstrip('0').rstrip('.') if decimals else digits}e{int(exponent)}"
        if len(text) <= 7:
            break
    return text if value else "0"


def _exponent(value: float) -> int:
    return math.floor(math.log10(value))


def _step(atleast: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `atleast`."""
    power = 10.0 ** _exponent(atleast)
    return next((m * power for m in (1, 2, 5) if m * power >= atleast * (1 - 1e-9)), 10 * power)


def _linear_range(low: float, high: float) -> Range:
    largest = max(abs(low), abs(high))
    if high - low <= 1e-9 * largest or high == low:  # constant, as far as an axis can tell
        pad = largest / 2 or 0.5
        low, high = low - pad, high + pad
    step = _step((high - low) / 6)
    return Range(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step)


def _log_range(low: float, high: float) -> Range:
    def below(value: float) -> float:
        power = 10.0 ** _exponent(value * (1 + 1e-9))
        return max(m * power for m in _LOG_ENDS if m * power <= value * (1 + 1e-9))

    def above(value: float) -> float:
        power = 10.0 ** _exponent(value * (1 + 1e-9))
        return min(m * power for m in (*_LOG_ENDS, 10) if m * power >= value * (1 - 1e-9))

    bottom, top = below(low), above(high)
    return Range(bottom, top) if top > bottom * 1.9 else Range(below(low / 2), above(high * 2))


def _linear_ticks(span: Range, most: int, whole: bool) -> list[float]:
    step = max(_step(_width(span) / most), 1.0 if whole else 0.0)
    while True:
        first, last = math.ceil(span.low / step - 1e-9), math.floor(span.high / step + 1e-9)
        if last - first < most:
            return [i * step + 0.0 for i in range(first, last + 1)]
        step = _step(step * 1.5)


def _log_ticks(span: Range, most: int) -> list[float]:
    first, last = _exponent(span.low * (1 + 1e-9)), _exponent(span.high * (1 + 1e-9))
    places = [
        (3 * e + i, m * 10.0**e)
        for e in range(first, last + 1)
        for i, m in enumerate((1, 2, 5))
        if span.low * (1 - 1e-9) <= m * 10.0**e <= span.high * (1 + 1e-9)
    ]
    # Every k-th of 1, 2, 5, 10, ...; from the third on only whole numbers of decades are evenly spaced.
    for every in (1, 2, *range(3, 3 * (last - first + 2) + 1, 3)):
        chosen = [value for place, value in places if place % every == 0]
        decades = sum(place % 3 == 0 for place, _ in places)
        if len(chosen) <= most and not (
            every == 2 and 3 <= decades <= most
        ):  # decades read better than 1, 5, 20
            return chosen
    return []
