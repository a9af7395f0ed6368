"""The rows of the experiment form: each part with its preset, and the values one may edit below it; pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from ..engine.data.names import FACTS
from ..engine.experiment import Experiment, Schedule
from ..engine.field_docs import field_docs
from ..engine.tasks import METRICS
from ..presets.catalog import named
from .text import clean, typed

#: Parts in the order of the lecture, with the sections they stand for and their titles.
PARTS = (
    ("data", "Data"),
    ("augmentation", "Augment"),
    ("model", "Model"),
    ("loss", "Loss"),
    ("optimizer", "Optimizer"),
    ("regularization", "Regularize"),
    ("init", "Init"),
    ("training", "Training"),
    ("stopping", "Stopping"),
)

#: Values that few people touch; the file and --set reach them.
_HIDDEN = {
    "data": {
        "name",
        "augmentation",
        "split",
        "preprocess",
        "scale_target",
        "missing",
        "task",
        "path",
        "target",
    },
    "model": {"kind", "output", "kernel"},
    "loss": {"kind", "allow_mismatch"},
    "optimizer": {"kind", "epsilon"},
    "regularization": set[str](),
    "init": {"kind"},
    "training": {"device", "precision", "threads", "checkpoint_every", "schedule"},
    "stopping": {"mode", "baseline", "warm_up"},
}


#: What the schema leaves to the name, for people who see the name for the first time.
_MEANINGS = {
    "lr": "η, the learning rate: how far one step goes. Too large: the loss jumps or diverges; too small: it crawls.",
    "momentum": "Share of the last step that is made again; 0 is plain gradient descent.",
    "beta": "Weight of the past in the running mean of g².",
    "beta1": "Weight of the past in the running mean of the gradient.",
    "beta2": "Weight of the past in the running mean of its square.",
    "weight_decay": "Share of each weight taken off per unit of learning rate, apart from the gradient.",
    "hidden": "Units of each hidden layer, first to last, for example [128, 64].",
    "activation": "What each hidden unit does to its sum: relu, leaky-relu, tanh, sigmoid, gelu or identity.",
    "batch_norm": "Standardize each unit over the mini-batch, then scale and shift it: steadier, faster training.",
    "dropout": "Probability with which a unit is left out of a training step; 0 is off.",
    "channels": "Channels of each convolution, first to last; each is followed by pooling.",
    "degree": "Highest power of the inputs.",
    "kernel": "Side of the convolutions' kernels, in pixels or samples.",
    "epsilon": "Keeps the step finite where gradients are tiny; inside the root with formula = lecture.",
    "regularization.l1": "C₁: strength of C·Σ|w|; the proximal step takes η·C off each weight.",
    "regularization.l2": "C₂: strength of C·Σw²; torch's weight_decay is 2·C.",
    "data.name": "The data set.",
    "permute_channels": "Whether the colour channels of each image are shuffled.",
    "schedule.kind": "How the learning rate changes over the run: constant, step, cosine or plateau.",
    "training.epochs": "Passes over the training examples, at most; early stopping may end it sooner.",
    "batch_size": "Examples per step, or full for all of them at once.",
    "stopping.mode": "Whether the monitored value is better when it is lower (min) or higher (max).",
    "stopping.enabled": "Off: everything is recorded and nothing stops before the last epoch.",
    "restore_best": "At the end go back to the weights of the best check.",
}


@dataclass(frozen=True)
class Row:
    """One line of the form."""

    key: str
    "A part (optimizer) or a value of it (optimizer.lr)."
    title: str
    value: str
    is_part: bool

    @property
    def part(self) -> str:
        """The part that the row belongs to."""
        return self.key.split(".")[0]


def rows(experiment: Experiment) -> list[Row]:
    """All rows for an experiment, in order."""
    plain = experiment.plain()
    regression = experiment.task == "regression"
    found: list[Row] = []
    for part, title in PARTS:
        if part == "augmentation" and not _has_examples_to_change(experiment):
            continue
        preset = named(experiment, part)
        found.append(Row(part, title, preset.short if preset else _summary(plain, part), is_part=True))
        section = plain.get(part, {})
        for name, value in section.items():
            if regression and name in ("label_noise", "class_weights"):
                continue
            if name not in _HIDDEN.get(part, set()) and _matters(part, name, section):
                found.append(Row(f"{part}.{name}", name.replace("_", " "), typed(value), is_part=False))
    return found


def _has_examples_to_change(experiment: Experiment) -> bool:
    facts = FACTS.get(experiment.data.name or "")
    return facts is None or facts.form != "table"


def _matters(part: str, name: str, section: Mapping[str, Any]) -> bool:
    """Leave out values that this kind ignores."""
    kind = section.get("kind")
    if part == "init":
        return (name == "value") == (kind == "constant") and (kind in ("constant", "uniform", "normal"))
    if part == "regularization" and name == "l1_method":
        return bool(section.get("l1"))
    return True


def meaning(experiment: Experiment, key: str) -> str:
    """What a value of the form is, in the words of the schema; empty where its name says it."""
    part, _, name = key.partition(".")
    return meaning_of(part, name, _section(experiment, part))


def choices(experiment: Experiment, key: str) -> dict[str, list[str]]:
    """What a value of the form may be, with the settings that make it so; empty where there are more than a few ways."""
    part, _, name = key.partition(".")
    if key == "stopping.monitor":
        # Each is better in one direction, which goes with it.
        modes = METRICS[experiment.task] if experiment.task else {}
        return {one: [f"{key}={one}", f"stopping.mode={mode}"] for one, mode in modes.items()}
    info = _section(experiment, part).model_fields.get(name)
    annotation = None if info is None else info.annotation
    few = (
        (True, False)
        if annotation is bool
        else get_args(annotation)
        if get_origin(annotation) is Literal
        else ()
    )
    return {typed(one): [f"{key}={typed(one)}"] for one in few}


def _section(experiment: Experiment, part: str) -> type[BaseModel]:
    """The class of a section, by its kind."""
    return type(experiment.data.augmentation if part == "augmentation" else getattr(experiment, part))


def meaning_of(part: str, name: str, section: type) -> str:
    """What a value is that a section of this type holds; of a table in it, `schedule.every`."""
    own = _MEANINGS.get(f"{part}.{name}") or _MEANINGS.get(name) or _MEANINGS.get(name.rpartition(".")[2])
    if name.startswith("schedule."):
        section, name = Schedule, name.removeprefix("schedule.")
    return own or field_docs(section).get(name, "")


def _summary(plain: Mapping[str, Any], part: str) -> str:
    """A name for a section that equals no preset."""
    if part == "augmentation":
        return "own"
    section = plain.get(part, {})
    return clean(str(section.get("kind") or section.get("name") or section.get("path") or "own"), 20) + " *"
