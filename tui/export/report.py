"""A report of one run or of a comparison: one HTML file that needs no network and no script, light or dark, printable."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..text import typed
from . import again, sections
from .exported import ExportedRun
from .figures import batch_chart, comparison_chart, lr_chart, metric_chart, metrics_of
from .markup import Markup, join, tag
from .sections import figure, section
from .story import rank, stopping_story
from .svg import STYLE

#: Nothing may be loaded or run, whatever a name in the page says.
_POLICY = Markup("default-src &#x27;none&#x27;; style-src &#x27;unsafe-inline&#x27;")


def report(runs: Sequence[ExportedRun]) -> str:
    """Return the page; ValueError without a run."""
    if not runs:
        raise ValueError("a report needs a run")
    return _of_one(runs[0]) if len(runs) == 1 else _of_several(list(runs))


def _of_one(run: ExportedRun) -> str:
    history = run.history
    charts = [figure(metric_chart(history, name), f"m{i}") for i, name in enumerate(metrics_of(history))]
    extra = [("lr", lr_chart(history)), ("batches", batch_chart(history))]
    charts += [figure(spec, name) for name, spec in extra if spec is not None]
    return _page(
        run.name,
        [
            tag("header", tag("h1", run.name), tag("p", stopping_story(run), class_="lead")),
            section("What differs from the preset", sections.changes(run)),
            section("Results", sections.results(history)),
            section("Curves", *charts),
            section("Diagnosis", sections.findings(history)),
            section("Confusion matrix", sections.confusion(run.confusion)),
            section("Changed while it trained", sections.interventions(history)),
            section("Do it again", sections.repeat([run])),
            section("Experiment", sections.experiment(history)),
            section("Environment", sections.environment([run])),
        ],
    )


def _of_several(runs: list[ExportedRun]) -> str:
    order = rank(runs)
    names = " · ".join(run.name for run in runs)
    rows = [(key, *(typed(value, 1000) for value in values)) for key, values in again.differing(runs)]
    shared = [
        name for name in metrics_of(runs[0].history) if any(name in run.history.validation for run in runs)
    ]
    metrics = list(dict.fromkeys([order.metric, *shared] if order.metric else shared))
    rule = (
        "Ranked by the best validation value, never by the test part: a test part that chooses the winner is a "
        "second validation part, and its value is then too good."
    )
    each = [
        join(
            [
                tag("h3", run.name),
                tag("p", stopping_story(run)),
                sections.findings(run.history),
                sections.confusion(run.confusion),
            ]
        )
        for run in runs
    ]
    return _page(
        f"Comparison: {names}",
        [
            tag("header", tag("h1", f"Comparison of {len(runs)} runs"), tag("p", names, class_="dim")),
            section(
                "What differs",
                sections.table(["key", *(run.name for run in runs)], rows)
                or tag("p", "Nothing: these are runs of one experiment."),
            ),
            section(
                "Result",
                tag("p", rule) if order.ordered else Markup(),
                sections.ranking(order),
                *(tag("p", caution, class_="dim") for caution in order.cautions),
            ),
            section("Curves", *(figure(comparison_chart(runs, name), f"m{i}") for i, name in enumerate(metrics))),
            section("Run by run", *each),
            section("Do it again", sections.repeat(runs)),
            section("Environment", sections.environment(runs)),
        ],
    )  # fmt: skip


def _page(headline: str, content: list[Markup]) -> str:
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="generator", content="ladera"),
        tag("title", headline),
        tag("style", Markup(_style() + STYLE)),
    )
    body = tag("body", tag("main", join([part for part in content if part])))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


@cache
def _style() -> str:
    return Path(__file__).with_name("page.css").read_text("utf-8")
