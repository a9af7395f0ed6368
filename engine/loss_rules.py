"""Rules over the loss curve: divergence, rates that are too large or too small, a loss that stays at chance or at a floor."""

from __future__ import annotations

import math
from itertools import pairwise

from .findings import SCALE, Found, View, changed, rounded, short
from .layer_rules import EXPLODES, at_fault, better_init, broken_since, growth


def diverged(view: View, standing: bool) -> Found | None:
    """A loss is not finite, or every batch of an epoch was above ten times the start."""
    history = view.history
    point, step = history.batches.last, history.steps.last
    values = [view.train] * (view.epoch > 0) + ([step.y] if step else [])
    if point:
        values.append(point.y)
    broken = [value for value in values if not math.isfinite(value)]
    start = max(history.started.chance or 0.0 if history.started else 0.0, _first_low(view))
    huge = point is not None and math.isfinite(start) and point.low > 10 * start > 0
    ended = history.ended is not None and history.ended.reason == "diverged"
    if not (broken or huge or ended):
        return None
    loss = broken[0] if broken else point.low if point else math.nan
    seen = (
        f"a loss became {loss}"
        if broken
        else f"every batch loss of epoch {view.epoch} was {short(loss)} or more, above ten times the start ({short(start)})"
        if huge
        else history.ended.detail
        if history.ended
        else ""
    )
    return Found(f"Training diverged: {seen}. {_gentler(view)}", rounded(loss=loss, start=start, lr=view.lr))


def double_softmax(view: View, standing: bool) -> Found | None:
    """The network ends in a softmax (sigmoid) and cce (bce) holds another one."""
    kind, output = view.setting("loss.kind"), view.setting("model.output", "linear")
    if (kind, output) not in (("cce", "softmax"), ("cce", "sigmoid"), ("bce", "sigmoid"), ("bce", "softmax")):
        return None
    classes = len(view.history.started.classes) if view.history.started else 0
    twice = "softmax" if kind == "cce" else "sigmoid"
    # The best a second softmax can do is to see 1 for the right class and 0 for the others; of a sigmoid, the mean
    # of -ln s(1) for class 1 and -ln (1 - s(0)) for class 0 at equal shares.
    floor = (
        math.log(1 + max(1, classes - 1) / math.e)
        if kind == "cce"
        else (math.log1p(math.exp(-1)) + math.log(2)) / 2
    )
    return Found(
        f"The network ends in a {output} and {kind} holds its own {twice}: the loss cannot fall below about "
        f"{floor:.3f} and learning is slow. Set model.output = linear.",
        rounded(floor=floor, best=view.best_train),
    )


