import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

import hookean
from hookean.errors import ScenarioError
from hookean.policies import CONTROLLERS, CloudwatchPipeline, Ec2TargetTracking, Hpa, HpaMetric, Static
from hookean.result.manifest import mean_ns
from hookean.scenario import (
    Empirical,
    Gamma,
    Lognormal,
    Pareto,
    Queue,
    Replica,
    Scenario,
    Service,
    Slo,
    Weibull,
    Workload,
)
from hookean.scenario.gamma_function import gamma
from hookean.scenario.units import Cpu, Duration

WEB = Service(work="40ms", replica=Replica(cpu=1, memory="512Mi"))


def scenario(**changes):
    fields = {
        "seed": 1,
        "services": {"web": WEB},
        "workload": [Workload(service="web", rate="8/s", duration="1h")],
        "platform": "kubernetes-on-vms",
    }
    return Scenario(**(fields | changes))


def refused(build, message, path=""):
    with pytest.raises(ScenarioError) as caught:
        build()
    assert message in caught.value.message
    assert caught.value.where == path
    return caught.value


def test_typed_values_and_text_mean_the_same():
    typed = Service(work=timedelta(milliseconds=40), replica=Replica(cpu=Cpu(500), memory="1Gi"), start=Duration(10**9))
    assert typed == Service(work="40ms", replica=Replica(cpu="500m", memory="1024Mi"), start="1s")


def test_python_errors_are_scenario_errors_with_a_path():
    refused(lambda: Replica(cpu="1Gi"), "`Gi` in `1Gi` is not a unit", "cpu")
    refused(lambda: scenario(seed=None), "expected a whole number", "seed")
    refused(lambda: Scenario(services={"web": WEB}, platform="vm-fleet"), "`seed` is missing", "seed")
    refused(lambda: scenario(services={"web": {"work": 40}}), "needs a unit", "services.web.work")
    refused(lambda: scenario(servces={}), "unknown field `servces`", "servces")


def test_scenarios_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        scenario().seed = 2


def test_nested_models_and_plain_data_are_equal():
    assert scenario() == scenario(
        services={"web": {"work": "40ms", "replica": {"cpu": 1, "memory": "512Mi"}}},
        workload={"service": "web", "rate": "8/s", "duration": "1h"},
        platform={"preset": "kubernetes-on-vms"},
    )


