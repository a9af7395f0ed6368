"""The lecture's worked examples in words, with the numbers it prints; computed by `worked`, shown where they teach. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from . import worked


def example(part: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the lines of the example for a section of an experiment (loss, regularization), none where there is no example."""
    if part == "loss":
        build = _LOSSES.get(str(values.get("kind", "")))
        return build() if build else ()
    if part == "regularization" and (values.get("l1") or values.get("l2")):
        return _norms()
    return ()


def _sales(terms: str) -> tuple[str, ...]:
    sold, foretold = (", ".join(f"{one:g}" for one in days) for days in (worked.SOLD, worked.FORETOLD))
    return f"Sold on four days: y = {sold}; foretold: ŷ = {foretold}.", terms


def _mae() -> tuple[str, ...]:
    found = worked.errors(worked.SOLD, worked.FORETOLD)
    return _sales(f"|y − ŷ| = {_list(found.absolute)}; their mean is {found.mae:g}.")


def _mse() -> tuple[str, ...]:
    found = worked.errors(worked.SOLD, worked.FORETOLD)
    return _sales(
        f"(y − ŷ)² = {_list(found.squared)}; their mean is {found.mse:g}, whose root {found.rmse:.2f} is in the unit of y."
    )


def _mape() -> tuple[str, ...]:
    found = worked.errors(worked.SOLD, worked.FORETOLD)
    return _sales(f"100·|y − ŷ| / |y| = {_list(found.relative)} %; their mean is {found.mape:.2f} %.")


def _cce() -> tuple[str, ...]:
    good, bad = (
        worked.cross_entropy(answer, worked.CAR) for answer in (worked.GOOD_ANSWER, worked.BAD_ANSWER)
    )
    return (
        f"A {worked.CLASSES[worked.CAR]} among {', '.join(worked.CLASSES)}: y = 1, 0, 0. The answer {_list(worked.GOOD_ANSWER)} costs "
        f"−ln 0.8 = {good.loss:.3f}, the answer {_list(worked.BAD_ANSWER)} costs −ln 0.1 = {bad.loss:.3f}.",
        f"Behind a second softmax they cost {good.doubled:.3f} and {bad.doubled:.3f}: the least of three classes is then {good.floor:.3f}.",
        f"{_chance_levels()} With many classes a loss above 1 is no bug by itself.",
    )


def _bce() -> tuple[str, ...]:
    costs = ", ".join(f"{worked.surprise(p):.3f} for p = {p:g}" for p in (0.99, 0.8, 0.5, 0.1, 0.01))
    return (f"−ln p where y = 1, −ln(1 − p) where y = 0: {costs}.", _chance_levels())


def _chance_levels() -> str:
    levels = ", ".join(f"ln {c} = {math.log(c):.3f}" for c in (2, 3, 10))
    return f"Knowing nothing of 2, 3, 10 equal classes costs {levels}."


def _norms() -> tuple[str, ...]:
    fits = ("0.04 + 0.04x + 0.9x²", "degree 8 with a penalty", "degree 8 through every point")
    rows = [
        f"{name}: Σ|w| = {model.norms().l1:.2f}, √Σw² = {model.norms().l2:.2f}"
        for name, model in zip(fits, worked.POLYNOMIALS, strict=True)
    ]
    bare = [model.norms(constant=False) for model in worked.POLYNOMIALS]
    return (
        f"Three polynomials for the same points. {'; '.join(rows)}. The wilder the curve, the larger its weights.",
        f"The penalties leave out the constant and the root: Σ|w| = {_list([b.l1 for b in bare])}; Σw² = {_list([b.squared for b in bare])}.",
    )


def _list(values: Any) -> str:
    return ", ".join(f"{value:.4g}" if value < 1000 else f"{value:.0f}" for value in values)


_LOSSES: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "mae": _mae,
    "mse": _mse,
    "mape": _mape,
    "cce": _cce,
    "bce": _bce,
}
