"""Ways to run an experiment and keep what it leaves: its history, and its final weights through the keeper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ladera.engine import Experiment, run
from ladera.engine.history import History


class Memory:
    """Keeps the final weights in memory."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}

    def save(self, tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> str:
        return "memory"

    def finish(self, tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> None:
        self.tensors = {name: value.clone() for name, value in tensors.items()}


@dataclass(frozen=True)
class Result:
    """One run, folded."""

    history: History
    parameters: Tensor
    "Flat: weight matrices first, then biases."

    def validation(self, metric: str) -> float:
        """The metric at the last check."""
        last = self.history.validation[metric].last
        assert last is not None
        return last.y

    def train(self, metric: str = "loss") -> float:
        """The metric on the training part at the last epoch's end."""
        last = self.history.train[metric].last
        assert last is not None
        return last.y

    def test(self, metric: str) -> float:
        """The metric of the one test."""
        assert self.history.ended is not None
        assert self.history.ended.test is not None
        test = self.history.ended.test
        return test["loss"] if metric == "loss" else test["metrics"][metric]


Train = Callable[..., Result]


@pytest.fixture
def train() -> Train:
    """Train an experiment given as an Experiment or by its sections (data digits, no early stopping, CPU by default)."""

    def train_it(experiment: Experiment | None = None, **sections: Any) -> Result:
        if experiment is None:
            sections = {"stopping": {"enabled": False, "restore_best": False}, **sections}
            experiment = Experiment.model_validate(sections)
        assert torch.get_num_threads() == 1
        keeper = Memory()
        history = History.of(run(experiment, keeper=keeper))
        return Result(history, keeper.tensors["parameters"])

    return train_it


@pytest.fixture(autouse=True)
def one_cpu_thread_and_no_own_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda name: str(tmp_path / "config" / name))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
