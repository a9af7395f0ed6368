"""Preparation: statistics of the training part only, targets, corrupted labels, digests, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.class_weight import compute_class_weight

from ladera.engine.data.dataset import load
from ladera.engine.data.prepare import prepare
from ladera.engine.data.statistics import fit
from ladera.engine.errors import InputError
from ladera.engine.events import EpochEnded, RunStarted
from ladera.engine.experiment import Experiment
from ladera.engine.experiment import Training as TrainingSection
from ladera.engine.loop import run
from ladera.engine.training import Training


def ready(data, **sections):
    if "path" in data:
        # The tables written here are regression tasks, which no name tells.
        sections.setdefault("loss", {"kind": "mse"})
    return prepare(Experiment.model_validate({"data": data, **sections}))


@pytest.fixture
def table(tmp_path):
    """Return a writer of CSV columns as an experiment's data section."""

    def write(settings=None, **columns):
        path = tmp_path / "table.csv"
        lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
        path.write_text("\n".join(lines))
        return {"path": str(path), **(settings or {})}

    return write


SHORT = TrainingSection(epochs=1, device="cpu", threads=1)
DOUBLE = {"precision": "float64", "seed": 7}


# -- parts


def test_digits_arrive_whole_and_disjoint():
    prepared = ready({"name": "digits"})
    parts = (prepared.train, prepared.validation, prepared.test)
    ids = torch.cat([part.ids for part in parts])
    assert sorted(ids.tolist()) == list(range(1797))
    assert [len(part) for part in parts] == pytest.approx([1078, 359, 360], abs=2)
    raw = load(Experiment().data, 0)
    for part in parts:
        assert part.y.dtype == torch.int64
        assert part.y.tolist() == raw.y[part.ids.numpy()].tolist()
        assert part.x.dtype == torch.float32
        assert part.x.shape == (len(part), 1, 8, 8)
        assert part.x.is_contiguous()
    assert (prepared.task, prepared.form, prepared.shape) == ("multiclass", "image", (1, 8, 8))
    assert prepared.raw_train is None
    assert prepared.class_weights is None
    assert sum(prepared.class_shares) == pytest.approx(1)


def test_the_same_seed_gives_the_same_parts():
    one, again, other = (ready({"name": "moons"}, training={"seed": seed}) for seed in (1, 1, 2))
    assert torch.equal(one.train.x, again.train.x)
    assert one.digest == again.digest != other.digest


# -- statistics


@pytest.mark.parametrize(
    ("method", "scaler"), [("standardize", StandardScaler()), ("minmax", MinMaxScaler())]
)
@pytest.mark.parametrize("name", ["wine", "breast-cancer", "digits"])
def test_statistics_are_scikit_learns_on_the_training_part_only(name, method, scaler):
    loss = {"kind": "bce"} if name == "breast-cancer" else {"kind": "cce"}
    prepared = ready({"name": name, "preprocess": method}, training=DOUBLE, loss=loss)
    raw = load(Experiment.model_validate({"data": {"name": name}}).data, 7)
    flat = raw.x.reshape(len(raw.x), -1).astype(np.float64)
    scaler.fit(flat[prepared.train.ids.numpy()])
    for part in (prepared.train, prepared.validation, prepared.test):
        expected = scaler.transform(flat[part.ids.numpy()])
        np.testing.assert_allclose(part.x.flatten(1).numpy(), expected, rtol=1e-10, atol=1e-12)
        again = prepared.normalize(torch.from_numpy(raw.x[part.ids.numpy()]).double())
        torch.testing.assert_close(again, part.x, rtol=1e-12, atol=1e-12)


def test_the_lectures_example():
    # lecture.md D4: [1, 2, 3, 4] has mean 2.5 and biased deviation 1.118034.
    statistics = fit(np.array([[1.0], [2.0], [3.0], [4.0]]), "standardize", "value")
    assert statistics.center.item() == 2.5
    assert statistics.scale.item() == pytest.approx(1.118034, abs=1e-6)


@pytest.mark.parametrize("method", ["standardize", "minmax"])
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9 + 0.1, -1e-300])
def test_a_constant_column_becomes_zero(method, constant):
    # Rounding gives ten times 0.1 a deviation of 1e-17; dividing by it would blow the column up.
    x = np.full((10, 1), constant)
    assert (fit(x, method, "value").apply(x, np.float64) == 0).all()


