"""`ladera presets` and `ladera doctor`."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from ladera.presets.catalog import EXPERIMENTS, PARTS, catalog, load

Ladera = Callable[..., tuple[int, str, str]]


def test_all_presets_are_listed_by_part(ladera: Ladera) -> None:
    code, out, _ = ladera("presets", "list")
    lines = out.splitlines()
    assert code == 0
    assert [line for line in lines if line and line[0] != " "] == [EXPERIMENTS, *PARTS]
    assert sum(line.startswith("  ") for line in lines) == len(catalog())
    adam = next(line for line in lines if line.split()[:1] == ["adam"])
    said = [
        "Adam, adaptive moment estimation",
        "θ ← θ − η·m̂ / (√v̂ + ε); m̂, v̂: corrected means of g, g²",
        "when: The safe first try",
    ]
    assert adam.endswith(f" {'   '.join(said)}")


def test_a_list_says_what_each_is_its_formula_and_when(ladera: Ladera) -> None:
    for preset in catalog():
        _, out, _ = ladera("presets", "list", preset.part)
        line = next(line for line in out.splitlines() if line.split()[:1] == [preset.short])
        assert all(text in line for text in (preset.description, preset.formula, preset.when)), preset.name


def test_on_a_terminal_a_preset_takes_lines_that_fit(ladera: Ladera, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (60, 80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        _, out, _ = ladera("presets", "list", "optimizer")
        lines = out.splitlines()
        assert all(cell_len(line) <= width for line in lines)
        at = next(i for i, line in enumerate(lines) if line.split()[:1] == ["sgd"])
        assert [line.strip() for line in lines[at : at + 2]] == [lines[at].strip(), "θ ← θ − η·g"]
        assert lines[at + 2].strip().startswith("when: To see the plain thing")


def test_one_part_by_any_usual_word_for_it(ladera: Ladera) -> None:
    assert ladera("presets", "list", "optimizers") == ladera("presets", "list", "optimizer")
    assert ladera("presets", "list", "experiment") == ladera("presets", "list", "experiments")
    code, _, err = ladera("presets", "list", "optimisers")
    assert code == 2
    assert "there are experiments, data" in err


def test_the_list_as_json_says_what_pickers_show(ladera: Ladera) -> None:
    listed = json.loads(ladera("presets", "list", "optimizer", "--json")[1])
    adam = next(preset for preset in listed if preset["name"] == "adam")
    assert adam["formula"].startswith("θ ←")
    assert adam["values"]["lr"] == 0.001


def test_a_broken_preset_is_listed_with_its_fault(ladera: Ladera, tmp_path: Path) -> None:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "mine.toml").write_text("[data\n")
    out = ladera("presets", "list", "experiments")[1]
    line = next(line for line in out.splitlines() if "mine" in line)
    assert "./presets" in line
    assert "broken: " in line


def test_an_experiment_is_shown_complete_and_can_be_loaded_again(ladera: Ladera, tmp_path: Path) -> None:
    code, out, _ = ladera("presets", "show", "digits", "--set", "optimizer=sgd", "--set", "optimizer.lr=0.5")
    assert code == 0
    (tmp_path / "again.toml").write_text(out)
    assert load("again.toml") == load("digits", ["optimizer=sgd", "optimizer.lr=0.5"])


def test_a_part_is_shown_with_its_notes(ladera: Ladera) -> None:
    out = ladera("presets", "show", "optimizer/adam")[1]
    assert tomllib.loads(out)["optimizer"]["beta1"] == 0.9
    code, _, err = ladera("presets", "show", "optimizer/adm")
    assert code == 2
    assert err == 'ladera: no optimizer preset "adm"; did you mean "adam"?\n'
    code, _, err = ladera("presets", "show", "adam")
    assert code == 2
    assert "optimizer/adam is a part" in err
    code, _, err = ladera("presets", "show", "optimizer/adam", "--set", "optimizer.lr=1")
    assert code == 2
    assert "--set optimizer=adam" in err


# The lecture's own numbers, where they teach.
@pytest.mark.parametrize(
    ("preset", "numbers"),
    [
        ("loss/cce", ["0.223", "2.303", "ln 2 = 0.693", "ln 3 = 1.099", "ln 10 = 2.303", "0.551"]),
        ("loss/bce", ["0.223 for p = 0.8", "0.693 for p = 0.5", "ln 2 = 0.693"]),
        ("loss/mae", ["10, 25, 2, 15", "mean is 13."]),
        ("loss/mse", ["100, 625, 4, 225", "238.5"]),
        ("loss/mape", ["11.11, 50, 6.667, 25 %", "23.19 %"]),
        ("regularization/l1", ["0.98", "0.90", "2.32", "1.06", "70.03", "32.69"]),
        ("regularization/l2", ["0.98", "0.90", "2.32", "1.06", "70.03", "32.69"]),
    ],
)
def test_the_example_of_a_part_has_the_lectures_numbers(
    ladera: Ladera, preset: str, numbers: list[str]
) -> None:
    out = ladera("presets", "show", preset)[1]
    assert "# Example: " in out
    assert [number for number in numbers if number not in out] == []


def test_a_part_is_shown_with_its_symbols_and_values(ladera: Ladera) -> None:
    for preset in catalog():
        if preset.part == EXPERIMENTS:
            continue
        code, out, _ = ladera("presets", "show", preset.name)
        assert code == 0
        assert tomllib.loads(out) == tomllib.loads(preset.path.read_text(encoding="utf-8"))
    adam = ladera("presets", "show", "optimizer/adam")[1]
    assert "# Sets:\n#   lr = 0.001       η, the learning rate" in adam
    assert "η: learning rate; m̂: corrected moving mean of g, with optimizer.beta1" in adam


def test_a_preset_cannot_drive_the_terminal(ladera: Ladera, tmp_path: Path) -> None:
    (tmp_path / "presets" / "optimizer").mkdir(parents=True)
    (tmp_path / "presets" / "optimizer" / "evil.toml").write_text(
        'description = "a\\u001B[2Jb"  # \u202e\n[optimizer]\nkind = "sgd"\n'
    )
    for arguments in (("list", "optimizer"), ("show", "optimizer/evil"), ("check",)):
        _, out, err = ladera("presets", *arguments)
        assert "evil" in out or arguments != ("list", "optimizer")
        assert all(character.isprintable() or character == "\n" for character in out + err)


def test_all_presets_are_fine(ladera: Ladera) -> None:
    assert ladera("presets", "check") == (0, f"{len(catalog())} presets checked, 0 cannot be used\n", "")


def test_what_cannot_be_used_is_named(ladera: Ladera, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[optimizer]\nkind = 'sgd'\nlr = -1\nmomentun = 2\n")
    code, out, err = ladera("presets", "check", "mine.toml", "digits", "optimizer/adam", "nix")
    assert code == 2
    assert out == "digits: fine\noptimizer/adam: fine\n"
    assert "mine.toml:3: optimizer.lr" in err
    assert "mine.toml:4: optimizer.momentun" in err
    assert 'no experiment preset "nix"' in err


def test_a_broken_part_is_named_once_with_what_it_spoils(ladera: Ladera, tmp_path: Path) -> None:
    own = tmp_path / "presets"
    (own / "optimizer").mkdir(parents=True)
    (own / "optimizer" / "hot.toml").write_text("[optimizer]\nkind = 'sgd'\nlr = -1\n")
    (own / "loss").mkdir()
    (own / "loss" / "bad name.toml").write_text("[loss]\nkind = 'mse'\n")
    for name in ("a", "b", "c", "d"):
        (own / f"{name}.toml").write_text("data = 'iris'\noptimizer = 'hot'\n")
    code, out, err = ladera("presets", "check")
    assert code == 2
    assert out == f"{len(catalog())} presets checked, 6 cannot be used\n"
    assert err.splitlines() == [
        "presets/optimizer/hot.toml:3: optimizer.lr: must be greater than 0, not -1",
        "  in experiments/a, experiments/b, experiments/c, experiments/d and 1 more",
        "loss/bad name: its name may hold only letters, digits, -, _ and .",
    ]


def test_the_schema_is_json(ladera: Ladera) -> None:
    assert json.loads(ladera("presets", "schema")[1])["title"] == "A ladera experiment"


def test_names_are_completed() -> None:
    from ladera.tui.cli_options import experiment_names, preset_names

    assert [name for name, _ in experiment_names("digits")] == ["digits", "digits-cnn"]
    assert ("optimizer/adagrad", "AdaGrad") in preset_names("optimizer/ada")


def test_the_doctor_finds_this_machine_fit(ladera: Ladera) -> None:
    code, out, _ = ladera("doctor")
    assert code == 0, out
    assert out.endswith("all is well\n")
    for topic in ("python", "packages", "torch", "cuda", "terminal", "runs"):
        assert f"\n  {topic} " in f"\n{out}"


def test_the_doctor_names_a_folder_that_cannot_be_written(ladera: Ladera) -> None:
    code, out, _ = ladera("doctor", "--runs-dir", "/dev/null/runs")
    assert code == 1
    assert "! runs" in out
    assert "--runs-dir or LADERA_RUNS" in out
    assert out.endswith("not right: runs\n")
