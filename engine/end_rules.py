"""What a run comes to at its end: findings about the weights that are kept, and the words for a run without a problem.

The kept weights are those of the best epoch where it is restored, else of the last. Their losses are told with their epoch.
"""

from __future__ import annotations

import math
from itertools import pairwise

from .findings import Found, View, rounded, short
from .fit_rules import creeps, parts, remedies


def overfit_averted(view: View, standing: bool) -> Found | None:
    """Overfitting set in, and early stopping kept the weights from before it."""
    if not view.final or not view.setting("stopping.enabled", True) or view.kept == view.epoch:
        return None
    later = min(view.recent(view.validations, 3), default=math.nan)
    if not view.level < 0.7 or not (parts(view, later, standing=True) or creeps(view, later)):
        return None
    train, validation = view.kept_losses
    stopped = bool(view.history.checks) and view.history.checks[-1].verdict == "stop"
    how = f"Early stopping ended the run at epoch {view.epoch} and kept" if stopped else "The run kept"
    return Found(
        f"Overfitting set in after epoch {view.kept}: by epoch {view.epoch} the train loss fell from {short(train)} to {short(view.train)}, "
        f"the validation loss rose from {short(validation)} to {short(view.validation)}. {how} the weights of epoch {view.kept}, from before it.",
        rounded(train_kept=train, validation_kept=validation, train=view.train, validation=view.validation),
    )


def test_above_validation(view: View, standing: bool) -> Found | None:
    """The test loss lies clearly above the validation loss of the same weights: the one that chose them flatters them."""
    ended = view.history.ended
    if ended is None or not ended.test or ended.reason not in ("finished", "stopped_early", "stopped"):
        return None
    test, (_, validation) = ended.test["loss"], view.kept_losses
    count = view.history.started.sizes.get("test", 1) if view.history.started else 1
    wide = (test - validation) / view.reference
    r2, own = ended.test.get("metrics", {}).get("r2", math.nan), view.r2("validation", view.kept)
    if math.isfinite(r2) and math.isfinite(own):
        wide = min(wide, own - r2)
    if not (
        test > 1.5 * validation and wide > math.hypot(view.chance_of_draw, 0.6 / math.sqrt(max(1, count)))
    ):
        return None
    return Found(
        f"The test loss {short(test)} lies well above the validation loss {short(validation)} of the same weights. Validation "
        f"chose them and flatters them; and of {count} test examples a few may make the difference. The test is the honest number.",
        rounded(test=test, validation_kept=validation, chance=view.reference),
    )


def verdict(view: View) -> tuple[str, Found] | None:
    """Return the good end of a run without a problem: `good_fit`, or `generalization_gap` where the parts differ much."""
    train, validation = view.kept_losses
    reference = view.reference
    gap = view.gap(view.kept, validation)
    kept = ", whose weights are kept" if view.kept != view.epoch else ""
    losses = f"train loss {short(train)} and validation loss {short(validation)} (epoch {view.kept}{kept})"
    evidence = rounded(
        train_kept=train, validation_kept=validation, chance=reference, gap_level=gap, epoch=view.kept
    )
    if gap > 0.1 and train <= 0.65 * reference:
        return "generalization_gap", Found(
            f"A fit with a gap: between {losses} lie {gap:.0%} of what knowing nothing costs ({short(reference)}). "
            f"{_of_gap(view)}",
            evidence,
        )
    low = train <= 0.5 * reference and validation <= 0.65 * reference
    # What has fallen for an epoch or two only, and is half way, is under way.
    if view.epoch < 3 and train > 0.25 * reference:
        return None
    # The validation part may spread less than the training part: it has to be explained too.
    if not low or view.r2("validation", view.kept) < 0.5:
        return None
    beside = f"are both low beside knowing nothing ({short(reference)})"
    if gap > 0.02 and validation > 20 * train:
        return "good_fit", Found(
            f"A good fit with a gap: {losses} {beside}. The training examples are known by heart: more data or {remedies(view)} "
            "may win some of the rest.",
            evidence,
        )
    return "good_fit", Found(f"A good fit: {losses} {beside}.", evidence)


def _of_gap(view: View) -> str:
    started = view.history.started
    sizes = started.sizes if started else {}
    examples, count = sizes.get("train", 0), sizes.get("validation", 0)
    if started and started.parameters * 10 <= examples:
        return (
            f"{started.parameters} parameters hardly overfit {examples} examples: the parts differ. Try another training.seed "
            "before believing it."
        )
    few = f"Of {count} validation examples a few may make it. " if count < 100 else ""
    return f"{few}To narrow it try {remedies(view)}."


def healthy(view: View) -> Found:
    """Say how a run stands that has no problem."""
    if not view.epoch:
        return Found("Nothing to report yet: no epoch has ended.")
    if not view.checked:
        return Found(f"No problem so far: train loss {short(view.train)}; no check yet.")
    train, validation = view.kept_losses if view.final else (view.train, view.validation)
    at = f" (epoch {view.kept})" if view.final else ""
    seen = f"No problem {'found' if view.final else 'so far'}: train loss {short(train)}, validation loss {short(validation)}{at}"
    evidence = rounded(train=train, validation=validation)
    if not view.final and view.epoch >= 15 and view.speed < 0.001 and view.level > 0.5:
        return Found(
            f"{seen}. The train loss has been flat for {view.epoch // 3} epochs; a plateau may end.", evidence
        )
    if not view.final and view.since_best >= 5:
        seen += f"; the best was {short(view.best_validation)} at epoch {view.best_checked}"
    gaps = _gaps(view)
    widens = len(gaps) == 5 and all(a < b for a, b in pairwise(gaps))
    if widens and gaps[0] > 0 and gaps[-1] - gaps[0] > 0.005 * view.reference:
        seen += (
            f". The gap has grown for 4 checks ({short(gaps[0])} to {short(gaps[-1])}): watch for overfitting"
        )
        evidence |= rounded(gap_before=gaps[0], gap=gaps[-1])
    return Found(f"{seen}.", evidence)


def _gaps(view: View) -> list[float]:
    """Return validation minus train loss at the last five checks."""
    gaps: list[float] = []
    for check in view.history.checks[-5:]:
        train, validation = view.losses.value_at(check.epoch), view.validations.value_at(check.epoch)
        if train and validation:
            gaps.append(validation.y - train.y)
    return gaps
