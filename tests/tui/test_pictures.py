"""Half blocks and heat maps, cell by cell."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rich.text import Text

from ladera.tui.pictures import SHADES, VIRIDIS, half_blocks, heat


def cells(line: Text) -> list[tuple[str, str | None, str | None]]:
    """Glyph, colour and background of every cell."""
    out: list[tuple[str, str | None, str | None]] = [(c, None, None) for c in line.plain]
    for span in line.spans:
        assert not isinstance(span.style, str)
        for i in range(span.start, span.end):
            colour, behind = span.style.color, span.style.bgcolor
            out[i] = (line.plain[i], colour.name if colour else None, behind.name if behind else None)
    return out


def test_half_blocks_by_hand() -> None:
    red, blue, black = (255, 0, 0), (0, 0, 255), (0, 0, 0)
    image = np.array([[red, red, blue], [blue, red, blue], [black, red, blue]], dtype=np.uint8)
    first, last = half_blocks(image)
    assert cells(first) == [
        ("▀", "#ff0000", "#0000ff"),
        (" ", None, "#ff0000"),
        (" ", None, "#0000ff"),
    ]
    # The lower half of an odd last row stays the terminal's own.
    assert cells(last) == [("▀", "#000000", None), ("▀", "#ff0000", None), ("▀", "#0000ff", None)]


@given(
    hnp.arrays(
        np.uint8,
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.just(3)),
        elements=st.sampled_from([0, 9, 255]),
    )
)
def test_every_pixel_of_an_image_can_be_read_back(image: np.ndarray) -> None:
    lines = half_blocks(image)
    assert len(lines) == (len(image) + 1) // 2
    for row, pixels in enumerate(image):
        for column, (r, g, b) in enumerate(pixels):
            glyph, colour, behind = cells(lines[row // 2])[column]
            seen = behind if row % 2 or glyph == " " else colour
            assert seen == f"#{r:02x}{g:02x}{b:02x}"


def test_runs_of_one_colour_are_one_span() -> None:
    image = np.zeros((2, 50, 3), dtype=np.uint8)
    image[:, 25:] = 255
    assert len(half_blocks(image)[0].spans) == 2


@pytest.mark.parametrize("image", [np.zeros((2, 2)), np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 3))])
def test_anything_but_an_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="an image is uint8"):
        half_blocks(image)


def test_a_confusion_matrix_in_colour_and_in_ascii() -> None:
    matrix = [[10, 0], [5, 10]]
    lines = heat(matrix, 4, 2)
    assert [[c[2] for c in cells(line)] for line in lines] == [
        ["#fde725", "#fde725", "#440154", "#440154"],
        ["#22908c", "#22908c", "#fde725", "#fde725"],  # half way: between the fifth and the sixth stop
    ]
    assert [line.plain for line in heat(matrix, 4, 2, shades=SHADES)] == ["@@  ", "==@@"]


def test_the_first_row_is_on_top_and_nothing_is_lost_in_the_middle() -> None:
    ramp = np.arange(10.0)[:, None]
    assert [line.plain for line in heat(ramp, 1, 10, shades=SHADES)] == list(" .:-=+*#%@")
    assert [line.plain for line in heat(ramp.T, 10, 1, shades=SHADES)] == [" .:-=+*#%@"]
    assert heat(ramp, 3, 5)[0].spans[0].style.color.name == VIRIDIS[0]  # type: ignore[union-attr]


def test_values_that_are_not_finite() -> None:
    matrix = [[math.nan, -math.inf, 0.0, 1.0, math.inf]]
    assert heat(matrix, 5, 1, shades=SHADES)[0].plain == "?  @@"
    assert [c[2] for c in cells(heat(matrix, 5, 1)[0])] == [
        "#808080",
        VIRIDIS[0],
        VIRIDIS[0],
        VIRIDIS[-1],
        VIRIDIS[-1],
    ]
    assert heat([[math.nan, math.nan]], 2, 1, shades=SHADES)[0].plain == "??"


def test_the_ends_may_be_given_so_that_pictures_compare() -> None:
    assert heat([[0.5]], 1, 1, shades=SHADES, low=0.0, high=0.5)[0].plain == "@"
    assert heat([[9.0]], 1, 1, shades=SHADES, low=0.0, high=1.0)[0].plain == "@"
    assert heat([[7.0, 7.0]], 2, 1, shades=SHADES)[0].plain == "=="  # constant: the middle, rounded to even


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(0, 6), st.integers(0, 6)), elements=st.floats(width=64)),
    st.integers(-1, 20),
    st.integers(-1, 10),
    st.booleans(),
)
def test_any_matrix_fits_any_size(matrix: np.ndarray, width: int, height: int, ascii_only: bool) -> None:
    lines = heat(matrix, width, height, shades=SHADES if ascii_only else "")
    assert len(lines) == (max(0, height) if width > 0 or not matrix.size else 0)
    assert all(len(line.plain) == max(0, width) for line in lines)
    if ascii_only:
        assert all(line.plain.isascii() and not line.spans for line in lines)


def test_a_vector_is_no_matrix() -> None:
    with pytest.raises(ValueError, match="matrix"):
        heat(np.arange(3.0), 3, 1)  # type: ignore[arg-type]
