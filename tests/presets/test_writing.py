"""Writing experiments: complete TOML, edited files, differences and command lines all lead back to the experiment."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from ladera.engine import Experiment
from ladera.engine.data.names import FACTS
from ladera.engine.experiment import Augmentation, Cnn, Init, Linear, Mlp, Polynomial, Schedule
from ladera.engine.tasks import METRICS
from ladera.presets.catalog import (
    PARTS,
    PresetError,
    catalog,
    change,
    command_line,
    compatible,
    difference,
    load,
    named,
    settings_between,
)
from ladera.presets.load import locate as find_path
from ladera.presets.merge import kinds
from ladera.presets.write import HEAD, dump, save_as

Write = Callable[[str, str], Path]
EXPERIMENTS = [preset.short for preset in catalog("experiments")]

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=30)
POSITIVE = st.floats(1e-300, 1e300)
SHARE = st.floats(0, 0.99)
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "lr": POSITIVE,
    "scale": POSITIVE,
    "factor": st.floats(0.01, 0.99),
    "degree": st.integers(1, 30),
    "kernel": st.sampled_from([1, 3, 5, 7]),
    "hidden": st.lists(st.integers(1, 500), max_size=3),
    "channels": st.lists(st.integers(1, 500), min_size=1, max_size=3),
    "batch_size": st.one_of(st.just("full"), st.integers(1, 10**9)),
    "device": st.sampled_from(["auto", "cpu", "mps", "cuda", "cuda:3"]),
    "seed": st.integers(0, 2**63 - 1),
    "snr_db": st.one_of(st.none(), st.floats(-40, 120)),
    "baseline": st.one_of(st.none(), st.floats(-1e9, 1e9)),
    "value": st.floats(-1e9, 1e9),
    "subset": st.one_of(st.none(), st.integers(4, 999)),
    "examples": st.one_of(st.none(), st.integers(8, 999)),
    "noise": st.one_of(st.none(), SHARE),
    "split": st.sampled_from([(0.6, 0.2, 0.2), (0.8, 0.1, 0.1), (0.7, 0.3, 0.0)]),
}


def section(model: type[BaseModel], without: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw values for some of a section's keys, by their annotations."""
    known: dict[str, st.SearchStrategy[Any]] = {}
    for name, info in model.model_fields.items():
        if name in without:
            continue
        arguments = getattr(info.annotation, "__args__", ())
        if name in SPECIAL and not (model is Augmentation and name == "noise"):
            known[name] = SPECIAL[name]
        elif info.annotation is bool:
            known[name] = st.booleans()
        elif info.annotation is int:
            known[name] = st.integers(1, 60)
        elif info.annotation is float:
            known[name] = SHARE
        elif arguments and all(isinstance(choice, str) for choice in arguments):
            known[name] = st.sampled_from(arguments)
    return st.fixed_dictionaries({}, optional=known)


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    name = draw(st.sampled_from(sorted(FACTS)))
    facts = FACTS[name]
    models = [Mlp, Linear, Polynomial] if facts.form == "table" else [Mlp, Linear, Cnn]
    model = draw(st.sampled_from(models))
    kind = draw(st.sampled_from(sorted(kinds("optimizer"))))
    task = facts.task
    loss = {"multiclass": ["cce"], "binary": ["bce"], "regression": ["mse", "mae", "mape"]}[task]
    monitor = draw(st.sampled_from(sorted(METRICS[task])))
    of_form = {
        "table": {"noise"},
        "image": {"noise", "flip", "shift"},
        "audio": {"noise", "snr_db", "time_mask"},
    }
    own_data = {"name", "path", "target", "task", "augmentation"} | (
        {"label_noise"} if task == "regression" else set()
    )
    skipped = Augmentation.model_fields.keys() - of_form[facts.form]
    classes = Experiment.model_fields
    data_class, training_class, stopping_class = (
        classes[part].annotation for part in ("data", "training", "stopping")
    )
    assert data_class and training_class and stopping_class
    return Experiment.model_validate(
        {
            "description": draw(TEXT),
            "data": {
                **draw(section(data_class, own_data)),
                "name": name,
                "augmentation": draw(section(Augmentation, skipped)),
            },
            "model": {**draw(section(model, {"kind", "output"})), "kind": model.__name__.lower()},
            "loss": {
                "kind": draw(st.sampled_from(loss)),
                "class_weights": "none"
                if task == "regression"
                else draw(st.sampled_from(["none", "balanced"])),
                "allow_mismatch": draw(st.booleans()),
            },
            "optimizer": {**draw(section(kinds("optimizer")[kind], {"kind"})), "kind": kind},
            "init": draw(section(Init, set())),
            "training": {**draw(section(training_class, set())), "schedule": draw(section(Schedule, set()))},
            "stopping": {
                **draw(section(stopping_class, {"monitor", "mode"})),
                "monitor": monitor,
                "mode": METRICS[task][monitor],
            },
        }
    )


