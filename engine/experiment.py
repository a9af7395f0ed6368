"""The complete, frozen configuration of one training: what a preset file describes and a run directory keeps.

Importing this module is cheap: it knows names and ranges, never torch. Whatever can be refused without
looking at the data is refused here, all errors at once; `ladera.engine.data` refuses the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .data.names import FACTS, Task, named_task
from .errors import did_you_mean, quoted
from .field_docs import field_docs
from .misfits import Misfit, MisfitError, problems
from .tasks import METRICS, USUAL_LOSS

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

Activation = Literal["relu", "leaky-relu", "tanh", "sigmoid", "gelu", "identity"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
# Above this a double no longer tells neighbours apart, and JSON readers round.
_MOST = 2**53 - 1
Count = Annotated[int, Field(ge=1, le=_MOST)]
CountOrZero = Annotated[int, Field(ge=0, le=_MOST)]
Width = Annotated[int, Field(ge=1, le=65536)]
Widths = Annotated[tuple[Width, ...], Field(strict=False, max_length=1000)]


class Part(BaseModel):
    """A section of an experiment: immutable, and strict about keys it does not know."""

    # Strict: `true` is not a number, "3" is not a number, 1e2 is not a whole number.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Add the fields' docstrings, which pydantic would read at every import."""
        found = handler(core_schema)
        properties = handler.resolve_ref_schema(found).get("properties", {})
        for name, text in field_docs(cls).items():
            properties.get(name, {})["description"] = text
        return found


class Augmentation(Part):
    """Random changes to training examples, drawn anew for each example and epoch; every knob is off at 0."""

    flip: Fraction = 0.0
    "Probability of a horizontal flip."
    rotation: Annotated[float, Field(ge=0, le=360)] = 0.0
    "Largest rotation in degrees; the angle is uniform in plus or minus this."
    contrast: Fraction = 0.0
    "Largest relative change of contrast about the image's mean."
    colour_shift: Fraction = 0.0
    "Largest shift added to each colour channel; pixel values run from 0 to 1."
    permute_channels: bool = False
    "Shuffle the colour channels of each image."
    shift: Annotated[int, Field(ge=0, le=64)] = 0
    "Largest shift in pixels along each axis; what leaves the image is lost, the border is repeated."
    crop: Annotated[int, Field(ge=0, le=64)] = 0
    "Padding in pixels before a random crop back to the original size."
    noise: NonNegative = 0.0
    "Standard deviation of Gaussian noise added to every value, in units of the preprocessed input."
    snr_db: Annotated[float, Field(ge=-40, le=120)] | None = None
    "Audio: signal-to-noise ratio of added white noise in decibels."
    gain_db: Annotated[float, Field(ge=0, le=60)] = 0.0
    "Audio: largest change of loudness in decibels, up or down."
    time_shift: Fraction = 0.0
    "Audio: largest circular shift as a fraction of the clip."
    time_mask: Fraction = 0.0
    "Audio: largest silenced stretch as a fraction of the clip."

    @property
    def active(self) -> bool:
        """Whether any knob changes an example."""
        return self != Augmentation()


