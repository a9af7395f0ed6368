"""What the numbers behind a finding are called and mean, for people; the log keeps them under short keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple


class Meaning(NamedTuple):
    """How one number of evidence is shown."""

    name: str
    text: str
    "What it is, in a few words."
    form: Literal["number", "share", "count"] = "number"


#: By the keys of `Found.evidence`.
MEANINGS: Mapping[str, Meaning] = {
    "train": Meaning("train loss", "at the last epoch's end, in evaluation mode, without the penalty"),
    "validation": Meaning("validation loss", "of the last check, measured the same way"),
    "train_kept": Meaning("train loss, kept weights", "at the end of the epoch whose weights are kept"),
    "validation_kept": Meaning("validation loss, kept weights", "at the same epoch"),
    "test": Meaning("test loss", "of the kept weights, measured once, after the end"),
    "chance": Meaning("loss of knowing nothing", "what the best constant answer costs"),
    "gap": Meaning("gap", "validation loss minus train loss"),
    "gap_before": Meaning("gap, four checks before", "it has grown since"),
    "gap_level": Meaning("gap beside knowing nothing", "0 is none, 1 is all that can be learned", "share"),
    "best": Meaning("best loss", "the lowest so far"),
    "best_epoch": Meaning("best epoch", "the check of the best value", "count"),
    "value": Meaning("monitored value", "what early stopping read at the last check"),
    "batches": Meaning("mean batch loss", "over the last epoch, in training mode"),
    "loss": Meaning("loss", "that shows the divergence"),
    "start": Meaning("start", "the larger of chance and the lowest batch loss of epoch 1"),
    "floor": Meaning("floor", "the least that the loss can become"),
    "epoch": Meaning("epoch", "at which this was measured", "count"),
    "epochs": Meaning("epochs", "made so far", "count"),
    "lr": Meaning("learning rate", "optimizer.lr as set"),
    "speed": Meaning("speed", "share by which the best train loss falls per epoch, of late", "share"),
    "fell_per_epoch": Meaning("fall per epoch", "since epoch 1, beside knowing nothing", "share"),
    "jumps": Meaning("jumps", "epochs among the last 8 in which the train loss rose by a quarter or more", "count"),
    "update_ratio": Meaning("update ratio", "size of an update beside that of the weights; about 0.001 is usual"),
    "update_ratio_first": Meaning("update ratio, epoch 1", "the same, after the first epoch"),
    "l1": Meaning("C of L1", "regularization.l1"),
    "l2": Meaning("C of L2", "regularization.l2"),
    "accuracy": Meaning("accuracy", "share of validation examples that are answered right", "share"),
    "recall": Meaning("recall", "share of a class's validation examples that are found; over classes, their mean", "share"),
    "layer": Meaning("layer", "hidden layers are counted from the input"),
    "units": Meaning("units", "of that layer", "count"),
    "dead": Meaning("dead units", "0 for every one of the probed training examples", "share"),
    "saturated": Meaning("saturated values", "beyond 0.99 of the activation's range, where it is flat", "share"),
    "twins": Meaning("twins", "units with the same incoming weights, in the largest such group", "count"),
    "difference": Meaning("largest difference", "between the incoming weights of two units"),
    "std_first": Meaning("spread, first layer", "standard deviation of an activation across examples, mean over units"),
    "std_last": Meaning("spread, last layer", "the same of the last hidden layer"),
    "std_ratio": Meaning("spread, last / first", "1 keeps the signal; 0 loses it, far above 1 it explodes"),
    "gradient_last": Meaning("gradient, last layer", "norm of the loss's gradient with respect to the activations"),
    "gradient_first": Meaning("gradient, first layer", "the same, back at the first hidden layer"),
    "gradient_ratio": Meaning("gradient, first / last", "1 keeps the gradient on its way back"),
    "findings": Meaning("findings", "that no longer hold"),
}  # fmt: skip


def explained(evidence: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (name, value, meaning) of each number, ready to be shown; keys of another version keep their key."""
    rows: list[tuple[str, str, str]] = []
    for key, value in evidence.items():
        meaning = MEANINGS.get(key, Meaning(key.replace("_", " "), ""))
        rows.append((meaning.name, _written(value, meaning.form), meaning.text))
    return rows


def _written(value: Any, form: str) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item).replace("_", " ") for item in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if form == "share":
        return f"{100 * value:.3g} %"
    if form == "count" and value == value:
        return f"{value:.0f}"
    return f"{value:.0f}" if 10_000 <= abs(value) < 1e7 else f"{value:.4g}"
