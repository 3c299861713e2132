"""Contenders side by side: one row per contender and service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from hookean.analysis.elasticity import elasticity
from hookean.analysis.startup import TOTAL, startup_breakdown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookean.analysis.protocol import ResultLike


@dataclass(frozen=True)
class Metric:
    """One column of the comparison.

    Attributes:
        name: Column name.
        unit: Unit as shown to people; empty for counts, names and flags.
        better: `lower`, `higher`, or empty when neither is better.
        meaning: One sentence.
    """

    name: str
    unit: str
    better: str
    meaning: str


METRICS = (
    Metric("contender", "", "", "Name given to the result."),
    Metric("platform", "", "", "Platform preset."),
    Metric("service", "", "", "Name of the service."),
    Metric("fidelity", "", "", "`exact`, or `binned`: approximate, simulated in numbers of requests per bin."),
    Metric("arrivals", "", "", "Attempts that arrived: requests and their retries."),
    Metric("retries", "", "", "Attempts that are not the first of their request."),
    Metric("slo_latency", "s", "", "Latency objective; null without one."),
    Metric("slo_target_ratio", "ratio", "", "Wanted share of good requests; null without an objective."),
    Metric(
        "slo_attainment_ratio", "ratio", "higher", "Good requests / all requests that ended; null when there are none."
    ),
    Metric("slo_met", "", "higher", "Whether the attainment reaches the target; null when it cannot be judged."),
    Metric("latency_p50", "s", "lower", "Median latency of completed attempts, from their own arrival."),
    Metric("latency_p95", "s", "lower", "95 % quantile of latency."),
    Metric("latency_p99", "s", "lower", "99 % quantile of latency."),
    Metric(
        "request_latency_p50",
        "s",
        "lower",
        "Median latency of completed requests, from their first arrival, as objectives count it.",
    ),
    Metric("request_latency_p95", "s", "lower", "95 % quantile of the same."),
    Metric("request_latency_p99", "s", "lower", "99 % quantile of the same."),
    Metric(
        "failed",
        "",
        "lower",
        "Requests given up: rejected, timed out, expired, lost or unanswered, in their last attempt.",
    ),
    Metric("failed_ratio", "ratio", "lower", "Failed requests / requests; null without requests."),
    Metric("in_system", "", "", "Requests waiting or in service at the end: judged neither good nor bad."),
    Metric("replicas_mean", "replicas", "", "Ready replicas, averaged over time."),
    Metric("replicas_max", "replicas", "", "Most ready replicas at once."),
    Metric("utilisation_mean", "ratio", "", "CPU used / CPU of ready replicas."),
    Metric("cost_usd", "USD", "lower", "The service's part of the bill."),
    Metric("cost_per_million_usd", "USD", "lower", "Cost / completed requests x 10^6; null when none completed."),
    Metric(
        "startup_mean", "s", "lower", "Mean time from the wish for a replica to its readiness; null when none started."
    ),
    Metric("demand_mean", "replicas", "", "Replicas that would have been enough (analytic), averaged over time."),
    Metric("accuracy_under_replicas", "replicas", "lower", "Missing replicas, averaged over time."),
    Metric("accuracy_over_replicas", "replicas", "lower", "Surplus replicas, averaged over time."),
    Metric("theta_under_ratio", "ratio", "lower", "Missing replicas / demand, averaged over time."),
    Metric("theta_over_ratio", "ratio", "lower", "Surplus replicas / demand, averaged over time."),
    Metric("tau_under_ratio", "ratio", "lower", "Share of time with too few replicas."),
    Metric("tau_over_ratio", "ratio", "lower", "Share of time with too many replicas."),
    Metric(
        "jitter_per_minute", "1/min", "", "Replica changes beyond those of demand per minute; negative is sluggish."
    ),
    Metric("instability_ratio", "ratio", "lower", "Share of intervals in which supply and demand do not move alike."),
    Metric("partial", "", "", "Whether the run was stopped before its end."),
)
"""Every column of the comparison, in order."""

_SCORES = tuple(
    metric.name
    for metric in METRICS
    if metric.name.startswith(("demand_", "accuracy_", "theta_", "tau_", "jitter_", "instability_"))
)


def comparison(results: Mapping[str, ResultLike]) -> pl.DataFrame:
    """Compares results, contenders in the given order and services by name.

    Args:
        results: Results by contender name; at least one.

    Returns:
        One row per contender and service with the columns of `METRICS`; durations as Duration(ns).

    Raises:
        ValueError: If there is no result.
    """
    if not results:
        raise ValueError("there is nothing to compare: give at least one result")
    return pl.concat([_contender_rows(name, result) for name, result in results.items()])


def _contender_rows(name: str, result: ResultLike) -> pl.DataFrame:
    startup = startup_breakdown(result).filter(pl.col("stage") == TOTAL).select("service", startup_mean="mean")
    failed = pl.col("given_up")
    completed = pl.when(pl.col("completed") > 0).then(pl.col("completed"))
    requests = pl.when(pl.col("arrivals") > 0).then(pl.col("arrivals") - pl.col("retries"))
    rows = (
        result.summary.sort("service")
        .join(startup, on="service", how="left", maintain_order="left")
        .join(elasticity(result).select("service", *_SCORES), on="service", how="left", maintain_order="left")
        .with_columns(
            contender=pl.lit(name),
            platform=pl.lit(str(result.manifest["platform"])),
            partial=pl.lit(bool(result.manifest["partial"])),
            slo_met=pl.col("slo_attainment_ratio") >= pl.col("slo_target_ratio"),
            failed=failed,
            failed_ratio=failed / requests,
            cost_per_million_usd=pl.col("cost_usd") / completed * 1e6,
        )
    )
    return rows.select(metric.name for metric in METRICS)
