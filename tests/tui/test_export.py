"""Exports: what is in the files, read back by other means; nothing half written, nothing overwritten unasked."""

from __future__ import annotations

import csv
import io
import math
import re
import struct
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ladera.engine.errors import InputError
from ladera.engine.events import RunStarted, StepsEnded
from ladera.engine.history import History
from ladera.engine.store.directory import write_experiment
from ladera.presets.catalog import load
from ladera.tui import commands_export
from ladera.tui.__main__ import main
from ladera.tui.export.again import commands
from ladera.tui.export.exported import ExportedRun
from ladera.tui.export.figures import remarks
from ladera.tui.export.files import FORMATS, content, exported, format_of, free_name, write
from ladera.tui.export.tensorboard import masked_crc

HOSTILE = "<script>alert(1)</script>\x1b[31m&\"'"


@pytest.fixture
def run(script: Any) -> ExportedRun:
    """A run of eight epochs that overfits."""
    return ExportedRun("digits-0001", script.run(script.events(reason="finished")).history, began=1e9)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# -- tables ----------------------------------------------------------------------------------------------------------


def test_a_row_an_epoch_in_full_precision(run: ExportedRun) -> None:
    found = rows(content([run], FORMATS["csv"]).decode())
    history = run.history
    assert [int(row["epoch"]) for row in found] == list(range(1, 9))
    assert [float(row["train_loss"]) for row in found] == [p.y for p in history.train["loss"].points()]
    assert [float(row["validation_loss"]) for row in found] == [
        p.y for p in history.validation["loss"].points()
    ]
    assert [int(row["step"]) for row in found] == [10 * epoch for epoch in range(1, 9)]
    assert [int(row["wait"]) for row in found] == [check.wait for check in history.checks]
    assert "run" not in found[0]


def test_runs_below_one_another_and_no_formula_for_a_spreadsheet(script: Any, run: ExportedRun) -> None:
    other = ExportedRun("=cmd()", script.run(script.events([math.nan, 0.5], [math.inf, 0.25])).history)
    found = rows(content([run, other], FORMATS["csv"]).decode())
    assert [row["run"] for row in found] == ["digits-0001"] * 8 + ["'=cmd()"] * 2
    assert (found[8]["train_loss"], found[8]["validation_loss"]) == ("nan", "inf")


def test_reports_of_steps_or_why_there_are_none(run: ExportedRun) -> None:
    with pytest.raises(InputError, match="short epochs"):
        content([run], FORMATS["steps"])
    steps = [
        StepsEnded(time=0.1 * n, epoch=1, step=5 * n, loss=1 / n, low=0.5 / n, high=2.0) for n in (1, 2, 3)
    ]
    started = RunStarted(
        experiment={}, parameters=1, task="regression", sizes={}, steps_per_epoch=10, time=0.0
    )
    history = History.of([started, *steps])
    assert content([ExportedRun("x", history)], FORMATS["steps"]).decode().split("\n") == [
        "step,epoch,batch_loss,batch_loss_low,batch_loss_high",
        "5,1,1.0,0.5,2.0",
        "10,1,0.5,0.25,2.0",
        "15,2,0.3333333333333333,0.16666666666666666,2.0",
        "",
    ]


# -- charts and reports ----------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Every element with its attributes; whether each is closed."""

    VOID = ("meta", "br", "hr", "link", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("several", [False, True])
def test_a_report_needs_no_network_and_runs_nothing(run: ExportedRun, several: bool, script: Any) -> None:
    hostile = ExportedRun(HOSTILE, run.history, directory=f"/tmp/{HOSTILE}")
    runs = [hostile, ExportedRun("other", run.history)] if several else [hostile]
    text = content(runs, FORMATS["html"]).decode()
    page = Page(text)
    assert page.open == []
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "object", "form"}
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "href") or (value or "").startswith("#"), (tag, value)
    assert "url(" not in text.replace("url(#", "")
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text
    assert text == content(runs, FORMATS["html"]).decode(), "the same again"