def lr_too_large(view: View, standing: bool) -> Found | None:
    """Updates as large as the weights, layers that training broke, a loss above chance that does not fall, or one that jumps.

    Layers that were at fault before the first step and still are point to the initialization instead.
    """
    if _without_reference(view) or view.dropout >= 0.9:
        return None
    ratio = max((layer["update_ratio"] for layer in view.layers), default=0.0)
    lr = view.lr
    if not view.epoch:
        # AdaGrad's first steps are its largest by far; small first weights make any update look large.
        usual = view.setting("optimizer.kind") != "adagrad" and view.setting("init.kind") not in (
            "constant", "zeros", "normal", "uniform",
        )  # fmt: skip
        if usual and ratio >= 1:
            return Found(
                f"The first update is {short(ratio)} times as large as the weights (about 0.001 is usual). {_gentler(view)}",
                rounded(update_ratio=ratio, lr=lr),
            )
        return None
    if at_fault(view.first_layers) and at_fault(view.layers):
        return None
    broken = broken_since(view) if view.untrained(standing) and not view.crushed else ""
    # The mean of the first epoch's batches holds its first steps and the order in which batches came.
    before = view.recent(view.losses, 2)[0] if view.epoch > 1 else 1.1 * view.batch_mean
    # The first updates of a fresh network tell nothing yet; one that falls by small steps is slow, not too fast.
    falls = 0.95 if ratio > 0.005 or view.level > 100 else 1.0
    above = (
        view.level > 1.2 and not view.train < falls * before and (view.history.step >= 8 or view.level > 100)
    )
    collapsed = view.level >= 0.95 and view.best_train < 0.5 * view.reference and not view.crushed
    losses = view.recent(view.losses, 8)
    jumps = sum(b > 1.25 * a and b - a > 0.05 * view.reference for a, b in pairwise(losses))
    high = view.level >= 0.95 or (view.checked > 0 and view.validation_level >= 1.5)
    stays = standing and (jumps > 0 or ratio > 0.02 or high)
    if not (broken or above or collapsed or jumps >= 2 or stays):
        return None
    if collapsed:
        return Found(
            f"The learning rate looks too large: the train loss had come down to {short(view.best_train)} and is back at chance "
            f"({short(view.reference)}){view.at}. {_gentler(view).removesuffix('.')}, from an epoch before that (a branch) or from the start.",
            rounded(train=view.train, best=view.best_train, chance=view.reference, update_ratio=ratio, lr=lr),
        )
    which = "train" if view.level >= 0.95 else "validation"
    seen = (
        f"the layers were sound before training, and in the last probe {broken}"
        if broken
        else f"the train loss {short(view.train)} is above chance ({short(view.reference)}) and not falling{view.at}"
        if above
        else f"the train loss jumped up {'once' if jumps == 1 else f'{jumps} times'} in {len(losses)} epochs"
        if jumps
        else f"an update is {short(ratio)} of the weights (about 0.001 is usual)"
        if ratio > 0.02
        else f"the {which} loss {short(getattr(view, which))} is still at chance ({short(view.reference)}) or above{view.at}"
    )
    return Found(
        f"The learning rate looks too large: {seen}. {_gentler(view)}",
        rounded(train=view.train, chance=view.reference, jumps=jumps, update_ratio=ratio, lr=lr),
    )


def lr_too_small(view: View, standing: bool) -> Found | None:
    """After 3 epochs and 30 steps or more the loss has hardly moved, and the updates are tiny everywhere."""
    if view.epoch < 3 or view.history.step < 30:
        return None
    if not view.layers or not view.untrained(standing) or view.crushed:
        return None
    # It moved, and came back; or the probe tells of the steps before a change.
    if view.best_train < 0.7 * view.reference or view.history.layers[-1].epoch < changed(view.history):
        return None
    ratio = max(layer["update_ratio"] for layer in view.layers)
    first = view.losses.value_at(1)
    moved = (first.y - view.train) / view.reference / (view.epoch - 1) if first else math.nan
    if not (0 < ratio < (5e-4 if standing else 3e-4) and moved < 0.01):
        return None
    lr = view.lr
    return Found(
        f"The loss hardly moves ({short(first.y if first else math.nan)} to {short(view.train)} in {view.epoch} epochs): an update "
        f"is {short(ratio)} of the weights (about 0.001 is usual). Raise optimizer.lr from {short(lr)} to {short(10 * lr)}.",
        rounded(update_ratio=ratio, fell_per_epoch=moved, lr=lr),
    )


def stalled(view: View, standing: bool) -> Found | None:
    """The loss is still high and slow because the rate has become small: AdaGrad's sum, or a schedule that cut it."""
    if view.epoch < 10 or not view.level > (0.35 if standing else 0.4) or view.crushed:
        return None
    speed = view.speed
    if not speed < 0.02:
        return None
    if view.setting("optimizer.kind") == "adagrad":
        early = max((layer["update_ratio"] for layer in _probed_at(view, 1)), default=math.nan)
        now = max((layer["update_ratio"] for layer in view.layers), default=math.nan)
        if not now <= 0.5 * early:
            return None
        lr = view.lr
        return Found(
            f"AdaGrad has slowed down at a train loss of {short(view.train)}{view.at}: its rates only fall, and updates are now "
            f"{short(now)} of the weights ({short(early)} after epoch 1). Set optimizer.lr = {short(10 * lr)}, or optimizer.kind = rmsprop.",
            rounded(train=view.train, speed=speed, update_ratio_first=early, update_ratio=now),
        )
    rate, peak = view.history.lr.last, view.setting("optimizer.lr", math.nan)
    if rate is None or not rate.y < 0.05 * peak or not speed < 0.005:
        return None
    return Found(
        f"Training has stalled at a train loss of {short(view.train)}{view.at} because the schedule lowered the rate to {short(rate.y)}. "
        "Lengthen training.schedule (every, patience) or raise optimizer.lr.",
        rounded(train=view.train, speed=speed, lr=rate.y),
    )


