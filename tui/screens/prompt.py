"""Ask for one line of text, and say what is wrong with it before it is taken."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from ..text import clean
from ..widgets.line import Line


def _nothing(_: str) -> str:
    return ""


class PromptScreen(ModalScreen[str | None]):
    """Ends with the text, or None; `complaint(text)` says what is wrong with it, or nothing, `notice(text)` what it entails."""

    BINDINGS = [Binding("escape", "dismiss", "Back")]

    def __init__(
        self,
        title: str,
        value: str,
        help_text: str,
        complaint: Callable[[str], str | None],
        notice: Callable[[str], str] = _nothing,
    ) -> None:
        super().__init__()
        self._title, self._value, self._help = title, value, help_text
        self._complaint, self._notice = complaint, notice

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Line(f"{self._title}: Enter takes it, Escape leaves it", classes="dialog-title")
            yield Input(self._value, select_on_focus=True)
            yield Line("", id="prompt-judgement")
            yield Line(self._help, id="prompt-help")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Judge while typing."""
        wrong = self._complaint(event.value)
        line = self.query_one("#prompt-judgement", Line)
        line.set(clean(wrong or self._notice(event.value), 600))
        line.display = bool(line.text)
        line.set_class(bool(wrong), "trouble")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what is right."""
        if self._complaint(event.value):
            self.app.bell()
            return
        self.dismiss(event.value)
