"""Requests that set off others: how long they take from end to end, and where that time goes."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import polars as pl

from hookean import figures
from hookean.analysis import wording
from hookean.report.drawing import figure_block
from hookean.report.tables import Shown, frame_table, number, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis import ResultLike

_LATENCIES = (
    Shown("contender", "contender", numeric=False),
    Shown("answered", "answered", number),
    Shown("unanswered", "unanswered", number),
    Shown("waiting", "waiting at the end", number),
    Shown("latency_mean", "latency, mean", wording.duration),
    *(Shown(f"latency_{name}", name, wording.duration) for name in ("p50", "p95", "p99", "max")),
)

_PATH = (
    Shown("contender", "contender", numeric=False),
    Shown("service", "service", numeric=False),
    Shown("requests", "requests it was on the path of", number),
    Shown("time_mean", "time, mean", wording.duration),
    Shown("share_ratio", "share", percent),
)

_CAPTION = (
    "Mean over all answered requests: the time in each service on the critical path, the way to the end that the "
    "answer waited for. Waiting and service in what else was called took place beside it."
)


def calls_section(results: Mapping[str, ResultLike]) -> str:
    """Returns a table and a figure for each service at the head of trees of calls; empty without calls."""
    tables = [
        result.end_to_end.select(pl.lit(name).alias("contender"), pl.all())
        for name, result in results.items()
        if result.end_to_end is not None
    ]
    if not tables:
        return ""
    rows = pl.concat(tables)
    heads = rows["service"].unique(maintain_order=True)
    return "".join(_head(results, rows, head, index=index) for index, head in enumerate(heads))


def _head(results: Mapping[str, ResultLike], rows: pl.DataFrame, head: str, *, index: int) -> str:
    calling = {name: result for name, result in results.items() if result.critical_path is not None}
    block = figure_block(
        f"critical-path-{index}",
        "Where the time goes",
        figures.critical_path_figure(calling, head=head),
        caption=_CAPTION,
        numbers=frame_table(figures.critical_path_table(calling, head=head), _PATH),
    )
    table = frame_table(rows.filter(pl.col("service") == head), _LATENCIES)
    return f'<h2 class="service">Requests of {escape(head)} from end to end</h2>\n{table}{block}'
