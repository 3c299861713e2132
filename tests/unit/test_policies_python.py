"""Policies written in Python: what they see, what they may return, and what happens when they fail."""

from __future__ import annotations

import json
import math
import signal
import threading
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

import hookean
from hookean.errors import PolicyError, ScenarioError, SimulationInterrupted
from hookean.policies import Observation, PythonPolicy, policy, registry
from hookean.simulation import plan_of

pytest.importorskip("hookean._core", reason="the native module is not built (`make build` builds it)")

SECOND = 1_000_000_000


@pytest.fixture(autouse=True)
def _names_of_their_own(monkeypatch):
    """Keeps the names that these tests register to themselves."""
    monkeypatch.setattr(registry, "_REGISTERED", {})


PLATFORMS = {
    "metal": {"preset": "kubernetes-on-metal", "pools": [{"name": "metal", "instance": "aws/m5.metal", "nodes": 1}]},
    "fleet": {"preset": "vm-fleet", "pools": [{"name": "vm", "instance": "aws/m7i.large"}]},
}


def scenario(which, *, services=("web",), rate="20/s", duration="10min", platform="metal", seed=3, **controller):
    """A small scenario whose services all have the same policy."""
    settings = {
        "kind": "python",
        "policy": which,
        "max": 20,
        "pipeline": {"kind": "ideal", "window": "30s"},
    } | controller
    return hookean.Scenario.model_validate(
        {
            "seed": seed,
            "workload": [{"service": name, "rate": rate, "duration": duration} for name in services],
            "services": {
                name: {
                    "work": "50ms",
                    "replica": {"cpu": 1, "memory": "1Gi", "memory_idle": "64Mi", "memory_per_request": "1Mi"},
                    "queue": {"discipline": "fifo"},
                }
                for name in services
            },
            "platform": PLATFORMS[platform],
            "controllers": [{"service": name} | settings for name in services],
        }
    )


class Hold:
    def decide(self, obs):
        return obs.desired


def returning(value):
    class Returning:
        def decide(self, _obs):
            return value

    return Returning


def returning_all(value):
    class ReturningAll:
        def decide_all(self, _obs):
            return value

    return ReturningAll


