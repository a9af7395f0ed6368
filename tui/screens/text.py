"""Show text to read: help, a diagnosis with its evidence, a command line, a difference."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from ..widgets.line import Line


class TextScreen(ModalScreen[None]):
    """A page of text, or what makes it for a width; `copy` is what `y` puts on the clipboard."""

    BINDINGS = [
        Binding("escape,q,enter", "dismiss", "Back"),
        Binding("y", "copy", "Copy"),
    ]

    def __init__(self, title: str, text: str | Callable[[int], str], copy: str = "") -> None:
        super().__init__()
        self._title, self._copy = title, copy
        self._text = text if callable(text) else lambda _: text

    def compose(self) -> ComposeResult:
        keys = "Escape back" + (", y copy" if self._copy else "")
        with Vertical(classes="dialog wide tall"):
            yield Line(f"{self._title}: {keys}", classes="dialog-title")
            with VerticalScroll(can_focus=True):
                yield Line("", id="page")

    def on_mount(self) -> None:
        """Scroll by keys at once."""
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        """Fit the page to the new width."""
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        scroll = self.query_one(VerticalScroll)
        room = scroll.container_size.width - scroll.styles.scrollbar_size_vertical
        self.query_one("#page", Line).set(self._text(max(1, room)))

    def action_copy(self) -> None:
        """Put the text on the terminal's clipboard."""
        if self._copy:
            self.app.copy_to_clipboard(self._copy)
            self.notify("copied (if the terminal allows it)", markup=False)
