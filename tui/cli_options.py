"""Options and arguments that several commands have, and how a shell completes names."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer


def experiment_names(incomplete: str) -> list[tuple[str, str]]:
    """Complete the name of an experiment preset."""
    from ..presets.catalog import EXPERIMENTS, catalog

    found = [(preset.short, preset.description) for preset in catalog(EXPERIMENTS)]
    return [(name, text) for name, text in found if name.startswith(incomplete)]


def preset_names(incomplete: str) -> list[tuple[str, str]]:
    """Complete the name of any preset."""
    from ..presets.catalog import EXPERIMENTS, catalog

    found = [(p.short if p.part == EXPERIMENTS else p.name, p.description) for p in catalog()]
    return [(name, text) for name, text in found if name.startswith(incomplete)]


def run_names(incomplete: str) -> list[str]:
    """Complete the name of a run."""
    from .commands_runs import names

    return [
        name for name in names(Path(os.environ.get("LADERA_RUNS", "runs"))) if name.startswith(incomplete)
    ]


def _runs_dir(context: typer.Context, value: Path) -> Path:
    """Let the option count for a command before which it was given, too."""

    def given(at: typer.Context | Any) -> bool:
        source = at.get_parameter_source("runs_dir")
        return source is not None and source.name == "COMMANDLINE"

    above = context.parent
    return above.params["runs_dir"] if above is not None and given(above) and not given(context) else value


def figure_names(incomplete: str) -> list[tuple[str, str]]:
    """Complete the name of a figure of the lecture."""
    from .figure_list import FIGURES

    return [(figure.name, figure.sentence) for figure in FIGURES if figure.name.startswith(incomplete)]


def _folder(value: str | Path) -> Path:
    """Take the name of a folder; an empty one, of a script's unset variable, is not the working directory."""
    if value == "":
        raise typer.BadParameter("is empty; name a folder, or leave the option out")
    path = Path(value)
    with suppress(OSError):  # what cannot be looked at is told of by whoever reads or writes there
        if path.exists() and not path.is_dir():
            from .text import clean  # With it comes pydantic, which `--help` does not wait for.

            raise typer.BadParameter(f"{clean(str(path), 200)} is a file, and no folder")
    return path


RunsDir = Annotated[
    Path,
    typer.Option("--runs-dir", envvar="LADERA_RUNS", help="Where runs are kept.", metavar="DIRECTORY",
                 parser=_folder, callback=_runs_dir),
]  # fmt: skip
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a value, e.g. optimizer.lr=0.01 or optimizer=sgd; repeatable."),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Events = Annotated[
    bool,
    typer.Option("--json", help="Print the events on stdout, one JSON object a line; text goes to stderr."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the run's directory, nothing else.")]
Detach = Annotated[
    bool, typer.Option("--detach", help="Train in a process of its own and give the prompt back.")
]
Preset = Annotated[
    str,
    typer.Argument(
        metavar="PRESET|FILE", help="A preset's name, or a file.", autocompletion=experiment_names
    ),
]


def _seven_bit(wanted: bool) -> None:
    if wanted:
        os.environ["LADERA_ASCII"] = "1"  # a run in the background hears of it too


Ascii = Annotated[
    bool,
    typer.Option("--ascii", callback=_seven_bit, help="Write 7-bit characters only, as LADERA_ASCII=1 does."),
]
