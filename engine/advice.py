"""What should be known of an experiment's choices before its first step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from . import augmentation, initializers, regularization
from .experiment import Cnn, Experiment, Init, Mlp, Momentum, Rmsprop, Schedule

if TYPE_CHECKING:
    from .training import Training


#: The schedules that read each of these keys.
_SCHEDULED = {
    "every": ("step",),
    "factor": ("step", "plateau"),
    "patience": ("plateau",),
    "final": ("cosine",),
}


def notes(training: Training) -> tuple[str, ...]:
    """Return one sentence or two for each choice that is likely to surprise; most runs have none."""
    experiment, found = training.experiment, list[str]()
    model, optimizer, penalty = experiment.model, experiment.optimizer, experiment.regularization
    if isinstance(model, Mlp | Cnn):
        found += _of_network(training, model)
    if (risk := augmentation.label_risk(experiment.data.augmentation, experiment.data.name)) is not None:
        found.append(risk[0].upper() + risk[1:] + ".")
    # The other optimizers divide by the gradient's size: their steps are about lr long, whatever the penalty.
    if optimizer.kind in ("sgd", "momentum"):
        reach = 1 / (1 - optimizer.momentum) if isinstance(optimizer, Momentum) else 1.0
        found += [text + "." for text in regularization.warnings(optimizer.lr, penalty.l1, penalty.l2, reach)]
    if isinstance(optimizer, Rmsprop) and not 0.9 <= optimizer.beta <= 0.999:
        found.append(
            f"optimizer.beta = {optimizer.beta:g}: 0.9 to 0.999 is usual; less follows single batches, more is slow to adapt."
        )
    if isinstance(optimizer, Momentum) and optimizer.momentum >= 0.5 and optimizer.lr >= 0.5:
        found.append(
            f"Momentum {optimizer.momentum:g} makes steps up to {1 / (1 - optimizer.momentum):.3g} times as long as "
            f"optimizer.lr = {optimizer.lr:g} says: start at a tenth of the rate of plain gradient descent."
        )
    found += _without_effect(experiment)
    validation = len(training.data.validation)
    if training.data.task != "regression" and validation < 30:
        found.append(
            f"The validation part has {validation} examples: one of them moves accuracy by {1 / validation:.0%}."
        )
    return tuple(found)


def _without_effect(experiment: Experiment) -> list[str]:
    """Name the settings that were changed from their default and do nothing beside the others."""
    init, schedule, l1 = experiment.init, experiment.training.schedule, experiment.regularization.l1
    table: tuple[tuple[str, object, object, bool, str], ...] = (
        ("init.value", init.value, Init().value, init.kind == "constant", f"init.kind = {init.kind}"),
        ("init.scale", init.scale, Init().scale, init.kind in ("uniform", "normal"), f"init.kind = {init.kind}"),
        *(
            (f"training.schedule.{name}", getattr(schedule, name), getattr(Schedule(), name), schedule.kind in kinds,
             f"training.schedule.kind = {schedule.kind}")
            for name, kinds in _SCHEDULED.items()
        ),
        ("regularization.l1_method", experiment.regularization.l1_method, "proximal", l1 > 0, "regularization.l1 = 0"),
    )  # fmt: skip
    return [
        f"{key} = {value} has no effect with {beside}."
        for key, value, usual, works, beside in table
        if value != usual and not works
    ]


def _of_network(training: Training, model: Mlp | Cnn) -> list[str]:
    found: list[str] = []
    init = training.experiment.init
    depth = len(model.hidden) + (len(model.channels) if isinstance(model, Cnn) else 0)
    fans = [initializers.fans(weight)[0] for _, weight in training.network.weights[:-1]]
    if fans:
        typical = round(math.exp(sum(map(math.log, fans)) / len(fans)))
        text = initializers.advice(
            init.kind, model.activation, depth, {"value": init.value, "scale": init.scale}, fan_in=typical,
            batch_norm=model.batch_norm,
        )  # fmt: skip
        found += [text] if text else []
    if model.dropout == 1:
        found.append("model.dropout = 1 leaves nothing: every hidden unit is 0 in training. Use 0.2 to 0.5.")
    elif model.dropout > 0.8:
        found.append(
            f"model.dropout = {model.dropout:g} keeps {1 - model.dropout:.0%} of the units: expect underfitting."
        )
    if model.batch_norm and training.batch_size < 8:
        found.append(
            f"Batch norm over {training.batch_size} examples is noisy; use training.batch_size = 16 or more, or model.batch_norm = false."
        )
    return found
