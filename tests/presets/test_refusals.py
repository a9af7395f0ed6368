"""What is wrong with a preset: every fault at once, each with file, line and key, nothing guessed silently."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ladera.engine.errors import InputError
from ladera.engine.experiment import Experiment
from ladera.presets.catalog import PresetError, catalog, check, compatible, load

Complaint = Callable[..., str]


def test_all_faults_are_told_at_once_in_the_order_of_the_lines(complaint: Complaint) -> None:
    text = """
[modl]
x = 1
[optimizer]
lr = -1
momentun = 2
[training]
epochs = 1e2
batch_size = "ful"
device = "gpu"
precision = "float16"
"""
    assert complaint(text, "model.hidden=[8, 0]", "stopping.patience=true") == "\n".join(
        [
            'x.toml:2: modl: unknown key; did you mean "model"?',
            "x.toml:5: optimizer.lr: must be greater than 0, not -1",
            'x.toml:6: optimizer.momentun: unknown key; did you mean "momentum", a key of kind = "momentum"?',
            "x.toml:8: training.epochs: must be a whole number, not 100.0",
            'x.toml:9: training.batch_size: must be a whole number, or "full", not "ful"; did you mean "full"?',
            'x.toml:10: training.device: must be "auto", "cpu", "mps", "cuda" or "cuda:0", not "gpu"',
            'x.toml:11: training.precision: must be "float32" or "float64", not "float16"; did you mean "float64"?',
            "--set model.hidden=[8, 0]: model.hidden: entry 2 must be at least 1, not 0",
            "--set stopping.patience=true: stopping.patience: must be a whole number, not true",
        ]
    )


def test_faults_are_records_too() -> None:
    with pytest.raises(InputError) as caught:
        load("digits", ["optimizer.lr=-1"])
    assert isinstance(caught.value, PresetError)
    (fault,) = caught.value.faults
    assert (fault.where, fault.key) == ("--set optimizer.lr=-1", "optimizer.lr")
    assert fault.text == "must be greater than 0, not -1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[optimizer]\nlr = nan", "x.toml:2: optimizer.lr: must be a finite number, not nan"),
        ("[optimizer]\nlr = inf", "x.toml:2: optimizer.lr: must be a finite number, not inf"),
        ("[optimizer]\nlr = true", "x.toml:2: optimizer.lr: must be a number, not true"),
        ('[optimizer]\nlr = "0.1"', 'x.toml:2: optimizer.lr: must be a number, not "0.1"'),
        ("[optimizer]\nlr = " + "9" * 400, "x.toml:2: optimizer.lr: is too large for a number"),
        ("[optimizer]\nbeta1 = 1", "x.toml:2: optimizer.beta1: must be less than 1, not 1"),
        ("[training]\nseed = -1", "x.toml:2: training.seed: must be at least 0, not -1"),
        ("[training]\nepochs = true", "x.toml:2: training.epochs: must be a whole number, not true"),
        ("[training]\nbatch_size = 0", 'x.toml:2: training.batch_size: must be at least 1, or "full", not 0'),
        ("[stopping]\nrestore_best = 1", "x.toml:2: stopping.restore_best: must be true or false, not 1"),
        ("description = 3", "x.toml:1: description: must be text in quotes, not 3"),
        ('model = {kind = "cnn", kernel = 4}', "x.toml:1: model.kernel: must be 1, 3, 5 or 7, not 4"),
        ('model = {kind = "cnn", channels = []}', "x.toml:1: model.channels: needs at least 1 value, not []"),
        ("[model]\nhidden = 64", "x.toml:2: model.hidden: must be a list in brackets, not 64"),
        ("[training]\nschedule = 'cosine'", 'x.toml:2: training.schedule: must be a table of keys, not "cosine"; write training.schedule.kind = "cosine"'),
        ("optimizer = 3", "x.toml:1: optimizer: must be the name of a preset or a table of keys, not 3"),
        ("stopping = [1]", "x.toml:1: stopping: must be the name of a preset or a table of keys, not [1]"),
        (
            "[data]\nname = 'digits'\nsplit = [0.5, 0.5]",
            "x.toml:3: data.split: needs 3 values, not [0.5, 0.5]",
        ),
        (
            "[data]\nname = 'digits'\nsplit = [0.5, 0.5, 0.5]",
            "x.toml:3: data.split: must add up to 1, not 1.5",
        ),
        (
            "[data]\nname = 'digit'",
            'x.toml:2: data.name: no data set "digit"; did you mean "digits"?',
        ),
        (
            "[data]\nname = 'iris'\npath = 'x.csv'",
            "x.toml:3: data: give either name (a built-in data set) or path (a file or folder), not both",
        ),
        ("[data]\nname = 'digits'\n[data.augmentation]\nflip = 2", "x.toml:4: data.augmentation.flip: must be at most 1, not 2"),
        (
            '[optimizer]\nkind = "adem"',
            'x.toml:2: optimizer.kind: must be "sgd", "momentum", "adagrad", "rmsprop", "adam" or "adamw", not "adem"; did you mean "adam"?',
        ),
        ("[training]\nlr = 0.1", 'x.toml:2: training.lr: unknown key; did you mean "optimizer.lr"?'),
        ("lr = 0.1", 'x.toml:1: lr: unknown key; did you mean "optimizer.lr"?'),
        ('"a b" = 1', 'x.toml:1: "a b": unknown key; there are description, data, model, loss, optimizer, regularization, init, training, stopping'),
        ('_target_ = "os.system"', "x.toml:1: _target_: unknown key; there are description, data, model, loss, optimizer, regularization, init, training, stopping"),
        ("[stopping]\nmonitor = 'acuracy'", 'x.toml:2: stopping.monitor: "acuracy" is not measured; did you mean "accuracy"?'),
        ("[stopping]\nmonitor = 'accuracy'", 'x.toml:2: stopping.mode: accuracy is better when higher: set stopping.mode = "max"'),
        ("[model]\nhidden = [64, -1, 2.5, 8]", "x.toml:2: model.hidden: entry 2 must be at least 1, not -1; entry 3 must be a whole number, not 2.5"),
        ("[optimizer]\nkind = 'momentum'\nbeta1 = 0.3", 'x.toml:3: optimizer.beta1: unknown key; it is a key of kind = "adam" or "adamw"'),
        ("[optimizer]\nkind = 'rmsprop'\nbeta1 = 0.3", 'x.toml:3: optimizer.beta1: unknown key; it is a key of kind = "adam" or "adamw"'),
        ("[optimizer]\nkind = 'sgd'\nmomentun = 0.3", 'x.toml:3: optimizer.momentun: unknown key; did you mean "momentum", a key of kind = "momentum"?'),
        ("data = 'digt'", 'x.toml:1: data: no data preset "digt"; did you mean "digits"? A file or folder of your own goes into data.path'),
        ("data = 'iris'\nmodel = 'cnn'", "a cnn needs images or sound; this data is a table: use mlp"),
        ("optimizer = 'adma'", 'x.toml:1: optimizer: no optimizer preset "adma"; did you mean "adam"?'),
        ("[optimizer]\npreset = 'adma'\nlr = 0.1", 'x.toml:2: optimizer: no optimizer preset "adma"; did you mean "adam"?'),
        ("[data]\nname = 'digits'\naugmentation = 'image2'", 'x.toml:3: data.augmentation: no augmentation preset "image2"; did you mean "image-2"?'),
        ("optimizer = '../../etc/passwd'", 'x.toml:1: optimizer: "../../etc/passwd" is not the name of a preset'),
        ('optimizer = "a\\u001b[31m"', r'x.toml:1: optimizer: "a\x1b[31m" is not the name of a preset'),
        ("extends = 'digts'\n[optimizer]\nmomentum = 0.5", 'x.toml:1: extends: no experiment preset "digts"; did you mean "digits"?'),
        ("extends = 'x.toml'", 'x.toml:1: extends: leads back to itself: x.toml → "x.toml"'),
        ("extends = '../y.toml'", "x.toml:1: extends: ../y.toml: there is no such file"),
        ("extends = 3", "x.toml:1: extends: must be the name of an experiment preset, not 3"),
    ],
)  # fmt: skip
def test_one_fault(complaint: Complaint, text: str, message: str) -> None:
    found = complaint(text)
    assert found == message or (not message.startswith("x.toml") and found.endswith(message))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr = 1\nlr = 2", "x.toml:2: lr: given twice; first on line 1"),
        ("[model]\n[optimizer]\nlr = 1\n[optimizer]", "x.toml:4: optimizer: given twice; first on line 2"),
        ("[optimizer]\nlr = 1\nkind = 'sgd'\nlr = 2", "x.toml:4: optimizer.lr: given twice; first on line 2"),
        ("model = \n", "x.toml:1: not valid TOML: Invalid value (column 9)"),
        ("a = 1\nb = [", "x.toml:2: not valid TOML: Invalid value (end of the file)"),
        ('description = "\x1b[31m"', r"x.toml:1: not valid TOML: Illegal character '\x1b' (column 16)"),
        ("a = " + "9" * 5000, "x.toml: not valid TOML: Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits"),
        ("a = " + "[" * 2000 + "]" * 2000, "x.toml: tables and lists are nested deeper than 8 levels"),
        ("a." * 2000 + "b = 1", "x.toml: tables and lists are nested deeper than 8 levels"),
        ("a = " + "{b = " * 9 + "1" + "}" * 9, "x.toml: tables and lists are nested deeper than 8 levels"),
        (b'ok = 1\ndescription = "\xe9"', "x.toml:2: not UTF-8 text (byte 0xe9)"),
        ("[optimizer]\nlr = 1\n".encode("utf-16"), "x.toml:1: not UTF-8 text (byte 0xff)"),
        (b"#" * (1 << 20) + b"#", "x.toml: larger than 1 MiB; this is no preset"),
    ],
)  # fmt: skip
def test_files_that_are_not_toml(complaint: Complaint, text: str | bytes, message: str) -> None:
    assert complaint(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"optimizer": {"lr": 1,\n "lr": 2}}', "x.json:2: optimizer.lr: given twice; first on line 1"),
        ('{"model": null}', "x.json:1: model: must be the name of a preset or a table of keys, not null"),
        ('{"optimizer":\n {"lr": NaN}}', "x.json:2: optimizer.lr: must be a finite number, not nan"),
        ("[1]", "x.json: not a preset: the JSON must be an object"),
        ('{"a": }', "x.json:1: not valid JSON: Expecting value (column 7)"),
        ("[" * 100_000, "x.json: tables and lists are nested deeper than 8 levels"),
    ],
)
def test_json_files(complaint: Complaint, text: str, message: str) -> None:
    assert complaint(text, name="x.json") == message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("foo", "--set foo: write it as key=value, for example optimizer.lr=0.01"),
        ("=3", "--set =3: write it as key=value, for example optimizer.lr=0.01"),
        ("a..b=3", "--set a..b=3: write it as key=value, for example optimizer.lr=0.01"),
        ("extends=iris", "--set extends=iris: extends: belongs in a file; name the experiment itself instead"),
        ("data.target=", "--set data.target=: data.target: is empty; name a column, or leave the option out"),
        ("optimizer.lr=", "--set optimizer.lr=: optimizer.lr: is empty; give it a value, or leave the option out"),
        ("training.seed= ", "--set training.seed= : training.seed: is empty; give it a value, or leave the option out"),
        ("stopping.monitor=", "--set stopping.monitor=: stopping.monitor: is empty; give it a value, or leave the option out"),
        ("optimizer=", "--set optimizer=: optimizer: is empty; name a preset of optimizer, or leave the option out"),
        ("data.augmentation=", "--set data.augmentation=: data.augmentation: is empty; name a preset of augmentation, or leave the option out"),
        ("data.path=", '--set data.path=: data.path: must name a file or folder, not ""'),
        ('data.path=" "', '--set data.path=" ": data.path: must name a file or folder, not ""'),
        ("optimizer.lrr=", '--set optimizer.lrr=: optimizer.lrr: unknown key; did you mean "lr"?'),
        ("lr=0.1", '--set lr=0.1: lr: unknown key; did you mean "optimizer.lr"?'),
        ("optimizer=adan", '--set optimizer=adan: optimizer: no optimizer preset "adan"; did you mean "adam"?'),
        ("model.hidden=64,32", '--set model.hidden=64,32: model.hidden: must be a list in brackets, not "64,32"'),
        ("training.epochs=1\nx=2", '--set training.epochs=1?x=2: training.epochs: must be a whole number, not "1\\nx=2"'),
        ("loss=\x1b[31m", r'--set loss=?[31m: loss: "\x1b[31m" is not the name of a preset'),
        ("optimizer.lr=nan", "--set optimizer.lr=nan: optimizer.lr: must be a finite number, not nan"),
        ("stopping.monitor=r2", 'stopping.monitor: r2 is not measured in a multiclass task; there are loss, accuracy, macro_recall'),
        ("training.epochs.x=2", "--set training.epochs.x=2: training.epochs: must be a whole number, not a table"),
    ],
)  # fmt: skip
def test_settings(setting: str, message: str) -> None:
    settings = [setting] if "r2" not in setting else [setting, "stopping.mode=max"]
    with pytest.raises(PresetError) as caught:
        load("digits", settings)
    assert str(caught.value).endswith(message)


def test_a_setting_under_a_name_that_is_no_section_is_refused() -> None:
    with pytest.raises(PresetError, match="gives this section a value that is no table"):
        load("digits", ["training.schedule=cosine", "training.schedule.warmup=2"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digts", 'no experiment preset "digts"; did you mean "digits"?'),
        ("adam", 'no experiment preset "adam"; optimizer/adam is a part, to be chosen with --set optimizer=adam'),
        ("crop", 'no experiment preset "crop"; augmentation/crop is a part, to be chosen with --set data.augmentation=crop'),
        ("nope.toml", "nope.toml: there is no such file"),
        ("../digits", '"../digits" is not the name of an experiment; give the file itself, it ends in .toml or .json'),
        ("experiments/../x", '"experiments/../x" is not the name of an experiment; give the file itself, it ends in .toml or .json'),
        ("optimizer/adam", '"optimizer/adam" is not the name of an experiment; it is a part, to be chosen with --set optimizer=adam'),
        ("augmentation/crop", '"augmentation/crop" is not the name of an experiment; it is a part, to be chosen with --set data.augmentation=crop'),
        ("a\x1b[31m", r'"a\x1b[31m" is not the name of an experiment'),
        ("", '"" is not the name of an experiment'),
        ("..", '".." is not the name of an experiment'),
        ("-x", '"-x" is not the name of an experiment'),
        ("x\0.toml", "x?.toml: cannot be read: embedded null byte"),
    ],
)  # fmt: skip
def test_names_and_paths(name: str, message: str) -> None:
    with pytest.raises(PresetError) as caught:
        load(name)
    assert str(caught.value) == message


def test_an_empty_path_of_data_is_neither_the_built_in_data_nor_the_folder(complaint: Complaint) -> None:
    assert complaint('[data]\npath = ""').startswith("x.toml:2: data.path: must name a file")
    for left in ("data.name", "data.path"):
        with pytest.raises(PresetError) as caught:
            load("digits", [f"{left}="])
        assert [fault.key for fault in caught.value.faults] == [left]


def test_folders_and_devices_are_not_presets() -> None:
    Path("folder.toml").mkdir()
    with pytest.raises(PresetError, match=r"^folder\.toml: this is a folder"):
        load("folder.toml")
    Path("null.toml").symlink_to("/dev/null")
    with pytest.raises(PresetError, match=r"^null\.toml: this is not a regular file"):
        load("null.toml")


def test_a_fault_in_a_part_or_a_base_is_told_at_its_own_line(
    complaint: Complaint, write: Callable[[str, str], Path]
) -> None:
    write("presets/optimizer/hot.toml", 'when = "never"\n[optimizer]\nkind = "sgd"\nlr = -5\n')
    write("presets/base.toml", 'optimizer = "hot"\n[training]\nepochs = 0\n')
    assert complaint("extends = 'base'\n[stopping]\npatience = -1\n") == "\n".join(
        [
            "presets/optimizer/hot.toml:4: optimizer.lr: must be greater than 0, not -5",
            "presets/base.toml:3: training.epochs: must be at least 1, not 0",
            "x.toml:3: stopping.patience: must be at least 0, not -1",
        ]
    )


def test_what_the_name_of_a_data_set_tells_is_refused_before_it_is_read(complaint: Complaint) -> None:
    """So that the lab can grey it: images have no columns to take powers of, measurements no labels to replace."""
    assert "model.kind: a polynomial takes the powers of a table's columns; this data is image" in complaint(
        "data = 'digits'\nmodel = 'polynomial'"
    )
    reason = compatible(Experiment(), "model", "polynomial")
    assert reason and "use mlp, cnn or linear" in reason
    assert compatible(load("iris"), "model", "polynomial") is None
    softmax = complaint(
        "data = 'moons'\nmodel = {output = 'softmax'}\nloss = {kind = 'mse', allow_mismatch = true}"
    )
    assert (
        "model.output: a softmax over the single output of a binary task is always 1: use sigmoid or linear"
        in softmax
    )
    assert "scaled targets do not: use linear" in complaint("data = 'diabetes'\nmodel = {output = 'sigmoid'}")
    for data, loss in (("moons", "cce"), ("moons", "mape"), ("digits", "mape")):
        text = complaint(f"data = '{data}'\nloss = {{kind = '{loss}', allow_mismatch = true}}")
        assert f"loss.kind: {loss} " in text
    assert "data.label_noise: a regression task" in complaint("data = {name = 'diabetes', label_noise = 0.1}")


def test_a_file_of_data_in_place_of_an_experiment_is_told_where_it_goes() -> None:
    Path("photos").mkdir()
    for name in ("mine.csv", "./mine.csv", "mine.npz", "photos", "photos/"):
        with pytest.raises(
            PresetError, match=f"data of your own goes into an experiment: digits --set data.path={name}$"
        ):
            load(name)


def test_a_file_in_another_format_is_told_which_there_are(complaint: Complaint) -> None:
    Path("there").touch()
    Path("digits").touch()
    for name in ("there", "./there", "mine.yaml", "./mine.yml"):
        with pytest.raises(PresetError, match="a file of an experiment is TOML or JSON only, and ends in"):
            load(name)
    assert "a file of an experiment is TOML or JSON only" in complaint('extends = "mine.yaml"')
    assert load("digits").data.name == "digits"


def test_what_does_not_fit_together_is_told_where_the_last_of_it_was_set(
    complaint: Complaint, write: Callable[[str, str], Path]
) -> None:
    """Never at a line of a built-in preset, which is right as it stands."""
    by_mode = 'stopping.mode: accuracy is better when higher: set stopping.mode = "max"'
    assert complaint('extends = "digits"\n[stopping]\nmonitor = "accuracy"') == f"x.toml:3: {by_mode}"
    assert (
        complaint('extends = "digits"', "stopping.monitor=accuracy")
        == f"--set stopping.monitor=accuracy: {by_mode}"
    )
    by_loss = "loss.kind: mse does not fit a multiclass task; use cce, or set loss.allow_mismatch = true to do it on purpose"
    assert complaint('extends = "digits"', "loss=mse") == f"--set loss=mse: {by_loss}"
    assert complaint('extends = "digits"\n\nloss = "mse"') == f"x.toml:3: {by_loss}"
    write("presets/base.toml", 'extends = "digits"\nloss = "mse"\n')
    assert complaint('extends = "base"') == f"presets/base.toml:2: {by_loss}"
    by_model = "model.kind: a cnn needs images or sound; this data is a table: use mlp"
    assert complaint('extends = "digits-cnn"\ndata = "iris"') == f"x.toml:2: {by_model}"
    assert complaint('extends = "digits-cnn"', "data=iris") == f"--set data=iris: {by_model}"
    assert complaint('extends = "iris"\n[model]\npreset = "cnn"\nkernel = 5') == f"x.toml:3: {by_model}"
    assert complaint('data = "iris"\nmodel = "cnn"', "optimizer=sgd") == f"x.toml:2: {by_model}"


def test_data_that_are_not_there_are_told_with_everything_else(write: Callable[[str, str], Path]) -> None:
    write("sub/x.toml", 'extends = "digits"\n[data]\npath = "nope.csv"\n[optimizer]\nlr = -1\n')
    with pytest.raises(PresetError) as caught:
        load("sub/x.toml", with_data=True)
    assert str(caught.value) == (
        "sub/x.toml:3: data.path: there is no file or folder sub/nope.csv\n"
        "sub/x.toml:5: optimizer.lr: must be greater than 0, not -1"
    )
    write("sub/x.toml", 'extends = "digits"\n[data]\npath = "nope.csv"\n')
    assert load("sub/x.toml").data.path == Path("sub/nope.csv").absolute(), (
        "its values can be read all the same"
    )
    write("sub/nope.csv", "a,b\n1,2\n")
    assert load("sub/x.toml", with_data=True) == load("sub/x.toml")
    for odd in ("nope.csv", "x" * 5000):
        with pytest.raises(
            PresetError, match=r"^--set data\.path=.*: data\.path: there is no file or folder "
        ):
            load("digits", [f"data.path={odd}"], with_data=True)


def test_a_preset_of_data_that_are_not_there_is_none_to_use(write: Callable[[str, str], Path]) -> None:
    write("presets/data/mine.toml", '[data]\npath = "nope.csv"\n')
    write("presets/mine.toml", 'data = "mine"\n')
    found = {preset.part: check(preset) for preset in catalog() if preset.origin == "./presets"}
    fault = "presets/data/mine.toml:2: data.path: there is no file or folder presets/data/nope.csv"
    assert found == {"experiments": fault, "data": fault}


@pytest.mark.parametrize("text", ["", "# nothing yet\n", 'description = "mine"\nwhen = "later"\n'])
def test_a_file_that_says_nothing_is_no_experiment(complaint: Complaint, text: str) -> None:
    assert complaint(text).startswith("x.toml: says nothing about an experiment: ")


def test_a_cycle_is_told_with_its_way(write: Callable[[str, str], Path]) -> None:
    write("presets/a.toml", "extends = 'b'")
    write("presets/b.toml", "extends = 'a'")
    with pytest.raises(PresetError) as caught:
        load("a")
    way = 'presets/a.toml → presets/b.toml → "a"'
    assert str(caught.value) == f"presets/b.toml:1: extends: leads back to itself: {way}"
