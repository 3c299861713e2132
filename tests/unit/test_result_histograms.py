"""Quantiles from histograms: those of the engine, and of several runs as of one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import hookean
from hookean.errors import ResultError
from hookean.result import histograms


def scenario(seed, *, latencies=True, requests="full", fidelity="exact"):
    return hookean.Scenario.model_validate(
        {
            "seed": seed,
            "workload": [{"service": "web", "rate": "20/s", "duration": "200s"}],
            "services": {
                "web": {
                    "work": {"distribution": "exponential", "mean": "40ms"},
                    "replica": {"cpu": 1, "memory": "64Mi", "concurrency": 1},
                    "queue": {"discipline": "central_fifo"},
                    "replicas": 1,
                    "fidelity": fidelity,
                }
            },
            "platform": {
                "kind": "cluster",
                "pools": [{"name": "p", "cpu": 8, "memory": "8Gi", "price": "0 USD/h", "nodes": 1}],
                "startup": "instant",
                "pull": "none",
                "reservation": "none",
            },
            "record": {"requests": requests, "latencies": latencies},
        }
    )


def exact(runs, quantile):
    """The value of nearest rank, from the single requests."""
    done = [run.requests.filter(pl.col("outcome") == "completed") for run in runs]
    latencies = np.sort(np.concatenate([(d["end"] - d["arrival"]).to_physical().to_numpy() for d in done]))
    return latencies[max(1, int(np.ceil(quantile * len(latencies)))) - 1], len(latencies)


@pytest.fixture(scope="module")
def runs():
    return [hookean.simulate(scenario(seed)) for seed in (1, 2, 3)]


@pytest.mark.parametrize("quantile", [0, 0.01, 0.07, 0.5, 0.95, 0.999, 1])
@pytest.mark.parametrize("count", [1, 3])
def test_the_exact_quantile_of_all_runs_lies_within_the_bounds(runs, quantile, count):
    frame = hookean.latency_quantiles(runs[:count], [quantile])
    value, requests = exact(runs[:count], quantile)
    [(low, middle, high)] = frame.select(pl.col("low", "latency", "high").to_physical()).rows()
    assert low <= value <= high
    assert abs(middle / value - 1) < 1 / 128
    assert frame["requests"].item() == requests


def test_the_largest_value_is_exact(runs):
    [high] = hookean.latency_quantiles(runs, [1])["high"]
    assert high == max(run.summary["latency_max"][0] for run in runs)


def test_ranks_have_no_rounding_of_floats():
    buckets = pl.DataFrame({"low": range(100), "high": range(100), "requests": [1] * 100})
    for percent in range(1, 101):
        assert histograms._row("web", buckets, percent / 100)[3] == percent - 1


def test_one_run_has_the_quantiles_of_its_summary(runs):
    found = hookean.latency_quantiles(runs[0], [0.5, 0.99])["latency"]
    summary = runs[0].summary
    assert found.to_list() == [summary["latency_p50"][0], summary["latency_p99"][0]]


def test_overlapping_buckets_of_several_runs_keep_their_bounds():
    class Run:
        name = "made up"

        def __init__(self, rows):
            span = pl.Duration("ns")
            schema = {"service": pl.String, "low": span, "high": span, "requests": pl.UInt64}
            self.latencies = pl.DataFrame([("web", *row) for row in rows], schema=schema, orient="row")

    whole, cut = Run([(1000, 1003, 1)]), Run([(1001, 1001, 1)])
    frame = hookean.latency_quantiles([whole, cut], [0.5, 1.0])
    # the whole bucket may hold 1003, so the larger of both values may be as large
    assert frame.select(pl.col("low", "high").to_physical()).rows() == [(1000, 1003), (1001, 1003)]


def test_a_result_in_bins_has_its_histogram_too():
    run = hookean.simulate(scenario(1, requests="off", fidelity="binned"))
    assert run.latencies is not None
    assert run.latencies["requests"].sum() == run.summary["completed"][0] > 0


def test_a_result_without_the_table_says_how_to_get_it():
    run = hookean.simulate(scenario(1, latencies=False))
    assert run.latencies is None
    with pytest.raises(ResultError, match="no table `latencies`"):
        hookean.latency_quantiles(run)


@pytest.mark.parametrize(("given", "message"), [([], "no result"), (None, "ratio from 0 to 1, not 99")])
def test_what_cannot_be_answered_is_refused(runs, given, message):
    with pytest.raises(ValueError, match=message):
        hookean.latency_quantiles(runs if given is None else given, [99])