def test_a_chart_is_a_picture_of_its_own(run: ExportedRun) -> None:
    runs = [ExportedRun(HOSTILE, run.history), run]
    text = content(runs, FORMATS["svg"]).decode()
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    for node in root.iter():
        assert not node.tag.endswith(("script", "image", "use", "foreignObject", "}a"))
        assert not [name for name in node.attrib if name.startswith("on") or name.endswith(("href", "src"))]
    assert "url(" not in text
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text
    assert text == content(runs, FORMATS["svg"]).decode(), "the same again"


def test_a_chart_of_what_is_asked_for(run: ExportedRun) -> None:
    assert b"accuracy by epoch" in content([run], FORMATS["svg"], "accuracy")
    assert b"loss by epoch" in content([run], FORMATS["svg"]), "the monitored one"
    with pytest.raises(InputError, match="there are loss, accuracy"):
        content([run], FORMATS["svg"], "acc\x1b")
    with pytest.raises(InputError, match='no curve "lr"'):
        content([run, run], FORMATS["svg"], "lr")


def test_a_picture_says_which_extra_it_needs(run: ExportedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("ladera.tui.export.chart.import_module", missing)
    with pytest.raises(InputError, match=r"pip install 'ladera\[plots\]'"):
        content([run], FORMATS["png"])


def test_a_picture_has_the_promised_size(run: ExportedRun) -> None:
    pytest.importorskip("matplotlib")
    data = content([run], FORMATS["png"])
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (1280, 640)


@pytest.fixture
def unlike(script: Any) -> list[ExportedRun]:
    """Two runs on digits, one of them with another loss, and one on diabetes."""
    other = script.experiment("loss=mse", "loss.allow_mismatch=true")
    regression = script.experiment(base="diabetes")
    return [
        ExportedRun("digits-0001", script.run(script.events(reason="finished")).history),
        ExportedRun("digits-0002", script.run(script.events(experiment=other, reason="finished")).history),
        ExportedRun(
            "diabetes-0001",
            script.run(
                script.events([9e3, 4e3], [8e3, 3797.7], metric="r2", task="regression", experiment=regression, reason="finished")
            ).history,
        ),
    ]  # fmt: skip


def test_a_report_puts_only_what_compares_into_one_table_or_chart(unlike: list[ExportedRun]) -> None:
    text = content(unlike, FORMATS["html"]).decode()
    result = text.partition("<h2>Result</h2>")[2].partition("</section>")[0]
    assert "These runs are of 2 data sets" in result
    tables = [
        (re.sub("<.*", "", part, flags=re.S), re.findall(r'scope="row">([^<]*)', part))
        for part in result.split("<h3>")[1:]
    ]
    assert tables == [("digits", ["digits-0001", "digits-0002"]), ("diabetes", ["diabetes-0001"])]
    titles = re.findall(r'class="ink title"[^>]*>([^<]*)', text)
    loss = "validation loss by epoch (thin: training)"
    assert [title for title in titles if loss in title] == [
        f"{loss}: {what}" for what in ("cce on digits", "mse on digits", "mse on diabetes")
    ]
    assert "validation accuracy by epoch (thin: training)" in titles
    assert "validation R² by epoch (thin: training)" in titles
    alike = content(unlike[:1] * 2, FORMATS["html"]).decode()
    assert "data sets:" not in alike
    assert f">{loss}<" in alike


def test_a_chart_of_what_does_not_compare_is_remarked(unlike: list[ExportedRun]) -> None:
    one, _, other = unlike
    assert remarks([one, other], "accuracy") == ["diabetes-0001 has no accuracy and is left out"]
    assert remarks(unlike) == [
        "one axis holds what cannot be compared: "
        "cce on digits of digits-0001; mse on digits of digits-0002; mse on diabetes of diabetes-0001"
    ]
    assert remarks([one, one]) == remarks(unlike[:2], "accuracy") == []
    assert b"these do not compare" in content(unlike, FORMATS["svg"], "loss")
    assert b"these do not compare" not in content(unlike[:2], FORMATS["svg"], "accuracy")


# -- TensorBoard -----------------------------------------------------------------------------------------------------


def crc32c(data: bytes) -> int:
    """Bit by bit, from the polynomial alone."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_the_checksum_is_castagnolis() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C in every catalogue of checksums
    assert masked_crc(b"123456789") == masked(b"123456789")


def fields(data: bytes) -> list[tuple[int, Any]]:
    """A protobuf message, without knowing what it means."""
    at, found = 0, []

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(data):
        key = varint()
        match key & 7:
            case 0:
                value: Any = varint()
            case 1:
                (value,), at = struct.unpack_from("<d", data, at), at + 8
            case 5:
                (value,), at = struct.unpack_from("<f", data, at), at + 4
            case _:
                length = varint()
                value, at = data[at : at + length], at + length
        found.append((key >> 3, value))
    return found


def scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    """The scalars of an event file; every checksum is looked at."""
    data, at, found = path.read_bytes(), 0, {}
    first = True
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        assert struct.unpack_from("<I", data, at + 8)[0] == masked(data[at : at + 8])
        message = data[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked(message)
        at += 16 + length
        event = dict(fields(message))
        if first:
            assert event[3] == b"brain.Event:2"
            first = False
            continue
        assert event[1] >= 1e9
        value = dict(fields(dict(fields(event[5]))[1]))
        found.setdefault(value[1].decode(), []).append((event.get(2, 0), value[2]))
    return found


def test_tensorboard_reads_the_curves_by_step(run: ExportedRun, tmp_path: Path) -> None:
    write([run], FORMATS["tensorboard"], tmp_path / "tb")
    (train,), (validation,) = (list((tmp_path / "tb" / part).iterdir()) for part in ("train", "validation"))
    expected = [(10 * int(p.x), pytest.approx(p.y, rel=1e-6)) for p in run.history.train["loss"].points()]
    assert scalars(train)["loss"] == expected
    assert [step for step, _ in scalars(validation)["accuracy"]] == [10 * epoch for epoch in range(1, 9)]
    assert [value for _, value in scalars(validation)["early_stopping_wait"]] == [
        check.wait for check in run.history.checks
    ]
    assert re.fullmatch(r"events\.out\.tfevents\.1000000000\.ladera", train.name)


# -- files -----------------------------------------------------------------------------------------------------------


def test_nothing_is_overwritten_unasked_and_nothing_is_left_behind(run: ExportedRun, tmp_path: Path) -> None:
    target = tmp_path / "it.csv"
    target.write_text("mine")
    with pytest.raises(InputError, match="--force overwrites"):
        write([run], FORMATS["csv"], target)
    assert target.read_text() == "mine"
    write([run], FORMATS["csv"], target, force=True)
    assert target.read_text().startswith("epoch,")
    folder = tmp_path / "tb"
    folder.mkdir()
    with pytest.raises(InputError, match="choose another name"):
        write([run], FORMATS["tensorboard"], folder, force=True)
    with pytest.raises(InputError, match="choose another name"):
        write([run], FORMATS["csv"], folder, force=True)
    with pytest.raises(InputError, match="cannot be written"):
        write([run], FORMATS["svg"], tmp_path / "no" / "such.svg")
    twice = [run, run]  # their event files have one name
    with pytest.raises(InputError, match="cannot be written"):
        write(twice, FORMATS["tensorboard"], tmp_path / "twice")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it.csv", "tb"]


def test_names_and_formats(tmp_path: Path) -> None:
    assert format_of(Path("a.SVG")).name == "svg"
    with pytest.raises(InputError, match=r"ends in none of \.html, \.csv, \.svg, \.png"):
        format_of(Path("a.docx"))
    for name in ("run.csv", "run-2.csv"):
        assert free_name(tmp_path, "run", ".csv").name == name
        (tmp_path / name).touch()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with one short run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "sys.argv", ["ladera", "run", "iris", "--set", "training.epochs=2", "--quiet", "--name", "kept"]
    )
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    return tmp_path


def test_the_command(kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def ladera(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["ladera", "export", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return (end.value.code or 0, *capsys.readouterr())  # type: ignore[return-value]

    assert ladera() == (0, "kept-0001.html\n", "")
    assert ladera("kept-0001", "--to", "curves.csv") == (0, "curves.csv\n", "")
    assert len(rows((kept / "curves.csv").read_text())) == 2
    assert ladera("kept", "kept-0001", "-f", "tensorboard") == (0, "kept-0001\n", ""), "one run, named twice"
    monkeypatch.setattr(
        "sys.argv", ["ladera", "run", "diabetes", "--set", "training.epochs=2", "--quiet", "--name", "other"]
    )
    with pytest.raises(SystemExit):
        main()
    assert ladera("kept", "other", "-m", "accuracy", "-o", "a.svg") == (
        0, "a.svg\n", "ladera: export: other-0001 has no accuracy and is left out\n",
    )  # fmt: skip
    (kept / "a.svg").unlink()
    for words, message in {
        ("--to", "curves.csv"): "curves.csv is there already",
        ("--to", "x.docx"): "ends in none of",
        ("--format", "htm"): 'did you mean "html"?',
        ("--to", "-"): "standard output needs a format",
        ("--to", "-", "-f", "tensorboard"): "tensorboard is a folder",
        ("--to", "y.csv", "--metric", "loss"): "--metric chooses a chart",
        ("nobody",): 'no run "nobody"',
    }.items():
        code, out, err = ladera(*words)
        assert (code, out) == (2, ""), words
        assert message in err
        assert err.count("\n") == 1
    assert sorted(p.name for p in kept.iterdir()) == ["curves.csv", "kept-0001", "kept-0001.html", "runs"]


def test_what_has_nothing_to_tell_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("empty-0001", "begun-0001"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    write_experiment(tmp_path / "runs" / "begun-0001", load("iris").plain())
    for name, message in {
        "empty-0001": "runs/empty-0001 holds no experiment.toml: it is no run directory",
        "begun-0001": "runs/begun-0001 holds no record of a training: there is nothing to export yet",
    }.items():
        monkeypatch.setattr("sys.argv", ["ladera", "export", name])
        with pytest.raises(SystemExit) as end:
            main()
        assert (end.value.code, *capsys.readouterr()) == (2, "", f"ladera: {message}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_report_names_no_file_that_is_not_there(kept: Path) -> None:
    run = exported(kept / "runs" / "kept-0001")
    assert [line.startswith("ladera run ") for line in commands(run)] == [True, True]
    (kept / "runs" / "kept-0001" / "experiment.toml").unlink()
    assert [line.startswith("ladera run iris") for line in commands(run)] == [True]


def test_standard_output(kept: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    commands_export.export([], "-", "csv", "", Path("runs"), force=False)
    assert capfdbinary.readouterr().out.startswith(b"epoch,step,seconds,lr,")


# -- the lab ---------------------------------------------------------------------------------------------------------


async def test_the_lab_writes_where_it_was_started(
    open_lab: Any, script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_lab(script.events(reason="finished")) as lab:
        await lab.press("X")
        assert "Nothing to export yet" in lab.notes[-1]
        await lab.press("r")
        await lab.until(lambda: lab.run.history.ended)
        await lab.press("X")
        await lab.sees("Export digits:")
        await lab.press("down", "enter")
        await lab.until((tmp_path / "digits.csv").exists)
        await lab.until(lambda: any("digits.csv" in note for note in lab.notes))
        await lab.press("r")
        await lab.until(lambda: len(lab.app.sitting.runs) == 2 and lab.run.history.ended)
        await lab.press("X", "down")
        await lab.sees("compared")
        await lab.press("enter")
        await lab.until((tmp_path / "comparison.html").exists)
