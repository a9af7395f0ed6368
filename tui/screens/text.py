"""Show text to read: help, a diagnosis with its evidence, a command line, a difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from ..widgets.line import Line
from ..widgets.text_page import TextPage


class TextScreen(ModalScreen[None]):
    """A page of text, or what makes it for a width; `copy` is what `y` puts on the clipboard, and `Y` of two by name."""

    BINDINGS = [
        Binding("escape,q,enter", "dismiss", "Back"),
        Binding("y", "copy(0)", "Copy"),
        Binding("Y", "copy(1)", "Copy the other"),
    ]

    def __init__(
        self, title: str, text: str | Callable[[int], str], copy: str | Mapping[str, str] = ""
    ) -> None:
        super().__init__()
        self._title = title
        self._copies = ({"": copy} if copy else {}) if isinstance(copy, str) else dict(copy)
        self._text = text

    def compose(self) -> ComposeResult:
        copies = [f", {key} copy {name}".rstrip() for key, name in zip("yY", self._copies, strict=False)]
        keys = "Escape back" + "".join(copies)
        with Vertical(classes="dialog wide tall"):
            yield Line(f"{self._title}: {keys}", classes="dialog-title")
            with VerticalScroll(can_focus=True):
                yield TextPage(self._text)

    def on_mount(self) -> None:
        """Scroll by keys at once."""
        self.query_one(VerticalScroll).focus()

    def action_copy(self, which: int) -> None:
        """Put a text on the terminal's clipboard."""
        copies = list(self._copies.items())
        if which < len(copies):
            name, text = copies[which]
            self.app.copy_to_clipboard(text)
            said = f"copied {name}".rstrip()
            self.notify(f"{said} (if the terminal allows it)", markup=False)