@pytest.mark.parametrize(
    ("fields", "message", "path"),
    [
        ({"queue": {"limit": 5}}, "so `limit` could act only while no replica serves", "queue.limit"),
        ({"queue": {"timeout": "5s"}}, "so `timeout` could act only", "queue.timeout"),
        ({"queue": {"limit": 5}, "replica": {"cpu": 1, "concurrency": "unlimited"}}, "could act only", "queue.limit"),
        ({"queue": {"discipline": "fifo"}, "replica": {"concurrency": "unlimited"}}, "needs `discipline: proc", "replica.concurrency"),
        ({"queue": {"discipline": "central_fifo", "routing": "random"}}, "`routing` has no effect", "queue.routing"),
        ({"queue": {"routing": "randm"}}, "unknown routing `randm`", "queue.routing"),
        ({"queue": {"routing": 3}}, "unknown routing `3`", "queue.routing"),
        ({"queue": {"routing": {"choices": 2}}}, "`kind` is missing", "queue.routing"),
        ({"queue": {"routing": {"kind": "random"}}}, "`random` has no parameters", "queue.routing"),
        ({"queue": {"routing": "sticky"}}, "`sticky` needs the number of sessions", "queue.routing"),
        ({"queue": {"routing": {"kind": "sticky"}}}, "`sessions` is missing", "queue.routing.sessions"),
        ({"queue": {"routing": {"kind": "sticky", "sessions": 0}}}, "expected at least 1, got `0`", "queue.routing.sessions"),
        ({"queue": {"routing": {"kind": "power_of_choices", "choices": 33}}}, "expected at most 32", "queue.routing.choices"),
        ({"queue": {"routing": {"kind": "power_of_choices", "chioces": 3}}}, "unknown field `chioces`", "queue.routing.chioces"),
        ({"queue": {"routing": "packing"}}, "`packing` never fills a replica", "queue.routing"),
        ({"queue": {"limit": -1}}, "expected at least 0, got `-1`", "queue.limit"),
        ({"replica": {"concurrency": True}}, "expected a whole number of at least 1", "replica.concurrency"),
        ({"replica": {"concurrency": 0}}, "expected a whole number of at least 1", "replica.concurrency"),
        ({"replica": {"cpu": 0}}, "a replica needs CPU", "replica.cpu"),
        ({"replica": {"memory": "1Mi", "memory_idle": "2Mi"}}, "`memory_idle` (2 MiB) is above `memory`", "replica.memory_idle"),
        ({"slo": {"latency": "250ms", "target": 1.5}}, "expected at most 1, got `1.5`", "slo.target"),
        ({"slo": {"latency": "0s", "target": 1}}, "can never be met", "slo.latency"),
        ({"work": {"distribution": "lognormal", "mean": "40ms"}}, "needs `mean` and `cv`", "work"),
        ({"work": {"distribution": "lognormal", "mean": "40ms", "cv": 1, "sigma": 1}}, "needs `mean` and `cv`", "work"),
        ({"work": {"distribution": "lognormal", "mean": "40ms", "cv": float("nan")}}, "expected a finite number", "work.cv"),
        ({"work": {"distribution": "normal", "mean": "40ms"}}, "unknown distribution `normal`", "work.distribution"),
        ({"work": {"distribution": "uniform", "low": "2s", "high": "1s"}}, "`low` (2 s) is above `high` (1 s)", "work"),
        ({"work": {"distribution": "hyperexponential", "means": ["1s"], "weights": [0.5, 0.5]}}, "1 `means` but 2 `weights`", "work"),
        ({"work": {"distribution": "hyperexponential", "means": ["1s", "2s"], "weights": [0.5, 0.6]}}, "add up to 1.1", "work"),
        ({"work": {"distribution": "erlang", "mean": "1s", "stages": 0}}, "expected at least 1, got `0`", "work.stages"),
        ({"work": {"distribution": "gamma", "mean": "40ms"}}, "either `cv` or `shape` beside its mean, got none of them", "work"),
        ({"work": {"distribution": "gamma", "mean": "40ms", "cv": 1, "shape": 1}}, "either `cv` or `shape` beside its mean, got `cv`, `shape`", "work"),
        ({"work": {"distribution": "gamma", "mean": "40ms", "cv": 11}}, "expected at most 10, got `11`", "work.cv"),
        ({"work": {"distribution": "gamma", "cv": 1}}, "`mean` is missing", "work.mean"),
        ({"work": {"distribution": "weibull", "shape": 1}}, "either `mean` or `scale` beside its shape, got none of them", "work"),
        ({"work": {"distribution": "weibull", "mean": "1s", "scale": "1s", "shape": 1}}, "got `mean`, `scale`", "work"),
        ({"work": {"distribution": "weibull", "mean": "1s", "shape": 0.001}}, "expected at least 0.01, got `0.001`", "work.shape"),
        ({"work": {"distribution": "weibull", "scale": "1s", "shape": 0.01}}, "the mean is longer than a duration can be", "work"),
        ({"work": {"distribution": "pareto", "low": "0s", "high": "1s", "shape": 1}}, "a Pareto begins above 0", "work.low"),
        ({"work": {"distribution": "pareto", "low": "2s", "high": "1s", "shape": 1}}, "`low` (2 s) is above `high` (1 s)", "work"),
        ({"work": {"distribution": "pareto", "low": "1s", "high": "2s"}}, "`shape` is missing", "work.shape"),
        ({"work": {"distribution": "empirical", "values": []}}, "expected at least 1 entry", "work.values"),
        ({"work": {"distribution": "empirical", "values": [5]}}, "needs a unit", "work.values.0"),
        ({"work": {"distribution": "empirical", "values": ["1s", "2s"], "weights": [1]}}, "2 `values` but 1 `weights`", "work"),
        ({"work": {"distribution": "empirical", "values": ["1s"], "weights": [0]}}, "`weights` add up to 0", "work"),
        ({"work": {"distribution": "empirical", "values": ["1s"], "weights": [-1]}}, "expected at least 0, got `-1`", "work.weights.0"),
    ],
)  # fmt: skip
def test_service_that_makes_no_sense_is_refused(fields, message, path):
    refused(lambda: Service(**fields), message, path)


def test_concurrency_follows_discipline_and_cores():
    assert Service().concurrency_on(2500) is None
    assert Service(queue=Queue(discipline="fifo")).concurrency_on(2500) == 2
    assert Service(queue=Queue(discipline="central_fifo")).concurrency_on(500) == 1
    assert Service(replica=Replica(concurrency=8), queue=Queue(limit=3)).concurrency_on(500) == 8


