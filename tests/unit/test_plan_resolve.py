import json
import re

import numpy as np
import pytest
from scenario_examples import FLEET, SMALL, example_fleet_scenario, example_full_scenario, load, write

from hookean.errors import ScenarioError, TraceError
from hookean.plan import Plan, resolve
from hookean.plan.tree import split
from hookean.scenario import Scenario, Service, Workload, load_scenario
from hookean.scenario.problems import ScenarioProblemsError
from hookean.scenario.provenance import Known

SECOND = 10**9


def leaves(document):
    """Provenance-style path of every leaf of a plan: names in place of indices, no unit suffixes."""
    names = [service["name"] for service in document["services"]]

    def label(owner, entry, index):
        if owner == "workloads":
            return names[entry["service"]]
        if owner == "controllers":
            return f"{names[entry['service']]}.{entry['kind']}"
        if owner == "calls":
            before = [call["service"] for call in document["calls"][:index]]
            return f"{names[entry['service']]}.{before.count(entry['service'])}"
        return (entry.get("name") or entry.get("stage") or str(index)) if isinstance(entry, dict) else str(index)

    def walk(node, path, owner):
        if isinstance(node, dict):
            for key, value in node.items():
                plain = {"nanousd_per_hour": "price", "keep_2_53": "keep"}.get(key, re.sub(UNIT, "", key))
                yield from walk(value, [*path, plain], key)
        elif isinstance(node, list) and node:
            for index, value in enumerate(node):
                yield from walk(value, [*path, label(owner, value, index)], "")
        else:
            yield ".".join(path)

    return list(walk(document, [], ""))


UNIT = "(_ns|_millicores|_bytes_per_s|_bytes|_milli)$"
STRUCTURE = (
    "^plan_version$|^faults$|^resizes$|^node_controllers$|^calls$|^calls[.].*[.]to[.]|(^|[.])(name|service|kind|preset|instance|stage|pipeline|slo|tier|of|when)$"
    "|source[.]source$|[.]startup$"
)
FILLER = (
    "[.]work[.](distribution|value)$|[.]queue[.]routing$|[.]phase$|source[.]work$|[.]nodes$"
    "|[.](batch|retry|budget|deadline|clients|classes)$|target[.](node|replica)$"
)


def workload(plan, index=0):
    return plan.document["workloads"][index]


def status_of(plan, path):
    return next(entry.status for entry in plan.provenance if entry.path == path)


def plan_of_counts(folder, counts, **workload_fields):
    service = Service(work="40ms", replica={"cpu": 1, "memory": "1Gi"})
    fields = {"service": "web", "counts": counts, "step": "1s"} | workload_fields
    scenario = Scenario(seed=1, services={"web": service}, workload=[Workload(**fields)], platform="kubernetes-on-vms")
    return resolve(scenario, folder)


def test_full_scenario_resolves_as_written(tmp_path):
    plan = resolve(example_full_scenario(tmp_path))
    document = plan.document
    assert [service["name"] for service in document["services"]] == ["api", "batch", "fluid", "steady", "web", "worker"]
    api = document["services"][0]
    assert api["created_at_ns"] == 10 * SECOND
    assert api["replica"] == {
        "cpu_millicores": 500,
        "memory_bytes": 512 * 2**20,
        "concurrency": 8,
        "image_bytes": 600_000_000,
        "memory_idle_bytes": 100 * 2**20,
        "memory_per_request_bytes": 2**20,
        "cpu_quota": {"quota_ns": 50_000_000, "period_ns": 50_000_000, "cores_millicores": 4000},
    }
    assert api["queue"] == {
        "discipline": "processor_sharing",
        "routing": {"power_of_choices": {"choices": 3}},
        "limit": 200,
        "when_full": "reject",
        "timeout_ns": 5 * SECOND,
        "total_timeout_ns": 8 * SECOND,
    }
    assert api["slo"] == {"latency_ns": 250_000_000, "target_ratio": 0.99}
    assert (api["initial_replicas"], api["warm_start"], api["termination_grace_ns"]) == (3, False, 20 * SECOND)
    assert document["seed"] == 2**64 - 1
    assert document["horizon_ns"] == 3 * 3600 * SECOND
    assert document["record"] == {
        "series_step_ns": 30 * SECOND,
        "requests": {"keep": "off"},
        "decisions": {"keep": "sampled", "one_in": 1000},
        "latencies": True,
    }
    assert [each["kind"] for each in document["controllers"]] == ["hpa", "static", "hpa", "hpa"]
    assert [each["service"] for each in document["controllers"]] == [0, 1, 2, 4]
    assert document["controllers"][0]["phase_ns"] == 20 * SECOND
    assert len(plan.descriptions["controllers"]) == 4


