"""The sections of a report: each turns a run, or several, into markup, and into nothing where there is nothing to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...engine.changes import flat
from ...engine.diagnosis import current
from ...engine.history import History
from ...engine.series import Series
from ..curves import ChartSpec
from ..progress import measured, measured_at, title
from ..text import count, took, typed
from . import again
from .exported import ExportedRun
from .figures import in_words
from .markup import Markup, join, tag
from .story import Ranking
from .svg import svg

_MOST_CLASSES = 30
_PARTS = ("train", "validation", "test")


def section(headline: str, *content: Markup) -> Markup:
    """A section of the page; nothing if it has no content."""
    filled = [part for part in content if part]
    return tag("section", tag("h2", headline), *filled) if filled else Markup()


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", numbers: bool = False
) -> Markup:
    """A table with a heading in its first row and first column; `numbers` sets the other columns to the right."""
    if not rows:
        return Markup()
    side = "n" if numbers else None
    top = tag(
        "tr", *(tag("th", cell, scope="col", class_=side if i else None) for i, cell in enumerate(head))
    )
    body = [
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell, class_=side) for cell in row[1:]))
        for row in rows
    ]
    about = [tag("caption", caption)] if caption else []
    headings = [tag("thead", top)] if any(head) else []
    return tag("div", tag("table", *about, *headings, tag("tbody", join(body))), class_="wide")  # fmt: skip


def figure(spec: ChartSpec, name: str) -> Markup:
    """A chart in the page."""
    return tag("figure", svg(spec, in_words(spec), name, alone=False))


def changes(run: ExportedRun) -> Markup:
    """What the run's experiment, as it was at the end, changes about the nearest preset."""
    found = again.origin(run.history.in_force, run.name) if run.history.started else None
    if found is None:
        return Markup()
    if not found.changes:
        return tag("p", f"The preset {found.preset}, unchanged.")
    rows = [(key, typed(new, 1000), typed(old, 1000)) for key, old, new in found.changes]
    return table(["what differs", "this run", f"preset {found.preset}"], rows)


def experiment(history: History) -> Markup:
    """What was trained on what, and the whole experiment."""
    started = history.started
    if started is None:
        return Markup()
    sizes = ", ".join(f"{number:,} {part}" for part, number in started.sizes.items())
    rows = [
        ("data", f"{started.source or 'unknown'}; {started.task}; {sizes} examples"),
        ("model", f"{' · '.join(started.layers)}; {started.parameters:,} parameters"),
        *(("note", note) for note in started.notes),
    ]
    values = history.in_force
    about = values.get("description", "")
    parts = [
        (name, " · ".join(f"{key} {typed(each, 1000)}" for key, each in flat(part).items()))
        for name, part in values.items()
        if isinstance(part, Mapping)
    ]
    return join(
        [
            tag("p", str(about)) if about else Markup(),
            table(["", ""], rows),
            table(["part", "settings"], parts, "The experiment as it was at the end, complete"),
        ]
    )


def results(history: History) -> Markup:
    """Loss and metrics of the final weights by part, at the epoch that they come from."""
    ended = history.ended
    final = ended.restored_epoch if ended and ended.restored_epoch is not None else history.epoch
    test: Mapping[str, Any] = ended.test if ended and ended.test else {}
    tested = {"loss": test.get("loss"), **test.get("metrics", {})} if test else {}
    rows: list[list[str]] = []
    for name in history.train:
        cells = [measured_at(curves, name, final, "–") for curves in (history.train, history.validation)]
        if tested:
            cells.append(_number(name, tested.get(name)))
        rows.append([title(name, history.started), *cells])
    head = ["", *_PARTS[: 3 if tested else 2]]
    looks = int(test.get("evaluations", 1)) if test else 1
    caption = f"The weights of epoch {final}"
    if looks > 1:
        caption += f"; the test part was looked at {looks} times, so its values are no longer unseen"
    return table(head, rows, caption, numbers=True)


def findings(history: History) -> Markup:
    """What the diagnosis says at the end, with advice, and what else it said on the way."""
    if history.started is None:
        return Markup()
    found = current(history) if len(history.train.get("loss", Series())) else []
    # Nothing follows a loss that is not a number: what was told then still holds.
    found = found or [each for each in history.diagnoses if each.finding == "diverged"]
    told = {(each.finding, each.text) for each in found}
    now = [tag("li", tag("strong", _words(each.finding)), Markup(": "), each.text) for each in found]
    way = [
        tag("li", f"Epoch {each.epoch}, {_words(each.finding)}: {each.text}")
        for each in history.diagnoses
        if (each.finding, each.text) not in told
    ]
    earlier = [tag("h3", "As it trained"), tag("ul", *way)] if way else []
    return join([*([tag("ul", *now)] if now else []), *earlier])


