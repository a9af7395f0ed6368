"""Dots to characters and back, by hand and by property."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladera.tui.curves import Marker
from ladera.tui.dots import DOTS, bars, cells_with, decisive, decode, dotted, encode


def grid(text: str) -> np.ndarray:
    return np.array([[c == "o" for c in line] for line in text.split()])


def test_braille_and_blocks_by_hand() -> None:
    # Unicode: dots 1, 2, 3, 7 down the left of a braille cell, 4, 5, 6, 8 down the right.
    assert encode(grid("o. .. .. .o"), "braille") == ["⢁"]
    assert encode(grid("oo oo oo oo"), "braille") == ["⣿"]
    assert encode(grid("o... .o.. ..o. ...o"), "block") == ["▚ ", " ▚"]
    assert encode(grid("o.o"), "ascii") == ["* *"]


@given(st.sampled_from(["braille", "block", "ascii"]), st.integers(1, 6), st.integers(1, 4), st.randoms())
def test_what_is_encoded_comes_back(marker: Marker, columns: int, rows: int, random) -> None:
    across, down = DOTS[marker]
    dots = np.array([[random.random() < 0.5 for _ in range(columns * across)] for _ in range(rows * down)])
    text = "".join(line + "\n" for line in encode(dots, marker))
    np.testing.assert_array_equal(decode(text, columns, rows, marker), dots)
    np.testing.assert_array_equal(decode(text.replace("⠀", " "), columns, rows, marker), dots)


def test_a_canvas_of_another_shape_or_with_other_characters_is_refused() -> None:
    with pytest.raises(ValueError, match="came back"):
        decode("⠀⠀\n", 3, 1, "braille")
    for marker in ("braille", "block"):
        with pytest.raises(ValueError, match="other characters"):
            decode("ab\n", 2, 1, marker)


@given(st.sampled_from(["braille", "block"]), st.integers(0, 2**32 - 1))
def test_a_dotted_line_touches_every_cell_of_the_full_one(marker: Marker, seed: int) -> None:
    across, down = DOTS[marker]
    dots = np.random.default_rng(seed).random((3 * down, 5 * across)) < 0.3
    thin = dotted(dots, marker)
    assert not (thin & ~dots).any()
    np.testing.assert_array_equal(cells_with(thin, marker), cells_with(dots, marker))


@pytest.mark.parametrize("marker", ["braille", "block", "ascii"])
def test_a_bar_is_seen_in_every_cell_and_to_both_ends(marker: Marker) -> None:
    down = DOTS[marker][1]
    rows = 6 * down
    for x in range(4):
        low, high = 1, rows - 2
        dots = bars(np.array([x]), np.array([low]), np.array([high]), rows, 4, marker)
        assert dots[rows - 1 - high, x]
        assert dots[rows - 1 - low, x]
        assert dots.any(axis=0).tolist() == [c == x for c in range(4)]
        cells = cells_with(dots, marker)[:, x // DOTS[marker][0]]
        assert cells[1:-1].all()
    # Beyond the canvas they end at its edge; without height there is none.
    cut = bars(np.array([2]), np.array([-9]), np.array([99]), rows, 4, marker)
    assert cut[[0, -1], 2].all()
    assert not bars(np.array([2, 9]), np.array([3, 0]), np.array([3, 7]), rows, 4, marker).any()


def test_decisive_points_by_hand() -> None:
    x = np.array([0, 0, 0, 0, 0, 1, 2, 3, 4])
    y = np.array([5, 9, 1, 6, 5, 5, 5, 5, 7])
    joined = np.array([False] + [True] * 8)
    kept_x, kept_y, kept = decisive(x, y, joined)
    # Column 0: the first, the highest, the lowest, the last; then the level stretch 5 5 5 5 keeps its ends.
    assert kept_x.tolist() == [0, 0, 0, 0, 3, 4]
    assert kept_y.tolist() == [5, 9, 1, 5, 5, 7]
    assert kept.tolist() == [False, True, True, True, True, True]
    joined[6] = False  # a gap inside the level stretch
    kept_x, _, kept = decisive(x, y, joined)
    assert kept_x.tolist() == [0, 0, 0, 0, 1, 2, 3, 4]
    assert kept.tolist() == [False, True, True, True, True, False, True, True]
    empty = np.array([], dtype=np.int64)
    assert len(decisive(empty, empty, empty.astype(bool))[0]) == 0
