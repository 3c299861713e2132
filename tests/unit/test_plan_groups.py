"""Groups of equal services: resolved once, repeated in the plan."""

import polars as pl
import pytest
from scenario_examples import SMALL, load

from hookean import simulate
from hookean.errors import ScenarioError
from hookean.plan import resolve

GROUP = SMALL.replace("    work: 40ms", "    count: 12\n    work: 40ms")


def test_a_group_is_repeated_with_its_workload_and_controllers(tmp_path):
    plan = resolve(load(tmp_path, GROUP))
    document = plan.document
    names = [f"web-{number:02}" for number in range(12)]
    assert [each["name"] for each in document["services"]] == names
    assert [each["service"] for each in document["workloads"]] == list(range(12))
    assert [each["service"] for each in document["controllers"]] == list(range(12))
    assert {each["source"]["counts"] for each in document["workloads"]} == {0}, "they share one array"
    assert len(plan.descriptions["controllers"]) == len(plan.descriptions["workloads"]) == 12
    alike = {name: value for name, value in document["services"][3].items() if name != "name"}
    assert all({**alike, "name": name} in document["services"] for name in names)
    single = resolve(load(tmp_path, SMALL))
    assert len(plan.provenance) == len(single.provenance), "what they have in common is said once"


def test_groups_and_single_services_are_sorted_together(tmp_path):
    text = GROUP.replace("count: 12", "count: 2").replace(
        "services:\n", "services:\n  web-0a: {work: 1ms, replica: {cpu: 1, memory: 1Gi}}\n"
    )
    document = resolve(load(tmp_path, text)).document
    assert [each["name"] for each in document["services"]] == ["web-0", "web-0a", "web-1"]
    assert [each["service"] for each in document["workloads"]] == [0, 2]


def refusal(tmp_path, text):
    with pytest.raises(ScenarioError) as caught:
        resolve(load(tmp_path, text))
    return caught.value


def test_members_must_not_have_the_name_of_another_service(tmp_path):
    text = GROUP.replace("services:\n", "services:\n  web-03: {work: 1ms, replica: {cpu: 1, memory: 1Gi}}\n")
    error = refusal(tmp_path, text)
    assert "`web-03` belongs to" in error.message
    assert "(services.web" in error.where
    assert error.hint == "rename one of the two"


def test_names_of_members_are_not_too_long(tmp_path):
    assert "longer than 63" in refusal(tmp_path, GROUP.replace("web", "w" * 62)).message


def test_a_policy_in_python_does_not_scale_a_group(tmp_path):
    text = (
        GROUP[: GROUP.index("controllers:")] + "controllers:\n  - {kind: python, service: web, max: 9, policy: x:Y}\n"
    )
    error = refusal(tmp_path, text)
    assert "cannot scale the group `web`" in error.message
    assert "decide_all" in error.hint


def test_a_policy_beside_a_group_decides_for_its_service(tmp_path):
    (tmp_path / "three.py").write_text("class Three:\n    def decide(self, obs):\n        return 3\n")
    text = GROUP.replace("services:\n", "services:\n  zed: {work: 1ms, replica: {cpu: 1, memory: 1Gi}}\n").replace(
        "controllers:\n", "controllers:\n  - {kind: python, service: zed, max: 9, policy: three:Three}\n"
    )
    result = simulate(load(tmp_path, text))
    decided = result.decisions.filter(pl.col("controller") == "python")
    assert set(decided["service"]) == {"zed"}
    assert set(decided["desired"]) == {3}


def test_memory_is_counted_for_all_members(tmp_path):
    error = refusal(tmp_path, GROUP.replace("count: 12", "count: 60000\n    replicas: 100000"))
    assert "6,000,000,000 replicas" in error.message
    assert "(services.web)" in error.where
