"""A chart as a file: SVG by our own writer, PNG by matplotlib, which is an extra."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

import numpy as np

from ...engine.errors import InputError
from ..curves import ChartSpec
from ..scale import choose_ranges, nonfinite
from .figures import in_words
from .svg import COLOURS, svg

_WIDTH, _HEIGHT, _DPI = 8.0, 4.0, 160


def to_svg(spec: ChartSpec) -> str:
    """Return the chart as an SVG file."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{svg(spec, in_words(spec), "chart")}\n'


def to_png(spec: ChartSpec) -> bytes:
    """Return the chart as a PNG file of 1280 by 640 pixels on white. Raises InputError: matplotlib is not installed."""
    try:
        # Without pyplot: no global state, no window system, any thread.
        figures: Any = import_module("matplotlib.figure")
    except ImportError as error:
        raise InputError(
            "PNG needs matplotlib, which is not installed: pip install 'ladera[plots]', or export the chart as SVG"
        ) from error
    figure = figures.Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    _draw(axes, spec)
    target = io.BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()


def _draw(axes: Any, spec: ChartSpec) -> None:
    ranges = choose_ranges(spec, None)
    axes.set_yscale("log" if ranges.log_y else "linear")
    axes.xaxis.get_major_locator().set_params(integer=True)  # there is no epoch 1.5
    axes.set_xlim(*ranges.x)
    axes.set_ylim(*ranges.y)
    for band in spec.bands:
        axes.fill_between(
            [band.x0, band.x1], band.low, band.high, color=COLOURS[2][0], alpha=0.16, linewidth=0
        )
    for i, curve in enumerate(spec.curves):
        colour = (
            curve.colour if curve.colour and curve.colour.startswith("#") else COLOURS[i % len(COLOURS)][0]
        )
        strong = curve.style == "strong"
        x, y = _broken(np.asarray(curve.x), np.asarray(curve.y), nonfinite(curve))
        axes.plot(x, y, color=colour, linewidth=2.0 if strong else 1.1, alpha=1.0 if strong else 0.65,
                  label=_plain(curve.label) or "_none")  # fmt: skip
        if curve.low is not None and curve.high is not None:
            axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0)
        for place in np.unique(nonfinite(curve)).tolist():
            axes.plot(
                [place], [0.02], "x", color=COLOURS[1][0], transform=axes.get_xaxis_transform(), clip_on=False
            )
    for mark in spec.marks:
        if mark.kind != "check" and ranges.x.low <= mark.x <= ranges.x.high:
            axes.axvline(mark.x, color="#59636e", linestyle=":", linewidth=1)
            axes.annotate(_plain(mark.label), (mark.x, 1), xycoords=("data", "axes fraction"), xytext=(3, -10),
                          textcoords="offset points", fontsize=8)  # fmt: skip
    axes.set_title(_plain(spec.title), loc="left")
    axes.set_xlabel(_plain(spec.x_label))
    axes.set_ylabel(_plain(spec.y_label))
    if any(curve.label for curve in spec.curves):
        axes.legend(frameon=False, fontsize=9)


def _broken(x: Any, y: Any, gaps: Any) -> tuple[Any, Any]:
    """The line with a NaN where it is broken."""
    at = np.searchsorted(x, gaps)
    return np.insert(x, at, gaps), np.insert(y, at, np.nan)


def _plain(text: str) -> str:
    """Text in which matplotlib sees no formula."""
    from ..text import clean

    return clean(text).replace("$", r"\$")
