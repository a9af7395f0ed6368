"""What a chart is asked to show: frozen records, compared by content, so that the same question is asked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# numpy is imported where an array is made: the first frame of the lab has no curve and does not wait for it.
Floats: TypeAlias = "NDArray[np.float64]"
Numbers: TypeAlias = "Floats | Sequence[float]"
MarkKind = Literal["check", "save", "command", "resume", "stop", "best", "cursor"]
Marker = Literal["braille", "block", "ascii"]


@dataclass(frozen=True)
class Palette:
    """Colours of everything but the curves: "#rrggbb", an ANSI name such as "red" or "ansi_bright_red", or None
    for the terminal's own; an unknown name counts as None."""

    colour: bool = True
    "False drops every colour, those of the curves too; dim stays (NO_COLOR)."
    axis: str | None = None
    "Axes and tick labels."
    text: str | None = None
    "Title and note."
    band: str | None = "bright_black"
    "The min_delta band."
    best: str | None = "green"
    "The best epoch."
    stop: str | None = "yellow"
    "Where early stopping would stop."
    event: str | None = "bright_black"
    "Commands, checks, resumed runs."
    cursor: str | None = None
    "The cursor."
    trouble: str | None = "red"
    "Values that are not finite."


@dataclass(frozen=True, eq=False)
class Curve:
    """A line with, where given, the envelope it stands for; arrays are copied and of one length.

    ValueError when the lengths differ. A y that is not finite breaks the line and is marked on the x axis.
    """

    label: str
    "Name at the line's end."
    x: Numbers
    "Positions, not decreasing."
    y: Numbers
    "Values."
    low: Numbers | None = None
    "Lowest values, drawn as bars down from the line, so that a spike is seen."
    high: Numbers | None = None
    "Highest values, drawn as bars up from the line."
    colour: str | None = None
    "As in Palette; a colour belongs to a run."
    style: Literal["strong", "dim"] = "strong"
    "Validation is strong (a full line), training dim (a dotted one, or one in the shade of its envelope)."
    nonfinite: Numbers = ()
    "Further positions of values that are not finite, as in Envelope.nonfinite_x; they break the line too."
    last: float | None = None
    "Value printed at the line's end; the last finite y where not given."
    points: bool = False
    "Dots that are not joined."
    fits: bool = True
    "Whether the y axis makes room for it; otherwise what lies outside is not seen."

    def __post_init__(self) -> None:
        import numpy as np

        for name in ("x", "y", "low", "high", "nonfinite"):
            value = getattr(self, name)
            if value is not None:
                array = np.array(value, dtype=np.float64)
                array.flags.writeable = False
                object.__setattr__(self, name, array)
                if array.ndim != 1 or (name != "nonfinite" and len(array) != len(self.x)):
                    raise ValueError(
                        f"the curve {self.label!r}: {name} must be as long as x ({len(self.x)}), got {array.shape}"
                    )

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Curve):
            return NotImplemented
        mine = self.label, self.colour, self.style, self.points, self.fits
        if mine != (other.label, other.colour, other.style, other.points, other.fits):
            return False
        return all(_same(a, b) for a, b in zip(self._arrays(), other._arrays(), strict=True))

    def __hash__(self) -> int:
        return hash((self.label, self.colour, self.style, len(self.x)))

    def _arrays(self) -> tuple[Numbers | None, ...]:
        return (
            self.x,
            self.y,
            self.low,
            self.high,
            self.nonfinite,
            None if self.last is None else (self.last,),
        )


def _same(a: Numbers | None, b: Numbers | None) -> bool:
    if a is None or b is None:
        return a is b
    import numpy as np

    return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True)


@dataclass(frozen=True)
class Mark:
    """A vertical dotted line at x with a label beside it; a check or a save is a sign on the axis only."""

    x: float
    label: str
    kind: MarkKind


@dataclass(frozen=True)
class Band:
    """A shaded rectangle, as of the values that are too close to the best to count as an improvement."""

    low: float
    high: float
    x0: float
    x1: float


@dataclass(frozen=True)
class Strip:
    """Patience along the x axis: where it began to be used, how far it is used up, and where it ends."""

    began: float
    used: float
    end: float


@dataclass(frozen=True)
class ChartSpec:
    """Everything that decides how a chart looks, except the ranges it had before."""

    width: int
    "Terminal cells."
    height: int
    "Terminal rows."
    curves: tuple[Curve, ...] = ()
    "The later over the earlier, strong over dim."
    marks: tuple[Mark, ...] = ()
    bands: tuple[Band, ...] = ()
    strip: Strip | None = None
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    log_y: bool = False
    "Logarithmic y axis; linear, and said so, where a value is not positive."
    x_range: tuple[float, float] | None = None
    "Ends of the axis; round numbers around the data where not given."
    y_range: tuple[float, float] | None = None
    marker: Marker = "braille"
    "2x4 dots in a cell, 2x2 quarter blocks, or one 7-bit character."
    palette: Palette = Palette()
    empty: str = "nothing to show yet"
    "What an empty chart says, in one line or more: what will appear, and which key makes it appear."
