"""What a run is called: after what its experiment began with, or after its data if these are others."""

from __future__ import annotations

import re

from ..engine.experiment import Experiment


def label(experiment: Experiment, base: str, begun: Experiment) -> str:
    """Name a run of an experiment that began as `begun`, which is called `base`."""
    data, before = experiment.data, begun.data
    if (data.name, data.path) == (before.name, before.path):
        return base
    return data_label(experiment) or base


def data_label(experiment: Experiment) -> str:
    """The name of the data set, or of the user's own file in letters that a directory's name may have; "" if it has none."""
    data = experiment.data
    if data.path is None:
        return data.name or ""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", data.path.stem).strip("-.")[:40]
