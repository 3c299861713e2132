"""Long curves drawn with few points, honestly: every bucket keeps its least, mean and greatest value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

POINTS_MAX = 2000
"""Most points of one drawn curve."""


def bucket_size(rows: int, *, points_max: int = POINTS_MAX) -> int:
    """Returns how many consecutive intervals become one point: 1 when all of them fit."""
    return max(1, -(-rows // points_max))


def envelope(frame: pl.DataFrame, columns: Sequence[str], *, size: int) -> pl.DataFrame:
    """Joins runs of consecutive rows.

    Args:
        frame: Rows of one curve in order of `time` (end of each interval).
        columns: Numeric columns to keep.
        size: Rows of a bucket; the last may have fewer.

    Returns:
        One row per bucket: `time` (end of its last interval) and for each column `<name>_min`, `<name>_mean`,
        `<name>_max`; null where a bucket has no value. Means count each interval once.
    """
    numbered = frame.with_columns((pl.int_range(pl.len()) // size).alias("bucket"))
    values = [pl.col(name).cast(pl.Float64) for name in columns]
    return (
        numbered.group_by("bucket", maintain_order=True)
        .agg(
            pl.col("time").last(),
            *(value.min().name.suffix("_min") for value in values),
            *(value.mean().name.suffix("_mean") for value in values),
            *(value.max().name.suffix("_max") for value in values),
        )
        .drop("bucket")
    )
