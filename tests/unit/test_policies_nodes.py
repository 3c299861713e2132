"""Policies in Python for pools of nodes, and for replicas and nodes at once."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

import hookean
from hookean import figures
from hookean.errors import PolicyError, ScenarioError
from hookean.policies import NodeObservation, PythonNodePolicy, check_policy, policy, registry
from hookean.report import render_report
from hookean.simulation import plan_of

pytest.importorskip("hookean._core", reason="the native module is not built (`make build` builds it)")

SECOND = 1_000_000_000
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def _names_of_their_own(monkeypatch):
    """Keeps the names that these tests register to themselves."""
    monkeypatch.setattr(registry, "_REGISTERED", {})


def scenario(*controllers, services=("web",), replicas=3, work="50ms", seed=3, **more):
    """Services of one-core replicas on nodes of two cores that start in 40 s."""
    pool = {"name": "general", "cpu": 2, "memory": "8Gi", "price": "0.36 USD/h", "nodes": 1}
    return hookean.Scenario(
        **{
            "seed": seed,
            "workload": [{"service": name, "rate": "10/s", "duration": "5min"} for name in services],
            "services": {
                name: {
                    "work": work,
                    "replica": {"cpu": 1, "memory": "1Gi"},
                    "replicas": replicas,
                    "queue": {"discipline": "fifo"},
                }
                for name in services
            },
            "platform": {
                "kind": "cluster",
                "pools": [pool, {**pool, "name": "spare"}],
                "startup": {"provision": "40s"},
                "reservation": "none",
            },
            "controllers": controllers,
        }
        | more
    )


def of_pool(which, pool="general", **settings):
    return {"kind": "python", "pool": pool, "policy": which, "min": 0, "max": 9} | settings


def of_service(which, service="web", **settings):
    pipeline = {"kind": "ideal", "window": "30s"}
    return {"kind": "python", "service": service, "policy": which, "max": 9, "pipeline": pipeline} | settings


class Two:
    def decide_nodes(self, obs):  # noqa: ARG002
        return 2


class Hold:
    def decide(self, obs):
        return obs.desired


class TestWhatItSees:
    def test_the_pool_its_nodes_and_the_replicas_that_wait(self):
        seen = []

        class Watch:
            def begin(self, setup):
                assert (setup.services, setup.pools, setup.period_ns) == ((), ("general",), 10 * SECOND)

            def decide_nodes(self, obs):
                seen.append(obs)
                return 2 if obs.time_ns < 100 * SECOND else 1

        result = hookean.simulate(scenario(of_pool(Watch), replicas=5))
        first, second = seen[:2]
        assert first == NodeObservation(
            pool="general", time_ns=0, desired=1, ready=1, starting=0, lost=0, leaving=0, replicas=2,
            allocatable_cpu_millicores=2000, allocatable_memory_bytes=2**33, requested_cpu_millicores=2000,
            requested_memory_bytes=2**31, pending=1, pending_cpu_millicores=1000, pending_memory_bytes=2**30,
            pending_longest_ns=0, node_cpu_millicores=2000, node_memory_bytes=2**33, node_replicas=first.node_replicas,
            price_usd_per_hour=0.36, min=0, max=9,
        )  # fmt: skip
        assert (second.desired, second.starting, second.pending_longest_ns) == (2, 1, 10 * SECOND)
        assert (seen[5].ready, seen[5].starting, seen[5].pending, seen[5].replicas) == (2, 0, 0, 3)
        assert len(seen) == 30
        assert all(isinstance(each, int) for obs in seen for each in obs[1:-3])
        with pytest.raises(AttributeError):
            first.desired = 3
        assert result.nodes["ready"].to_list() == [timedelta(0), timedelta(0), timedelta(seconds=40)]

    def test_lost_and_leaving_nodes(self):
        seen = {}

        class Watch:
            def decide_nodes(self, obs):
                seen[obs.time_ns // SECOND] = (obs.ready, obs.starting, obs.lost, obs.leaving)
                return 3 if obs.time_ns < 200 * SECOND else 2

        lost = {"kind": "node_loss", "at": "95s", "node": 2, "repair": "30s"}
        result = hookean.simulate(scenario(of_pool(Watch), faults=[lost], replicas=10, work="10s"))
        assert seen[90] == (3, 0, 0, 0)
        assert seen[100] == (2, 0, 1, 0)
        assert seen[130] == (3, 0, 0, 0)
        assert seen[210] == (2, 0, 0, 1)
        assert result.nodes["drained"].drop_nulls().to_list() == [timedelta(seconds=200)]

    def test_a_stream_of_its_own(self):
        drawn = []

        class Draws:
            def begin(self, setup):
                drawn.append((setup.pools, setup.random.integers(2**62)))

            def decide_nodes(self, obs):
                return obs.desired

        one = scenario(of_pool(Draws), of_pool(Draws, "spare"))
        hookean.simulate(one)
        hookean.simulate(one)
        assert drawn[:2] == drawn[2:]
        assert [pools for pools, _ in drawn[:2]] == [("general",), ("spare",)]
        assert drawn[0][1] != drawn[1][1]


class TestForBoth:
    def test_one_object_decides_for_services_and_then_for_pools(self):
        calls = []

        class Both:
            def __init__(self):
                self.made = len(calls)
                self.wanted = 0

            def begin(self, setup):
                calls.append(("begin", setup.services, setup.pools, setup.period_ns // SECOND))

            def decide(self, obs):
                calls.append((obs.service, obs.time_ns // SECOND, id(self)))
                self.wanted += 1
                return 4

            def decide_nodes(self, obs):
                calls.append((obs.pool, obs.time_ns // SECOND, id(self), obs.pending))
                return self.wanted

        shared = {"share": "both", "period": "30s"}
        result = hookean.simulate(
            scenario(
                of_pool(Both, "spare", **shared),
                of_pool(Both, **shared),
                of_service(Both, "web", **shared),
                of_service(Both, "api", **shared),
                services=("web", "api"),
            )
        )
        assert calls[0] == ("begin", ("api", "web"), ("general", "spare"), 30)
        assert [call[:2] for call in calls[1:9]] == [
            *(("api", 0), ("web", 0), ("general", 0), ("spare", 0)),
            *(("api", 30), ("web", 30), ("general", 30), ("spare", 30)),
        ]
        assert len({call[2] for call in calls[1:]}) == 1
        assert calls[3][3] == 4, "what has just been asked for waits for room"
        wanted = result.decisions.filter(pl.col("pool") == "general")["desired"].to_list()
        assert wanted[:3] == [2, 4, 6]

    def test_decide_all_may_share_too(self):
        made = []

        class Both:
            def __init__(self):
                made.append(self)

            def decide_all(self, obs):
                self.most = obs.desired.max()
                return obs.desired

            def decide_nodes(self, obs):  # noqa: ARG002
                return int(self.most)

        shared = {"share": "all"}
        names = ("api", "web")
        controllers = [*(of_service(Both, name, **shared) for name in names), of_pool(Both, **shared)]
        result = hookean.simulate(scenario(*controllers, services=names))
        assert len(made) == 1
        assert result.decisions.filter(pl.col("pool").is_not_null())["desired"].unique().to_list() == [3]
        other = [of_service(Both, "api", **shared), of_service(Both, "web", period="20s", **shared)]
        with pytest.raises(ScenarioError, match="`web` has another clock"):
            plan_of(scenario(*other, services=names))

    def test_objects_are_apart_without_a_name_to_share(self):
        made = []

        class Both:
            def __init__(self):
                made.append(self)

            def decide(self, obs):
                return obs.desired

            def decide_nodes(self, obs):
                return obs.desired

        hookean.simulate(scenario(of_service(Both), of_pool(Both), of_pool(Both, "spare")))
        assert len(made) == 3

    def test_what_shares_is_the_same(self):
        class Other(Two):
            def __init__(self, *, spare=1):
                self.spare = spare

        for two in (of_pool(Two, "spare", share="x"), of_pool(Other, "spare", share="x", parameters={"spare": 2})):
            with pytest.raises(ScenarioError, match=r"`share: x` is of two policies(.|\n)*controllers\.1\.share"):
                plan_of(scenario(of_pool(Other, share="x"), two))


class TestDecisions:
    def test_they_are_recorded_with_inputs_and_reason(self):
        class Says:
            def decide_nodes(self, obs):
                return (99, "because") if obs.time_ns else 2.0

        result = hookean.simulate(scenario(of_pool(Says, max=4)))
        rows = result.decisions.filter(pl.col("pool") == "general")
        assert rows["service"].null_count() == rows.height == 30
        assert rows["controller"].unique().to_list() == ["python"]
        assert rows["reason"][0].endswith("Says` wants 2")
        assert rows["reason"][1] == "because; 99 is outside of `max`, so 4"
        assert rows.select("current", "desired", "ready").rows()[:2] == [(1, 2, 1), (2, 4, 1)]
        inputs = json.loads(rows["inputs"][1])
        assert (inputs["current"], inputs["ready"], inputs["starting"], inputs["pending"]) == (2, 1, 1, 0)
        [text] = [each for each in result.manifest["controllers"] if each.get("pool") == "general"]
        assert text["text"].endswith("Says, 0 to 4 nodes, every 10 s")

    def test_bought_nodes_are_paid_for_and_counted(self):
        result = hookean.simulate(scenario(of_pool(Two)))
        assert result.series["nodes"].unique().to_list() == [3]
        bought = result.nodes.row(2, named=True)
        assert bought["billed"] == timedelta(minutes=5)
        assert result.summary["cost_usd"].sum() == pytest.approx(3 * 0.36 * 5 / 60)
        assert {check["check"] for check in result.manifest["checks"]} >= {"pools have the nodes that are wanted"}

    @pytest.mark.parametrize("value", [-1, 1.5, None, "2", True, (2, 3), 2**31])
    def test_anything_but_a_count_is_refused(self, value):
        class Odd:
            def decide_nodes(self, obs):
                return 1 if obs.time_ns < 60 * SECOND else value

        with pytest.raises(
            PolicyError, match=r"returned `.*` in pool `general` at 60 s(.|\n)*number of nodes"
        ) as caught:
            hookean.simulate(scenario(of_pool(Odd)))
        assert caught.value.partial.manifest["simulated_ns"] == 60 * SECOND

    def test_a_failure_names_policy_time_and_pool_and_keeps_the_partial_result(self):
        class Breaks:
            def decide_nodes(self, obs):
                return 1 if obs.time_ns < 60 * SECOND else 1 // 0

        with pytest.raises(PolicyError, match="failed with ZeroDivisionError") as caught:
            hookean.simulate(scenario(of_pool(Breaks)))
        assert caught.value.where == "pool `general` at 60 s"
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert caught.value.partial.partial
        assert caught.value.partial.decisions.height == 6

    def test_a_policy_that_cannot_be_built_names_whom_it_is_for(self):
        class Unbuilt(Hold, Two):
            def begin(self, setup):
                raise OSError(str(setup.pools))

        with pytest.raises(PolicyError, match="cannot be built") as caught:
            hookean.simulate(scenario(of_service(Unbuilt, share="x"), of_pool(Unbuilt, share="x")))
        assert caught.value.where == "service `web` and pool `general`"


class TestThePlan:
    @pytest.mark.parametrize(
        ("controllers", "said"),
        [
            ([of_pool(Two, "generel")], r"unknown pool `generel` in controllers\.0\.pool(.|\n)*did you mean `general`"),
            ([of_pool(Two), of_pool(Two)], r"pool `general` has a second policy in controllers\.1\.pool"),
            ([of_pool(Hold)], r"decides for replicas only(.|\n)*method `decide_nodes`"),
            ([of_service(Two)], r"decides for nodes only(.|\n)*give it a `pool`"),
            ([of_pool(Two) | {"service": "web"}], r"a service or a pool, not both(.|\n)*the same `share`"),
            ([{"kind": "python", "policy": Two, "max": 3}], r"needs a `service`, .*, or a `pool`"),
            ([of_pool(Two, parameters={"x": 1})], r"its parameters are none"),
            ([of_pool(Two, min=5, max=2)], r"`min` \(5\) is above `max` \(2\) in controllers\.0\.min"),
            ([of_pool(Two, period="0s")], r"`period` must be longer than 0"),
            ([of_pool(Two, pipeline={"kind": "ideal"})], r"unknown field `pipeline` in controllers\.0\.pipeline"),
            ([of_pool(Two, max=None)], r"controllers\.0\.max"),
        ],
    )
    def test_what_does_not_fit_is_refused_with_place_and_hint(self, controllers, said):
        with pytest.raises(ScenarioError, match=said):
            plan_of(scenario(*controllers))

    def test_a_fleet_has_no_pool_to_scale(self):
        with pytest.raises(
            ScenarioError, match=r"pool `vm` is of a fleet(.|\n)*controllers\.0\.pool|controllers\.0\.pool"
        ):
            scenario(of_pool(Two, "vm"), platform={"preset": "vm-fleet", "pools": [{"name": "vm"}]})

    def test_the_default_pool_of_a_preset_has_a_name(self):
        plan = plan_of(scenario(of_pool(Two, "default"), platform="kubernetes-on-vms"))
        assert plan.document["node_controllers"][0]["pool"] == 0
        assert "0 to 9 x aws/m7i.2xlarge" in plan.descriptions["platform"]

    def test_a_pool_may_begin_without_nodes_if_a_policy_buys_some(self):
        pool = {"name": "general", "cpu": 2, "memory": "8Gi", "price": "0 USD/h", "nodes": 0}
        platform = {"kind": "cluster", "pools": [pool], "startup": {"provision": "40s"}, "reservation": "none"}
        result = hookean.simulate(scenario(of_pool(Two), platform=platform))
        assert result.replicas["ready"].min() == timedelta(seconds=40)
        with pytest.raises(ScenarioError, match="no pool has a node"):
            scenario(platform=platform)

    def test_a_fault_may_name_a_node_that_is_bought_later(self):
        lost = {"kind": "node_loss", "at": "60s", "node": 2, "repair": "30s"}
        result = hookean.simulate(scenario(of_pool(Two), faults=[lost]))
        assert result.faults["node"].to_list() == [2]
        with pytest.raises(ScenarioError, match="the platform has no node 2"):
            plan_of(scenario(faults=[lost]))

    def test_bounds_of_the_pool_itself_have_no_effect_and_say_so(self):
        def bounded(*controllers):
            one = scenario(*controllers)
            pools = [
                one.platform.pools[0].model_copy(update={"nodes": None, "min": 2, "max": 5}),
                one.platform.pools[1],
            ]
            return one.model_copy(update={"platform": one.platform.model_copy(update={"pools": tuple(pools)})})

        plan = plan_of(bounded(of_pool(Two)))
        assert plan.document["platform"]["pools"][0]["nodes"] == 2
        assert any("bounds of pool `general` are those of its policy, 0 and 9" in each for each in plan.warnings)
        assert any("its size stays 2" in each for each in plan_of(bounded()).warnings)

    def test_its_digest_covers_the_policy(self, tmp_path):
        digests = set()
        for body in ("1", "2", "2"):
            (tmp_path / "mine.py").write_text(f"class Mine:\n    def decide_nodes(self, obs):\n        return {body}\n")
            one = scenario(of_pool("mine:Mine"))
            digests.add(hookean.plan.resolve(one, tmp_path).digest)
        assert len(digests) == 2
        parameters = {plan_of(scenario(of_pool(Spare, parameters={"spare": n}))).digest for n in (1, 2)}
        assert len(parameters) == 2

    def test_every_parameter_has_provenance(self):
        paths = {each.path: each for each in plan_of(scenario(of_pool(Two))).provenance}
        assert paths["node_controllers.general.python.config.max"].status == "user"
        assert paths["node_controllers.general.python.period"].status == "assumed"

    def test_results_do_not_depend_on_threads_engine_or_order_in_the_file(self):
        given = [of_pool(Two, "spare"), of_pool(Spare), of_service(Hold)]
        lost = {"kind": "node_loss", "between": {"distribution": "exponential", "mean": "2min"}, "repair": "30s"}
        one = scenario(*given, faults=[lost])
        digests = {hookean.simulate(one, threads=threads).digest for threads in (1, 2)}
        digests.add(hookean.simulate(one.model_copy(update={"engine": "reference"})).digest)
        digests.add(hookean.simulate(scenario(*reversed(given), faults=[lost])).digest)
        assert len(digests) == 1


class TestTheReport:
    def test_nodes_over_time_and_what_changed_them(self):
        class UpAndDown:
            def decide_nodes(self, obs):
                return (2, "more & more") if 60 <= obs.time_ns // SECOND < 180 else 1

        result = hookean.simulate(scenario(of_pool(UpAndDown), record={"series": "20s"}))
        table = figures.nodes_table({"one": result})
        rows = {int(time.total_seconds()): each for time, *each in table.select("time", "paid", "ready").iter_rows()}
        assert [rows[at] for at in (40, 60, 80)] == [[2, 2], [3, 2], [3, 2]], "bought, and not ready yet"
        assert [rows[at] for at in (100, 160)] == [[3, 3], [3, 3]]
        assert [rows[at] for at in (200, 300)] == [[2, 2], [2, 2]]
        figure = figures.nodes_figure({"one": result})
        drawn = [trace for trace in figure.data if trace.showlegend is False]
        assert [trace.name for trace in drawn] == ["paid for", "ready"]
        assert list(drawn[1].y) == table["ready"].to_list()
        page = render_report({"one": result})
        assert '<figure id="nodes">' in page
        assert "more &amp; more" in page
        assert "Decisions that changed a pool: one 2" in page
        assert "python on pool general: " in page

    def test_without_a_policy_for_nodes_there_is_nothing_to_show(self):
        assert '<figure id="nodes">' not in render_report({"one": hookean.simulate(scenario(of_service(Hold)))})


class Spare:
    def __init__(self, *, spare=1):
        self.spare = spare

    def decide_nodes(self, obs):
        cpu = obs.requested_cpu_millicores + obs.pending_cpu_millicores
        return -(-cpu // obs.node_cpu_millicores) + self.spare * (obs.time_ns // SECOND // 60 % 2)


def test_the_example_keeps_the_contract_and_pays_less_than_a_fixed_pool():
    assert check_policy("node_policy:HeadRoom", folder=EXAMPLES) == []
    scaled, fixed = (hookean.simulate(EXAMPLES / f"{name}.yaml").summary for name in ("node-policy", "flash-crowd"))
    assert scaled["arrivals"].item() == fixed["arrivals"].item()
    assert scaled["cost_usd"].item() < 0.5 * fixed["cost_usd"].item()


@pytest.mark.parametrize(
    ("body", "rule", "said"),
    [
        ("return -1", "returns", "returned `-1` in pool `nodes`"),
        ("return obs.nothing", "returns", "no attribute 'nothing'"),
        ("return obs.pending_cpu_millicores // obs.ready", "returns", "ZeroDivisionError"),
        ("import random; return random.randrange(9)", "deterministic", "setup.random"),
        ("Mine.count += 1; return Mine.count", "separate runs", "the same observations led to"),
    ],
)
def test_check_policy_finds_what_is_wrong_with_a_policy_for_nodes(body, rule, said):
    found = {}
    exec(f"class Mine:\n    count = 0\n    def decide_nodes(self, obs):\n        {body}", found)  # noqa: S102
    [violation] = check_policy(found["Mine"], ticks=40)
    assert violation.rule == rule
    assert said in violation.detail


def test_a_policy_for_both_is_checked_as_one_object():
    @policy("both")
    class Both:
        wanted = 1

        def decide(self, obs):
            self.wanted = max(self.wanted, min(obs.desired, 40))
            return obs.desired

        def decide_nodes(self, obs):  # noqa: ARG002
            return self.wanted

    assert check_policy(Both) == []
    assert registry.describe(Both).for_replicas
    assert registry.describe(Both).for_nodes


def test_it_can_be_written_in_python():
    entry = PythonNodePolicy(pool="general", policy=Two, max=3)
    assert scenario(entry).node_policies == ((0, entry),)
