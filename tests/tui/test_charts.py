"""Charts: the picture at five sizes, odd data, hostile labels, colours and bytes, and the contract with plotext.

The expected pictures were looked at before they were stored; after a wanted change run the tests once with
LADERA_STORE_CHARTS=1 and look at them again.
"""

from __future__ import annotations

import io
import math
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import plotext
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ladera.tui import charts
from ladera.tui.charts import Band, Chart, ChartSpec, Curve, Mark, Palette
from ladera.tui.curves import Marker

STORED = Path(__file__).parent / "charts"
SIZES = [(40, 10), (80, 12), (88, 17), (120, 30), (200, 50)]
MARKERS: list[Marker] = ["braille", "block", "ascii"]
SGR = re.compile(r"\x1b\[[0-9;]*m")


def training_chart(width: int, height: int, **changes: object) -> ChartSpec:
    """A run of 36 epochs: training with a spike in its envelope, validation with its best at 17."""
    x = np.arange(36.0)
    train = 2.3 / (1 + x) + 0.02
    high = train * 1.2
    high[24] = 1.5
    validation = 2.3 / (1 + x) + 0.1 + 0.004 * np.maximum(0, x - 17)
    fields: dict[str, object] = {
        "curves": (
            Curve("train", x, train, train * 0.8, high, colour="#4f9dde", style="dim"),
            Curve("validation", x, validation, colour="#4f9dde"),
        ),
        "marks": (
            Mark(17, "best 0.2278 @ 17", "best"),
            Mark(27, "would stop @ 27", "stop"),
            Mark(5, "lr 0.0005", "command"),
        ),
        "bands": (Band(0.2178, 0.2278, 17, 27),),
        "title": "Loss",
        "y_label": "log y",
        "x_label": "epoch",
        "log_y": True,
    }
    return ChartSpec(width, height, **(fields | changes))  # type: ignore[arg-type]


def assert_fits(lines: list[Text], width: int, height: int) -> None:
    assert len(lines) == height
    assert all(cell_len(line.plain) == width for line in lines)


