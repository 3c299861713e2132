"""What a result makes only when somebody asks: the same as if it had been made at once, and it survives being sent elsewhere."""

import pickle

import pytest

import hookean
from hookean.simulation import plan_of

pytest.importorskip("hookean._core", reason="the native module is not built (`make build` builds it)")


def scenario():
    return hookean.Scenario.model_validate(
        {
            "seed": 1,
            "workload": [{"service": "web", "rate": "5/s", "duration": "1min"}],
            "services": {"web": {"work": "1ms", "replica": {"cpu": "500m", "memory": "1Gi"}, "replicas": 2}},
            "platform": "kubernetes-on-metal",
        }
    )


def test_the_manifest_tells_the_parameters_of_the_plan():
    plan, result = plan_of(scenario()), hookean.simulate(scenario())
    assert result.manifest["provenance"] == [each._asdict() for each in plan.provenance]
    shown = {each["path"]: each["value"] for each in result.manifest["provenance"]}
    assert shown["services.web.replica.cpu"] == "0.5 cores"
    assert shown["services.web.replica.memory"] == "1 GiB"
    assert shown["services.web.warm_start"] in {"yes", "no"}
    assert result.manifest is result.manifest


@pytest.mark.parametrize("asked_before", [False, True])
def test_a_result_can_be_pickled(asked_before):
    result = hookean.simulate(scenario())
    if asked_before:
        assert result.manifest["checks"]
    copy = pickle.loads(pickle.dumps(result))  # noqa: S301 (our own bytes)
    assert copy.manifest == result.manifest
    assert copy.summary.equals(result.summary, null_equal=True)
    assert copy.digest == result.digest
