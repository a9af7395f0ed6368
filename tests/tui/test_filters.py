"""The last step before the terminal: nothing moves, nothing above 127, no colour."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from ladera.tui.filters import Colourless, SevenBit, same_width

BLACK = Color(0, 0, 0)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Mn", "Me", "Cf"])))
def test_seven_bit_text_is_as_wide_as_before(text: str) -> None:
    written = same_width(text)
    assert written.isascii()
    assert cell_len(written) == cell_len(text)


def test_signs_keep_their_look() -> None:
    assert same_width("╭─┬─╮ │ ● ▸ ▔ █ é θ 日") == "+-+-+ | * > - # e t ? "


def test_seven_bit_lines_keep_styles_and_controls() -> None:
    style = Style(bold=True)
    assert SevenBit().apply([Segment("─x", style), Segment("a")], BLACK) == [
        Segment("-x", style),
        Segment("a"),
    ]


def test_no_colour_leaves_attributes() -> None:
    lines = [
        Segment("a", Style.parse("bold #ff0000 on #00ff00")),
        Segment("b", Style.parse("dim underline bright_red")),
        Segment("c", Style.parse("default on default")),
        Segment("d", None),
    ]
    looks = [str(segment.style or "none") for segment in Colourless().apply(lines, BLACK)]
    assert looks == ["bold", "dim underline", "none", "none"]


def test_what_is_chosen_is_reversed_where_there_is_no_colour() -> None:
    chosen = [Segment("a", Style.parse("bold black on cyan"))]
    assert str(Colourless().apply(chosen, BLACK)[0].style) == "bold reverse"
