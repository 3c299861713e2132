"""The HPA that an example writes in Python decides as the native one, over a whole day."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import hookean

pytest.importorskip("hookean._core", reason="the native module is not built (`make build` builds it)")

EXAMPLES = Path(__file__).parents[2] / "examples"
COLUMNS = ("time", "current", "desired", "ready")

# a quiet night, a steep morning, a flash crowd at noon, a long evening: 24 hours with every kind of limit
RATES = [4, 3, 2, 2, 3, 8, 20, 45, 60, 62, 58, 55, 240, 90, 60, 58, 62, 70, 66, 50, 35, 20, 10, 6]

SCENARIO = """
name: day
seed: 11
workload: [{{service: web, rates: {{step: 1h, values: {rates}}}}}]
services:
  web:
    work: {{distribution: lognormal, mean: 80ms, cv: 1.0}}
    replica: {{cpu: 500m, memory: 512Mi, concurrency: 16, image: 600MB}}
    queue: {{discipline: processor_sharing, routing: least_outstanding, limit: 50, timeout: 5s}}
    startup: {{init: {init}}}
platform: {{preset: kubernetes-on-vms, pools: [{{name: general, instance: aws/m7i.2xlarge, nodes: {nodes}}}]}}
controllers: [{controller}]
"""


def run(folder, controller, *, init, nodes):
    path = folder / "day.yaml"
    path.write_text(SCENARIO.format(rates=RATES, controller=controller, init=init, nodes=nodes), encoding="utf-8")
    return hookean.simulate(path)


@pytest.mark.parametrize("pipeline", ["kubernetes", "{kind: ideal, window: 30s}"])
@pytest.mark.parametrize(
    ("behavior", "init", "nodes"),
    [(False, "8s", 12), (True, "8s", 12), (True, "200s", 12), (False, "40s", 4)],
    ids=["legacy limits", "behaviour", "slow to start", "no room for all"],
)
def test_every_decision_of_a_day_is_that_of_the_native_hpa(tmp_path, pipeline, behavior, init, nodes):
    (tmp_path / "hpa_in_python.py").write_bytes((EXAMPLES / "hpa_in_python.py").read_bytes())
    native = run(
        tmp_path,
        f"{{kind: hpa, service: web, min: 2, max: 60, metrics: [{{resource: cpu, utilization: 60}}],"
        f" pipeline: {pipeline}{', behavior: {}' if behavior else ''}}}",
        init=init,
        nodes=nodes,
    )
    python = run(
        tmp_path,
        f"{{kind: python, service: web, policy: 'hpa_in_python:HpaInPython', min: 2, max: 60, pipeline: {pipeline},"
        f" parameters: {{utilization: 60, behavior: {str(behavior).lower()}}}}}",
        init=init,
        nodes=nodes,
    )
    assert native.decisions.height == 24 * 60 * 4
    assert (
        native.decisions.select((pl.col("desired") != pl.col("current")).sum()).item() >= 20
    )  # the day has enough to decide
    assert python.decisions.select(COLUMNS).equals(native.decisions.select(COLUMNS))
    assert python.digest == native.digest
