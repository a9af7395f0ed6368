"""The grid of cells: writing at its edges, wide characters, and the fewest style changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from ladera.tui.cells import Cells

RED, DIM = Style(color="red"), Style(color="red", dim=True)


def test_text_beyond_the_edges_is_cut_off() -> None:
    cells = Cells(4, 2)
    cells.put(0, -1, "abc")
    cells.put(1, 2, "xyz")
    cells.put(7, 0, "gone")
    assert [line.plain for line in cells.lines()] == ["bc  ", "  xy"]


def test_a_wide_character_takes_two_cells_and_is_never_halved() -> None:
    cells = Cells(5, 1)
    cells.put(0, 0, "世界世")
    assert cells.line(0).plain == "世界 "
    cells = Cells(5, 1)
    cells.put(0, 1, "e\u0301x")
    assert cells.line(0).plain == " e\u0301x  "


def test_runs_of_one_style_are_joined_over_blanks() -> None:
    cells = Cells(9, 1)
    cells.put(0, 0, "a", RED)
    cells.put(0, 3, "b", Style(color="red"))  # equal, not the same object
    cells.put(0, 5, "c", DIM)
    cells.put(0, 7, "d")
    cells.put(0, 8, "e", RED)
    assert [(s.start, s.end, s.style) for s in cells.line(0).spans] == [(0, 4, RED), (5, 6, DIM), (8, 9, RED)]


@given(
    st.lists(st.tuples(st.integers(-3, 12), st.text(st.sampled_from("ab 世\u0301"), max_size=6)), max_size=6)
)
def test_a_line_keeps_its_width(writes: list[tuple[int, str]]) -> None:
    cells = Cells(10, 1)
    for column, text in writes:
        cells.put(0, column, text, RED)
    assert cell_len(cells.line(0).plain) == 10
