"""The real program with streams that are closed, full or left: nothing is lost, nothing is a traceback, and it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LADERA = str(Path(sys.executable).with_name("ladera"))
RUN = ("run", "digits", "--set", "training.epochs=2", "--set", "training.threads=1")

full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")


def ladera(folder: Path, redirected: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program from a shell, which redirects its streams."""
    return subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {redirected}', LADERA, *arguments], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "LADERA_RUNS": "runs"}, timeout=120, check=False,
    )  # fmt: skip


def state(folder: Path) -> str:
    return json.loads((folder / "runs" / "digits-0001" / "status.json").read_text())["state"]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_as_good_as_none(tmp_path: Path, closed: str) -> None:
    done = ladera(tmp_path, closed, *RUN, "--json")
    assert done.returncode == 0
    assert done.stderr == "" or "Finished after epoch 2" in done.stderr
    assert state(tmp_path) == "finished"
    log = (tmp_path / "runs" / "digits-0001" / "events.jsonl").read_text()
    assert [json.loads(line)["event"] for line in log.splitlines()][
        -1
    ] == "run_ended"  # nothing else went into it
    assert done.stdout == (log if closed == "2>&-" else "")


@pytest.mark.parametrize("arguments", [("presets", "list"), ("presets", "check"), ("runs",), ("--help",)])
def test_what_only_prints_ends_well_without_a_standard_output(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = ladera(tmp_path, ">&-", *arguments)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr


def test_bad_input_has_its_exit_code_though_nobody_can_hear_why(tmp_path: Path) -> None:
    assert ladera(tmp_path, "2>&-", "run", "nix").returncode == 2


@full
@pytest.mark.parametrize("style", [("--json", "-q"), ("-q",), ()])
def test_a_full_disk_under_the_output_is_told_and_the_run_is_kept(
    tmp_path: Path, style: tuple[str, ...]
) -> None:
    done = ladera(tmp_path, ">/dev/full", *RUN, *style)
    assert done.returncode == 3
    assert done.stderr == (
        "ladera: standard output: No space left on device; the run itself is in runs/digits-0001\n"
    )
    assert state(tmp_path) == "finished"


@full
def test_a_full_disk_is_one_line_for_every_command(tmp_path: Path) -> None:
    done = ladera(tmp_path, ">/dev/full", "presets", "schema")  # more than a buffer holds
    assert done.returncode == 3
    assert done.stderr == "ladera: standard output: No space left on device\n"
    assert ladera(tmp_path, "2>/dev/full", "run", "nix").returncode == 2


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_goes_to_stderr_is_there_at_once(tmp_path: Path, unbuffered: str) -> None:
    program = (
        "import os, sys\nfrom ladera.tui.standard_streams import make_usable\nmake_usable()\n"
        "print('told', file=sys.stderr)\nos._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    assert done.stderr == "told\n"
