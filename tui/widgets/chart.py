"""A chart on the screen: asks a pure function what to show, and repaints only the lines that changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text
from textual.events import Click
from textual.message import Message

from ..chart_empty import without_curves
from ..curves import ChartSpec
from .text_rows import TextRows

if TYPE_CHECKING:
    from ..charts import Chart

#: Gives the spec for a width and a height.
Ask = Callable[[int, int], ChartSpec]


def warm() -> None:
    """Import what curves are drawn with; from a thread, so that nothing waits for it."""
    from ..charts import Chart

    Chart().warm()


class ChartView(TextRows):
    """Shows what `ask` answers; `show()` asks again."""

    class Clicked(Message):
        """Somebody clicked at a place of the x axis, in its unit."""

        def __init__(self, x: float) -> None:
            super().__init__()
            self.x = x

    def __init__(self, ask: Ask, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._ask = ask
        self._chart: Chart | None = None

    def show(self) -> None:
        """Draw anew what changed; nothing while hidden."""
        if not self.size or not self.is_on_screen:
            return
        self.set_rows(self._drawn(self._ask(self.size.width, self.size.height)))

    def _drawn(self, spec: ChartSpec) -> list[Text]:
        if not spec.curves and spec.width and spec.height:
            return without_curves(spec).lines()
        if self._chart is None:
            from ..charts import Chart  # numpy and plotext, which an empty chart does not wait for

            self._chart = Chart()
        return self._chart.render(spec)

    def reset(self) -> None:
        """Forget the axis range, as when something else is shown."""
        if self._chart is not None:
            self._chart.reset()

    def on_click(self, event: Click) -> None:
        """Tell where the mouse was."""
        offset = event.get_content_offset(self)
        if offset is not None and self._chart is not None and (x := self._chart.x_at(offset.x)) is not None:
            self.post_message(self.Clicked(x))

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self.show)