@pytest.mark.parametrize("size", [1e-250, 1e-30, 1.0, 1e150, 1e300])
def test_any_scale_is_standardized(size):
    x = np.array([[1.0], [2.0], [3.0], [4.0]]) * size
    np.testing.assert_allclose(
        fit(x, "standardize", "value").apply(x, np.float64).ravel() * 1.118034,
        [-1.5, -0.5, 0.5, 1.5],
        rtol=1e-6,
    )


def test_statistics_of_many_chunks_equal_those_of_one(monkeypatch):
    x = np.random.default_rng(0).normal(size=(101, 3, 4, 5)).astype(np.float32)
    whole = {pool: fit(x, "standardize", pool) for pool in ("value", "channel", "all")}
    monkeypatch.setattr("ladera.engine.data.statistics._CHUNK", 500)
    for pool, axes in (("value", (0,)), ("channel", (0, 2, 3)), ("all", None)):
        chunked = fit(x, "standardize", pool)
        np.testing.assert_allclose(chunked.center, whole[pool].center, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(chunked.scale, whole[pool].scale, rtol=1e-12)
        np.testing.assert_allclose(chunked.scale.squeeze(), x.astype(np.float64).std(axis=axes), rtol=1e-10)


def test_images_share_statistics_by_channel_when_augmented():
    prepared = ready(
        {"name": "shapes", "augmentation": {"flip": 0.5}}, training=DOUBLE, model={"kind": "cnn"}
    )
    assert prepared.center.shape == prepared.scale.shape == (3, 1, 1)
    torch.testing.assert_close(prepared.train.x.mean((0, 2, 3)), torch.zeros(3).double(), atol=1e-10, rtol=0)
    assert prepared.raw_train is not None
    assert 0 <= prepared.raw_train.min() <= prepared.raw_train.max() <= 1
    torch.testing.assert_close(prepared.normalize(prepared.raw_train), prepared.train.x)
    assert any("standardize takes one mean and scale per channel" in note for note in prepared.notes)


def test_nothing_is_said_of_channels_where_pixels_keep_their_own_statistics():
    still = {"name": "shapes"}
    for data in (still, still | {"preprocess": "none", "augmentation": {"flip": 0.5}}):
        assert not any("per channel" in note for note in ready(data).notes)


def test_audio_has_one_center_and_scale():
    prepared = ready({"name": "tones"}, training=DOUBLE)
    assert prepared.center.shape == prepared.scale.shape == (1, 1)
    assert prepared.train.x.mean().abs() < 1e-10
    assert prepared.train.x.std(correction=0) == pytest.approx(1)


def test_none_leaves_values_as_they_are():
    raw = load(Experiment.model_validate({"data": {"name": "wine"}}).data, 0)
    prepared = ready({"name": "wine", "preprocess": "none"}, training=DOUBLE)
    np.testing.assert_array_equal(prepared.train.x.numpy(), raw.x[prepared.train.ids.numpy()])


# -- missing values


def test_missing_values_get_the_training_mean(table):
    rng = np.random.default_rng(0)
    a = rng.normal(3, 1, 40).round(3).astype(object)
    a[[1, 5, 9, 20, 33]] = ""
    prepared = ready(
        table({"missing": "mean"}, a=a, b=rng.normal(size=40), y=rng.normal(size=40)), training=DOUBLE
    )
    train = prepared.train.ids.tolist()
    known = [float(a[i]) for i in train if a[i] != ""]
    filled = np.array([float(a[i]) if a[i] != "" else np.mean(known) for i in train])
    assert prepared.center[0].item() == pytest.approx(np.mean(known), abs=1e-12)
    np.testing.assert_allclose(
        prepared.train.x[:, 0].numpy(), (filled - filled.mean()) / filled.std(), rtol=1e-10, atol=1e-12
    )
    for part in (prepared.train, prepared.validation, prepared.test):
        gaps = torch.tensor([a[i] == "" for i in part.ids.tolist()])
        assert (part.x[gaps, 0].abs() < 1e-12).all()
        assert torch.isfinite(part.x).all()
    assert prepared.normalize(torch.tensor([[float("nan"), 0.0]]).double())[0, 0].abs() < 1e-12


@pytest.mark.parametrize("method", ["none", "minmax"])
def test_values_missing_outside_training_only_get_the_training_mean_too(table, method):
    rng = np.random.default_rng(0)
    y = rng.normal(size=30)
    plain = ready(table(a=rng.normal(size=30), y=y))
    a = np.arange(30.0).astype(object)
    for i in plain.test.ids.tolist():
        a[i] = "NA"
    prepared = ready(
        table({"missing": "mean", "preprocess": method}, a=a, y=y), training={"precision": "float64"}
    )
    assert prepared.train.ids.tolist() == plain.train.ids.tolist()
    assert torch.allclose(prepared.test.x, prepared.train.x.mean())


def test_a_column_without_training_values_is_refused(table):
    a = [""] * 39 + ["1"]
    for seed in range(20):
        prepared = ready(table(a=range(40), y=np.arange(40) / 7), training={"seed": seed})
        if 39 not in prepared.train.ids.tolist():
            break
    with pytest.raises(InputError, match='column "a" has no value in the training part'):
        ready(table({"missing": "mean"}, a=a, b=range(40), y=np.arange(40) / 7), training={"seed": seed})


# -- targets


def test_regression_targets_are_standardized_by_the_training_part():
    prepared = ready({"name": "diabetes"}, training=DOUBLE)
    raw = load(Experiment.model_validate({"data": {"name": "diabetes"}}).data, 7).y
    train = raw[prepared.train.ids.numpy()]
    assert prepared.target_center == pytest.approx(train.mean())
    assert prepared.target_scale == pytest.approx(train.std())
    for part in (prepared.train, prepared.validation, prepared.test):
        assert part.y.shape == (len(part), 1)
        own = part.y[:, 0].numpy() * prepared.target_scale + prepared.target_center
        np.testing.assert_allclose(own, raw[part.ids.numpy()], rtol=1e-12)
    unscaled = ready({"name": "diabetes", "scale_target": False})
    assert (unscaled.target_center, unscaled.target_scale) == (0.0, 1.0)
    assert unscaled.train.y.mean() > 100


def test_mape_targets_keep_their_zero():
    prepared = ready({"name": "diabetes"}, loss={"kind": "mape"}, training=DOUBLE)
    assert prepared.target_center == 0
    assert prepared.train.y.abs().mean() == pytest.approx(1)


def test_binary_targets_are_columns_of_zeros_and_ones():
    prepared = ready({"name": "moons"})
    assert prepared.train.y.shape == (len(prepared.train), 1)
    assert prepared.train.y.dtype == torch.float32
    assert set(prepared.train.y.unique().tolist()) == {0.0, 1.0}


def test_balanced_class_weights_are_scikit_learns():
    prepared = ready(
        {"name": "breast-cancer"}, loss={"kind": "bce", "class_weights": "balanced"}, training=DOUBLE
    )
    y = prepared.train.y[:, 0].long().numpy()
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=y)
    np.testing.assert_allclose(prepared.class_weights.numpy(), expected)
    assert prepared.class_shares == pytest.approx([1 - y.mean(), y.mean()])