many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_dumped_built_in_loads_as_the_same(name: str, write: Write) -> None:
    experiment = load(name)
    text = dump(experiment, "one\ntwo\x1b")
    assert text.startswith(f"{HEAD}# one\n# two?\n")
    assert load(write("x.toml", text)) == experiment


@many
@given(experiments())
def test_any_experiment_survives_dump_and_load(write: Write, experiment: Experiment) -> None:
    assert load(write("x.toml", dump(experiment))) == experiment


@many
@given(experiments(), st.sampled_from(EXPERIMENTS))
def test_any_experiment_survives_its_command_line(experiment: Experiment, base: str) -> None:
    words = shlex.split(command_line(experiment, base))
    assert words[:3] == ["ladera", "run", base]
    assert set(words[3::2]) <= {"--set"}
    assert load(base, words[4::2]) == experiment


@many
@given(experiments(), st.sampled_from(EXPERIMENTS))
def test_any_experiment_survives_saving_over_a_base(experiment: Experiment, base: str) -> None:
    assert load(save_as(experiment, "x.toml", base, overwrite=True)) == experiment


@pytest.mark.parametrize(("base", "name"), pairwise([*EXPERIMENTS, EXPERIMENTS[0]]))
def test_command_lines_between_built_ins_stay_short(base: str, name: str) -> None:
    between = settings_between(load(name), load(base))
    assert len(between) <= 25
    assert change(load(base), between) == load(name)


def test_command_lines_by_hand() -> None:
    digits = load("digits")
    assert command_line(digits, "digits") == "ladera run digits"
    assert (
        command_line(change(digits, ["optimizer.lr=0.01"]), "digits")
        == "ladera run digits --set optimizer.lr=0.01"
    )
    sgd = change(digits, ["optimizer=sgd", "training.batch_size=full", "data.augmentation=rotation"])
    assert command_line(sgd, "digits") == (
        "ladera run digits --set optimizer=sgd --set data.augmentation.rotation=15.0 --set training.batch_size=full"
    )
    named_it = change(digits, ["description=it's; $HOME"])
    assert command_line(named_it, "digits") == """ladera run digits --set 'description="it'"'"'s; $HOME"'"""


def test_difference_lists_only_what_differs() -> None:
    digits = load("digits")
    other = change(digits, ["optimizer.kind=sgd", "stopping.baseline=0.5", "model.hidden=[8]"])
    assert difference(digits, digits) == []
    assert sorted(difference(digits, other)) == [
        ("model.hidden", [128, 64], [8]),
        ("optimizer.beta1", 0.9, None),
        ("optimizer.beta2", 0.999, None),
        ("optimizer.epsilon", 1e-8, None),
        ("optimizer.kind", "adam", "sgd"),
        ("stopping.baseline", None, 0.5),
    ]


@pytest.mark.parametrize("part", PARTS)
def test_a_chosen_part_is_recognized(part: str) -> None:
    key = "data.augmentation" if part == "augmentation" else part
    for preset in catalog(part):
        base = next(
            (
                base
                for base in map(load, ("digits", "diabetes", "moons", "tones"))
                if not compatible(base, part, preset)
            ),
            None,
        )
        assert base, f"{preset.name} fits none of four experiments"
        chosen = change(base, [f"{key}={preset.short}"])
        found = named(chosen, part)
        # Two presets that say the same for this experiment are both right.
        assert found and change(base, [f"{key}={found.short}"]) == chosen


def test_own_values_belong_to_no_preset() -> None:
    assert named(change(load("digits"), ["optimizer.lr=0.123"]), "optimizer") is None


def test_saving_keeps_the_comments_of_the_edited_file(write: Write) -> None:
    write(
        "mine.toml",
        """# my notes
data = "iris"      # small
optimizer = "adam" # safe

[training]
epochs = 50 # enough
""",
    )
    experiment = load(
        "mine.toml", ["optimizer.lr=0.5", "training.epochs=60", "training.seed=3", "model.hidden=[4]"]
    )
    path = save_as(experiment, "sub/new.toml", base="mine.toml")
    assert load(path) == experiment
    text = path.read_text()
    assert text.startswith('# my notes\ndata = "iris"      # small\n')
    assert "epochs = 60 # enough\nseed = 3\n" in text
    assert 'optimizer = {preset = "adam", lr = 0.5}' in text
    assert "beta1" not in text


