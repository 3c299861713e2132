"""What every figure shares: colours, fonts, axes, panels."""

from __future__ import annotations

import html
import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from hookean.analysis import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hookean.analysis import ResultLike

INK = "#1f2933"
MUTED = "#5b6770"
GRID = "#e3e7eb"
DEMAND_LINE = "#6b747c"
DEMAND_FILL = "rgba(120, 128, 136, 0.22)"
FONT = 'system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, "Liberation Sans", sans-serif'

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a4d00", "#000000")
"""Okabe & Ito's colours that keep apart under every kind of colour blindness and on white paper."""

SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star", "hexagon", "x")

STAGE_COLOURS = {
    "place": "#bbbbbb",
    "provision": "#332288",
    "boot": "#4477aa",
    "join": "#66ccee",
    "pull": "#ccbb44",
    "create": "#ee8866",
    "init": "#aa3377",
}
"""Stages have colours of their own (Paul Tol), so that no stage looks like a contender."""

_HEAD_PX, _FOOT_PX, _GAP_PX = 34, 90, 46


def contender_colours(names: Iterable[str]) -> dict[str, str]:
    """Gives every contender its colour: the same in every figure of the same results."""
    return {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(names)}


def contender_symbols(names: Iterable[str]) -> dict[str, str]:
    """Gives every contender its marker."""
    return {name: SYMBOLS[index % len(SYMBOLS)] for index, name in enumerate(names)}