def test_lognormal_by_mean_and_cv_keeps_both():
    plan = Lognormal(mean="40ms", cv=1.0).plan()
    assert plan["median_ns"] == round(40e6 / np.sqrt(2))
    assert plan["median_ns"] * np.exp(plan["sigma"] ** 2 / 2) == pytest.approx(40e6, rel=1e-7)
    assert np.sqrt(np.expm1(plan["sigma"] ** 2)) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(
    ("distribution", "plan", "words"),
    [
        (Gamma(mean="40ms", cv=2), {"mean_ns": 40_000_000, "shape": 0.25}, "gamma, mean 40 ms, cv 2"),
        (Gamma(mean="40ms", shape=3), {"mean_ns": 40_000_000, "shape": 3.0}, "gamma, mean 40 ms, shape 3"),
        (Weibull(mean="40ms", shape=0.7), {"mean_ns": 40_000_000, "shape": 0.7}, "Weibull, mean 40 ms, shape 0.7"),
        (Weibull(scale="40ms", shape=0.5), {"mean_ns": 80_000_000, "shape": 0.5}, "Weibull, scale 40 ms, shape 0.5"),
        (Weibull(scale="0s", shape=0.5), {"mean_ns": 0, "shape": 0.5}, "Weibull, scale 0 s, shape 0.5"),
        (
            Pareto(low="10ms", high="10s", shape=1.5),
            {"low_ns": 10_000_000, "high_ns": 10_000_000_000, "shape": 1.5},
            "Pareto 10 ms to 10 s, shape 1.5",
        ),
        (
            Empirical(values=["2ms", "1ms"]),
            {"values_ns": [2_000_000, 1_000_000], "weights": [1.0, 1.0]},
            "empirical, 2 values from 1 ms to 2 ms",
        ),
        (
            Empirical(values=["1ms", "2ms"], weights=[3, 0]),
            {"values_ns": [1_000_000, 2_000_000], "weights": [3.0, 0.0]},
            "empirical, 2 values from 1 ms to 2 ms",
        ),
    ],
)
def test_distributions_have_one_form_in_the_plan(distribution, plan, words):
    assert distribution.plan() == {"distribution": distribution.distribution} | plan
    assert distribution.describe() == words


def test_gamma_function_takes_known_values():
    for n in range(1, 101):
        assert abs(gamma(Decimal(n)) / math.factorial(n - 1) - 1) < Decimal("1e-20")
    for x in ["0.25", "1.000001", "1.5", "10.5", "101.25"]:
        assert float(gamma(Decimal(x))) == pytest.approx(math.gamma(float(x)), rel=1e-13)


@pytest.mark.parametrize(
    ("distribution", "mean"),
    [
        (Gamma(mean="2s", cv=2), 2e9),
        (Weibull(scale="1s", shape=2), math.sqrt(math.pi) / 2 * 1e9),
        (Pareto(low="1s", high="10s", shape=1), math.log(10) / 0.9 * 1e9),
        (Pareto(low="1s", high="4s", shape=0.5), 2e9),
        (Pareto(low="1s", high="1s", shape=3), 1e9),
        (Empirical(values=["1s", "5s"], weights=[3, 1]), 2e9),
    ],
)
def test_means_of_the_plan_follow_their_formulas(distribution, mean):
    assert mean_ns(distribution.plan()) == pytest.approx(mean, rel=1e-9)


