"""What a run's events say is wrong with it, why, and what to try: named rules over the history, without torch.

The rules follow from the history alone, so that a resumed run, an attached screen and a replay of the log say the same.
docs/diagnosis.md lists them with their thresholds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from . import end_rules as ends
from . import fit_rules as fits
from . import layer_rules as layers
from . import loss_rules as losses
from .events import Checked, Diagnosed, EpochEnded, Event, LayersProbed, StepsEnded
from .findings import Found, Rule, View, changed
from .history import History

if TYPE_CHECKING:
    from .training import Training

#: Layers that do not pass the signal, from the start on.
_LAYERS = ("exploding", "vanishing", "dead_units", "saturated")
#: Whatever keeps the loss high for a reason of its own.
_BROKEN = ("diverged", "double_softmax", "symmetric_units", "lr_too_large", *_LAYERS)

#: Most important first.
RULES: tuple[Rule, ...] = (
    Rule("diverged", losses.diverged),
    Rule("double_softmax", losses.double_softmax),
    Rule("symmetric_units", layers.symmetric_units, unless=("diverged",)),
    Rule("lr_too_large", losses.lr_too_large, unless=("diverged", "double_softmax", "symmetric_units")),
    Rule("exploding", layers.exploding, unless=("diverged", "lr_too_large")),
    Rule("vanishing", layers.vanishing, unless=("diverged", "symmetric_units", "lr_too_large")),
    Rule(
        "dead_units",
        layers.dead_units,
        unless=("diverged", "symmetric_units", "lr_too_large", "exploding", "vanishing"),
    ),
    Rule("saturated", layers.saturated, unless=("diverged", "symmetric_units", "lr_too_large")),
    Rule("nonfinite_validation", fits.nonfinite_validation, unless=("diverged",)),
    Rule("lr_too_small", losses.lr_too_small, unless=_BROKEN),
    Rule("stalled", losses.stalled, unless=(*_BROKEN, "lr_too_small")),
    Rule("imbalance", fits.imbalance, unless=("diverged",)),
    Rule("overfit", fits.overfit, unless=("diverged", "lr_too_large")),
    Rule("at_chance", losses.at_chance, unless=(*_BROKEN, "lr_too_small", "stalled", "imbalance")),
    Rule(
        "underfit",
        fits.underfit,
        unless=(*_BROKEN, "nonfinite_validation", "lr_too_small", "stalled", "imbalance", "at_chance"),
    ),
    Rule("overfit_averted", ends.overfit_averted, unless=("overfit", "lr_too_large"), kind="note"),
    Rule("test_above_validation", ends.test_above_validation, unless=("overfit", *_BROKEN), kind="note"),
    Rule("validation_below_train", fits.validation_below_train, kind="note"),
    Rule("stopping_off", fits.stopping_off, kind="note"),
    Rule("still_improving", fits.still_improving, unless=("underfit",), kind="note"),
)
_PROBLEMS = frozenset(rule.name for rule in RULES if rule.kind == "problem")


def news(history: History, event: Event) -> list[Diagnosed]:
    """Return the findings that this event, already folded in, makes new.

    A finding is told when it first holds; a problem that no longer holds is told as `recovered`, after which it
    may be told again. Rules are asked at the end of the epochs 1 to 15 and then of 8 epochs per doubling, at probes, and
    (counted anew from a change while training), at probes, and at the last check, where a run without problems gets its `good_fit`. Nothing follows RunEnded, which is the last event.
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
    if (
        view.final
        and _PROBLEMS.isdisjoint(shown)
        and (end := ends.verdict(view))
        and not _told_at(history, end[0])
    ):
        fresh.append(_event(history, *end))
    return fresh


def current(history: History) -> list[Diagnosed]:
    """Return what holds now, most important first; without a problem the first is a good end or `healthy`.

    Good ends are `good_fit` and `generalization_gap`. `test_above_validation` is told here only, after the end.
    """
    view = View(history)
    shown = _shown(_held(view, standing(history)))
    found = [_event(history, name, what) for name, what in shown.items()]
    if _PROBLEMS.isdisjoint(shown):
        end = ends.verdict(view) if view.final else None
        # What early stopping is there for comes before how well the weights fit that it kept.
        place = int("overfit_averted" in shown)
        found.insert(place, _event(history, *(end or ("healthy", ends.healthy(view)))))
    return found


def is_problem(finding: str) -> bool:
    """Whether a finding is a fault of the run, and no note, recovery or good end."""
    return finding in _PROBLEMS


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
            # What a change does shows soon after it. The check of the last epoch follows at once.
            since = epoch - changed(history)
            return epoch < history.epochs and since % (1 << max(0, since.bit_length() - 4)) == 0
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
    if view.final and view.kept != view.epoch:
        text = f"The kept weights, those of epoch {view.kept}, are without this problem: {names}."
    else:
        text = f"No longer a problem after epoch {view.epoch}: {names}."
    return Found(text, {"findings": tuple(gone)})


def _event(history: History, name: str, found: Found) -> Diagnosed:
    ended = history.train["loss"].last if "loss" in history.train else None
    epoch = int(ended.x) if ended else 0
    return Diagnosed(time=history.time, finding=name, text=found.text, evidence=found.evidence, epoch=epoch)


def _told_at(history: History, name: str) -> bool:
    return any(finding.finding == name and finding.epoch == history.epoch for finding in history.diagnoses)