# -- subset and label noise


def test_subset_and_label_noise_touch_the_training_part_only():
    clean = ready({"name": "digits"})
    small = ready({"name": "digits", "subset": 200})
    noisy = ready({"name": "digits", "subset": 200, "label_noise": 0.2})
    assert len(small.train) == 200
    assert set(small.train.ids.tolist()) < set(clean.train.ids.tolist())
    assert noisy.train.ids.tolist() == small.train.ids.tolist()
    # 20 % of 200, and every one of them really another class.
    assert (noisy.train.y != small.train.y).sum() == 40
    assert noisy.train.y.min() >= 0
    assert noisy.train.y.max() <= 9
    for part in ("validation", "test"):
        assert torch.equal(getattr(noisy, part).y, getattr(clean, part).y)
        assert torch.equal(getattr(noisy, part).ids, getattr(clean, part).ids)
    assert torch.equal(noisy.train.x, small.train.x)
    counts = torch.bincount(small.train.y)
    assert counts.max() - counts.min() <= 2


def test_replaced_labels_are_spread_over_the_other_classes():
    clean, noisy = ready({"name": "digits"}), ready({"name": "digits", "label_noise": 1.0})
    steps = (noisy.train.y - clean.train.y) % 10
    counts = torch.bincount(steps, minlength=10)
    assert counts[0] == 0
    # 1078 / 9 = 120 each, deviation 10.
    assert (counts[1:] - 120).abs().max() < 50


def test_statistics_follow_the_subset():
    prepared = ready({"name": "wine", "subset": 20}, training=DOUBLE)
    assert prepared.train.x.mean(0).abs().max() < 1e-10


# -- digest


def test_the_digest_follows_data_and_split_only(table):
    y = np.arange(40) / 7
    plain = ready(table(a=range(40), y=y))
    same = ready(table({"preprocess": "minmax"}, a=range(40), y=y), training={"epochs": 3})
    changed = ready(table(a=[*range(39), 39.5], y=y))
    other_split = ready(table({"split": [0.5, 0.3, 0.2]}, a=range(40), y=y))
    assert len(plain.digest) == 64
    assert plain.digest == same.digest
    assert len({plain.digest, changed.digest, other_split.digest}) == 3


