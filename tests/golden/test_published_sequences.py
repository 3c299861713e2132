"""Sequences that are known in advance, to the replica and to the nanosecond."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

import hookean

if TYPE_CHECKING:
    from hookean import RunResult

HPA_STEPS = Path(__file__).parent / "scenarios" / "hpa-steps.yaml"
PODS = {61: 5, 121: 9, 181: 14, 450: 14, 600.5: 4, 759.5: 4, 781: 7, 841: 12, 901: 14, 1200: 14}
"""Pods at an instant (s), as the other simulator's test has them."""


@pytest.fixture(scope="module")
def steps() -> RunResult:
    return hookean.simulate(HPA_STEPS)


@pytest.mark.parametrize(("second", "pods"), PODS.items())
def test_hpa_steps_in_the_table_of_replicas(steps: RunResult, second: float, pods: int) -> None:
    now = pl.lit(timedelta(seconds=second)).cast(pl.Duration("ns"))
    alive = (pl.col("ready") <= now) & (pl.col("drained").is_null() | (pl.col("drained") > now))
    assert steps.replicas.filter(alive).height == pods


@pytest.mark.parametrize(("second", "pods"), PODS.items())
def test_hpa_steps_in_the_series(steps: RunResult, second: float, pods: int) -> None:
    row = steps.series.filter(pl.col("time") == timedelta(seconds=second))
    assert row.select("desired", "ready", "starting", "pending", "draining").rows() == [(pods, pods, 0, 0, 0)]


def test_hpa_steps_in_the_decisions(steps: RunResult) -> None:
    changes = steps.decisions.filter(pl.col("desired") != pl.col("current"))
    found = [(row["time"].total_seconds(), row["desired"]) for row in changes.to_dicts()]
    assert found == [(119.5, 9), (179.5, 14), (599.5, 4), (779.5, 7), (839.5, 12), (899.5, 14)]
    ticks = steps.decisions["time"].dt.total_nanoseconds()
    assert ticks.to_list() == [119_500_000_000 + 60_000_000_000 * k for k in range(ticks.len())]
    assert ticks.len() == 20


def test_a_utilisation_target_is_cut_to_whole_percent_as_kubernetes_does() -> None:
    # 12 pods share 8 cores: 66.7 % becomes 66 %, and 66 / 60 = 1.1 is still within the tolerance of 0.1
    override = "controllers.0.metrics=[{resource: cpu, utilization: 60}]"
    result = hookean.simulate(hookean.load_scenario(HPA_STEPS, overrides=[override]))
    changes = result.decisions.filter(pl.col("desired") != pl.col("current"))
    assert changes["desired"].to_list() == [9, 14, 4, 7, 12]
    assert result.decisions.filter(pl.col("time") == timedelta(seconds=899.5))["value"].item() == 66


def test_hpa_steps_never_meet_the_scale_up_limit(steps: RunResult) -> None:
    ups = steps.decisions.filter(pl.col("desired") > pl.col("current"))
    limits = ups.select(pl.max_horizontal(pl.col("current") * 2, pl.lit(4)))
    assert (ups["desired"] < limits.to_series()).all()


def test_a_pod_uses_one_core_at_most(steps: RunResult) -> None:
    used = steps.series.filter(pl.col("time") > timedelta(seconds=60))
    assert (used["cpu_cores"] <= used["ready"] + 1e-9).all()
    assert used.filter(pl.col("time") == timedelta(seconds=100))["cpu_cores"].item() == pytest.approx(5)
    assert used.filter(pl.col("time") == timedelta(seconds=450))["cpu_cores"].item() == pytest.approx(8)


PS_REQUESTS = [(1, 10, 21), (3, 10, 23), (4, 2, 10), (40, 5, 48), (42, 5, 50)]
"""Arrival, work, departure (s) on one core that is shared: worked out by hand."""


@pytest.mark.parametrize("engine", ["lazy", "reference"])
def test_processor_sharing_is_exact_to_the_nanosecond(engine: str, tmp_path: Path) -> None:
    rows = "".join(f"{arrival},{work}\n" for arrival, work, _ in PS_REQUESTS)
    (tmp_path / "requests.csv").write_text("time,work\n" + rows, encoding="utf-8")
    (tmp_path / "scenario.yaml").write_text(
        f"""
seed: 1
engine: {engine}
duration: 60s
workload: {{service: web, requests: requests.csv}}
services:
  web: {{replica: {{cpu: 1, memory: 1Gi}}, queue: {{discipline: processor_sharing}}}}
platform:
  kind: cluster
  pools: [{{name: node, cpu: 4, memory: 8Gi, price: 0 USD/h, nodes: 1}}]
  startup: instant
  pull: none
  reservation: none
record: {{requests: full}}
""",
        encoding="utf-8",
    )
    result = hookean.simulate(tmp_path / "scenario.yaml")
    assert result.requests is not None
    table = result.requests.sort("arrival")
    nanos = {name: table[name].dt.total_nanoseconds().to_list() for name in ("arrival", "work", "end")}
    assert nanos["arrival"] == [arrival * 10**9 for arrival, _, _ in PS_REQUESTS]
    assert nanos["work"] == [work * 10**9 for _, work, _ in PS_REQUESTS]
    assert nanos["end"] == [end * 10**9 for _, _, end in PS_REQUESTS]
    assert table["outcome"].to_list() == ["completed"] * len(PS_REQUESTS)
