"""`ladera presets`: names, options and help texts."""

from __future__ import annotations

from typing import Annotated

import typer

from .cli_options import Json, Settings, preset_names

presets = typer.Typer(help="Presets: the parts and experiments to choose from.", rich_markup_mode=None,
                      no_args_is_help=True)  # fmt: skip


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
        str, typer.Argument(metavar="NAME|FILE", help="digits, optimizer/adam, mine.toml", autocompletion=preset_names)
    ],
    settings: Settings = None,
) -> None:  # fmt: skip
    """Print an experiment, complete, as TOML to start from.

    Of a part (optimizer/adam) it is the file with its notes.
    """
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
