"""Too simple, right, too complex: three fits of the noisy sine, and the errors over the degree (B2, B3)."""

from __future__ import annotations

from dataclasses import replace

from ..engine.figure_fits import NOISE, POINTS, SETS, Fit, Fits, Sweep
from .axes import Range
from .blocks import Block, Page
from .curves import ChartSpec, Curve, Mark
from .figure_panels import Panel, panels
from .look_colours import quiet, right, wrong
from .scatter import Layer, scatter
from .text import number

_VERDICTS = ("too simple", "right", "too complex")
_X, _Y = Range(-1.0, 1.0), Range(-2.0, 2.0)
_FITS = (
    f"{POINTS} points of sin(1.5πx) with noise {NOISE:g}; the thin line is the sine. Unseen: the error on points that the fit "
    "has not seen."
)
_SWEEP = (
    f"Medians over {SETS} sets of {POINTS} points, least squares. More complexity always lowers the train error; what has not been seen "
    "is predicted best at degree {best}: below it the bias is large, above it the variance."
)


def fits(found: Fits, page: Page) -> Block:
    """Draw the three fits side by side with the points, their errors and Σ|w| below each (B3)."""
    below = page.paragraph(_FITS, "dim")
    drawn = [_panel(page, found, fit, word) for fit, word in zip(found.fits, _VERDICTS, strict=True)]
    return [*panels(page, drawn, len(below)), *below]


def _panel(page: Page, found: Fits, fit: Fit, verdict: str) -> Panel:
    def draw(width: int, height: int) -> Block:
        layers = [
            Layer("", found.grid[::8], found.truth[::8], quiet(page), sign=".", glyph="·"),
            Layer("", found.grid, fit.curve, right(page) if verdict == "right" else wrong(page), line=True),
            Layer("", found.x, found.y, sign="o", glyph="●"),
        ]
        told = [
            page.line(f"train   {number(fit.train)}", "", width),
            page.line(f"unseen  {number(fit.unseen)}", "", width),
            page.line(f"Σ|w|    {number(fit.l1)}", "", width),
        ]
        # Points are to be seen as such, however many there are to a cell.
        picture = scatter(
            replace(page, colours="none"), layers, width, max(5, height - len(told) - 1), "x", x_range=_X, y_range=_Y
        )  # fmt: skip
        return [page.line(f"degree {fit.degree}: {verdict}", "bold", width), *picture, *told]

    return draw


def sweep(found: Sweep, page: Page) -> Block:
    """Draw train and unseen error over the degree on a logarithmic axis, the degree of least unseen error marked (B2)."""
    below = page.paragraph(_SWEEP.format(best=found.best), "dim")
    rows = (
        ("degree", map(str, found.degrees)),
        ("train", map(number, found.train)),
        ("unseen", map(number, found.unseen)),
    )
    table = [
        page.line(f"{name:<7}" + "".join(f"{value.strip():>8}" for value in values)) for name, values in rows
    ]
    colour = page.palette.colour
    curves = (
        Curve("train", found.degrees, found.train, colour=wrong(page) if colour else None, style="dim"),
        Curve("unseen", found.degrees, found.unseen, colour=right(page) if colour else None),
    )
    spec = ChartSpec(
        page.width, max(8, page.height - len(below) - len(table)), curves,
        (Mark(found.best, f"best: degree {found.best}", "best"),), title="mean squared error", x_label="degree",
        log_y=True, x_range=(float(found.degrees[0]), float(found.degrees[-1])), marker=page.marker, palette=page.palette,
    )  # fmt: skip
    return [*page.chart("sweep", spec), *table, *below]
