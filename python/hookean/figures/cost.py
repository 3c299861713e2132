"""What each contender cost, and what quality that bought."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from hookean.analysis import comparison, wording
from hookean.figures import style

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis import ResultLike

_COLUMNS = (
    "contender",
    "cost_usd",
    "cost_per_million_usd",
    "replicas_mean",
    "utilisation_mean",
    "slo_attainment_ratio",
    "slo_target_ratio",
)


def cost_table(results: Mapping[str, ResultLike], *, service: str) -> pl.DataFrame:
    """Returns the numbers of `cost_figure`.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        One row per contender: `contender`, `cost_usd` (the service's part of the bill), `cost_per_million_usd`,
        `replicas_mean`, `utilisation_mean`, `slo_attainment_ratio`, `slo_target_ratio`.
    """
    return comparison(results).filter(pl.col("service") == service).select(_COLUMNS)


def cost_figure(results: Mapping[str, ResultLike], *, service: str) -> go.Figure:
    """Draws the cost of each contender as bars and, below on the same axis, SLO attainment against cost.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        The figure; only the bars when fewer than two contenders can be judged. Its numbers are those of `cost_table`.
    """
    table = cost_table(results, service=service)
    judged = table.filter(pl.col("slo_attainment_ratio").is_not_null())
    judged = judged.clear() if judged.height < 2 else judged
    bars_px = 46 * table.height + 16
    if judged.height:
        inner = bars_px + 46 + 190
        figure = make_subplots(
            rows=2, cols=1, shared_xaxes=True, row_heights=[bars_px, 190], vertical_spacing=46 / inner
        )
    else:
        inner = bars_px
        figure = make_subplots(rows=1, cols=1)
    style.dress(figure, inner_px=inner, foot_px=110 if judged.height else 60)
    _bars(figure, table)
    if judged.height:
        _points(figure, judged)
    highest = table["cost_usd"].max()
    top = float(highest) if isinstance(highest, float) and highest > 0.0 else 1.0
    figure.update_xaxes(range=[0.0, top * 1.3], showticklabels=True, separatethousands=True)
    figure.update_xaxes(row=2 if judged.height else 1, col=1, title={"text": "cost of the run (USD)", "standoff": 8})
    figure.update_layout(hovermode="closest")
    return figure


def _bars(figure: go.Figure, table: pl.DataFrame) -> None:
    colours = style.contender_colours(table["contender"])
    labels = [style.label(name) for name in table["contender"]]
    trace = go.Bar(
        x=table["cost_usd"],
        y=labels,
        orientation="h",
        marker={"color": list(colours.values())},
        text=[wording.usd(cost) for cost in table["cost_usd"]],
        textposition="outside",
        cliponaxis=False,
        showlegend=False,
        hovertemplate="%{text}<extra></extra>",
    )
    figure.add_trace(trace, row=1, col=1)
    figure.update_yaxes(
        row=1, col=1, type="category", categoryorder="array", categoryarray=labels[::-1], showgrid=False
    )
    figure.update_yaxes(row=1, col=1, range=[-0.5, len(labels) - 0.5])


def _points(figure: go.Figure, judged: pl.DataFrame) -> None:
    colours = style.contender_colours(judged["contender"])
    symbols = style.contender_symbols(judged["contender"])
    for row in judged.iter_rows(named=True):
        name = row["contender"]
        share = wording.attainment(row["slo_attainment_ratio"], target=row["slo_target_ratio"])
        trace = go.Scatter(
            x=[row["cost_usd"]],
            y=[row["slo_attainment_ratio"]],
            mode="markers",
            name=style.plain(name),
            marker={"color": colours[name], "symbol": symbols[name], "size": 13},
            hovertemplate=f"{style.plain(name)}<br>{share} at {wording.usd(row['cost_usd'])}<extra></extra>",
        )
        figure.add_trace(trace, row=2, col=1)
    targets = sorted(set(judged["slo_target_ratio"].drop_nulls()))
    for target in targets:
        figure.add_hline(
            y=target,
            row=2,
            col=1,
            line={"color": style.INK, "width": 1.2, "dash": "dash"},
            annotation={"text": f"target {wording.target_text(target)}", "font": {"size": 11}},
            annotation_position="bottom right",
        )
    values = [*judged["slo_attainment_ratio"], *targets]
    margin = max(0.15 * (max(values) - min(values)), 0.002)
    figure.update_yaxes(
        row=2,
        col=1,
        range=[max(0.0, min(values) - margin), max(values) + margin],
        tickformat=".1%" if margin < 0.02 else ".0%",
        title={"text": "good requests", "standoff": 6},
    )