def written(lines: list[Text]) -> str:
    """What a terminal with 24-bit colour is sent for these lines."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="truecolor", width=400, no_color=False)
    for line in lines:
        console.print(line, end="\n", soft_wrap=True)
    return file.getvalue()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("marker", MARKERS)
def test_the_picture(size: tuple[int, int], marker: Marker) -> None:
    picture = Chart().plain(training_chart(*size, marker=marker))
    path = STORED / f"{marker}_{size[0]}x{size[1]}.txt"
    if os.environ.get("LADERA_STORE_CHARTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(picture + "\n", encoding="utf-8")
    assert picture + "\n" == path.read_text(encoding="utf-8")


def test_a_picture_of_many_runs_has_a_name_for_each() -> None:
    x = np.arange(10.0)
    runs = tuple(Curve(f"run {i}", x, x * 0 + i, colour="red") for i in range(9))
    picture = Chart().plain(ChartSpec(80, 14, runs)).splitlines()
    for i in range(9):
        rows = [r for r, line in enumerate(picture) if line.rstrip().endswith(f"run {i}")]
        assert len(rows) == 1
    assert max(cell_len(line) for line in picture) == 80


# Size and odd data


def test_no_size_raises() -> None:
    chart = Chart()
    for width in [*range(1, 32), 59, 60, 61, 88, 300]:
        for height in [*range(1, 12), 30, 100]:
            if width * height <= 6000 or (width, height) == (300, 100):
                for marker in MARKERS if height < 8 else MARKERS[:1]:
                    lines = chart.render(training_chart(width, height, marker=marker))
                    assert_fits(lines, width, height)
                    assert "unavailable" not in "".join(line.plain for line in lines)
    assert chart.render(training_chart(0, 5)) == []
    assert chart.render(training_chart(5, -1)) == []


def test_a_chart_too_small_for_axes_is_one_line() -> None:
    lines = Chart().plain(training_chart(23, 4)).splitlines()
    assert lines[0] == "validation 0.2359, tra…"
    assert not "".join(lines[1:]).strip()


ODD: dict[str, tuple[list[float], list[float]]] = {
    "empty": ([], []),
    "one point": ([3], [0.5]),
    "one nan": ([3], [math.nan]),
    "constant": ([0, 1, 2], [7, 7, 7]),
    "nan": ([0, 1, 2, 3], [1, math.nan, 2, 3]),
    "infinite": ([0, 1, 2, 3], [1, math.inf, -math.inf, 3]),
    "huge": ([0, 1, 2], [1e308, -1e308, 0]),
    "subnormal": ([0, 1, 2], [5e-324, 1e-310, 0]),
    "subnormal x": ([0, 5e-324, 1e-310], [0, 1, 2]),
    "huge x": ([-1e308, 0, 1e308], [0, 1, 2]),
    "zeros": ([0, 1, 2], [1, 0, 2]),
    "negative": ([0, 1, 2], [-1, -0.5, 2]),
    "nan x": ([math.nan, 1, 2], [1, 2, 3]),
    "backwards x": ([2, 1, 0], [1, 2, 3]),
    "one x": ([1, 1, 1], [1, 2, 3]),
}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("log", [False, True])
def test_odd_data(case: str, log: bool) -> None:
    x, y = ODD[case]
    for marker in MARKERS:
        curves = (Curve("a", x, y, y, [v * 2 for v in y]), Curve("b", x, y, style="dim"))
        marks = tuple(Mark(v, "here", "best") for v in (math.nan, math.inf, -1e308, 5e-324, *x))
        bands = (
            Band(math.nan, 1, 0, 1),
            Band(-math.inf, math.inf, -math.inf, math.inf),
            Band(0, 1e308, 0, 1),
        )
        spec = ChartSpec(70, 12, curves, marks, bands, log_y=log, marker=marker)
        lines = Chart().render(spec)
        assert_fits(lines, 70, 12)
        assert "unavailable" not in "".join(line.plain for line in lines)


NUMBERS = st.floats() | st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324, math.nan, math.inf])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=12),
    st.tuples(st.integers(1, 120), st.integers(1, 30)),
    st.sampled_from(MARKERS),
    st.booleans(),
    st.none() | st.tuples(NUMBERS, NUMBERS),
    st.text(max_size=20),
)
def test_anything_can_be_asked_for(rows, size, marker, log, span, label) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    curve = Curve(label, *columns, style="dim", nonfinite=columns[1])
    marks = tuple(
        Mark(x, label, kind) for x, kind in zip(columns[0], ("stop", "check", "cursor"), strict=False)
    )
    spec = ChartSpec(
        *size,
        (curve, curve),
        marks,
        title=label,
        log_y=log,
        marker=marker,
        y_range=span,
        x_range=span,
        x_label=label,
    )
    lines = Chart().render(spec)
    assert_fits(lines, *size)
    assert "unavailable" not in "".join(line.plain for line in lines)


def test_curves_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="as long as x"):
        Curve("a", [1, 2], [1])
    with pytest.raises(ValueError, match="as long as x"):
        Curve("a", [1, 2], [1, 2], low=[1])


# What is drawn where


def canvas(picture: str) -> list[str]:
    """The rows between the axes, without the tick labels."""
    return [line[8:] for line in picture.splitlines() if line[7:8] in "│┤"]


def test_a_spike_in_the_envelope_reaches_its_value() -> None:
    x = np.arange(500.0)
    flat = np.full(500, 1.0)
    high = flat.copy()
    high[250] = 10.0
    spec = ChartSpec(
        80, 12, (Curve("train", x, flat, flat, high, style="dim"),), y_range=(0, 10), x_range=(0, 499)
    )
    rows = canvas(Chart().plain(spec))
    middle = next(i for i, glyph in enumerate(rows[0]) if glyph != " ")
    assert middle == pytest.approx(250 / 499 * (80 - 8 - 8), abs=1)
    assert all(row[middle] != " " for row in rows[:-1])


def test_values_that_are_not_finite_break_the_line_and_are_marked_on_the_axis() -> None:
    x = np.arange(11.0)
    y = np.full(11, 0.5)
    y[4] = math.nan
    spec = ChartSpec(58, 8, (Curve("a", x, y, nonfinite=(8,)),), x_range=(0, 10), y_range=(0, 1))
    picture = Chart().plain(spec).splitlines()
    axis = next(line for line in picture if "└" in line)
    width = 58 - 8
    marked = [i - 8 for i, glyph in enumerate(axis) if glyph == "×"]
    assert marked == [pytest.approx(0.4 * (width - 1), abs=1), pytest.approx(0.8 * (width - 1), abs=1)]
    row = next(line[8:] for line in picture if any("⠀" < c <= "⣿" for c in line[8:]))
    assert row[marked[0]] == " "  # epochs 3 and 5 are not joined over 4
    assert row[marked[0] - 6] != " "
    assert "× not finite" in picture[0]


def test_a_zero_lies_below_a_logarithmic_axis_and_the_chart_says_so() -> None:
    """A loss of exactly 0, as float32 gives it for a sure answer, must not press the rest of the curve flat."""
    x = np.arange(5.0)
    spec = ChartSpec(80, 12, (Curve("a", x, [10.0, 1.0, 0.1, 0.0, 0.01]),), log_y=True)
    picture = Chart().plain(spec)
    assert "0 lies below" in picture and "linear y" not in picture
    without = ChartSpec(80, 12, (Curve("a", x[[0, 1, 2, 4]], [10.0, 1.0, 0.1, 0.01]),), log_y=True)
    ticks = [
        [line.split("┤")[0].strip() for line in Chart().plain(one).splitlines() if "┤" in line]
        for one in (spec, without)
    ]
    assert ticks[0] == ticks[1]
    assert "0 lies below" not in Chart().plain(without)
    nothing = ChartSpec(80, 12, (Curve("a", x, [0.0] * 5),), log_y=True)
    assert "linear y" in Chart().plain(nothing)


def test_a_logarithm_of_a_negative_number_is_not_asked_for_and_the_chart_says_so() -> None:
    x = np.arange(5.0)
    good, bad = Curve("a", x, [5, 4, 3, 2, 1]), Curve("b", x, [5, 4, 3, 2, -1])
    assert "linear y" not in Chart().plain(ChartSpec(80, 12, (good,), log_y=True))
    picture = Chart().plain(ChartSpec(80, 12, (good, bad), log_y=True))
    assert "linear y: a logarithm needs values above 0" in picture
    assert (
        picture.splitlines()[1:] == Chart().plain(ChartSpec(80, 12, (good, bad), title="-")).splitlines()[1:]
    )


def test_lines_end_in_their_name_and_last_value() -> None:
    lines = Chart().plain(training_chart(88, 17)).splitlines()
    for name, value in (("validation", 2.3 / 36 + 0.1 + 0.004 * 18), ("train", 2.3 / 36 + 0.02)):
        row = next(i for i, line in enumerate(lines) if line.rstrip().endswith(name))
        assert lines[row + 1].rstrip().endswith(f"{value:.4f}")
    said = Curve("loss", [0, 1], [1, 2], last=0.5)
    assert "loss 0.5000" in Chart().plain(ChartSpec(40, 10, (said,)))


def test_marks_stand_at_their_epoch_and_their_labels_hide_no_curve() -> None:
    with_marks = canvas(Chart().plain(training_chart(88, 17, bands=())))
    without = canvas(Chart().plain(training_chart(88, 17, bands=(), marks=())))
    width = 88 - 8 - 11
    for x, glyph, label in (
        (17, "┊", "best 0.2278 @ 17"),
        (27, "┊", "would stop @ 27"),
        (5, "╎", "lr 0.0005"),
    ):
        column = round(x / 40 * (2 * width - 1)) // 2
        assert sum(row[column] == glyph for row in with_marks) >= 5
        assert any(label in row for row in with_marks)
    for drawn, bare in zip(with_marks, without, strict=True):
        assert all(a == b for a, b in zip(drawn, bare, strict=True) if b != " ")


def test_a_check_is_a_tick_on_the_axis() -> None:
    picture = Chart().plain(training_chart(88, 17, marks=(Mark(13, "", "check"),), bands=()))
    assert sum("┴" in line for line in picture.splitlines()) == 1


def test_the_band_is_shaded_from_mark_to_mark() -> None:
    spec = ChartSpec(
        80, 22, (Curve("a", [0, 10], [0, 0]),), bands=(Band(4, 8, 2, 5),), x_range=(0, 10), y_range=(0, 10)
    )
    rows = [i for i, row in enumerate(canvas(Chart().plain(spec))) if "░" in row]
    shaded = canvas(Chart().plain(spec))[rows[0]]
    assert (rows[0], rows[-1]) == (pytest.approx(20 * 0.2, abs=1), pytest.approx(20 * 0.6, abs=1))
    assert (shaded.index("░"), shaded.rindex("░")) == (
        pytest.approx(0.2 * 64, abs=1),
        pytest.approx(0.5 * 64, abs=1),
    )


def test_an_empty_chart_says_what_will_appear() -> None:
    picture = Chart().plain(ChartSpec(80, 12, empty="press r: both curves appear here"))
    assert "press r: both curves appear here" in picture
    only_nan = ChartSpec(80, 12, (Curve("a", [1], [math.nan]),))
    assert "no finite value to draw" in Chart().plain(only_nan)


def test_tick_labels_have_one_width_whatever_the_values() -> None:
    for scale in (1e-12, 1e-3, 1.0, 12_345.0, 1e9, 1e300):
        curve = Curve("a", [0, 1, 2], [-scale, 0.0, scale])
        assert all(
            line[7] in "│┤└ "
            for line in Chart().plain(ChartSpec(80, 12, (curve,), title="t")).splitlines()[1:-1]
        )


def test_the_axis_stays_while_the_curve_grows_inside_it() -> None:
    chart = Chart()
    chart.render(ChartSpec(80, 12, (Curve("a", [0, 30], [0.1, 0.9]),)))
    before = chart.plain(ChartSpec(80, 12, (Curve("a", [0, 20], [0.1, 0.5]),))).splitlines()
    after = chart.plain(ChartSpec(80, 12, (Curve("a", [0, 28], [0.1, 0.95]),))).splitlines()
    assert [line[:8] for line in before] == [line[:8] for line in after]
    assert before[-2:] == after[-2:]
    chart.reset()
    fresh = chart.plain(ChartSpec(80, 12, (Curve("a", [0, 20], [0.1, 0.5]),))).splitlines()
    assert fresh[-1] != before[-1]


# Text, colours and bytes


HOSTILE = "\x1b]52;c;QQ==\x07\x1b[2Jx\x9b31m\u202egnp\n[bold]a[/b]c[link=http://x]\ud800\x00"


@pytest.mark.parametrize("marker", MARKERS)
@pytest.mark.parametrize("size", [(20, 3), (40, 10), (88, 17)])
def test_hostile_labels_come_out_clean(size: tuple[int, int], marker: Marker) -> None:
    curve = Curve(HOSTILE, [0, 1], [1, math.nan], colour=HOSTILE)
    spec = ChartSpec(
        *size, (curve,), (Mark(1, HOSTILE, "best"),), title=HOSTILE, x_label=HOSTILE, y_label=HOSTILE, empty=HOSTILE,
        marker=marker, palette=Palette(best=HOSTILE, axis="no such colour"),
    )  # fmt: skip
    lines = Chart().render(spec)
    assert_fits(lines, *size)
    assert all(c.isprintable() for line in lines for c in line.plain)
    assert all(c.isprintable() for c in SGR.sub("", written(lines)).replace("\n", ""))
    if size == (88, 17):
        assert "[bold]" in "".join(line.plain for line in lines)  # markup is text like any other


def test_ascii_is_seven_bit() -> None:
    spec = training_chart(88, 17, marker="ascii", title="pérdida θ", x_label="época")
    picture = Chart().plain(spec)
    assert picture.isascii()
    assert "perdida ?" in picture
    assert written(Chart().render(spec)).isascii()


def test_colour_only_where_something_is_drawn_and_never_behind_it() -> None:
    lines = Chart().render(training_chart(88, 17))
    for line in lines:
        ends = [line.plain[i] for span in line.spans for i in (span.start, span.end - 1)]
        assert " " not in ends
        assert all(span.style.bgcolor is None for span in line.spans)
        spans = [(span.start, span.end) for span in line.spans]
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert "\x1b" not in SGR.sub("", written(lines))


def test_colours_are_the_callers_and_an_unknown_one_is_none() -> None:
    def colours(colour: str) -> set[str | None]:
        spec = ChartSpec(88, 12, (Curve("a", [0, 1], [0, 1], colour=colour),))
        return {
            span.style.color.name for line in Chart().render(spec) for span in line.spans if span.style.color
        }

    assert colours("#ff8800") == {"#ff8800"}
    assert colours("ansi_bright_red") == {"bright_red"}
    assert colours("red") == {"red"}
    assert colours("no such colour") == set()


def test_without_colour_the_two_curves_still_differ() -> None:
    x = np.arange(60.0)
    pair = (
        Curve("train", x, x * 0 + 1, style="dim", colour="red"),
        Curve("validation", x, x * 0 + 2, colour="red"),
    )
    spec = ChartSpec(88, 17, pair, palette=Palette(colour=False), y_range=(0, 3))
    lines = Chart().render(spec)
    assert not any(span.style.color for line in lines for span in line.spans)
    drawn = [row[:60] for row in canvas("\n".join(line.plain for line in lines)) if set(row[:60]) - {" "}]
    validation, train = drawn
    dots = [sum(bin(ord(c) - 0x2800).count("1") for c in row if c != " ") for row in (validation, train)]
    assert dots[1] == pytest.approx(dots[0] / 2, abs=1)
    ascii_rows = Chart().plain(ChartSpec(88, 17, pair, marker="ascii", y_range=(0, 3)))
    assert "****" in ascii_rows
    assert "...." in ascii_rows


def test_a_dim_line_inside_its_own_shade_is_full_so_that_it_can_be_seen() -> None:
    x = np.arange(200.0)
    level = np.ones(200)
    rows = canvas(
        Chart().plain(ChartSpec(88, 17, (Curve("a", x, level, level - 1, level + 1, style="dim"),)))
    )
    middle = rows[len(rows) // 2][2:50]
    full = np.array([[1 << bit for bit in pair] for pair in ((0, 3), (1, 4), (2, 5), (6, 7))]).sum(axis=1)
    assert any(all((ord(c) - 0x2800) & pair == pair for c in middle) for pair in full.tolist())


def test_a_redraw_is_a_few_kilobytes() -> None:
    rng = np.random.default_rng(0)
    x = np.linspace(0, 50, 480)
    noisy = [np.exp(-x / 9) + offset + 0.05 * rng.random(480) for offset in (0.0, 0.1)]
    pair = (
        Curve("train", x, noisy[0], style="dim", colour="#4f9dde"),
        Curve("validation", x, noisy[1], colour="#4f9dde"),
    )
    # A cell with its own colour sequence each would take about 25 bytes: 37 kB.
    assert len(written(Chart().render(ChartSpec(88, 17, pair, title="Loss"))).encode()) < 3000
    assert len(written(Chart().render(training_chart(88, 17))).encode()) < 3000


# Caching


def test_the_same_question_is_answered_without_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[ChartSpec] = []
    monkeypatch.setattr(charts, "draw", lambda spec, *rest: (drawn.append(spec), real(spec, *rest))[1])
    chart = Chart()
    first = chart.render(training_chart(88, 17))
    assert chart.render(training_chart(88, 17)) is first
    assert len(drawn) == 1
    assert chart.render(training_chart(88, 17, title="Other")) is not first
    assert len(drawn) == 2


real = charts.draw


def test_a_line_that_did_not_change_is_the_same_object() -> None:
    chart = Chart()
    x = np.arange(20.0)
    before = chart.render(ChartSpec(88, 17, (Curve("a", x, x),), x_range=(0, 30), y_range=(0, 30)))
    after = chart.render(ChartSpec(88, 17, (Curve("a", x[:-1], x[:-1]),), x_range=(0, 30), y_range=(0, 30)))
    changed = sum(a is not b for a, b in zip(before, after, strict=True))
    assert 1 <= changed <= 6  # the last piece of the line, and its label with its value


def test_curves_are_compared_by_content() -> None:
    one = Curve("a", [0, 1], [1, math.nan], low=[0, 0])
    assert one == Curve("a", np.array([0.0, 1.0]), [1, math.nan], low=[0, 0])
    assert hash(one) == hash(Curve("a", [0, 1], [1, math.nan], low=[0, 0]))
    for other in (
        Curve("b", [0, 1], [1, math.nan], low=[0, 0]),
        Curve("a", [0, 1], [1, 2], low=[0, 0]),
        Curve("a", [0, 1], [1, math.nan]),
        Curve("a", [0, 1], [1, math.nan], low=[0, 0], last=3),
        Curve("a", [0, 1], [1, math.nan], low=[0, 0], nonfinite=(1,)),
    ):
        assert one != other
    values = np.array([1.0, 2.0])
    kept = Curve("a", values, values)
    values[0] = 99
    assert list(kept.y) == [1, 2]


# plotext


def test_a_failure_inside_becomes_a_line_and_the_next_chart_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    chart = Chart()
    with monkeypatch.context() as broken:
        broken.setattr(charts._Canvas, "line", lambda *_: 1 / 0)
        lines = chart.render(training_chart(88, 17))
        assert_fits(lines, 88, 17)
        assert lines[0].plain.rstrip() == "chart unavailable: division by zero"
        assert chart.plain(training_chart(20, 8, marker="ascii")).isascii()
    picture = chart.plain(training_chart(88, 17, title="Again"))
    assert "unavailable" not in picture
    assert picture.splitlines()[1:] == Chart().plain(training_chart(88, 17)).splitlines()[1:]


def test_the_contract_with_plotext() -> None:
    assert plotext.__version__.startswith("6.")
    terminal = type(plotext.terminal)()
    terminal.limit(False, False)
    figure = terminal._master
    assert figure is not plotext.figure  # one's own, never the global one
    assert type(figure) is type(plotext.figure)
    figure.plot_size(300, 90)
    assert figure.build().string(colorless=True).count("\n") == 90  # not cut to 80 x 24


@pytest.mark.parametrize("marker", MARKERS)
def test_plotext_puts_every_dot_where_it_is_told(marker: Marker) -> None:
    across, down = charts.DOTS[marker]
    columns, rows = 7, 5
    canvas = charts._Canvas()
    for x in range(columns * across):
        for y in range(rows * down):
            dots = canvas.line(columns, rows, marker, np.array([x]), np.array([y]), np.array([False]))
            assert np.argwhere(dots).tolist() == [[rows * down - 1 - y, x]]


def test_plotext_joins_what_is_joined() -> None:
    canvas = charts._Canvas()
    ends = np.array([0, 19])
    yes, no = np.array([False, True]), np.array([False, False])
    level = canvas.line(10, 3, "braille", ends, np.array([5, 5]), yes)
    assert np.argwhere(level).tolist() == [[6, x] for x in range(20)]
    assert canvas.line(10, 3, "braille", ends, np.array([5, 5]), no).sum() == 2
    upright = canvas.line(10, 3, "braille", np.array([4, 4]), np.array([0, 11]), yes)
    assert np.argwhere(upright).tolist() == [[y, 4] for y in range(12)]
    # A line into the far outside leaves the canvas on its way and marks nothing else.
    far = canvas.line(10, 3, "braille", np.array([0, 10]), np.array([6, 6 + 100]), yes)
    assert not far[:, 2:].any()
    assert far[:6].any(axis=1).all()
    assert not far[6:].any()


def test_two_charts_do_not_share_a_canvas() -> None:
    one, other = Chart(), Chart()
    expected = one.plain(training_chart(88, 17))
    other.render(training_chart(200, 50))
    one.reset()
    assert one.plain(training_chart(88, 17)) == expected
    assert one.plain(training_chart(88, 17, title="Loss ")) == expected


def test_charts_is_the_only_module_that_knows_plotext() -> None:
    folder = Path(charts.__file__).parent
    users = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if re.search(r"^\s*(import|from) plotext", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert users == ["charts.py"]
    code = "import sys, ladera.tui.chart_layout; sys.exit(any(m in sys.modules for m in ('plotext', 'torch', 'textual')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