@pytest.mark.parametrize(
    ("fields", "message", "path"),
    [
        ({"counts": [], "step": "1s"}, "at least one number", "counts"),
        ({"counts": [1, float("nan")], "step": "1s"}, "value 1 is `nan`", "counts.1"),
        ({"counts": [1, -2], "step": "1s"}, "value 1 is `-2`", "counts.1"),
        ({"counts": [[1]], "step": "1s"}, "expected a number, got a list", "counts.0"),
        ({"counts": "12", "step": "1s"}, "expected a list of numbers", "counts"),
        ({"counts": [1]}, "needs `step`", ""),
        ({"rates": {"step": "0s", "values": [1]}}, "longer than 0", "rates.step"),
        ({"rate": "8/s", "duration": "1h", "repeat": 2}, "`repeat` has no meaning", "repeat"),
        ({"load": []}, "expected at least 1 entry", "load"),
        ({"load": [{"cpu": 1, "for": "0s"}]}, "longer than 0", "load.0.for"),
        ({"load": [{"cpu": 1, "for": "1s"}], "thin": 0.5}, "`thin` has no meaning", "thin"),
        ({"trace": "a.csv", "thin": 0}, "expected a number above 0", "thin"),
        ({"trace": "a.csv", "thin": 1.5}, "expected at most 1", "thin"),
        ({"trace": "a.csv", "scale": -1}, "expected a number above 0", "scale"),
        ({"trace": "a.csv", "scale": "2"}, "expected a number, got the text `2`", "scale"),
        ({"trace": "a.csv", "from": "1998-06-30T16:00:00"}, "has no time zone", "from"),
        ({"trace": "a.csv", "from": "1998-13-30T16:00:00Z"}, "is not a date and time", "from"),
        ({"trace": "a.csv", "from": 5}, "needs a unit", "from"),
        ({"trace": "a.csv", "arrivals": "poison"}, "unknown arrivals `poison`", "arrivals"),
    ],
)  # fmt: skip
def test_workload_that_makes_no_sense_is_refused(fields, message, path):
    refused(lambda: Workload(service="web", **fields), message, path)


def test_workload_takes_arrays_dates_and_offsets():
    counts = np.array([1.0, 2.0])
    workload = Workload(service="web", counts=counts, step="1s")
    counts[0] = 9
    assert workload.counts.values.tolist() == [1, 2]
    assert workload == Workload(service="web", counts=[1, 2], step="1s")
    moment = datetime(1998, 6, 30, 16, tzinfo=UTC)
    assert Workload(service="web", trace="t", from_=moment) == Workload(
        service="web", trace="t", **{"from": moment.isoformat()}
    )
    assert Workload(service="web", trace="t", **{"from": "2h"}).from_ == Duration.parse("2h")


@pytest.mark.parametrize(
    ("changes", "message", "path"),
    [
        ({"services": {}}, "at least one service", "services"),
        ({"services": {"a b": WEB}}, "`a b` is not a name", "services.a b"),
        ({"workload": ()}, "a scenario without workload needs a `duration`", "duration"),
        ({"workload": [{"service": "web", "load": [{"cpu": 1, "for": "1s"}], "cycle": True}]}, "nothing ends this scenario", "duration"),
        ({"workload": [{"service": "web", "load": [{"cpu": 1, "for": "1s"}]}], "engine": "reference"}, "has no fluid loads", "workload.0.load"),
        ({"workload": [{"service": "web", "rate": "8/s", "duration": "1h"}] * 2}, "has a second workload", "workload.1.service"),
        ({"services": {"web": {"start": "10s"}}, "workload": {"service": "web", "rate": "1/s", "duration": "1h", "start": "5s"}}, "its service is created later", "workload.0.start"),
        ({"controllers": [Ec2TargetTracking(service="web", min=1, max=2, target=50)]}, "has no meaning on a cluster", "controllers.0.kind"),
        ({"controllers": [Hpa(service="web", max=2, metrics=[HpaMetric(resource="memory", utilization=80)])]}, "how much memory a replica of `web` uses", "services.web.replica"),
        ({"record": {"requests": {"sampled": 0}}}, "expected at least 1", "record.requests.sampled"),
        ({"record": {"requests": "some"}}, "`some` is not allowed", "record.requests"),
        ({"record": {"series": "0s"}}, "longer than 0", "record.series"),
        ({"engine": "fast"}, "unknown engine `fast`", "engine"),
    ],
)  # fmt: skip
def test_scenario_whose_parts_do_not_fit_is_refused(changes, message, path):
    refused(lambda: scenario(**changes), message, path)


