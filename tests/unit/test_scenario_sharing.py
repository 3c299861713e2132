"""Equal parts of a scenario are one object, and nothing else changes."""

from __future__ import annotations

import json

import pytest

from hookean.plan import resolve
from hookean.scenario import Scenario
from hookean.scenario.problems import ScenarioProblemsError
from hookean.scenario.sharing import FEW

COUNT = FEW + 4


def _document(count: int, **of_first) -> dict:
    work = {"distribution": "exponential", "mean": "50ms"}
    service = {"work": work, "replica": {"cpu": 1, "memory": "64Mi", "concurrency": 1}}
    names = [f"svc{number:02}" for number in range(count)]
    metrics = [{"resource": "cpu", "utilization": 60}]
    return {
        "seed": 1,
        "platform": {"preset": "kubernetes-on-metal", "pools": [{"name": "all", "instance": "aws/m7i.2xlarge"}]},
        "services": {name: service | (of_first if name == names[0] else {}) for name in names},
        "workload": [{"service": name, "rate": "10/s", "duration": "1h"} for name in names],
        "controllers": [{"kind": "hpa", "service": name, "min": 2, "max": 9, "metrics": metrics} for name in names],
    }


def test_what_services_have_in_common_is_one_object():
    scenario = Scenario.model_validate(_document(COUNT))
    services = list(scenario.services.values())
    assert len({id(service) for service in services}) == COUNT
    for part in ("work", "replica", "queue"):
        assert len({id(getattr(service, part)) for service in services}) == 1, part
    assert len({id(each.metrics[0]) for each in scenario.controllers}) == 1
    assert len({id(service.model_fields_set) for service in services}) == 1


@pytest.mark.parametrize(
    ("of_first", "part"),
    [
        ({"work": {"distribution": "exponential", "mean": "51ms"}}, "work"),
        ({"replica": {"cpu": 1, "memory": "64Mi"}}, "replica"),
        # the same as the default, but given: that is another provenance
        ({"queue": {"when_full": "reject"}}, "queue"),
    ],
)
def test_what_differs_stays_apart(of_first, part):
    first, second, third, *_ = Scenario.model_validate(_document(COUNT, **of_first)).services.values()
    assert getattr(first, part) is not getattr(second, part)
    assert getattr(second, part) is getattr(third, part)
    assert getattr(first, part).model_fields_set == set(of_first[part])


def test_a_scenario_says_the_same_with_and_without_sharing(monkeypatch):
    document = _document(COUNT, queue={"when_full": "reject"})
    shared = Scenario.model_validate(document)
    monkeypatch.setattr("hookean.scenario.sharing.FEW", COUNT)
    plain = Scenario.model_validate(document)
    assert shared == plain
    assert json.loads(shared.model_dump_json()) == json.loads(plain.model_dump_json())
    plans = [resolve(each) for each in (shared, plain)]
    assert plans[0].digest == plans[1].digest
    assert plans[0].provenance == plans[1].provenance


def test_all_problems_of_many_services_are_told_with_their_places():
    document = _document(200)
    document["services"]["svc03"] |= {"replicas": -1}
    document["services"]["svc190"] |= {"work": "50"}
    document["workload"][150] |= {"rate": "10"}
    with pytest.raises(ScenarioProblemsError) as caught:
        Scenario(**document)
    places = [each.where for each in caught.value.errors]
    assert places == ["workload.150.rate", "services.svc03.replicas", "services.svc190.work"]


def test_many_models_made_in_python_keep_their_order():
    scenario = Scenario.model_validate(_document(200))
    again = Scenario(**{name: getattr(scenario, name) for name in scenario.model_fields_set})
    assert again == scenario
    assert list(again.services) == list(scenario.services)
    assert [each.service for each in again.workload] == [each.service for each in scenario.workload]
