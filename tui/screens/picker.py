"""Choose a preset for a part: each with its formula, when to use it, its caveat, and why it does not fit if it does not."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...presets.catalog import Preset
from ..text import clean, fit
from ..widgets.choices import Choices
from ..widgets.line import Line, written


def explained(preset: Preset, reason: str | None) -> str:
    """What one should know before choosing."""
    lines = [clean(preset.description)]
    if reason:
        lines.append(f"Cannot be chosen now: {clean(reason, 400)}")
    if preset.formula:
        lines.append(f"  {clean(preset.formula)}")
    if preset.when:
        lines.append(f"When: {clean(preset.when)}")
    if preset.caveat:
        lines.append(f"Mind: {clean(preset.caveat, 400)}")
    return "\n".join(lines)


class PickerScreen(ModalScreen[str | None]):
    """A list of presets; ends with the chosen one's short name, or None."""

    BINDINGS = [Binding("escape", "dismiss", "Back")]

    def __init__(
        self, title: str, presets: Sequence[Preset], reasons: Sequence[str | None], current: str | None
    ) -> None:
        super().__init__()
        self._title, self._presets, self._reasons, self._current = (
            title,
            list(presets),
            list(reasons),
            current,
        )

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide"):
            yield Line(f"{self._title}: ↑ ↓ look, Enter choose, Escape back", classes="dialog-title")
            options = Choices(*map(self._option, self._presets, self._reasons), markup=False, compact=True)
            yield options
            yield Line("", id="explained")

    def on_mount(self) -> None:
        """Start at the preset in use."""
        options = self.query_one(Choices)
        names = [preset.short for preset in self._presets]
        options.highlighted = names.index(self._current) if self._current in names else 0
        options.focus()

    def _option(self, preset: Preset, reason: str | None) -> Option:
        mark = "●" if preset.short == self._current else "×" if reason else " "
        said = f"does not fit: {reason}" if reason else preset.formula or preset.description
        text = f"{mark} {fit(preset.short, 20)} {clean(said, 120)}"
        return Option(Content.assemble((written(self, text), "dim" if reason else "")), id=preset.short)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Explain the highlighted preset."""
        reason = self._reasons[event.option_index]
        line = self.query_one("#explained", Line)
        line.set(explained(self._presets[event.option_index], reason))
        line.set_class(bool(reason), "trouble")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose, if it fits."""
        if self._reasons[event.option_index]:
            self.app.bell()
            return
        self.dismiss(self._presets[event.option_index].short)
