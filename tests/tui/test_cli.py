"""The command line in this process: what it prints where, exit codes, and that refused input leaves nothing behind."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ladera.engine.errors import StoreError
from ladera.engine.store.lock import Lock
from ladera.engine.training import Training
from ladera.tui.__main__ import main

#: Makes a digits run of a few epochs in a fraction of a second.
SHORT = ("--set", "training.epochs=3", "--set", "training.threads=1")


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        def refuse(constant: str) -> None:
            raise ValueError(f"{constant} is no strict JSON")

        return [json.loads(line, parse_constant=refuse) for line in self.out.splitlines()]


Ladera = Callable[..., Done]


@pytest.fixture
def ladera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ladera:
    """Run the command line in an empty folder, with an empty folder of user presets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LADERA_RUNS", "runs")
    monkeypatch.setattr("platformdirs.user_config_dir", lambda name: str(tmp_path / "config" / name))

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["ladera", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return Done(int(end.value.code or 0), captured.out, captured.err)

    return call


# -- help ----------------------------------------------------------------------------------------------------------


def test_help_lists_the_commands_that_work(ladera: Ladera) -> None:
    done = ladera("--help")
    listed = re.findall(r"^  ([a-z]+)  ", done.out.partition("Commands:")[2], re.M)
    assert done.code == 0
    assert {"run", "resume", "runs", "presets", "doctor"} <= set(listed)
    for command in listed:
        helped = ladera(command, "--help")
        assert helped.code == 0
        assert "Usage" in helped.out


def test_version(ladera: Ladera) -> None:
    assert re.fullmatch(r"ladera \d+\.\d+\.\d+\n", ladera("--version").out)


# -- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nix"], 'no experiment preset "nix"'),
        (["digitss"], 'did you mean "digits"'),
        (["missing.toml"], "missing.toml"),
        (["digits", "--set", "optimizer.lrr=1"], "optimizer.lrr: unknown key"),
        (["digits", "--set", "optimizer.lr=fast"], "optimizer.lr"),
        (["digits", "--set", "optimizer.lr=nan"], "optimizer.lr"),
        (["digits", "--set", "optimizer.lr=-1"], "optimizer.lr"),
        (["digits", "--set", "nonsense"], "nonsense"),
        (["digits", "--set", "data.path=no.csv", "--set", 'data.target="y"'], "data"),
        (["digits", "--name", ""], '"" cannot be the name of a run'),
        (["digits", "--name", "", "--detach"], '"" cannot be the name of a run'),
        (["digits", "--name", "../up"], "cannot be the name of a run"),
        (["digits", "--name", "a\x1b]0;b\x07"], "cannot be the name of a run"),
    ],
)
def test_bad_input_is_one_message_and_leaves_nothing(
    ladera: Ladera, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = ladera("run", *arguments)
    assert done.code == 2
    assert done.out == ""
    assert message in done.err
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_data_file_that_is_not_there_is_refused_before_anything_is_made(
    ladera: Ladera, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(
        '[data]\npath = "houses.csv"\ntarget = "price"\ntask = "regression"\n'
    )
    done = ladera("run", "mine.toml")
    assert done.code == 2
    assert "houses.csv" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize("arguments", [["run", "digits"], ["presets", "list"], ["runs"], []])
def test_a_working_directory_that_was_deleted_is_told(
    ladera: Ladera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("LADERA_RUNS", str(tmp_path / "runs"))
    done = ladera(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err == "ladera: the working directory: No such file or directory; cd to one that exists\n"
    assert list(tmp_path.iterdir()) == []


def test_every_fault_is_told_at_once(ladera: Ladera) -> None:
    done = ladera(
        "run", "digits", "--set", "optimizer.lr=-1", "--set", "training.epochs=0", "--set", "model.hidn=[1]"
    )
    assert all(key in done.err for key in ("optimizer.lr", "training.epochs", "model.hidn"))


def test_an_empty_name_of_the_runs_folder_is_not_the_working_directory(
    ladera: Ladera, tmp_path: Path
) -> None:
    for command in (("run", "digits", *SHORT), ("runs",)):
        done = ladera(*command, "--runs-dir", "")
        assert done.code == 2
        assert "is empty; name a folder, or leave the option out" in " ".join(done.err.split())
    assert not list(tmp_path.glob("digits*"))


def test_what_was_written_into_a_run_is_told_with_line_and_key(ladera: Ladera, tmp_path: Path) -> None:
    assert ladera("run", "digits", *SHORT, "--name", "one").code == 0
    place = tmp_path / "runs" / "one-0001"
    file = place / "experiment.toml"
    file.write_text(file.read_text().replace("lr = 0.001", "lrr = 0.001"))
    done = ladera("resume", "one-0001")
    assert done.code == 2
    assert re.search(r'experiment\.toml:\d+: optimizer\.lrr: unknown key; did you mean "lr"\?', done.err)
    # What it looked like is told by its log.
    done = ladera("watch", "one-0001", "--once")
    assert done.code == 0
    assert "finished" in done.out


def test_a_log_without_its_end_is_no_training_that_goes_on(ladera: Ladera, tmp_path: Path) -> None:
    assert ladera("run", "digits", *SHORT, "--name", "one").code == 0
    log = tmp_path / "runs" / "one-0001" / "events.jsonl"
    whole = log.read_bytes()
    for left in (whole[:-30], b""):
        log.write_bytes(left)
        done = ladera("watch", "one-0001", "--once")
        assert "finished" in done.out
        assert not re.search("training +[0-9]|preparing", done.out)
        assert "finished" in ladera("runs").out


def test_in_the_background_too_nothing_left_to_do_is_a_good_end(ladera: Ladera) -> None:
    assert ladera("run", "digits", *SHORT, "--name", "one").code == 0
    there, behind = ladera("resume", "one-0001"), ladera("resume", "one-0001", "--detach")
    assert (behind.code, behind.out) == (there.code, "") == (0, "")
    assert "raise training.epochs" in behind.err


def test_a_runs_folder_that_cannot_be_made_is_told(ladera: Ladera, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = ladera("run", "digits", *SHORT, "--runs-dir", "file/runs")
    assert done.code == 2
    assert "--runs-dir" in done.err


def test_an_unknown_run_names_the_nearest(ladera: Ladera) -> None:
    ladera("run", "digits", *SHORT, "-q")
    done = ladera("resume", "digit-0001")
    assert done.code == 2
    assert "digits-0001" in done.err


# -- run -----------------------------------------------------------------------------------------------------------


def test_a_run_tells_of_itself_and_leaves_a_complete_directory(ladera: Ladera, tmp_path: Path) -> None:
    done = ladera("run", "digits", *SHORT)
    assert done.code == 0
    assert done.err == ""
    assert "\x1b" not in done.out
    lines = done.out.splitlines()
    assert lines[0] == "digits-0001: Handwritten digits with a small MLP"
    assert "at most 3 epochs of 17 steps" in done.out
    assert any(line.startswith("epoch 3/3  train loss ") for line in lines)
    assert any(line.startswith("Finished after epoch 3 of at most 3") for line in lines)
    assert "again    ladera run runs/digits-0001/experiment.toml" in lines
    run = tmp_path / "runs" / "digits-0001"
    names = {path.name for path in run.iterdir()}
    assert {"experiment.toml", "events.jsonl", "status.json", "best.safetensors", "checkpoints"} <= names
    status = json.loads((run / "status.json").read_text())
    assert (status["state"], status["exit_code"], status["epoch"]) == ("finished", 0, 3)
    assert (status["reason"], status["pid"], status["host"]) == ("finished", os.getpid(), platform.node())
    assert status["best_epoch"] == 3
    assert all("accuracy" in status[part]["metrics"] for part in ("train", "validation", "test"))


def test_json_is_the_log_and_nothing_else(ladera: Ladera, tmp_path: Path) -> None:
    done = ladera("run", "digits", *SHORT, "--json")
    assert done.code == 0
    assert done.out == (tmp_path / "runs" / "digits-0001" / "events.jsonl").read_text()
    assert [event["event"] for event in done.events][0 :: len(done.events) - 1] == [
        "run_started",
        "run_ended",
    ]
    assert "Finished after epoch 3" in done.err


def test_json_and_quiet_is_silent_for_people(ladera: Ladera) -> None:
    done = ladera("run", "digits", *SHORT, "--json", "--quiet")
    assert done.err == ""
    assert done.events[-1]["reason"] == "finished"


TIMES = {"time", "seconds", "examples_per_second"}


def timeless(value: Any) -> Any:
    """An event without its times."""
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in TIMES}
    return value


@pytest.mark.parametrize("preset", ["digits", "breast-cancer", "diabetes"])
def test_one_seed_gives_one_stream(ladera: Ladera, preset: str) -> None:
    first, second = (ladera("run", preset, *SHORT, "--json", "-q").events for _ in range(2))
    assert [timeless(event) for event in first] == [timeless(event) for event in second]
    other = ladera("run", preset, *SHORT, "--json", "-q", "--set", "training.seed=1").events
    assert timeless(other[-1]) != timeless(first[-1])


def test_a_kept_experiment_does_the_same_again(ladera: Ladera, tmp_path: Path) -> None:
    first = ladera("run", "diabetes", *SHORT, "--json", "-q").events
    again = ladera("run", "runs/diabetes-0001/experiment.toml", "--json", "-q").events
    assert [timeless(event) for event in first] == [timeless(event) for event in again]
    assert (tmp_path / "runs" / "diabetes-0002").is_dir()  # named after the run, not after the file


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["digits", "--set", "data=diabetes"], "diabetes-0001"),
        (["digits", "--set", "data.name=iris"], "iris-0001"),
        (["digits", "--set", "data.path=my houses.csv"], "my-houses-0001"),
        (["dropout"], "dropout-0001"),
        (["houses.toml"], "houses-0001"),
    ],
)
def test_a_run_on_other_data_is_named_after_them(
    ladera: Ladera, tmp_path: Path, arguments: list[str], name: str
) -> None:
    rows = "\n".join(f"{i % 7},{i % 5},{'ab'[i % 2]}" for i in range(80))
    (tmp_path / "my houses.csv").write_text(f"one,two,kind\n{rows}\n")
    (tmp_path / "houses.toml").write_text('[data]\npath = "my houses.csv"\n')
    assert ladera("run", *arguments, *SHORT, "-q").out == f"runs/{name}\n"


def test_quiet_prints_the_directory(ladera: Ladera) -> None:
    assert ladera("run", "digits", *SHORT, "--quiet", "--name", "first try") == (
        0,
        "runs/first try-0001\n",
        "",
    )


def test_a_detached_run_is_quiet_if_asked_to(ladera: Ladera, tmp_path: Path) -> None:
    assert ladera("run", "digits", *SHORT, "--detach", "--quiet") == (0, "runs/digits-0001\n", "")
    assert (tmp_path / "runs" / "digits-0001" / "experiment.toml").exists()


@pytest.mark.parametrize("command", [("run", "digits"), ("resume", "digits-0001")])
def test_events_cannot_be_had_of_what_is_left_alone(
    ladera: Ladera, tmp_path: Path, command: tuple[str, str]
) -> None:
    done = ladera(*command, "--detach", "--json")
    assert done.code == 2
    assert "--json follows a run and --detach leaves it alone" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["before", "after", "environment"])