class Data(Part):
    """Which examples, how they are split and prepared."""

    name: str | None = None
    "A built-in data set, or mnist, fashion-mnist, cifar-10."
    path: Annotated[Path, Field(strict=False)] | None = None
    "A CSV, TSV or NPZ file, or a folder with one sub-folder of images or WAVs per class."
    target: str | None = None
    "Column to predict (CSV); the last one if not given."
    task: Task | None = None
    "Needed only where the target column leaves it open."
    split: Annotated[tuple[Fraction, Fraction, Fraction], Field(strict=False)] = (0.6, 0.2, 0.2)
    "Shares of training, validation and test; stratified for classes."
    preprocess: Literal["none", "standardize", "minmax"] = "standardize"
    "Fitted on the training part only; a constant column becomes 0. standardize divides by the biased (1/n) deviation."
    scale_target: bool = True
    "Regression: train on the target standardized by the training part; losses and errors are shown in the target's own unit."
    missing: Literal["refuse", "mean", "drop"] = "refuse"
    "What to do with missing values: refuse, fill with the training mean (a class of its own for text), or drop the row."
    examples: Annotated[int, Field(ge=8, le=1_000_000)] | None = None
    "How many examples to generate (synthetic data only)."
    noise: NonNegative | None = None
    "Standard deviation of the noise of synthetic data."
    subset: Annotated[int, Field(ge=4, le=_MOST)] | None = None
    "Use only this many training examples (drawn by the seed, stratified)."
    label_noise: Fraction = 0.0
    "Share of the training labels replaced by another class at random."
    augmentation: Augmentation = Augmentation()

    @field_validator("path", mode="before")
    @classmethod
    def empty_is_no_path(cls, value: Any) -> Any:
        """Refuse an empty path, which would be read as the working directory."""
        if isinstance(value, str) and not value.strip():
            raise ValueError("must name a file or folder")
        return value

    @field_validator("augmentation", mode="before")
    @classmethod
    def none_is_off(cls, value: Any) -> Any:
        """Read `augmentation = "none"` as all knobs off."""
        return Augmentation() if value == "none" else value

    @model_validator(mode="after")
    def one_source(self) -> Self:
        """Demand exactly one of name and path, and shares that add up."""
        if (self.name is None) == (self.path is None):
            reason = "give either name (a built-in data set) or path (a file or folder), not both"
            raise MisfitError([Misfit("data", reason, ())])
        if abs(sum(self.split) - 1) > 1e-6:
            raise MisfitError([Misfit("data.split", f"must add up to 1, not {sum(self.split):g}", ())])
        if self.split[0] == 0 or self.split[1] == 0:
            raise MisfitError([Misfit("data.split", "needs a training and a validation share above 0", ())])
        return self


class Mlp(Part):
    """Fully connected layers: linear, batch norm if asked for, activation, dropout; then a linear output."""

    kind: Literal["mlp"] = "mlp"
    hidden: Widths = (128, 64)
    activation: Activation = "relu"
    batch_norm: bool = False
    dropout: Fraction = 0.0
    output: Literal["linear", "sigmoid", "softmax"] = "linear"
    "What the last layer returns. The losses bce and cce want linear (logits): they hold their own sigmoid or softmax."


class Cnn(Part):
    """Convolution, batch norm if asked for, activation and 2x2 max pooling per entry of channels; then linear layers."""

    kind: Literal["cnn"]
    channels: Annotated[Widths, Field(min_length=1)] = (16, 32)
    kernel: Literal[1, 3, 5, 7] = 3
    hidden: Widths = (64,)
    activation: Activation = "relu"
    batch_norm: bool = False
    dropout: Fraction = 0.0
    output: Literal["linear", "sigmoid", "softmax"] = "linear"


class Linear(Part):
    """One linear layer: linear regression, or logistic regression behind bce and cce."""

    kind: Literal["linear"]
    output: Literal["linear", "sigmoid", "softmax"] = "linear"


class Polynomial(Part):
    """A polynomial of every input: a linear layer on polynomials of degree 1 to `degree`, which span what the powers span."""

    kind: Literal["polynomial"]
    degree: Annotated[int, Field(ge=1, le=30)] = 5
    output: Literal["linear", "sigmoid", "softmax"] = "linear"


Model = Annotated[Mlp | Cnn | Linear | Polynomial, Field(discriminator="kind")]


class Loss(Part):
    """The scalar that training minimises: the mean of per-example losses."""

    kind: Literal["auto", "bce", "cce", "mae", "mse", "mape"] = "auto"
    "auto is the usual loss of the data's task: cce, bce for two classes, mse for numbers."
    class_weights: Literal["none", "balanced"] = "none"
    "balanced weighs each class by n / (classes * its count) in training, so that a rare class counts as much."
    allow_mismatch: bool = False
    "Train on a loss that does not fit the task (a lesson compares bce with mse behind a sigmoid)."


