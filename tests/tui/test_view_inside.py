"""Looks inside, drawn from answers that the engine really gave and from answers made up by hand; no app."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from ladera.engine import run
from ladera.engine.controls import Controls
from ladera.engine.events import Event, Probed
from ladera.engine.history import History
from ladera.presets.catalog import load
from ladera.tui import look_examples, look_layers
from ladera.tui.blocks import Page, beside, fitted, in_rows, width_of
from ladera.tui.curves import Palette
from ladera.tui.inside import LOOKS, drawn, looks_for
from ladera.tui.scatter import Layer, scatter
from ladera.tui.thumbnails import thumbnail, wave

SIZES = [(1, 1), (20, 5), (40, 10), (76, 18), (118, 34), (198, 54), (300, 100)]
DATA = ("digits", "moons", "diabetes", "noisy-sine", "tones")


@cache
def answered(name: str) -> tuple[History, dict[str, Any]]:
    """A short run of a preset, and the answers to every question at its end."""
    torch.set_num_threads(1)
    settings = (
        ["training.epochs=3", "data.examples=60"]
        if name in ("moons", "noisy-sine", "tones")
        else ["training.epochs=3"]
    )
    if name == "digits":
        settings += ["data.subset=100", "data.augmentation=rotation"]
    controls = Controls()
    page = Page(118, 34)

    def events() -> Iterator[Event]:
        for event in run(load(name, settings), controls, linger=True):
            yield event
            if event.name == "run_ended":
                for look in LOOKS:
                    controls.probe(look.probe, **look.options(page, 0))
                controls.stop()

    told = list(events())
    return History.of(told), {event.probe: event.answer for event in told if isinstance(event, Probed)}


def text(block: list[Any]) -> str:
    return "\n".join(line.plain for line in block)


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("marker", ["braille", "ascii"])
def test_every_look_fits_every_page_and_writes_only_what_the_terminal_can(name: str, marker: Any) -> None:
    history, answers = answered(name)
    for look in looks_for(history):
        for width, height in SIZES:
            page = Page(width, height, marker, Palette(colour=marker != "ascii"))
            block = drawn(look, answers[look.probe], history, page)
            assert "cannot be drawn" not in text(block), (look.probe, width, height, text(block))
            lines = fitted(block, width, height)
            assert len(lines) == height
            assert {line.cell_len for line in lines} == {width}
            if marker == "ascii":
                assert text(block).isascii(), (look.probe, text(block))


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("digits", {"confusion", "calibration", "augmentation"}),
        ("moons", {"confusion", "calibration", "boundary"}),
        ("diabetes", {"predictions"}),
        ("noisy-sine", {"predictions", "fit"}),
        ("tones", {"confusion", "calibration", "spectrogram", "augmentation"}),
    ],
)
def test_a_run_offers_the_looks_that_its_task_and_data_have_an_answer_for(name: str, own: set[str]) -> None:
    history, answers = answered(name)
    offered = {look.probe for look in looks_for(history)}
    assert offered == own | {"layers", "activations", "weights", "rates", "worst"}
    assert all("error" not in answers[probe] for probe in offered)
    assert not looks_for(History())[4:] or all(look.probe != "confusion" for look in looks_for(History()))


def test_an_answer_that_is_an_error_and_one_that_is_broken_are_told_in_words() -> None:
    layers = LOOKS[0]
    page = Page(60, 10)
    assert text(drawn(layers, {"error": "no gradient yet"}, History(), page)) == "no gradient yet"
    assert "cannot be drawn: KeyError" in text(drawn(layers, {}, History(), page))


def test_the_confusion_matrix_shows_every_count_at_its_place_and_names_the_worst_mistake() -> None:
    answer = {
        "classes": ["cat", "dog"],
        "matrix": [[7, 3], [0, 10]],
        "recall": [0.7, 1.0],
        "support": [10, 10],
        "part": "validation",
    }
    lines = text(look_examples.confusion(answer, History(), Page(60, 20))).split("\n")
    assert lines[0] == "3 of 20 validation examples are taken for another class."
    cat, dog = (next(line for line in lines if line.startswith(name)) for name in ("cat", "dog"))
    assert cat.split() == ["cat", "7", "3", "70.0%", "of", "10"]
    assert dog.split() == ["dog", "·", "10", "100.0%", "of", "10"]
    header = next(line for line in lines if line.startswith("true"))
    assert cat.index("3") == header.index("dog") + 2, "a count stands under its class, to the right"
    assert "cat for dog (3×)" in lines[-1]


def test_a_hostile_class_name_stays_text() -> None:
    answer = {
        "classes": ["\x1b]5\x07[red]a", "b\n\nb"],
        "matrix": [[1, 0], [0, 1]],
        "recall": [1.0, None],
        "support": [1, 1],
        "part": "validation",
    }
    shown = text(look_examples.confusion(answer, History(), Page(80, 20)))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "]5[red]a" in shown


def test_predictions_tell_rmse_and_r2() -> None:
    # Errors 1 and -1: RMSE 1, mean 0; around the mean 2 the truth varies by 2, so R² = 1 - 2/2 = 0.
    answer = {"true": [1.0, 3.0], "predicted": [2.0, 2.0], "target": "price", "part": "validation"}
    first = text(look_examples.predictions(answer, History(), Page(80, 20))).split("\n")[0]
    assert first == "validation: RMSE 1.0000, mean error 0.0000, R² 0.0000"
    nan = {**answer, "predicted": [math.nan, math.nan]}
    assert "diverged" in text(look_examples.predictions(nan, History(), Page(80, 20)))


def test_a_histogram_keeps_every_bar_and_says_when_it_cuts_one() -> None:
    page = Page(20, 10)
    block = look_layers.histogram([0.0, 1.0, 2.0, 3.0], [1, 2, 4], 3, 1, page, None)
    assert block[0].plain == "▂▄█"
    assert [line.plain for line in look_layers.histogram([-1, 1], [5], 4, 1, page, None)][1] == "──┬─"
    cut = look_layers.histogram([0.0, 1.0, 2.0], [100, 10], 30, 2, page, None)
    assert cut[0].plain == "▲" * 15 + "█" * 15
    assert "90.9% in the cut bar" in cut[-1].plain
    assert "no finite value" in look_layers.histogram([], [], 30, 2, page, None)[0].plain


def test_rates_that_all_weights_share_are_told_in_words() -> None:
    answer = {
        "shared": True,
        "quantiles": [0, 0.25, 0.5, 0.75, 1],
        "rates": [{"name": "all", "values": [0.01] * 5}],
    }
    assert "0.0100" in text(look_layers.rates(answer, History(), Page(80, 10)))


def test_a_thumbnail_has_a_half_block_for_two_pixels_and_enlarges_small_images() -> None:
    pixels = [[[0.0, 1.0], [1.0, 0.0]]]
    small = thumbnail(pixels, Page(80, 20), most=2)
    assert [line.plain for line in small] == ["▀▀"]
    assert (
        len(thumbnail(pixels, Page(80, 20), most=8)),
        width_of(thumbnail(pixels, Page(80, 20), most=8)),
    ) == (4, 8)
    ascii_one = thumbnail([[[0.0, 1.0], [0.0, 1.0]]], Page(80, 20, "ascii"), most=2)
    assert ascii_one[0].plain == " @"


def test_a_wave_fills_from_the_lowest_to_the_highest_sample() -> None:
    full = wave({"low": [-1.0], "high": [1.0]}, Page(80, 20), 4, 2)
    assert [line.plain for line in full] == ["⣿⣿⣿⣿"] * 2
    middle = wave({"low": [0.0], "high": [0.0]}, Page(80, 20, "ascii"), 3, 3)
    assert [line.plain for line in middle] == ["   ", "***", "   "]


def test_points_stand_where_their_values_are() -> None:
    page = Page(40, 12, "ascii", Palette(colour=False))
    block = scatter(
        page, [Layer("", [0.0, 10.0], [0.0, 10.0], sign="o"), Layer("", [0.0, 10.0], [10.0, 0.0], sign="#")]
    )
    rows = [line.plain[8:] for line in block]
    assert rows[0][0] == "#"
    assert rows[0].rstrip()[-1] == "o"
    assert rows[9][0] == "o"
    assert rows[9].rstrip()[-1] == "#"
    line = scatter(page, [Layer("", [0.0, 10.0], [5.0, 5.0], line=True)])
    assert max(row.plain.count("*") for row in line) == 32, "a line leaves no cell out"
    assert scatter(Page(5, 2), [Layer("", [1.0], [1.0])])[0].cell_len <= 5
    nothing = scatter(page, [Layer("", [math.nan], [1.0])])
    assert all("*" not in row.plain for row in nothing)


def test_blocks_stand_side_by_side_and_flow_into_rows() -> None:
    page = Page(20, 10)
    a, b = [page.line("aa"), page.line("a")], [page.line("b")]
    assert [line.plain for line in beside([a, b], 1)] == ["aa b", "a   "]
    assert [line.plain for line in in_rows([a, b, b], 4, gap=1, between=0)] == ["aa b", "a   ", "b"]
    assert "3 more lines" in fitted([page.line(str(i)) for i in range(5)], 60, 3)[-1].plain


def test_layers_that_are_dead_or_alike_are_marked_as_trouble() -> None:
    row = {"name": "hidden 1", "kind": "relu", "units": 4, "std": 1.0, "rms": 1.0, "gradient": 0.1, "saturated": 0.0,
           "dead": 0.75, "twins": 4, "difference": 0.0, "weight_rms": 0.1, "update_ratio": 1e-3}  # fmt: skip
    line = look_layers.layers({"layers": [row]}, History(), Page(100, 10))[1]
    marked = {line.plain[span.start : span.end].strip() for span in line.spans if "red" in str(span.style)}
    assert marked == {"75.0%", "4"}
    assert "no hidden layers" in text(look_layers.layers({"layers": []}, History(), Page(100, 10)))


def test_a_large_confusion_matrix_becomes_a_picture() -> None:
    classes = [str(i) for i in range(100)]
    matrix = np.eye(100, dtype=int).tolist()
    answer = {
        "classes": classes,
        "matrix": matrix,
        "recall": [1.0] * 100,
        "support": [1] * 100,
        "part": "validation",
    }
    assert "Rows are true classes" in text(look_examples.confusion(answer, History(), Page(120, 40)))
