"""What the probes of the layers answer, drawn: health as a table and over time, histograms of activations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from ..engine.history import History
from .blocks import Block, Page, beside, blank
from .histograms import histograms
from .look_colours import layer_colour, layer_sign
from .over_time import Track, over_time
from .text import fit, number, percent

Answer = Mapping[str, Any]
Row = Mapping[str, Any]

#: Shares and ratios from which a layer's number is trouble; the diagnosis has the exact rules.
_MANY_DEAD, _MANY_SATURATED, _LARGE_UPDATE = 0.5, 0.5, 0.1
#: Upper ends of an axis of shares.
_SHARES = (0.05, 0.1, 0.2, 0.5, 1.0)
#: Rows of a chart over time at least, rows from which on one stands below another, columns for two side by side.
_CHART_ROWS, _TWO_ROWS, _TWO_COLUMNS = 8, 25, 90


@dataclass(frozen=True)
class Measure:
    """What can be drawn over time."""

    title: str
    value: Callable[[Row], float | None]
    share: bool = False


def _stuck(row: Row) -> float | None:
    """The share of units that pass no gradient, by what the activation can suffer from."""
    return (
        row["dead"]
        if row["kind"] == "relu"
        else row["saturated"]
        if row["kind"] in ("tanh", "sigmoid")
        else None
    )


MEASURES = (
    Measure("activation std across examples", lambda row: row["std"]),
    Measure("gradient with respect to activations", lambda row: row["gradient"]),
    Measure("update-to-weight ratio", lambda row: row["update_ratio"]),
    Measure("dead (ReLU) or saturated units", _stuck, share=True),
)


def layers(answer: Answer, history: History, page: Page) -> Block:
    """A row of numbers per hidden layer, and below it what was measured of them over the epochs.

    Without an answer the table is that of the last measurement in the log.
    """
    logged = history.layers[-1].layers_health if history.layers else ()
    rows: Sequence[Row] = answer.get("layers", logged)
    if not rows:
        if history.started is not None and not history.layers:
            return page.paragraph("Nothing measured yet.")
        return page.paragraph("A linear model has no hidden layers: choose a model with some to look inside.")
    lines = _table(rows, page)
    if "layers" not in answer:
        lines.append(page.line(f"As it was at epoch {history.layers[-1].epoch}, from the log.", "dim"))
    if not history.layers:
        return lines
    below = page.height - len(lines) - 2
    return [*lines, blank(0), *_charts(rows if "layers" in answer else (), history, page, below)]


def measures_at_once(page: Page, layers: int) -> int:
    """How many measures are drawn beside and below each other; the key m goes on to the others."""
    below = page.height - (layers + 1) - 2
    columns = 2 if page.width >= _TWO_COLUMNS else 1
    return columns * (2 if below >= _TWO_ROWS else 1)


def _charts(now: Sequence[Row], history: History, page: Page, below: int) -> Block:
    count = measures_at_once(page, len(history.layers[-1].layers_health))
    first = page.at * count % len(MEASURES)
    columns = min(count, 2 if page.width >= _TWO_COLUMNS else 1)
    down = count // columns
    width = (page.width - 3 * (columns - 1)) // columns
    # Below them a note, on a narrow page of two lines.
    note_rows = 1 if page.width >= _TWO_COLUMNS else 2
    height = max(_CHART_ROWS, (below - note_rows - (down - 1)) // down - 1)
    lines: Block = []
    for row in range(down):
        chosen = MEASURES[first + row * columns : first + (row + 1) * columns]
        charts = [_over_time(measure, now, history, page, width, height) for measure in chosen]
        lines += [*([blank(0)] if lines else []), *beside(charts, 3)]
    note = "A point a layer, numbered from the input, at each epoch at which it was measured"
    note += f"; {page.moment}: as in the table." if now else "."
    return [*lines, *page.paragraph(note, "dim")]


def _over_time(
    measure: Measure, now: Sequence[Row], history: History, page: Page, width: int, height: int
) -> Block:
    probes, count = history.layers, len(history.layers[-1].layers_health)
    labels = [str(probe.epoch) for probe in probes]
    tables: list[Sequence[Row]] = [probe.layers_health for probe in probes]
    if len(now) == count:
        labels.append(page.moment)
        tables.append(now)
    tracks = [
        Track(
            layer_sign(index),
            layer_colour(index, count, page),
            [measure.value(table[index]) if index < len(table) else None for table in tables],
        )
        for index in range(count)
    ]
    scale = "share" if measure.share else "log"
    kinds = {str(row["kind"]) for row in history.layers[-1].layers_health}
    title = page.line(f"{measure.title}, {scale}", "bold", width)
    if measure.share and not kinds & {"relu", "tanh", "sigmoid"}:
        return [title, page.line(f"{', '.join(sorted(kinds))} units neither die nor saturate", "dim", width)]
    chart = over_time(
        page, labels, tracks, width, height, log=not measure.share, name=measure.title,
        tops=_SHARES if measure.share else (),
    )  # fmt: skip
    return [title, *chart]


def _known(value: float | None) -> str:
    return "-" if value is None else number(value)


#: Title, what is shown of a row with whether it is trouble, and how soon the column gives way in a narrow window: those
#: with the highest number first, 0 never.
_COLUMNS: tuple[tuple[str, Callable[[Row], tuple[str, bool]], int], ...] = (
    ("layer", lambda row: (str(row["name"]), False), 0),
    ("kind", lambda row: (str(row["kind"]), False), 5),
    ("units", lambda row: (f"{row['units']}", False), 6),
    ("std", lambda row: (number(row["std"]), not math.isfinite(row["std"])), 0),
    ("gradient", lambda row: (number(row["gradient"]), not math.isfinite(row["gradient"])), 0),
    ("update/weight", lambda row: (_known(row["update_ratio"]), _too_large(row["update_ratio"])), 1),
    ("saturated", lambda row: (percent(row["saturated"]).strip(), row["saturated"] > _MANY_SATURATED), 3),
    ("dead", lambda row: (percent(row["dead"]).strip(), row["dead"] > _MANY_DEAD), 2),
    ("alike", lambda row: (str(row["twins"]) if row["twins"] > 1 else "-", row["twins"] > 1), 4),
)


def _too_large(ratio: float | None) -> bool:
    """Whether an update is too large for its weights, or not a number."""
    return ratio is not None and not ratio <= _LARGE_UPDATE


def _table(rows: Sequence[Row], page: Page) -> Block:
    """The columns that fit, the less important ones left out first; a gap of two cells where there is room for it."""
    cells = [[show(row) for _, show, _ in _COLUMNS] for row in rows]
    widths = [
        max(len(title), *(len(row[place][0].rstrip()) for row in cells))
        for place, (title, _, _) in enumerate(_COLUMNS)
    ]
    shown = list(range(len(_COLUMNS)))
    for place in sorted(shown, key=lambda place: -_COLUMNS[place][2]):
        if not _COLUMNS[place][2] or sum(widths[place] + 1 for place in shown) <= page.width:
            break
        shown.remove(place)
    gap = 2 if sum(widths[place] + 2 for place in shown) <= page.width else 1
    head = Text("", no_wrap=True, end="")
    head.append("".join(fit(_COLUMNS[place][0], widths[place] + gap) for place in shown).rstrip(), "dim")
    lines = [head]
    for row in cells:
        line = Text(no_wrap=True, end="")
        for place in shown:
            text, trouble = row[place]
            line.append(page.cell(text, widths[place]), page.trouble if trouble else "")
            line.append(" " * gap)
        lines.append(line)
    return lines


def activations(answer: Answer, history: History, page: Page) -> Block:
    """A histogram of each hidden layer's activations."""
    parts: Sequence[Row] = answer["layers"]
    titles = [f"{part['name']} ({part['kind']})" for part in parts]
    return histograms(parts, titles, [""] * len(parts), page)
