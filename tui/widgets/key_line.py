"""The line of keys at the bottom: what can be pressed now, and clicked.

Textual's Footer is a dozen widgets that are made anew whenever the focus moves; this is one line of text.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.events import Click
from textual.widget import Widget

from .line import written

#: Textual hides it from footers, which show it in a place of its own.
_PALETTE = "command_palette"


@dataclass(frozen=True)
class Item:
    """One key of the line."""

    key: str
    "As Textual names it."
    shown: str
    description: str
    action: str

    def text(self, roomy: bool) -> str:
        """As it is written; a roomy line has two spaces between items, and begins with one."""
        return f" {self.shown} {self.description}{' ' * roomy}"


def fitting(items: list[Item], width: int, dropped: Collection[str]) -> tuple[list[Item], bool]:
    """Those that fit, and whether there is room between them; actions that may be `dropped` go first, in their order."""
    kept = list(items)
    for roomy in (True, False):
        if _width(kept, roomy) <= width:
            return kept, roomy
    for action in dropped:
        kept = [item for item in kept if item.action != action]
        if _width(kept, False) <= width:
            break
    return kept, False


def _width(items: list[Item], roomy: bool) -> int:
    return sum(cell_len(item.text(roomy)) for item in items)


class KeyLine(Widget):
    """The keys of the screen and of what has the focus."""

    DEFAULT_CSS = """
    KeyLine { dock: bottom; height: 1; background: $footer-background; color: $footer-foreground; text-wrap: nowrap;
              text-overflow: ellipsis; }
    """

    def __init__(self, *, dropped: Collection[str] = (), id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._dropped = dropped
        self._placed: list[tuple[int, Item]] = []
        self._words: dict[str, str] = {}

    def say(self, action: str, words: str) -> None:
        """Call an action otherwise, as its key does something else."""
        if self._words.get(action) != words:
            self._words[action] = words
            self.refresh()

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        """Write the keys that can be pressed now."""
        found: dict[str, Item] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if (binding.show or binding.action == _PALETTE) and active.enabled:
                shown = self.app.get_key_display(binding)
                words = self._words.get(binding.action, binding.description)
                found.setdefault(binding.action, Item(binding.key, shown, words, binding.action))
        in_order = sorted(found.values(), key=lambda item: item.action == _PALETTE)
        items, roomy = fitting(in_order, self.size.width, self._dropped)
        parts: list[str | tuple[str, str]] = []
        self._placed, column = [], 0
        for item in items:
            text = written(self, item.text(roomy))
            parts += [(f" {item.shown}", "bold $footer-key-foreground"), text[len(item.shown) + 1 :]]
            column += cell_len(text)
            self._placed.append((column, item))
        return Content.assemble(*parts)

    def on_click(self, event: Click) -> None:
        """Press the key that was clicked."""
        for end, item in self._placed:
            if event.x < end:
                self.app.simulate_key(item.key)
                break
