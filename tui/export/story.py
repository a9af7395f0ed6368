"""A run's end and a comparison's order in words: what early stopping did, and which run is best by validation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...engine.history import History
from ...engine.series import Series
from ...engine.tasks import METRICS
from ..progress import measured, metric_of_task, title
from ..text import clean
from .exported import ExportedRun


def stopping_story(run: ExportedRun) -> str:
    """What early stopping did, why, and whose weights are the final ones."""
    return " ".join(part for part in (_why(run), _best(run.history), _kept(run.history)) if part)


def _why(run: ExportedRun) -> str:
    history = run.history
    ended, last = history.ended, history.checks[-1] if history.checks else None
    of = f"epoch {history.epoch} of at most {history.epochs}"
    monitored = f"validation {title(history.monitor, history.started)}"
    if ended is None:
        live = run.state_now in ("training", "paused") and history.stops_at
        coming = f"; it stops at epoch {history.stops_at} if nothing improves" if live else ""
        return f"{run.state_now.capitalize()}: {of}{coming}."
    if ended.reason == "stopped_early" and last is not None:
        margin = float(history.setting("stopping.min_delta", 0.0))
        by = f" by more than {margin:g}" if margin else ""
        checks = "check" if last.wait == 1 else f"{last.wait} checks in a row"
        return f"Stopped early after {of}: {monitored} did not improve{by} in {checks}, and the patience was {last.patience}."
    if ended.reason == "finished":
        if not history.setting("stopping.enabled", True):
            return f"Ran all {history.epochs} epochs; early stopping was off."
        waited = f"; at the end it had waited {last.wait} of {last.patience} checks" if last else ""
        return f"Ran all {history.epochs} epochs; early stopping had no reason to stop it{waited}."
    detail = f": {ended.detail}" if ended.detail else ""
    return f"{ended.reason.replace('_', ' ').capitalize()} after {of}{detail}."


def _best(history: History) -> str:
    if history.best is None:
        return "No check gave a finite value." if history.checks else ""
    epoch, value = history.best
    return f"The best validation {title(history.monitor, history.started)} was {measured(history.monitor, value)}, at epoch {epoch}."


def _kept(history: History) -> str:
    if history.ended is None or (history.ended.reason == "diverged" and history.ended.restored_epoch is None):
        return ""
    if history.ended.restored_epoch is not None:
        return f"The final weights are those of epoch {history.ended.restored_epoch}, the best."
    return "The final weights are those of the last step."


@dataclass(frozen=True)
class Place:
    """A run's place in a comparison."""

    run: ExportedRun
    value: float | None
    "Its best validation value of the metric; None if it has no finite one."
    epoch: int | None
    "Where that was, the earliest of ties."


@dataclass(frozen=True)
class Ranking:
    """Runs in order, best validation first; never by the test part, which would then be one more validation part."""

    metric: str
    places: tuple[Place, ...]
    cautions: tuple[str, ...]
    "Why the order may mean less than it seems."
    ordered: bool
    "False where the runs have no common measure; they stand as they were given."


def rank(runs: Sequence[ExportedRun]) -> Ranking:
    """Order runs by the best validation value of what they all monitor, else of the loss, else of the task's main metric."""
    metric, mode = _measure(runs)
    if metric == "":
        caution = "These runs are not ranked: they differ in their data or have no measure in common."
        return Ranking("", tuple(Place(run, None, None) for run in runs), (caution,), ordered=False)
    places = [_place(run, metric, mode) for run in runs]
    sign = 1 if mode == "min" else -1
    places.sort(key=lambda place: math.inf if place.value is None else sign * place.value)
    return Ranking(metric, tuple(places), tuple(_cautions(runs)), ordered=True)


def alike(runs: Sequence[ExportedRun], metric: str = "") -> list[list[ExportedRun]]:
    """Group the runs that have a metric by what it measures: values of other data, or of another loss, compare nothing.

    Without a metric, by their data alone.
    """
    groups: dict[tuple[object, ...], list[ExportedRun]] = {}
    for run in runs:
        if not metric or metric in run.history.train or metric in run.history.validation:
            key = (_data(run.history), _loss(run.history) if metric == "loss" else None)
            groups.setdefault(key, []).append(run)
    return list(groups.values())


def measure(run: ExportedRun, metric: str = "") -> str:
    """What a run's value of a metric is, in words: `cce on digits`; without a metric, its data."""
    history = run.history
    path, target = history.setting("data.path"), history.setting("data.target")
    data = clean(str(history.setting("data.name") or Path(str(path or "unknown data")).name), 40)
    data += f" ({clean(str(target), 40)})" if target else ""
    kind, weights = _loss(history)
    loss = f"{weights} {kind}" if weights != "none" else str(kind)
    return f"{loss if metric == 'loss' else title(metric, history.started)} on {data}" if metric else data


def _data(history: History) -> tuple[object, ...]:
    task = history.started.task if history.started else ""
    return task, *(history.setting(f"data.{key}") for key in ("name", "path", "target"))


def _loss(history: History) -> tuple[object, object]:
    return history.setting("loss.kind"), history.setting("loss.class_weights", "none")


def _measure(runs: Sequence[ExportedRun]) -> tuple[str, str]:
    """(metric, mode) by which runs can be compared; empty where there is none."""
    histories = [run.history for run in runs]
    if any(history.started is None for history in histories) or len(alike(runs)) != 1:
        return "", ""
    task = histories[0].started.task if histories[0].started else ""
    directions: dict[str, str] = {name: mode for key, known in METRICS.items() if key == task for name, mode in known.items()}  # fmt: skip
    same_loss = len({_loss(history) for history in histories}) == 1
    monitors = {history.monitor for history in histories}
    wanted = [monitors.pop()] if len(monitors) == 1 else []
    for metric in (*wanted, "loss", metric_of_task(task)):
        if metric in directions and (metric != "loss" or same_loss):
            return metric, directions[metric]
    return "", ""


def _place(run: ExportedRun, metric: str, mode: str) -> Place:
    best: tuple[float, int] | None = None
    for point in run.history.validation.get(metric, Series()).points():
        better = best is None or (point.y < best[0] if mode == "min" else point.y > best[0])
        if math.isfinite(point.y) and better:
            best = point.y, int(point.x)
    return Place(run, *best) if best else Place(run, None, None)


def _cautions(runs: Sequence[ExportedRun]) -> list[str]:
    started = [run.history.started for run in runs if run.history.started is not None]
    found: list[str] = []
    if len({each.data_digest for each in started}) > 1:
        found.append(
            "The runs were not validated on the same examples (another seed, split or data setting): part of a difference is that."
        )
    if len({run.history.setting("training.seed") for run in runs}) == 1 and len(runs) > 1:
        found.append(
            "Each run was made once, with one seed: repeat them with other seeds before trusting a small difference."
        )
    unfinished = [run.name for run in runs if run.history.ended is None]
    if unfinished:
        found.append(f"Not ended yet: {', '.join(unfinished)}.")
    return found
