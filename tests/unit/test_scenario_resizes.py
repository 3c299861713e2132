"""Replicas that get another CPU while they serve, as a person writes it."""

from datetime import timedelta

import pytest

import hookean
from hookean.errors import ScenarioError
from hookean.plan import resolve
from hookean.scenario import Scenario

BASE = {
    "seed": 1,
    "duration": "10min",
    "workload": [{"service": "web", "rate": "8/s", "duration": "10min"}],
    "services": {"web": {"work": "100ms", "replica": {"cpu": 1, "memory": "1Gi"}, "replicas": 3}},
    "platform": {"kind": "cluster", "startup": "instant"}
    | {"pools": [{"name": "rack", "cpu": 4, "memory": "8Gi", "price": "0.1 USD/h", "nodes": 1}]},
}


def scenario(*resizes, **changes):
    return Scenario(**(BASE | {"resizes": list(resizes)} | changes))


@pytest.mark.parametrize("engine", ["lazy", "reference"])
def test_replicas_are_resized_where_their_node_has_room(engine):
    resizes = [{"service": "web", "at": "5min", "cpu": 2}, {"service": "web", "at": "8min", "cpu": "500m"}]
    result = hookean.simulate(scenario(*resizes, engine=engine))
    assert result.resizes.rows() == [
        (timedelta(minutes=5), "web", 2.0, 1, 2),
        (timedelta(minutes=8), "web", 0.5, 3, 0),
    ]
    nodes = result.nodes.row(0, named=True)
    # Three cores, four from 5 min on, one and a half from 8 min on.
    assert nodes["cpu_requested_ratio"] == pytest.approx((3 * 5 + 4 * 3 + 1.5 * 2) / 10 / 4)
    assert all(check["passed"] for check in result.manifest["checks"])


def test_without_resizes_there_is_no_table_of_them():
    assert hookean.simulate(scenario()).resizes is None


@pytest.mark.parametrize(
    ("resize", "message", "where"),
    [
        ({"service": "wev", "at": "1s", "cpu": 1}, "unknown service `wev`", "resizes.0.service"),
        ({"service": "web", "at": "1s", "cpu": 0}, "needs some CPU", "resizes.0.cpu"),
        ({"service": "web", "at": "1s", "cpu": 5}, "no node has 5", "resizes.0.cpu"),
        ({"service": "web", "at": "1s"}, "`cpu` is missing", "resizes.0.cpu"),
    ],
)
def test_mistakes_are_named_with_their_place(resize, message, where):
    with pytest.raises(ScenarioError) as caught:
        resolve(scenario(resize))
    assert message in str(caught.value)
    assert where in str(caught.value)


def test_machines_of_a_fleet_and_groups_are_not_resized():
    resize = {"service": "web", "at": "1min", "cpu": 1}
    with pytest.raises(ScenarioError, match="is a machine of a fleet"):
        resolve(
            scenario(resize, platform={"preset": "vm-fleet", "pools": [{"name": "a", "instance": "aws/m7i.large"}]})
        )
    group = {"web": BASE["services"]["web"] | {"count": 2}}
    with pytest.raises(ScenarioError, match="`web` is a group of services"):
        resolve(scenario(resize, services=group))


def test_a_resize_after_the_end_is_told():
    warnings = resolve(scenario({"service": "web", "at": "1h", "cpu": 2})).warnings
    assert "`web` would be resized when the scenario has ended" in warnings
