"""Demand against supply over time: did the replicas follow the load?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl

from hookean.analysis import demand
from hookean.figures import style
from hookean.figures.curves import curve_table, joined_intervals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis import ResultLike

CURVES = ("demand", "ready", "desired")


def supply_table(results: Mapping[str, ResultLike], *, service: str) -> pl.DataFrame:
    """Returns the numbers of `supply_figure`.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        One row per contender and drawn point: `contender`, `time` (end of the interval) and `demand`, `ready` and
        `desired` in replicas. When a run has too many intervals to draw, several share a row and each curve has
        `<name>_min`, `<name>_mean` and `<name>_max` instead. `demand` is analytic (see `hookean.analysis.demand`).
    """
    frames = {name: _curves(result, service) for name, result in results.items()}
    return curve_table(frames, columns=CURVES, size=joined_intervals(results))


def _curves(result: ResultLike, service: str) -> pl.DataFrame:
    of_service = pl.col("service") == service
    needed = demand(result).filter(of_service).select("time", "demand")
    return result.scan("series").filter(of_service).collect().join(needed, on="time", how="left", maintain_order="left")


def supply_figure(results: Mapping[str, ResultLike], *, service: str) -> go.Figure:
    """Draws demand, ready and wanted replicas over time, one panel per contender on common axes.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        The figure; its numbers are those of `supply_table`.
    """
    table = supply_table(results, service=service)
    scale = style.time_scale(results)
    figure = style.panels(list(results))
    for row, (name, colour) in enumerate(style.contender_colours(results).items(), start=1):
        rows = table.filter(pl.col("contender") == name)
        if not rows.height:
            style.say_empty(figure, "nothing was simulated", row=row)
            continue
        _draw(figure, rows, row=row, colour=colour, scale=scale)
    style.legend_entry(
        figure,
        "demand (analytic)",
        mode="lines",
        line={"color": style.DEMAND_LINE, "width": 1},
        fill="tozeroy",
        fillcolor=style.DEMAND_FILL,
    )
    style.legend_entry(figure, "ready", mode="lines", line={"color": style.INK, "width": 2})
    style.legend_entry(figure, "wanted", mode="lines", line={"color": style.INK, "width": 1, "dash": "dot"})
    style.time_axis(figure, scale, rows=len(results))
    style.replica_axis(figure, table)
    figure.update_layout(hovermode="x unified")
    return figure


def _draw(figure: go.Figure, rows: pl.DataFrame, *, row: int, colour: str, scale: style.TimeScale) -> None:
    joined = "demand_mean" in rows.columns
    time = scale.read(rows["time"])
    if joined:
        _peaks(figure, rows, row=row, time=time)
        _band(figure, rows, row=row, colour=colour, time=time)
    suffix = "_mean" if joined else ""
    looks = {
        "demand": style.step_line(colour=style.DEMAND_LINE, width=0.8, shape="vh"),
        "ready": style.step_line(colour=colour, width=1.8),
        "desired": style.step_line(colour=colour, width=1.0, dash="dot"),
    }
    for curve, line in looks.items():
        fill = {"fill": "tozeroy", "fillcolor": style.DEMAND_FILL} if curve == "demand" else {}
        trace = go.Scatter(
            x=time,
            y=rows[curve + suffix],
            mode="lines",
            line=line,
            name="wanted" if curve == "desired" else curve,
            showlegend=False,
            hovertemplate="%{y:.4~g}",
            **fill,
        )
        figure.add_trace(trace, row=row, col=1)


def _peaks(figure: go.Figure, rows: pl.DataFrame, *, row: int, time: pl.Series) -> None:
    """Draws the greatest demand of joined intervals as a lighter ground."""
    trace = go.Scatter(
        x=time,
        y=rows["demand_max"],
        mode="lines",
        line=style.step_line(colour=style.DEMAND_FILL, width=0.5, shape="vh"),
        fill="tozeroy",
        fillcolor=style.DEMAND_FILL,
        name="demand, most",
        showlegend=False,
        hovertemplate="%{y:.4~g}",
    )
    figure.add_trace(trace, row=row, col=1)


def _band(figure: go.Figure, rows: pl.DataFrame, *, row: int, colour: str, time: pl.Series) -> None:
    """Shades between the least and the most ready replicas of joined intervals."""
    edges = ("ready_min", "ready_max")
    for edge in edges:
        band = {"fill": "tonexty", "fillcolor": style.faded(colour, 0.25)} if edge == edges[1] else {}
        look = style.step_line(colour=style.faded(colour, 0.0), width=0)
        trace = go.Scatter(x=time, y=rows[edge], mode="lines", line=look, hoverinfo="skip", showlegend=False, **band)
        figure.add_trace(trace, row=row, col=1)
