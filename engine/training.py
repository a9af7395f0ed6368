"""The complete state of one training, one update of it, and one evaluation.

What happens when, and what is told of it, is `loop.run`'s concern.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Generator, Tensor

from . import machine, regularization
from .batches import Batches
from .changes import changed_live
from .cuda_graphs import Replayed
from .data.prepare import Examples, Prepared, prepare
from .descent import descend
from .errors import InputError
from .experiment import Experiment
from .layers import Dropout
from .losses import LOSSES
from .metrics import evaluate, threshold
from .models import build
from .optimizers import OPTIMIZERS
from .schedules import Plateau, rate
from .seeds import derive
from .stopping import EarlyStopping

# Numbers that a portion of an evaluation holds at once.
_EVALUATE = 1 << 21
# Multiplications of a portion of an evaluation: a fraction of a second on one slow core.
_PORTION = 1 << 30
# A GPU has more of both.
_GPU_SCALE = 32
# Multiplications of an update that take a GPU longer than being told of its kernels.
_LAUNCHED = 10_000_000_000


class Training:
    """Everything that changes while training, and what it is computed from."""

    def __init__(self, experiment: Experiment) -> None:
        seed = experiment.training.seed
        self.device = machine.choose_device(experiment.training.device)
        self.data: Prepared = prepare(experiment, self.device)
        self.experiment = experiment = experiment.for_task(self.data.task)
        self.dropout_generator = Generator(self.device).manual_seed(derive(seed, "dropout"))
        self.augmentation_generator = Generator(self.device).manual_seed(derive(seed, "augmentation"))
        self.network = build(
            experiment.model,
            experiment.init,
            self.data.shape,
            len(self.data.classes) if self.data.task == "multiclass" else 1,
            generator=Generator().manual_seed(derive(seed, "init")),
            dropout_generator=self.dropout_generator,
            device=self.device,
            dtype=getattr(torch, experiment.training.precision),
        )
        self.network.fit(self.data.train.x)
        self.optimizer = OPTIMIZERS[experiment.optimizer.kind](
            **experiment.optimizer.model_dump(exclude={"kind"})
        )
        self.optimizer_state = self.optimizer.init(self.network.parameters)
        self.plateau = Plateau(experiment.training.schedule, experiment.stopping.mode)
        self.stopping = EarlyStopping(**experiment.stopping.model_dump())
        self.best_parameters: Tensor | None = None
        self.best_buffers: Tensor | None = None
        self.step = 0
        self.torn = False
        "Whether an update, or the judgement of a check, was left in the middle: the state is then that of no step."
        size = experiment.training.batch_size
        self.batch_size = len(self.data.train.x) if size == "full" else min(size, len(self.data.train.x))
        self.steps_per_epoch = math.ceil(len(self.data.train.x) / self.batch_size)
        self.loss = LOSSES[experiment.loss.kind]
        scale = self.data.target_scale
        self.unit = {"mse": scale**2, "mae": scale}.get(experiment.loss.kind, 1.0)
        "Factor from the loss in the unit of training to the loss in the target's own unit."
        self.batches = Batches(self.data, self.batch_size, seed, self.augmentation_generator)
        self._one_hot = experiment.loss.kind in ("mse", "mae") and self.data.task == "multiclass"
        self._passes: Callable[[Tensor, Tensor], Tensor] = self._forward_and_backward
        self._replayed: Replayed | None = None
        if self.device.type == "cuda" and self.operations < _LAUNCHED:
            self._passes = self._replayed = Replayed(self._forward_and_backward, [self.dropout_generator])

    # -- one update ---------------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def update(self, epoch: int, index: int) -> float:
        """Make one update and return the batch's data loss in the unit of training.

        Class weights shape the gradient only: told losses count every example alike, so that those of batches, epochs
        and checks compare. A non-finite loss changes no weight.
        """
        # Only now: on a GPU this waits for all that was asked for.
        value = self._passes(*self.batches.batch(epoch, index)).item()
        if not math.isfinite(value):
            return value
        self.torn = True
        descend(self.network, self.experiment, self.optimizer, self.optimizer_state, self.rate())
        self.step += 1
        self.torn = False
        return value

    def _forward_and_backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Fill the gradients from a batch and return its mean loss (0-dim)."""
        output = self.network.forward(x, training=True)
        loss, gradient = self.objective(output, y)
        if self.data.class_weights is not None:
            loss = self.loss.per_example(output, self.as_target(y, output)).mean()
        self.network.backward(gradient)
        return loss

    def rate(self) -> float:
        """Return the learning rate of the next step."""
        training, lr = self.experiment.training, self.experiment.optimizer.lr
        if training.schedule.kind == "constant" and not training.schedule.warmup:
            return lr
        return (
            rate(training.schedule, lr, self.step, self.steps_per_epoch, training.epochs) * self.plateau.scale
        )

    def objective(self, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a batch, weighted by class if asked, in the unit of training, and its gradient.

        The gradient is that with respect to the output.
        """
        weights = self.data.class_weights
        if weights is not None:
            weights = weights[y.long().view(-1)]
        return self.loss.mean_and_gradient(output, self.as_target(y, output), weights)

    def as_target(self, y: Tensor, output: Tensor) -> Tensor:
        """Return targets in the form that the loss compares outputs with: classes one-hot for mse and mae."""
        if not self._one_hot:
            return y
        # torch's one_hot looks at every class first, for which a GPU must be waited for.
        return torch.zeros_like(output).scatter_(1, y.unsqueeze(1), 1.0)

    # -- evaluation ---------------------------------------------------------------------------------------------------

    @property
    def threshold(self) -> float:
        """Above what the network's single output says class 1."""
        return threshold(self.experiment.model.output, self.experiment.loss.kind)

    def portions(self, x: Tensor) -> Iterator[Tensor]:
        """Map preprocessed examples in evaluation mode, some at a time: bounded in memory and well under a second."""
        layers, scale = self.network.layers, _GPU_SCALE if self.device.type == "cuda" else 1
        widest = max([x[0].numel() if len(x) else 1, *(layer.width for layer in layers)])
        operations = max(1, sum(layer.operations for layer in layers))
        rows = min(max(64, _EVALUATE * scale // widest), max(1, _PORTION * scale // operations))
        for start in range(0, max(1, len(x)), rows):
            yield self.network.forward(x[start : start + rows])

    def outputs(self, x: Tensor) -> Tensor:
        """Map preprocessed examples in evaluation mode."""
        return torch.cat(list(self.portions(x)))

    def evaluate(self, examples: Examples) -> dict[str, Any]:
        """Return the mean data loss and the metrics, both in the target's own unit, in evaluation mode."""
        return self.measured(self.outputs(examples.x), examples.y)

    @torch.inference_mode()
    def measured(self, output: Tensor, y: Tensor) -> dict[str, Any]:
        """Return what `evaluate` does for outputs that are there already."""
        # Each of the numbers would wait for a GPU.
        output, y = output.cpu(), y.cpu()
        center, scale = self.data.target_center, self.data.target_scale
        if self.data.task == "regression":
            own_output, own_y = output * scale + center, y * scale + center
        else:
            own_output, own_y = output, y
        losses = self.loss.per_example(output, self.as_target(y, output))
        metrics = evaluate(self.data.task, own_output, own_y, self.threshold)
        return {"loss": losses.mean().item() * self.unit, "metrics": metrics}

    def penalty(self) -> float:
        """Return C1 Σ|w| + C2 Σw² over the weight matrices, in the unit of the told loss: added to it, it is what falls."""
        penalty = self.experiment.regularization
        if not self.penalized:
            return 0.0
        return regularization.penalty(self.network.regularized, l1=penalty.l1, l2=penalty.l2) * self.unit

    def sparsity(self) -> dict[str, Any]:
        """Return what a penalty left of the weights as they are now; empty without a penalty. See RunEnded.weights."""
        if not self.penalized:
            return {}
        shares = regularization.sparsity(self.network.regularized)
        facts: dict[str, Any] = {"penalty": self.penalty(), "zeros": shares.zeros, "small": shares.small}
        inputs = math.prod(self.data.shape)
        first = self.network.weights[0][1]
        if first.dim() == 2 and first.shape[1] % inputs == 0:
            unused = regularization.unused_inputs(first, inputs)
            facts |= {"inputs": inputs, "unused_inputs": len(unused)}
            if names := self.data.feature_names:
                facts["unused"] = tuple(names[index] for index in unused[:20])
        return facts

    @property
    def penalized(self) -> bool:
        """Whether an L1 or L2 penalty is on."""
        return bool(self.experiment.regularization.l1 or self.experiment.regularization.l2)

    # -- best weights, changes, copies --------------------------------------------------------------------------------

    def keep_best(self) -> None:
        """Copy the weights and running statistics as the best so far."""
        if self.best_parameters is None or self.best_buffers is None:
            self.best_parameters = torch.empty_like(self.network.parameters)
            self.best_buffers = torch.empty_like(self.network.buffers)
        self.best_parameters.copy_(self.network.parameters)
        self.best_buffers.copy_(self.network.buffers)

    def restore_best(self) -> bool:
        """Load the best weights; False if there are none."""
        if self.best_parameters is None or self.best_buffers is None:
            return False
        self.network.parameters.copy_(self.best_parameters)
        self.network.buffers.copy_(self.best_buffers)
        return True

    def change(self, key: str, value: Any) -> None:
        """Set a live hyperparameter. Raises InputError if the key is not live or the value not valid."""
        self.apply(changed_live(self.experiment, key, value))

    def apply(self, experiment: Experiment) -> None:
        """Go on with an experiment that differs in live keys only."""
        self.experiment = experiment
        optimizer = experiment.optimizer.model_dump(exclude={"kind"})
        for name, value in optimizer.items():
            setattr(self.optimizer, name, value)
        for layer in self.network.layers:
            if isinstance(layer, Dropout):
                layer.p = getattr(experiment.model, "dropout", 0.0)
        if self._replayed is not None:
            self._replayed.forget()
        state = self.stopping.state()
        self.stopping = EarlyStopping(**experiment.stopping.model_dump())
        self.stopping.restore(state)

    def forget_best(self) -> None:
        """Let early stopping begin anew, as it does for a run that branches off."""
        self.stopping = EarlyStopping(**self.experiment.stopping.model_dump())
        self.best_parameters = self.best_buffers = None

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor a resumed run needs; views, not copies."""
        tensors = {"parameters": self.network.parameters, "buffers": self.network.buffers}
        tensors |= {f"optimizer.{name}": value for name, value in self.optimizer_state.items()}
        if self.best_parameters is not None and self.best_buffers is not None:
            tensors |= {"best.parameters": self.best_parameters, "best.buffers": self.best_buffers}
        tensors["generator.dropout"] = self.dropout_generator.get_state()
        tensors["generator.augmentation"] = self.augmentation_generator.get_state()
        return tensors

    def plain(self) -> dict[str, Any]:
        """Return every number a resumed run needs, ready for JSON."""
        return {
            "step": self.step,
            "lr": self.optimizer.lr,
            "stopping": self.stopping.state(),
            "plateau": self.plateau.state(),
        }

    def restore(self, tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> tuple[str, ...]:
        """Continue from saved state; return which random choices in use (dropout, augmentation) begin a stream anew.

        They do if another kind of device saved the state: its generator's state fits no other. Raises InputError if the
        shapes are not those of this experiment.
        """
        here = {"parameters": self.network.parameters, "buffers": self.network.buffers}
        here |= {f"optimizer.{name}": value for name, value in self.optimizer_state.items()}
        if "best.parameters" in tensors:
            self.best_parameters = torch.empty_like(self.network.parameters)
            self.best_buffers = torch.empty_like(self.network.buffers)
            here |= {"best.parameters": self.best_parameters, "best.buffers": self.best_buffers}
        for name, value in here.items():
            saved = tensors.get(name)
            if saved is None or saved.shape != value.shape:
                count = "no" if saved is None else f"{saved.numel()} numbers as"
                raise InputError(
                    f"the checkpoint holds {count} {name}, this experiment has {value.numel()}: "
                    "the model or the data changed; start a new run"
                )
            value.copy_(saved)
        self.step = plain["step"]
        self.optimizer.lr = plain["lr"]
        self.stopping.restore(plain["stopping"])
        self.plateau.restore(plain["plateau"])
        # Last: preparing the data again must not move the streams.
        seed, anew = self.experiment.training.seed, list[str]()
        uses = {
            "dropout": any(isinstance(layer, Dropout) and layer.p for layer in self.network.layers),
            "augmentation": self.data.augmentation.active,
        }
        for purpose, used in uses.items():
            generator: Generator = getattr(self, f"{purpose}_generator")
            if not _go_on(generator, tensors.get(f"generator.{purpose}")):
                generator.manual_seed(derive(seed, purpose, self.step))
                anew += [purpose] * used
        return tuple(anew)

    # -- facts --------------------------------------------------------------------------------------------------------

    @property
    def operations(self) -> int:
        """Multiplications of one update: a forward and two backward products per weight and example."""
        return 3 * self.batch_size * sum(layer.operations for layer in self.network.layers)

    def threads(self) -> int:
        """Return the CPU threads to use."""
        return machine.threads(self.experiment.training.threads, self.operations)

    def report_every(self) -> int:
        """Return the steps between two StepsEnded events."""
        asked, layers = self.experiment.training.threads, len(self.network.layers)
        return machine.report_every(self.device.type, asked, layers, self.operations)


def _go_on(generator: Generator, state: Tensor | None) -> bool:
    """Let a generator go on from a saved state; False if the state is not one of its device."""
    if state is None or state.shape != generator.get_state().shape:
        return False
    try:
        generator.set_state(state.cpu())
    except (RuntimeError, TypeError):
        return False
    return True
