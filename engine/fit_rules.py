"""Rules over train and validation together: underfitting, overfitting, imbalance, and what looks odd and is fine.

Both losses are measured in evaluation mode at the epoch's end without the penalty, so that they can be compared. "High"
and "low" are relative to the loss of knowing nothing (`View.reference`).
"""

from __future__ import annotations

import math

from .findings import SCALE, Found, View, rounded, short
from .layer_rules import better_init, growth


def imbalance(view: View, standing: bool) -> Found | None:
    """Accuracy is high though a class is never found."""
    history = view.history
    last = {name: curve.last.y for name, curve in history.validation.items() if curve.last}
    if view.epoch < 3 or history.started is None or "accuracy" not in last:
        return None
    accuracy, classes = last["accuracy"], len(history.started.classes)
    entropy = history.started.chance if view.setting("loss.kind") in ("bce", "cce") else None
    uneven = (entropy or math.inf) < 0.9 * math.log(max(2, classes))
    cure = (
        "Set loss.class_weights = balanced"
        if view.setting("loss.class_weights", "none") == "none"
        else "Collect more examples of it"
    )
    if "macro_recall" in last:
        recall = last["macro_recall"]
        if not uneven or accuracy - recall < (0.15 if standing else 0.2):
            return None
        seen = f"Accuracy {accuracy:.0%}, but the classes are found at {recall:.0%} on average: rare classes are missed"
        watch = "macro_recall"
    else:
        recall, precision = last.get("recall", math.nan), last.get("precision", math.nan)
        # All predicted as class 1: its share is then the precision and the accuracy.
        always = recall > 0.999 and precision < 1 and abs(precision - accuracy) < 1e-9
        if accuracy < 0.8 or not (always or recall < (0.2 if standing else 0.1)):
            return None
        rare = history.started.classes[0 if always else 1] if classes == 2 else "the rare class"
        seen = f"Accuracy {accuracy:.0%}, but {rare!r} is {'never' if always or not recall else 'hardly ever'} found"
        watch = "recall"
    return Found(
        f"{seen}{view.at}. {cure} and watch {watch} (stopping.monitor) instead of accuracy.",
        rounded(accuracy=accuracy, recall=recall),
    )


def overfit(view: View, standing: bool) -> Found | None:
    """Train loss low, validation loss much higher or well above its best while the train loss falls on.

    While the newest checks are the best nothing is told before the end: they lag, and have not parted yet. Where early
    stopping keeps the best weights, these are judged at the end; see end_rules.overfit_averted.
    """
    if view.epoch < 3 or view.checked < 3 or not view.level < (0.7 if standing else 0.6):
        return None
    averts = view.final and view.setting("stopping.enabled", True) and view.kept != view.epoch
    epoch = view.kept if averts else view.checked
    at_epoch = view.losses.value_at(epoch)
    train = at_epoch.y if at_epoch else math.nan
    # The best of the last three checks: one bad check is noise.
    lowest = view.kept_losses[1] if averts else min(view.recent(view.validations, 3), default=math.nan)
    wide = view.gap(epoch, lowest) - view.chance_of_draw
    apart = wide > (0.12 if standing else 0.15) and (
        lowest > (2 if standing else 2.5) * train
        or wide > (0.3 if standing else 0.4)
        or lowest >= view.reference
    )
    rising = not averts and (parts(view, lowest, standing) or creeps(view, lowest, standing))
    if not (rising or (apart and (view.final or view.since_best >= 3))):
        return None
    since = f", up from {short(view.best_validation)} at epoch {view.best_checked}" if rising else ""
    validation = lowest if averts else view.validation
    at = f" at epoch {epoch}" if view.final else ""
    kept = f" The weights of epoch {view.kept} are kept." if view.final and view.kept != view.epoch else ""
    stops = view.history.stops_at
    coming = (
        f" Early stopping ends it at epoch {stops} unless it improves." if stops and not view.final else ""
    )
    return Found(
        f"Overfitting: train loss {short(train)}, validation loss {short(validation)}{at}{since}.{kept}{coming} Try {remedies(view)}.",
        rounded(train=train, validation=validation, best=view.best_validation, gap=validation - train),
    )