def test_without_a_test_share_the_test_part_is_empty():
    prepared = ready({"name": "iris", "split": [0.8, 0.2, 0.0]})
    assert prepared.test.x.shape == (0, 4)
    assert (len(prepared.test), len(prepared.train)) == (0, 120)


# -- augmentation


@pytest.mark.parametrize(
    ("name", "augmentation", "model"),
    [
        ("shapes", {"flip": 0.5, "rotation": 30.0, "noise": 0.1}, {"kind": "cnn"}),
        ("tones", {"snr_db": 10.0, "time_shift": 0.2}, {"kind": "mlp"}),
        ("wine", {"noise": 0.1}, {"kind": "mlp"}),
    ],
)
def test_augmentation_touches_training_draws_only(name, augmentation, model):
    prepared = ready({"name": name, "augmentation": augmentation}, model=model)
    kept = [part.x.clone() for part in (prepared.train, prepared.validation, prepared.test)]
    raw = prepared.raw_train.clone()
    generator = torch.Generator().manual_seed(0)
    first = prepared.augmented(torch.arange(8), generator)
    second = prepared.augmented(torch.arange(8), generator)
    assert first.shape == prepared.train.x[:8].shape
    assert not torch.equal(first, second)
    assert torch.equal(raw, prepared.raw_train)
    for part, before in zip((prepared.train, prepared.validation, prepared.test), kept, strict=True):
        assert torch.equal(part.x, before)


def test_noise_is_in_units_of_the_preprocessed_input():
    prepared = ready({"name": "wine", "augmentation": {"noise": 0.1}}, training=DOUBLE)
    drawn = prepared.augmented(
        torch.arange(len(prepared.train)).repeat(100), torch.Generator().manual_seed(0)
    )
    rest = drawn - prepared.train.x.repeat(100, 1)
    # Proline reaches 1680 and hue 1.7: both get a deviation of 0.1 after standardizing. 10 600 draws: within 3 %.
    torch.testing.assert_close(rest.std(0), torch.full((13,), 0.1).double(), rtol=0.03, atol=0)


# -- faults


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"data": {"name": "digits", "augmentation": {"permute_channels": True}}}, "one channel"),
        ({"data": {"name": "digits", "augmentation": {"shift": 8}}}, "data.augmentation.shift"),
        ({"data": {"name": "digits", "subset": 1500}}, "data.subset"),
        ({"data": {"name": "iris", "split": [0.99, 0.001, 0.009]}}, "validation part empty"),
    ],
)
def test_misfits_are_refused(sections, message):
    with pytest.raises(InputError, match=message):
        ready(sections.pop("data"), **sections)


def test_misfits_of_a_file_are_listed_at_once(table):
    data = table({"augmentation": {"flip": 0.5}}, a=range(20), y=np.arange(20) / 7)
    with pytest.raises(InputError) as error:
        ready(
            data, model={"kind": "cnn"}, loss={"kind": "cce"}, stopping={"monitor": "accuracy", "mode": "max"}
        )
    for key in ("loss.kind", "model.kind", "data.augmentation", "stopping.monitor"):
        assert key in str(error.value)


@pytest.mark.parametrize(
    ("y", "loss"),
    [(np.arange(20) / 7, "mse"), ([0, 1] * 10, "bce"), (list("abcde") * 4, "cce")],
    ids=["regression", "binary", "multiclass"],
)
def test_a_file_gets_the_usual_loss_of_the_task_found_in_it(table, y, loss):
    experiment = Experiment.model_validate({"data": table(a=range(20), y=y)})
    assert experiment.loss.kind == "auto"
    training = Training(experiment)
    assert training.experiment.loss.kind == loss
    events = list(run(experiment.model_copy(update={"training": SHORT})))
    assert isinstance(events[0], RunStarted)
    assert events[0].experiment["loss"]["kind"] == loss
    assert events[-1].reason == "finished"


def test_an_open_loss_is_settled_before_what_depends_on_it_is_judged(table):
    data = table({"label_noise": 0.2}, a=range(20), y=np.arange(20) / 7)
    with pytest.raises(InputError) as error:
        prepare(Experiment.model_validate({"data": data, "loss": {"class_weights": "balanced"}}))
    assert "data.label_noise" in str(error.value) and "loss.class_weights" in str(error.value)
    data = table(a=range(20), y=list("abcde") * 4)
    with pytest.raises(InputError, match=r"model\.output: cce holds its own softmax"):
        prepare(Experiment.model_validate({"data": data, "model": {"output": "softmax"}}))


