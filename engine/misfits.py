"""Values of an experiment that are fine alone and wrong beside others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from .data.names import FACTS, Form, Task
from .errors import did_you_mean, quoted
from .tasks import METRICS

if TYPE_CHECKING:
    from .experiment import Experiment

#: What tells the task and the form of the data.
_DATA = ("data.name", "data.path", "data.task")

#: The losses that fit a task.
_FITS: dict[Task, tuple[str, ...]] = {
    "multiclass": ("cce",),
    "binary": ("bce",),
    "regression": ("mse", "mae", "mape"),
}
#: The augmentations of a form of data.
_IMAGE = {"flip", "rotation", "contrast", "colour_shift", "permute_channels", "shift", "crop"}
_AUDIO = {"snr_db", "gain_db", "time_shift", "time_mask"}


class Misfit(NamedTuple):
    """One thing that is fine alone and wrong beside others."""

    key: str
    "The key to change."
    reason: str
    "Why it does not fit, with a way out."
    others: tuple[str, ...] = _DATA
    "The keys that it does not fit."


class MisfitError(ValueError):
    """Values that are fine alone and wrong together."""

    def __init__(self, found: list[Misfit]) -> None:
        super().__init__("; ".join(f"{one.key}: {one.reason}" for one in found))
        self.found = found


def problems(experiment: Experiment, task: Task | None, form: Form | None) -> list[Misfit]:
    """List what does not fit together; unknown task or form are passed over."""
    found = [
        _name(experiment), *_loss(experiment, task), *_output(experiment, task), _monitor(experiment, task),
        _model(experiment, form), *_classes(experiment, task), _augmentation(experiment, form),
    ]  # fmt: skip
    return [one for one in found if one is not None]


def _name(experiment: Experiment) -> Misfit | None:
    name = experiment.data.name
    if name is None or name in FACTS:
        return None
    return Misfit("data.name", f"no data set {quoted(name)}; {did_you_mean(name, FACTS)}")


def _loss(experiment: Experiment, task: Task | None) -> Iterator[Misfit]:
    loss = experiment.loss
    if task is None or loss.kind == "auto" or loss.kind in _FITS[task]:
        return
    use = f"use {' or '.join(_FITS[task])}"
    reason = ""
    if loss.kind == "bce":
        reason = f"bce compares one probability with a target of 0 or 1; a {task} task has none: {use}"
    elif loss.kind == "cce" and task == "regression":
        reason = f"cce compares class probabilities; a regression task has none: {use}"
    elif loss.kind == "cce":
        way = 'data.task = "multiclass" for an output per class'
        reason = f"cce wants one output per class, and the network of a binary task has a single one: {use}, or {way}"
    elif loss.kind == "mape":
        reason = f"mape divides by the target, and that of a {task} task is 0 for some examples: {use}"
    elif not loss.allow_mismatch:
        reason = f"{loss.kind} does not fit a {task} task; {use}, or set loss.allow_mismatch = true to do it on purpose"
    if reason:
        yield Misfit("loss.kind", reason)


def _output(experiment: Experiment, task: Task | None) -> Iterator[Misfit]:
    loss, output = experiment.loss, experiment.model.output
    if loss.kind in ("bce", "cce") and output != "linear" and not loss.allow_mismatch:
        twice = "sigmoid" if loss.kind == "bce" else "softmax"
        yield Misfit(
            "model.output",
            f"{loss.kind} holds its own {twice} and wants linear output (logits); set loss.allow_mismatch = true to see what a second one does",
            ("loss.kind",),
        )
    if task in ("binary", "regression") and output == "softmax":
        reason = f"a softmax over the single output of a {task} task is always 1"
        yield Misfit("model.output", f"{reason}: use {'sigmoid or ' * (task == 'binary')}linear")
    elif (
        task == "regression"
        and output == "sigmoid"
        and experiment.data.scale_target
        and not loss.allow_mismatch
    ):
        reason = "a sigmoid stays between 0 and 1, and scaled targets do not"
        yield Misfit(
            "model.output",
            f"{reason}: use linear, or data.scale_target = false for targets within (0, 1)",
            (*_DATA, "data.scale_target"),
        )


def _monitor(experiment: Experiment, task: Task | None) -> Misfit | None:
    monitor, mode = experiment.stopping.monitor, experiment.stopping.mode
    if task and monitor not in METRICS[task]:
        there = ", ".join(METRICS[task])
        return Misfit("stopping.monitor", f"{monitor} is not measured in a {task} task; there are {there}")
    directions = {name: way for metrics in METRICS.values() for name, way in metrics.items()}
    if directions[monitor] == mode:
        return None
    better = "higher" if mode == "min" else "lower"
    reason = f'{monitor} is better when {better}: set stopping.mode = "{directions[monitor]}"'
    return Misfit("stopping.mode", reason, ("stopping.monitor",))


def _model(experiment: Experiment, form: Form | None) -> Misfit | None:
    kind = experiment.model.kind
    if form == "table" and kind == "cnn":
        return Misfit("model.kind", "a cnn needs images or sound; this data is a table: use mlp")
    if form and form != "table" and kind == "polynomial":
        return Misfit(
            "model.kind",
            f"a polynomial takes the powers of a table's columns; this data is {form}: use mlp, cnn or linear",
        )
    return None


def _classes(experiment: Experiment, task: Task | None) -> Iterator[Misfit]:
    if task != "regression":
        return
    if experiment.data.label_noise > 0:
        yield Misfit("data.label_noise", "a regression task has no class labels to replace; set it to 0")
    if experiment.loss.class_weights != "none":
        yield Misfit("loss.class_weights", "a regression task has no classes to weigh")


def _augmentation(experiment: Experiment, form: Form | None) -> Misfit | None:
    augmentation = experiment.data.augmentation
    if form is None or not augmentation.active:
        return None
    unfit = {"table": _IMAGE | _AUDIO, "image": _AUDIO, "audio": _IMAGE}[form]
    wrong = unfit & augmentation.model_dump(exclude_defaults=True).keys()
    if not wrong:
        return None
    return Misfit("data.augmentation", f"{', '.join(sorted(wrong))} cannot be applied to {form} data")
