"""Scaling decisions on the replica curve, with their reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl

from hookean.analysis import wording
from hookean.figures import style
from hookean.figures.curves import curve_table, joined_intervals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis import ResultLike

MARKS_MAX = 1500
"""Most decisions marked for one contender; beyond it the largest steps are marked."""

_GOLDEN = (5.0**0.5 - 1.0) / 2.0
"""Multiples of the golden ratio, modulo 1, fill the unit interval evenly."""

_COLUMNS = ("time", "controller", "current", "desired", "ready", "metric", "value", "target", "reason")


def decisions_table(results: Mapping[str, ResultLike], *, service: str) -> pl.DataFrame:
    """Returns the decisions that changed the wanted count of a service.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        `contender`, `time`, `controller`, `current`, `desired`, `ready`, `metric`, `value`, `target`, `reason`, in
        order of contender and time.
    """
    changes = (pl.col("service") == service) & (pl.col("desired") != pl.col("current"))
    parts = [
        result.scan("decisions")
        .filter(changes)
        .sort("time")
        .select(pl.lit(name).alias("contender"), *_COLUMNS)
        .collect()
        for name, result in results.items()
    ]
    return pl.concat(parts)


def marked_decisions(results: Mapping[str, ResultLike], *, service: str) -> pl.DataFrame:
    """Returns the decisions that `decisions_figure` marks: all changes, or the largest `MARKS_MAX` of a contender.

    Where equally large ones have to be left out, those that stay are spread evenly over the run.
    """
    step = (pl.col("desired").cast(pl.Int64) - pl.col("current").cast(pl.Int64)).abs()
    spread = pl.int_range(pl.len()) * _GOLDEN % 1.0
    rank = (step.cast(pl.Float64) + spread).rank("ordinal", descending=True).over("contender")
    return decisions_table(results, service=service).filter(rank <= MARKS_MAX)


def decisions_figure(results: Mapping[str, ResultLike], *, service: str) -> go.Figure:
    """Marks the decisions that changed the wanted count on the curve of ready replicas, one panel per contender.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        The figure; hovering a mark shows controller, metric and reason. Its numbers are those of `decisions_table` and
        the `ready` column of `supply_table`.
    """
    size = joined_intervals(results)
    series = {
        name: result.scan("series").filter(pl.col("service") == service).collect() for name, result in results.items()
    }
    curve = curve_table(series, columns=["ready"], size=size)
    marks = marked_decisions(results, service=service)
    scale = style.time_scale(results)
    figure = style.panels(list(results))
    for row, (name, colour) in enumerate(style.contender_colours(results).items(), start=1):
        rows = curve.filter(pl.col("contender") == name)
        ready = go.Scatter(
            x=scale.read(rows["time"]),
            y=rows["ready" if size == 1 else "ready_mean"],
            mode="lines",
            line=style.step_line(colour=style.faded(colour, 0.55), width=1.4),
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_trace(ready, row=row, col=1)
        mine = marks.filter(pl.col("contender") == name)
        if not mine.height:
            style.say_empty(figure, "no decision changed the replica count", row=row)
        _mark(figure, mine, row=row, colour=colour, scale=scale)
    style.legend_entry(figure, "ready replicas", mode="lines", line={"color": style.INK, "width": 1.4})
    for name, symbol in (("scale-out, to this many", "triangle-up"), ("scale-in, to this many", "triangle-down-open")):
        style.legend_entry(figure, name, mode="markers", marker={"symbol": symbol, "size": 8, "color": style.INK})
    style.time_axis(figure, scale, rows=len(results))
    style.replica_axis(figure, curve, marks.select("desired"))
    figure.update_layout(hovermode="closest")
    return figure


def _mark(figure: go.Figure, rows: pl.DataFrame, *, row: int, colour: str, scale: style.TimeScale) -> None:
    up = pl.col("desired") > pl.col("current")
    for condition, symbol in ((up, "triangle-up"), (~up, "triangle-down-open")):
        some = rows.filter(condition)
        if not some.height:
            continue
        trace = go.Scatter(
            x=scale.read(some["time"]),
            y=some["desired"],
            mode="markers",
            marker={"symbol": symbol, "size": 7, "color": colour, "line": {"width": 1, "color": colour}},
            customdata=_hover_text(some),
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )
        figure.add_trace(trace, row=row, col=1)


def _hover_text(rows: pl.DataFrame) -> list[str]:
    """Writes what a mark shows: when, who, from how many to how many, and the reason over several lines."""
    reasons = [style.label(reason, width=46) for reason in rows["reason"]]
    hours = rows["time"].dt.total_seconds(fractional=True)
    heads = rows.select(
        pl.format(
            "<b>{} → {} replicas</b> ({} ready)<br>",
            "current", "desired", "ready",
        )
    ).to_series()  # fmt: skip
    who = [style.plain(name) for name in rows["controller"]]
    return [
        f"{head}{style.plain(wording.clock(at))}, {name}<br>{reason}"
        for head, at, name, reason in zip(heads, hours, who, reasons, strict=True)
    ]