def test_mape_with_zero_targets_is_refused_with_their_number(table):
    data = table({"task": "regression"}, a=range(20), y=[0, 0, 0, *range(1, 18)])
    with pytest.raises(InputError, match="0 in 3 of 20 examples"):
        ready(data, loss={"kind": "mape"})


@pytest.mark.parametrize(
    ("least", "precision", "outcome"),
    [
        (1e-300, "float32", "refused"),  # 0 in float32
        (1e-30, "float32", "refused"),  # the square of 100 / 1e-30 is beyond float32
        (1e-30, "float64", "noted"),
        (1e-300, "float64", "refused"),
        (1e-9, "float32", "noted"),
        (5.0, "float32", "fine"),
    ],
)
def test_mape_with_targets_near_zero(table, least, precision, outcome):
    data = table({"task": "regression"}, a=range(40), y=[least, -least, *np.linspace(10, 30, 38)])
    settings = {"loss": {"kind": "mape"}, "training": {"device": "cpu", "precision": precision}}
    if outcome == "refused":
        with pytest.raises(
            InputError, match=rf"in 2 of 40 examples is so near 0 \({least:.3g}\).*overflows in {precision}"
        ):
            ready(data, **settings)
        return
    notes = [note for note in ready(data, **settings).notes if note.startswith("mape: ")]
    assert [note[: len("mape: 2 of 40 targets")] for note in notes] == ["mape: 2 of 40 targets"] * (
        outcome == "noted"
    )
    if outcome == "noted":
        experiment = Experiment.model_validate(
            {"data": data, **settings, "training": {**settings["training"], "epochs": 2}}
        )
        losses = [event.train["loss"] for event in run(experiment) if isinstance(event, EpochEnded)]
        assert np.isfinite(losses).all()


@pytest.mark.parametrize(
    ("subset", "batch_size", "refused"),
    [
        (65, 64, True),
        (64, 64, False),
        (66, 64, False),
        (65, "full", False),
        (65, 100, False),
        (33, 1, True),
        (33, 32, True),
    ],
)
def test_batch_norm_refuses_a_batch_of_one(subset, batch_size, refused):
    # lecture.md BN6: 65 examples in batches of 64 end in a batch of 1.
    settings = {"model": {"kind": "mlp", "batch_norm": True}, "training": {"batch_size": batch_size}}
    if not refused:
        assert len(ready({"name": "digits", "subset": subset}, **settings).train) == subset
        return
    with pytest.raises(InputError, match=r"training\.batch_size: .*use for instance (\d+)") as error:
        ready({"name": "digits", "subset": subset}, **settings)
    way_out = int(str(error.value).split("for instance ")[1].split(",")[0])
    settings["training"] = {"batch_size": way_out}
    ready({"name": "digits", "subset": subset}, **settings)
    ready({"name": "digits", "subset": subset}, training={"batch_size": batch_size})


def test_one_training_example_is_refused(table):
    with pytest.raises(InputError, match="only 1 example"):
        ready(table({"split": [0.2, 0.4, 0.4]}, a=range(5), y=[0.1, 0.2, 0.3, 0.4, 0.5]))


@pytest.mark.parametrize(
    ("settings", "a", "precision", "message"),
    [
        ({}, "{}e300", "float64", None),
        ({}, "{}e-60", "float64", None),
        ({}, "{}e300", "float32", 'column "a" holds numbers too large or too small for float32'),
        ({}, "{}e-60", "float32", 'training.precision = "float64"'),
        ({"preprocess": "none"}, "{}e300", "float32", 'column "a" holds numbers too large for float32'),
        (
            {},
            "{:+}e307",
            "float64",
            'column "a" holds numbers too large or too small for float64; rescale it$',
        ),
    ],
)
def test_numbers_beyond_the_precision_are_refused_with_their_column(table, settings, a, precision, message):
    values = [a.format(i * (-1) ** i) for i in range(18)]
    data = table(settings, a=values, y=np.arange(18) / 7)
    if message is None:
        assert ready(data, training={"precision": precision}).train.x.std(correction=0) == pytest.approx(1)
        return
    with pytest.raises(InputError, match=message):
        ready(data, training={"precision": precision})


def test_targets_beyond_the_precision_are_refused(table):
    data = table(
        {"scale_target": False, "task": "regression"}, a=range(20), y=[f"{i}e300" for i in range(20)]
    )
    with pytest.raises(InputError, match="the targets hold numbers too large for float32"):
        ready(data)