def test_full_scenario_sets_every_field_that_the_model_has(tmp_path):
    assert unset_fields(example_full_scenario(tmp_path)) == {"Platform.preset", "Service.count"}
    fleet = unset_fields(example_fleet_scenario(tmp_path).controllers)
    assert {name for name in fleet if not name.startswith("CloudwatchPipeline")} == {"Ec2TargetTracking.target"}


def unset_fields(root):
    """Names `Model.field` of every field that no instance of its model sets, over all models that occur."""
    fields, used = set(), set()

    def walk(node):
        if hasattr(type(node), "model_fields"):
            kind = type(node)
            fields.update(
                f"{kind.__name__}.{name}" for name in kind.model_fields if name not in {"kind", "distribution"}
            )
            used.update(f"{kind.__name__}.{name}" for name in node.model_fields_set)
            for name in node.model_fields_set:
                walk(getattr(node, name))
        elif isinstance(node, dict):
            list(map(walk, node.values()))
        elif isinstance(node, tuple):
            list(map(walk, node))

    walk(root)
    return fields - used


@pytest.mark.parametrize(
    "example", [example_full_scenario, example_fleet_scenario, load], ids=["full", "fleet", "small"]
)
def test_every_parameter_has_provenance(tmp_path, example):
    plan = resolve(example(tmp_path))
    parameters = [path for path in leaves(plan.document) if not re.search(STRUCTURE, path)]
    known = {entry.path for entry in plan.provenance}
    bare = [path for path in parameters if not any(path == each or path.startswith(f"{each}.") for each in known)]
    assert len(parameters) > 50
    assert all(re.search(FILLER, path) for path in bare), bare
    statuses = {entry.status for entry in plan.provenance}
    assert statuses <= {"user", "measured", "documented", "fitted", "recalled", "assumed"}
    assert all(entry.value and entry.source for entry in plan.provenance)
    assert len({entry.path for entry in plan.provenance}) == len(plan.provenance)


def test_a_bare_leaf_cannot_enter_a_plan():
    with pytest.raises(TypeError, match=r"`services\.web\.limit` enters the plan without provenance"):
        split({"services": {"web": {"limit": 5}}})
    document, found = split({"limit_ns": Known(5, "5 ns", "user", "scenario")})
    assert document == {"limit_ns": 5}
    assert [(path, entry.text) for path, entry in found] == [("limit", "5 ns")]


def test_provenance_tells_what_the_user_said_from_defaults(tmp_path):
    plan = resolve(load(tmp_path))
    assert status_of(plan, "services.web.work") == "user"
    assert status_of(plan, "services.web.queue.discipline") == "assumed"
    assert status_of(plan, "controllers.web.hpa.config.min_replicas") == "user"
    assert status_of(plan, "controllers.web.hpa.config.tolerance") == "documented"
    assert status_of(plan, "platform.pools.default.billing.price") == "documented"
    assert status_of(plan, "platform.pools.default.billing.minimum") == "recalled"


def test_json_is_canonical_and_digest_covers_arrays(tmp_path):
    plan = resolve(load(tmp_path))
    assert json.loads(plan.json()) == plan.document
    assert plan.json() == json.dumps(plan.document, sort_keys=True, separators=(",", ":")).encode()
    other = Plan(plan.document, [plan.f64_arrays[0] + 1], [], plan.parameters, [], plan.descriptions)
    assert other.json() == plan.json()
    assert other.digest != plan.digest
    assert len(plan.digest) == 64