def parts(view: View, lowest: float, standing: bool = False) -> bool:
    """Whether the validation loss has risen by 10 % from its best, to a gap of 7 % of knowing nothing and more."""
    wide = view.gap(view.checked, lowest) - view.chance_of_draw
    return wide > (0.05 if standing else 0.07) and lowest > (1.05 if standing else 1.1) * view.best_validation


def creeps(view: View, lowest: float, standing: bool = False) -> bool:
    """Whether the validation loss has risen by 15 % for 20 checks, 10 at the end, while the train loss halved.

    However small it is beside knowing nothing: the network grows surer of what it gets wrong.
    """
    best, at_best = view.best_validation, view.losses.value_at(view.best_checked)
    return (
        view.since_best >= (10 if view.final or standing else 20)
        and lowest > (1.1 if standing else 1.15) * best
        and lowest - best > (0.005 if standing else 0.01) * view.reference
        and lowest > 2 * view.train
        and at_best is not None
        and view.train < 0.5 * at_best.y
    )


def underfit(view: View, standing: bool) -> Found | None:
    """Both losses high at the end, or flat after a third of the epochs; or weights held near 0 by a penalty.

    A plateau early in a run may end: of two spirals in seven of ten runs it does.
    """
    high = 0.6 if standing else 0.65
    if view.setting("loss.kind") == "mae":
        # A right fit leaves the whole distance of the outliers in a mean of absolute errors.
        high = 0.85 if standing else 0.9
    if not view.checked or not view.level > high or view.validation_level <= high:
        return None
    speed = view.speed
    flat = view.epoch >= max(15, view.history.epochs / 3) and speed < (0.005 if standing else 0.001)
    if not (flat or (view.final and view.epoch >= 2) or (view.crushed and view.epoch >= 2)):
        return None
    evidence = rounded(train=view.train, validation=view.validation, chance=view.reference)
    where = (
        f"above chance ({short(view.reference)})"
        if min(view.level, view.validation_level) > 1.1
        else f"near chance ({short(view.reference)})"
        if view.level > 0.9
        else f"high (chance is {short(view.reference)})"
    )
    at = f" at epoch {view.epoch}" if view.final else ""
    seen = f"Underfitting: train loss {short(view.train)} and validation loss {short(view.validation)} are both {where}{at}"
    l1, l2 = view.setting("regularization.l1", 0.0), view.setting("regularization.l2", 0.0)
    if view.crushed:
        key, value = ("l1", l1) if l1 >= l2 else ("l2", l2)
        return Found(
            f"{seen}: the penalty holds the weights near 0. Lower regularization.{key} from {short(value)} to {short(value / 100)}.",
            {**evidence, **rounded(l1=l1, l2=l2)},
        )
    if view.unscaled:
        remedy = SCALE
    elif view.dropout >= 0.5:
        remedy = f"Lower model.dropout (now {short(view.dropout)})"
    elif (
        view.level > 1.1
        and max(growth(view.first_layers)) > 3
        and view.setting("init.kind") != better_init(view)
    ):
        remedy = f"The weights start too large: set init.kind = {better_init(view)}"
    elif speed > 0.005 or (math.isnan(speed) and view.train <= 0.99 * max(view.recent(view.losses, 5))):
        stopped = bool(view.history.checks) and view.history.checks[-1].verdict == "stop"
        key = "stopping.patience" if stopped else "training.epochs"
        remedy = f"The loss still falls: raise {key} (now {view.setting(key)})"
    elif view.penalized:
        remedy = f"Lower regularization.l{1 if l1 >= l2 else 2} (now {short(max(l1, l2))})"
    elif view.setting("model.kind") == "polynomial":
        remedy = f"Raise model.degree (now {view.setting('model.degree')})"
    elif view.setting("model.kind") == "linear":
        remedy = "Use a model with hidden layers: model.kind = mlp"
    else:
        remedy = "Use more or wider layers (model.hidden), or another optimizer.lr"
    return Found(f"{seen}. {remedy}.", evidence)


