"""Demand in replicas, against worked examples and dimensioning tables."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fake_result import MINUTE, fake_result

import hookean
from hookean.analysis import demand, queueing
from hookean.analysis.demand import demand_rule, replica_servers, replicas_needed
from hookean.analysis.queueing import least_servers
from hookean.scenario import Scenario

DATA = Path(__file__).parent / "data"
DIMENSIONING = json.loads((DATA / "queueing_dimensioning.json").read_text())["cases"]


def service(**changes):
    base = {
        "slo_latency_ns": 300_000_000,
        "slo_target_ratio": 0.95,
        "cpu_millicores": 1000,
        "work_mean_ns": 50_000_000,
        "concurrency": None,
        "discipline": "processor_sharing",
        "speed_ratio": 1.0,
    }
    return base | changes


@pytest.mark.parametrize(("time", "target"), [(2.4, 0.9), (4.7, 0.99), (6.25, 0.99)])
def test_least_servers_of_large_loads_are_those_of_the_recursion(monkeypatch, time, target):
    loads = np.random.default_rng(1).uniform(1.0, 3000.0, 100).round(1)
    step_by_step = least_servers(loads, scaled_time=time, target_ratio=target)
    monkeypatch.setattr(queueing, "_LARGE", 0.0)
    assert (least_servers(loads, scaled_time=time, target_ratio=target) == step_by_step).all()


def test_the_largest_loads_take_no_time():
    loads = np.array([4e8, 4e10])
    assert (least_servers(loads, scaled_time=6.25, target_ratio=0.99) - loads == 2.0).all()


@pytest.mark.parametrize("case", DIMENSIONING, ids=lambda case: case["id"])
def test_least_servers_agrees_with_dimensioning_tables(case):
    p = case["params"]
    got = least_servers(np.array([p["lam"] / p["mu"]]), scaled_time=p["mu"] * p["slo"], target_ratio=p["p"])
    assert got.tolist() == [case["expected"]["min_c"]]


def test_demand_of_the_worked_load_curve_comes_out():
    [case] = [
        c for c in json.loads((DATA / "metrics_demand_curve.json").read_text())["cases"] if c["id"] == "pooled-mmc-p95"
    ]
    assert case["inputs"]["slo"] == 0.3
    offered = np.array(case["inputs"]["load"]) / case["inputs"]["mu"]
    assert replicas_needed(offered, service()).tolist() == case["expected"]["demand"]


def test_an_objective_one_idle_server_cannot_keep_falls_back_to_capacity():
    tight = service(slo_latency_ns=100_000_000, slo_target_ratio=0.99)
    assert demand_rule(tight) == "capacity"
    assert replicas_needed(np.array([0.0, 0.2, 3.0, 3.1]), tight).tolist() == [0, 1, 3, 4]
    with pytest.raises(ValueError, match="idle server"):
        least_servers(np.array([1.0]), scaled_time=2.0, target_ratio=0.99)


@pytest.mark.parametrize("missing", [{"slo_latency_ns": None, "slo_target_ratio": None}, {"work_mean_ns": None}])
def test_without_objective_or_mean_work_capacity_counts(missing):
    assert demand_rule(service(**missing)) == "capacity"


@pytest.mark.parametrize(
    ("shape", "servers", "speed"),
    [
        ({}, 1.0, 1.0),
        ({"cpu_millicores": 4000}, 4.0, 1.0),
        ({"cpu_millicores": 4000, "concurrency": 2}, 2.0, 1.0),
        ({"cpu_millicores": 250, "speed_ratio": 0.8}, 1.0, 0.2),
        ({"discipline": "fifo", "cpu_millicores": 2000, "concurrency": 4}, 4.0, 0.5),
        ({"discipline": "central_fifo", "cpu_millicores": 4000, "concurrency": 2}, 2.0, 1.0),
        ({"cpu_millicores": 500, "cpu_limit_millicores": 2000.0, "cores_millicores": 4000}, 2.0, 1.0),
        ({"cpu_millicores": 500, "cpu_limit_millicores": 250.0, "cores_millicores": 1000}, 1.0, 0.25),
        (
            {
                "discipline": "fifo",
                "concurrency": 4,
                "cpu_millicores": 500,
                "cpu_limit_millicores": 3000.0,
                "cores_millicores": 2000,
            },
            4.0,
            0.5,
        ),
    ],
)
def test_a_replica_is_worth_its_servers(shape, servers, speed):
    got = replica_servers(service(**shape))
    assert (got.servers, got.speed) == (pytest.approx(servers), pytest.approx(speed))


def test_slower_cores_need_more_replicas():
    load = np.linspace(0.5, 40.0, 80)
    assert np.all(replicas_needed(load, service(speed_ratio=0.8)) >= replicas_needed(load, service()))
    assert replicas_needed(load, service(speed_ratio=0.8)).sum() > replicas_needed(load, service()).sum()


def test_demand_holds_over_its_interval():
    got = demand(fake_result(services=("web", "api"), minutes=5))
    assert got["service"].to_list() == ["api"] * 5 + ["web"] * 5
    assert got["start"].cast(pl.Int64).to_list() == [m * MINUTE for m in range(5)] * 2
    assert got["time"].cast(pl.Int64).to_list() == [(m + 1) * MINUTE for m in range(5)] * 2
    assert set(got["rule"]) == {"objective"}


def test_the_mean_work_that_arrived_counts_when_a_table_brings_its_own():
    result = fake_result(minutes=60)
    heavier = result.summary.with_columns(work_mean=pl.lit(120_000_000).cast(pl.Duration("ns")))
    slow = type(result)(**{**vars(result), "summary": heavier})
    assert set(demand(result)["rule"]) == {"objective"}
    assert set(demand(slow)["rule"]) == {"capacity"}


def test_no_load_needs_no_replica():
    result = fake_result(minutes=5)
    idle = type(result)(**{**vars(result), "series": result.series.with_columns(offered_cores=0.0)})
    assert demand(idle)["demand"].to_list() == [0] * 5


def observed(name, changes):
    """Demand and rules of a scenario, interval by interval."""
    scenario = {
        "name": "observed",
        "seed": 3,
        "duration": "600s",
        "services": {"web": {"work": {"distribution": "exponential", "mean": "100ms"}, "replica": {"cpu": "500m"}}},
        "workload": [{"service": "web", "rate": "8/s", "duration": "600s"}],
        "platform": {
            "kind": "cluster",
            "startup": "instant",
            "pull": "none",
            "reservation": "none",
            "pools": [{"name": "a", "cpu": 40, "memory": "80Gi", "price": "0.4 USD/h", "nodes": 1}],
        },
    }
    scenario |= changes
    for service in scenario["services"].values():
        service["replica"]["memory"] = "256Mi"
    got = demand(hookean.simulate(Scenario.model_validate(scenario)))
    return got.filter(pl.col("service") == name)


def test_a_cpu_limit_counts_in_place_of_the_request():
    work = {"distribution": "exponential", "mean": "100ms"}
    limited = {"work": work, "replica": {"cpu": "500m", "cpu_limit": 2, "cores": 4}}
    assert set(observed("web", {"services": {"web": limited}})["demand"]) == {1}


def test_a_resize_counts_from_the_next_interval_on():
    got = observed("web", {"resizes": [{"service": "web", "at": "5min", "cpu": 4}]})
    assert got["demand"].to_list()[:5] != [1] * 5
    assert got["demand"].to_list()[5:] == [1] * 5
    assert got["start"].is_sorted()


def test_a_fluid_load_is_cpu_in_use_whatever_its_speed():
    fluid = {
        "services": {"web": {"replica": {"cpu": "500m"}}},
        "workload": [{"service": "web", "load": [{"cpu": "1000m", "for": "600s"}]}],
    }
    platform = {
        "kind": "cluster",
        "startup": "instant",
        "pull": "none",
        "reservation": "none",
        "speed_ratio": 0.8,
        "pools": [{"name": "a", "cpu": 40, "memory": "80Gi", "price": "0.4 USD/h", "nodes": 1}],
    }
    assert set(observed("web", fluid | {"platform": platform})["demand"]) == {2}


def test_places_that_are_kept_for_answers_count():
    slow = {"work": "1s", "replica": {"cpu": 1, "concurrency": 1}, "replicas": 20, "queue": {"discipline": "fifo"}}
    front = {
        "work": "1ms",
        "replica": {"cpu": 1, "concurrency": 2},
        "replicas": 20,
        "queue": {"discipline": "central_fifo"},
        "calls": [{"to": "back", "hold": True}],
    }
    got = observed("web", {"services": {"web": front, "back": slow}})
    assert set(got["rule"]) == {"places"}
    assert got["demand"].min() >= 3, "8 requests a second keep their places for a second or more, two in a replica"
