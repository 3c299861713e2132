"""One figure in the page: heading, caption, plot, and the table of its numbers."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import plotly.io as pio

if TYPE_CHECKING:
    import plotly.graph_objects as go

CONFIG: dict[str, Any] = {
    "responsive": True,
    "displaylogo": False,
    "modeBarButtons": [["toImage", "resetScale2d"]],
}
"""How the figures behave in the page."""


def figure_block(identity: str, title: str, drawn: go.Figure, *, caption: str, numbers: str) -> str:
    """Returns a figure as HTML.

    Args:
        identity: Its id in the page.
        title: Its heading; escaped here.
        drawn: The figure.
        caption: HTML of the caption.
        numbers: HTML of the table of its numbers.
    """
    plot = pio.to_html(
        drawn,
        config=CONFIG,
        include_plotlyjs=False,
        full_html=False,
        div_id=f"plot-{identity}",
        validate=False,
    )
    return (
        f'<figure id="{identity}">\n<h3>{escape(title)}</h3>\n<figcaption>{caption}</figcaption>\n'
        f'<div class="plot">{plot}</div>\n<details class="numbers"><summary>The numbers</summary>\n'
        f"{numbers}</details>\n</figure>\n"
    )
