"""The top of the report: sentences, cards, and the table of contenders side by side."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from hookean.analysis import METRICS, Metric, comparison, headline, wording
from hookean.figures.style import contender_colours
from hookean.report.tables import box, cell, number, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hookean.analysis import ResultLike

ROWS = (
    ("fidelity", "fidelity"),
    ("slo_met", "objective met"),
    ("slo_attainment_ratio", "good requests"),
    ("latency_p50", "latency p50"),
    ("latency_p95", "latency p95"),
    ("latency_p99", "latency p99"),
    ("arrivals", "requests"),
    ("failed", "failed requests"),
    ("failed_ratio", "failed share"),
    ("replicas_mean", "replicas, mean"),
    ("replicas_max", "replicas, most"),
    ("demand_mean", "demand, mean (analytic)"),
    ("utilisation_mean", "CPU utilisation"),
    ("startup_mean", "start-up, mean"),
    ("tau_under_ratio", "time with too few replicas"),
    ("theta_under_ratio", "missing / demand"),
    ("tau_over_ratio", "time with too many replicas"),
    ("theta_over_ratio", "surplus / demand"),
    ("instability_ratio", "intervals moving apart"),
    ("cost_usd", "cost"),
    ("cost_per_million_usd", "cost per million requests"),
)
"""Metrics of the table, in order, with their titles."""

_WRITERS: dict[str, Callable[[Any], str]] = {"ratio": percent, "USD": wording.usd, "s": wording.duration}
"""How values are written, by their unit."""

_BY_NAME = {metric.name: metric for metric in METRICS}


def headline_section(results: Mapping[str, ResultLike]) -> str:
    """Returns the sentences that a manager reads."""
    sentences = headline(results)
    banner = ""
    if any(result.manifest["partial"] for result in results.values()):
        banner = f'<p class="banner" role="alert">{escape(sentences.pop(0))}</p>\n'
    first, *others = sentences
    rest = "".join(f"<p>{escape(sentence)}</p>" for sentence in others)
    return f'{banner}<div class="headline"><p class="first">{escape(first)}</p>{rest}</div>\n'


def cards(results: Mapping[str, ResultLike]) -> str:
    """Returns one card per contender: colour, platform, controllers, verdict, cost."""
    table = comparison(results)
    colours = contender_colours(results)
    texts = [
        _card(name, result, table.filter(pl.col("contender") == name), colour=colours[name])
        for name, result in results.items()
    ]
    return f'<div class="cards">{"".join(texts)}</div>\n'


def _card(name: str, result: ResultLike, rows: pl.DataFrame, *, colour: str) -> str:
    texts = dict.fromkeys(str(controller["text"]) for controller in result.manifest["controllers"])
    approximate = " · ≈ approximate" if (rows["fidelity"] != "exact").any() else ""
    controllers = "; ".join([*list(texts)[:2], *(["…"] if len(texts) > 2 else [])]) or "no controller"
    kind, verdict = _verdict(rows)
    cost = wording.usd(float(rows["cost_usd"].sum()))
    latency = rows["latency_p99"].max()
    facts = [("cost", cost), ("worst p99" if rows.height > 1 else "latency p99", wording.duration(latency))]  # type: ignore[arg-type]
    listed = "".join(f"<div><dt>{escape(term)}</dt><dd>{escape(text)}</dd></div>" for term, text in facts)
    return (
        f'<section class="card" style="border-top-color: {colour}"><h2>{escape(name)}</h2>'
        f'<p class="note">{escape(str(result.manifest["platform"]))} · {escape(controllers)}{approximate}</p>'
        f'<p class="verdict {kind}">{escape(verdict)}</p><dl>{listed}</dl></section>'
    )


def _verdict(rows: pl.DataFrame) -> tuple[str, str]:
    """Returns the class and the words of a contender's verdict."""
    judged = rows.filter(pl.col("slo_latency").is_not_null())
    if not judged.height:
        return "unknown", "no objective"
    known = judged.filter(pl.col("slo_met").is_not_null())
    missed = known.filter(~pl.col("slo_met"))
    if missed.height:
        share = f" ({missed.height} of {judged.height} services)" if judged.height > 1 else _share(known)
        return "missed", f"✗ missed{share}"
    if known.height < judged.height:
        return "unknown", "cannot be judged"
    return "met", "✓ met" + ("" if judged.height > 1 else _share(known))


def _share(rows: pl.DataFrame) -> str:
    row = rows.row(0, named=True)
    return f": {wording.attainment(row['slo_attainment_ratio'], target=row['slo_target_ratio'])} good"


def comparison_section(results: Mapping[str, ResultLike]) -> str:
    """Returns contenders side by side, one table per service, and what the rows mean."""
    table = comparison(results)
    services = table["service"].unique().sort().to_list()
    parts = []
    for service in services:
        title = f"<h3>Service {escape(service)}</h3>\n" if len(services) > 1 else ""
        parts.append(title + _service_table(table.filter(pl.col("service") == service)))
    meanings = "".join(f"<div><dt>{escape(title)}</dt><dd>{escape(_meaning(name))}</dd></div>" for name, title in ROWS)
    legend = f'<details><summary>What the rows mean</summary><dl class="meanings">{meanings}</dl></details>\n'
    return "".join(parts) + legend


def _meaning(name: str) -> str:
    """Returns what a metric means, without what a null in its column means: the table shows a dash there."""
    return _BY_NAME[name].meaning.split("; null", maxsplit=1)[0].rstrip(".") + "."


def _service_table(table: pl.DataFrame) -> str:
    heads = "".join(f'<th scope="col" class="n">{escape(name)}</th>' for name in table["contender"])
    rows = [
        f'<tr><th scope="row">{escape(title)}</th>{_cells(table, _BY_NAME[name])}</tr>'
        for name, title in ROWS
        if table[name].null_count() < table.height and not (name == "fidelity" and (table[name] == "exact").all())
    ]
    body = "\n".join(rows)
    return box(f"<thead><tr><th></th>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>", kind="compare")


def _cells(table: pl.DataFrame, metric: Metric) -> str:
    texts = [_text(metric.name, row) for row in table.iter_rows(named=True)]
    best = _best(table[metric.name].to_list(), texts, better=metric.better)
    return "".join(cell(text, numeric=True, kind="best" if text == best else "") for text in texts)


def _best(values: list[Any], texts: list[str], *, better: str) -> str | None:
    """Returns the text of the best value, None where no value is better or where all of them read alike."""
    known = [(value, text) for value, text in zip(values, texts, strict=True) if value is not None]
    if not better or len({text for _, text in known}) < 2:
        return None
    return min(known)[1] if better == "lower" else max(known)[1]


def _text(name: str, row: Mapping[str, Any]) -> str:
    value = row[name]
    if value is None:
        return wording.UNKNOWN
    if name == "fidelity":
        return "exact" if value == "exact" else f"≈ {value} (approximate)"
    if name == "slo_met":
        return "✓ yes" if value else "✗ no"
    if name == "slo_attainment_ratio":
        return wording.attainment(value, target=row["slo_target_ratio"])
    return _WRITERS.get(_BY_NAME[name].unit, number)(value)
