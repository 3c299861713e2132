"""Horizontal bars in parts, one for each contender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from hookean.analysis import wording
from hookean.figures import style

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl


def stack(names: Sequence[str], *, title: str) -> go.Figure:
    """Returns a figure with room for a bar per contender, from top to bottom.

    Args:
        names: Names of the contenders.
        title: Title of the axis of values.
    """
    figure = style.dress(go.Figure(), inner_px=52 * len(names) + 24, foot_px=118)
    figure.update_layout(
        barmode="stack", hovermode="closest", showlegend=True, uniformtext={"mode": "hide", "minsize": 10}
    )
    figure.update_xaxes(title={"text": title, "standoff": 8}, rangemode="tozero")
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=[style.label(name) for name in reversed(names)]
    )
    figure.update_yaxes(range=[-0.5, len(names) - 0.5], showgrid=False)
    return figure


def part(contenders: Iterable[str], seconds: pl.Series, *, name: str, colour: str, **more: Any) -> go.Bar:
    """Returns one part of the bars, with its length written inside.

    Args:
        contenders: Names of the contenders.
        seconds: Length of the part for each.
        name: Name of the part.
        colour: Its colour.
        more: Further properties of the trace: what is shown on hover.
    """
    return go.Bar(
        x=seconds,
        y=[style.label(contender) for contender in contenders],
        orientation="h",
        name=name,
        marker={"color": colour, "line": {"color": "#ffffff", "width": 1}},
        text=[wording.nanos(value * 1e9) for value in seconds],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        **more,
    )
