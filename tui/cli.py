"""The command line: names, options and help texts; what the commands do is imported when one runs.

So `ladera --help` and the first frame of the lab wait for neither torch nor the screen's library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .cli_options import (
    Ascii,
    Detach,
    Events,
    Json,
    Preset,
    Quiet,
    RunsDir,
    Settings,
    experiment_names,
    figure_names,
    run_names,
)
from .cli_presets import presets

app = typer.Typer(
    help="A lab for training neural networks in the terminal. Without a command: the lab on the last or the default experiment.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
app.add_typer(presets, name="presets")


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
    if context.invoked_subcommand is None:
        from .opening import open_lab

        raise typer.Exit(open_lab(runs_dir))


@app.command("lab")
def lab_with(
    preset: Annotated[
        str,
        typer.Argument(
            metavar="[PRESET|FILE]", help="A preset's name, or a file; the last experiment if left out.", autocompletion=experiment_names
        ),
    ] = "",
    settings: Settings = None,
    runs_dir: RunsDir = Path("runs"),
    ascii: Ascii = False,  # noqa: A002
) -> None:  # fmt: skip
    """Open the lab on an experiment of your choice."""
    from .opening import open_lab

    raise typer.Exit(open_lab(runs_dir, preset, settings or []))


def _options(settings: list[str] | None, name: str | None = None) -> list[str]:
    return [
        *(word for setting in settings or [] for word in ("--set", setting)),
        *([] if name is None else [f"--name={name}"]),
    ]


@app.command()
def run(
    preset: Preset,
    settings: Settings = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the run, in place of its file's or preset's; a number is added."),
    ] = None,
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
        from .detach import detach_run

        words = ["run", preset, *_options(settings, name)]
        raise typer.Exit(detach_run(words, runs_dir, json=json, quiet=quiet))
    from .commands_train import run

    raise typer.Exit(run(preset, settings or [], name, runs_dir, json=json, quiet=quiet))


@app.command()
def resume(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's name or directory.", autocompletion=run_names)
    ],
    settings: Settings = None,
    runs_dir: RunsDir = Path("runs"),
    json: Events = False,
    quiet: Quiet = False,
    detach: Detach = False,
) -> None:
    """Go on with an interrupted run from its last checkpoint."""
    if detach:
        from .detach import detach_run

        words = ["resume", run, *_options(settings)]
        raise typer.Exit(detach_run(words, runs_dir, json=json, quiet=quiet))
    from .commands_train import resume

    raise typer.Exit(resume(run, settings or [], runs_dir, json=json, quiet=quiet))


@app.command()
def watch(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="The newest if left out.", autocompletion=run_names)
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

    raise typer.Exit(guarded(program, runs_dir))


@app.command()
def export(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="The newest if left out; several are compared.", autocompletion=run_names),
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
def figures(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="surprise, optimizers, polynomials, fits, sweep; a list if left out.", autocompletion=figure_names)
    ] = "",
    steps: Annotated[int | None, typer.Option(help="Of optimizers: the step to show, 25 if left out.")] = None,
    surface: Annotated[str, typer.Option(help="Of optimizers: quadratic, rosenbrock or beale.")] = "",
    formula: Annotated[str, typer.Option(help="Of optimizers: pytorch or lecture.")] = "",
    cut: Annotated[int | None, typer.Option(metavar="STEP", help="Of optimizers: a tenth of the rate from this step on.")] = None,
    ascii: Ascii = False,  # noqa: A002
) -> None:  # fmt: skip
    """Show the lecture's figures: curves, fits, and the paths of the optimizers."""
    from .commands_figures import show_figure, show_figures

    if name:
        raise typer.Exit(show_figure(name, steps, surface, formula, cut))
    raise typer.Exit(show_figures())


@app.command()
def doctor(runs_dir: RunsDir = Path("runs")) -> None:
    """Tell what this machine and this terminal can do.

    Exit code 1 if something is missing.
    """
    from .doctor import examine

    raise typer.Exit(examine(runs_dir))