MINE = """# my notes
description = "Mine"
when = "on Fridays"
# about the data
data = "digits" # small

[optimizer]
# found by hand
preset = "adam" # by habit
lr = 0.003 # not more
beta1 = 0.8

[stopping]
patience = 5
baseline = 0.5
"""


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        (["optimizer=momentum"], 'preset = "adam" # by habit\nlr = 0.003 # not more\nbeta1 = 0.8\n',
         'preset = "momentum" # by habit\nlr = 0.05 # not more\n'),
        (["optimizer=rmsprop", "optimizer.epsilon=1e-4"],
         'preset = "adam" # by habit\nlr = 0.003 # not more\nbeta1 = 0.8\n',
         'preset = "rmsprop" # by habit\nlr = 0.001 # not more\nepsilon = 0.0001\n'),
        (["stopping.baseline="], "baseline = 0.5\n", ""),
        (["data.noise=", "data=wine", "description=Mine"], 'data = "digits"', 'data = "wine"'),
    ],
)  # fmt: skip
def test_saving_keeps_the_comments_when_a_part_becomes_another(
    write: Write, changes: list[str], old: str, new: str
) -> None:
    write("mine.toml", MINE)
    experiment = load("mine.toml", changes)
    path = save_as(experiment, "new.toml", base="mine.toml")
    assert load(path) == experiment
    assert path.read_text() == MINE.replace(old, new)


def test_a_section_that_no_preset_is_like_is_stated_whole(write: Write) -> None:
    write("mine.toml", '# my notes\ndata = {path = "h.csv", target = "y", missing = "mean"} # houses\n')
    experiment = load("mine.toml", ['data.target=""'])
    text = save_as(experiment, "new.toml", base="mine.toml").read_text()
    assert text.startswith("# my notes\n") and load("new.toml") == experiment


def test_what_a_built_in_preset_says_of_itself_is_not_said_of_ones_own(tmp_path: Path) -> None:
    text = save_as(load("digits", ["optimizer.lr=0.5"]), "new.toml", base="digits").read_text()
    assert "The default: a first run" in Path(find_path("digits")).read_text()
    assert "when =" not in text and "order =" not in text
    assert 'description = "Handwritten digits' in text


def test_saving_over_a_named_base_keeps_its_parts() -> None:
    path = save_as(load("digits", ["optimizer.lr=0.5"]), "new.toml", base="digits")
    text = path.read_text()
    assert 'model = "mlp"\n' in text
    assert load(path) == load("digits", ["optimizer.lr=0.5"])


def test_a_saved_file_says_how_an_editor_completes_it(tmp_path: Path) -> None:
    """The built-in files name the schema in the folder above, where a file of one's own has none."""
    first = save_as(load("digits", ["optimizer.lr=0.5"]), "presets/experiments/a.toml", base="digits")
    again = save_as(load("a", ["optimizer.lr=0.25"]), "b.toml", base="a")
    for path in (first, again):
        assert path.read_text().startswith(HEAD)
        assert path.read_text().count("schema") == HEAD.count("schema")


def test_saving_over_a_file_keeps_its_mode() -> None:
    path = save_as(load("digits"), "x.toml")
    path.chmod(0o664)
    save_as(load("iris"), "x.toml", overwrite=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    assert load("x.toml") == load("iris")


def test_saving_never_replaces_a_file_unless_told(write: Write) -> None:
    write("mine.toml", "# precious")
    with pytest.raises(PresetError, match=r"^mine\.toml: exists already"):
        save_as(load("digits"), "mine.toml")
    assert Path("mine.toml").read_text() == "# precious"
    save_as(load("iris"), "mine.toml", overwrite=True)
    assert load("mine.toml") == load("iris")
    assert [path.name for path in Path().iterdir()] == ["mine.toml"], "no temporary file is left"


def test_saving_tells_why_it_cannot(write: Write) -> None:
    with pytest.raises(PresetError, match=r"^x\.yaml: the name of a preset file ends in \.toml"):
        save_as(load("digits"), "x.yaml")
    write("file", "")
    with pytest.raises(PresetError, match=r"^file/x\.toml: cannot be written: "):
        save_as(load("digits"), "file/x.toml")
    assert stat.S_ISREG(Path("file").stat().st_mode)


def test_relative_data_paths_are_dumped_absolute(write: Write) -> None:
    experiment = Experiment.model_validate({"data": {"path": "h.csv"}})
    assert load(write("far/away.toml", dump(experiment))).data.path == Path("h.csv").absolute()
