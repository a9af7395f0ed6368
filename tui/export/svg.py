"""A chart as SVG: the same question that the terminal's chart is asked, answered in vectors, without another library."""

from __future__ import annotations

import re

import numpy as np

from ..axes import ticks
from ..chart_labels import spread
from ..curves import ChartSpec, Curve, Mark
from ..scale import Ranges, Scale, Trace, choose_ranges, nonfinite
from ..text import number
from .markup import Markup, join, tag

#: (on white, on black): Okabe and Ito's colours, told apart with every common colour vision; darkened or lightened
#: until each has a contrast of 3 with its ground.
COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff8c42"),
    ("#008f68", "#3fcf9f"),
    ("#a8437f", "#e59ac6"),
    ("#8f6200", "#e6b422"),
    ("#4d4d4d", "#bdbdbd"),
)
GROUNDS = ("#ffffff", "#14181d")
#: One a curve, in turn: colour is never the only difference.
_DASHES = (None, "8 4", "2 3", "10 3 2 3", "5 2", "1 2 5 2")

_FINE = 10  # places are whole tenths of a pixel
_LEFT, _TOP, _BOTTOM = 62, 42, 44
_LINE = 15


def _colours(column: int) -> dict[str, dict[str, str]]:
    """The properties of each class that differ between light (0) and dark (1)."""
    ink, dim, grid = (("#1b1f24", "#59636e", "#e3e6ea"), ("#e8eaed", "#9aa4af", "#2b323a"))[column]
    return {
        "ink": {"fill": ink},
        "dim": {"fill": dim},
        "grid": {"stroke": grid},
        "rule": {"stroke": dim},
        "ground": {"fill": GROUNDS[column]},
        **{f"s{i}": {"stroke": pair[column]} for i, pair in enumerate(COLOURS)},
        **{f"f{i}": {"fill": pair[column]} for i, pair in enumerate(COLOURS)},
    }


_SHAPES = {
    "title": {"font-weight": "600", "font-size": "14"},
    "curve": {"fill": "none", "stroke-width": "2.2", "stroke-linejoin": "round", "stroke-linecap": "round"},
    "thin": {"stroke-width": "1.2", "opacity": "0.65"},
    "spread": {"opacity": "0.16", "stroke": "none"},
}
_LOOK = {**_colours(0), **_SHAPES}


def _rules(looks: dict[str, dict[str, str]]) -> str:
    return "".join(
        f"svg .{name}{{{';'.join(f'{key}:{value}' for key, value in look.items())}}}"
        for name, look in looks.items()
    )


#: The colours of every chart on a dark screen; paper is always light. Drawings alone hold it, a page holds it once.
STYLE = Markup(f"@media screen and (prefers-color-scheme:dark){{{_rules(_colours(1))}}}")


def _shape(element: str, look: str, *content: str, **attributes: str | float | None) -> Markup:
    """An element of one or more classes, with what they mean on white written out as attributes.

    Mail programs and converters show a drawing without the style sheet; where there is one, it has the last word.
    """
    literal = {key: value for name in look.split() for key, value in _LOOK[name].items()}
    return tag(element, *content, class_=look or None, **{**literal, **attributes})