def test_plan_does_not_depend_on_the_order_of_services_workloads_and_controllers(tmp_path):
    scenario = example_full_scenario(tmp_path)
    fields = {name: getattr(scenario, name) for name in Scenario.model_fields}
    turned = Scenario(
        **fields
        | {
            "services": dict(reversed(scenario.services.items())),
            "workload": tuple(reversed(scenario.workload)),
            "controllers": tuple(reversed(scenario.controllers)),
        }
    )
    assert resolve(turned, tmp_path).digest == resolve(scenario).digest


def test_seed_and_name_change_the_digest(tmp_path):
    digests = {resolve(load(tmp_path, overrides=change)).digest for change in [(), ("seed=8",), ("name=other",)]}
    assert len(digests) == 3


def test_recorded_counts_are_scaled_exactly(tmp_path):
    plan = resolve(example_full_scenario(tmp_path))
    counts = plan.f64_arrays[workload(plan)["source"]["counts"]]
    assert counts.tolist() == [10, 0, 5, 13, 11, 0, 5, 13, 11, 0, 4, 14]
    assert counts.sum() == round(3 * (7 + 0 + 3 + 9) * 1.5)
    assert workload(plan)["source"]["arrivals"] == "exact"
    assert workload(plan)["source"]["keep_2_53"] == 2**52
    assert workload(plan)["start_ns"] == 30 * SECOND
    assert status_of(plan, "workloads.api.source.counts") == "measured"


def test_recorded_counts_are_exact_by_default_and_profiles_poisson(tmp_path):
    write(tmp_path, "time,count\n0,3\n60,4\n", "counts.csv")
    recorded = resolve(load(tmp_path, SMALL.replace("rate: 8/s, duration: 1h", "trace: counts.csv")))
    assert workload(recorded)["source"]["arrivals"] == "exact"
    profile = resolve(load(tmp_path, SMALL.replace("rate: 8/s, duration: 1h", "trace: worldcup98, duration: 1h")))
    assert workload(profile)["source"]["arrivals"] == "poisson"
    assert status_of(profile, "workloads.web.source.counts") == "fitted"


@pytest.mark.parametrize("scale", [0.1, 1, 1.5, 3.7, 1e-3])
def test_exact_counts_add_up_to_the_rounded_total(tmp_path, scale):
    counts = np.arange(1000) % 17
    scaled = plan_of_counts(tmp_path, counts, scale=scale, arrivals="exact").f64_arrays[0]
    assert scaled.sum() == round(counts.sum() * scale)
    assert (scaled == np.rint(scaled)).all()
    assert (scaled >= 0).all()
    assert np.abs(np.cumsum(scaled) - np.cumsum(counts) * scale).max() <= 0.5


def test_poisson_counts_are_multiplied_as_rates(tmp_path):
    plan = plan_of_counts(tmp_path, [1, 2], scale=0.25, repeat=2)
    assert plan.f64_arrays[0].tolist() == [0.25, 0.5, 0.25, 0.5]
    assert plan.document["horizon_ns"] == 4 * SECOND


def test_rates_become_expected_counts(tmp_path):
    plan = resolve(load(tmp_path, SMALL.replace("rate: 8/s, duration: 1h", "rates: {step: 30s, values: [1, 0.5]}")))
    assert plan.f64_arrays[0].tolist() == [30, 15]
    plan = resolve(load(tmp_path, SMALL.replace("rate: 8/s, duration: 1h", "rate: 30/min, duration: 90s")))
    assert plan.f64_arrays[0].tolist() == [45]
    assert workload(plan)["source"]["step_ns"] == 90 * SECOND


