"""CPU limits as a person writes them: the quota in the plan, where it comes from, and what is refused."""

import pytest

import hookean
from hookean.errors import ScenarioError
from hookean.plan import resolve
from hookean.scenario import Scenario

MS = 10**6


def scenario(service=None, run=None, **replica):
    web = {"work": "40ms", "replica": {"cpu": "500m", "memory": "1Gi", **replica}, **(service or {})}
    workload = [{"service": "web", "rate": "20/s", "duration": "5min"}]
    return Scenario(seed=1, workload=workload, services={"web": web}, platform="kubernetes-on-metal", **(run or {}))


@pytest.mark.parametrize(
    ("replica", "quota", "period"),
    [
        ({"cpu_limit": 1, "cores": 4}, 100 * MS, 100 * MS),
        ({"cpu_limit": "1500m", "cfs_period": "20ms", "cores": 2}, 30 * MS, 20 * MS),
        # The kernel's least quota, which the kubelet writes instead of a smaller one.
        ({"cpu": "1m", "cpu_limit": "2m", "cores": 1}, 1 * MS, 100 * MS),
    ],
)
def test_a_limit_is_a_quota_in_each_period(replica, quota, period):
    plan = resolve(scenario(**replica))
    written = plan.document["services"][0]["replica"]["cpu_quota"]
    cores = 1000 * replica["cores"]
    assert written == {"quota_ns": quota, "period_ns": period, "cores_millicores": cores}
    [entry] = [entry for entry in plan.provenance if entry.path.endswith("cpu_quota.period")]
    assert entry.status == ("user" if "cfs_period" in replica else "documented")


@pytest.mark.parametrize(
    ("service", "replica", "message", "place"),
    [
        ({}, {"cpu_limit": 1}, "`cpu_limit` needs `cores`", "cpu_limit"),
        ({}, {"cores": 4}, "`cores` has no meaning without `cpu_limit`", "cores"),
        ({}, {"cfs_period": "50ms"}, "`cfs_period` has no meaning without `cpu_limit`", "cfs_period"),
        ({}, {"cpu_limit": 0, "cores": 1}, "nothing runs with a CPU limit of 0", "cpu_limit"),
        ({}, {"cpu_limit": 2, "cores": 1}, "which can never act", "cores"),
        ({}, {"cpu_limit": "400m", "cores": 1}, "is below `cpu`", "cpu_limit"),
        ({}, {"cpu_limit": 1, "cores": 1, "cfs_period": "2s"}, "periods of 1 ms to 1 s", "cfs_period"),
        ({"queue": {"discipline": "central_fifo"}}, {"cpu_limit": 1, "cores": 1}, "queues of their own", "cpu_limit"),
        ({"fidelity": "binned"}, {"cpu_limit": 1, "cores": 1}, "no periods of a CPU limit", "cpu_limit"),
    ],
)
def test_what_no_limit_can_do_is_refused(service, replica, message, place):
    with pytest.raises(ScenarioError, match=message) as caught:
        scenario(service, **replica)
    assert caught.value.where.endswith(f"replica.{place}")


def test_a_fluid_load_has_nothing_to_throttle():
    web = {"replica": {"cpu": 1, "memory": "1Gi", "cpu_limit": 1, "cores": 2}}
    workload = [{"service": "web", "load": [{"cpu": 1, "for": "1h"}]}]
    with pytest.raises(ScenarioError, match="no requests that a CPU limit could throttle"):
        Scenario(seed=1, workload=workload, services={"web": web}, platform="kubernetes-on-metal")


def test_a_throttled_replica_says_so_and_uses_its_quota_at_most():
    # 0.8 cores of work on average, in bursts on four cores, against half a core of quota: throttled nearly all the time.
    limited = hookean.simulate(scenario(cpu_limit="500m", cores=4))
    free = hookean.simulate(scenario(cpu=4))
    [row] = limited.replicas.iter_rows(named=True)
    seconds = 300
    assert row["throttled_periods"] > 0.95 * 10 * seconds
    assert 0.6 * seconds < row["throttled"].total_seconds() < seconds
    assert row["cpu_core_seconds"] == pytest.approx(0.5 * seconds, rel=0.02)
    assert limited.summary["completed"].item() < free.summary["completed"].item()
    assert free.replicas["throttled_periods"].to_list() == [0]


def test_the_series_says_when_replicas_were_throttled():
    service = {"replicas": 2, "queue": {"routing": "round_robin"}}
    faults = [{"kind": "replica_crash", "service": "web", "at": "2min"}]
    limited = hookean.simulate(
        scenario(service, {"faults": faults, "record": {"series": "10s"}}, cpu_limit="500m", cores=4)
    )
    series, replicas = limited.series, limited.replicas
    assert series["throttled"].sum() == replicas["throttled"].sum()
    ratios = series["throttled_ratio"].to_list()
    # Two replicas serve for ten seconds.
    whole = [throttled.total_seconds() / 20 for throttled in series["throttled"]]
    assert ratios[:5] == pytest.approx(whole[:5])
    assert all(0 <= ratio <= 1 for ratio in ratios)
    assert max(ratios) > 0.3
    free = hookean.simulate(scenario(cpu=4)).series
    assert free["throttled"].null_count() == free["throttled_ratio"].null_count() == free.height


def test_both_engines_say_the_same_under_faults():
    faults = [
        {"kind": "pause", "service": "web", "at": "1min", "duration": "3s"},
        {"kind": "slow_down", "factor": 0.5, "service": "web", "at": "2min", "duration": "20s"},
        {"kind": "replica_crash", "service": "web", "at": "90s"},
    ]
    service = {"replicas": 3, "queue": {"total_timeout": "2s"}}
    lazy, reference = (
        hookean.simulate(scenario(service, {"engine": engine, "faults": faults}, cpu_limit="500m", cores=4))
        for engine in ("lazy", "reference")
    )
    assert lazy.replicas.equals(reference.replicas)
    assert lazy.digest == reference.digest
    assert lazy.replicas["throttled_periods"].sum() > 0
    assert lazy.summary["timed_out"].item() > 0
    assert all(check["passed"] for check in lazy.manifest["checks"])
