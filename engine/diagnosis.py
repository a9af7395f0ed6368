"""What a run's events say is wrong with it, why, and what to try: named rules over the history, without torch.

The rules follow from the history alone, so that a resumed run, an attached screen and a replay of the log say the same.
docs/diagnosis.md lists them with their thresholds.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from . import fit_rules as fits
from . import layer_rules as layers
from . import loss_rules as losses
from .events import Checked, Diagnosed, EpochEnded, Event, LayersProbed, StepsEnded
from .findings import Found, Rule, View, rounded, short
from .history import History

if TYPE_CHECKING:
    from .training import Training

_BROKEN = (
    "diverged",
    "double_softmax",
    "symmetric_units",
    "exploding",
    "vanishing",
    "dead_units",
    "saturated",
)

#: Most important first.
RULES: tuple[Rule, ...] = (
    Rule("diverged", losses.diverged),
    Rule("double_softmax", losses.double_softmax),
    Rule("symmetric_units", layers.symmetric_units, unless=("diverged",)),
    Rule("exploding", layers.exploding, unless=("diverged",)),
    Rule("vanishing", layers.vanishing, unless=("diverged", "symmetric_units")),
    Rule("dead_units", layers.dead_units, unless=("diverged", "symmetric_units", "exploding", "vanishing")),
    Rule("saturated", layers.saturated, unless=("diverged", "symmetric_units")),
    Rule("nonfinite_validation", fits.nonfinite_validation, unless=("diverged",)),
    Rule("lr_too_large", losses.lr_too_large, unless=_BROKEN),
    Rule("lr_too_small", losses.lr_too_small, unless=(*_BROKEN, "lr_too_large")),
    Rule("stalled", losses.stalled, unless=(*_BROKEN, "lr_too_small")),
    Rule("imbalance", fits.imbalance, unless=("diverged",)),
    Rule("overfit", fits.overfit, unless=("diverged", "lr_too_large")),
    Rule(
        "at_chance",
        losses.at_chance,
        unless=(*_BROKEN, "lr_too_large", "lr_too_small", "stalled", "imbalance"),
    ),
    Rule(
        "underfit",
        fits.underfit,
        unless=(*_BROKEN, "lr_too_large", "lr_too_small", "stalled", "imbalance", "at_chance"),
    ),
    Rule("validation_below_train", fits.validation_below_train, kind="note"),
    Rule("stopping_off", fits.stopping_off, kind="note"),
    Rule("still_improving", fits.still_improving, unless=("underfit",), kind="note"),
)
_PROBLEMS = frozenset(rule.name for rule in RULES if rule.kind == "problem")


def news(history: History, event: Event) -> list[Diagnosed]:
    """Return the findings that this event, already folded in, makes new.

    A finding is told when it first holds; a problem that no longer holds is told as `recovered`, after which it
    may be told again. Rules are asked at the end of the epochs 1 to 15 and then of 8 epochs per doubling, at probes, and
    at the last check, where a run without problems gets its `good_fit`. Nothing follows RunEnded, which is the last event.
    """
    if not _due(history, event):
        return []
    told = standing(history)
    view = View(history)
    held = _held(view, told)
    shown = _shown(held)
    fresh = [_event(history, name, found) for name, found in shown.items() if name not in told]
    gone = [name for name in told if name in _PROBLEMS and name not in held]
    if gone and "diverged" not in held:
        fresh.insert(0, _event(history, "recovered", _recovered(view, gone)))
    if view.final and (found := _good_fit(view, shown)) and not _told_at(history, "good_fit", history.epoch):
        fresh.append(_event(history, "good_fit", found))
    return fresh


def current(history: History) -> list[Diagnosed]:
    """Return what holds now, most important first; without a problem the first is `good_fit` or `healthy`."""
    view = View(history)
    shown = _shown(_held(view, standing(history)))
    found = [_event(history, name, what) for name, what in shown.items()]
    if _PROBLEMS.isdisjoint(shown):
        good = _good_fit(view, shown) if view.final else None
        first = ("good_fit", good) if good else ("healthy", _healthy(view))
        found.insert(0, _event(history, *first))
    return found


def standing(history: History) -> set[str]:
    """Return the names of the findings that were told and not taken back."""
    told: set[str] = set()
    for finding in history.diagnoses:
        if finding.finding == "recovered":
            told.difference_update(finding.evidence.get("findings", ()))
        else:
            told.add(finding.finding)
    return told


def before_training(training: Training) -> tuple[str, ...]:
    """Return what should be known of the choices before the first step; see advice.notes."""
    from .advice import notes  # It needs torch, which a screen that folds a log does without.

    return notes(training)


def _due(history: History, event: Event) -> bool:
    match event:
        case EpochEnded(epoch=epoch):
            if not math.isfinite(event.train["loss"]):
                return True
            # The check of the last epoch follows at once.
            return epoch < history.epochs and epoch % (1 << max(0, epoch.bit_length() - 4)) == 0
        case LayersProbed():
            return True
        case Checked():
            return event.verdict == "stop" or event.epoch >= history.epochs
        case StepsEnded():
            return not math.isfinite(event.loss)
        case _:
            return False


def _held(view: View, told: set[str]) -> dict[str, Found]:
    found = ((rule.name, rule.look(view, rule.name in told)) for rule in RULES)
    return {name: what for name, what in found if what is not None}


def _shown(held: dict[str, Found]) -> dict[str, Found]:
    return {rule.name: held[rule.name] for rule in RULES if rule.name in held and held.keys().isdisjoint(rule.unless)}  # fmt: skip


def _recovered(view: View, gone: list[str]) -> Found:
    names = ", ".join(name.replace("_", " ") for name in gone)
    return Found(f"No longer a problem after epoch {view.epoch}: {names}.", {"findings": tuple(gone)})


def _good_fit(view: View, shown: dict[str, Found]) -> Found | None:
    """Both losses low at the end, and no problem."""
    if not _PROBLEMS.isdisjoint(shown) or not (view.level <= 0.5 and view.validation_level <= 0.65):
        return None
    if view.validation - view.train > 0.2 * view.reference:
        return None
    # The validation part may spread less than the training part: it has to be explained too.
    explained = view.history.validation.get("r2")
    if explained is not None and explained.last is not None and not explained.last.y >= 0.5:
        return None
    best = view.history.best
    kept = (
        f" The weights of epoch {best[0]} are kept." if best and view.setting("stopping.restore_best") else ""
    )
    return Found(
        f"A good fit: train loss {short(view.train)} and validation loss {short(view.validation)} are both low.{kept}",
        rounded(train=view.train, validation=view.validation, chance=view.reference),
    )


def _healthy(view: View) -> Found:
    if not view.epoch:
        return Found("Nothing to report yet: no epoch has ended.")
    if not view.checked:
        return Found(f"Nothing is wrong: train loss {short(view.train)}; no check yet.")
    gaps = _gaps(view)
    if len(gaps) == 5 and all(a < b for a, b in pairwise(gaps)) and gaps[0] > 0:
        return Found(
            f"Nothing is wrong. The gap has grown for 4 checks ({short(gaps[0])} to {short(gaps[-1])}): watch for overfitting.",
            rounded(gap_before=gaps[0], gap=gaps[-1]),
        )
    return Found(
        f"Nothing is wrong: train loss {short(view.train)}, validation loss {short(view.validation)}.",
        rounded(train=view.train, validation=view.validation),
    )


def _gaps(view: View) -> list[float]:
    """Return validation minus train loss at the last five checks."""
    gaps: list[float] = []
    for check in view.history.checks[-5:]:
        train, validation = view.losses.value_at(check.epoch), view.validations.value_at(check.epoch)
        if train and validation:
            gaps.append(validation.y - train.y)
    return gaps


def _event(history: History, name: str, found: Found) -> Diagnosed:
    ended = history.train["loss"].last if "loss" in history.train else None
    epoch = int(ended.x) if ended else 0
    return Diagnosed(time=history.time, finding=name, text=found.text, evidence=found.evidence, epoch=epoch)


def _told_at(history: History, name: str, epoch: int) -> bool:
    return any(finding.finding == name and finding.epoch == epoch for finding in history.diagnoses)