class _Optimizer(Part):
    lr: Positive = 0.01
    "Learning rate eta."
    formula: Literal["pytorch", "lecture"] = "pytorch"
    "lecture: epsilon inside the root, learning rate inside the velocity."


class Sgd(_Optimizer):
    """Plain gradient descent."""

    kind: Literal["sgd"]


class Momentum(_Optimizer):
    """Gradient descent with a velocity."""

    kind: Literal["momentum"]
    momentum: Decay = 0.9
    "gamma: the share of the velocity that is kept each step."


class Adagrad(_Optimizer):
    """A rate per weight that falls with the sum of its squared gradients."""

    kind: Literal["adagrad"]
    epsilon: NonNegative = 1e-10


class Rmsprop(_Optimizer):
    """A rate per weight by a moving mean of its squared gradients."""

    kind: Literal["rmsprop"]
    lr: Positive = 0.001
    beta: Decay = 0.9
    "Memory of the moving mean; 0.9 to 0.999 in practice."
    epsilon: NonNegative = 1e-8


class Adam(_Optimizer):
    """Moving means of the gradient and its square, bias-corrected."""

    kind: Literal["adam"] = "adam"
    lr: Positive = 0.001
    beta1: Decay = 0.9
    beta2: Decay = 0.999
    epsilon: NonNegative = 1e-8


class Adamw(_Optimizer):
    """Adam with decoupled weight decay."""

    kind: Literal["adamw"]
    lr: Positive = 0.001
    beta1: Decay = 0.9
    beta2: Decay = 0.999
    epsilon: NonNegative = 1e-8
    weight_decay: NonNegative = 0.01
    "Each step also shrinks the weights by lr * weight_decay; not an L2 penalty."


Optimizer = Annotated[Sgd | Momentum | Adagrad | Rmsprop | Adam | Adamw, Field(discriminator="kind")]


class Regularization(Part):
    """Penalties on weight matrices; biases and batch-norm parameters are left out."""

    l1: NonNegative = 0.0
    "C of C * sum |w|."
    l2: NonNegative = 0.0
    "C of C * sum w^2; torch's weight_decay is 2C."
    l1_method: Literal["proximal", "subgradient"] = "proximal"
    "proximal soft-thresholds after the step and gives exact zeros; a subgradient never does."


class Init(Part):
    """How weight matrices start; biases start at 0."""

    kind: Literal[
        "constant", "zeros", "uniform", "normal", "fan-in-uniform",
        "xavier-uniform", "xavier-normal", "he-uniform", "he-normal",
    ] = "he-uniform"  # fmt: skip
    value: Annotated[float, Field(allow_inf_nan=False)] = 0.1
    "The constant (constant only)."
    scale: Positive = 0.05
    "Half-width of uniform, standard deviation of normal (these two only)."


class Schedule(Part):
    """How the learning rate changes over the run; lr is its peak."""

    kind: Literal["constant", "step", "cosine", "plateau"] = "constant"
    warmup: CountOrZero = 0
    "Epochs of linear warm-up, counted in steps."
    every: Count = 30
    "step: epochs between cuts."
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    "step, plateau: what a cut multiplies the rate by."
    patience: Count = 5
    "plateau: checks without improvement of the monitored value before a cut."
    final: Fraction = 0.0
    "cosine: share of lr left at the last epoch."


class Training(Part):
    """The loop: how long, in what portions, from which seed, on which device."""

    epochs: Annotated[int, Field(ge=1, le=10_000_000)] = 100
    batch_size: Count | Literal["full"] = 64
    validate_every: Count = 1
    "Epochs between checks; the last epoch is always checked."
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    "Governs split, shuffling, initialization, dropout, augmentation and label noise, each through a generator of its own."
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    precision: Literal["float32", "float64"] = "float32"
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    "CPU threads; 0 chooses by the size of the network."
    clip_norm: NonNegative = 0.0
    "Largest Euclidean norm of the whole gradient; 0 is off."
    schedule: Schedule = Schedule()
    checkpoint_every: NonNegative = 60.0
    "Seconds between checkpoints; 0 keeps only those asked for and the last."


