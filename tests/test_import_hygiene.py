"""What importing a part, or running a cheap command, may not pull in: each in a fresh process, read off sys.modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCREEN = {"textual", "plotext"}
OTHERS = {"sklearn", "scipy", "pandas", "matplotlib", "PIL", "torchmetrics", "tensorboard"}
HEAVY = {"torch", "typer", "rich", *SCREEN, *OTHERS}

#: For each module what must not be imported with it.
FORBIDDEN = {
    "ladera.engine": HEAVY,
    "ladera.engine.experiment": HEAVY,
    "ladera.engine.events": HEAVY,
    "ladera.engine.history": HEAVY | {"numpy"},
    "ladera.engine.store": HEAVY,
    "ladera.engine.store.listing": HEAVY | {"numpy", "tomlkit"},
    "ladera.engine.controls": HEAVY,
    "ladera.engine.loop": HEAVY - {"torch"},
    "ladera.presets.catalog": HEAVY,
    "ladera.tui.cli": HEAVY - {"typer"} | {"numpy", "pydantic"},
    "ladera.tui.headless": HEAVY - {"rich"},
    "ladera.tui.charts": HEAVY - {"rich"},
    "ladera.tui.app": HEAVY - {"textual", "rich"} | {"numpy", "tomlkit"},
}

#: Commands that answer without what training and the screen need.
COMMANDS = {
    "--help": HEAVY - {"typer", "rich"} | {"numpy", "pydantic"},
    "--version": HEAVY - {"typer", "rich"} | {"numpy", "pydantic"},
    "run --help": HEAVY - {"typer", "rich"},
    "presets list": HEAVY - {"typer", "rich"},
    "presets check": HEAVY - {"typer", "rich"},
    "presets show digits": HEAVY - {"typer", "rich"},
    "presets schema": HEAVY - {"typer", "rich"},
    "runs": HEAVY - {"typer", "rich"},
    "figures": HEAVY - {"typer", "rich"},
    "figures fits": HEAVY - {"typer", "rich"},
}


def loaded(code: str, folder: Path, *arguments: str) -> set[str]:
    """Run code in a fresh process and return the names of the top-level modules it left."""
    report = folder / "modules"
    tail = f"\nimport sys; open({str(report)!r}, 'w').write(' '.join(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    done = subprocess.run(  # noqa: PLW1510 - the message is asserted
        [sys.executable, "-c", code + tail, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(report.read_text().split())


@pytest.mark.parametrize("module", FORBIDDEN)
def test_importing_a_part_stays_cheap(module: str, tmp_path: Path) -> None:
    modules = loaded(f"import {module}", tmp_path)
    assert module.partition(".")[0] in modules
    assert modules & FORBIDDEN[module] == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_cheap_command_stays_cheap(command: str, tmp_path: Path) -> None:
    code = "import sys\nfrom ladera.tui.__main__ import main\ntry:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    assert loaded(code, tmp_path, *command.split()) & COMMANDS[command] == set()


#: Opens the lab as the command does, without a terminal, until its first frame stands.
FIRST_FRAME = """
import asyncio
from pathlib import Path
from ladera.tui.commands_lab import last_experiment
from ladera.tui.lab_process import LabApp

async def first_frame():
    app = LabApp(*last_experiment(Path("runs")), prepare=lambda: None)  # that comes after the first frame
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "press r to train" in pilot.app.lab.query_one("#loss").plain

asyncio.run(first_frame())
"""


def test_the_first_frame_waits_for_no_torch(tmp_path: Path) -> None:
    assert loaded(FIRST_FRAME, tmp_path) & (HEAVY - {"textual", "rich"} | {"numpy", "tomlkit"}) == set()


def test_the_probe_itself_sees_what_is_imported(tmp_path: Path) -> None:
    assert {"torch", "numpy"} <= loaded("import ladera.engine.loop", tmp_path)
