"""Draw the pictures of the documentation: the lab in its states and sizes, as SVG under docs/screenshots.

    python scripts/screenshots.py [NAME ...] [--text]

Every picture is a real training, told with times made up from its steps, so that the same code draws the same
picture. `--text` prints the screens instead of writing files.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from ladera.engine.events import EpochEnded, Event, RunEnded
from ladera.presets.catalog import change, load
from ladera.tui.app import LabApp
from ladera.tui.run import Run
from ladera.tui.training_thread import without_directory

OUT = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
#: What a step seems to take.
SECONDS_A_STEP = 0.004


@dataclass(frozen=True)
class Scene:
    """One picture."""

    name: str
    size: tuple[int, int]
    play: Callable[[LabApp, Pilot[Any]], Awaitable[None]]
    base: str = "digits"
    settings: tuple[str, ...] = ()
    theme: str = "ladera-dark"
    until: int | None = None
    "Epoch at which the picture is taken while the run trains; None lets it come to its end."


def told(until: int | None) -> Callable[[Run], Iterator[Event]]:
    """A trainer whose clock follows the steps; after `until` epochs it keeps silent, as if the next one took long."""

    def train(run: Run) -> Iterator[Event]:
        stop = until if run.number == 0 or until is None else None
        for event in without_directory(run):
            step = getattr(event, "step", 0)
            event = replace(event, time=step * SECONDS_A_STEP)
            if isinstance(event, EpochEnded):
                steps = step / event.epoch
                event = replace(
                    event, seconds=steps * SECONDS_A_STEP, examples_per_second=64 / SECONDS_A_STEP
                )
            if isinstance(event, RunEnded):
                event = replace(event, seconds=step * SECONDS_A_STEP)
            if run.directory is None:
                run.directory = Path("runs") / f"{run.label}-{run.number + 1:04}"
            yield event
            if stop is not None and getattr(event, "epoch", 0) > stop:
                while not any(command.name == "stop" for command in run.controls.take()):
                    run.controls.wait(1.0)
                return

    return train


async def trained(app: LabApp, pilot: Pilot[Any]) -> None:
    """Train, and wait until nothing more comes."""
    await pilot.press("r")
    await quiet(app, pilot)


async def quiet(app: LabApp, pilot: Pilot[Any]) -> None:
    """Wait until nothing has happened for a while."""
    calm, version = 0, -1
    while calm < 8:
        await pilot.pause(0.1)
        run = app.current
        now = run.history.version if run is not None else 0
        started = run is None or run.history.started is not None
        calm = calm + 1 if started and now == version else 0
        version = now
    app.lab.show_all()
    await pilot.pause(0.2)


async def nothing(app: LabApp, pilot: Pilot[Any]) -> None:
    """The first screen."""
    await pilot.pause(0.2)


def compared(*settings: str) -> Callable[[LabApp, Pilot[Any]], Awaitable[None]]:
    """Several experiments on one chart, the last one looked at."""

    async def play(app: LabApp, pilot: Pilot[Any]) -> None:
        for setting in settings:
            app.take(change(app.experiment, [setting]))
            await trained(app, pilot)

    return play


async def branching(app: LabApp, pilot: Pilot[Any]) -> None:
    """What a branch asks."""
    await trained(app, pilot)
    await pilot.press("b", *["backspace"] * 30)
    for letter in "init.kind=xavier-uniform":
        await pilot.press({"=": "equals_sign", ".": "full_stop", "-": "minus"}.get(letter, letter))
    await pilot.pause(0.2)


async def branched(app: LabApp, pilot: Pilot[Any]) -> None:
    """The same net with a better start, over the one that does not learn."""
    await branching(app, pilot)
    await pilot.press("enter")
    await quiet(app, pilot)


async def chosen(app: LabApp, pilot: Pilot[Any]) -> None:
    """The picker of initializations."""
    form = app.lab.query_one("#form")
    keys = [row.key for row in form._rows]  # type: ignore[attr-defined]
    form.highlighted = keys.index("init")  # type: ignore[attr-defined]
    await pilot.press("enter", "down", "down")
    await pilot.pause(0.2)


def then(*keys: str) -> Callable[[LabApp, Pilot[Any]], Awaitable[None]]:
    """Train, then press keys."""

    async def play(app: LabApp, pilot: Pilot[Any]) -> None:
        await trained(app, pilot)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.7)

    return play


_SIZES = ((80, 24), (120, 40), (200, 60))
_OPTIMIZERS = compared("optimizer=sgd", "optimizer=momentum", "optimizer=adam")

SCENES = (
    *(
        Scene(f"{name}{ground}-{size[0]}x{size[1]}", size, play, theme=f"ladera-{theme}", until=until)
        for ground, theme in (("", "dark"), ("-light", "light"))
        for size in _SIZES
        for name, play, until in (
            ("first", nothing, None),
            ("running", trained, 60),
            ("ended", trained, None),
        )
    ),
    *(Scene(f"compared-{size[0]}x{size[1]}", size, _OPTIMIZERS) for size in _SIZES),
    *(
        Scene(f"running-{theme}-120x40", (120, 40), trained, until=60, theme=f"ladera-{theme}")
        for theme in ("contrast", "colour-blind")
    ),
    Scene("overfit-120x40", (120, 40), trained, base="overfit-noisy-labels"),
    Scene(
        "diverged-120x40", (120, 40), trained, base="too-high-learning-rate", settings=("optimizer.lr=1e9",)
    ),
    Scene("picker-120x40", (120, 40), chosen),
    Scene("help-120x40", (120, 40), then("question_mark")),
    Scene("what-if-120x40", (120, 40), then("w", "left", "left", "left", "left", "left", "left")),
    Scene("inside-rates-120x40", (120, 40), then("i", "4")),
    Scene("inside-confusion-120x40", (120, 40), then("i", "5")),
    Scene("inside-calibration-80x24", (80, 24), then("i", "6")),
    Scene("inside-worst-120x40", (120, 40), then("i", "7")),
    Scene("inside-worst-light-80x24", (80, 24), then("i", "7"), theme="ladera-light"),
    Scene("inside-boundary-120x40", (120, 40), then("i", "8"), base="spirals"),
    Scene("inside-units-80x24", (80, 24), then("i", "8", "right_square_bracket"), base="spirals"),
    Scene("inside-layers-light-200x60", (200, 60), then("i"), base="spirals", theme="ladera-light"),
    Scene(
        "inside-spectrogram-120x40",
        (120, 40),
        then("i", "9"),
        base="tones",
        settings=("training.epochs=1", "data.examples=100"),
    ),
    # The tour.
    Scene("tour-two-optimizers-120x40", (120, 40), compared("optimizer=adam", "optimizer=momentum")),
    Scene("vanishing-120x40", (120, 40), trained, base="vanishing"),
    Scene("vanishing-why-120x40", (120, 40), then("d"), base="vanishing"),
    Scene("inside-layers-120x40", (120, 40), then("i"), base="vanishing"),
    Scene("branching-120x40", (120, 40), branching, base="vanishing"),
    Scene("branched-120x40", (120, 40), branched, base="vanishing"),
)


async def draw(scene: Scene, text: bool) -> None:
    """Play a scene and write its picture."""
    with tempfile.TemporaryDirectory() as folder:
        app = LabApp(
            load(scene.base, list(scene.settings)), scene.base, Path(folder), trainer=told(scene.until)
        )
        async with app.run_test(size=scene.size) as pilot:
            app.theme = scene.theme
            await scene.play(app, pilot)
            if text:
                rows = app.screen._compositor.render_strips()
                print("\n".join("".join(segment.text for segment in row).rstrip() for row in rows))
            else:
                # The exporter's names for its styles are random; ours is the scene's.
                svg = re.sub(r"terminal-\d+", f"ladera-{scene.name}", app.export_screenshot(title="ladera"))
                (OUT / f"{scene.name}.svg").write_text(svg, encoding="utf-8")
            app.sitting.close()
            for run in app.sitting.runs:
                run.controls.stop()


def main() -> None:
    """Draw the scenes that are named, or all."""
    parser = argparse.ArgumentParser(description="Draw the pictures of the documentation.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(scene.name for scene in SCENES))
    parser.add_argument("--text", action="store_true", help="print the screens instead of writing files")
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith("LADERA_")] + ["NO_COLOR", "COLORFGBG"]:
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as home:
        # Nobody's own presets and remembered views in the pictures.
        os.environ |= {
            "XDG_CONFIG_HOME": home,
            "XDG_STATE_HOME": home,
            "COLORTERM": "truecolor",
            "LC_ALL": "C.UTF-8",
        }
        for scene in SCENES:
            if not arguments.names or scene.name in arguments.names:
                asyncio.run(draw(scene, arguments.text))
                if not arguments.text:
                    print(f"docs/screenshots/{scene.name}.svg")


if __name__ == "__main__":
    main()
