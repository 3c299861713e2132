"""Where the time of a request goes that sets off others: the services on its critical path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl

from hookean.analysis import wording
from hookean.figures import style
from hookean.result.columns import TABLES
from hookean.result.frames import empty_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    figure = style.dress(go.Figure(), inner_px=52 * len(names) + 24, foot_px=118)
    for index, service in enumerate(services):
        colour = style.MUTED if service == BETWEEN else style.PALETTE[index % len(style.PALETTE)]
        figure.add_trace(_bar(table.filter(pl.col("service") == service), service, colour))
    if not services:
        style.say_empty(figure, "no request was answered during the run")
    figure.update_layout(
        barmode="stack", hovermode="closest", showlegend=True, uniformtext={"mode": "hide", "minsize": 10}
    )
    figure.update_xaxes(title={"text": "mean latency from end to end (s)", "standoff": 8}, rangemode="tozero")
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=[style.label(name) for name in reversed(names)]
    )
    figure.update_yaxes(range=[-0.5, len(names) - 0.5], showgrid=False)
    return figure


def _bar(rows: pl.DataFrame, service: str, colour: str) -> go.Bar:
    name = style.plain(service)
    return go.Bar(
        x=rows["seconds"],
        y=[style.label(name) for name in rows["contender"]],
        orientation="h",
        name=name,
        marker={"color": colour, "line": {"color": "#ffffff", "width": 1}},
        text=[wording.nanos(value * 1e9) for value in rows["seconds"]],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        customdata=rows["requests"],
        hovertemplate=f"{name}: mean %{{x:.3~g}} s, on the path of %{{customdata:,}} requests<extra></extra>",
    )
