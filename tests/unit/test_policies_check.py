"""`check_policy` finds what breaks the contract, and nothing in policies that keep it."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hookean.policies import check_policy, policy, registry

pytest.importorskip("hookean._core", reason="the native module is not built (`make build` builds it)")

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def _names_of_their_own(monkeypatch):
    """Keeps the names that these tests register to themselves."""
    monkeypatch.setattr(registry, "_REGISTERED", {})


def test_the_package_alone_has_to_be_imported():
    code = "import hookean; hookean.policies.check_policy; hookean.figures.nodes_figure"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603


class Sound:
    def __init__(self, *, target=0.5):
        self.target = target

    def begin(self, setup):
        self.random = setup.random

    def decide(self, obs):
        if math.isnan(obs.cpu_ratio):
            return obs.desired
        return math.ceil(min(obs.ready, 1000) * obs.cpu_ratio / self.target + self.random.random())


class SoundForAll:
    def decide_all(self, obs):
        return obs.desired.clip(1, 20), "held"


class NoMethod:
    pass


class ForgetsNan:
    def decide(self, obs):
        return math.ceil(obs.ready * obs.cpu_ratio)


class WritesOnWhatItSees:
    def decide_all(self, obs):
        obs.desired[:] = 3
        return obs.desired


class GlobalChance:
    def decide(self, _obs):
        return random.randint(1, 9)  # noqa: S311 - that is the mistake


class KeepsAcrossRuns:
    past = []  # noqa: RUF012 - that is the mistake

    def decide(self, _obs):
        self.past.append(1)
        return len(self.past) % 50


class Slow:
    def decide(self, obs):
        time.sleep(0.0005)
        return min(obs.desired, 20)


def rules(which, **settings):
    return [violation.rule for violation in check_policy(which, **settings)]


def test_policies_that_keep_the_contract_pass():
    assert check_policy(Sound) == []
    assert check_policy(Sound, parameters={"target": 0.7}) == []
    assert check_policy(SoundForAll) == []
    assert check_policy("hpa_in_python:HpaInPython", folder=EXAMPLES) == []


@pytest.mark.parametrize(
    ("which", "rule", "said"),
    [
        (NoMethod, "contract", "none of `decide`, `decide_all` and `decide_nodes`"),
        (ForgetsNan, "returns", "cannot convert float NaN to integer"),
        (WritesOnWhatItSees, "returns", "read-only"),
        (GlobalChance, "deterministic", "setup.random"),
        (KeepsAcrossRuns, "separate runs", "the same observations led to"),
    ],
)
def test_a_violation_is_found_and_explained(which, rule, said):
    [violation] = check_policy(which)
    assert violation.rule == rule
    assert said in violation.detail


def test_unknown_parameters_and_names_break_the_contract():
    assert rules(Sound, parameters={"goal": 1}) == ["contract"]
    assert rules(Sound, parameters={"target": object()}) == ["contract"]
    assert rules("no_such_module:Policy") == ["contract"]


def test_a_slow_policy_is_found():
    assert "speed" in rules(Slow, ticks=20, micros_per_decision=300)


def test_the_global_random_stream_is_put_back():
    random.seed(5)
    expected = random.random()  # noqa: S311
    random.seed(5)
    check_policy(policy("check-again")(Sound), ticks=5)
    assert random.random() == expected  # noqa: S311
