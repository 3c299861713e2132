"""Latency quantiles over time, against the objective."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl

from hookean.analysis import wording
from hookean.figures import style
from hookean.figures.curves import curve_table, joined_intervals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis import ResultLike

QUANTILES = {"latency_p50": ("p50", 0.35, 1.0), "latency_p95": ("p95", 0.65, 1.2), "latency_p99": ("p99", 1.0, 1.4)}
"""Column: name in the legend, opacity and width of its line."""


def latency_table(results: Mapping[str, ResultLike], *, service: str) -> pl.DataFrame:
    """Returns the numbers of `latency_figure`.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        One row per contender and drawn point: `contender`, `time` (end of the interval), `latency_p50`, `latency_p95`
        and `latency_p99` (durations; null in an interval without completed requests). When a run has too many
        intervals to draw, several share a row, which holds the greatest value of each: quantiles are never averaged.
    """
    frames = {
        name: result.scan("series").filter(pl.col("service") == service).collect() for name, result in results.items()
    }
    size = joined_intervals(results)
    table = curve_table(frames, columns=list(QUANTILES), size=size)
    if size == 1:
        return table
    greatest = (pl.col(f"{name}_max").cast(pl.Int64).cast(pl.Duration("ns")).alias(name) for name in QUANTILES)
    return table.select("contender", "time", *greatest)


def latency_figure(results: Mapping[str, ResultLike], *, service: str) -> go.Figure:
    """Draws the median, the 95 % and the 99 % quantile of latency over time, one panel per contender on common axes.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        The figure, with a logarithmic value axis; its numbers are those of `latency_table`.
    """
    table = latency_table(results, service=service)
    scale = style.time_scale(results)
    figure = style.panels(list(results))
    objectives = {name: _objective(result, service) for name, result in results.items()}
    for row, (name, colour) in enumerate(style.contender_colours(results).items(), start=1):
        rows = table.filter(pl.col("contender") == name)
        if rows["latency_p99"].null_count() == rows.height:
            style.say_empty(figure, "no request was completed", row=row)
        else:
            _draw(figure, rows, row=row, colour=colour, scale=scale)
        objective = objectives[name]
        if objective is not None:
            _objective_line(figure, objective, row=row)
    for name, opacity, width in QUANTILES.values():
        look = {"color": style.faded(style.INK, opacity), "width": width + 0.6}
        style.legend_entry(figure, name, mode="lines", line=look)
    _value_axis(figure, table, [value for value in objectives.values() if value is not None])
    style.time_axis(figure, scale, rows=len(results))
    figure.update_layout(hovermode="x unified")
    return figure


def _objective(result: ResultLike, service: str) -> float | None:
    """Returns the latency objective in seconds."""
    nanos = result.summary.filter(pl.col("service") == service)["slo_latency"].to_physical().drop_nulls()
    return nanos[0] / 1e9 if len(nanos) else None


def _draw(figure: go.Figure, rows: pl.DataFrame, *, row: int, colour: str, scale: style.TimeScale) -> None:
    time = scale.read(rows["time"])
    for column, (name, opacity, width) in QUANTILES.items():
        seconds = rows[column].to_physical() / 1e9
        trace = go.Scatter(
            x=time,
            y=seconds,
            mode="lines" if rows.height > 1 else "markers",
            line={"color": style.faded(colour, opacity), "width": width},
            name=name,
            showlegend=False,
            connectgaps=False,
            hovertemplate="%{y:.3~s}s",
        )
        figure.add_trace(trace, row=row, col=1)


def _objective_line(figure: go.Figure, seconds: float, *, row: int) -> None:
    figure.add_hline(y=seconds, row=row, col=1, line={"color": style.INK, "width": 1.2, "dash": "dash"})
    axis = "" if row == 1 else str(row)
    figure.add_annotation(
        text=f"objective {wording.nanos(seconds * 1e9)}",
        xref=f"x{axis} domain",
        x=0.0,
        xanchor="left",
        yref=f"y{axis}",
        y=math.log10(seconds),
        yanchor="bottom",
        showarrow=False,
        font={"size": 11, "color": style.INK},
        bgcolor="rgba(255, 255, 255, 0.75)",
    )


def _value_axis(figure: go.Figure, table: pl.DataFrame, objectives: list[float]) -> None:
    seconds = [table[column].to_physical().drop_nulls() / 1e9 for column in QUANTILES]
    values = pl.concat([*seconds, pl.Series(objectives, dtype=pl.Float64)])
    values = values.filter(values > 0.0)
    low, high = values.min(), values.max()
    if isinstance(low, float) and isinstance(high, float):
        style.latency_axis(figure, low=low, high=high)
    else:
        figure.update_yaxes(showticklabels=False, range=[0.0, 1.0], showgrid=False)
    figure.update_yaxes(title={"text": "latency", "standoff": 6})
