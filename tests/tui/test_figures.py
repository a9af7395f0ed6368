"""The lecture's figures as text, by the command and in the lab."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from rich.cells import cell_len

from ladera.engine.figure_paths import paths
from ladera.engine.figure_surfaces import SURFACES
from ladera.engine.worked import POLYNOMIALS
from ladera.tui import figure_optimizers, figure_polynomials, figure_surprise
from ladera.tui.blocks import Page, fitted
from ladera.tui.curves import Palette
from ladera.tui.figure_list import FIGURES, Choice, Figure
from ladera.tui.screens.figures import FiguresScreen
from ladera.tui.widgets.picture import Picture

SIZES = [(1, 1), (20, 6), (40, 10), (78, 20), (118, 36), (200, 60)]
PLAIN = Palette(colour=False)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def text(block: list[Any]) -> str:
    return "\n".join(line.plain for line in block)


def drawn(figure: Figure, page: Page, step: int = 25, choice: Choice | None = None) -> list[Any]:
    choice = choice or Choice()
    return figure.draw(figure.compute(choice, 25), choice, step, page)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
@pytest.mark.parametrize("marker", ["braille", "block", "ascii"])
@pytest.mark.parametrize("colours", ["none", "16", "24-bit"])
def test_every_figure_fits_every_page_and_writes_only_what_the_terminal_can(
    figure: Figure, marker: Any, colours: Any
) -> None:
    for (width, height), light in product(SIZES, (False, True)):
        page = Page(
            width, height, marker, PLAIN if colours == "none" else Palette(), light=light, colours=colours
        )
        block = drawn(figure, page)
        assert all(line.cell_len <= max(width, 8) or width < 40 for line in block), (width, height)
        assert {line.cell_len for line in fitted(block, width, height)} == {width}
        if marker == "ascii":
            assert text(block).isascii(), text(block)
        if colours == "none":
            assert not any(span.style.color for line in block for span in line.spans if hasattr(span.style, "color"))  # fmt: skip


@pytest.mark.parametrize("size", [(78, 20), (118, 36)])
def test_the_usual_windows_hold_every_figure_whole(size: tuple[int, int]) -> None:
    for figure in FIGURES:
        assert len(drawn(figure, Page(*size))) <= size[1], figure.name


# -- each ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(78, 20), (118, 36)])
def test_l6_the_three_costs_are_marked_on_the_curve(size: tuple[int, int]) -> None:
    shown = text(figure_surprise.costs(Page(*size)))
    for words in ("0.693 at p = 0.5", "2.303 at p = 0.1", "4.605 at p = 0.01", "0.5 → 0.693"):
        assert words in shown
    assert shown.count("●") == 3


def test_l6_examples_of_a_run_lie_on_the_two_curves() -> None:
    answer = {
        "p": [0.9, 0.2, 0.001],
        "happened": [True, False, True],
        "of": "class cat",
        "part": "validation",
        "count": 3,
        "mean": (-np.log(0.9) - np.log(0.8) - np.log(0.001)) / 3,
    }
    shown = text(figure_surprise.costs(Page(100, 30), answer))
    assert "● 3 examples" in shown
    assert "mean cost of all 3 validation examples is 2.4121; shown are all." in " ".join(shown.split())
    some = text(figure_surprise.costs(Page(100, 30), {**answer, "count": 1234}))
    assert "3 of 1,234 examples" in some
    assert "all 1,234 validation examples is 2.4121; shown are some of them" in " ".join(some.split())
    assert "p is the probability of class cat" in shown
    assert "1 that cost more than 5" in " ".join(shown.split())
    assert shown.count("●") == 4  # and the one that names them


@pytest.mark.parametrize("size", [(78, 20), (118, 36)])
def test_r8_r9_r10_each_polynomial_has_its_error_and_norms(size: tuple[int, int]) -> None:
    shown = text(figure_polynomials.polynomials(Page(*size)))
    for words in (
        "0.006",
        "0.035",
        "0.98",
        "2.32",
        "70.03",
        "0.90",
        "1.06",
        "32.69",
        "ŷ = 0.04 + 0.04x + 0.9x²",
    ):
        assert words in shown
    assert "−14.38x⁸" in figure_polynomials.written(POLYNOMIALS[2]).replace("− ", "−")


@pytest.mark.parametrize("size", [(78, 20), (118, 36)])
def test_b3_b2_the_fits_and_the_sweep_tell_their_errors(size: tuple[int, int]) -> None:
    fits, sweep = FIGURES[3], FIGURES[4]
    shown = text(drawn(fits, Page(*size)))
    for words in ("degree 1: too simple", "degree 5: right", "degree 11: too complex", "unseen"):
        assert words in shown
    shown = text(drawn(sweep, Page(*size)))
    assert "best: degree 5" in shown
    assert "mean squared error" in shown


@pytest.mark.parametrize("size", [(78, 20), (118, 36)])
@pytest.mark.parametrize("surface", SURFACES)
def test_o14_letters_stand_where_the_paths_are(size: tuple[int, int], surface: str) -> None:
    """Without colours a path is its letters; the last is a capital, where the step is on the surface."""
    page = Page(*size, "ascii", PLAIN, colours="none")
    found, walks = SURFACES[surface], paths(surface, 25)
    picture = figure_optimizers._picture(found, walks, 25, 60, 20, page)
    rows = [line.plain for line in picture]
    assert {len(row) for row in rows} == {60}
    taken: dict[tuple[int, int], str] = {}
    for walk in walks:
        x, y = walk.places[25]
        across = int((x - found.x[0]) / (found.x[1] - found.x[0]) * 60)
        up = int((y - found.y[0]) / (found.y[1] - found.y[0]) * 20)
        taken[19 - up, across] = figure_optimizers.NAMES[walk.kind][0]
    assert all(rows[row][column] == letter for (row, column), letter in taken.items())
    letters = "".join(rows)
    assert "+" in letters
    assert sum(letters.count(letter) for letter in "smgra") > 20


def test_o14_at_step_0_there_is_no_path_yet() -> None:
    page = Page(78, 20, "ascii", PLAIN, colours="none")
    picture = figure_optimizers._picture(SURFACES["beale"], paths("beale", 25), 0, 60, 20, page)
    letters = "".join(line.plain for line in picture)
    assert not set("smgr") & set(letters)
    assert letters.count("A") == 1


def test_o14_the_colours_of_the_paths_differ_on_every_ground() -> None:
    for light, colours in product((False, True), ("16", "24-bit")):
        page = Page(80, 24, light=light, colours=colours)  # pyright: ignore[reportArgumentType]
        assert len({figure_optimizers.colour_of(index, page) for index in range(5)}) == 5


def test_o12_velocity_and_moments_stand_beside_the_picture() -> None:
    shown = text(drawn(FIGURES[1], Page(118, 36), step=1))
    for words in ("v   4.00000   37.5000", "m̂   4.00000   37.5000", "v̂   16.0000   1406.25", "step 1 "):
        assert words in shown


# -- the command -----------------------------------------------------------------------------------------------------

Ladera = Callable[..., tuple[int, str, str]]


def test_the_figures_are_listed_with_a_sentence_each(ladera: Ladera) -> None:
    code, out, _ = ladera("figures")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [figure.name for figure in FIGURES]
    assert all(figure.sentence in line for figure, line in zip(FIGURES, out.splitlines(), strict=True))


@pytest.mark.parametrize("name", [figure.name for figure in FIGURES])
def test_a_figure_in_a_pipe_is_plain_text_of_100_columns(ladera: Ladera, name: str) -> None:
    code, out, err = ladera("figures", name)
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert 60 < max(map(cell_len, out.splitlines())) <= 100


def test_a_figure_in_7_bits(ladera: Ladera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LADERA_ASCII", "0")  # restored afterwards
    for figure in FIGURES:
        code, out, _ = ladera("figures", figure.name, "--ascii")
        assert code == 0
        assert out.isascii()


def test_on_a_terminal_a_figure_has_its_width_and_colours(
    ladera: Ladera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, out, _ = ladera("figures", "optimizers")
    assert "\x1b[" in out
    monkeypatch.setenv("NO_COLOR", "1")
    _, out, _ = ladera("figures", "optimizers")
    assert "\x1b" not in out
    assert 70 < max(map(cell_len, out.splitlines())) < 80


def test_the_step_surface_formula_and_cut_are_chosen(ladera: Ladera) -> None:
    _, out, _ = ladera("figures", "optimizers", "--steps", "25", "--formula", "lecture", "--cut", "11")
    assert "f 1.4049" in out
    assert "step 25, a tenth of η from step 11 on, the lecture's formulas" in out
    _, out, _ = ladera("figures", "optimizers", "--surface", "rosenbrock", "--steps", "0")
    assert out.count("f 24.200") == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["optimisers"], 'did you mean "optimizers"?'),
        (["nothing-like-it"], "there are surprise, optimizers"),
        (["optimizers", "--surface", "bowl"], "quadratic, rosenbrock, beale"),
        (["optimizers", "--formula", "keras"], "pytorch, lecture"),
        (["optimizers", "--steps", "-1"], "0 to 3000"),
        (["fits", "--steps", "3"], "--steps is for the figure optimizers"),
    ],
)
def test_what_there_is_not_is_refused(ladera: Ladera, arguments: list[str], words: str) -> None:
    code, out, err = ladera("figures", *arguments)
    assert (code, out) == (2, "")
    assert words in err


# -- the page of the lab ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_page_shows_every_figure_in_turn(open_lab: Any, size: tuple[int, int]) -> None:
    async with open_lab(size=size) as lab:
        await lab.press("L")
        screen = lab.app.screen
        assert isinstance(screen, FiguresScreen)
        for number, words in enumerate(("0.693", "Adam", "70.03", "too complex", "best: degree 5")):
            await lab.sees(words)
            assert "cannot be" not in screen.query_one(Picture).plain
            assert screen.query_one(Picture).part is None, "a usual window holds it whole"
            await lab.press("n" if number % 2 else "tab")
        assert screen.figure.name == "surprise"
        await lab.press("shift+tab")
        assert screen.figure.name == "sweep"
        await lab.press("escape")
        assert lab.app.screen is lab.app.lab


async def test_keys_move_the_step_and_choose_surface_formula_and_rate(open_lab: Any) -> None:
    async with open_lab(size=(120, 40)) as lab:
        await lab.press("L", "2")
        screen = lab.app.screen
        await lab.sees("step 25")
        await lab.sees("f 2.8429")
        await lab.press("right", "right", "left")
        await lab.sees("step 26")
        await lab.press("left", "c", "f")
        await lab.sees("f 1.4049")
        await lab.press("s")
        await lab.sees("f = (1 − x)²")
        await lab.press("home", "left")
        await lab.sees("f 24.200")
        await lab.press("end", "right")
        assert screen.step == 3000
        await lab.press("right_square_bracket", "left_square_bracket")
        assert screen.step == 2975
        await lab.press("question_mark")
        await lab.sees("another surface")
        await lab.press("escape", "1", "right", "s")
        assert screen.step == 2975, "only the optimizers have steps"


async def test_playing_gives_way_to_training(open_lab: Any, script: Any) -> None:
    """Two ticks at once: alone it makes two steps, beside a run that trains one, which has to pay for itself first."""
    async with open_lab(script.events()) as lab:
        await lab.press("L", "n")
        page = lab.app.screen
        await lab.until(lambda: "Computing" not in lab.text)

        def made() -> int:
            before = page.step
            page.tick()
            page.tick()
            return page.step - before

        assert made() == 2
        await lab.press("escape", "r")
        await lab.until(lambda: lab.app.sitting.training is not None)
        await lab.press("L", "n")
        page = lab.app.screen
        assert made() == 1


async def test_playing_goes_on_until_it_is_stopped(open_lab: Any) -> None:
    async with open_lab(size=(80, 24)) as lab:
        await lab.press("L", "2", "home", "space")
        screen = lab.app.screen
        await lab.until(lambda: screen.step >= 3)
        await lab.press("space")
        before = screen.step
        await lab.pilot.pause(0.3)
        assert screen.step == before


@pytest.mark.parametrize("marker", ["block", "ascii"])
async def test_the_page_in_other_characters(
    open_lab: Any, marker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADERA_MARKER", marker)
    async with open_lab(size=(80, 24)) as lab:
        await lab.press("L", "2")
        await lab.sees("Adam")
        if marker == "ascii":
            assert lab.text.isascii()
