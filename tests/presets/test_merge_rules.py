"""What a later layer changes, drops and keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ladera.engine import Experiment
from ladera.engine.experiment import Adam, Augmentation, Momentum, Sgd
from ladera.presets.catalog import PresetError, change, compatible, load

Write = Callable[[str, str], Path]


def test_what_a_file_leaves_out_has_its_default(write: Write) -> None:
    assert load(str(write("x.toml", "[model]\n"))) == Experiment()


def test_a_part_by_name_replaces_the_whole_section(write: Write) -> None:
    write("base.toml", '[optimizer]\nkind = "adam"\nlr = 0.5\nbeta1 = 0.5\n')
    write("x.toml", 'extends = "base.toml"\noptimizer = "adam"\n')
    assert load("x.toml").optimizer == Adam()


def test_a_part_by_name_with_changes(write: Write) -> None:
    write("x.toml", '[optimizer]\nlr = 0.5\npreset = "momentum"\n')
    assert load("x.toml").optimizer == Momentum(kind="momentum", lr=0.5, momentum=0.9)


def test_a_table_changes_only_the_keys_it_names(write: Write) -> None:
    write(
        "base.toml",
        "[optimizer]\nlr = 0.5\nbeta1 = 0.5\n[training]\nepochs = 7\n[training.schedule]\nwarmup = 3\n",
    )
    write("x.toml", 'extends = "base.toml"\n[optimizer]\nlr = 0.25\n[training.schedule]\nkind = "cosine"\n')
    experiment = load("x.toml")
    assert experiment.optimizer == Adam(lr=0.25, beta1=0.5)
    assert experiment.training.epochs == 7
    assert (experiment.training.schedule.kind, experiment.training.schedule.warmup) == ("cosine", 3)


def test_chains_apply_from_the_far_end(write: Write) -> None:
    write("a.toml", "description = 'a'\n[optimizer]\nlr = 0.5\nbeta1 = 0.5\nbeta2 = 0.5\n")
    write("deep/b.toml", "extends = '../a.toml'\n[optimizer]\nlr = 0.25\nbeta1 = 0.25\n")
    write("x.toml", "extends = 'deep/b.toml'\n[optimizer]\nlr = 0.125\n")
    experiment = load("x.toml", ["optimizer.epsilon=0.1"])
    assert experiment.optimizer == Adam(lr=0.125, beta1=0.25, beta2=0.5, epsilon=0.1)
    assert experiment.description == "a"


def test_an_own_preset_may_refine_the_built_in_of_its_name(write: Write) -> None:
    write("presets/experiments/digits.toml", "extends = 'digits'\n[training]\nepochs = 7\n")
    assert load("digits").training.epochs == 7
    assert load("digits").model == load("digits-cnn", ["model=mlp"]).model


def test_a_new_kind_keeps_the_keys_it_knows_and_drops_the_others(write: Write) -> None:
    write("x.toml", '[optimizer]\nkind = "momentum"\nlr = 0.5\nmomentum = 0.25\nformula = "lecture"\n')
    assert load("x.toml", ["optimizer.kind=sgd"]).optimizer == Sgd(kind="sgd", lr=0.5, formula="lecture")
    cnn = load("digits", ["model.hidden=[8]", "model.kind=cnn", "model.kernel=5"]).model.model_dump()
    assert (cnn["kind"], cnn["hidden"], cnn["kernel"]) == ("cnn", (8,), 5)


def test_a_new_kind_does_not_excuse_keys_of_the_same_layer(write: Write) -> None:
    write("x.toml", 'extends = "digits"\n[optimizer]\nkind = "sgd"\nmomentum = 0.5\n')
    with pytest.raises(
        PresetError, match=r'x\.toml:4: optimizer\.momentum: unknown key; it is a key of kind = "momentum"'
    ):
        load("x.toml")


def test_training_presets_change_only_what_they_name(write: Write) -> None:
    write("base.toml", "[training]\nepochs = 7\nseed = 5\nbatch_size = 8\n")
    write("x.toml", "extends = 'base.toml'\ntraining = 'cosine'\n")
    training = load("x.toml").training
    assert (training.epochs, training.seed, training.batch_size) == (7, 5, 8)
    assert training.schedule.kind == "cosine"


@pytest.mark.parametrize(("data", "loss"), [("moons", "bce"), ("diabetes", "mse"), ("wine", "cce")])
def test_the_loss_follows_a_new_task(data: str, loss: str) -> None:
    assert load("digits", [f"data={data}"]).loss.kind == loss
    assert load("digits", [f"data.name={data}"]).loss.kind == loss
    assert change(Experiment(), [f"data={data}"]).loss.kind == loss


def test_the_loss_of_a_file_is_open_until_it_is_read() -> None:
    """Neither the loss of the old data nor cce: the file may hold measurements."""
    for settings in (
        ["data.path=x.csv"],
        ["data.path=x.csv", "loss=auto"],
        ["data.path=x.csv", "loss.kind=auto"],
    ):
        assert load("digits", settings).loss.kind == "auto"
        assert load("outlier-line", settings).loss.kind == "auto"
    assert load("digits", ["data.path=x.csv", "data.task=regression"]).loss.kind == "mse"
    assert load("digits", ["data.path=x.csv", "loss=mae"]).loss.kind == "mae"
    back = change(load("digits", ["data.path=x.csv"]), ["data=moons"])
    assert back.loss.kind == "bce"
    assert load("digits", ["loss=auto"]).loss.kind == "cce"


def test_another_schedule_keeps_the_warm_up_and_nothing_else_of_the_old_one() -> None:
    stepped = load(
        "digits",
        [
            "training=step",
            "training.schedule.warmup=2",
            "training.schedule.factor=0.7",
            "training.schedule.every=3",
        ],
    )
    assert (stepped.training.schedule.kind, stepped.training.schedule.every) == ("step", 3)
    plain = load("digits", ["training=cosine"]).training.schedule
    warm = change(stepped, ["training=cosine"]).training.schedule
    assert warm == plain.model_copy(update={"warmup": stepped.training.schedule.warmup})
    assert warm.warmup > 0


def test_a_description_goes_with_its_data() -> None:
    assert load("digits", ["data.path=x.csv"]).description == ""
    assert load("digits", ["data=moons", "description=mine"]).description == "mine"
    assert load("digits", ["optimizer.lr=0.1"]).description == load("digits").description != ""


def test_the_loss_stays_when_it_was_chosen_with_the_data_or_the_task_stays() -> None:
    assert load("digits", ["data=diabetes", "loss=mae"]).loss.kind == "mae"
    assert load("digits", ["loss.kind=mae", "data=diabetes"]).loss.kind == "mae"
    assert load("outlier-line", ["data=diabetes"]).loss.kind == "mae"
    balanced = load("digits", ["loss=cce-balanced", "data.label_noise=0.5"])
    assert balanced.loss.class_weights == "balanced"
    # Only the kind follows where the same layer sets another key of the loss.
    assert load("digits", ["data=moons", "loss.class_weights=balanced"]).loss.model_dump() == {
        "kind": "bce",
        "class_weights": "balanced",
        "allow_mismatch": False,
    }


def test_a_monitor_that_the_new_task_lacks_goes() -> None:
    by_accuracy = load("digits", ["stopping=accuracy"])
    assert change(by_accuracy, ["data=moons"]).stopping.monitor == "accuracy"
    regression = change(by_accuracy, ["data=diabetes"]).stopping
    assert (regression.monitor, regression.mode, regression.patience) == ("loss", "min", 10)


def test_a_new_source_drops_what_described_the_old_one(write: Write) -> None:
    write(
        "x.toml",
        'loss = "mse"\n[data]\npath = "h.csv"\ntarget = "price"\ntask = "regression"\nsplit = [0.8, 0.1, 0.1]\n',
    )
    data = load("x.toml", ["data.name=moons"]).data
    assert (data.path, data.target, data.task, data.split) == (None, None, None, (0.8, 0.1, 0.1))
    assert (
        load("moons", ["data.path=h.csv"])
        .data.model_dump(exclude_none=True)
        .keys()
        .isdisjoint({"name", "noise"})
    )


def test_relative_data_paths_start_from_the_file_or_the_working_directory(write: Write) -> None:
    write("sub/x.toml", '[data]\npath = "h.csv"\n')
    assert load("sub/x.toml").data.path == Path("sub/h.csv").absolute()
    write("presets/data/houses.toml", '[data]\npath = "h.csv"\n')
    assert load("digits", ["data=houses"]).data.path == Path("presets/data/h.csv").absolute()
    assert load("sub/x.toml", ["data.path=h.csv"]).data.path == Path("h.csv").absolute()
    assert load("digits", ["data.path=~/h.csv"]).data.path == Path.home() / "h.csv"


def test_augmentation_by_name_in_files_parts_and_settings(write: Write) -> None:
    write("x.toml", '[data]\nname = "shapes"\naugmentation = "image-1"\n')
    assert load("x.toml").data.augmentation == Augmentation(flip=0.5)
    assert load("x.toml", ["data.augmentation=none"]).data.augmentation == Augmentation()
    mixed = load("x.toml", ["data.augmentation.rotation=5.0", "data.augmentation=noise"])
    assert mixed.data.augmentation == Augmentation(noise=0.1, rotation=5.0)
    write("presets/data/mine.toml", '[data]\nname = "shapes"\naugmentation = "image-1"\n')
    assert load("digits", ["data=mine"]).data.augmentation == Augmentation(flip=0.5)


def test_settings_are_read_together_and_the_later_of_two_counts() -> None:
    assert load("digits", ["optimizer.lr=0.5", "optimizer=sgd"]).optimizer == Sgd(kind="sgd", lr=0.5)
    assert load("digits", ["optimizer.lr=0.5", "optimizer.lr=0.25"]).optimizer.lr == 0.25
    assert load("digits", ["optimizer=sgd", "optimizer=adam"]).optimizer == Adam()
    assert load("digits", ['optimizer={kind = "sgd", lr = 2.0}']).optimizer == Sgd(kind="sgd", lr=2.0)


def test_values_of_settings() -> None:
    def description(text: str) -> str:
        return load("digits", [f"description={text}"]).description

    assert description("two words = one") == "two words = one"
    assert description('"a\\tb"') == "a\tb"
    assert load("digits", ["training.batch_size=full"]).training.batch_size == "full"
    assert load("digits", ["optimizer.lr = 1e-2 "]).optimizer.lr == 0.01
    assert load("digits", ["model.hidden=[]"]).model.model_dump()["hidden"] == ()


def test_an_empty_setting_is_none_where_none_is_a_value(write: Write) -> None:
    write("x.toml", 'description = "x"\n[stopping]\nbaseline = 0.5\n')
    assert load("x.toml", ["stopping.baseline=", "description="]) == Experiment()


def test_json_and_toml_say_the_same(write: Write) -> None:
    write(
        "x.json",
        '{"$schema": "s", "data": "moons", "optimizer": {"preset": "sgd", "lr": 0.5}, "stopping": {"baseline": null}}',
    )
    write("x.toml", 'data = "moons"\noptimizer = {preset = "sgd", lr = 0.5}\n')
    assert load("x.json") == load("x.toml")


def test_compatible_tells_why_not() -> None:
    digits = load("digits")
    assert compatible(digits, "optimizer", "sgd") is None
    assert compatible(digits, "data", "moons") is None
    assert (
        compatible(load("digits-cnn"), "data", "moons")
        == "model.kind: a cnn needs images or sound; this data is a table: use mlp"
    )
    assert compatible(digits.plain(), "augmentation", "audio") == (
        "data.augmentation: gain_db, snr_db, time_mask, time_shift cannot be applied to image data"
    )
    reason = compatible(digits, "loss", "mse")
    assert reason and reason.startswith("loss.kind: mse does not fit a multiclass task; use cce")
    reason = compatible(digits, "loss", "bce")
    assert (
        reason
        == "loss.kind: bce compares one probability with a target of 0 or 1; a multiclass task has none: use cce"
    )


def test_another_path_alone_is_the_same_data_elsewhere(write: Write) -> None:
    write(
        "h.toml",
        """
        description = "Houses"
        [data]
        path = "h.csv"
        target = "price"
        task = "regression"
        [loss]
        kind = "mae"
        [stopping]
        monitor = "r2"
        mode = "max"
    """,
    )
    before = load("h.toml")
    after = change(before, ["data.path=elsewhere/h2.csv"])
    assert after.data.path == Path("elsewhere/h2.csv").absolute()
    assert after.model_copy(update={"data": before.data}) == before
    assert after.data.model_copy(update={"path": before.data.path}) == before.data
    # With a target of its own it is another table, and from a built-in set it is another source.
    other = change(before, ["data.path=h2.csv", "data.target=rooms"])
    assert (other.data.task, other.description) == (None, "")
    assert change(load("diabetes"), ["data.path=h2.csv"]).description == ""
