"""The published example of SimFaaS: its figures are those of one run of ours, and the page shows what comes out.

Source: README of SimFaaS 0.2.2 (Mahmoudi and Khazaei), one run of 10^6 s from an empty platform: 1,213 cold starts in
898,469 requests, on average 7.6612 instances, of which 1.7879 are running and 5.8733 idle.
"""

import math
from pathlib import Path
from statistics import fmean, stdev

import pytest

from hookean import simulate
from hookean.conformance.queueing.intervals import t_quantile
from hookean.scenario import load_scenario

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "validation" / "simfaas.md"
RUNS = 20
ALPHA = 0.001
PUBLISHED = {
    "cold-start probability": 1213 / 898_469,
    "instances": 7.6612,
    "running instances": 1.7879,
    "idle instances": 5.8733,
}
HORIZON_NS = 10**15


def figures(result):
    """A request occupies an instance from its arrival on: its start-up is part of its cold service."""
    summary = result.summary.row(0, named=True)
    created, ended = (result.replicas[moment].to_physical() for moment in ("created", "ended"))
    instances = (ended.fill_null(HORIZON_NS) - created).sum() / HORIZON_NS
    latency_ns = result.summary["latency_mean"].dt.total_nanoseconds()[0]
    running = latency_ns * summary["completed"] / HORIZON_NS
    return (summary["replicas_created"] / summary["arrivals"], instances, running, instances - running)


@pytest.fixture(scope="module")
def samples():
    scenario = load_scenario(ROOT / "examples" / "function-keep-alive.yaml")
    runs = [figures(simulate(scenario.model_copy(update={"seed": seed}))) for seed in range(1, RUNS + 1)]
    return dict(zip(PUBLISHED, zip(*runs, strict=True), strict=True))


def widths(values):
    """Half-widths of the interval of the mean, and of that of one more run (Student's t)."""
    spread = t_quantile(RUNS - 1, ALPHA) * stdev(values)
    return spread / math.sqrt(RUNS), spread * math.sqrt(1 + 1 / RUNS)


@pytest.mark.parametrize("figure", PUBLISHED)
def test_the_published_figure_is_that_of_one_run(samples, figure):
    mean, (of_mean, of_run) = fmean(samples[figure]), widths(samples[figure])
    assert abs(PUBLISHED[figure] - mean) <= of_run
    assert of_mean <= 0.03 * mean


def test_the_running_instances_are_what_the_mean_service_says(samples):
    cold = fmean(samples["cold-start probability"])
    of_mean, _ = widths(samples["running instances"])
    expected = 0.9 * ((1 - cold) * 1.991 + cold * 2.244)
    assert abs(fmean(samples["running instances"]) - expected) <= of_mean


@pytest.mark.parametrize("figure", PUBLISHED)
def test_the_page_shows_what_comes_out(samples, figure):
    mean, (of_mean, of_run) = fmean(samples[figure]), widths(samples[figure])
    row = f"| {figure} | {PUBLISHED[figure]:.5g} | {mean:.5g} ± {of_mean:.2g} | {mean - of_run:.5g} to {mean + of_run:.5g} |"
    assert row in PAGE.read_text(encoding="utf-8").splitlines()