def test_request_table_travels_beside_the_document(tmp_path):
    plan = resolve(example_full_scenario(tmp_path))
    source = workload(plan, 1)["source"]
    assert (source["source"], source["times"], source["work"], source["keep_2_53"]) == ("table", 0, 1, 2**51)
    assert [array.dtype for array in plan.u64_arrays] == [np.uint64, np.uint64]
    assert plan.u64_arrays[0].tolist() == [SECOND // 2, 2 * SECOND, 18 * SECOND]
    assert plan.u64_arrays[1].tolist() == [20_000_000, 5_000_000, 500_000_000]


def test_load_travels_in_the_document(tmp_path):
    plan = resolve(example_full_scenario(tmp_path))
    assert workload(plan, 2)["source"] == {
        "source": "load",
        "steps": [{"millicores": 8000, "duration_ns": 500 * SECOND}, {"millicores": 2000, "duration_ns": 200 * SECOND}],
        "cycle": True,
    }


def test_batches_retries_and_clients_are_written_with_their_workload(tmp_path):
    plan = resolve(example_full_scenario(tmp_path))
    api, steady, worker = (workload(plan, index) for index in (0, 3, 5))
    assert api["source"]["batch"] == {"law": "geometric", "mean": 2.0}
    assert steady["source"]["batch"] == {"law": "measured", "sizes": [1, 10], "weights": [3.0, 1.0]}
    assert worker["source"]["batch"] == {"law": "fixed", "size": 4}
    assert api["deadline_ns"] == 10 * SECOND
    assert api["retry"] == {
        "after_rejected": True,
        "after_timed_out": True,
        "after_lost": False,
        "after_unanswered": False,
        "attempts_max": 4,
        "backoff": {"initial_ns": 50_000_000, "factor": 3.0, "maximum_ns": 2 * SECOND, "jitter": "equal"},
        "budget": {"ratio": 0.1, "per_second_min": 5.0, "window_ns": 20 * SECOND},
    }
    think = {"distribution": "exponential", "mean_ns": 5 * SECOND}
    assert steady["clients"] == {"count": 20, "think": think, "duration_ns": 1800 * SECOND}
    assert (worker["deadline_ns"], worker["retry"], worker["clients"]) == (None, None, None)
    assert status_of(plan, "workloads.api.retry.budget.ratio") == "user"
    assert plan.descriptions["workloads"][3].endswith("20 clients that think exponential, mean 5 s")


def test_retries_after_what_cannot_happen_are_told(tmp_path):
    told = plan_of_counts(tmp_path, [5], retry={"attempts": 3, "after": ["rejected", "lost"]}).warnings
    assert told == ["retries of `web` after `rejected` never happen: its queue has no `limit`"]
    assert plan_of_counts(tmp_path, [5], retry={"attempts": 3}).warnings == []


def test_defaults_of_retries_say_where_they_come_from(tmp_path):
    plan = plan_of_counts(tmp_path, [5], retry={"attempts": 3, "budget": {}})
    assert status_of(plan, "workloads.web.retry.budget.ratio") == "documented"
    assert status_of(plan, "workloads.web.retry.backoff.initial") == "recalled"
    assert status_of(plan, "workloads.web.retry.after_lost") == "assumed"


def test_clients_alone_end_after_their_duration_or_with_the_scenario(tmp_path):
    clients = "clients: {count: 5, think: 1s, duration: 90s}"
    alone = resolve(load(tmp_path, SMALL.replace("rate: 8/s, duration: 1h", clients)))
    assert alone.document["horizon_ns"] == 90 * SECOND
    assert workload(alone)["source"] == {"source": "clients"}
    beside = resolve(load(tmp_path, SMALL.replace("duration: 1h", f"duration: 60s, {clients}")))
    assert beside.document["horizon_ns"] == 90 * SECOND
    with pytest.raises(ScenarioError, match="nothing ends this scenario"):
        load(tmp_path, SMALL.replace("rate: 8/s, duration: 1h", "clients: {count: 5, think: 1s}"))


def test_horizon_is_the_end_of_the_longest_workload(tmp_path):
    text = SMALL.replace("duration: 1h}", "duration: 1h, start: 30s}")
    assert resolve(load(tmp_path, text)).document["horizon_ns"] == 3630 * SECOND
    assert resolve(load(tmp_path, "duration: 10min\n" + text)).document["horizon_ns"] == 600 * SECOND


def test_initial_replicas_follow_the_controller_unless_given(tmp_path):
    assert resolve(load(tmp_path)).document["services"][0]["initial_replicas"] == 2
    given = resolve(load(tmp_path, overrides=("services.web.replicas=5",)))
    assert given.document["services"][0]["initial_replicas"] == 5
    alone = resolve(load(tmp_path, overrides=("controllers=[]",)))
    assert alone.document["services"][0]["initial_replicas"] == 1


def test_relative_paths_start_from_the_scenario_file(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder, "time,count\n0,3\n60,4\n", "counts.csv")
    write(folder, SMALL.replace("rate: 8/s, duration: 1h", "trace: ./counts.csv"))
    monkeypatch.chdir(tmp_path)
    assert resolve(load_scenario("folder/scenario.yaml")).f64_arrays[0].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("rate: 8/s, duration: 1h", "trace: nowhere.csv", FileNotFoundError, "nowhere.csv"),
        ("rate: 8/s, duration: 1h", "trace: worldcup99", TraceError, "unknown trace `worldcup99`"),
        ("rate: 8/s, duration: 1h", "requests: nowhere.csv", FileNotFoundError, "nowhere.csv"),
        (
            "rate: 8/s, duration: 1h",
            "trace: worldcup98, from: 2010-01-01T00:00:00Z",
            TraceError,
            "not inside the trace",
        ),
        ("rate: 8/s, duration: 1h", "rate: 0/s, duration: 1h", ScenarioError, "the workload has no request"),
        ("rate: 8/s, duration: 1h", "counts: [1e300], step: 1s", ScenarioError, "more requests than can be counted"),
        ("    work: 40ms\n", "", ScenarioError, "`work` is missing"),
        ("cpu: 1, memory: 512Mi", "cpu: 96, memory: 512Mi", ScenarioError, "fits no node"),
    ],
)
def test_what_cannot_be_resolved_is_refused(tmp_path, old, new, error, message):
    with pytest.raises(error, match=message):
        resolve(load(tmp_path, SMALL.replace(old, new)))


