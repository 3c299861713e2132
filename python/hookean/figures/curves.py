"""Curves over time as tables: every interval when they fit, joined intervals with their extremes when they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from hookean.analysis import wording
from hookean.analysis.envelope import bucket_size, envelope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hookean.analysis import ResultLike


def joined_intervals(results: Mapping[str, ResultLike]) -> int:
    """Returns how many intervals share one drawn point: the same for all contenders, 1 when every interval is drawn."""
    most = (result.scan("series").group_by("service").len().select(pl.col("len").max()) for result in results.values())
    rows = [each.collect().item() for each in most]
    return bucket_size(max((int(most) for most in rows if isinstance(most, int)), default=0))


def curve_table(frames: Mapping[str, pl.DataFrame], *, columns: Sequence[str], size: int) -> pl.DataFrame:
    """Puts the curves of several contenders below each other.

    Args:
        frames: Rows of one service by contender, with `time` and the columns.
        columns: Columns to keep.
        size: Intervals that share a row.

    Returns:
        `contender`, `time` and the columns as they are when `size` is 1; else `<name>_min`, `<name>_mean` and
        `<name>_max` of each.
    """
    parts = []
    for name, frame in frames.items():
        rows = frame.sort("time")
        kept = rows.select("time", *columns) if size == 1 else envelope(rows, columns, size=size)
        parts.append(kept.select(pl.lit(name).alias("contender"), pl.all()))
    return pl.concat(parts)


def resolution_note(results: Mapping[str, ResultLike], *, drawn: str) -> str:
    """Says in a caption what one point stands for when intervals were joined; empty when each is drawn.

    Args:
        results: Results by contender name.
        drawn: What is drawn of the joined intervals.
    """
    size = joined_intervals(results)
    if size == 1:
        return ""
    first = pl.col("time").min()
    spans = [result.scan("series").select(pl.len(), first).collect().row(0) for result in results.values()]
    _, step = max(spans, key=lambda span: span[0])
    each = f" of {wording.duration(step)}" if step is not None else ""
    return f"The run is long: {size} intervals{each} share one point, which shows {drawn}."
