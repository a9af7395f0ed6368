"""The rows of the experiment form: what is shown of an experiment, and what each value means."""

from __future__ import annotations

from typing import Any

from ladera.presets.catalog import EXPERIMENTS, catalog, change, load
from ladera.tui.form import PARTS, choices, meaning, rows


def keys(experiment: Any) -> list[str]:
    return [row.key for row in rows(experiment)]


def test_parts_come_in_the_order_of_the_lecture_with_their_values_below(script: Any) -> None:
    found = rows(script.experiment())
    order = [part for part, _ in PARTS]
    assert [row.part for row in found] == sorted((row.part for row in found), key=order.index)
    assert [(row.key, row.value) for row in found if row.part == "optimizer"] == [
        ("optimizer", "adam"),
        ("optimizer.lr", "0.001"),
        ("optimizer.formula", "pytorch"),
        ("optimizer.beta1", "0.9"),
        ("optimizer.beta2", "0.999"),
    ]


def test_a_part_that_equals_no_preset_says_so(script: Any) -> None:
    found = {row.key: row.value for row in rows(script.experiment("optimizer.lr=0.123"))}
    assert found["optimizer"] == "adam *"
    assert found["optimizer.lr"] == "0.123"


def test_only_what_matters_is_shown(script: Any) -> None:
    assert "init.scale" not in keys(script.experiment())
    assert "init.scale" in keys(script.experiment("init.kind=normal", "init.scale=0.1"))
    assert "regularization.l1_method" not in keys(script.experiment())
    assert "regularization.l1_method" in keys(script.experiment("regularization.l1=0.01"))
    assert "augmentation" in keys(script.experiment())
    assert "augmentation" not in keys(script.experiment(base="diabetes"))


def test_what_is_shown_can_be_typed_back() -> None:
    # Each value of each experiment preset, taken back as it is shown, changes nothing.
    for preset in catalog(EXPERIMENTS):
        experiment = load(preset.short)
        for row in rows(experiment):
            if not row.is_part and row.value not in ("None", "none"):
                assert change(experiment, [f"{row.key}={row.value}"]) == experiment, (preset.short, row)


def test_each_value_that_is_shown_is_explained() -> None:
    for preset in catalog(EXPERIMENTS):
        experiment = load(preset.short)
        for row in rows(experiment):
            if not row.is_part:
                assert meaning(experiment, row.key), row.key


def test_a_value_that_is_one_of_a_few_is_offered_with_the_others() -> None:
    experiment = load("digits")
    offered = {row.key: [*choices(experiment, row.key)] for row in rows(experiment) if not row.is_part}
    assert offered["optimizer.formula"] == ["pytorch", "lecture"]
    assert offered["model.batch_norm"] == ["true", "false"]
    assert offered["model.activation"][0] == "relu"
    assert offered["stopping.monitor"] == ["loss", "accuracy", "macro_recall"]
    assert offered["optimizer.lr"] == offered["training.batch_size"] == offered["training.epochs"] == []
    sparse = change(experiment, ["regularization.l1=0.01"])
    assert [*choices(sparse, "regularization.l1_method")] == ["proximal", "subgradient"]
    for preset in catalog(EXPERIMENTS):
        experiment = load(preset.short)
        for row in rows(experiment):
            ways = choices(experiment, row.key) if not row.is_part else {}
            assert not ways or row.value in ways, (preset.short, row)


def test_hostile_values_are_inert(script: Any) -> None:
    experiment = script.experiment()
    hostile = experiment.data.model_copy(update={"name": None, "path": "a[/b]c\x1b[2J"})
    found = rows(experiment.model_copy(update={"data": hostile}))
    assert found[0].value == "a[/b]c[2J *"


def test_a_part_is_called_what_it_is_not_what_it_was_derived_from() -> None:
    # loss/auto gives the same section as loss/cce where the task is known.
    shown = {row.key: row.value for row in rows(load("digits"))}
    assert shown["loss"] == "cce"
