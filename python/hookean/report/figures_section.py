"""The figures of the report, each with its caption and the table of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from hookean import figures
from hookean.analysis import demand, wording
from hookean.figures.curves import resolution_note
from hookean.figures.decisions import MARKS_MAX
from hookean.report.calls import calls_section
from hookean.report.drawing import figure_block
from hookean.report.tables import Shown, curves_table, frame_table, number, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from hookean.analysis import ResultLike

DECISIONS_SHOWN = 300
"""Most decisions of one contender that a table of the report shows."""

SERVICES_DRAWN = 6
"""Most services with figures: those with the most requests."""


@dataclass(frozen=True)
class _Part:
    """One figure of the report.

    Attributes:
        key: Used in ids.
        title: Heading.
        draw: The figure function.
        caption: Writes the caption.
        numbers: Writes the table of the figure's numbers.
        empty: Why there is nothing to draw; empty when there is.
    """

    key: str
    title: str
    draw: Callable[..., Any]
    caption: Callable[[Mapping[str, ResultLike], str], str]
    numbers: Callable[[Mapping[str, ResultLike], str], str]
    empty: Callable[[Mapping[str, ResultLike], str], str]


def figures_section(results: Mapping[str, ResultLike]) -> str:
    """Returns the figures of the trees of calls, then those of every service, the busiest when there are too many."""
    return calls_section(results) + _services_section(results)


def _services_section(results: Mapping[str, ResultLike]) -> str:
    names = _busiest(results)
    drawn = sorted(names[:SERVICES_DRAWN])
    parts = []
    if len(drawn) < len(names):
        parts.append(
            f'<p class="note">Figures are drawn for the {len(drawn)} services with the most requests of {len(names)}; '
            "the table above has all of them.</p>\n"
        )
    for index, service in enumerate(drawn):
        if len(names) > 1:
            parts.append(f'<h2 class="service">Service {escape(service)}</h2>\n')
        parts.extend(_figure(part, results, service, index=index) for part in _PARTS)
    return "".join(parts)


def _busiest(results: Mapping[str, ResultLike]) -> list[str]:
    summaries = pl.concat([result.summary.select("service", "arrivals") for result in results.values()])
    total = summaries.group_by("service").agg(pl.col("arrivals").sum())
    return total.sort(["arrivals", "service"], descending=[True, False])["service"].to_list()


def _figure(part: _Part, results: Mapping[str, ResultLike], service: str, *, index: int) -> str:
    present = {name: result for name, result in results.items() if service in result.summary["service"]}
    identity = f"{part.key}-{index}"
    empty = part.empty(present, service)
    if empty:
        body = f'<h3>{escape(part.title)}</h3>\n<p class="note">{escape(empty)}</p>'
        return f'<section id="{identity}">\n{body}\n</section>\n'
    return figure_block(
        identity,
        part.title,
        part.draw(present, service=service),
        caption=part.caption(present, service),
        numbers=part.numbers(present, service),
    )


def _supply_caption(results: Mapping[str, ResultLike], service: str) -> str:
    rules = {
        str(rule)
        for result in results.values()
        for rule in demand(result).filter(pl.col("service") == service)["rule"].unique()
    }
    words = {
        "objective": "the fewest replicas with which a pooled M/M/c queue keeps the objective under the load",
        "capacity": "the fewest replicas whose capacity covers the load (no objective that a model can keep)",
        "places": "the fewest replicas with as many places as requests kept while others answered",
    }
    stated = " or ".join(words[rule] for rule in sorted(rules, reverse=True)) or "not known"
    note = resolution_note(
        results, drawn="the mean, the greatest demand in lighter grey and the range of ready replicas shaded"
    )
    return (
        f"Grey: demand, {stated}; computed, not simulated. "
        f"Where the line runs below the grey, replicas were missing. {note}"
    )


def _supply_numbers(results: Mapping[str, ResultLike], service: str) -> str:
    shown = [Shown("demand", "demand", number), Shown("ready", "ready", number), Shown("desired", "wanted", number)]
    return curves_table(figures.supply_table(results, service=service), shown)


def _latency_caption(results: Mapping[str, ResultLike], _service: str) -> str:
    note = resolution_note(results, drawn="the greatest value among them")
    return (
        "Of the requests completed in each interval; logarithmic scale. Requests that failed are not in these curves "
        f"but count against the objective. {note}"
    )


def _latency_numbers(results: Mapping[str, ResultLike], service: str) -> str:
    shown = [Shown(f"latency_{name}", name, wording.duration) for name in ("p50", "p95", "p99")]
    return curves_table(figures.latency_table(results, service=service), shown)


def _decisions_caption(results: Mapping[str, ResultLike], service: str) -> str:
    table = figures.decisions_table(results, service=service)
    counts = dict(table.group_by("contender").len().iter_rows())
    texts = []
    for name, result in results.items():
        every = result.scan("decisions").filter(pl.col("service") == service).select(pl.len()).collect().item()
        changes = counts.get(name, 0)
        more = f", the {MARKS_MAX:,} largest marked" if changes > MARKS_MAX else ""
        texts.append(f"{escape(name)} {changes:,} of {every:,}{more}")
    return f"Decisions that changed the wanted count; point at a mark to read why. {'; '.join(texts)}."


def _decisions_numbers(results: Mapping[str, ResultLike], service: str) -> str:
    table = figures.decisions_table(results, service=service)
    shown = table.filter(pl.int_range(pl.len()).over("contender") < DECISIONS_SHOWN)
    columns = [
        Shown("contender", "contender", numeric=False),
        Shown("time", "time", _instant),
        Shown("controller", "controller", numeric=False),
        Shown("current", "from", number),
        Shown("desired", "to", number),
        Shown("ready", "ready", number),
        Shown("metric", "metric", numeric=False),
        Shown("value", "value", number),
        Shown("target", "target", number),
        Shown("reason", "reason", numeric=False),
    ]
    note = ""
    if shown.height < table.height:
        note = (
            f'<p class="note">{shown.height:,} of {table.height:,} rows: the first {DECISIONS_SHOWN} of each '
            "contender. All of them, with every input, are in <code>decisions.parquet</code> of the saved results.</p>"
        )
    return frame_table(shown, columns) + note


def _instant(at: timedelta) -> str:
    return wording.clock(at.total_seconds())


def _startup_caption(results: Mapping[str, ResultLike], service: str) -> str:
    table = figures.startup_table(results, service=service).filter(pl.col("stage") == "total")
    counts = [f"{escape(name)} {replicas:,}" for name, replicas in table.select("contender", "replicas").iter_rows()]
    warm = "Replicas that were there from the start are left out."
    return f"Mean over the replicas that became ready ({', '.join(counts)}). {warm}" if counts else warm


def _startup_numbers(results: Mapping[str, ResultLike], service: str) -> str:
    columns = [
        Shown("contender", "contender", numeric=False),
        Shown("stage", "stage", numeric=False),
        Shown("replicas", "replicas", number),
        *(Shown(name, name, wording.duration) for name in ("mean", "p50", "p95", "max")),
    ]
    return frame_table(figures.startup_table(results, service=service), columns)


def _cost_caption(results: Mapping[str, ResultLike], service: str) -> str:
    judged = figures.cost_table(results, service=service)["slo_attainment_ratio"].drop_nulls()
    below = "; below, what share of requests was good at that cost" if len(judged) > 1 else ""
    return f"The service's part of the bill of each pool, split by the core-time requested there{below}."


def _cost_numbers(results: Mapping[str, ResultLike], service: str) -> str:
    columns = [
        Shown("contender", "contender", numeric=False),
        Shown("cost_usd", "cost", wording.usd),
        Shown("cost_per_million_usd", "per million completed requests", wording.usd),
        Shown("replicas_mean", "replicas, mean", number),
        Shown("utilisation_mean", "CPU utilisation", percent),
        Shown("slo_attainment_ratio", "good requests", wording.attainment),
        Shown("slo_target_ratio", "target", wording.target_text),
    ]
    return frame_table(figures.cost_table(results, service=service), columns)


def _outcomes_caption(_results: Mapping[str, ResultLike], _service: str) -> str:
    return "Late: completed after the objective. Good requests are not drawn: they would hide the rest."


def _outcomes_numbers(results: Mapping[str, ResultLike], service: str) -> str:
    failures = ("rejected", "timed_out", "expired", "lost", "unanswered")
    counts = ("arrivals", "good", "late", "completed", *failures, "in_system")
    columns = [
        Shown("contender", "contender", numeric=False),
        *(Shown(name, name.replace("_", " "), number) for name in counts),
    ]
    return frame_table(figures.outcomes_table(results, service=service), columns)


def _never_empty(_results: Mapping[str, ResultLike], _service: str) -> str:
    return ""


def _without_requests(results: Mapping[str, ResultLike], service: str) -> str:
    arrivals = figures.outcomes_table(results, service=service)["arrivals"].sum()
    return "" if arrivals else "There were no requests, so there is nothing to draw."


def _without_startups(results: Mapping[str, ResultLike], service: str) -> str:
    rows = figures.startup_table(results, service=service).height
    return "" if rows else "No replica was started during the run, or all started in no time."


def _without_decisions(results: Mapping[str, ResultLike], service: str) -> str:
    rows = figures.decisions_table(results, service=service).height
    return "" if rows else "No decision changed the number of replicas."


_PARTS = (
    _Part("supply", "Demand and supply", figures.supply_figure, _supply_caption, _supply_numbers, _never_empty),
    _Part("latency", "Latency", figures.latency_figure, _latency_caption, _latency_numbers, _without_requests),
    _Part(
        "outcomes", "Requests that went wrong", figures.outcomes_figure, _outcomes_caption, _outcomes_numbers,
        _without_requests,
    ),
    _Part("cost", "Cost", figures.cost_figure, _cost_caption, _cost_numbers, _never_empty),
    _Part(
        "startup", "Start-up of a replica", figures.startup_figure, _startup_caption, _startup_numbers,
        _without_startups,
    ),
    _Part(
        "decisions", "Scaling decisions", figures.decisions_figure, _decisions_caption, _decisions_numbers,
        _without_decisions,
    ),
)  # fmt: skip
"""The figures in the order of the report."""
