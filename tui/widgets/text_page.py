"""A page of text that is made for the width it gets."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.css.styles import RulesMap
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual
from textual.widget import Widget

from .line import written


class _Fitted(Visual):
    """Text made by a function of the width, when the layout asks for it: one layout shows it."""

    def __init__(self, make: Callable[[int], str]) -> None:
        self._make = make
        self._width, self._content = 0, Content("")

    def _at(self, width: int) -> Content:
        if width != self._width:
            self._width, self._content = width, Content(self._make(width))
        return self._content

    def render_strips(
        self, width: int, height: int | None, style: Style, options: RenderOptions
    ) -> list[Strip]:
        """Return the lines of the text."""
        return self._at(width).render_strips(width, height, style, options)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """Return all that there is."""
        return container_width

    def get_height(self, rules: RulesMap, width: int) -> int:
        """Return the lines that the text takes."""
        return self._at(width).get_height(rules, width)


class TextPage(Widget):
    """Text, or what makes it for a width; no markup is read from it, and nothing in it drives the terminal."""

    DEFAULT_CSS = "TextPage { height: auto; }"

    def __init__(self, text: str | Callable[[int], str]) -> None:
        super().__init__()
        make = text if callable(text) else lambda _: text
        self._fitted = _Fitted(lambda width: written(self, make(width)))

    def render(self) -> Visual:
        """Return the text."""
        return self._fitted
