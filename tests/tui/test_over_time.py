"""Measurements at few epochs: each a point in a column of its own, told apart without colour."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest

from ladera.engine.events import LayersProbed
from ladera.engine.history import History
from ladera.tui import look_layers, look_weights
from ladera.tui.blocks import Page
from ladera.tui.curves import Palette
from ladera.tui.over_time import Track, over_time


def drawn(
    labels: list[str], tracks: list[Track], width: int = 60, height: int = 12, **options: Any
) -> list[str]:
    page = Page(width, height, "ascii", Palette(colour=False))
    return [line.plain for line in over_time(page, labels, tracks, width, height, **options)]


def at(lines: list[str], sign: str) -> list[tuple[int, int]]:
    """Row from the top and column of every point of a layer, right of the axis."""
    return [
        (row, column)
        for row, line in enumerate(lines[:-2])
        for column, one in enumerate(line)
        if one == sign and column > 7
    ]


def test_points_stand_under_their_epochs_evenly_spaced() -> None:
    epochs = [0, 1, 2, 4, 8, 16]
    lines = drawn([str(epoch) for epoch in epochs], [Track("A", None, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])])
    assert lines[-1].split() == ["epoch", *map(str, epochs)]
    points = sorted(at(lines, "A"), key=lambda place: place[1])
    columns = [column for _, column in points]
    assert len(columns) == 6
    assert {b - a for a, b in pairwise(columns)} <= {8, 9}  # 52 cells for 6 columns
    assert columns == [lines[-1].index(f" {epoch}") + 1 for epoch in epochs[:5]] + [columns[5]]
    rows = [row for row, _ in points]
    assert rows == sorted(rows, reverse=True), "rising values rise"


def test_one_point_alone_is_a_point_under_its_epoch_and_no_axis_is_made_up() -> None:
    lines = drawn(["0"], [Track("A", None, [0.3])])
    assert len(at(lines, "A")) == 1
    assert lines[-1].split() == ["epoch", "0"]
    assert not any("-0.5" in line for line in lines)


def test_layers_that_agree_stand_beside_each_other() -> None:
    lines = drawn(["0", "1"], [Track(sign, None, [1.0, 2.0]) for sign in "123"])
    assert sum(line.count("123") for line in lines) == 2
    many = drawn([str(i) for i in range(12)], [Track(sign, None, [1.0] * 12) for sign in "123456789"])
    assert any("1-9" in line for line in many), "more than there is room for: the first and the last"


def test_values_that_have_no_place_on_a_logarithmic_axis() -> None:
    lines = drawn(["0", "1", "2", "4"], [Track("A", None, [1.0, 0.0, None, math.nan])], log=True)
    rows = {row for row, _ in at(lines, "A")}
    assert len(at(lines, "A")) == 2
    assert max(rows) == len(lines) - 3, "zero lies on the axis"
    assert "x" in lines[-2], "what is not finite is marked"
    assert "nothing measured yet" in "".join(drawn(["0"], [Track("A", None, [None])]))
    zeros = drawn(["0", "1"], [Track("A", None, [0.0, 0.0])], log=True)
    assert len(at(zeros, "A")) == 2


def test_an_axis_of_shares_begins_at_nothing() -> None:
    lines = drawn(["0", "1"], [Track("A", None, [0.0, 0.3])], tops=(0.1, 0.5, 1.0))
    # To 0.5, the first end that is high enough: 0.3 of it lies two fifths of the ten rows below the top.
    assert sorted(row for row, _ in at(lines, "A")) == [4, 9]


@pytest.mark.parametrize("size", [(1, 1), (24, 5), (30, 7), (300, 100)])
def test_every_size(size: tuple[int, int]) -> None:
    labels = [str(2**i) for i in range(20)]
    lines = drawn(labels, [Track("A", None, [float(i) for i in range(20)])], *size)
    assert not lines or ({len(line) for line in lines} == {size[0]} and len(lines) == size[1])


# -- the layers -------------------------------------------------------------------------------------------------------


def row(kind: str = "relu", **changes: Any) -> dict[str, Any]:
    values = {"name": "hidden 1", "kind": kind, "units": 8, "std": 1.0, "rms": 1.0, "gradient": 0.1, "saturated": 0.25,
              "dead": 0.5, "twins": 1, "difference": 0.1, "weight_rms": 0.1, "update_ratio": 1e-3, "rate": 0.01}  # fmt: skip
    return {**values, **changes}


def history_of(script: Any, tables: list[list[dict[str, Any]]]) -> History:
    probes = [
        LayersProbed(epoch=epoch, step=10 * epoch, layers_health=tuple(table))
        for epoch, table in zip((0, 1, 2, 4, 8), tables, strict=False)
    ]
    return History.of([*script.events(), *probes])


def shown(block: list[Any]) -> str:
    return "\n".join(line.plain for line in block)


def test_all_four_measures_are_drawn_or_a_key_away(script: Any) -> None:
    history = history_of(script, [[row()], [row()]])
    titles = [measure.title for measure in look_layers.MEASURES]
    assert len(titles) == 4
    answer = {"layers": [row()]}
    assert all(title in shown(look_layers.layers(answer, history, Page(118, 36))) for title in titles)
    for width, height in ((118, 20), (78, 17), (58, 30)):
        seen: list[str] = []
        at_once = look_layers.measures_at_once(Page(width, height), 1)
        for at in range(-(-4 // at_once)):
            page = shown(look_layers.layers(answer, history, Page(width, height, at=at)))
            seen += [title for title in titles if title in page]
        assert seen == titles, (width, height)


def test_dead_is_for_relu_saturated_for_what_can_saturate(script: Any) -> None:
    stuck = look_layers.MEASURES[3].value
    assert (stuck(row()), stuck(row("tanh")), stuck(row("sigmoid"))) == (0.5, 0.25, 0.25)
    assert stuck(row("gelu")) is None
    history = history_of(script, [[row("gelu")], [row("gelu")]])
    assert "gelu units neither die nor saturate" in shown(look_layers.layers({}, history, Page(118, 36)))


def test_the_log_alone_gives_table_and_curves_and_an_answer_adds_its_moment(script: Any) -> None:
    history = history_of(script, [[row(std=0.5)], [row(std=0.25)]])
    logged = shown(look_layers.layers({}, history, Page(118, 36)))
    assert "0.2500" in logged.split("\n")[1], "the last that was measured"
    assert "best" not in logged
    asked = shown(look_layers.layers({"layers": [row(std=0.75)]}, history, Page(118, 36, moment="best")))
    assert "0.7500" in asked.split("\n")[1]
    assert asked.count("best") >= 4, "under each chart, and explained"
    unknown = shown(
        look_layers.layers({"layers": [row(update_ratio=None, rate=None)]}, history, Page(118, 36))
    )
    assert unknown.split("\n")[1].split()[6] == "-", "an update that nobody can foretell"


def test_columns_give_way_in_their_order_and_none_is_cut(script: Any) -> None:
    history = history_of(script, [[row("leaky-relu")], [row("leaky-relu")]])
    for width, kept in ((118, 9), (78, 9), (64, 7), (50, 5), (30, 3)):
        head, line = shown(look_layers.layers({}, history, Page(width, 20))).split("\n")[:2]
        assert len(head.split()) == kept, (width, head)
        assert len(line.rstrip()) <= width


def test_rates_are_drawn_over_the_epochs_from_the_log(script: Any) -> None:
    history = history_of(script, [[row(rate=None)], [row(rate=0.01)], [row(rate=0.02)]])
    shared = {"shared": True, "quantiles": [], "rates": [{"name": "all", "values": [0.01] * 5}]}
    page = shown(look_weights.rates(shared, history, Page(80, 30)))
    assert "Median rate of the weights into each hidden layer" in page
    assert page.count("1") > 2
    older = history_of(script, [[{k: v for k, v in row().items() if k != "rate"}]])
    assert "Median rate" not in shown(look_weights.rates(shared, older, Page(80, 30))), "a log without rates"