class TestWhatItSees:
    def test_plain_values_at_every_tick_from_the_creation_on(self):
        seen = []

        class Watch:
            def decide(self, obs):
                seen.append(obs)
                return 3

        hookean.simulate(scenario(Watch, min=2))
        assert [obs.time_ns for obs in seen] == [15 * SECOND * k for k in range(40)]
        first, last = seen[0], seen[-1]
        assert all(type(value) in {str, int, float, tuple} for value in last)
        assert (first.service, first.desired, first.ready, first.samples, first.sampled_ns) == ("web", 2, 2, 0, -1)
        assert math.isnan(first.cpu_ratio)
        assert (last.desired, last.ready, last.starting, last.pending, last.draining) == (3, 3, 0, 0, 0)
        assert (last.samples, last.sampled_ns, last.cpu_millicores, last.min, last.max) == (
            3,
            last.time_ns,
            1000,
            2,
            20,
        )
        # 20 requests per second of 50 ms on three replicas, averaged over half a minute of random arrivals
        assert last.cpu_ratio == pytest.approx(1 / 3, rel=0.3)
        assert math.isnan(last.memory_bytes)
        assert last.replicas == ()
        with pytest.raises(AttributeError):
            last.desired = 4

    def test_the_metrics_it_declares_and_no_other(self):
        seen = []

        @policy("reads-two", metrics=("requests", "memory"), sees_replicas=True)
        class ReadsTwo:
            def decide(self, obs):
                seen.append(obs)
                return 2

        result = hookean.simulate(scenario(ReadsTwo, min=2))
        last = seen[-1]
        assert math.isnan(last.cpu_ratio)
        assert last.requests_rps == pytest.approx(10, rel=0.3)
        assert 64 * 2**20 <= last.memory_bytes < 96 * 2**20
        assert [r.replica for r in last.replicas] == [0, 1]
        one = last.replicas[0]
        assert (one.running, one.ready, one.leaving, one.placed_ns, one.ready_changed_ns) == (True, True, False, 0, 0)
        assert one.cpu is None
        assert one.requests.time_ns == last.time_ns
        assert one.requests.window_ns == 30 * SECOND
        mean = sum(r.requests.value_milli for r in last.replicas) / 2 / 1000
        assert last.requests_rps == pytest.approx(mean, rel=1e-12)
        assert result.decisions["metric"].unique().to_list() == ["requests_per_second"]
        assert result.decisions["value"][-1] == last.requests_rps

    def test_no_more_than_cloudwatch_has_published(self):
        seen = []

        class Watch:
            def decide(self, obs):
                seen.append(obs)
                return 2

        hookean.simulate(scenario(Watch, min=2, platform="fleet", pipeline={"kind": "cloudwatch", "delay": "60s"}))
        known = [obs for obs in seen if obs.samples]
        assert known[0].time_ns == 120 * SECOND, "one period and its delay"
        assert all(obs.sampled_ns == (obs.time_ns // (60 * SECOND) - 1) * 60 * SECOND for obs in known)
        assert all(obs.samples == 1 and 0 < obs.cpu_ratio < 1 for obs in known)

    def test_all_services_at_once_in_read_only_columns(self):
        seen = []

        class WatchAll:
            def begin(self, setup):
                assert setup.services == ("api", "jobs", "web")
                assert setup.period_ns == 15 * SECOND

            def decide_all(self, obs):
                seen.append(obs)
                return [2, 3, 4]

        result = hookean.simulate(scenario(WatchAll, services=("web", "api", "jobs")))
        assert len(seen) == 40
        assert seen[-1].services == ("api", "jobs", "web")
        assert seen[-1].desired.tolist() == [2, 3, 4]
        assert seen[-1].cpu_ratio[0] > seen[-1].cpu_ratio[2]
        for name in ("desired", "cpu_ratio", "min"):
            with pytest.raises(ValueError, match="read-only"):
                getattr(seen[-1], name)[0] = 1
        last = result.decisions.tail(3)
        assert last["service"].to_list() == ["api", "jobs", "web"]
        assert last["desired"].to_list() == [2, 3, 4]

    def test_services_of_other_clocks_or_parameters_have_objects_of_their_own(self):
        groups = []

        class Watch:
            def __init__(self, *, target=1):
                self.target = target

            def begin(self, setup):
                groups.append((self.target, setup.period_ns // SECOND, setup.services))

            def decide_all(self, obs):
                return obs.desired

        base = scenario(Watch, services=("a", "b", "c", "d"))
        own = ({}, {}, {"parameters": {"target": 2}}, {"period": "30s"})
        controllers = [
            each.model_copy(update={"parameters": change.get("parameters", {})})
            if "period" not in change
            else type(each)(
                service=each.service, policy=Watch, max=20, period=hookean.scenario.units.Duration.parse("30s")
            )
            for each, change in zip(base.controllers, own, strict=True)
        ]
        hookean.simulate(base.model_copy(update={"controllers": tuple(controllers)}))
        assert groups == [(1, 15, ("a", "b")), (2, 15, ("c",)), (1, 30, ("d",))]


class TestWhatItReturns:
    @pytest.mark.parametrize(
        "value", [3, 3.0, np.int64(3), np.float64(3), (3, "three"), (np.float32(3), "three")], ids=repr
    )
    def test_a_whole_number_with_or_without_a_reason(self, value):
        result = hookean.simulate(scenario(returning(value), duration="1min"))
        assert result.decisions["desired"].unique().to_list() == [3]
        reason = "three" if isinstance(value, tuple) else f"`{__name__}:returning.<locals>.Returning` wants 3"
        assert result.decisions["reason"].unique().to_list() == [reason]

    @pytest.mark.parametrize("value", [-1, 2.5, math.nan, math.inf, None, "3", True, (3, 4), [3], 2**31, 1j], ids=repr)
    def test_anything_else_is_refused_with_policy_service_and_time(self, value):
        with pytest.raises(PolicyError) as caught:
            hookean.simulate(scenario(returning(value)))
        text = str(caught.value)
        assert f"returned `{value!r}`" in text
        assert "`test_policies_python:returning.<locals>.Returning`" in text.replace(__name__, "test_policies_python")
        assert "service `web` at 0 s" in text
        assert "hint: return a whole number of replicas" in text
        assert caught.value.__cause__ is None

    @pytest.mark.parametrize(
        ("value", "reasons"),
        [
            ([3, 4], [None, None]),
            (np.array([3.0, 4.0]), [None, None]),
            ((np.array([3, 4], dtype=np.uint8), "both"), ["both", "both"]),
            (([3, 4], ["one", None]), ["one", None]),
            ((3, 4), [None, None]),
        ],
        ids=repr,
    )
    def test_an_array_with_or_without_reasons(self, value, reasons):
        result = hookean.simulate(scenario(returning_all(value), services=("a", "b"), duration="1min"))
        assert result.decisions["desired"][:2].to_list() == [3, 4]
        name = f"`{__name__}:returning_all.<locals>.ReturningAll`"
        told = [text or f"{name} wants {count}" for text, count in zip(reasons, (3, 4), strict=True)]
        assert result.decisions["reason"][:2].to_list() == told

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            (None, "returned `None` for 2 services"),
            (3, "returned `3` for 2 services"),
            ([1, 2, 3], "returned an array of shape (3,) for 2 services"),
            ([[1, 2]], "returned an array of shape (1, 2) for 2 services"),
            ([[1], [1, 2]], "which is no array"),
            (["1", "2"], "instead of numbers"),
            ([True, True], "an array of bool instead of numbers"),
            (([1, 2], ["one"]), "returned 1 reasons for 2 services"),
            (([1, 2], [3, None]), "returned reasons that are no text"),
            ([1, -2], "returned `-2` in service `b` at 0 s"),
            ([math.nan, 2], "returned `nan` in service `a` at 0 s"),
            ([1, 2.5], "returned `2.5` in service `b` at 0 s"),
            ([1, 2**40], f"returned `{2**40}` in service `b`"),
        ],
        ids=repr,
    )
    def test_wrong_arrays_are_refused(self, value, said):
        with pytest.raises(PolicyError) as caught:
            hookean.simulate(scenario(returning_all(value), services=("a", "b")))
        assert said in str(caught.value)
        assert "hint: return one whole number, 0 or more, for each service" in str(caught.value)

    def test_bounds_hold_and_say_so(self):
        result = hookean.simulate(scenario(returning((30, "much")), duration="1min"))
        assert result.decisions["desired"].to_list() == [20] * 4
        assert result.decisions["reason"][0] == "much; 30 is outside of `max`, so 20"
        result = hookean.simulate(scenario(returning(0), min=2, duration="1min"))
        assert result.decisions["desired"].to_list() == [2] * 4
        assert result.decisions["reason"][0].endswith("wants 0; 0 is outside of `min`, so 2")

    def test_a_decision_is_recorded_with_what_the_policy_saw(self):
        row = hookean.simulate(scenario(Hold)).decisions.row(-1, named=True)
        inputs = json.loads(row["inputs"])
        assert inputs.keys() == {"current", "ready", "starting", "pending", "draining", "samples", "cpu_ratio"}
        assert row["controller"] == "python"
        assert row["metric"] == "cpu"
        assert row["value"] == pytest.approx(100 * inputs["cpu_ratio"])
        assert json.loads(hookean.simulate(scenario(Hold)).decisions["inputs"][0])["cpu_ratio"] is None


class TestWhenItFails:
    def test_the_run_ends_there_with_its_own_exception_and_a_partial_result(self):
        error = LookupError("no model")

        class Fails:
            def decide(self, obs):
                if obs.time_ns > 100 * SECOND and obs.service == "b":
                    raise error
                return 2

        with pytest.raises(PolicyError) as caught:
            hookean.simulate(scenario(Fails, services=("a", "b", "c")))
        assert caught.value.__cause__ is error
        assert "failed with LookupError: no model in service `b` at 105 s" in str(caught.value)
        partial = caught.value.partial
        assert partial.partial
        assert partial.manifest["simulated_ns"] == 105 * SECOND
        assert partial.decisions["time"].max() == timedelta(seconds=90)
        assert partial.summary["arrivals"].sum() > 0

    def test_one_for_all_services_names_them(self):
        class Fails:
            def decide_all(self, obs):
                obs.desired[0] = 1

        with pytest.raises(PolicyError, match="read-only in services `a`, `b`, `c` and 1 more at 0 s"):
            hookean.simulate(scenario(Fails, services=("a", "b", "c", "d")))

    @pytest.mark.parametrize("method", ["__init__", "begin"])
    def test_one_that_cannot_be_built_says_so(self, method):
        def fail(_self, *_arguments):
            raise OSError("no weights")

        broken = type("Broken", (Hold,), {method: fail})
        with pytest.raises(PolicyError, match="cannot be built: OSError: no weights in service `web`"):
            hookean.simulate(scenario(broken))

    def test_ctrl_c_in_a_policy_keeps_the_partial_result(self):
        class Slow:
            def decide(self, obs):
                if obs.time_ns == 60 * SECOND:
                    threading.Timer(0.05, signal.raise_signal, [signal.SIGINT]).start()
                    while True:
                        pass
                return 2

        with pytest.raises(SimulationInterrupted) as caught:
            hookean.simulate(scenario(Slow))
        assert caught.value.partial.manifest["simulated_ns"] == 60 * SECOND

    def test_system_exit_passes(self):
        class Leaves:
            def decide(self, _obs):
                raise SystemExit(7)

        with pytest.raises(SystemExit):
            hookean.simulate(scenario(Leaves))


class Dice:
    def begin(self, setup):
        self.random = setup.random

    def decide(self, _obs):
        return int(self.random.integers(1, 9))


class TestDeterminism:
    def test_chance_comes_from_a_stream_of_seed_and_service(self):
        def drawn(**changes):
            result = hookean.simulate(scenario(Dice, **changes))
            return {name: rows["desired"].to_list() for (name,), rows in result.decisions.group_by("service")}

        both = drawn(services=("a", "b"))
        assert both == drawn(services=("b", "a"))
        assert both["a"] == drawn(services=("a",))["a"]
        assert both["a"] != both["b"]
        assert both["a"] != drawn(services=("a",), seed=4)["a"]

    def test_threads_and_the_reference_engine_change_nothing(self):
        one = scenario(Dice, services=("a", "b", "c"))
        digests = {hookean.simulate(one, threads=threads).digest for threads in (1, 2)}
        digests.add(hookean.simulate(one.model_copy(update={"engine": "reference"})).digest)
        assert len(digests) == 1

    def test_every_run_begins_with_new_objects(self):
        class Counts:
            def __init__(self):
                self.calls = 0

            def decide(self, _obs):
                self.calls += 1
                return min(self.calls, 20)

        plan = plan_of(scenario(Counts))
        first, second = (hookean.simulation.simulate_plan(plan) for _ in range(2))
        assert first.digest == second.digest
        results = hookean.compare({"one": scenario(Counts), "two": scenario(Counts)})
        assert {result.digest for result in results.values()} == {first.digest}


FILE = """
class Mine:
    def __init__(self, *, target=0.5, window=(1, 2)):
        self.target = target

    def decide(self, obs):
        return {wanted}
"""

SCENARIO = """
seed: 1
workload: {service: web, rate: 5/s, duration: 2min}
services:
  web: {work: 50ms, replica: {cpu: 1, memory: 1Gi}, queue: {discipline: fifo}}
platform: {preset: kubernetes-on-metal, pools: [{name: metal, instance: aws/m5.metal, nodes: 1}]}
controllers: [{kind: python, service: web, policy: "mine:Mine", max: 9}]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(FILE.replace("{wanted}", "2"), encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(SCENARIO, encoding="utf-8")
    return tmp_path


def load(folder, *overrides):
    return hookean.load_scenario(folder / "mine.yaml", overrides)


class TestWhereItIsFound:
    def test_beside_the_scenario_under_its_own_name(self, folder, tmp_path_factory):
        other = tmp_path_factory.mktemp("other")
        (other / "mine.yaml").write_text(SCENARIO, encoding="utf-8")
        (other / "mine.py").write_text(FILE.replace("{wanted}", "7"), encoding="utf-8")
        for place, wanted in ((folder, 2), (other, 7), (folder, 2)):
            result = hookean.simulate(place / "mine.yaml")
            assert result.decisions["desired"].unique().to_list() == [wanted]
            assert result.decisions["reason"][0] == f"`mine:Mine` wants {wanted}"

    def test_the_digest_of_the_plan_covers_source_and_parameters(self, folder):
        plan = plan_of(load(folder))
        assert plan.digest == plan_of(load(folder)).digest
        assert plan.digest != plan_of(load(folder, "controllers.0.parameters={target: 0.6}")).digest
        provenance = {each.path: each for each in plan.provenance}
        config = "controllers.web.python.config"
        assert provenance[f"{config}.policy"].value == "mine:Mine"
        assert len(provenance[f"{config}.source_sha256"].value) == 64
        assert provenance[f"{config}.parameters.defaults"].value == "target 0.5, window [1, 2]"
        (folder / "mine.py").write_text(FILE.replace("{wanted}", "3"), encoding="utf-8")
        changed = plan_of(load(folder))
        assert plan.digest != changed.digest
        assert hookean.simulation.simulate_plan(changed).decisions["desired"].unique().to_list() == [3]
        assert plan.warnings == []

    def test_without_source_the_plan_warns(self):
        scope = {"__name__": "nowhere"}
        exec("class Typed:\n    def decide(self, obs):\n        return 1", scope)  # noqa: S102 - a class without a file
        plan = plan_of(scenario(scope["Typed"]))
        assert any("`nowhere:Typed` has no source that can be read" in each for each in plan.warnings)

    def test_by_the_name_of_the_decorator(self):
        @policy("by-name")
        class ByName(Hold):
            pass

        assert "by-name" in registry.registered()
        hookean.simulate(scenario("by-name"))
        with pytest.raises(ScenarioError, match="did you mean `by-name`"):
            plan_of(scenario("by-nome"))
        with pytest.raises(PolicyError, match="two policies are called `by-name`"):
            policy("by-name")(Dice)

    def test_by_an_entry_point(self, monkeypatch):
        listed = SimpleNamespace(name="installed-hold", value=f"{__name__}:Hold")
        monkeypatch.setattr(registry, "entry_points", lambda group: [listed] if group == "hookean.policies" else [])
        result = hookean.simulate(scenario("installed-hold"))
        assert result.manifest["provenance"]
        assert result.decisions.height == 40

    @pytest.mark.parametrize(
        ("override", "said"),
        [
            ("controllers.0.policy=mine:Main", "the module has no `Main`"),
            ("controllers.0.policy=mein:Mine", "did you mean `mine`?"),
            ("controllers.0.policy='mine:'", "names no policy"),
            ("controllers.0.policy=3", "expected a policy"),
            ("controllers.0.parameters={goal: 1}", "unexpected keyword argument 'goal'"),
            ("controllers.0.min=12", "`min` (12) is above `max` (9)"),
            ("controllers.0.period=0s", "`period` must be longer than 0"),
        ],
    )
    def test_mistakes_in_a_scenario_are_told_with_their_place(self, folder, override, said):
        with pytest.raises(ScenarioError) as caught:
            plan_of(load(folder, override))
        assert said in str(caught.value)
        assert "controllers.0" in str(caught.value)

    def test_a_module_that_fails_shows_why(self, folder):
        (folder / "mine.py").write_text("import numpy\n1 / 0\n", encoding="utf-8")
        with pytest.raises(PolicyError, match="module `mine` cannot be imported: ZeroDivisionError") as caught:
            plan_of(load(folder))
        assert isinstance(caught.value.__cause__, ZeroDivisionError)

    @pytest.mark.parametrize(
        ("metrics", "pipeline", "said"),
        [
            (("memory",), "cloudwatch", "does not measure memory"),
            (("requests",), "ideal", "an instant has no rate"),
        ],
    )
    def test_a_pipeline_must_measure_what_it_reads(self, metrics, pipeline, said):
        reads = policy("reads", metrics=metrics)(type("Reads", (Hold,), {}))
        with pytest.raises(ScenarioError, match=said):
            plan_of(scenario(reads, platform="fleet", pipeline=pipeline))

    @pytest.mark.parametrize(
        ("members", "said"),
        [
            ({}, "none of `decide`, `decide_all` and `decide_nodes`"),
            ({"decide": Hold.decide, "decide_all": Hold.decide}, "both `decide` and `decide_all`"),
        ],
    )
    def test_a_class_must_have_one_method_for_replicas_or_one_for_nodes(self, members, said):
        with pytest.raises(ScenarioError, match=said):
            plan_of(scenario(type("Odd", (), members)))

    def test_parameters_must_fit_into_a_plan(self):
        with pytest.raises(ScenarioError, match="a parameter cannot be part of a plan"):
            PythonPolicy(service="web", policy=Hold, max=3, parameters={"model": object()})


def test_an_observation_can_be_made_up_for_a_test_of_a_policy():
    row = dict.fromkeys(Observation._fields, 1) | {"cpu_ratio": 0.3, "replicas": ()}
    assert Hold().decide(Observation(**row)) == 1
