"""The engine reads plans that use every field, and returns every documented table."""

import pytest
from scenario_examples import example_fleet_scenario, example_full_scenario

import hookean
from hookean.result.columns import TABLES
from hookean.simulation import plan_of


@pytest.mark.parametrize("example", [example_full_scenario, example_fleet_scenario])
def test_the_engine_accepts_a_plan_that_uses_every_field(example, tmp_path):
    scenario = example(tmp_path)
    result = hookean.simulate(scenario)
    assert result.manifest["plan_digest"] == plan_of(scenario).digest
    assert all(check["passed"] for check in result.manifest["checks"])
    for table, frame in result.frames.items():
        assert frame.columns == [column.name for column in TABLES[table]]
