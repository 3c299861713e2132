"""Simulations that memory cannot hold are refused, unless their rows go to disk."""

from __future__ import annotations

import pytest

import hookean
from hookean.errors import ScenarioError
from hookean.simulation import plan_of

GIB = 1 << 30


@pytest.fixture(autouse=True)
def _four_gibibytes(monkeypatch):
    monkeypatch.setattr("hookean.memory.available_memory_bytes", lambda: 4 * GIB)


def scenario(*, rate="12000/s", duration="24h", services=1, **record):
    names = [f"s{n}" for n in range(services)]
    return hookean.Scenario.model_validate(
        {
            "seed": 1,
            "record": record,
            "workload": [{"service": name, "rate": rate, "duration": duration} for name in names],
            "services": {
                name: {"work": "1ms", "replica": {"cpu": 1, "memory": "1Gi"}, "replicas": 1} for name in names
            },
            "platform": {
                "preset": "kubernetes-on-metal",
                "pools": [{"name": "metal", "instance": "aws/m5.metal", "nodes": 1}],
            },
        }
    )


def refusal(of, **options):
    with pytest.raises(ScenarioError) as refused:
        plan_of(of, **options)
    return str(refused.value)


def test_a_thousand_million_rows_of_requests_need_a_folder():
    many = scenario(requests="full")
    text = refusal(many)
    assert "1,036,800,000 single requests need about" in text
    assert "`--out DIR`" in text
    assert "`save_to`" in text
    plan_of(many, streamed=True)


def test_rows_of_the_series_need_a_folder_and_some_memory_even_then():
    many = scenario(rate="1/s", services=100, series="500ms")
    assert "17,280,000 rows of `series`" in refusal(many)
    assert "`--out DIR`" in refusal(many)
    plan_of(many, streamed=True)
    text = refusal(scenario(rate="1/s", services=100, series="50ms"), streamed=True)
    assert "172,800,000 rows of `series`" in text
    assert "--out" not in text


def test_rows_of_latencies_count():
    many = scenario(rate="1/s", services=12_000, duration="2h", series="2h")
    plan_of(many)
    counted = scenario(rate="1/s", services=12_000, duration="2h", series="2h", latencies=True)
    text = refusal(counted)
    assert "30,720,000 rows of `latencies` need about" in text
    assert "leave out `latencies`" in text


def test_a_run_of_centuries_is_refused_wherever_its_rows_go():
    for streamed in (False, True):
        text = refusal(scenario(rate="1/h", duration="30000d", series="1000d"), streamed=streamed)
        assert "longer than 73 years" in text


def test_the_machine_is_asked_only_for_more_than_a_little(monkeypatch):
    monkeypatch.setattr("hookean.memory.available_memory_bytes", lambda: 0)
    plan_of(scenario(rate="1/s", duration="1h"))
    assert "rows of `series`" in refusal(scenario(rate="1/s", duration="1h", series="100ms"))
