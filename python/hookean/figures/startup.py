"""Where the start-up time of a replica goes, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl

from hookean.analysis import STAGES, startup_breakdown
from hookean.analysis.startup import TOTAL
from hookean.figures import bars, style

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis import ResultLike


def startup_table(results: Mapping[str, ResultLike], *, service: str) -> pl.DataFrame:
    """Returns the numbers of `startup_figure`.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        `contender`, `stage` (the last is `total`), `replicas`, `mean`, `p50`, `p95`, `max`.
    """
    parts = [
        startup_breakdown(result)
        .filter(pl.col("service") == service)
        .select(pl.lit(name).alias("contender"), pl.exclude("service"))
        for name, result in results.items()
    ]
    return pl.concat(parts)


def startup_figure(results: Mapping[str, ResultLike], *, service: str) -> go.Figure:
    """Draws the mean length of each start-up stage as stacked bars, and the 95 % quantile of the whole.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        The figure; its numbers are those of `startup_table`.
    """
    table = startup_table(results, service=service).with_columns(
        (pl.col(name).to_physical() / 1e9).alias(name) for name in ("mean", "p95")
    )
    names = list(results)
    figure = bars.stack(names, title="mean start-up time (s)")
    for stage in STAGES:
        rows = table.filter(pl.col("stage") == stage)
        if rows.height:
            figure.add_trace(_part(rows, stage))
    totals = table.filter(pl.col("stage") == TOTAL)
    if totals.height:
        figure.add_trace(_total_marks(totals))
    else:
        style.say_empty(figure, "no replica was started during the run")
    return figure


def _part(rows: pl.DataFrame, stage: str) -> go.Bar:
    return bars.part(
        rows["contender"],
        rows["mean"],
        name=stage,
        colour=style.STAGE_COLOURS[stage],
        customdata=rows["p95"],
        hovertemplate=f"{stage}: mean %{{x:.3~g}} s, p95 %{{customdata:.3~g}} s<extra></extra>",
    )


def _total_marks(totals: pl.DataFrame) -> go.Scatter:
    return go.Scatter(
        x=totals["p95"],
        y=[style.label(name) for name in totals["contender"]],
        mode="markers",
        name="p95 of the whole start-up",
        marker={"symbol": "line-ns-open", "size": 22, "color": style.INK, "line": {"width": 2.5}},
        customdata=totals["mean"],
        hovertemplate="whole start-up: mean %{customdata:.3~g} s, p95 %{x:.3~g} s<extra></extra>",
    )
