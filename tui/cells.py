"""A grid of terminal cells with styles, and the fewest style changes that paint it."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.text import Span, Text

PLAIN = Style.null()


class Cells:
    """A `width` by `height` grid of blanks to be written on; writing outside the grid is cut off."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.glyphs = [[" "] * width for _ in range(height)]
        self.styles = [[PLAIN] * width for _ in range(height)]

    def put(self, row: int, column: int, text: str, style: Style = PLAIN) -> None:
        """Write clean text of one line; a wide character takes two cells."""
        if not 0 <= row < self.height:
            return
        for glyph in text:
            cells = cell_len(glyph)
            if cells == 0:
                base = column - 1
                if 0 <= base < self.width:
                    self.glyphs[row][base if self.glyphs[row][base] else base - 1] += glyph
                continue
            if column >= 0 and column + cells <= self.width:
                for part in range(cells):
                    self._blank(row, column + part)
                    self.glyphs[row][column + part] = "" if part else glyph
                    self.styles[row][column + part] = style
            column += cells

    def _blank(self, row: int, column: int) -> None:
        """Blank the other half of a wide character that is about to lose this cell."""
        glyphs = self.glyphs[row]
        if not glyphs[column]:
            glyphs[column - 1] = " "
        if column + 1 < self.width and not glyphs[column + 1]:
            glyphs[column + 1] = " "

    def line(self, row: int) -> Text:
        """One row. Blanks between two runs of one style join them: what is not drawn has no colour to show,
        and an escape sequence costs more than the blanks."""
        glyphs, styles = self.glyphs[row], self.styles[row]
        spans: list[Span] = []
        position = start = end = 0
        current = PLAIN
        for glyph, style in zip(glyphs, styles, strict=True):
            if glyph != " " and glyph:
                if style is not current and style != current:
                    if current:
                        spans.append(Span(start, end, current))
                    current, start = style, position
                end = position + len(glyph)
            position += len(glyph)
        if current:
            spans.append(Span(start, end, current))
        return Text("".join(glyphs), spans=spans, no_wrap=True, end="")

    def lines(self) -> list[Text]:
        """All rows, from the top."""
        return [self.line(row) for row in range(self.height)]
