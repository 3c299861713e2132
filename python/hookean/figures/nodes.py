"""Nodes over time: what was paid for, and what could hold replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl

from hookean.figures import style
from hookean.figures.curves import curve_table, joined_intervals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis import ResultLike

CURVES = ("paid", "ready")


def nodes_table(results: Mapping[str, ResultLike]) -> pl.DataFrame:
    """Returns the numbers of `nodes_figure`.

    Args:
        results: Results by contender name.

    Returns:
        One row per contender and drawn point: `contender`, `time` (end of the interval), and of all pools together
        `paid`, nodes that are paid for, and `ready`, those of them that may take replicas; a machine of one's own that
        is lost for now counts as ready. When a run has too many intervals to draw, several share a row and each curve
        has `<name>_min`, `<name>_mean` and `<name>_max` instead.
    """
    frames = {name: _curves(result) for name, result in results.items()}
    return curve_table(frames, columns=CURVES, size=joined_intervals(results))


def _curves(result: ResultLike) -> pl.DataFrame:
    nodes = result.nodes
    left = pl.min_horizontal("drained", "ended")
    changes = pl.concat(
        [
            _changes(nodes, pl.col("bought"), paid=1),
            _changes(nodes, pl.col("ended"), paid=-1),
            _changes(nodes, pl.col("ready"), ready=1),
            _changes(nodes.filter(pl.col("ready").is_not_null()), left, ready=-1),
        ]
    )
    steps = changes.group_by("time").sum().sort("time").with_columns(pl.col(CURVES).cum_sum())
    times = result.scan("series").select("time").unique().sort("time").collect()
    return times.join_asof(steps, on="time", strategy="backward").with_columns(pl.col(CURVES).fill_null(0))


def _changes(nodes: pl.DataFrame, at: pl.Expr, *, paid: int = 0, ready: int = 0) -> pl.DataFrame:
    rows = nodes.select(time=at, paid=pl.lit(paid, pl.Int64), ready=pl.lit(ready, pl.Int64))
    return rows.drop_nulls("time")


def nodes_figure(results: Mapping[str, ResultLike]) -> go.Figure:
    """Draws nodes paid for and ready over time, one panel per contender on common axes.

    Args:
        results: Results by contender name.

    Returns:
        The figure; its numbers are those of `nodes_table`.
    """
    table = nodes_table(results)
    scale = style.time_scale(results)
    figure = style.panels(list(results))
    suffix = "_mean" if "paid_mean" in table.columns else ""
    for row, (name, colour) in enumerate(style.contender_colours(results).items(), start=1):
        rows = table.filter(pl.col("contender") == name)
        if not rows.height:
            style.say_empty(figure, "nothing was simulated", row=row)
            continue
        looks = {
            "paid": style.step_line(colour=colour, width=1.0, dash="dot"),
            "ready": style.step_line(colour=colour, width=1.8),
        }
        for curve, line in looks.items():
            trace = go.Scatter(
                x=scale.read(rows["time"]),
                y=rows[curve + suffix],
                mode="lines",
                line=line,
                name="paid for" if curve == "paid" else curve,
                showlegend=False,
                hovertemplate="%{y:.4~g}",
            )
            figure.add_trace(trace, row=row, col=1)
    style.legend_entry(figure, "ready", mode="lines", line={"color": style.INK, "width": 2})
    style.legend_entry(figure, "paid for", mode="lines", line={"color": style.INK, "width": 1, "dash": "dot"})
    style.time_axis(figure, scale, rows=len(results))
    style.replica_axis(figure, table)
    figure.update_yaxes(title={"text": "nodes"})
    figure.update_layout(hovermode="x unified")
    return figure
