"""Replications: the plan of the last scenario serves the next one that differs in its seed alone, and no other."""

import pytest

import hookean
from hookean.plan import Replications, resolve
from hookean.plan import replications as module
from hookean.scenario import Scenario


def _scenario(seed=1, **more):
    data = {
        "seed": seed,
        "services": {"web": {"work": "50ms", "replica": {"cpu": 1, "memory": "64Mi"}, "replicas": 2}},
        "workload": [{"service": "web", "rates": {"step": "60s", "values": [3, 5]}}],
        "platform": {
            "kind": "cluster",
            "pools": [{"name": "all", "cpu": 8, "memory": "64Gi", "price": "0 USD/h", "nodes": 1}],
            "startup": "instant",
            "pull": "none",
            "reservation": "none",
        },
    }
    return Scenario.model_validate(data | more)


@pytest.fixture
def resolved(monkeypatch):
    """Scenarios that were resolved, not remembered."""
    found = []

    def counted(scenario, **options):
        found.append(scenario)
        return resolve(scenario, **options)

    monkeypatch.setattr(module, "resolve", counted)
    return found


def _same(plan, other):
    assert plan.json() == other.json()
    assert plan.digest == other.digest
    assert plan.provenance == other.provenance
    assert plan.warnings == other.warnings
    assert plan.descriptions == other.descriptions


def test_another_seed_is_not_resolved_again_and_gives_the_same_plan(resolved):
    replications = Replications()
    for seed in (1, 2, 1, 2**64 - 1):
        _same(replications.resolve(_scenario(seed), streamed=False), resolve(_scenario(seed)))
    assert len(resolved) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"name": "other"},
        {"duration": "90s"},
        {"duration": "60s", "engine": "lazy"},  # a default that is given has another provenance
        {"workload": [{"service": "web", "rates": {"step": "60s", "values": [3, 5.000000000000001]}}]},
        {"workload": [{"service": "web", "rates": {"step": "60s", "values": [0.0, 5]}}]},
        {"workload": [{"service": "web", "rates": {"step": "60s", "values": [-0.0, 5]}}]},
        {"controllers": [{"kind": "static", "service": "web", "replicas": 2}]},
    ],
)
def test_whatever_else_differs_is_resolved(resolved, more):
    replications = Replications()
    replications.resolve(_scenario(), streamed=False)
    replications.resolve(_scenario(duration="60s"), streamed=False)
    before = len(resolved)
    _same(replications.resolve(_scenario(2, **more), streamed=False), resolve(_scenario(2, **more)))
    assert len(resolved) == before + 1


def test_rows_that_go_to_a_folder_are_another_run(resolved):
    replications = Replications()
    for streamed in (False, True):
        replications.resolve(_scenario(), streamed=streamed)
    assert len(resolved) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"workload": [{"service": "web", "trace": "worldcup98-day", "duration": "1h"}]},
        {"record": {"series": "1ms"}},  # memory for its rows may be gone the next time
    ],
)
def test_what_depends_on_anything_else_is_resolved_each_time(resolved, monkeypatch, more):
    if "workload" in more:
        monkeypatch.setattr(module, "resolve", lambda scenario, **_: resolved.append(scenario))
    replications = Replications()
    for seed in (1, 2):
        replications.resolve(_scenario(seed, **more), streamed=False)
    assert len(resolved) == 2


def test_replications_give_what_single_runs_give():
    scenarios = [_scenario(seed) for seed in (1, 2, 3)]
    together = [hookean.simulate(each) for each in scenarios]
    for scenario, result in zip(scenarios, together, strict=True):
        hookean.simulate(_scenario(name="between"))
        alone = hookean.simulate(scenario)
        assert result.manifest == alone.manifest
        assert result.summary.equals(alone.summary)
    assert len({result.digest for result in together}) == 3