def svg(
    spec: ChartSpec, description: str, name: str, *, width: int = 760, height: int = 320, alone: bool = True
) -> Markup:
    """Draw a chart `width` by `height` pixels; its cells, markers and palette are not looked at.

    `description` says in words what is to be seen; `name` keeps the ids of several charts on a page apart. A curve
    whose colour is not "#rrggbb" gets the next of COLOURS. `alone` makes it a file of its own.
    """
    drawing = _Drawing(spec, width, height)
    ground = [_shape("rect", "ground", width=width, height=height)] if alone else []
    style = [tag("style", STYLE)] if alone else []
    return tag(
        "svg",
        join(
            [
                tag("title", spec.title or "chart", id=f"{name}-title"),
                tag("desc", description, id=f"{name}-desc"),
                *style,
                *ground,
                *drawing.parts(),
            ]
        ),
        xmlns="http://www.w3.org/2000/svg" if alone else None,
        viewBox=f"0 0 {width} {height}",
        width=width if alone else None,
        height=height if alone else None,
        # The room for labels is reckoned in letters of this size.
        font_family="system-ui, sans-serif",
        font_size=12,
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


class _Drawing:
    def __init__(self, spec: ChartSpec, width: int, height: int) -> None:
        self.spec = spec
        labels = [len(_end_text(curve)) for curve in spec.curves if curve.label]
        self.right = max(70, width - 16 - min(7 * max(labels, default=0), width // 3))
        self.bottom = height - _BOTTOM
        self.width, self.height = width, height
        self.ranges: Ranges = choose_ranges(spec, None)
        self.scale = Scale(
            self.ranges, (self.right - _LEFT) * _FINE + 1, max(1, self.bottom - _TOP) * _FINE + 1
        )

    def x(self, value: float) -> float:
        return _LEFT + float(self.scale.dot_columns(np.array([value]))[0]) / _FINE

    def y(self, value: float) -> float:
        return self.bottom - float(self.scale.dot_rows(np.array([value]))[0]) / _FINE

    def parts(self) -> list[Markup]:
        spec, drawn = self.spec, [self._headline()]
        drawn += self._axes()
        for band in spec.bands:
            left, top = self.x(band.x0), self.y(max(band.low, band.high))
            drawn.append(
                _shape("rect", "spread f2", x=left, y=top, width=max(0, self.x(band.x1) - left),
                    height=max(1, self.y(min(band.low, band.high)) - top))
            )  # fmt: skip
        drawn += [part for i, mark in enumerate(spec.marks) for part in self._mark(mark, i)]
        order = sorted(range(len(spec.curves)), key=lambda i: spec.curves[i].style == "strong")
        strong = [i for i in order if spec.curves[i].style == "strong"]
        for i in order:
            dash = _DASHES[strong.index(i) % len(_DASHES)] if i in strong else None
            drawn += self._curve(spec.curves[i], i, dash)
        drawn += self._end_labels()
        if not any(len(curve.x) for curve in spec.curves):
            drawn.append(
                tag(
                    "text",
                    spec.empty,
                    class_="dim",
                    x=self.width / 2,
                    y=self.height / 2,
                    text_anchor="middle",
                )
            )
        return drawn

    def _headline(self) -> Markup:
        scale = "log scale" if self.ranges.log_y else ""
        words = [word for word in (self.spec.y_label, scale) if word]
        return join([
            _shape("text", "ink title", self.spec.title, x=_LEFT, y=18),
            _shape("text", "dim", ", ".join(words), x=self.width - 8, y=18, text_anchor="end"),
            _shape("text", "dim", self.spec.x_label, x=(_LEFT + self.right) / 2, y=self.height - 8,
                text_anchor="middle"),
        ])  # fmt: skip

    def _axes(self) -> list[Markup]:
        drawn: list[Markup] = []
        for tick in ticks(self.ranges.y, max(2, (self.bottom - _TOP) // 40), log=self.ranges.log_y):
            y = self.y(tick.value)
            drawn.append(_shape("line", "grid", x1=_LEFT, x2=self.right, y1=y, y2=y))
            drawn.append(_shape("text", "dim", tick.label, x=_LEFT - 8, y=y + 4, text_anchor="end"))
        for tick in ticks(self.ranges.x, max(2, (self.right - _LEFT) // 70), whole=True):
            x = self.x(tick.value)
            drawn.append(_shape("line", "rule", x1=x, x2=x, y1=self.bottom, y2=self.bottom + 4))
            drawn.append(_shape("text", "dim", tick.label, x=x, y=self.bottom + 18, text_anchor="middle"))
        drawn.append(_shape("line", "rule", x1=_LEFT, x2=self.right, y1=self.bottom, y2=self.bottom))
        return drawn

    def _mark(self, mark: Mark, index: int) -> list[Markup]:
        low, high = self.ranges.x
        if not low <= mark.x <= high:
            return []
        x = self.x(mark.x)
        if mark.kind == "check":
            return [_shape("line", "rule", x1=x, x2=x, y1=self.bottom - 4, y2=self.bottom)]
        left = x > (_LEFT + self.right) / 2
        line = _shape("line", "rule", x1=x, x2=x, y1=_TOP, y2=self.bottom, stroke_dasharray="2 3")
        label = tag(
            "text", mark.label, class_="ink", x=x + (-5 if left else 5), y=_TOP - 4 + _LINE * (index % 3),
            text_anchor="end" if left else "start",
        )  # fmt: skip
        ring = [self._ring(mark.x)] if mark.kind == "best" else []
        return [line, label, *[part for part in ring if part]]

    def _ring(self, x: float) -> Markup:
        """A ring around the point of the first strong curve that has one at x."""
        for curve in self.spec.curves:
            at = np.flatnonzero((np.asarray(curve.x) == x) & np.isfinite(curve.y))
            if curve.style == "strong" and len(at):
                return _shape("circle", "rule", cx=self.x(x), cy=self.y(float(np.asarray(curve.y)[at[0]])),
                           r=6, fill="none", stroke_width=2)  # fmt: skip
        return Markup()

    def _curve(self, curve: Curve, index: int, dash: str | None) -> list[Markup]:
        trace = self.scale.trace(curve)
        stroke, stroke_class = _colour(curve, index, "stroke")
        fill, fill_class = _colour(curve, index, "fill")
        drawn: list[Markup] = []
        if bool((trace.high > trace.low).any()):
            drawn.append(_shape("path", f"spread {fill_class}", **fill, d=self._area(trace)))
        thin = " thin" if curve.style == "dim" else ""
        drawn.append(
            _shape(
                "path", f"curve{thin} {stroke_class}", **stroke, stroke_dasharray=dash, d=self._line(trace)
            )
        )
        low, high = self.ranges.x
        for x in np.unique(nonfinite(curve)).tolist():
            if low <= x <= high:
                place = self.x(x)
                cross = f"M{place - 4:.1f} {self.bottom - 8}l8 8m0 -8l-8 8"
                drawn.append(_shape("path", "curve s1", d=Markup(cross)))
        return drawn

    def _line(self, trace: Trace) -> Markup:
        words: list[str] = []
        for x, y, joined in zip(trace.x.tolist(), trace.y.tolist(), trace.joined.tolist(), strict=True):
            words.append(f"{'L' if joined else 'M'}{self._place(x, y)}{'' if joined else 'h0'}")
        return Markup("".join(words))

    def _area(self, trace: Trace) -> Markup:
        starts = np.flatnonzero(~trace.joined).tolist()
        words: list[str] = []
        for start, end in zip(starts, [*starts[1:], len(trace.x)], strict=True):
            x = trace.x[start:end].tolist()
            edge = [*zip(x, trace.high[start:end].tolist(), strict=True)]
            edge += [*zip(x, trace.low[start:end].tolist(), strict=True)][::-1]
            words.append("M" + "L".join(self._place(*place) for place in edge) + "Z")
        return Markup("".join(words))

    def _place(self, x: int, y: int) -> str:
        return f"{_LEFT + x / _FINE:g} {self.bottom - y / _FINE:g}"

    def _end_labels(self) -> list[Markup]:
        ends: list[tuple[int, int]] = []
        for i, curve in enumerate(self.spec.curves):
            y = np.asarray(curve.y)[np.isfinite(curve.y)]
            if curve.label and len(y):
                ends.append((int(min(max(self.y(float(y[-1])), _TOP), self.bottom)) - _TOP, i))
        ends.sort()
        most = max(1, (self.bottom - _TOP) // _LINE)
        rows = spread([row for row, _ in ends[:most]], _LINE, most * _LINE)
        return [
            self._end_label(self.spec.curves[i], i, _TOP + row + 4)
            for row, (_, i) in zip(rows, ends, strict=False)
        ]

    def _end_label(self, curve: Curve, index: int, y: float) -> Markup:
        fill, fill_class = _colour(curve, index, "fill")
        return _shape("text", fill_class, _end_text(curve), **fill, x=self.right + 6, y=y)


def _end_text(curve: Curve) -> str:
    y = np.asarray(curve.y)[np.isfinite(curve.y)]
    last = curve.last if curve.last is not None else float(y[-1]) if len(y) else None
    label = curve.label if len(curve.label) <= 24 else curve.label[:23] + "…"
    return label if last is None else f"{label} {number(last).strip()}"


def _colour(curve: Curve, index: int, paint: str) -> tuple[dict[str, str], str]:
    """(attributes, class) of a paint, stroke or fill: COLOURS are classes, which follow a light or dark ground."""
    light = [pair[0] for pair in COLOURS]
    if curve.colour in light:
        return {}, f"{paint[0]}{light.index(curve.colour)}"
    if curve.colour and re.fullmatch(r"#[0-9a-fA-F]{6}", curve.colour):
        return {paint: curve.colour}, ""
    return {}, f"{paint[0]}{index % len(COLOURS)}"
