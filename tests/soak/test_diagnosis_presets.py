"""The diagnosis over whole runs of the presets, with the seeds that its thresholds were set by: no false alarm, no fault missed.

`pytest -m soak tests/soak/test_diagnosis_presets.py`; a quick part is in tests/engine.
"""

from __future__ import annotations

import pytest
import torch

from ladera.engine import run
from ladera.engine.diagnosis import current, is_problem
from ladera.engine.history import History
from ladera.presets.catalog import load

pytestmark = pytest.mark.soak

HEALTHY = [
    *((name, seed) for seed in range(5) for name in (
        "digits", "breast-cancer", "circles", "moons", "xor", "iris", "wine", "noisy-sine", "sparse-l1", "spirals",
        "diabetes", "outlier-line",
    )),
    *((name, 0) for name in ("digits-cnn", "dropout", "shapes", "tones")),
]  # fmt: skip

#: preset: what stands at the end.
FAULTS = {
    "vanishing": "vanishing",
    "exploding": "exploding",
    "symmetric-constant-init": "symmetric_units",
    "double-softmax": "double_softmax",
    "too-high-learning-rate": "diverged",
    "overfit-noisy-labels": "overfit",
    "early-stopping": "overfit_averted",
}

TOO_LARGE = [
    ("adam", 0.3), ("adam", 1.0), ("adam", 3.0), ("rmsprop", 0.3), ("rmsprop", 1.0),
    ("momentum", 0.5), ("momentum", 1.0), ("sgd", 2.0), ("sgd", 3.0), ("adagrad", 3.0),
]  # fmt: skip


def trained(preset: str, *settings: str) -> History:
    torch.set_num_threads(1)
    return History.of(run(load(preset, (*settings, "training.device=cpu", "training.threads=1"))))


@pytest.mark.parametrize(("preset", "seed"), HEALTHY)
def test_a_healthy_preset_gets_no_problem(preset: str, seed: int) -> None:
    history = trained(preset, f"training.seed={seed}")
    assert not [(f.finding, f.epoch) for f in history.diagnoses if is_problem(f.finding)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("preset", list(FAULTS))
def test_a_fault_keeps_its_name(preset: str, seed: int) -> None:
    assert current(trained(preset, f"training.seed={seed}"))[0].finding == FAULTS[preset]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("optimizer", "lr"), TOO_LARGE)
def test_a_rate_far_too_large_is_blamed(optimizer: str, lr: float, seed: int) -> None:
    settings = (f"optimizer={optimizer}", f"optimizer.lr={lr}", f"training.seed={seed}")
    for more in (("stopping=none", "training.epochs=15"), ()):
        history = trained("digits", *settings, *more)
        assert current(history)[0].finding in ("lr_too_large", "diverged")
        assert not {f.finding for f in history.diagnoses} & {
            "vanishing",
            "dead_units",
            "saturated",
            "exploding",
        }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("preset", ["wine", "breast-cancer"])
@pytest.mark.parametrize("optimizer", [(), ("optimizer=sgd",)])
def test_inputs_as_they_come_are_to_be_scaled(preset: str, optimizer: tuple[str, ...], seed: int) -> None:
    history = trained(preset, "data.preprocess=none", *optimizer, f"training.seed={seed}")
    told = [found for found in history.diagnoses if is_problem(found.finding)]
    assert told
    assert all("data.preprocess = standardize" in found.text for found in told)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("degree", "finding"), [(1, "underfit"), (11, "overfit")])
def test_degrees_of_a_polynomial(degree: int, finding: str, seed: int) -> None:
    """Fifteen points: a line underfits them, degree 11 goes wild between them."""
    few = ("data.subset=15", "data.examples=400", "stopping=none", "training.epochs=300")
    history = trained(
        "noisy-sine", "model=polynomial", f"model.degree={degree}", *few, f"training.seed={seed}"
    )
    names = {"underfit", "at_chance"} if finding == "underfit" else {finding}
    assert current(history)[0].finding in names
