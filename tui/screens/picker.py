"""Choose a preset for a part: each with its formula, symbols and values, when to use it, and why it does not fit if it does not."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...presets.catalog import Preset
from ..preset_text import full
from ..text import clean, fit
from ..widgets.choices import Choices
from ..widgets.line import Line, written

#: Seconds after which another letter begins another name.
_PAUSE = 1.5
#: Width of the window from which on the explanation stands beside the list, which then shows names only.
_BESIDE = 100


def explained(preset: Preset, reason: str | None) -> str:
    """What one should know before choosing."""
    lines = full(preset)
    if reason:
        lines.insert(1, f"Cannot be chosen now: {clean(reason, 400)}")
    return "\n".join(lines)


class PickerScreen(ModalScreen[str | None]):
    """A list of presets; ends with the chosen one's short name, or None.

    `current` is the preset in use, `nearest` where to begin while none is.
    """

    BINDINGS = [Binding("escape", "dismiss", "Back")]
    HORIZONTAL_BREAKPOINTS = [(0, "-stacked"), (_BESIDE, "-beside")]

    def __init__(
        self,
        title: str,
        presets: Sequence[Preset],
        reasons: Sequence[str | None],
        current: str | None,
        nearest: str | None = None,
    ) -> None:
        super().__init__()
        self._title, self._current, self._start = title, current, current or nearest
        self._presets, self._reasons = list(presets), list(reasons)
        self._longest = max((len(preset.short) for preset in presets), default=0)
        self._beside = False
        self._typed, self._typed_at = "", 0.0

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide"):
            yield Line(
                f"{self._title}: ↑ ↓ or type a name, Tab reads on, Enter choose, Escape back",
                classes="dialog-title",
            )
            with Container(id="picker"):
                options = (Option(self._prompt(i), id=preset.short) for i, preset in enumerate(self._presets))
                yield Choices(*options, markup=False, compact=True)
                with VerticalScroll(id="explanation"):
                    yield Line("", id="explained")

    def on_mount(self) -> None:
        """Start at the preset in use, or at the one that is most like what is."""
        options = self.query_one(Choices)
        names = [preset.short for preset in self._presets]
        options.highlighted = names.index(self._start) if self._start in names else 0
        options.focus()

    def on_key(self, event: Key) -> None:
        """Go to the first preset whose name begins with, or else has in it, what was typed."""
        if event.character is None or not (event.character.isalnum() or event.character == "-"):
            return
        now = monotonic()
        self._typed = (self._typed if now < self._typed_at + _PAUSE else "") + event.character.lower()
        self._typed_at = now
        names = [preset.short for preset in self._presets]
        found = [name for name in names if name.startswith(self._typed)] or [
            name for name in names if self._typed in name
        ]
        if found:
            self.query_one(Choices).highlighted = names.index(found[0])
        event.stop()

    def on_resize(self) -> None:
        """Name the presets only where the explanation stands beside them."""
        beside = self.app.size.width >= _BESIDE
        if beside != self._beside:
            self._beside = beside
            options = self.query_one(Choices)
            options.styles.width = self._longest + 6 if beside else None
            for index in range(len(self._presets)):
                options.replace_option_prompt_at_index(index, self._prompt(index))

    def _prompt(self, index: int) -> Content:
        preset, reason = self._presets[index], self._reasons[index]
        mark = "●" if preset.short == self._current else "×" if reason else " "
        text = f"{mark} {fit(preset.short, self._longest)}"
        if not self._beside:
            said = f"does not fit: {reason}" if reason else preset.formula or preset.description
            text = f"{text} {clean(said, 120)}"
        return Content.assemble((written(self, text), "dim" if reason else ""))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Explain the highlighted preset."""
        reason = self._reasons[event.option_index]
        line = self.query_one("#explained", Line)
        line.set(explained(self._presets[event.option_index], reason))
        line.set_class(bool(reason), "trouble")
        self.query_one("#explanation", VerticalScroll).scroll_home(animate=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose, if it fits."""
        if self._reasons[event.option_index]:
            self.app.bell()
            return
        self.dismiss(self._presets[event.option_index].short)
