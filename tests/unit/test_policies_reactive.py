"""Controllers that requests wake: what a scenario may say of them."""

import pytest

from hookean import ScenarioError
from hookean.scenario import load_scenario
from hookean.simulation import plan_of, simulate_plan

SCENARIO = """\
name: woken
seed: 1
workload: [{{service: web, {load}}}]
services:
  web: {{work: 40ms, replica: {{cpu: 1, memory: 512Mi}}, queue: {{discipline: {discipline}}}}}
platform: {{preset: kubernetes-on-vms}}
controllers: [{controllers}]
"""
ON_DEMAND = "{kind: on-demand, service: web, max: 4}"


def written(tmp_path, controllers=ON_DEMAND, discipline="central_fifo", load="rate: 8/s, duration: 1h"):
    path = tmp_path / "woken.yaml"
    path.write_text(SCENARIO.format(controllers=controllers, discipline=discipline, load=load), encoding="utf-8")
    return path


def refusal(tmp_path, **parts):
    with pytest.raises(ScenarioError) as caught:
        plan_of(load_scenario(written(tmp_path, **parts)))
    return str(caught.value)


def test_a_service_on_demand_begins_with_nothing_and_is_not_warned_about(tmp_path):
    plan = plan_of(load_scenario(written(tmp_path)))
    assert plan.document["services"][0]["initial_replicas"] == 0
    assert not [warning for warning in plan.warnings if "no replica" in warning]
    config = plan.document["controllers"][0]["config"]
    assert config == {"min": 0, "max": 4, "keep_alive_ns": 600_000_000_000}


def test_a_keep_alive_may_be_drawn(tmp_path):
    drawn = "{kind: on-demand, service: web, max: 4, keep_alive: {distribution: exponential, mean: 5min}}"
    plan = plan_of(load_scenario(written(tmp_path, controllers=drawn)))
    law = {"distribution": "exponential", "mean_ns": 300_000_000_000}
    assert plan.document["controllers"][0]["config"] == {"min": 0, "max": 4, "keep_alive": law}
    (found,) = (entry for entry in plan.provenance if "keep_alive" in entry.path)
    assert (found.status, found.value) == ("user", "exponential, mean 300 s")


def test_the_keep_alive_is_labelled_assumed(tmp_path):
    plan = plan_of(load_scenario(written(tmp_path)))
    found = [entry for entry in plan.provenance if "keep_alive" in entry.path]
    assert [entry.status for entry in found] == ["assumed"]


def test_on_demand_needs_one_queue(tmp_path):
    text = refusal(tmp_path, discipline="processor_sharing")
    assert "`on-demand` needs one queue for all replicas" in text
    assert "hint: set `queue: {discipline: central_fifo, routing: newest}`" in text


def test_on_demand_needs_room_for_the_request_that_waits(tmp_path):
    text = refusal(tmp_path, discipline="central_fifo, limit: 0")
    assert "`limit: 0` rejects every request that would have to wait for the replica that `on-demand` starts" in text


def test_a_controller_that_acts_on_requests_decides_alone(tmp_path):
    both = f"{ON_DEMAND}, {{kind: static, service: web, replicas: 2}}"
    assert "shares service `web` with another controller" in refusal(tmp_path, controllers=both)


def test_a_fluid_load_has_no_requests_to_act_on(tmp_path):
    text = refusal(tmp_path, load="load: [{cpu: 8, for: 500s}]")
    assert "the fluid load of `web` has none" in text


@pytest.mark.parametrize("load", ["rate: 8/s, duration: 1h, retry: {attempts: 3}", "clients: {count: 9, think: 1s}"])
def test_callers_that_react_to_ends_are_served_too(tmp_path, load):
    text = written(tmp_path, load=load).read_text(encoding="utf-8")
    (tmp_path / "woken.yaml").write_text(f"{text}duration: 1min\n", encoding="utf-8")
    result = simulate_plan(plan_of(load_scenario(tmp_path / "woken.yaml")))
    assert result.summary["completed"].sum() > 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("max: 3", "levels are missing"),
        ("max: 3, up: [3, 6]", "levels are missing"),
        ("max: 3, per_replica: 2, up: [3, 6]", "give either `per_replica`, or `up` and `down`"),
        ("max: 3, up: [3], down: [1, 3]", "`up` has 1 levels; from 1 to 3 replicas there are 2 steps"),
        ("max: 3, up: [6, 3], down: [1, 2]", "the levels in `up` do not ascend"),
        ("max: 3, up: [3, 6], down: [1, 7]", "would stay until there are 7"),
        ("min: 4, max: 3, per_replica: 2", "`min` (4) is above `max` (3)"),
    ],
)
def test_levels_without_meaning_are_explained(tmp_path, fields, message):
    text = refusal(tmp_path, controllers=f"{{kind: thresholds, service: web, {fields}}}")
    assert message in text
    assert "woken.yaml" in text


@pytest.mark.parametrize("discipline", ["central_fifo", "fifo"])
def test_newest_is_a_routing_of_every_queue(tmp_path, discipline):
    path = written(tmp_path, controllers="", discipline=f"{discipline}, routing: newest")
    assert plan_of(load_scenario(path)).document["services"][0]["queue"]["routing"] == "newest"


def test_other_routings_have_no_effect_on_one_queue(tmp_path):
    text = refusal(tmp_path, controllers="", discipline="central_fifo, routing: random")
    assert "this `routing` has no effect with `discipline: central_fifo`" in text
    assert "take `newest`" in text
