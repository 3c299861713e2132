"""Policies in Python on the command line: found beside the scenario, and told with their own traceback when they fail."""

import pytest

from hookean.result import RunResult

from .conftest import SMALL

POLICY = """\
class Half:
    def decide(self, obs):
        return 2 + obs.time_ns // 300_000_000_000

class Breaks(Half):
    def decide(self, obs):
        return helper(obs)

def helper(obs):
    return 2 if obs.time_ns < 60_000_000_000 else 1 / 0
"""


@pytest.fixture
def mine(tmp_path):
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "mine.py").write_text(POLICY)
    path = folder / "mine.yaml"
    controllers = SMALL.partition("controllers:")[0] + "controllers:\n"
    path.write_text(controllers + '  - {kind: python, service: web, policy: "mine:Half", min: 2, max: 10}\n')
    return path


def test_a_policy_beside_the_scenario_runs_from_another_folder(call, mine, tmp_path):
    outcome = call("run", mine, "--out", "result")
    assert outcome.code == 0, outcome.stderr
    decisions = RunResult.load(tmp_path / "result").decisions
    assert decisions["desired"].unique().sort().to_list() == [2, 3]
    assert decisions["reason"][0] == "`mine:Half` wants 2"


def test_a_failing_policy_shows_its_own_traceback_and_leaves_a_partial_result(call, mine, tmp_path):
    outcome = call("run", mine, "--set", "controllers.0.policy=mine:Breaks", "--out", "result")
    assert outcome.code == 2
    assert outcome.stdout == ""
    lines = outcome.stderr.splitlines()
    assert lines[:2] == ["result: result (partial)", "Traceback (most recent call last):"]
    files = [line for line in lines if line.startswith("  File")]
    assert len(files) == 2
    assert all("mine.py" in line for line in files)
    assert "failed with ZeroDivisionError: division by zero in service `web` at 60 s" in outcome.stderr
    assert RunResult.load(tmp_path / "result").partial


def test_compare_sets_policies_side_by_side(call, mine, scenario):
    outcome = call("compare", mine, scenario, "--format", "csv")
    assert outcome.code == 0, outcome.stderr
    assert len(outcome.stdout.splitlines()) == 3


def test_a_module_with_a_mistake_is_shown_too(call, mine):
    mine.with_suffix(".py").write_text("import nothing_of_the_kind\n")
    outcome = call("run", mine)
    assert outcome.code == 2
    assert "error: module `mine` cannot be imported: ModuleNotFoundError" in outcome.stderr
    assert "mine.py" in outcome.stderr


def test_a_policy_that_leaves_the_program_is_an_error(scenario, call):
    scenario.with_name("leaves.py").write_text(
        "class Leaves:\n    def decide(self, obs):\n        raise SystemExit(0)\n"
    )
    outcome = call(
        "run", scenario, "--set", "controllers.0={kind: python, service: web, policy: leaves:Leaves, max: 3}"
    )
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("error: a policy ended the program by `SystemExit(0)`\n\nhint: ")