def test_the_runs_folder_can_be_chosen(
    ladera: Ladera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    option = ("--runs-dir", "elsewhere")
    if place == "environment":
        monkeypatch.setenv("LADERA_RUNS", "elsewhere")
    before, after = option if place == "before" else (), option if place == "after" else ()
    assert ladera(*before, "run", "digits", *SHORT, "-q", *after).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere"]
    assert "digits-0001" in ladera(*before, "runs", *after).out


def test_every_command_that_is_told_finds_the_runs(
    ladera: Ladera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LADERA_RUNS")

    def told(text: str) -> list[str]:
        program, *words = shlex.split(text.split("`")[1])
        assert program == "ladera"
        return words

    there = ("--runs-dir", "my runs")
    assert told(ladera("runs", *there).err) == ["run", "digits", *there]
    assert told(ladera("export", *there).err) == ["run", "digits", *there]
    look = told(ladera("run", "digits", *SHORT, "--detach", *there).out)
    assert look == ["watch", "digits-0001", *there]
    assert ladera(*look, "--once").code == 0
    look = told(ladera(*there, "resume", "digits", "--set", "training.epochs=4", "--detach").out)
    assert ladera(*look, "--once").code == 0
    place = Path("my runs/digits-0001")
    wait_until_free(place)
    with Lock(place):
        look = told(ladera("resume", str(place), "--set", "training.epochs=5").err)
    assert look == ["watch", str(place)]
    assert ladera(*look, "--once").code == 0
    assert not (tmp_path / "runs").exists()


def wait_until_free(place: Path) -> None:
    """Wait for the end of a run in the background."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if (place / "status.json").is_file() and json.loads((place / "status.json").read_text())[
            "state"
        ] == "finished":
            with suppress(StoreError), Lock(place):
                return
        time.sleep(0.1)


def test_a_diverged_run_has_code_4(ladera: Ladera) -> None:
    done = ladera("run", "digits", *SHORT, "--set", "optimizer=sgd", "--set", "optimizer.lr=1e30", "--json")
    assert done.code == 4
    assert done.events[-1]["reason"] == "diverged"
    assert "Diverged" in done.err


def test_a_failed_run_has_code_3_and_says_why(ladera: Ladera, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(training: Training, *_: object) -> float:
        raise RuntimeError("the card fell\x1b[2J out")

    monkeypatch.setattr(Training, "update", fail)
    done = ladera("run", "digits", *SHORT)
    assert done.code == 3
    assert "RuntimeError: the card fell[2J out" in done.out
    assert "\x1b" not in done.out


def test_hostile_data_stays_text(ladera: Ladera, tmp_path: Path) -> None:
    escape = "\x1b]52;c;aGk=\x07\x1b[2J"
    rows = "\n".join(f"{i % 7},{i % 5},{'a' if i % 2 else escape + 'b'}" for i in range(80))
    (tmp_path / "x.csv").write_text(f"one{escape},[red]two,kind\n{rows}\n")
    (tmp_path / "x.toml").write_text(
        'description = "d\\u001B[2J"\n[data]\npath = "x.csv"\ntarget = "kind"\ntask = "binary"\n'
    )
    for style in ((), ("--json",)):
        done = ladera("run", "x.toml", *SHORT, *style)
        assert done.code == 0, done.err
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.out + done.err)


# -- resume and runs -----------------------------------------------------------------------------------------------


def test_a_run_that_ended_says_what_would_make_it_go_on(ladera: Ladera) -> None:
    ladera("run", "digits", *SHORT, "-q")
    done = ladera("resume", "digits-0001")
    assert done.code == 0  # a job that is started again and again ends well
    assert "raise training.epochs above that to go on" in done.err


def test_going_on_with_more_epochs_keeps_one_history(ladera: Ladera) -> None:
    ladera("run", "digits", *SHORT, "-q")
    done = ladera("resume", "digits", "--set", "training.epochs=5", "--json")
    assert done.code == 0
    assert [event["epoch"] for event in done.events if event["event"] == "epoch_ended"] == [4, 5]
    assert done.events[0]["changes"] == {"training.epochs": [3, 5]}
    assert "Finished after epoch 5 of at most 5" in done.err
    assert "training.epochs was 3, is 5" in done.err
    whole = ladera("run", "digits", *SHORT, "--set", "training.epochs=5", "--json", "-q").events
    for key in ("loss", "metrics"):
        assert whole[-1]["test"][key] == done.events[-1]["test"][key]


def test_what_cannot_change_is_refused_on_resume(ladera: Ladera) -> None:
    ladera("run", "digits", *SHORT, "-q")
    done = ladera("resume", "digits", "--set", "model.hidden=[7]")
    assert done.code == 2
    assert "model.hidden" in done.err


def test_runs_are_listed(ladera: Ladera) -> None:
    empty = ladera("runs")
    assert (empty.code, empty.out) == (0, "")
    assert "ladera run digits" in empty.err
    ladera("run", "digits", *SHORT, "-q")
    ladera("run", "diabetes", *SHORT, "-q")
    table = ladera("runs").out.splitlines()
    assert table[0].split() == ["run", "state", "epoch", "best", "age", "experiment"]
    assert [line.split()[:3] for line in table[1:]] == [
        ["digits-0001", "finished", "3/3"], ["diabetes-0001", "finished", "3/3"],
    ]  # fmt: skip
    listed = ladera("runs", "--json").events
    assert [run["name"] for run in listed] == ["digits-0001", "diabetes-0001"]
    assert listed[0]["state_now"] == listed[0]["reason"] == "finished"
    assert listed[0]["test"]["metrics"].keys() == {"accuracy", "macro_recall"}


# -- without a command ---------------------------------------------------------------------------------------------


def test_without_a_terminal_the_default_is_trained(ladera: Ladera, tmp_path: Path) -> None:
    done = ladera()
    assert done.code == 0
    accuracy = re.search(r"accuracy +\d+\.\d% +(\d+\.\d)% ", done.out)
    assert accuracy
    assert float(accuracy[1]) >= 95  # validation, as the summary shows it
    assert (tmp_path / "runs" / "digits-0001" / "status.json").exists()


def test_the_lab_on_a_preset_is_that_preset_without_a_terminal(ladera: Ladera, tmp_path: Path) -> None:
    done = ladera("lab", "diabetes", *SHORT)
    assert done.out.startswith("diabetes-0001: Progression of diabetes")
    again = ladera("lab", "--set", "optimizer=sgd", "--set", "optimizer.lr=0.001")  # the last one, changed
    assert "optimizer  sgd, lr 0.001" in again.out
    assert again.out.startswith("diabetes-0002")
    wrong = ladera("lab", "digitz")
    assert (wrong.code, wrong.out) == (2, "")
    assert 'did you mean "digits"' in wrong.err


def test_without_a_terminal_the_last_experiment_is_trained_again(ladera: Ladera, tmp_path: Path) -> None:
    ladera("run", "diabetes", *SHORT, "-q", "--name", "mine")
    assert ladera().out.startswith("mine-0002: Progression of diabetes")
    for number in (1, 2):
        (tmp_path / "runs" / f"mine-000{number}" / "experiment.toml").write_text("[data]\nname = 7\n")
    from ladera.tui.commands_lab import last_experiment

    assert last_experiment(Path("runs"))[1] == "digits"


# -- going on --------------------------------------------------------------------------------------------------------


def cut_off(tmp_path: Path, *, checkpoint: bool = True) -> Path:
    """A run whose newest checkpoint is damaged, or that has none, and that tells of no end."""
    place = tmp_path / "runs" / "digits-0001"
    log = place / "events.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    gone = ("run_ended",) if checkpoint else ("run_ended", "checkpoint_saved")
    log.write_text("".join(line for line in lines if json.loads(line)["event"] not in gone))
    (newest,) = (place / "checkpoints").iterdir()
    if checkpoint:
        shutil.copytree(newest, newest.with_name("step-900000000"))
        (newest.with_name("step-900000000") / "state.json").write_bytes(b"")
    else:
        shutil.rmtree(place / "checkpoints")
    return place


def test_a_checkpoint_that_is_passed_over_is_told_before_training_goes_on_and_in_the_log(
    ladera: Ladera, tmp_path: Path
) -> None:
    ladera("run", "digits", *SHORT, "-q")
    place = cut_off(tmp_path)
    done = ladera("resume", "digits-0001", "--set", "training.epochs=5", "-q")
    assert (done.code, done.out) == (0, "runs/digits-0001\n")
    assert "checkpoint step-900000000 is damaged and was passed over" in done.err
    assert "step-900000000 is damaged" in (place / "events.jsonl").read_text()
    assert "Note: checkpoint step-900000000 is damaged" in ladera("watch", "digits-0001", "--once").out


@pytest.mark.parametrize("checkpoint", [True, False])
def test_what_is_known_of_going_on_is_told_where_it_goes_on_in_the_background(
    ladera: Ladera, tmp_path: Path, checkpoint: bool
) -> None:
    ladera("run", "digits", *SHORT, "-q")
    cut_off(tmp_path, checkpoint=checkpoint)
    done = ladera("resume", "digits-0001", "--set", "training.epochs=5", "--detach")
    assert done.code == 0
    assert done.out.startswith("digits-0001 trains in the background")
    words = "checkpoint step-900000000 is damaged" if checkpoint else "starts from the beginning"
    assert words in done.err


def test_an_edited_experiment_is_taken_over_and_shown_or_refused(ladera: Ladera, tmp_path: Path) -> None:
    ladera("run", "digits", *SHORT, "-q")
    path = tmp_path / "runs" / "digits-0001" / "experiment.toml"
    text = path.read_text()
    path.write_text(text.replace("epochs = 3", "epochs = 5").replace("lr = 0.001", "lr = 0.002"))
    done = ladera("resume", "digits-0001")
    assert "optimizer.lr was 0.001, is 0.002; training.epochs was 3, is 5" in done.out
    assert "Finished after epoch 5" in done.out
    path.write_text(path.read_text().replace("hidden = [128, 64]", "hidden = [32]"))
    refused = ladera("resume", "digits-0001")
    assert refused.code == 2
    assert "model.hidden (from [128, 64] to [32])" in refused.err


def test_again_does_what_was_in_force_after_going_on_with_other_values(
    ladera: Ladera, tmp_path: Path
) -> None:
    ladera("run", "digits", *SHORT, "-q")
    changed = ("--set", "training.epochs=5", "--set", "optimizer.lr=0.002")
    done = ladera("resume", "digits-0001", *changed)
    assert "again    ladera run runs/digits-0001/experiment.toml\n" in done.out
    assert ladera("run", "runs/digits-0001/experiment.toml", "-q").code == 0
    first, second = (tmp_path / "runs" / name / "experiment.toml" for name in ("digits-0001", "digits-0002"))
    assert first.read_text() == second.read_text()
    assert ladera("export", "digits-0001", "--to", "report.html").code == 0
    report = re.sub("<[^>]+>", " ", (tmp_path / "report.html").read_text())
    assert re.search(r"optimizer\.lr +0\.002 +0\.001", report)


def test_data_that_were_moved_are_found_at_their_new_path(ladera: Ladera, tmp_path: Path) -> None:
    rows = "\n".join(f"{i % 7},{i % 5},{i % 7 + i % 5}" for i in range(80))
    (tmp_path / "h.csv").write_text(f"one,two,price\n{rows}\n")
    (tmp_path / "h.toml").write_text(
        'description = "Houses"\n[data]\npath = "h.csv"\ntarget = "price"\ntask = "regression"\n'
    )
    ladera("run", "h.toml", *SHORT, "-q")
    (tmp_path / "h.csv").rename(tmp_path / "h2.csv")
    done = ladera("resume", "h-0001", "--set", "data.path=h2.csv", "--set", "training.epochs=5", "-q")
    assert (done.code, done.err) == (0, "")
    kept = (tmp_path / "runs" / "h-0001" / "experiment.toml").read_text()
    assert 'description = "Houses"' in kept
    assert f'path = "{tmp_path / "h2.csv"}"' in kept


# -- what could not be kept ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", [("-q",), (), ("--json", "-q")])
def test_weights_that_could_not_be_written_are_told_and_listed(
    ladera: Ladera, monkeypatch: pytest.MonkeyPatch, style: tuple[str, ...]
) -> None:
    from ladera.engine.store import checkpoints, recorder

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder, "LAST_ATTEMPTS", ())
    monkeypatch.setattr(checkpoints, "save", full)
    monkeypatch.setattr(checkpoints, "save_weights", full)
    done = ladera("run", "digits", *SHORT, *style)
    assert done.code == 3
    assert "not kept in runs/digits-0001: the final weights (final.safetensors): No space left" in done.err
    assert ("missing  the final weights" in done.out) == (style == ())
    assert "final weights: [Errno 28] No space left" in ladera("runs").out


# -- a log without its first record ----------------------------------------------------------------------------------


def test_a_run_whose_first_record_is_damaged_is_shown_exported_and_gone_on_with(
    ladera: Ladera, tmp_path: Path
) -> None:
    ladera("run", "digits", *SHORT, "-q")
    with (tmp_path / "runs" / "digits-0001" / "events.jsonl").open("r+b") as file:
        file.seek(30)
        file.write(bytes(6))
    shown = ladera("watch", "digits-0001", "--once").out
    assert "reading the data" not in shown
    assert "epoch 3/3" in shown
    assert "the first record of events.jsonl is damaged" in " ".join(shown.split())
    table = ladera("export", "digits-0001", "-f", "csv", "--to", "-").out.splitlines()
    assert [line.split(",")[1] for line in table] == ["step", "17", "34", "51"]
    told = ladera("resume", "digits-0001", "--set", "training.epochs=5").out
    assert "epoch 5/5" in told
    assert "Finished after epoch 5 of at most 5" in told
