"""Batches, retries and clients, as a person writes them."""

from datetime import timedelta

import pytest

import hookean
from hookean.errors import ScenarioError
from hookean.scenario import Queue, Replica, Scenario, Service, Workload

WEB = Service(work="40ms", replica=Replica(cpu=1, memory="512Mi"))


def workload(**fields):
    return Workload(**{"service": "web", "rate": "8/s", "duration": "1h"} | fields)


def scenario(service=WEB, **fields):
    return Scenario(seed=1, services={"web": service}, workload=[workload(**fields)], platform="kubernetes-on-vms")


def test_a_number_is_a_batch_of_fixed_size():
    assert workload(batch=4).batch.plan() == {"law": "fixed", "size": 4}
    assert workload(batch={"sizes": [2, 5]}).batch.plan() == {"law": "measured", "sizes": [2, 5], "weights": [1.0, 1.0]}


@pytest.mark.parametrize(
    ("fields", "message", "where"),
    [
        ({"batch": 0}, "at least 1", "batch"),
        ({"batch": {}}, "a batch needs one of `size`, `mean` and `sizes`, got none", "batch"),
        ({"batch": {"size": 2, "mean": 3}}, "got `size` and `mean`", "batch"),
        ({"batch": {"sizes": [1, 2], "weights": [1]}}, "1 `weights` but 2 `sizes`", "batch.weights"),
        ({"batch": {"sizes": [1, 2], "weights": [0, 0]}}, "all `weights` are 0", "batch.weights"),
        ({"batch": {"mean": 0.5}}, "at least 1", "batch.mean"),
        ({"retry": {"attempts": 1}}, "at least 2", "retry.attempts"),
        ({"retry": {}}, "`attempts` is missing", "retry.attempts"),
        (
            {"retry": {"attempts": 3, "backoff": {"initial": "2s", "maximum": "1s"}}},
            "`initial` (2 s) is above `maximum` (1 s)",
            "retry.backoff",
        ),
        ({"deadline": "0s"}, "no request can be served in no time", "deadline"),
        ({"clients": {"count": 3}}, "`think` is missing", "clients.think"),
        ({"clients": {"count": 3, "think": "1s", "duration": "0s"}}, "longer than 0", "clients.duration"),
    ],
)
def test_mistakes_are_named_with_their_place(fields, message, where):
    with pytest.raises(ScenarioError) as caught:
        workload(**fields)
    assert message in caught.value.message
    assert caught.value.where == where


@pytest.mark.parametrize("engine", ["lazy", "reference"])
def test_a_deadline_ends_the_attempt_under_way(engine):
    # Each works for 1 s of its 10, gives up, comes back 1 s later and has half a second left.
    result = hookean.simulate(
        Scenario.model_validate(
            {
                "name": "deadline",
                "seed": 1,
                "engine": engine,
                "duration": "1min",
                "workload": [
                    {
                        "service": "web",
                        "counts": [1, 1, 1],
                        "step": "10s",
                        "arrivals": "exact",
                        "deadline": "2500ms",
                        "retry": {"attempts": 3, "backoff": {"initial": "1s", "maximum": "1s", "jitter": "none"}},
                    }
                ],
                "services": {
                    "web": {
                        "work": "10s",
                        "replica": {"cpu": 1, "memory": "512Mi"},
                        "queue": {"discipline": "processor_sharing", "total_timeout": "1s"},
                    }
                },
                "platform": {
                    "preset": "kubernetes-on-metal",
                    "reservation": "none",
                    "pools": [{"name": "a", "cpu": 8, "memory": "32Gi", "price": "1 USD/h"}],
                },
                "record": {"requests": "full"},
            }
        )
    )
    summary = result.summary.row(0, named=True)
    assert (summary["timed_out"], summary["expired"], summary["given_up"]) == (3, 3, 3)
    assert result.series["expired"].sum() == 3
    assert result.replicas["cpu_core_seconds"].sum() == pytest.approx(4.5)
    expired = result.requests.filter(outcome="expired")
    assert (expired["end"] - expired["start"]).to_list() == [timedelta(milliseconds=500)] * 3


def test_a_load_has_no_callers():
    with pytest.raises(ScenarioError, match="`retry` has no meaning for a workload given by `load`"):
        Workload(service="web", load=[{"cpu": 1, "for": "1s"}], retry={"attempts": 2})


def test_a_request_table_has_no_batches():
    with pytest.raises(ScenarioError, match="`batch` has no meaning for a workload given by `requests`"):
        Workload(service="web", requests="table.csv", batch=2)


def test_clients_that_never_pause_need_something_that_holds_them_up():
    bounded = Service(work="40ms", replica=Replica(cpu=1, memory="1Gi"), queue=Queue(discipline="fifo", limit=5))
    for never in ("0s", {"distribution": "exponential", "mean": "0s"}):
        with pytest.raises(ScenarioError, match="clients that do not think") as caught:
            scenario(bounded, clients={"count": 3, "think": never})
    for nothing in ("0s", {"distribution": "uniform", "low": "0s", "high": "0s"}):
        free = Service(work=nothing, replica=Replica(cpu=1, memory="1Gi"))
        with pytest.raises(ScenarioError, match="clients that do not think"):
            scenario(free, clients={"count": 3, "think": "0s"})
    short = {"distribution": "hyperexponential", "means": ["0s", "1s"], "weights": [0.5, 0.5]}
    assert scenario(bounded, clients={"count": 3, "think": short}).workload
    assert caught.value.where == "workload.0.clients.think"
    assert scenario(clients={"count": 3, "think": "0s"}).workload[0].clients.count == 3


def test_time_outs_that_cannot_act_are_refused():
    with pytest.raises(ScenarioError, match=r"`timeout` \(5 s\) can never act"):
        Queue(discipline="fifo", timeout="5s", total_timeout="5s")
    with pytest.raises(ScenarioError, match="in no time"):
        Queue(total_timeout="0s")
    assert (
        Service(work="40ms", replica=Replica(cpu=1, memory="1Gi"), queue=Queue(total_timeout="1s")).queue.limit is None
    )
