"""Ask which of a few ways to go; Escape goes none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    """Ends with the id of the chosen way, or None; by itself, with None, once there is nothing left to ask about."""

    BINDINGS = [Binding("escape", "dismiss", "Back")]

    def __init__(
        self,
        question: str,
        ways: Sequence[tuple[str, str]],
        holds: Callable[[], bool] | None = None,
        start: int = 0,
    ) -> None:
        """`holds` tells whether the question still makes sense; `start` is the way that is highlighted first."""
        super().__init__()
        self._question, self._ways, self._holds, self._start = question, list(ways), holds, start

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog asking"):
            yield Line(f"{self._question} ↑ ↓ Enter choose, Escape back", classes="dialog-title")
            yield Choices(
                *(Option(Content(written(self, text)), id=key) for key, text in self._ways),
                markup=False,
                compact=True,
            )

    def on_mount(self) -> None:
        """The way that is highlighted first is the harmless one."""
        options = self.query_one(Choices)
        options.highlighted = self._start
        options.focus()
        self.set_interval(0.2, self._look)

    def _look(self) -> None:
        if self._holds is not None and not self._holds() and self.is_current:
            self.dismiss(None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go."""
        self.dismiss(event.option_id)
