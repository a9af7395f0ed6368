"""A report of one run or of a comparison: one HTML file that needs no network and no script, light or dark, printable."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..text import typed
from . import again, sections
from .exported import ExportedRun
from .figures import batch_chart, comparison_charts, lr_chart, metric_chart, metrics_of
from .markup import Markup, join, tag
from .sections import figure, section
from .story import Ranking, alike, measure, rank, stopping_story
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
    names = " · ".join(run.name for run in runs)
    rows = [(key, *(typed(value, 1000) for value in values)) for key, values in again.differing(runs)]
    groups = alike(runs)
    orders = [rank(group) for group in groups]
    validated = [
        name
        for run in runs
        for name in metrics_of(run.history)
        if any(name in other.history.validation for other in runs)
    ]
    metrics = dict.fromkeys([*(order.metric for order in orders if order.metric), *validated])
    charts = [spec for name in metrics for spec in comparison_charts(runs, name)]
    rule = (
        "Ranked by the best validation value, never by the test part: a test part that chooses the winner is a "
        "second validation part, and its value is then too good."
    )
    apart = (
        f"These runs are of {len(groups)} data sets: a loss or metric compares only runs of the same one, which "
        "share a table and charts below."
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
                tag("p", apart) if len(groups) > 1 else Markup(),
                tag("p", rule) if any(len(order.places) > 1 and order.ordered for order in orders) else Markup(),
                *_ranked(orders),
            ),
            section("Curves", *(figure(spec, f"m{i}") for i, spec in enumerate(charts))),
            section("Run by run", *each),
            section("Do it again", sections.repeat(runs)),
            section("Environment", sections.environment(runs)),
        ],
    )  # fmt: skip


def _ranked(orders: Sequence[Ranking]) -> list[Markup]:
    """A table for the runs of each data set, and what to bear in mind of all of them."""
    parts: list[Markup] = []
    for order in orders:
        parts += [tag("h3", measure(order.places[0].run))] if len(orders) > 1 else []
        parts.append(sections.ranking(order))
    cautions = dict.fromkeys(caution for order in orders for caution in order.cautions)
    return [*parts, *(tag("p", caution, class_="dim") for caution in cautions)]


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