def faded(colour: str, opacity: float) -> str:
    """Returns a `#rrggbb` colour with an opacity, as `rgba(…)`."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def label(text: str, *, width: int = 16) -> str:
    """Breaks a name over lines and escapes it, for use as a tick label."""
    return "<br>".join(html.escape(line, quote=False) for line in textwrap.wrap(text, width) or [""])


def plain(text: str) -> str:
    """Escapes a name for use in plotly text, which reads a subset of HTML."""
    return html.escape(text, quote=False)


@dataclass(frozen=True)
class TimeScale:
    """Unit of a time axis.

    Attributes:
        unit: Its symbol.
        nanos: Its length.
        tick: Distance of ticks, in the unit.
        end: End of the longest run, in the unit.
    """

    unit: str
    nanos: float
    tick: float
    end: float

    def read(self, times: pl.Series) -> pl.Series:
        """Converts a Duration(ns) column into the unit."""
        return times.to_physical() / self.nanos

    @property
    def title(self) -> str:
        """Axis title."""
        return f"simulated time ({self.unit})"


_UNITS = (("days", 86_400e9), ("h", 3600e9), ("min", 60e9), ("s", 1e9), ("ms", 1e6))


def time_scale(results: Mapping[str, ResultLike]) -> TimeScale:
    """Chooses the unit of the time axis: the largest in which the longest run has at least three."""
    last = pl.col("time").max().to_physical()
    ends = [result.scan("series").select(last).collect().item() for result in results.values()]
    longest = float(max((end for end in ends if isinstance(end, int)), default=1))
    unit, nanos = next((one for one in _UNITS if longest >= 3.0 * one[1]), _UNITS[-1])
    steps = (1, 2, 7, 14, 28, 56, 112) if unit == "days" else (1, 2, 3, 5, 6, 10, 15, 30, 60, 120, 300, 600)
    tick = next((step for step in steps if longest / nanos / step <= 8.5), longest / nanos / 8.0)
    return TimeScale(unit=unit, nanos=nanos, tick=float(tick), end=longest / nanos)


def panels(titles: Sequence[str], *, panel_px: int = 170, share_values: bool = True) -> go.Figure:
    """Returns a figure of panels below each other that share the time axis.

    Args:
        titles: One title per panel.
        panel_px: Height of a panel.
        share_values: Whether the panels share their value axis too.
    """
    rows = max(1, len(titles))
    inner = rows * panel_px + (rows - 1) * _GAP_PX
    figure = make_subplots(
        rows=rows,
        cols=1,
        shared_xaxes=True,
        shared_yaxes="all" if share_values else False,
        vertical_spacing=_GAP_PX / inner if rows > 1 else 0.0,
        subplot_titles=[plain(title) for title in titles],
    )
    figure.update_annotations(x=0.0, xanchor="left", yanchor="bottom", yshift=2, font={"size": 13, "color": INK})
    return dress(figure, inner_px=inner)


def dress(figure: go.Figure, *, inner_px: int, foot_px: int = _FOOT_PX) -> go.Figure:
    """Gives a figure the common look.

    Args:
        figure: The figure.
        inner_px: Height of the plotting area.
        foot_px: Room below it for ticks, axis title and legend.
    """
    figure.update_layout(
        template="none",
        height=inner_px + _HEAD_PX + foot_px,
        margin={"l": 8, "r": 14, "t": _HEAD_PX, "b": foot_px, "pad": 0},
        paper_bgcolor="#ffffff",
        plot_bgcolor="#ffffff",
        font={"family": FONT, "size": 12, "color": INK},
        hoverlabel={"bgcolor": "#ffffff", "bordercolor": MUTED, "font": {"size": 12, "color": INK}, "align": "left"},
        legend={
            "orientation": "h",
            "yref": "container",
            "y": 0.0,
            "yanchor": "bottom",
            "x": 0.0,
            "xanchor": "left",
            "traceorder": "normal",
        },
        bargap=0.3,
    )
    axis = {
        "gridcolor": GRID,
        "linecolor": MUTED,
        "ticks": "outside",
        "tickcolor": MUTED,
        "ticklen": 4,
        "zeroline": False,
        "automargin": True,
    }
    figure.update_xaxes(showline=True, **axis)
    figure.update_yaxes(**axis)
    return figure


def time_axis(figure: go.Figure, scale: TimeScale, *, rows: int) -> None:
    """Labels the shared time axis of a figure of panels, below the last one only."""
    figure.update_xaxes(dtick=scale.tick, range=[0.0, scale.end], showticklabels=False)
    figure.update_xaxes(row=rows, col=1, showticklabels=True, title={"text": scale.title, "standoff": 8})


def replica_axis(figure: go.Figure, *tables: pl.DataFrame) -> None:
    """Gives all panels the same range of replicas, from 0 to the most that the tables hold.

    The range is written out: plotly.js loses the automatic one of matching axes when a figure changes its width.

    Args:
        figure: The figure.
        *tables: Tables whose numeric columns are drawn.
    """
    columns = [column for table in tables for column in table if column.dtype.is_numeric()]
    most = max(
        (float(top) for top in (column.max() for column in columns) if isinstance(top, (int, float))), default=1.0
    )
    figure.update_yaxes(title={"text": "replicas", "standoff": 6}, range=[0.0, 1.06 * max(1.0, most)])


def step_line(*, colour: str, width: float = 1.6, dash: str = "solid", shape: str = "hv") -> dict[str, Any]:
    """Returns a line that stays constant between points."""
    return {"color": colour, "width": width, "dash": dash, "shape": shape}


def legend_entry(figure: go.Figure, name: str, **trace: Any) -> None:
    """Adds an entry to the legend that stands for traces of several colours.

    Args:
        figure: The figure.
        name: Text of the entry.
        **trace: How it looks (`mode`, `line`, `marker`, `fill`, `fillcolor`).
    """
    figure.add_trace(go.Scatter(x=[None], y=[None], name=name, hoverinfo="skip", showlegend=True, **trace))


def say_empty(figure: go.Figure, text: str, *, row: int = 1) -> None:
    """Writes into a panel why it is empty."""
    axis = "" if row == 1 else str(row)
    figure.add_annotation(
        text=text,
        xref=f"x{axis} domain",
        yref=f"y{axis} domain",
        x=0.5,
        y=0.5,
        showarrow=False,
        font={"size": 13, "color": MUTED},
    )


_LATENCY_TICKS = tuple(mantissa * 10.0**power for power in range(-6, 6) for mantissa in (1, 2, 5))


def latency_axis(figure: go.Figure, *, low: float, high: float) -> None:
    """Makes the value axes of a figure logarithmic, with ticks in the unit that fits.

    Args:
        figure: The figure; its values are in seconds.
        low: Least value shown, above 0.
        high: Greatest value shown.
    """
    ticks = [tick for tick in _LATENCY_TICKS if low / 2 <= tick <= high * 2]
    if len(ticks) > 9:
        ticks = [tick for tick in ticks if round(math.log10(tick), 6).is_integer()]
    figure.update_yaxes(
        type="log",
        range=[math.log10(low) - 0.08, math.log10(high) + 0.08],
        tickvals=ticks,
        ticktext=[wording.nanos(tick * 1e9) for tick in ticks],
    )
