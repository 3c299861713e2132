"""Where the time between "we want one more" and "it takes requests" goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from hookean.analysis.protocol import ResultLike

STAGES = ("place", "provision", "boot", "join", "pull", "create", "init")
"""Stage columns of the replica table, in the order in which they happen."""

TOTAL = "total"
"""Name of the row that holds the whole start-up, from the wish to readiness."""

_NANOS = pl.Duration("ns")


def started_replicas(result: ResultLike) -> pl.DataFrame:
    """Returns the replicas that went through at least one start-up stage and became ready.

    Replicas that were there from the start (a warm start records no stage) say nothing about start-up and are left out.

    Args:
        result: A result.

    Returns:
        The rows of the replica table that remain.
    """
    staged = pl.any_horizontal(pl.col(stage).is_not_null() for stage in STAGES)
    return result.replicas.filter(pl.col("ready").is_not_null() & staged)


def startup_breakdown(result: ResultLike) -> pl.DataFrame:
    """Breaks the start-up of replicas down by stage.

    A stage that a replica skipped (an image already on its node) counts as 0 if other replicas of the service went
    through it, so that the means of the stages add up to the mean of the total. Quantiles interpolate linearly and do
    not add up.

    Args:
        result: A result.

    Returns:
        One row per service and stage that occurs, in order, then one for the `total`: `service`, `stage`, `replicas`
        (u32), `mean`, `p50`, `p95`, `max` (durations).
    """
    started = started_replicas(result)
    total = (pl.col("ready") - pl.col("created")).alias(TOTAL)
    order = pl.DataFrame({"stage": [*STAGES, TOTAL], "position": range(len(STAGES) + 1)})
    long = (
        started.select("service", *STAGES, total)
        .unpivot(on=[*STAGES, TOTAL], index="service", variable_name="stage", value_name="length")
        .with_columns(pl.col("length").cast(pl.Int64))
        .filter(pl.col("length").is_not_null().any().over("service", "stage"))
        .with_columns(pl.col("length").fill_null(0))
    )
    table = long.group_by("service", "stage").agg(
        replicas=pl.len().cast(pl.UInt32),
        mean=_duration(pl.col("length").mean()),
        p50=_duration(pl.col("length").quantile(0.5, interpolation="linear")),
        p95=_duration(pl.col("length").quantile(0.95, interpolation="linear")),
        max=_duration(pl.col("length").max()),
    )
    return table.join(order, on="stage").sort("service", "position").drop("position")


def _duration(nanos: pl.Expr) -> pl.Expr:
    return nanos.round().cast(pl.Int64).cast(_NANOS)