@pytest.mark.parametrize(
    ("build", "message", "path"),
    [
        (lambda: Hpa(service="web", min=3, max=2), "`min` (3) is above `max` (2)", "min"),
        (lambda: Hpa(service="web", min=0, max=2), "neither is simulated", "min"),
        (lambda: Hpa(service="web", max=0), "expected at least 1", "max"),
        (lambda: Hpa(service="web", max=2.5), "expected a whole number", "max"),
        (lambda: Hpa(service="web", max=2, metrics=[]), "expected at least 1 entry", "metrics"),
        (lambda: Hpa(service="web", max=2, sync_period="0s"), "longer than 0", "sync_period"),
        (lambda: Hpa(service="web", max=2, tolerance=-0.1), "expected at least 0", "tolerance"),
        (lambda: Hpa(service="web", max=2, behavior={"scale_up": {"policies": [{"type": "Pods", "value": 1, "period": "1h"}]}}), "1 s to 1800 s", "behavior.scale_up.policies.0.period"),
        (lambda: Hpa(service="web", max=2, behavior={"scale_down": {"stabilization_window": "2h"}}), "at most 3600 s", "behavior.scale_down.stabilization_window"),
        (lambda: HpaMetric(resource="cpu"), "needs one target", ""),
        (lambda: HpaMetric(resource="cpu", utilization=60, average_value="1"), "needs one target", ""),
        (lambda: HpaMetric(resource="cpu", average_value="300Mi"), "not a unit of a CPU", "average_value"),
        (lambda: HpaMetric(resource="memory", average_value=300), "needs a unit", "average_value"),
        (lambda: HpaMetric(pods="requests_per_second", utilization=60), "has no `utilization`", "utilization"),
        (lambda: HpaMetric(pods="latency", average_value=60), "unknown pods `latency`", "pods"),
        (lambda: Ec2TargetTracking(service="web", min=1, max=2), "either `target` or `policies`", ""),
        (lambda: Ec2TargetTracking(service="web", min=1, max=2, target=150), "expected at most 100", "target"),
        (lambda: Ec2TargetTracking(service="web", min=1, max=2, target=50, pipeline=CloudwatchPipeline(period="10s")), "differs from the controller's", "pipeline.period"),
        (lambda: Static(service="web", replicas=-1), "expected at least 0", "replicas"),
        (lambda: Static(service="web", replicas=1, pipeline="prometheus"), "unknown pipeline `prometheus`", "pipeline.kind"),
    ],
)  # fmt: skip
def test_controller_that_makes_no_sense_is_refused(build, message, path):
    refused(build, message, path)


def test_hpa_targets_are_in_milli_units():
    assert HpaMetric(resource="cpu", average_value="500m").milli() == 500
    assert HpaMetric(resource="memory", average_value="1Mi").milli() == 2**20 * 1000
    assert HpaMetric(pods="requests_per_second", average_value=2.5).milli() == 2500
    assert HpaMetric(pods="requests_per_second", average_value="150/min").milli() == 2500


def test_empty_hpa_behaviour_is_completed_and_an_absent_one_is_not():
    assert Hpa(service="web", max=5).config()["behavior"].value is None
    rules = Hpa(service="web", max=5, behavior={}, downscale_stabilization="60s").config()["behavior"]
    assert rules["scale_up"]["stabilization_window_ns"].value == 0
    assert [policy["kind"] for policy in rules["scale_up"]["policies"].value] == ["pods", "percent"]
    assert rules["scale_down"]["stabilization_window_ns"].value == 60 * 10**9
    assert [policy["kind"] for policy in rules["scale_down"]["policies"].value] == ["percent"]


def test_first_sync_sets_the_phase():
    assert Hpa(service="web", max=5).phase_plan().value == 0
    assert Hpa(service="web", max=5, first_sync="after_period", sync_period="20s").phase_plan().value == 20 * 10**9


def test_cloudwatch_period_follows_the_controller():
    plan = Ec2TargetTracking(service="web", min=1, max=2, target=50, period="10s").pipeline_plan()
    assert plan["period_ns"].value == 10 * 10**9


def test_controller_table_names_each_model_by_its_kind():
    for entry in CONTROLLERS:
        assert entry.model.model_fields["kind"].default == entry.name
        assert entry.summary.endswith(".")


def test_public_names_resolve_and_others_do_not():
    for name in ("Scenario", "Service", "Workload", "Platform", "Hpa", "load_scenario", "ScenarioError", "Slo"):
        assert getattr(hookean, name).__name__ == name
        assert name in dir(hookean)
    assert hookean.Slo is Slo
    with pytest.raises(AttributeError):
        hookean.Scenari  # noqa: B018


def test_importing_hookean_imports_nothing_heavy():
    code = "import sys, hookean; print([m for m in ('pydantic', 'polars', 'numpy', 'plotly', 'ruamel') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


def test_a_pipeline_that_does_not_measure_what_the_controller_reads_is_refused():
    hpa = {"service": "web", "min": 1, "max": 2}
    refused(lambda: Hpa(**hpa, pipeline="cloudwatch"), "pipeline `cloudwatch` does not measure", "pipeline")
    tracking = {"service": "web", "min": 1, "max": 2, "target": 50}
    refused(lambda: Ec2TargetTracking(**tracking, pipeline="ideal"), "pipeline `ideal` does not measure", "pipeline")
