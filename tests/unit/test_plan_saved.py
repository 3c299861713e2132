"""Plans that are saved: what comes back is the same plan, and a mistake of the engine leaves one behind."""

import re

import numpy as np
import pytest

import hookean
from hookean.errors import SimulationError
from hookean.plan import load_plan, save_plan
from hookean.simulation import plan_of, simulate_plan

SCENARIO = {
    "seed": 3,
    "services": {
        "web": {
            "work": {"distribution": "exponential", "mean": "50ms"},
            "replica": {"cpu": 1, "memory": "64Mi", "concurrency": 1},
            "replicas": 2,
            "queue": {"discipline": "central_fifo"},
        }
    },
    "workload": [{"service": "web", "rates": {"step": "10s", "values": [20, 5, 30]}}],
    "platform": {"preset": "kubernetes-on-metal"},
}


@pytest.fixture
def plan():
    return plan_of(hookean.Scenario.model_validate(SCENARIO))


def test_a_saved_plan_is_the_same_plan(plan, tmp_path):
    again = load_plan(save_plan(plan, tmp_path / "saved"))
    assert again.digest == plan.digest
    assert [array.dtype for array in again.f64_arrays] == [np.float64] * len(plan.f64_arrays)
    results = [simulate_plan(each).manifest["result_digest"] for each in (plan, again)]
    assert results[0] == results[1]


def test_a_folder_without_a_plan_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_plan(tmp_path)


def test_a_mistake_of_the_engine_leaves_its_plan_behind(plan, monkeypatch, tmp_path):
    def broken(*_):
        raise SimulationError("a state that must not exist\n\nhint: please report it")

    monkeypatch.setattr("hookean.simulation._core.simulate", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SimulationError, match="please report it; the plan is saved in") as caught:
        simulate_plan(plan)
    folder = re.search(r"`(.*)`", str(caught.value))[1]
    assert load_plan(folder).digest == plan.digest


def test_without_room_for_the_plan_the_mistake_is_told_all_the_same(plan, monkeypatch, tmp_path):
    def broken(*_):
        raise SimulationError("a state that must not exist")

    monkeypatch.setattr("hookean.simulation._core.simulate", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(SimulationError, match=r"^a state that must not exist$"):
        simulate_plan(plan)
