"""What became of the requests: late, rejected, timed out, expired, lost, unanswered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl

from hookean.analysis import wording
from hookean.figures import style

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis import ResultLike

BAD = {
    "late": "#999999",
    "rejected": "#aa3377",
    "timed_out": "#ccbb44",
    "expired": "#ee8866",
    "lost": "#332288",
    "unanswered": "#44aa99",
}
"""Outcomes that count against a service, with their colours."""


def outcomes_table(results: Mapping[str, ResultLike], *, service: str) -> pl.DataFrame:
    """Returns the numbers of `outcomes_figure`.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        One row per contender: `contender`, `arrivals`, `good` (completed within the objective; null without one),
        `late` (completed after it; null without one), `completed`, `rejected`, `timed_out`, `expired`,
        `lost`, `unanswered`, `in_system`.
    """
    parts = [
        result.summary.filter(pl.col("service") == service).select(
            pl.lit(name).alias("contender"),
            "arrivals",
            pl.col("slo_good").alias("good"),
            (pl.col("completed") - pl.col("slo_good")).alias("late"),
            "completed",
            "rejected",
            "timed_out",
            "expired",
            "lost",
            "unanswered",
            "in_system",
        )
        for name, result in results.items()
    ]
    return pl.concat(parts)


def outcomes_figure(results: Mapping[str, ResultLike], *, service: str) -> go.Figure:
    """Draws the share of requests that were late, rejected, timed out, expired, lost or unanswered, as stacked bars.

    Args:
        results: Results by contender name.
        service: Name of the service.

    Returns:
        The figure; good requests are not drawn, since they would hide the others. A dashed line marks the share that
        the objective allows. Its numbers are those of `outcomes_table`.
    """
    table = outcomes_table(results, service=service)
    names = list(results)
    figure = style.dress(go.Figure(), inner_px=46 * len(names) + 24, foot_px=104)
    bad = {name: _share(table, name) for name in BAD}
    for name, share in bad.items():
        if share.sum() > 0.0:
            figure.add_trace(_bar(table, name, share))
    worst = sum(bad.values(), start=pl.Series([0.0] * table.height)).max()
    if not isinstance(worst, float) or worst == 0.0:
        arrived = table["arrivals"].sum() > 0
        style.say_empty(figure, "no request was late or failed" if arrived else "there were no requests")
    allowed = _allowed(results, service)
    for ratio in allowed:
        _budget_line(figure, ratio)
    top = max([worst if isinstance(worst, float) else 0.0, *allowed])
    figure.update_xaxes(
        title={"text": "share of arrivals", "standoff": 8},
        tickformat=".2%" if top < 0.01 else ".1%" if top < 0.1 else ".0%",
        range=[0.0, top * 1.12 or 0.01],
        nticks=6,
    )
    labels = [style.label(name) for name in reversed(names)]
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=labels, showgrid=False)
    figure.update_yaxes(range=[-0.5, len(names) - 0.5])
    figure.update_layout(barmode="stack", hovermode="closest", showlegend=True)
    return figure


def _share(table: pl.DataFrame, name: str) -> pl.Series:
    share = pl.when(pl.col("arrivals") > 0).then(pl.col(name) / pl.col("arrivals")).otherwise(0.0)
    return table.select(share.fill_null(0.0).alias(name)).to_series()


def _bar(table: pl.DataFrame, name: str, share: pl.Series) -> go.Bar:
    shown = name.replace("_", " ")
    return go.Bar(
        x=share,
        y=[style.label(contender) for contender in table["contender"]],
        orientation="h",
        name=shown,
        marker={"color": BAD[name], "line": {"color": "#ffffff", "width": 1}},
        customdata=table[name].fill_null(0).to_list(),
        hovertemplate=f"{shown}: %{{customdata:,}} (%{{x:.3%}})<extra></extra>",
    )


def _allowed(results: Mapping[str, ResultLike], service: str) -> list[float]:
    targets = pl.concat(
        [result.summary.filter(pl.col("service") == service)["slo_target_ratio"] for result in results.values()]
    )
    return sorted({1.0 - target for target in targets.drop_nulls()})


def _budget_line(figure: go.Figure, share: float) -> None:
    figure.add_vline(
        x=share,
        line={"color": style.INK, "width": 1.2, "dash": "dash"},
        annotation={"text": f"allowed {wording.target_text(share)}", "font": {"size": 11}, "yshift": 4},
        annotation_position="top",
    )
