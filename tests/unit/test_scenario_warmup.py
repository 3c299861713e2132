import itertools

import pytest

import hookean
from hookean.errors import ScenarioError
from hookean.plan import resolve
from hookean.scenario import Scenario
from hookean.scenario.warmup import WarmupRamp

SECOND = 10**9


def scenario(warmup=None):
    service = {"work": "40ms", "replica": {"cpu": 1, "memory": "1Gi"}, "warm_start": False}
    service |= {"warmup": warmup} if warmup is not None else {}
    return Scenario(seed=1, duration="10min", services={"web": service}, platform="kubernetes-on-metal")


def test_a_linear_ramp_has_the_mean_speed_of_each_step():
    ramp = WarmupRamp(from_=0.2, over="40s", steps=4)
    assert ramp.plan() == [(0, 0.3), (10 * SECOND, 0.5), (20 * SECOND, 0.7), (30 * SECOND, 0.9), (40 * SECOND, 1.0)]


def test_an_exponential_ramp_loses_the_missing_speed_at_a_constant_rate():
    speeds = [speed for _, speed in WarmupRamp(from_=0.2, over="60s", steps=60, shape="exponential").plan()]
    missing = [1 - speed for speed in speeds[:-1]]
    assert all(later / earlier == pytest.approx(0.951229, rel=1e-5) for earlier, later in itertools.pairwise(missing))
    assert speeds[-1] == 1.0


@pytest.mark.parametrize(
    ("warmup", "message"),
    [
        ([{"age": "1s", "speed": 0.5}], "begins at `age: 0s`"),
        ([{"age": "0s", "speed": 0.5}, {"age": "0s", "speed": 0.6}], "the ages of a warm-up ascend"),
        ("slow", "expected steps or a ramp"),
        ({"from": 0.3, "over": "5ns"}, "too short for 10 steps"),
        ({"from": 0, "over": "5s"}, "expected a number above 0"),
    ],
)
def test_warm_ups_without_meaning_are_refused(warmup, message):
    with pytest.raises(ScenarioError, match="warmup") as caught:
        scenario(warmup)
    assert message in str(caught.value)


def test_no_warm_up_is_an_assumption_and_one_of_the_user_is_not():
    status = {
        text: next(each.status for each in resolve(scenario(warmup)).provenance if each.path == "services.web.warmup")
        for text, warmup in (("none", None), ("ramp", {"from": 0.3, "over": "1min"}))
    }
    assert status == {"none": "assumed", "ramp": "user"}


def test_a_scenario_with_a_warm_up_runs():
    result = hookean.simulate(scenario([{"age": "0s", "speed": 0.5}, {"age": "1min", "speed": 1}]))
    assert result.replicas["outcome"].to_list() == ["ready"]
