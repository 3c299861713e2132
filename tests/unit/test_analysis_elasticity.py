"""Elasticity scores against worked examples, and against results."""

import json
from pathlib import Path

import polars as pl
import pytest
from fake_result import MINUTE, SECOND, fake_result, table

from hookean.analysis import curves, demand, elasticity, supply
from hookean.analysis.elasticity import curve_scores, instability, joined_curves

DATA = Path(__file__).parent / "data"


def cases(name):
    return [pytest.param(case, id=case["id"]) for case in json.loads((DATA / name).read_text())["cases"]]


def steps(points, name):
    frame = pl.DataFrame({"time": [t * SECOND for t, _ in points], name: [v for _, v in points]})
    return frame.select(pl.lit("web").alias("service"), pl.col("time").cast(pl.Duration("ns")), name)


@pytest.mark.parametrize("case", cases("metrics_elasticity_basic.json"))
def test_scores_of_worked_curves_come_out(case):
    given, expected = case["inputs"], case["expected"]
    until = pl.DataFrame({"service": ["web"], "until": [given["T"] * SECOND]}).with_columns(
        pl.col("until").cast(pl.Duration("ns"))
    )
    pieces = joined_curves(steps(given["demand"], "demand"), steps(given["supply"], "supply"), until=until)
    got = curve_scores(pieces).row(0, named=True)
    assert got["accuracy_under_replicas"] == pytest.approx(expected["accuracy_U"], rel=1e-9)
    assert got["accuracy_over_replicas"] == pytest.approx(expected["accuracy_O"], rel=1e-9)
    assert got["theta_under_ratio"] * 100 == pytest.approx(expected["theta_U_pct"], rel=1e-9)
    assert got["theta_over_ratio"] * 100 == pytest.approx(expected["theta_O_pct"], rel=1e-9)
    assert got["theta_over_supply_ratio"] * 100 == pytest.approx(expected["theta_O_supply_normalised_pct"], rel=1e-9)
    assert got["tau_under_ratio"] * 100 == pytest.approx(expected["tau_U_pct"], rel=1e-9)
    assert got["tau_over_ratio"] * 100 == pytest.approx(expected["tau_O_pct"], rel=1e-9)
    assert got["supply_changes"] == expected["supply_unit_changes"]
    assert got["demand_changes"] == expected["demand_unit_changes"]
    assert got["jitter_per_minute"] / 60 == pytest.approx(expected["jitter_units_per_time"], rel=1e-9, abs=1e-15)
    assert got["supply_mean"] == pytest.approx(expected["mean_supply"], rel=1e-9)
    assert got["demand_mean"] == pytest.approx(expected["mean_demand"], rel=1e-9)


@pytest.mark.parametrize("case", cases("metrics_elasticity_instability.json"))
def test_instability_of_worked_samples_comes_out(case):
    samples = pl.DataFrame({"service": ["web"] * 12, **case["inputs"]})
    got = instability(samples).row(0, named=True)
    assert got["instability_up_ratio"] * 100 == pytest.approx(case["expected"]["upsilon_k_pct"], rel=1e-9)
    assert got["instability_down_ratio"] * 100 == pytest.approx(case["expected"]["upsilon_k_prime_pct"], rel=1e-9)
    assert got["instability_ratio"] * 100 == pytest.approx(case["expected"]["upsilon_pct"], rel=1e-9)


def test_supply_counts_replicas_from_ready_to_drained_or_ended():
    replicas = table(
        "replicas",
        {
            "replica": [0, 1, 2, 3],
            "service": ["web"] * 4,
            "ready": [0, 10 * SECOND, 20 * SECOND, None],
            "drained": [None, 30 * SECOND, None, 15 * SECOND],
            "ended": [None, 40 * SECOND, 20 * SECOND + 1, 16 * SECOND],
        },
        rows=4,
    )
    result = fake_result(minutes=1)
    curve = supply(type(result)(**{**vars(result), "replicas": replicas}))
    assert curve["time"].cast(pl.Int64).to_list() == [0, 10 * SECOND, 20 * SECOND, 20 * SECOND + 1, 30 * SECOND]
    assert curve["supply"].to_list() == [1, 2, 3, 2, 1]


def test_a_container_that_restarts_supplies_nothing_meanwhile():
    result = fake_result(minutes=30)
    rows = {
        "service": ["web"] * 3,
        "replica": [0, 1, 2],
        "ready": [0, 10 * SECOND, None],
        "drained": [None, 100 * SECOND, None],
    }
    replicas = table("replicas", rows, rows=3)
    crashes = {
        "time": [20 * SECOND, 70 * SECOND, 80 * SECOND, 90 * SECOND],
        "kind": ["replica_crash", "replica_crash", "replica_crash", "pause"],
        "service": ["web"] * 4,
        "replica": [0, 1, 0, 0],
        "duration": [30 * SECOND, 60 * SECOND, None, SECOND],
    }
    faults = table("faults", crashes, rows=4)
    curve = supply(type(result)(**{**vars(result), "replicas": replicas, "faults": faults}))
    steps = zip(curve["time"].cast(pl.Int64).to_list(), curve["supply"], strict=True)
    assert [(at // SECOND, ready) for at, ready in steps] == [(0, 1), (10, 2), (20, 1), (50, 2), (70, 1), (100, 1)]


def test_a_service_is_scored_from_its_start_on():
    result = fake_result(minutes=30)
    services = {"web": {**result.manifest["services"]["web"], "start_ns": 10 * MINUTE + MINUTE // 2}}
    late = type(result)(**{**vars(result), "manifest": {**result.manifest, "services": services}})
    pieces = curves(late)
    assert pieces["time"].to_physical().min() == 10 * MINUTE + MINUTE // 2
    assert pieces["length_ns"].sum() == 19.5 * MINUTE
    assert pieces["time"].is_unique().all()
    after = pl.col("time") > pl.duration(minutes=11)
    assert pieces.filter(after).equals(curves(result).filter(after))


def test_curves_cover_the_run_once_for_every_service():
    result = fake_result(services=("api", "web"), minutes=30)
    lengths = curves(result).group_by("service").agg(pl.col("length_ns").sum()).sort("service")
    assert lengths.rows() == [("api", 30.0 * MINUTE), ("web", 30.0 * MINUTE)]


def test_supply_mean_agrees_with_the_series_when_replicas_change_at_its_instants():
    result = fake_result(minutes=90)
    got = elasticity(result).row(0, named=True)
    assert got["supply_mean"] == pytest.approx(result.series["ready"].mean(), rel=1e-12)
    assert got["demand_mean"] == pytest.approx(demand(result)["demand"].mean(), rel=1e-12)
    assert 0.0 < got["instability_ratio"] <= 1.0


def test_an_empty_run_has_no_scores():
    result = fake_result(minutes=1)
    empty = type(result)(**{**vars(result), "series": result.series.clear(), "replicas": result.replicas.clear()})
    assert elasticity(empty).height == 0
