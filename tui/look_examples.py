"""What the probes of single examples answer, drawn: the worst, and true against predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from ..engine.history import History
from .blocks import Block, Page, blank, in_rows, width_of
from .look_colours import quiet, wrong
from .scatter import Layer, scatter
from .text import clean, number, percent
from .thumbnails import arrange, thumbnail, wave

Answer = Mapping[str, Any]
Example = Mapping[str, Any]

#: Pictures that there should be room for, rows of a table, lines and cells of the words below a picture.
_PICTURES, _ROWS, _CAPTION = 8, 40, (3, 22)
#: Cells and rows of a wave.
_WAVE = (36, 3)


def worst_options(page: Page, history: History) -> dict[str, int]:
    """Pictures for two windows, one below the other; rows of a table are cheap."""
    shape = history.started.shape if history.started is not None else ()
    if len(shape) == 2:
        return {"n": 24}
    if len(shape) != 3:
        return {"n": _ROWS}
    return {"n": max(8, min(24, 2 * _arranged(page, shape)[1]))}


def _arranged(page: Page, shape: Sequence[int]) -> tuple[int, int]:
    return arrange(page, shape, _PICTURES, head=2, caption=_CAPTION[0], width=_CAPTION[1])


def worst(answer: Answer, history: History, page: Page) -> Block:
    """The validation examples with the largest loss: pictures where they are images, values where they are rows."""
    examples: Sequence[Example] = answer["examples"]
    head = [
        *page.paragraph(f"The {answer['part']} examples with the largest loss, the worst first."),
        blank(0),
    ]
    if answer["form"] == "image":
        factor = _arranged(page, np.shape(examples[0]["pixels"]))[0]
        pictures = [thumbnail(one["pixels"], page, factor) for one in examples]
        return head + _gallery(pictures, examples, page)
    if answer["form"] == "audio" and all("wave" in example for example in examples):
        width = min(page.width, _WAVE[0])
        return head + _gallery([wave(one["wave"], page, width, _WAVE[1]) for one in examples], examples, page)
    said = [_said(example[key]) for example in examples for key in ("target", "predicted")]
    width = min(16, max(4, *(cell_len(one) for one in said))) + 2
    taken = max(width, 11)
    sure = any(example["probability"] is not None for example in examples)
    last = "sure" if sure else "error" if _are_numbers(examples) else ""
    titles = f"{'index':>7}  {'loss':<9}{'true':<{width}}{'predicted':<{taken}}" + (
        f"{last:<9}" if last else ""
    )
    columns = _columns(examples, page.width - cell_len(titles))
    lines = [page.line(titles + "".join(page.cell(cells[0], wide) for cells, wide in columns), "dim")]
    for place, example in enumerate(examples, 1):
        text = f"{example['index']:>7,}  {number(example['loss']):<9}"
        text += page.cell(_said(example["target"]), width - 1) + " "
        text += page.cell(_said(example["predicted"]), taken - 1) + " "
        if last:
            text += f"{_sure(example) if sure else _error(example):<9}"
        lines.append(page.line(text + "".join(page.cell(cells[place], wide) for cells, wide in columns)))
    return head + lines


def _columns(examples: Sequence[Example], room: int) -> list[tuple[list[str], int]]:
    """The values of tables, a name and its values each, and their widths; as many as fit, and how many did not."""
    names = list(dict.fromkeys(str(key) for example in examples for key in example.get("values", {})))
    found: list[tuple[list[str], int]] = []
    for left, name in zip(range(len(names), 0, -1), names, strict=True):
        values = [example["values"].get(name) for example in examples]
        cells = [clean(name, 20), *("" if value is None else f"{value:.4g}" for value in values)]
        width = max(map(cell_len, cells)) + 2
        if width + (10 if left > 1 else 0) > room:
            return [*found, ([f"+ {left} more", *[""] * len(examples)], 10)] if room >= 10 else found
        found.append((cells, width))
        room -= width
    return found


def _said(value: Any) -> str:
    return number(value).strip() if isinstance(value, float) else clean(str(value), 40)


def _are_numbers(examples: Sequence[Example]) -> bool:
    return all(isinstance(example[key], float) for example in examples for key in ("target", "predicted"))


def _error(example: Example) -> str:
    """By how much the prediction is too high (+) or too low."""
    off = example["predicted"] - example["target"]
    return ("+" if off > 0 else "") + number(off).strip()


def _sure(example: Example) -> str:
    return "" if example["probability"] is None else percent(example["probability"]).strip()


def _gallery(pictures: Sequence[Block], examples: Sequence[Example], page: Page) -> Block:
    width = max(_CAPTION[1], *map(width_of, pictures))
    blocks = [
        [*picture, *_caption(one, page, width)] for picture, one in zip(pictures, examples, strict=True)
    ]
    return in_rows(blocks, page.width, gap=3)


def _caption(example: Example, page: Page, width: int) -> Block:
    """What it is and what it was taken for; all of one width, so that the rows of pictures line up."""
    true, taken, sure = _said(example["target"]), _said(example["predicted"]), _sure(example)
    lines = [
        f"{true}, as it should be" if true == taken else f"{true}, taken for {taken}",
        (f"only {sure} sure" if true == taken else f"{sure} sure") if sure else "",
        f"loss {number(example['loss']).strip()}  #{example['index']}",
    ]
    return [
        Text(page.cell(line, min(width, page.width)), "dim" if place else "", no_wrap=True, end="")
        for place, line in enumerate(lines)
    ]


def predictions(answer: Answer, history: History, page: Page) -> Block:
    """Each example's true value against the predicted one; on the diagonal the two are equal."""
    true, predicted = (
        np.asarray(answer["true"], dtype=np.float64),
        np.asarray(answer["predicted"], dtype=np.float64),
    )
    good = np.isfinite(true) & np.isfinite(predicted)
    if not good.any():
        return [page.line("no finite prediction: training diverged", page.trouble)]
    error = predicted[good] - true[good]
    spread = float(((true[good] - true[good].mean()) ** 2).sum())
    r2 = 1 - float((error**2).sum()) / spread if spread else math.nan
    target = clean(str(answer["target"]), 40) or "target"
    head = page.line(
        f"{answer['part']}: RMSE {number(math.sqrt(float((error**2).mean()))).strip()}, mean error {number(float(error.mean())).strip()}, "
        f"R² {number(r2).strip()}"
    )  # fmt: skip
    ends = [
        float(min(true[good].min(), predicted[good].min())),
        float(max(true[good].max(), predicted[good].max())),
    ]
    layers = [
        Layer("equal", ends, ends, quiet(page), line=True, sign="."),
        Layer(f"predicted {target} against true", true, predicted, wrong(page), sign="o"),
    ]
    height = max(page.height - 2, 6)
    across = min(page.width, max(40, 4 * height))
    return [head, blank(0), *scatter(page, layers, across, height, x_label=f"true {target}", square=True)]
