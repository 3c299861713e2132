"""Where the time of a request goes that sets off others: the services on its critical path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from hookean.figures import bars, style
from hookean.result.columns import TABLES
from hookean.result.frames import empty_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import plotly.graph_objects as go

    from hookean.analysis import ResultLike

BETWEEN = "between services"
"""Name of the time that no service takes."""


def critical_path_table(results: Mapping[str, ResultLike], *, head: str) -> pl.DataFrame:
    """Returns the numbers of `critical_path_figure`.

    Args:
        results: Results by contender name.
        head: Name of the service at the head.

    Returns:
        `contender`, `service` (`BETWEEN` for the time between services), `requests`, `time_mean`, `share_ratio`, as in
        the result table `critical_path`; most time first.
    """
    parts = [
        _rows(result)
        .filter(pl.col("head") == head)
        .select(pl.lit(name).alias("contender"), pl.col("service").fill_null(BETWEEN), *_NUMBERS)
        .sort("time_mean", "service", descending=[True, False])
        for name, result in results.items()
    ]
    return pl.concat(parts)


_NUMBERS = [column.name for column in TABLES["critical_path"] if column.name not in {"head", "service"}]


def _rows(result: ResultLike) -> pl.DataFrame:
    return empty_frame("critical_path") if result.critical_path is None else result.critical_path


def critical_path_figure(results: Mapping[str, ResultLike], *, head: str) -> go.Figure:
    """Draws the mean latency from end to end as stacked bars: the time in each service on the critical path.

    Args:
        results: Results by contender name.
        head: Name of the service at the head.

    Returns:
        The figure; its numbers are those of `critical_path_table`.
    """
    table = critical_path_table(results, head=head).with_columns(
        (pl.col("time_mean").dt.total_nanoseconds() / 1e9).alias("seconds")
    )
    names = list(results)
    totals = table.group_by("service", maintain_order=True).agg(pl.col("seconds").sum())
    totals = totals.filter(pl.col("seconds") > 0).sort("seconds", descending=True, maintain_order=True)
    services: list[str] = totals["service"].to_list()
    figure = bars.stack(names, title="mean latency from end to end (s)")
    for index, service in enumerate(services):
        colour = style.MUTED if service == BETWEEN else style.PALETTE[index % len(style.PALETTE)]
        figure.add_trace(_part(table.filter(pl.col("service") == service), style.plain(service), colour))
    if not services:
        style.say_empty(figure, "no request was answered during the run")
    return figure


def _part(rows: pl.DataFrame, name: str, colour: str) -> go.Bar:
    return bars.part(
        rows["contender"],
        rows["seconds"],
        name=name,
        colour=colour,
        customdata=rows["requests"],
        hovertemplate=f"{name}: mean %{{x:.3~g}} s, on the path of %{{customdata:,}} requests<extra></extra>",
    )
