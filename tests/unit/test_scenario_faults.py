import pytest

import hookean
from hookean.errors import ScenarioError
from hookean.plan import resolve
from hookean.scenario import Scenario
from hookean.scenario.fault import KINDS

BASE = {
    "seed": 1,
    "duration": "10min",
    "services": {"web": {"work": "40ms", "replica": {"cpu": 1, "memory": "1Gi"}, "replicas": 4}},
    "platform": {"kind": "cluster", "startup": "instant"}
    | {"pools": [{"name": "rack", "cpu": 4, "memory": "8Gi", "price": "0.1 USD/h", "nodes": 2}]},
}


def scenario(*faults, **changes):
    return Scenario(**(BASE | {"faults": list(faults)} | changes))


@pytest.mark.parametrize(
    ("fault", "message", "path"),
    [
        ({"kind": "node_loss"}, "needs either `at` or `between`", "faults.0"),
        ({"kind": "node_loss", "at": "1s", "between": "1h"}, "needs either `at` or `between`", "faults.0"),
        ({"kind": "node_loss", "between": "0s"}, "no time between faults", "faults.0.between"),
        ({"kind": "node_loss", "between": "1h", "node": 1}, "strikes each by itself", "faults.0.node"),
        ({"kind": "node_loss", "at": "1s", "node": -1}, "or `random`, got", "faults.0.node"),
        ({"kind": "replica_crash", "at": "1s", "service": "wev"}, "unknown service `wev`", "faults.0.service"),
        (
            {"kind": "replica_crash", "at": "1s", "service": "web", "recovery": "replace", "restart": "1s"},
            "`restart` has no effect",
            "faults.0.restart",
        ),
        ({"kind": "slow_down", "at": "1s", "duration": "1s", "factor": 2}, "expected at most 1", "faults.0.factor"),
        ({"kind": "pause", "at": "1s", "duration": "1s", "replica": 0}, "whose `replica`?", "faults.0.replica"),
        (
            {"kind": "pause", "at": "1s", "duration": "1s", "node": 0, "service": "web"},
            "a `node` or replicas of a `service`",
            "faults.0.node",
        ),
        ({"kind": "nod_loss", "at": "1s"}, "unknown fault `nod_loss`", "faults.0.kind"),
    ],
)
def test_faults_without_meaning_are_refused_with_a_place(fault, message, path):
    with pytest.raises(ScenarioError) as caught:
        scenario(fault)
    assert message in caught.value.message
    assert caught.value.where == path


def test_two_faults_of_a_kind_need_names():
    fault = {"kind": "node_loss", "at": "1s"}
    with pytest.raises(ScenarioError, match="two faults are named `node_loss`"):
        scenario(fault, fault)
    assert len(scenario(fault, fault | {"name": "other"}).faults) == 2


def test_a_node_that_does_not_exist_is_refused_when_nodes_are_known():
    with pytest.raises(ScenarioError, match="the platform has no node 2") as caught:
        resolve(scenario({"kind": "node_loss", "at": "1s", "node": 2}))
    assert caught.value.hint == "nodes are numbered 0 to 1"


def test_a_fault_after_the_end_is_a_warning():
    late = resolve(scenario({"kind": "node_loss", "at": "20min"}))
    assert "the fault `node_loss` would strike when the scenario has ended" in late.warnings


def test_what_a_fault_rests_on_is_labelled():
    plan = resolve(scenario({"kind": "node_loss", "at": "1min"}))
    status = {each.path: each.status for each in plan.provenance if each.path.startswith("faults")}
    assert status == {
        "faults.node_loss.effect.requests": "assumed",
        "faults.node_loss.target.node": "assumed",
        "faults.node_loss.times.at": "user",
        "faults.node_loss.duration": "assumed",
    }


def test_the_order_in_the_file_does_not_matter():
    first = {"kind": "node_loss", "at": "1min", "node": 0}
    second = {"kind": "pause", "service": "web", "between": "1min", "duration": "1s"}
    assert resolve(scenario(first, second)).digest == resolve(scenario(second, first)).digest


def test_every_kind_strikes():
    lasting = {"at": "2min", "duration": "10s"}
    faults = [
        {"kind": "node_loss", "at": "1min", "node": 1, "repair": "30s"},
        {"kind": "replica_crash", "service": "web", "at": "3min"},
        {"kind": "slow_down", "factor": 0.5, "node": 0} | lasting,
        {"kind": "pause", "service": "web"} | lasting,
    ]
    result = hookean.simulate(scenario(*faults))
    assert sorted(result.faults["kind"]) == sorted(KINDS)
    assert result.faults["replicas"].min() > 0
    assert result.nodes["failures"].to_list() == [0, 1]
    assert all(check["passed"] for check in result.manifest["checks"])


def test_a_cloud_ends_the_bill_of_a_lost_node_and_a_rack_does_not():
    fault = {"kind": "node_loss", "at": "1min", "node": 0, "repair": "1min"}
    pool = BASE["platform"]["pools"][0]
    nodes = {
        owned: hookean.simulate(
            scenario(fault, platform=BASE["platform"] | {"pools": [pool | {"owned": owned}]})
        ).nodes.height
        for owned in (True, False)
    }
    assert nodes == {True: 2, False: 3}
