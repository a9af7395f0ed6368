"""The command line: names, options and help texts; what the commands do is imported when one runs.

So `ladera --help` and the first frame of the lab wait for neither torch nor the screen's library.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="A lab for training neural networks in the terminal. Without a command: the lab on the last or the default experiment.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
presets = typer.Typer(help="Presets: the parts and experiments to choose from.", rich_markup_mode=None,
                      no_args_is_help=True)  # fmt: skip
app.add_typer(presets, name="presets")


def _experiments(incomplete: str) -> list[tuple[str, str]]:
    """Complete the name of an experiment preset."""
    from ..presets.catalog import EXPERIMENTS, catalog

    found = [(preset.short, preset.description) for preset in catalog(EXPERIMENTS)]
    return [(name, text) for name, text in found if name.startswith(incomplete)]


def _presets(incomplete: str) -> list[tuple[str, str]]:
    """Complete the name of any preset."""
    from ..presets.catalog import EXPERIMENTS, catalog

    found = [(p.short if p.part == EXPERIMENTS else p.name, p.description) for p in catalog()]
    return [(name, text) for name, text in found if name.startswith(incomplete)]


def _runs(incomplete: str) -> list[str]:
    """Complete the name of a run."""
    from .commands_runs import names

    return [
        name for name in names(Path(os.environ.get("LADERA_RUNS", "runs"))) if name.startswith(incomplete)
    ]


RunsDir = Annotated[
    Path, typer.Option("--runs-dir", envvar="LADERA_RUNS", help="Where runs are kept.", file_okay=False)
]
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
    typer.Argument(metavar="PRESET|FILE", help="A preset's name, or a file.", autocompletion=_experiments),
]


def _seven_bit(wanted: bool) -> None:
    if wanted:
        os.environ["LADERA_ASCII"] = "1"  # a run in the background hears of it too


Ascii = Annotated[
    bool,
    typer.Option("--ascii", callback=_seven_bit, help="Write 7-bit characters only, as LADERA_ASCII=1 does."),
]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ladera {version('ladera')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def lab(
    context: typer.Context,
    runs_dir: RunsDir = Path("runs"),
    ascii: Ascii = False,  # noqa: A002 - the option's name
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Open the lab where there is a terminal; run the same experiment headless where there is none."""
    os.environ["LADERA_RUNS"] = str(runs_dir)  # given before a command it holds for the command
    if context.invoked_subcommand is None:
        from .opening import open_lab

        raise typer.Exit(open_lab(runs_dir))


@app.command("lab")
def lab_with(
    preset: Annotated[
        str,
        typer.Argument(
            metavar="[PRESET|FILE]", help="A preset's name, or a file; the last experiment if left out.", autocompletion=_experiments
        ),
    ] = "",
    settings: Settings = None,
    runs_dir: RunsDir = Path("runs"),
    ascii: Ascii = False,  # noqa: A002
) -> None:  # fmt: skip
    """Open the lab on an experiment of your choice."""
    from .opening import open_lab

    raise typer.Exit(open_lab(runs_dir, preset, settings or []))


def _options(settings: list[str] | None, name: str) -> list[str]:
    return [
        *(word for setting in settings or [] for word in ("--set", setting)),
        *(["--name", name] if name else []),
    ]


def _detached(arguments: list[str], runs_dir: Path, *, json: bool, quiet: bool) -> int:
    from .detach import start_detached

    if json:
        from ..engine.errors import InputError

        raise InputError("--json follows a run and --detach leaves it alone: choose one; a run's events.jsonl holds the same lines")  # fmt: skip
    code, answer = start_detached([*arguments, "--runs-dir", str(runs_dir)])
    if code:
        print(answer, file=sys.stderr)
        return code
    from ..presets.faults import label

    place = label(Path(answer))
    name, stop = (shlex.quote(text) for text in (Path(place).name, f"{place}/STOP"))
    print(
        place
        if quiet
        else f"{name} trains in the background: `ladera watch {name}` shows it, `touch {stop}` ends it"
    )
    return 0


