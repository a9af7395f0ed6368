"""The machine as a page: numbers with units at the left, the last two minutes at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.style import Style
from rich.text import Text

from .blocks import Block, Page
from .curves import Marker
from .dots import DOTS, encode
from .nvidia import Gpu, Gpus
from .system import KEPT, Ring, Sample, size

#: Columns of the topics and of the numbers; what is left belongs to the last two minutes.
_TOPIC, _NUMBERS = 10, 38
_NARROW = 62
#: Rows of a history, at most.
_TALLEST = 4
#: Levels of a bar of one cell, and what stands for them in 7 bits.
_LEVELS, _PLAIN_LEVELS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
_TROUBLE = 0.9


@dataclass(frozen=True)
class _Row:
    topic: str
    text: str
    history: str = ""
    "Name in the ring of what is drawn beside it."
    most: float = 1.0
    "Value at the top of the drawing."
    trouble: bool = False


def keep(ring: Ring, sample: Sample, gpus: Gpus) -> None:
    """Put what is drawn into the ring."""
    used, allowed = sample.memory
    values: dict[str, float | None] = {
        "cpu": sample.busy,
        "process": sample.process_cores,
        "memory": used / allowed if allowed else None,
    }
    for gpu in gpus.found:
        values[f"gpu{gpu.index}"] = gpu.busy
        values[f"gpu{gpu.index} memory"] = (
            gpu.used / gpu.total if gpu.used is not None and gpu.total else None
        )
    ring.add(sample.at, **values)


def page_of(sample: Sample, gpus: Gpus, ring: Ring, page: Page, screen: str = "") -> Block:
    """Draw everything; histories are as tall as there is room. `screen` tells what the screen itself costs."""
    machine, cards = _machine(sample, page.width - _TOPIC), _cards(gpus)
    machine += [_Row("Screen", screen)] if screen else []
    few = machine + _brief(gpus) if len(machine) + len(cards) > page.height else machine + cards
    drawn = sum(1 for row in few if row.history)
    wide = page.width >= _NARROW
    spare = page.height - len(few) - 1
    tall = max(1, min(_TALLEST, 1 + spare // drawn)) if drawn and wide else 1
    lines: Block = []
    for row in few:
        lines += _drawn(row, ring, page, tall if row.history else 1, wide)
    if wide and len(lines) < page.height:
        lines.append(_scale(page))
    return lines


def _machine(sample: Sample, width: int) -> list[_Row]:
    used, allowed = sample.memory
    share = used / allowed if allowed else 0.0
    within = "allowed here" if allowed == sample.limit else "in use"
    rows = [_Row("CPU", _cpu(sample), "cpu")]
    rows += [_Row("" if row else "  cores", text) for row, text in enumerate(_cores(sample, width))]
    if sample.load is not None:
        one, five, fifteen = sample.load
        rows.append(_Row("  load", f"{one:.2f}  {five:.2f}  {fifteen:.2f}  over 1, 5, 15 min"))
    if sample.pid is None or sample.threads is None or sample.resident is None:
        rows.append(_Row("Process", "it cannot be seen from here, or it has ended"))
    else:
        took = "     …" if sample.process_cores is None else f"{sample.process_cores:6.2f}"
        cores = max(1.0, sample.usable)
        rows.append(_Row("Process", f"{took} of {sample.usable:g} cores", "process", cores))
        rows.append(_Row("", f"pid {sample.pid}, {sample.threads} threads, memory {size(sample.resident)}"))
    rows.append(_Row("Memory", f"{share:6.1%} of {size(allowed)} {within}", "memory", 1.0, share > _TROUBLE))
    if sample.limit is not None and allowed == sample.limit:
        rows.append(_Row("", f"machine: {size(sample.used)} of {size(sample.total)}"))
    disk = [f"{size(sample.disk_free)} free"] if sample.disk_free is not None else []
    disk += [f"this run {size(sample.run_size)}"] if sample.run_size is not None else []
    disk += [f"its log grows {size(sample.log_rate)}/s"] if sample.log_rate is not None else []
    if disk:
        low = sample.disk_free is not None and sample.disk_free < 1 << 30
        rows.append(_Row("Disk", ", ".join(disk), trouble=low))
    return rows


def _cpu(sample: Sample) -> str:
    busy = sample.busy
    return "     …" if busy is None else f"{busy:6.1%} of {len(sample.cores)} cores"


def _cores(sample: Sample, width: int) -> list[str]:
    """Each core: in numbers where they are few, else in one cell each, in groups of eight."""
    if 5 * len(sample.cores) <= min(width, 45):
        return [" ".join(f"{share:4.0%}" for share in sample.cores)] if sample.cores else []
    bars = "".join(_LEVELS[min(8, round(share * 8))] for share in sample.cores)
    groups = [bars[first : first + 8] for first in range(0, len(bars), 8)]
    per_row = max(1, (width + 1) // 9)
    return [" ".join(groups[first : first + per_row]) for first in range(0, len(groups), per_row)]


def _cards(gpus: Gpus) -> list[_Row]:
    if not gpus.found:
        return [_Row("GPU", gpus.trouble)]
    rows: list[_Row] = []
    for gpu in gpus.found:
        rows += [
            _Row(f"GPU {gpu.index}", gpu.name),
            _Row("  busy", f"{_share(gpu.busy)} of the time", f"gpu{gpu.index}"),
            _Row("  memory", _memory(gpu), f"gpu{gpu.index} memory", trouble=_full(gpu)),
            _Row("", _heat(gpu), trouble=bool(gpu.slowed)),
        ]
    return rows


def _brief(gpus: Gpus) -> list[_Row]:
    """A line a GPU, where there are too many for more."""
    if not gpus.found:
        return [_Row("GPU", gpus.trouble)]
    return [
        _Row(
            f"GPU {gpu.index}", f"busy {_share(gpu.busy).strip()}, memory {_memory(replace(gpu, own=None)).strip()}", f"gpu{gpu.index}",
            trouble=bool(gpu.slowed) or _full(gpu),
        )
        for gpu in gpus.found
    ]  # fmt: skip


def _share(share: float | None) -> str:
    return "   not told" if share is None else f"{share:6.1%}"


def _full(gpu: Gpu) -> bool:
    return gpu.used is not None and bool(gpu.total) and gpu.used / (gpu.total or 1) > 0.95


def _memory(gpu: Gpu) -> str:
    if gpu.used is None or not gpu.total:
        return "   not told"
    own = f", {size(gpu.own)} this run" if gpu.own else ""
    return f"{gpu.used / gpu.total:6.1%} of {size(gpu.total)}{own}"


def _heat(gpu: Gpu) -> str:
    parts = [f"{gpu.temperature} °C"] if gpu.temperature is not None else []
    if gpu.power is not None:
        most = "" if gpu.power_limit is None else f" of {gpu.power_limit:.0f}"
        parts.append(f"{gpu.power:.0f}{most} W")
    if gpu.clock is not None:
        most = "" if gpu.clock_most is None else f" of {gpu.clock_most:,}"
        parts.append(f"{gpu.clock:,}{most} MHz")
    parts.append(f"slowed: {', '.join(gpu.slowed)}" if gpu.slowed else "not slowed")
    return ", ".join(parts)


def _drawn(row: _Row, ring: Ring, page: Page, tall: int, wide: bool) -> Block:
    style = page.trouble + Style(bold=True) if row.trouble else Style.null()
    room = page.width - _TOPIC - _NUMBERS
    beside = wide and bool(row.history)
    text = row.text if not page.ascii else row.text.translate(str.maketrans(_LEVELS, _PLAIN_LEVELS))
    lines: Block = []
    pictures = spark(ring.values(row.history), row.most, room, tall, page.marker) if beside else [""] * tall
    for index in range(tall):
        topic, words = (row.topic, text) if index == 0 else ("", "")
        width = _NUMBERS - 1 if beside else max(0, page.width - _TOPIC)
        line = Text(no_wrap=True, end="")
        line.append(
            page.cell(topic, min(_TOPIC, page.width)), Style(bold=True) if topic[:1].strip() else "dim"
        )
        line.append(page.written(words)[:width].ljust(width if beside else 0), style)
        if beside:
            line.append(" ")
            line.append(pictures[index], style)
        lines.append(line)
    return lines


def _scale(page: Page) -> Text:
    """What the histories span."""
    room = page.width - _TOPIC - _NUMBERS
    left, right = "2 min ago", "now"
    text = left + " " * max(1, room - len(left) - len(right)) + right
    return page.line(" " * (_TOPIC + _NUMBERS) + text, "dim")


def spark(values: Sequence[float | None], most: float, width: int, height: int, marker: Marker) -> list[str]:
    """The last two minutes as `height` rows of `width` cells, the newest at the right, filled from below.

    A known value shows at least one dot, so that "nothing" is told from "not measured".
    """
    if width < 1:
        return [""] * height
    across, down = (1, len(_PLAIN_LEVELS) - 1) if marker == "ascii" else DOTS[marker]
    columns, rows = width * across, height * down
    # Each column shows the highest of the seconds it stands for.
    first = np.arange(columns) * KEPT // columns
    last = np.maximum((np.arange(columns) + 1) * KEPT // columns, first + 1)
    tall = np.zeros(columns, dtype=np.int64)
    for column in range(columns):
        known = [value for value in values[first[column] : last[column]] if value is not None]
        if known:
            tall[column] = min(rows, max(1, round(max(known) / most * rows)))
    if marker == "ascii":
        return [
            "".join(_PLAIN_LEVELS[min(down, max(0, int(one) - down * (height - 1 - row)))] for one in tall)
            for row in range(height)
        ]
    return encode(np.arange(rows, 0, -1)[:, None] <= tall, marker)