def nonfinite_validation(view: View, standing: bool) -> Found | None:
    """The validation loss is not a number while the train loss is."""
    if not view.checked or math.isfinite(view.validation) or not math.isfinite(view.train):
        return None
    return Found(
        f"The validation loss is {view.validation} while the train loss is {short(view.train)}: some validation examples lie far outside "
        "the training data, or the weights are close to overflow. Check the data, or lower optimizer.lr.",
        rounded(train=view.train, epoch=view.checked),
    )


def validation_below_train(view: View, standing: bool) -> Found | None:
    """Validation looks better than training: noisy labels, dropout or augmentation in training mode, or an easier part."""
    checks = view.recent(view.validations, 3)
    losses = view.recent(view.losses, 3)
    if len(checks) < 3 or len(losses) < 3 or view.checked != view.epoch:
        return None
    margin = (0.01 if standing else 0.03) * view.reference
    if max(checks) < min(losses) - margin and min(losses) > 0:
        noise = view.setting("data.label_noise", 0.0)
        why = (
            f"{noise:.0%} of the training labels were replaced and none of validation's: nothing is wrong"
            if noise
            else "the validation part may be easier or small. Try another training.seed, or a larger share in data.split"
        )
        return Found(
            f"The validation loss {short(view.validation)} is below the train loss {short(view.train)}{view.at}: {why}.",
            rounded(train=view.train, validation=view.validation),
        )
    mean = view.batch_mean
    causes = [name for name, on in (("dropout", view.dropout > 0), ("augmentation", _augmented(view))) if on]
    if causes and mean > view.validation + margin:
        return Found(
            f"Batch losses ({short(mean)}) lie above the validation loss ({short(view.validation)}){view.at} because of {' and '.join(causes)}, "
            "in force in training only: compare the losses of the epochs' ends.",
            rounded(batches=mean, validation=view.validation),
        )
    return None


def stopping_off(view: View, standing: bool) -> Found | None:
    """Early stopping is off and the best validation loss lies 10 checks or more back."""
    best = view.history.best
    if view.setting("stopping.enabled", True) or best is None or not view.history.checks:
        return None
    if view.checked - best[0] < 10 * view.every or not view.validation > 1.05 * view.best_validation:
        return None
    return Found(
        f"The best check was at epoch {best[0]}, {view.checked - best[0]} epochs ago; early stopping is off. "
        "Set stopping.enabled = true to save the rest.",
        rounded(best_epoch=best[0], epoch=view.checked),
    )


def still_improving(view: View, standing: bool) -> Found | None:
    """All epochs were made and the last check was the best."""
    checks = view.history.checks
    if not checks or view.epoch < view.history.epochs or checks[-1].verdict == "stop":
        return None
    if checks[-1].best_epoch != view.checked or view.checked < 3 or not view.speed > 0.005:
        return None
    # Of what is left nothing would be noticed.
    if view.validation_level < 0.01:
        return None
    return Found(
        f"The last check was the best so far: with more epochs than {view.history.epochs} it may improve further "
        "(training.epochs).",
        rounded(epochs=view.history.epochs, value=checks[-1].value),
    )


def _augmented(view: View) -> bool:
    knobs = view.setting("data.augmentation", {})
    return isinstance(knobs, dict) and any(bool(value) for value in knobs.values())


def remedies(view: View) -> str:
    """Name up to three remedies that are not in use yet."""
    options = [
        (view.unscaled, "scaled inputs (data.preprocess = standardize)"),
        (not view.setting("stopping.enabled", True), "early stopping (stopping.enabled = true)"),
        (view.dropout == 0 and view.setting("model.kind") in ("mlp", "cnn"), "model.dropout = 0.5"),
        (not view.penalized, "regularization.l2 = 0.001"),
        (not _augmented(view) and view.setting("model.kind") == "cnn", "data.augmentation"),
        (view.setting("model.kind") == "polynomial", "a smaller model.degree"),
        (view.setting("model.kind") in ("mlp", "cnn"), "a smaller model.hidden"),
    ]
    return " or ".join([name for unused, name in options if unused][:3] or ["more training data"])
