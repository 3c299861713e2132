"""Classes of requests and the orders of service that use them, through the public API."""

import polars as pl
import pytest

import hookean
from hookean.errors import ScenarioError
from hookean.simulation import plan_of

CLASSES = {"gold": {"share": 0.2}, "rest": {"share": 0.8, "level": 1, "work_factor": 2.0}}


def scenario(*, classes=None, requests="full", **queue):
    service = {
        "work": {"distribution": "exponential", "mean": "100ms"},
        "replica": {"cpu": 1, "memory": "1Gi"},
        "queue": queue,
    } | ({} if classes is None else {"classes": classes})
    return hookean.Scenario(
        seed=3,
        services={"web": service},
        workload=[{"service": "web", "rate": "5/s", "duration": "2000s"}],
        platform={"preset": "kubernetes-on-vms"},
        record={"requests": requests},
    )


@pytest.fixture(scope="module")
def result():
    return hookean.simulate(scenario(classes=CLASSES, discipline="central_priority", limit=8, when_full="push_out"))


def test_each_class_is_summed_up_as_its_requests_say(result):
    requests, classes = result.requests, result.classes
    assert classes["class"].to_list() == ["gold", "rest"]
    assert classes["level"].to_list() == [0, 1]
    for row in classes.iter_rows(named=True):
        of_class = requests.filter(pl.col("class") == row["class"])
        assert row["arrivals"] == of_class.height
        counts = dict(of_class["outcome"].value_counts().iter_rows())
        assert {name: row[name] for name in counts} == counts
        wait = (of_class["start"] - of_class["arrival"]).dt.total_nanoseconds().mean()
        assert row["wait_mean"].total_seconds() * 1e9 == pytest.approx(wait, abs=1000)
        completed = of_class.filter(pl.col("outcome") == "completed")
        assert row["latency_max"] == (completed["end"] - completed["arrival"]).max()
    gold, rest = classes["wait_mean"]
    assert gold < rest / 2
    assert classes["arrivals"].sum() == result.summary["arrivals"][0]


def test_a_class_changes_the_work_of_its_requests_and_nothing_else(result):
    plain = hookean.simulate(scenario(discipline="central_fifo"))
    assert plain.classes is None
    assert plain.requests["class"].null_count() == plain.requests.height
    assert plain.requests["arrival"].equals(result.requests["arrival"])
    factor = result.requests.select(pl.when(pl.col("class") == "rest").then(2).otherwise(1)).to_series()
    works = [frame["work"].dt.total_nanoseconds() for frame in (plain.requests, result.requests)]
    assert (works[0] * factor).equals(works[1])
    assert result.manifest["services"]["web"]["work_mean_ns"] == pytest.approx(180e6)


def test_requests_are_of_the_same_class_under_every_discipline(result):
    other = hookean.simulate(scenario(classes=CLASSES, discipline="processor_sharing"))
    assert other.requests["class"].equals(result.requests["class"])


def test_classes_are_summed_up_without_single_requests(result):
    off = scenario(classes=CLASSES, requests="off", discipline="central_priority", limit=8, when_full="push_out")
    brief = hookean.simulate(off)
    assert brief.requests is None
    assert brief.classes.equals(result.classes)
    assert brief.digest == result.digest


def test_the_order_of_classes_in_the_file_decides_nothing():
    turned = dict(reversed(CLASSES.items()))
    plans = [plan_of(scenario(classes=classes, discipline="priority")) for classes in (CLASSES, turned)]
    assert plans[0].digest == plans[1].digest


@pytest.mark.parametrize(
    ("classes", "queue", "message", "path"),
    [
        (None, {"discipline": "priority"}, "the service has no `classes`", "queue.discipline"),
        ({"a": {"share": 0.5}}, {}, "the shares of the classes make 0.5, not 1", "classes"),
        ({"a": {"share": 0}}, {}, "above 0", "classes.a.share"),
        ({"a": {"share": 1, "work_factor": 0}}, {}, "above 0", "classes.a.work_factor"),
        ({"a": {"share": 1, "level": -1}}, {}, "at least 0", "classes.a.level"),
        ({f"c{i}": {"share": 1 / 65} for i in range(65)}, {}, "at most 64 classes, got 65", "classes"),
        (None, {"discipline": "fifo", "when_full": "push_out"}, "`push_out` compares levels", "queue.when_full"),
        (CLASSES, {"discipline": "priority", "when_full": "push_out"}, "has no `limit`", "queue.when_full"),
        (None, {"discipline": "central_lifo", "routing": "random"}, "`routing` has no effect", "queue.routing"),
    ],
)
def test_mistakes_are_explained(classes, queue, message, path):
    with pytest.raises(ScenarioError, match=message) as caught:
        scenario(classes=classes, **queue)
    assert caught.value.where == f"services.web.{path}"


def test_a_fluid_load_has_no_classes():
    load = [{"service": "web", "load": [{"cpu": 1, "for": "1h"}]}]
    service = {"replica": {"cpu": 1, "memory": "1Gi"}, "classes": CLASSES}
    with pytest.raises(ScenarioError, match="a fluid load has no requests to put into classes") as caught:
        hookean.Scenario(seed=3, services={"web": service}, workload=load, platform={"preset": "kubernetes-on-vms"})
    assert caught.value.where == "services.web.classes"