def test_problems_of_several_services_are_reported_together_with_their_places(tmp_path):
    text = SMALL.replace("services:\n", "services:\n  other: {work: 1ms, replica: {cpu: 99, memory: 1Gi}}\n").replace(
        "cpu: 1,", "cpu: 96,"
    )
    with pytest.raises(ScenarioProblemsError) as caught:
        resolve(load(tmp_path, text))
    assert [each.where.split("` ")[1] for each in caught.value.errors] == [
        "line 6 column 22 (services.other.replica)",
        "line 9 column 5 (services.web.replica)",
    ]


def test_work_may_be_left_out_where_the_workload_brings_its_own(tmp_path):
    plan = resolve(example_full_scenario(tmp_path))
    assert plan.document["services"][1]["work"] == {"distribution": "constant", "value_ns": 0}


@pytest.mark.parametrize(("rows", "told"), [("time,work\n1,0.5\n", True), ("time\n1\n", False)])
def test_work_that_a_table_takes_the_place_of_is_told(tmp_path, rows, told):
    (tmp_path / "table.csv").write_text(rows)
    warnings = resolve(load(tmp_path, FLEET.replace("rate: 8/s, duration: 1h", "requests: table.csv"))).warnings
    assert any("`work` of `web` is not used" in warning for warning in warnings) == told


def test_what_has_no_effect_is_told(tmp_path):
    text = FLEET.replace("work: 40ms", "work: 40ms, replica: {cpu: 1, image: 600MB}")
    text = text.replace("services: {", "services: {idle: {}, ")
    warnings = resolve(load(tmp_path, text)).warnings
    assert [warning.split(":")[0] for warning in warnings] == [
        "service `idle` has no workload",
        "the image of `web` is not pulled",
        "a replica of `web` uses 1 core of a machine that is paid as a whole",
    ]
