"""What became of pools whose size changes: a figure, and every decision that changed one."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import polars as pl

from hookean import figures
from hookean.analysis import wording
from hookean.figures.curves import resolution_note
from hookean.report.drawing import figure_block
from hookean.report.tables import Shown, curves_table, frame_table, number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from hookean.analysis import ResultLike

DECISIONS_SHOWN = 300
"""Most decisions of one contender that the table shows."""


def nodes_section(results: Mapping[str, ResultLike]) -> str:
    """Returns the figure of nodes with its numbers; nothing when no contender scales a pool."""
    if not any("pool" in each for result in results.values() for each in result.manifest["controllers"]):
        return ""
    shown = [Shown("paid", "paid for", number), Shown("ready", "ready", number)]
    curves = curves_table(figures.nodes_table(results), shown)
    services = {name for result in results.values() for name in result.summary["service"]}
    heading = '<h2 class="service">Platform</h2>\n' if len(services) > 1 else ""
    return heading + figure_block(
        "nodes",
        "Nodes",
        figures.nodes_figure(results),
        caption=_caption(results),
        numbers=f"{curves}\n<h4>Decisions that changed a pool</h4>\n{_decisions(results)}",
    )


def _changes(result: ResultLike) -> pl.DataFrame:
    rows = result.scan("decisions").filter(pl.col("pool").is_not_null(), pl.col("current") != pl.col("desired"))
    return rows.select("time", "pool", "current", "desired", "ready", "reason").collect()


def _caption(results: Mapping[str, ResultLike]) -> str:
    counts = [f"{escape(name)} {_changes(result).height:,}" for name, result in results.items()]
    note = resolution_note(results, drawn="their mean")
    return (
        "Of all pools together. Between the two lines are nodes that start, and those on their way out. "
        f"Decisions that changed a pool: {', '.join(counts)}. {note}"
    )


def _decisions(results: Mapping[str, ResultLike]) -> str:
    parts = [
        _changes(result).head(DECISIONS_SHOWN).select(pl.lit(name).alias("contender"), pl.all())
        for name, result in results.items()
    ]
    columns = [
        Shown("contender", "contender", numeric=False),
        Shown("time", "time", _instant),
        Shown("pool", "pool", numeric=False),
        Shown("current", "from", number),
        Shown("desired", "to", number),
        Shown("ready", "ready", number),
        Shown("reason", "reason", numeric=False),
    ]
    most = max(_changes(result).height for result in results.values())
    note = ""
    if most > DECISIONS_SHOWN:
        note = (
            f'<p class="note">The first {DECISIONS_SHOWN} of each contender; all of them, with every input, are in '
            "<code>decisions.parquet</code> of the saved results.</p>"
        )
    return frame_table(pl.concat(parts), columns) + note


def _instant(at: timedelta) -> str:
    return wording.clock(at.total_seconds())
