"""Looks inside, drawn from answers that the engine really gave and from answers made up by hand; no app."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from ladera.engine import run
from ladera.engine.controls import Controls
from ladera.engine.events import Event, LayersProbed, Probed
from ladera.engine.history import History
from ladera.presets.catalog import load
from ladera.tui import look_classes, look_examples, look_layers, look_plane, look_weights
from ladera.tui.blocks import Page, beside, fitted, in_rows, width_of
from ladera.tui.curves import Palette
from ladera.tui.histograms import histogram
from ladera.tui.inside import LOOKS, asked, drawn, looks_for, parts
from ladera.tui.scatter import Layer, scatter
from ladera.tui.thumbnails import arrange, thumbnail, wave

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
        history = History()
        for event in run(load(name, settings), controls, linger=True):
            history.apply(event)
            yield event
            if event.name == "run_ended":
                for look in LOOKS:
                    controls.probe(look.probe, **look.options(page, history))
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
        for (width, height), at in product(SIZES, (0, 1)):
            page = Page(width, height, marker, Palette(colour=marker != "ascii"), at=at)
            look.options(page, history)
            assert look.parts is None or look.parts.count(page, history) >= 1
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
        ("digits", {"confusion", "calibration", "augmentation", "surprise"}),
        ("moons", {"confusion", "calibration", "boundary", "surprise"}),
        ("diabetes", {"predictions"}),
        ("noisy-sine", {"predictions", "fit"}),
        ("tones", {"confusion", "calibration", "spectrogram", "augmentation", "surprise"}),
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
    rates = LOOKS[3]
    assert text(drawn(rates, {"error": "no gradient yet"}, History(), page)) == "no gradient yet"
    assert "cannot be drawn: KeyError" in text(drawn(rates, {}, History(), page))
    # The layers have something to show without an answer: what the log tells.
    history = answered("moons")[0]
    shown = text(drawn(layers, {"error": "the data are gone"}, history, Page(100, 30)))
    assert shown.startswith("the data are gone")
    assert "hidden 1" in shown


def test_the_confusion_matrix_shows_every_count_at_its_place_and_names_the_worst_mistake() -> None:
    answer = {
        "classes": ["cat", "dog"],
        "matrix": [[7, 3], [0, 10]],
        "recall": [0.7, 1.0],
        "support": [10, 10],
        "part": "validation",
    }
    lines = text(look_classes.confusion(answer, History(), Page(60, 20))).split("\n")
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
    shown = text(look_classes.confusion(answer, History(), Page(80, 20)))
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
    block = histogram([0.0, 1.0, 2.0, 3.0], [1, 2, 4], 3, 1, page, None)
    assert block[0].plain == "▂▄█"
    assert [line.plain for line in histogram([-1, 1], [5], 4, 1, page, None)][1] == "──┬─"
    cut = histogram([0.0, 1.0, 2.0], [100, 10], 30, 2, page, None)
    assert cut[0].plain == "▲" * 15 + "█" * 15
    assert "90.9% in the cut bar" in cut[-1].plain
    assert "no finite value" in histogram([], [], 30, 2, page, None)[0].plain


def test_rates_that_all_weights_share_are_told_in_words() -> None:
    answer = {
        "shared": True,
        "quantiles": [0, 0.25, 0.5, 0.75, 1],
        "rates": [{"name": "all", "values": [0.01] * 5}],
    }
    assert "0.0100" in text(look_weights.rates(answer, History(), Page(80, 10)))


def test_a_thumbnail_has_a_half_block_for_two_pixels_and_enlarges_small_images() -> None:
    pixels = [[[0.0, 1.0], [1.0, 0.0]]]
    small = thumbnail(pixels, Page(80, 20))
    assert [line.plain for line in small] == ["▀▀"]
    large = thumbnail(pixels, Page(80, 20), factor=4)
    assert (len(large), width_of(large)) == (4, 8)
    column = [[[0.0, 1.0], [0.0, 1.0]]]
    assert thumbnail(column, Page(80, 20, "ascii"))[0].plain == " @"
    # What is bright is left blank on a light ground: the picture is no negative.
    assert thumbnail(column, Page(80, 20, "ascii", light=True))[0].plain == "@ "
    assert thumbnail(column, Page(80, 20, colours="16"))[0].plain == " █"


def test_pictures_are_as_large_as_leaves_room_for_those_that_are_wanted() -> None:
    # 8 x 8 pixels: at factor 2 a picture takes 16 cells and 8 + 1 lines, at factor 3 24 cells and 12 + 1 lines.
    assert arrange(Page(80, 24), (1, 8, 8), 8, head=2, caption=1) == (2, 8)
    assert arrange(Page(80, 24), (1, 8, 8), 3, head=2, caption=1) == (3, 3)
    # Nothing is enlarged where not even the smallest all find room, nor what is large already.
    assert arrange(Page(80, 24), (1, 8, 8), 99, head=2, caption=1)[0] == 1
    assert arrange(Page(200, 60), (3, 64, 64), 9, head=2, caption=1)[0] == 1


def test_a_wave_fills_from_the_lowest_to_the_highest_sample() -> None:
    full = wave({"low": [-1.0], "high": [1.0]}, Page(80, 20), 4, 2)
    assert [line.plain for line in full] == ["⣿⣿⣿⣿"] * 2
    middle = wave({"low": [0.0], "high": [0.0]}, Page(80, 20, "ascii"), 3, 3)
    assert [line.plain for line in middle] == ["   ", "***", "   "]


def test_points_stand_where_their_values_are() -> None:
    page = Page(40, 12, "ascii", Palette(colour=False))
    crossed = [Layer("", [0.0, 10.0], [0.0, 10.0], sign="o"), Layer("", [0.0, 10.0], [10.0, 0.0], sign="#")]
    block = scatter(page, crossed, 40, 12)
    rows = [line.plain[8:] for line in block]
    assert rows[0][0] == "#"
    assert rows[0].rstrip()[-1] == "o"
    assert rows[9][0] == "o"
    assert rows[9].rstrip()[-1] == "#"
    line = scatter(page, [Layer("", [0.0, 10.0], [5.0, 5.0], line=True)], 40, 12)
    assert max(row.plain.count("*") for row in line) == 32, "a line leaves no cell out"
    assert scatter(Page(5, 2), [Layer("", [1.0], [1.0])], 5, 2)[0].cell_len <= 5
    nothing = scatter(page, [Layer("", [math.nan], [1.0])], 40, 12)
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
    assert "Rows are true classes" in text(look_classes.confusion(answer, History(), Page(120, 40)))


def test_kinds_of_points_are_told_apart_where_no_colour_does_it() -> None:
    layers = [Layer("train", [0.0], [0.0], glyph="·"), Layer("validation", [1.0], [1.0], glyph="○")]
    for page in (Page(40, 12, palette=Palette(colour=False)), Page(40, 12, colours="16")):
        block = text(scatter(page, layers, 40, 12))
        assert "· train, ○ validation" in block
        assert block.count("·") == block.count("○") == 2, "one in the legend, one at its place"
    many = np.linspace(0, 1, 500).tolist()
    crowd = [Layer("a", many, many, glyph="○"), Layer("b", many, many[::-1], glyph="·")]
    assert "○" not in text(scatter(Page(40, 12), crowd, 40, 12)), "too many for glyphs: dots in two colours"
    assert "○" in text(scatter(Page(40, 12, colours="16"), crowd, 40, 12))


def test_every_confidence_is_shown_with_how_much_its_count_proves() -> None:
    # Wilson's interval at 1.96: of 1 in 1 from 0.21 on; of 90 in 100 from 0.826 to 0.945; of 10 in 100 from 0.055 to 0.174.
    bins = [
        {"count": 1, "confidence": 0.3, "accuracy": 1.0},
        {"count": 100, "confidence": 0.88, "accuracy": 0.9},
        {"count": 100, "confidence": 0.95, "accuracy": 0.1},
        {"count": 0, "confidence": None, "accuracy": None},
    ]
    answer = {"bins": bins, "error_mean": 0.018, "of": "predicted class", "part": "validation"}
    for width in (60, 80, 120):
        block = look_classes.calibration(answer, History(), Page(width, 30))
        lines = text(block).split("\n")
        assert "1.8 percentage points apart, on average over the validation examples." in " ".join(lines)
        assert all(len(line) <= width for line in lines), "nothing is cut"
        one, sure, wrong = lines[-3:]
        assert (one.split()[:2], one.split()[-1]) == (["30.0%", "100.0%"], "1")
        assert sure.split()[-1] == "100"
        assert wrong.rstrip().endswith("100  too sure")
        assert one.count("─") > 2 * sure.count("─") > 0, "one example proves little"
        assert "too" not in one
    assert look_classes._interval(0.9, 100) == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert look_classes._interval(1.0, 1) == pytest.approx((0.2065, 1.0), abs=1e-4)


def test_the_worst_of_a_regression_tell_the_error_and_no_empty_column() -> None:
    example = {
        "index": 3,
        "loss": 4.0,
        "target": 10.0,
        "predicted": 12.0,
        "probability": None,
        "values": {"age": 61.0},
    }
    answer = {"examples": [example], "form": "table", "part": "validation"}
    head, row = text(look_examples.worst(answer, History(), Page(80, 20))).split("\n")[-2:]
    assert head.split() == ["index", "loss", "true", "predicted", "error", "age"]
    assert row.split() == ["3", "4.0000", "10.000", "12.000", "+2.0000", "61"]
    many = {**example, "values": {f"feature {i}": 1.5 for i in range(30)}}
    head = text(look_examples.worst({**answer, "examples": [many]}, History(), Page(80, 20))).split("\n")[-2]
    assert head.rstrip().endswith("+ 28 more")


PLANE = {
    "x": [0.0, 1.0], "y": [0.0, 1.0], "features": ["a", "b"], "classes": ["inner", "outer"],
    "values": [[0.0, 1.0], [0.0, 1.0]], "points": {"train": {"x": [0.0], "y": [0.0], "target": [1]}},
    "units": {"name": "hidden 1", "kind": "tanh", "layers": 1, "first": 8, "of": 64, "maps": [[[-1.0, 1.0], [-1.0, 1.0]]] * 8},
}  # fmt: skip


@pytest.mark.parametrize(
    ("page", "words", "others"),
    [
        (Page(120, 30), ("■ inner", "points are examples", "orange is above 0, blue below"), ("capitals", "#")),
        (Page(120, 30, colours="16"), ("a A inner", "capitals are examples", "+ and # are above 0"), ("orange", "■")),
        (Page(120, 30, palette=Palette(colour=False)), ("a A inner", "capitals are examples"), ("orange", "■")),
        (Page(120, 30, "ascii"), ("a A inner", "+ and # are above 0"), ("orange",)),
    ],
)  # fmt: skip
def test_the_words_at_a_plane_follow_what_the_terminal_shows(
    page: Page, words: tuple[str, ...], others: tuple[str, ...]
) -> None:
    shown = text(look_plane.boundary(PLANE, History(), page))
    assert "hidden 1 (tanh): units 9-16 of 64" in shown
    for one in words:
        assert one in shown
    for one in others:
        assert one not in shown
    if "a A inner" in words:
        # Left is the first class, right the second; the one example, of the second, lies at the lower left.
        rows = [line[:60] for line in shown.split("\n")]
        assert rows[5].startswith("aaa")
        assert rows[5].rstrip().endswith("bbb")
        assert rows[-2].startswith("Baa")


def test_units_are_paged_through_layer_by_layer(script: Any) -> None:
    rows = [{"name": f"hidden {i + 1}", "kind": "relu", "units": units} for i, units in enumerate((20, 5))]
    history = History.of([*script.events(), LayersProbed(epoch=8, step=80, layers_health=tuple(rows))])
    page = Page(120, 34)
    shown: list[tuple[int, range]] = []
    for at in range(look_plane.boundary_pages(page, history)):
        options = look_plane.boundary_options(replace(page, at=at), history)
        shown.append((options["layer"], range(options["first"], options["first"] + options["units"])))
    first = [units for layer, units in shown if layer == 0]
    assert sum(layer == 1 for layer, _ in shown) == 1
    assert {unit for units in first for unit in units} >= set(range(20)), "every unit has its page"
    # A narrow window shows the plane first, and units on the pages behind it.
    narrow = Page(80, 17)
    assert look_plane.boundary_options(narrow, history)["units"] == 0
    assert look_plane.boundary_options(replace(narrow, at=1), history)["units"] > 0
    assert "hidden 1" not in text(look_plane.boundary(PLANE, history, narrow))
    assert "units 9-16 of 64 · [ ] pages" in text(look_plane.boundary(PLANE, history, replace(narrow, at=1)))


def test_a_spectrogram_says_what_its_shades_mean() -> None:
    answer = {
        "decibels": [[-80.0, 0.0], [-80.0, -80.0]], "frequencies": [0.0, 0.5], "times": [0.0, 512.0],
        "samples": 512, "target": "low",
    }  # fmt: skip
    look = next(look for look in LOOKS if look.probe == "spectrogram")
    assert "dark is silent, light is loud" in text(drawn(look, answer, History(), Page(80, 20)))
    assert "blank is silent, @ is loud" in text(drawn(look, answer, History(), Page(80, 20, "ascii")))
    plain = Page(80, 20, palette=Palette(colour=False))
    assert "blank is silent, █ is loud" in text(drawn(look, answer, History(), plain))


def test_optimizers_are_written_as_the_field_writes_them() -> None:
    answer = {"shared": True, "quantiles": [], "rates": [{"name": "all", "values": [0.01] * 5}]}
    assert "AdaGrad, RMSProp and Adam" in text(look_weights.rates(answer, History(), Page(80, 10)))


@pytest.mark.parametrize("odd", [None, -1, "x", {}, 10**400, math.nan, "\x1b]52;c;QUJD\x07[bold]"])
def test_a_log_from_elsewhere_neither_raises_nor_drives_the_terminal(script: Any, odd: Any) -> None:
    row = {"name": "hidden 1", "kind": "relu", "units": 4, "std": 1.0, "gradient": 0.1, "saturated": 0.0, "dead": 0.5,
           "twins": 4, "update_ratio": 1e-3, "rate": 0.1}  # fmt: skip
    for key in row:
        probe = LayersProbed(epoch=8, step=80, layers_health=({**row, key: odd},))
        history = History.of([*script.events(shape=(2,)), probe])
        for look in looks_for(history):
            for page in (Page(118, 34), Page(78, 17, at=1)):
                asked(look, page, history)
                assert parts(look, page, history) >= 1
                shown = text(drawn(look, {}, history, page))
                assert "\x1b" not in shown
                assert "\x07" not in shown
