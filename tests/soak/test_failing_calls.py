"""Every write, fsync, rename, mkdir and open of a recorded training fails once, or is the last thing its process does."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler on Linux")
    library = tmp_path_factory.mktemp("shim") / "failing_calls.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "failing_calls.c"), "-ldl"],
        check=True,
    )
    return library


@pytest.mark.soak
@pytest.mark.parametrize("error", [0, errno.ENOSPC, errno.EIO, errno.EROFS])
def test_no_call_is_one_too_many_to_fail(shim: Path, tmp_path: Path, error: int) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "enumerate_faults.py"), str(tmp_path), str(error)],
        env=os.environ | {"LD_PRELOAD": str(shim)}, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    # A save alone makes more than twelve: two files and a manifest, each opened, written and synced, and the rest.
    assert int(done.stdout) > 30