def interventions(history: History) -> Markup:
    """What was changed by hand, and where the run was resumed."""
    rows: list[tuple[float, list[str]]] = []
    for command in history.commands:
        what = typed(command.value, 1000) if command.value is not None else ""
        refused = f"refused: {command.error}" if command.error else ""
        rows.append((command.time, [str(command.epoch), str(command.step), command.command, what, refused]))
    for resume in history.resumes:
        what = ", ".join(
            f"{key}: {typed(old, 1000)} became {typed(new, 1000)}"
            for key, (old, new) in resume.changes.items()
        )
        rows.append((resume.time, [str(resume.epoch), str(resume.step), "resumed", what, ""]))
    rows.sort(key=lambda row: row[0])
    return table(["epoch", "step", "command", "value", ""], [row for _, row in rows])


def confusion(answer: Mapping[str, Any] | None) -> Markup:
    """Counts by true and predicted class, shaded by the share of the true class; of many classes the commonest confusions."""
    if not answer or not answer.get("matrix"):
        return Markup()
    matrix = [[int(cell) for cell in row] for row in answer["matrix"]]
    names = [str(name) for name in answer.get("classes") or range(len(matrix))]
    caption = f"{answer.get('part', 'validation')} part: true class in rows, predicted class in columns".capitalize()
    if len(matrix) > _MOST_CLASSES:
        wrong = [
            (cell, i, j) for i, row in enumerate(matrix) for j, cell in enumerate(row) if i != j and cell
        ]
        pairs = [(names[i], names[j], str(cell)) for cell, i, j in sorted(wrong, reverse=True)[:20]]
        return table(["true", "predicted", "examples"], pairs, f"The commonest confusions, {caption.lower()}")
    head = tag(
        "tr", tag("td"), *(tag("th", name, scope="col") for name in names), tag("th", "recall", scope="col")
    )
    rows: list[Markup] = []
    for i, row in enumerate(matrix):
        total = sum(row)
        shares = [cell / total if total else 0.0 for cell in row]
        cells = [
            tag("td", str(cell), style=f"--share:{share:.3f}")
            for cell, share in zip(row, shares, strict=True)
        ]
        recall = tag("td", f"{shares[i]:.1%}" if total else "no examples", style="--share:0")
        rows.append(tag("tr", tag("th", names[i], scope="row"), *cells, recall))
    return tag("div", tag("table", tag("caption", caption), head, *rows, class_="confusion"), class_="wide")


def ranking(order: Ranking) -> Markup:
    """The runs, best validation first, with the test values as what they are: not used for the order."""
    head = [
        "run",
        f"best validation {title(order.metric)}" if order.ordered else "",
        "at epoch",
        "epochs",
        "ended",
        "time",
    ]
    test = any(place.run.history.ended and place.run.history.ended.test for place in order.places)
    measure = order.metric or "loss"
    rows: list[list[str]] = []
    for place in order.places:
        history = place.run.history
        row = [place.run.name, _number(order.metric, place.value), str(place.epoch or "–"), str(history.epoch),
               _words(place.run.state_now), took(history.time)]  # fmt: skip
        if test:
            ended = history.ended.test if history.ended and history.ended.test else {}
            row.append(_number(measure, {"loss": ended.get("loss"), **ended.get("metrics", {})}.get(measure)))
        rows.append(row)
    if test:
        head.append(f"test {title(measure)}")
    about = "The test column is for the reader; it has no say in the order." if test and order.ordered else ""
    return table(head, rows, about, numbers=True)


def environment(runs: Sequence[ExportedRun]) -> Markup:
    """The machine and the versions, a column a run."""
    columns = [_environment(run.history) for run in runs]
    rows = [
        (key, *(column.get(key, "–") for column in columns))
        for key in dict.fromkeys(k for c in columns for k in c)
    ]
    return table(["", *(run.name for run in runs)] if len(runs) > 1 else ["", ""], rows)


def _environment(history: History) -> dict[str, str]:
    started = history.started
    if started is None:
        return {}
    return {
        "device": f"{started.device}, {started.threads} thread{'s' * (started.threads != 1)}",
        **started.versions,
        "time": took(history.time),
        "pace": f"{count(round(history.examples_per_second))} examples/s in the last epoch",
        "data digest": started.data_digest[:16] or "unknown",
    }


def repeat(runs: Sequence[ExportedRun]) -> Markup:
    """The commands that do it again."""
    blocks: list[Markup] = []
    for run in runs:
        lines = again.commands(run)
        if lines:
            heading = [tag("h3", run.name)] if len(runs) > 1 else []
            blocks += [*heading, *(tag("pre", tag("code", line)) for line in lines)]
    return join(blocks)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _number(metric: str, number: float | None) -> str:
    return "–" if number is None else measured(metric, number)
