"""Quantiles from the histograms of one run, or of several together."""

from __future__ import annotations

from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from hookean.errors import ResultError
from hookean.result.run_result import RunResult

if TYPE_CHECKING:
    from collections.abc import Sequence


def latency_quantiles(
    results: RunResult | Sequence[RunResult], quantiles: Sequence[float] = (0.5, 0.95, 0.99, 0.999)
) -> pl.DataFrame:
    """Returns quantiles of latency over all requests of the given runs, by service.

    Runs with several seeds are answered as one long run: the mean of their quantiles would not be a quantile. A
    quantile (nearest rank) lies in a bucket of the histogram, of which the middle is returned with the bounds.

    Args:
        results: One run, or several of the same services; each with a table `latencies` (`record: {latencies: true}`).
        quantiles: Ratios from 0 to 1.

    Returns:
        A row per service and quantile, in order of service, then as given: `service`, `quantile`, `latency` (duration),
        `low` and `high` (duration; the exact quantile lies between them), `requests` (all that were counted).

    Raises:
        ResultError: A run has no table `latencies`.
        ValueError: There is no run, or a quantile is not a ratio from 0 to 1.
    """
    runs: Sequence[RunResult] = [results] if isinstance(results, RunResult) else results
    if not runs:
        raise ValueError("there is no result to read quantiles from")
    wrong = [q for q in quantiles if not 0 <= q <= 1]
    if wrong:
        raise ValueError(f"a quantile must be a ratio from 0 to 1, not {wrong[0]}")
    tables = [_latencies(run) for run in runs]
    merged = pl.concat(tables).group_by("service", "low", "high").agg(pl.col("requests").sum())
    merged = merged.sort("service", "low", "high")
    by_service = merged.group_by("service", maintain_order=True)
    rows = [_row(service, buckets, quantile) for (service,), buckets in by_service for quantile in quantiles]
    span = pl.Duration("ns")
    lengths = dict.fromkeys(("latency", "low", "high"), span)
    schema = {"service": pl.String(), "quantile": pl.Float64(), **lengths, "requests": pl.UInt64()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _latencies(run: RunResult) -> pl.DataFrame:
    if run.latencies is None:
        raise ResultError(
            f"the result of `{run.name}` has no table `latencies`",
            hint="simulate it with `record: {latencies: true}`",
        )
    return run.latencies


def _row(service: object, buckets: pl.DataFrame, quantile: float) -> tuple[object, float, int, int, int, int]:
    """Finds the bucket that holds the value of nearest rank."""
    counts = buckets["requests"].to_numpy()
    total = int(counts.sum())
    rank = max(1, ceil(Decimal(repr(quantile)) * total))  # as floats 0.07 of 100 would be the eighth
    at = int(np.searchsorted(np.cumsum(counts), rank))
    # Buckets of several runs overlap where extremes cut them: no later one ends before an earlier one.
    low, high = (int(edge[at]) for edge in (buckets["low"].to_physical(), buckets["high"].to_physical().cum_max()))
    return service, quantile, low + (high - low) // 2, low, high, total