def at_chance(view: View, standing: bool) -> Found | None:
    """After 5 epochs and 50 steps the train loss lies within 3 % of knowing nothing and is flat; or it ends there.

    A fresh network is no finding, and no curve that falls through that height.
    """
    long = view.epoch >= 5 and view.history.step >= 50
    flat = long and view.fell < (0.04 if standing else 0.02)
    if not (flat or (view.final and view.epoch >= 2)) or view.crushed:
        return None
    if not (0.94 if standing else 0.97) <= view.level <= 1.05 or view.dropout >= 0.8:
        return None
    classes = len(view.history.started.classes) if view.history.started else 0
    entropy = classes and view.setting("loss.kind") in ("bce", "cce")
    level = f"ln {classes} = {math.log(classes):.3f} at equal shares" if entropy else "one answer for all"
    return Found(
        f"After {view.epoch} epochs the train loss {short(view.train)} is no better than chance ({view.reference:.4g}; {level}). "
        f"{_away_from_chance(view, long, bool(classes))}",
        rounded(train=view.train, chance=view.reference, epochs=view.epoch),
    )


def _away_from_chance(view: View, long: bool, classes: bool) -> str:
    if not long:
        return (
            f"Only {view.history.step} updates were made: raise training.epochs (now {view.history.epochs})."
        )
    kind = view.setting("model.kind")
    if kind == "linear":
        why = (
            "A linear model cannot separate these classes: no line or plane does. Use hidden layers (model.kind = mlp)"
            if classes
            else "A linear model follows nothing here. Use hidden layers (model.kind = mlp)"
        )
        outliers = view.setting("loss.kind") == "mse"
        return f"{why}, or loss.kind = mae if a few targets lie far out." if outliers else f"{why}."
    if kind == "polynomial":
        return f"Raise model.degree (now {view.setting('model.degree')})."
    check = "check that inputs and targets belong together"
    ratio = max((layer["update_ratio"] for layer in view.layers), default=0.0)
    if ratio > 0.005:
        return f"Updates are {short(ratio)} of the weights (about 0.001 is usual): {_gentler(view).removesuffix('.')}; or {check}."
    return f"Raise optimizer.lr (now {short(view.lr)}) tenfold, or {check}."


def _without_reference(view: View) -> bool:
    """Whether there is nothing to compare losses with."""
    return view.epoch > 0 and not math.isfinite(view.reference)


def _first_low(view: View) -> float:
    first = view.history.batches.value_at(1)
    return first.low if first and first.x == 1 else 0.0


def _probed_at(view: View, epoch: int) -> tuple[dict[str, float], ...]:
    return tuple(
        dict(layer) for probe in view.history.layers if probe.epoch == epoch for layer in probe.layers_health
    )


def _gentler(view: View) -> str:
    """Say which key to change when training is too violent."""
    lr, l2 = view.lr, float(view.setting("regularization.l2", 0.0))
    plain = view.setting("optimizer.kind") in ("sgd", "momentum")
    if max(growth(view.first_layers)) > EXPLODES and view.setting("init.kind") != better_init(view):
        return f"The signal exploded from the first step: set init.kind = {better_init(view)}."
    if lr * l2 > 1 and plain:
        return f"The L2 step alone multiplies weights by {1 - 2 * lr * l2:g}: keep regularization.l2 below {short(1 / lr)}."
    if view.unscaled:
        return f"{SCALE}, or lower optimizer.lr from {short(lr)} to {short(lr / 10)}."
    clip = ", or set training.clip_norm = 1" if plain and not view.setting("training.clip_norm") else ""
    return f"Lower optimizer.lr from {short(lr)} to {short(lr / 10)}{clip}."
