"""The catalog: what is built in, what hides what, and that a broken file does not break the list."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from ladera.engine.augmentation import label_risk
from ladera.engine.data.names import FACTS
from ladera.engine.experiment import Adam, Init, Loss, Schedule
from ladera.presets.catalog import (
    PARTS,
    Preset,
    PresetError,
    catalog,
    check,
    find,
    load,
    own_path,
    user_folder,
    valid_name,
)
from ladera.presets.merge import kinds
from ladera.presets.write import save_as

Write = Callable[[str, str], Path]
PARTS_BUILT_IN = [preset for part in PARTS for preset in catalog(part)]


def names(part: str) -> set[str]:
    return {preset.short for preset in catalog(part)}


def chosen(part: str, key: str) -> set[object]:
    return {preset.values.get(key) for preset in catalog(part)}


def test_every_system_of_the_schema_has_a_preset() -> None:
    assert chosen("data", "name") == set(FACTS)
    assert chosen("model", "kind") == set(kinds("model"))
    assert chosen("optimizer", "kind") == set(kinds("optimizer"))
    assert chosen("loss", "kind") == set(get_args(Loss.model_fields["kind"].annotation))
    assert chosen("init", "kind") == set(get_args(Init.model_fields["kind"].annotation))
    schedules = {dict(preset.values.get("schedule", {})).get("kind") for preset in catalog("training")}
    assert schedules - {None} == set(get_args(Schedule.model_fields["kind"].annotation))
    assert {"none", "image-1", "image-2", "image-3"} <= names("augmentation")


@pytest.mark.parametrize("preset", PARTS_BUILT_IN, ids=lambda preset: preset.name)
def test_a_built_in_part_explains_itself_in_single_lines(preset: Preset) -> None:
    assert check(preset) is None
    for text in (preset.description, preset.formula, preset.when):
        assert 2 <= len(text) <= 110
        assert "\\" not in text, "formulas are Unicode, not LaTeX"
    assert len(preset.caveat) <= 130


@pytest.mark.parametrize("preset", catalog("experiments"), ids=lambda preset: preset.name)
def test_a_built_in_experiment_is_valid_and_says_when_to_use_it(preset: Preset) -> None:
    assert check(preset) is None
    assert preset.when
    assert load(preset.name).description == preset.description


def test_a_working_directory_that_is_deleted_meanwhile_takes_only_its_own_presets_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "digits" in names("experiments")
    assert load("digits").data.name == "digits"


def test_the_three_augmentation_types_are_nested() -> None:
    # Lecture A5: type II is type I and rotation, type III is type II and colour.
    first, second, third = (
        dict(preset.values) for preset in (find("augmentation", f"image-{n}") for n in (1, 2, 3)) if preset
    )
    assert first.items() < second.items() < third.items()
    assert second.keys() - first.keys() == {"rotation"}
    assert third.keys() - second.keys() == {"contrast", "colour_shift", "permute_channels"}


def test_lecture_variants_differ_in_the_formula_only() -> None:
    for kind in ("momentum", "rmsprop", "adam"):
        plain, lecture = find("optimizer", kind), find("optimizer", f"{kind}-lecture")
        assert plain and lecture
        assert {**plain.values, "formula": "lecture"} == lecture.values


def test_adam_states_the_schema_defaults() -> None:
    adam = find("optimizer", "adam")
    assert adam and Adam.model_validate(adam.values) == Adam()


def test_own_files_come_first_then_the_users_then_the_built_in(write: Write) -> None:
    def origin() -> str:
        return next(preset.origin for preset in catalog("optimizer") if preset.short == "adam")

    assert origin() == "built-in"
    write(str(user_folder() / "optimizer/adam.toml"), '[optimizer]\nkind = "adam"\nlr = 0.5\n')
    assert origin() == "user"
    assert load("digits").optimizer.lr == 0.5
    write("presets/optimizer/adam.toml", '[optimizer]\nkind = "adam"\nlr = 0.25\n')
    assert origin() == "./presets"
    assert load("digits").optimizer.lr == 0.25
    assert [preset.short for preset in catalog("optimizer")].count("adam") == 1


def test_a_changed_file_is_read_again(write: Write) -> None:
    write("presets/mine.toml", "[optimizer]\nlr = 0.5\n")
    assert load("mine").optimizer.lr == 0.5
    write("presets/mine.toml", "[optimizer]\nlr = 0.125\n")
    assert load("mine").optimizer.lr == 0.125


def test_experiments_lie_in_presets_or_in_its_folder_experiments(write: Write) -> None:
    write("presets/first.toml", 'data = "iris"')
    write("presets/experiments/second.json", '{"data": "wine"}')
    write("presets/experiment.schema.json", "{}")
    own = [preset.name for preset in catalog("experiments") if preset.origin == "./presets"]
    assert own == ["experiments/first", "experiments/second"]
    assert load("first").data.name == "iris"
    assert load("second").data.name == "wine"


def test_a_broken_file_is_listed_with_its_fault(write: Write) -> None:
    write("presets/model/torn.toml", "[model]\nkind = ")
    write("presets/model/flat.toml", 'kind = "mlp"')
    write("presets/model/empty.toml", "")
    write("presets/model/note.toml", 'when = 3\n[model]\nkind = "mlp"')
    write("presets/model/bad name.toml", '[model]\nkind = "mlp"')
    write("presets/model/bytes.toml", "")
    Path("presets/model/bytes.toml").write_bytes(b"\xff")
    Path("presets/model/folder.toml").mkdir()
    faults = {preset.short: preset.fault for preset in catalog("model") if preset.fault}
    assert faults == {
        "torn": "presets/model/torn.toml:2: not valid TOML: Invalid value (end of the file)",
        "flat": "presets/model/flat.toml:1: kind: a preset of model keeps its keys in a table [model]",
        "empty": "presets/model/empty.toml: a preset of model needs a table [model]",
        "note": "presets/model/note.toml:1: when: must be text in quotes",
        "bad name": "its name may hold only letters, digits, -, _ and .",
        "bytes": "presets/model/bytes.toml:1: not UTF-8 text (byte 0xff)",
        "folder": "presets/model/folder.toml: this is a folder; a preset is a .toml or .json file",
    }
    assert "mlp" in names("model")


def test_check_judges_values_too(write: Write) -> None:
    write("presets/model/thin.toml", '[model]\nkind = "mlp"\nhidden = [0]\n')
    write("presets/experiments/odd.toml", 'data = "iris"\nloss = "mse"\n')
    thin, odd = find("model", "thin"), find("experiments", "odd")
    assert thin and odd and not thin.fault and not odd.fault
    assert check(thin) == "presets/model/thin.toml:3: model.hidden: entry 1 must be at least 1, not 0"
    assert str(check(odd)).endswith(
        "loss.kind: mse does not fit a multiclass task; use cce, or set loss.allow_mismatch = true to do it on purpose"
    )


def test_notes_are_inert_single_lines(write: Write) -> None:
    write("presets/model/loud.toml", 'description = "a\\u001b[31mb\\nc"\n[model]\nkind = "mlp"\n')
    loud = find("model", "loud")
    assert loud and loud.description == "a?[31mb c"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/a", "a\\b", "-a", "a b", "a\x1b", "a\n", "x" * 65, "a."]
)
def test_names_that_are_no_file_names_are_refused(name: str) -> None:
    assert not valid_name(name)
    with pytest.raises(PresetError, match=r"is no name for a preset: use letters"):
        own_path(name)


def test_an_own_preset_is_found_under_its_name() -> None:
    save_as(load("iris"), own_path("mine"))
    assert load("mine") == load("iris")
    assert next(preset.origin for preset in catalog("experiments") if preset.short == "mine") == "user"


def test_presets_import_no_torch() -> None:
    program = "import sys, ladera.presets.catalog as c; c.load('digits'); c.catalog(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("preset", catalog("experiments"), ids=lambda preset: preset.name)
def test_no_built_in_experiment_warns_of_its_own_augmentation(preset: Preset) -> None:
    data = load(preset.name).data
    assert label_risk(data.augmentation, data.name) is None
