"""The data sets known by name: what can be said of each without loading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Task = Literal["multiclass", "binary", "regression"]
Form = Literal["table", "image", "audio"]
PartName = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a data set before it is read."""

    task: Task
    form: Form = "table"
    "table: (features,); image: (channels, height, width); audio: (1, samples)."
    synthetic: bool = False
    "Generated from the run's seed; `examples` and `noise` apply."
    online: bool = False
    "Fetched from openml.org on first use."


FACTS: dict[str, Facts] = {
    "digits": Facts("multiclass", "image"),
    "breast-cancer": Facts("binary"),
    "wine": Facts("multiclass"),
    "iris": Facts("multiclass"),
    "diabetes": Facts("regression"),
    "moons": Facts("binary", synthetic=True),
    "spirals": Facts("binary", synthetic=True),
    "circles": Facts("binary", synthetic=True),
    "xor": Facts("binary", synthetic=True),
    "noisy-sine": Facts("regression", synthetic=True),
    "outlier-line": Facts("regression", synthetic=True),
    "shapes": Facts("multiclass", "image", synthetic=True),
    "tones": Facts("multiclass", "audio", synthetic=True),
    "mnist": Facts("multiclass", "image", online=True),
    "fashion-mnist": Facts("multiclass", "image", online=True),
    "cifar-10": Facts("multiclass", "image", online=True),
}


def named_task(name: str, asked: str | None) -> Task:
    """Return the task of a set known by name; one of two classes can be had as multiclass, with an output for each."""
    own = FACTS[name].task
    return "multiclass" if own == "binary" and asked == "multiclass" else own


def cache_file(name: str) -> Path:
    """Return where a set that is fetched is kept after the first time."""
    from platformdirs import user_cache_path

    return user_cache_path("ladera") / "sets" / f"{name}.npz"


def to_be_fetched(name: str | None) -> bool:
    """Whether a set has to come over the network first."""
    return name in FACTS and FACTS[name].online and not cache_file(name).exists()
