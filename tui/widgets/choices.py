"""A list to choose from that bears any window size."""

from __future__ import annotations

from textual.widgets import OptionList


class Choices(OptionList):
    """An OptionList; it raises on Page up and Page down while it has no room to be drawn in."""

    def action_page_up(self) -> None:
        """Go up a page."""
        if self.scrollable_content_region:
            super().action_page_up()

    def action_page_down(self) -> None:
        """Go down a page."""
        if self.scrollable_content_region:
            super().action_page_down()
