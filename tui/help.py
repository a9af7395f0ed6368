"""Every key of the lab, once: what the help page and the command palette say of it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import zip_longest

#: From this width on the page has two columns, and what is between them.
_TWO_COLUMNS, _GAP = 100, 2


@dataclass(frozen=True)
class Key:
    """A key, or several that do the same, named as Textual names them."""

    keys: str
    "Separated by commas, as in a binding."
    name: str
    "Its name in the command palette."
    text: str
    "What it does."


SECTIONS: tuple[tuple[str, tuple[Key, ...]], ...] = (
    (
        "Train",
        (
            Key("r", "Train", "train the experiment, or queue it"),
            Key("p", "Pause or go on", "pause after this step; go on"),
            Key("space", "One step", "one step, then pause"),
            Key("right_square_bracket", "Run some epochs", "some epochs, then pause"),
            Key("f", "Finish this epoch", "finish this epoch, save and stop (asks)"),
            Key("s", "Stop", "stop (asks how)"),
            Key("k", "Save a checkpoint", "save a checkpoint"),
            Key("c", "Change while training", "change values while it trains"),
            Key("o", "Slow motion", "slow motion; full speed again"),
        ),
    ),
    (
        "The experiment",
        (
            Key("e", "Edit the experiment", "to the form; Enter picks or edits"),
            Key("ctrl+o", "Open experiment", "begin from another experiment"),
            Key("u", "Undo", "take back the last change"),
            Key("y", "Show as command line", "show it as a command line"),
            Key("ctrl+s", "Save as preset", "save it as a preset of your own"),
        ),
    ),
    (
        "Understanding",
        (
            Key("w", "What if", "what if it had stopped otherwise"),
            Key("d", "Diagnosis", "why: the diagnosis with its evidence"),
            Key("i", "Inside", "inside: layers, weights, boundary, …"),
            Key("g", "System", "the machine: CPU, memory, disk, GPU"),
            Key("G", "Log", "the log: all that happened"),
            Key("L", "Lecture figures", "figures: optimizers' paths, fits, …"),
        ),
    ),
    (
        "The charts",
        (
            Key("m", "Next metric", "metrics, learning rate, penalty; the other chart"),
            Key("l", "Log or linear loss", "logarithmic or linear loss"),
            Key("x", "Axis", "epoch, step or time"),
            Key("v", "Smoothing", "smoothing: off, light, strong"),
            Key("B", "Batch losses", "the losses of the batches, or not"),
            Key("C", "Fit validation", "fit the loss axis to validation, or to all"),
            Key("F", "Charts alone", "the charts alone, or all around them"),
            Key("z", "Marker", "dots, blocks or 7-bit characters"),
            Key("plus,equals_sign", "Zoom in", "a shorter stretch"),
            Key("minus", "Zoom out", "a longer stretch"),
            Key("left_parenthesis", "Earlier", "earlier"),
            Key("right_parenthesis", "Later", "later; at the end it follows"),
            Key("0", "Whole run", "the whole run, no cursor"),
            Key("comma", "Cursor left", "cursor left: exact values; so does a click"),
            Key("full_stop", "Cursor right", "cursor right"),
            Key("less_than_sign", "Cursor far left", "ten epochs left"),
            Key("greater_than_sign", "Cursor far right", "ten epochs right"),
        ),
    ),
    (
        "Runs",
        (
            Key("t", "Runs table", "to the table, which has keys of its own"),
            Key("n", "Next run", "look at the next run"),
            Key("a", "Compare", "compare them, by validation"),
            Key(
                "slash",
                "All runs",
                "all runs, of earlier sittings too",
            ),
            Key("b", "Branch", "branch from an epoch of it"),
            Key("X", "Export", "export: report, table, chart, TensorBoard"),
            Key("D", "Detach", "leave; it trains in the background"),
        ),
    ),
    (
        "Everywhere",
        (
            Key("ctrl+p", "", "everything by name"),
            Key("question_mark,f1", "Help", "this page"),
            Key("escape", "Back", "back"),
            Key("ctrl+l", "Show now", "the newest figures now, on a slow terminal"),
            Key("q,ctrl+q,ctrl+c", "Quit", "leave; asks while something trains"),
        ),
    ),
)

#: The keys of the runs table, which work while it has the focus; from the palette they act on its chosen run.
TABLE = (
    Key("enter", "", "look at the run"),
    Key("space", "Curves", "its curves over the others, or not"),
    Key("E", "Use this run's experiment", "its experiment into the form"),
    Key("P", "Pin", "keep it on top, or let it go"),
    Key("S", "Sort the runs", "by age, best value or name"),
    Key("delete,backspace", "Take off the list", "off the list or the queue; the disk keeps it"),
    Key("shift+up", "Later in the queue", "a queued run: later"),
    Key("shift+down", "Earlier in the queue", "a queued run: earlier"),
    Key("A", "Train apart", "a queued run: now, in a process of its own"),
    Key("Y", "Copy the path", "copy its directory's path"),
)

_SHOWN = {
    "right_square_bracket": "]", "plus": "+", "equals_sign": "=", "minus": "-", "left_parenthesis": "(",
    "right_parenthesis": ")", "less_than_sign": "<", "greater_than_sign": ">", "comma": ",", "full_stop": ".", "question_mark": "?", "slash": "/", "escape": "Escape", "f1": "F1",
    "enter": "Enter", "delete": "Del", "backspace": "⌫", "shift+up": "Shift+↑", "shift+down": "Shift+↓",
}  # fmt: skip


def shown(key: str) -> str:
    """A key as a person reads it: `]`, `Ctrl+S`."""
    if key.startswith("ctrl+"):
        return "Ctrl+" + key.removeprefix("ctrl+").upper()
    return _SHOWN.get(key, key)


def page(width: int) -> str:
    """The help page: all keys, in two columns where `width` cells hold them."""
    columns = 2 if width >= _TWO_COLUMNS else 1
    room = (width - _GAP * (columns - 1)) // columns
    sections = (*SECTIONS, ("In the runs table", TABLE))
    blocks = [[title, *(line for key in keys for line in _lines(key, room)), ""] for title, keys in sections]
    whole = [line for block in blocks for line in block]
    if columns == 1:
        return "\n".join(whole).rstrip()
    splits = [sum(map(len, blocks[:count])) for count in range(1, len(blocks))]
    middle = min(splits, key=lambda split: max(split, len(whole) - split))
    pairs = zip_longest(whole[:middle], whole[middle:], fillvalue="")
    return "\n".join(f"{left:<{room + _GAP}}{right}".rstrip() for left, right in pairs).rstrip()


def _lines(key: Key, room: int) -> list[str]:
    # The first two are enough: Ctrl+C needs no teaching.
    keys = " ".join(map(shown, key.keys.split(",")[:2]))
    indent = " " * 12
    return textwrap.wrap(key.text, max(room, 30), initial_indent=f"  {keys:<9} ", subsequent_indent=indent)
