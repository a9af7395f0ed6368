"""Ask which of a few ways to go; Escape goes none of them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ..widgets.choices import Choices
from ..widgets.line import Line, written


class ChoiceScreen(ModalScreen[str | None]):
    """Ends with the id of the chosen way, or None."""

    BINDINGS = [Binding("escape", "dismiss", "Back")]

    def __init__(self, question: str, ways: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._question, self._ways = question, list(ways)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Line(f"{self._question} ↑ ↓ Enter choose, Escape back", classes="dialog-title")
            yield Choices(
                *(Option(Content(written(self, text)), id=key) for key, text in self._ways),
                markup=False,
                compact=True,
            )

    def on_mount(self) -> None:
        """The first way is the harmless one."""
        options = self.query_one(Choices)
        options.highlighted = 0
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go."""
        self.dismiss(event.option_id)
