"""Results of small scenarios, pinned. `make golden` rewrites them; explain every change in the changelog."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import polars as pl
import pytest

import hookean
from hookean.platforms.presets import PRESETS
from hookean.policies.table import CONTROLLERS
from hookean.scenario.fault import KINDS as KINDS_OF_FAULTS
from hookean.scenario.routing import KINDS, routing_kind
from hookean.scenario.service import Queue

if TYPE_CHECKING:
    from hookean import RunResult

FOLDER = Path(__file__).parent / "scenarios"
FILES = sorted(FOLDER.glob("*.yaml"))
REWRITE = os.environ.get("HOOKEAN_GOLDEN") == "rewrite"
EXACT = (
    "arrivals", "completed", "rejected", "timed_out", "lost", "in_system", "slo_good", "replicas_max", "replicas_created",
    "scale_outs", "scale_ins", "retries", "retries_denied", "given_up", "backing_off",
)  # fmt: skip
DURATIONS = ("wait_mean", "latency_mean", "latency_p50", "latency_p99", "latency_max", "work_mean")
FLOATS = ("offered_cores_mean", "cpu_cores_mean", "replicas_mean", "cost_usd")


def key_figures(result: RunResult) -> dict[str, Any]:
    """The digest, and enough figures to see what moved when it changes."""
    table = result.summary.with_columns(pl.col(DURATIONS).dt.total_nanoseconds())
    rows = table.select("service", *EXACT, *DURATIONS, *FLOATS).to_dicts()
    return {"result_digest": result.digest, "services": {row.pop("service"): row for row in rows}}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_result_is_the_recorded_one(path: Path) -> None:
    found = key_figures(hookean.simulate(path))
    expected_path = path.with_suffix(".expected.json")
    if REWRITE:
        expected_path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return
    expected = json.loads(expected_path.read_text(encoding="utf-8"))
    assert found["services"] == expected["services"], "the results changed: see CONTRIBUTING, `make golden`"
    assert found["result_digest"] == expected["result_digest"], "single events changed though the key figures did not"


def test_every_discipline_routing_controller_preset_and_fault_has_a_golden_scenario() -> None:
    scenarios = [hookean.load_scenario(path) for path in FILES]
    services = [service for scenario in scenarios for service in scenario.services.values()]
    fields = Queue.model_fields
    assert {s.queue.discipline for s in services} == set(get_args(fields["discipline"].annotation))
    assert {routing_kind(s.queue.routing) for s in services} == set(KINDS)
    assert {c.kind for s in scenarios for c in s.controllers} == {entry.name for entry in CONTROLLERS}
    assert {s.platform.preset for s in scenarios} >= set(PRESETS)
    assert {fault.kind for s in scenarios for fault in s.faults} == set(KINDS_OF_FAULTS)


def test_no_expectation_is_left_without_its_scenario() -> None:
    recorded = {path.name.removesuffix(".expected.json") for path in FOLDER.glob("*.expected.json")}
    assert recorded == {path.stem for path in FILES}