@app.command()
def run(
    preset: Preset,
    settings: Settings = None,
    name: Annotated[str, typer.Option(help="Name of the run; a number is added.")] = "",
    runs_dir: RunsDir = Path("runs"),
    json: Events = False,
    quiet: Quiet = False,
    detach: Detach = False,
    ascii: Ascii = False,  # noqa: A002
) -> None:
    """Train an experiment without the lab.

    Exit codes: 0 finished or stopped early, 2 bad input (nothing was created), 3 failed, 4 diverged,
    130 and 143 ended by SIGINT or SIGTERM after saving.
    """
    if detach:
        words = ["run", preset, *_options(settings, name), "--quiet"]
        raise typer.Exit(_detached(words, runs_dir, json=json, quiet=quiet))
    from .commands_train import run

    raise typer.Exit(run(preset, settings or [], name, runs_dir, json=json, quiet=quiet))


@app.command()
def resume(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's name or directory.", autocompletion=_runs)
    ],
    settings: Settings = None,
    runs_dir: RunsDir = Path("runs"),
    json: Events = False,
    quiet: Quiet = False,
    detach: Detach = False,
) -> None:
    """Go on with an interrupted run from its last checkpoint."""
    if detach:
        words = ["resume", run, *_options(settings, ""), "--quiet"]
        raise typer.Exit(_detached(words, runs_dir, json=json, quiet=quiet))
    from .commands_train import resume

    raise typer.Exit(resume(run, settings or [], runs_dir, json=json, quiet=quiet))


@app.command()
def watch(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="The newest if left out.", autocompletion=_runs)
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Print one frame of text and end.")] = False,
    runs_dir: RunsDir = Path("runs"),
    ascii: Ascii = False,  # noqa: A002
) -> None:
    """Look at a run of another process, live or ended, and steer it."""
    from .terminal import can_hold_a_screen

    if once or not can_hold_a_screen():
        from .commands_lab import watch

        raise typer.Exit(watch(run, runs_dir, once=True))
    from .guard import guarded

    def program() -> int:
        from .commands_lab import watch

        return watch(run, runs_dir, once=False)

    raise typer.Exit(guarded(program))


@app.command()
def export(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="The newest if left out; several are compared.", autocompletion=_runs),
    ] = None,
    to: Annotated[
        str, typer.Option("--to", "-o", metavar="FILE", help="Its suffix says the format; - is standard output. A report, RUN.html, if left out.")
    ] = "",
    kind: Annotated[
        str, typer.Option("--format", "-f", help="html, csv, steps, svg, png or tensorboard (a folder).")
    ] = "",
    metric: Annotated[
        str, typer.Option("--metric", "-m", help="What an svg or png shows; the monitored metric if left out.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    runs_dir: RunsDir = Path("runs"),
) -> None:  # fmt: skip
    """Write a run, or several compared, into a file.

    A report, a table, a chart, or TensorBoard events.
    """
    from .commands_export import export

    raise typer.Exit(export(runs or [], to, kind, metric, runs_dir, force=force))


@app.command()
def runs(runs_dir: RunsDir = Path("runs"), json: Json = False) -> None:
    """List the runs: state, progress, best value and age."""
    from .commands_runs import show_runs

    raise typer.Exit(show_runs(runs_dir, json=json))


@app.command()
def doctor(runs_dir: RunsDir = Path("runs")) -> None:
    """Tell what this machine and this terminal can do.

    Exit code 1 if something is missing.
    """
    from .doctor import examine

    raise typer.Exit(examine(runs_dir))


@presets.command("list")
def list_presets(
    part: Annotated[str, typer.Argument(help="experiments, data, model, loss, optimizer, …; all if left out")] = "",
    json: Json = False,
) -> None:  # fmt: skip
    """List presets with what they are."""
    from .commands_presets import listing

    raise typer.Exit(listing(part, json=json))


@presets.command("show")
def show_preset(
    name: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="digits, optimizer/adam, mine.toml", autocompletion=_presets)
    ],
    settings: Settings = None,
) -> None:  # fmt: skip
    """Print an experiment complete, as a TOML file to start from, or a part with its notes."""
    from .commands_presets import show

    raise typer.Exit(show(name, settings or []))


@presets.command("check")
def check_presets(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME|FILE]...", help="All presets if left out.")
    ] = None,
) -> None:
    """Check presets; exit code 2 if one cannot be used."""
    from .commands_presets import check_all

    raise typer.Exit(check_all(names or []))


@presets.command("schema")
def preset_schema() -> None:
    """Print the JSON Schema of an experiment file, for editors."""
    from .commands_presets import print_schema

    raise typer.Exit(print_schema())
