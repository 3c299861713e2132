"""Elasticity scores of the SPEC Research Group: how well supply follows demand.

Formulas after Herbst et al. (ICAC 2013, SEAMS 2015, TOMPECS 2018) over the curves demand `d(t)` and supply `s(t)`, both
piecewise constant and right-continuous, on `[0, T]`, with `x+ = max(x, 0)`:

    accuracy_under = (1/T) int (d - s)+ dt                accuracy_over = (1/T) int (s - d)+ dt          (replicas)
    theta_under = (1/T) int (d - s)+ / max(d, 1) dt       theta_over = (1/T) int (s - d)+ / max(d, 1) dt (ratio)
    tau_under = (1/T) time{d > s}                         tau_over = (1/T) time{s > d}                   (ratio)
    jitter = (unit changes of s - unit changes of d) / T                                                 (per minute)
    instability (upsilon) = mean of min(1, |sgn(ds) - sgn(dd)|) over the steps of the grid               (ratio)

The unit is one replica; supply counts *ready* replicas. The grid of the instability is that of the series table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from hookean.analysis.demand import demand

if TYPE_CHECKING:
    from hookean.analysis.protocol import ResultLike

_NANOS_PER_MINUTE = 60e9


def supply(result: ResultLike) -> pl.DataFrame:
    """Returns the supply curve of every service: ready replicas, exact to the nanosecond.

    Replicas are ready from the time in their table until they drain or end, but for the time in which their containers
    restart after a crash, which is in the table of faults.

    Args:
        result: A result.

    Returns:
        Steps `service`, `time`, `supply` (u32), the value holding from `time` on; each service starts at 0.
    """
    ready = result.replicas.filter(pl.col("ready").is_not_null()).with_columns(left=pl.coalesce("drained", "ended"))
    restarting = result.scan("faults").filter(pl.col("kind") == "replica_crash", pl.col("duration").is_not_null())
    outages = restarting.collect().join(ready.select("service", "replica", "left"), on=["service", "replica"])
    back = pl.min_horizontal(pl.col("time") + pl.col("duration"), "left")

    def steps_at(frame: pl.DataFrame, time: pl.Expr, step: int) -> pl.DataFrame:
        steps = frame.select("service", time=time.cast(pl.Duration("ns")), step=pl.lit(step, dtype=pl.Int64))
        return steps.filter(pl.col("time").is_not_null())

    frames = [
        steps_at(result.summary, pl.duration(nanoseconds=0), 0),
        steps_at(ready, pl.col("ready"), 1),
        steps_at(ready, pl.col("left"), -1),
        steps_at(outages, pl.col("time"), -1),
        steps_at(outages, back, 1),
    ]
    steps = pl.concat(frames).group_by("service", "time").agg(pl.col("step").sum()).sort("service", "time")
    return steps.select("service", "time", supply=pl.col("step").cum_sum().over("service").cast(pl.UInt32))


def joined_curves(demand_steps: pl.DataFrame, supply_steps: pl.DataFrame, *, until: pl.DataFrame) -> pl.DataFrame:
    """Lays two step functions over each other.

    Args:
        demand_steps: `service`, `time`, `demand`.
        supply_steps: `service`, `time`, `supply`.
        until: `service`, `until`: end of the observation; the last values hold until then.

    Returns:
        Pieces on which both are constant: `service`, `time`, `demand`, `supply` (f64), `length_ns` (f64), sorted. A
        curve is 0 before its first step.
    """
    key = ["service", "time"]
    merged = demand_steps.join(supply_steps, on=key, how="full", coalesce=True).join(until, on="service")
    pieces = merged.filter(pl.col("time") < pl.col("until")).sort(key)
    nanos = pl.col("time").cast(pl.Int64)
    end = pl.coalesce(nanos.shift(-1).over("service"), pl.col("until").cast(pl.Int64))
    return pieces.select(
        *key,
        *(pl.col(name).cast(pl.Float64).forward_fill().over("service").fill_null(0.0) for name in ("demand", "supply")),
        (end - nanos).cast(pl.Float64).alias("length_ns"),
    )


def curve_scores(pieces: pl.DataFrame) -> pl.DataFrame:
    """Scores pairs of curves.

    Args:
        pieces: The frame that `joined_curves` returns.

    Returns:
        One row per service: `demand_mean`, `supply_mean`, `accuracy_under_replicas`, `accuracy_over_replicas`,
        `theta_under_ratio`, `theta_over_ratio`, `theta_over_supply_ratio` (normalised by supply instead of demand),
        `tau_under_ratio`, `tau_over_ratio`, `demand_changes`, `supply_changes` (in units), `jitter_per_minute`.
    """
    d, s, length = pl.col("demand"), pl.col("supply"), pl.col("length_ns")
    under, over = (d - s).clip(lower_bound=0.0), (s - d).clip(lower_bound=0.0)

    def mean(values: pl.Expr) -> pl.Expr:
        return (values * length).sum() / length.sum()

    scores = pieces.group_by("service", maintain_order=True).agg(
        demand_mean=mean(d),
        supply_mean=mean(s),
        accuracy_under_replicas=mean(under),
        accuracy_over_replicas=mean(over),
        theta_under_ratio=mean(under / d.clip(lower_bound=1.0)),
        theta_over_ratio=mean(over / d.clip(lower_bound=1.0)),
        theta_over_supply_ratio=mean(over / s.clip(lower_bound=1.0)),
        tau_under_ratio=mean((d > s).cast(pl.Float64)),
        tau_over_ratio=mean((s > d).cast(pl.Float64)),
        demand_changes=d.diff().abs().sum().cast(pl.UInt64),
        supply_changes=s.diff().abs().sum().cast(pl.UInt64),
        minutes=length.sum() / _NANOS_PER_MINUTE,
    )
    jitter = (pl.col("supply_changes").cast(pl.Float64) - pl.col("demand_changes").cast(pl.Float64)) / pl.col("minutes")
    return scores.with_columns(jitter.alias("jitter_per_minute")).drop("minutes")


def instability(samples: pl.DataFrame) -> pl.DataFrame:
    """Returns the share of grid steps in which supply and demand do not move the same way (upsilon).

    Args:
        samples: `service`, `demand`, `supply` at equidistant instants, in order of time.

    Returns:
        One row per service: `instability_up_ratio` (supply moves up relative to demand), `instability_down_ratio` and
        their sum `instability_ratio`; null with fewer than two samples.
    """
    moves = samples.select(
        "service",
        supply=pl.col("supply").cast(pl.Float64).diff().over("service").sign(),
        demand=pl.col("demand").cast(pl.Float64).diff().over("service").sign(),
    )
    apart = pl.col("supply") - pl.col("demand")
    return moves.group_by("service", maintain_order=True).agg(
        instability_up_ratio=apart.clip(0.0, 1.0).mean(),
        instability_down_ratio=(-apart).clip(0.0, 1.0).mean(),
        instability_ratio=apart.abs().clip(upper_bound=1.0).mean(),
    )


def curves(result: ResultLike) -> pl.DataFrame:
    """Returns demand and supply of every service of a result, on the pieces where both are constant.

    Args:
        result: A result.

    Returns:
        The frame that `joined_curves` describes, from the start of each service to the end of the series table.
    """
    until = result.scan("series").group_by("service").agg(until=pl.col("time").max()).collect()
    starts = _starts(result)
    needed = demand(result).join(starts, on="service").filter(pl.col("time") > pl.col("created"))
    steps = needed.select("service", time=pl.max_horizontal("start", "created"), demand="demand")
    pieces = joined_curves(steps, supply(result), until=until)
    pieces = pieces.join(starts, on="service", maintain_order="left")
    return pieces.filter(pl.col("time") >= pl.col("created")).drop("created")


def _starts(result: ResultLike) -> pl.DataFrame:
    """When each service was created: `service`, `created`."""
    services = result.manifest["services"]
    created = [service.get("start_ns", 0) for service in services.values()]
    return pl.DataFrame(
        {"service": list(services), "created": created}, schema={"service": pl.String(), "created": pl.Duration("ns")}
    )


def elasticity(result: ResultLike) -> pl.DataFrame:
    """Scores every service of a result.

    Args:
        result: A result.

    Returns:
        One row per service with the columns of `curve_scores` and `instability`.
    """
    pieces = curves(result)
    grid = demand(result).select("service", time="start")
    samples = grid.join(pieces, on=["service", "time"], how="inner", maintain_order="left")
    return curve_scores(pieces).join(instability(samples), on="service", how="left", maintain_order="left")