class Stopping(Part):
    """Early stopping on a validation value."""

    enabled: bool = True
    monitor: str = "loss"
    "loss or a metric of the task."
    mode: Literal["min", "max"] = "min"
    patience: CountOrZero = 10
    "Checks in a row without improvement after which training stops; 0 counts as 1."
    min_delta: NonNegative = 0.0
    "An improvement must exceed this."
    baseline: Annotated[float, Field(allow_inf_nan=False)] | None = None
    "The count is reset only by values that also beat this."
    warm_up: CountOrZero = 0
    "Epochs in which the best is recorded but nothing is counted."
    restore_best: bool = True

    @field_validator("monitor")
    @classmethod
    def known_monitor(cls, monitor: str) -> str:
        """Refuse what no task measures."""
        known = {name for metrics in METRICS.values() for name in metrics}
        if monitor not in known:
            reason = f"{quoted(monitor)} is not measured; {did_you_mean(monitor, sorted(known))}"
            raise MisfitError([Misfit("stopping.monitor", reason, ())])
        return monitor


class Experiment(Part):
    """The complete configuration of one training.

    `Experiment.model_validate(mapping)` builds one from plain values; every field has a default but
    `data`, and `pydantic.ValidationError` lists every fault at once.
    """

    #: Sections that can be named part presets, in the order of the lecture.
    PARTS: ClassVar[tuple[str, ...]] = (
        "data",
        "model",
        "loss",
        "optimizer",
        "regularization",
        "init",
        "training",
        "stopping",
    )

    description: Annotated[str, Field(max_length=500)] = ""
    data: Data = Data(name="digits")
    model: Model = Mlp()
    loss: Loss = Loss()
    optimizer: Optimizer = Adam()
    regularization: Regularization = Regularization()
    init: Init = Init()
    training: Training = Training()
    stopping: Stopping = Stopping()

    @model_validator(mode="before")
    @classmethod
    def fill_kinds(cls, value: Any) -> Any:
        """Give sections without a kind their usual one; the usual loss depends on the task."""
        if not isinstance(value, dict):
            return value
        filled = dict(value)
        for section, kind in (
            ("model", "mlp"),
            ("optimizer", "adam"),
            ("loss", _usual_loss(value.get("data"))),
        ):
            given = filled.get(section, {})
            open_kind = isinstance(given, dict) and (
                "kind" not in given or (section == "loss" and given["kind"] == "auto")
            )
            if open_kind:
                filled[section] = {**given, "kind": kind}
        return filled

    @model_validator(mode="after")
    def parts_fit(self) -> Self:
        """Refuse parts that contradict each other, as far as the data set's name tells."""
        facts = FACTS.get(self.data.name or "")
        found = problems(self, self.task, facts.form if facts else None)
        if found:
            raise MisfitError(found)
        return self

    @property
    def task(self) -> Task | None:
        """The task, as far as the data set's name or data.task tells without reading the data."""
        name, asked = self.data.name, self.data.task
        return named_task(name, asked) if name is not None and name in FACTS else asked

    def for_task(self, task: Task) -> Experiment:
        """Return the experiment with the usual loss of a task if its loss is auto, else itself."""
        if self.loss.kind != "auto":
            return self
        return self.model_copy(update={"loss": self.loss.model_copy(update={"kind": USUAL_LOSS[task]})})

    def plain(self) -> dict[str, Any]:
        """Return the experiment as nested plain values, complete, without keys that are None."""
        return self.model_dump(mode="json", exclude_none=True)


def _usual_loss(data: Any) -> str:
    """Name the usual loss of the data's task; auto where the task shows only in the file."""
    if isinstance(data, Data):
        name, task = data.name, data.task
    elif isinstance(data, dict):
        name, task = data.get("name"), data.get("task")
    else:
        name, task = "digits", None
    known = named_task(name, task) if isinstance(name, str) and name in FACTS else task
    return next((kind for name, kind in USUAL_LOSS.items() if name == known), "auto")
