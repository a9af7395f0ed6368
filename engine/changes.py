"""What differs between two experiments, and which of it a run may take over when it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from .errors import InputError
from .experiment import Experiment

#: Keys that may change while training.
LIVE = (
    "optimizer.lr", "optimizer.momentum", "optimizer.beta", "optimizer.beta1", "optimizer.beta2", "optimizer.epsilon",
    "optimizer.weight_decay", "regularization.l1", "regularization.l2", "regularization.l1_method", "model.dropout",
    "training.epochs", "training.validate_every", "training.clip_norm", "training.checkpoint_every",
    "stopping.enabled", "stopping.patience", "stopping.min_delta", "stopping.baseline", "stopping.warm_up",
    "stopping.restore_best",
)  # fmt: skip

#: Keys, or beginnings of keys, that may differ when a run goes on or branches; the rest would make another run of it.
CHANGEABLE = (*LIVE, "description", "data.path", "training.schedule.", "training.device", "training.threads")


def changed_live(experiment: Experiment, key: str, value: Any) -> Experiment:
    """Return the experiment with a live value changed. Raises InputError: the key is not live, or the value not valid."""
    if key not in LIVE:
        raise InputError(f"{key} cannot change while training; what can: {', '.join(live_keys(experiment))}")
    section, name = key.split(".")
    if not hasattr(getattr(experiment, section), name):
        kind = getattr(getattr(experiment, section), "kind", "")
        raise InputError(f"{key}: {section} {kind} has no {name}")
    if key == "model.dropout" and not getattr(experiment.model, "dropout", 0.0):
        raise InputError("model.dropout: the network was built without dropout; start a new run with it")
    plain = experiment.plain()
    plain[section][name] = value
    try:
        return Experiment.model_validate(plain)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"{key} = {repr(value)[:80]}: {reason[:1].lower()}{reason[1:]}") from None


def live_keys(experiment: Experiment) -> list[str]:
    """Return the keys of this experiment that may change while it trains."""
    found = [key for key in LIVE if hasattr(getattr(experiment, key.split(".")[0]), key.split(".")[1])]
    return [key for key in found if key != "model.dropout" or getattr(experiment.model, "dropout", 0.0)]


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return {dotted key: [old value, new value]} for every value that differs; None stands for a key that is absent."""
    before, after = flat(old), flat(new)
    keys = dict.fromkeys((*before, *after))
    return {
        key: [before.get(key), after.get(key)]
        for key in keys
        if before.get(key, None) != after.get(key, None)
    }


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, with dotted keys."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            out |= flat(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = value
    return out


def with_changes(plain: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of nested plain values with dotted keys replaced; None removes a key."""
    copy: dict[str, Any] = {
        key: with_changes(value, {}) if isinstance(value, Mapping) else value for key, value in plain.items()
    }
    for key, value in wanted.items():
        *path, last = key.split(".")
        section = copy
        for name in path:
            inner = section.setdefault(name, {})
            if not isinstance(inner, dict):
                raise InputError(f"{key}: {name} is a value, not a section")
            section = inner
        if value is None:
            section.pop(last, None)
        else:
            section[last] = value
    return copy


def changeable(key: str) -> bool:
    """Whether a value may differ when a run goes on."""
    return any(key == allowed or (allowed[-1] == "." and key.startswith(allowed)) for allowed in CHANGEABLE)


def refuse_unchangeable(found: Mapping[str, Any]) -> None:
    """Raise InputError, naming all of them, for changes that a run cannot take over when it goes on."""
    wrong = [
        f"{key} (from {before} to {after})" for key, (before, after) in found.items() if not changeable(key)
    ]
    if wrong:
        raise InputError(
            f"cannot change when a run goes on: {', '.join(wrong)}; start a new run with it instead"
        )
