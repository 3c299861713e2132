import pytest
from scenario_examples import load

from hookean.errors import ScenarioError
from hookean.plan import resolve
from hookean.platforms import PRESETS, Platform, Pool, instances, preset
from hookean.platforms.model import PresetName
from hookean.platforms.reservations import GIB, MIB
from hookean.platforms.substrates import figure, stage
from hookean.scenario import Replica, Scenario, Service, Workload

SECOND = 10**9


def planned(platform, **service):
    fields = {"work": "40ms", "replica": Replica(cpu=1, memory="512Mi")} | service
    scenario = Scenario(
        seed=1,
        services={"web": Service(**fields)},
        workload=[Workload(service="web", rate="8/s", duration="1h")],
        platform=platform,
    )
    return resolve(scenario)


def pool_of(plan):
    return plan.document["platform"]["pools"][0]


def stages(entries):
    return {entry["stage"]: entry["duration"] for entry in entries}


def sourced(plan, path):
    return next(entry for entry in plan.provenance if entry.path == path)


def test_every_preset_is_in_the_table_and_the_schema():
    assert PresetName.__args__ == PRESETS
    for name in PRESETS:
        assert preset(name).summary.endswith(".")


def test_vm_fleet():
    plan = planned("vm-fleet")
    pool = pool_of(plan)
    assert plan.document["platform"].keys() == {"kind", "preset", "pools"}
    assert plan.document["platform"]["kind"] == "fleet"
    assert (pool["instance"], pool["nodes"], pool["max_replicas"]) == ("aws/m7i.large", 0, 1)
    assert pool["speed_ratio"] == 0.97
    assert pool["allocatable_cpu_millicores"] == pool["cpu_millicores"] == 2000
    assert pool["allocatable_memory_bytes"] == 8 * GIB - 615 * MIB - 350 * MIB
    assert pool["billing"] == {"nanousd_per_hour": 100_800_000, "granularity_ns": SECOND, "minimum_ns": 60 * SECOND}
    provision = stages(pool["startup"])["provision"]
    assert provision == {"distribution": "lognormal", "median_ns": 23_564_162_035, "sigma": 0.2}
    assert stages(plan.document["services"][0]["startup"]).keys() == {"init"}
    assert sourced(plan, "platform.pools.default.startup.provision.duration").status == "assumed"


def test_kubernetes_on_metal():
    plan = planned("kubernetes-on-metal")
    pool = pool_of(plan)
    assert (pool["instance"], pool["nodes"], pool["speed_ratio"]) == ("aws/m5.metal", 1, 1.0)
    assert pool["max_replicas"] == 110
    assert pool["allocatable_cpu_millicores"] == 96_000 - 310 - 250
    assert pool["allocatable_memory_bytes"] == 384 * GIB - (255 + 11 * 110 + 100 + 400) * MIB


def test_kubernetes_on_vms():
    plan = planned("kubernetes-on-vms")
    pool = pool_of(plan)
    assert (pool["instance"], pool["nodes"], pool["speed_ratio"]) == ("aws/m7i.2xlarge", 8, 0.97)
    assert pool["max_replicas"] == 58
    assert pool["allocatable_cpu_millicores"] == 8000 - 90 - 250
    assert pool["allocatable_memory_bytes"] == 32 * GIB - (2458 + 893 + 100 + 400) * MIB
    assert stages(plan.document["services"][0]["startup"]) == {
        "create": {"distribution": "lognormal", "median_ns": SECOND, "sigma": 0.691845},
        "init": {"distribution": "constant", "value_ns": 0},
    }
    assert plan.document["platform"]["pull"] == {
        "node_bytes_per_s": 125e6,
        "registry_bytes_per_s": 100e6,
        "unpack_bytes_per_s": 75e6,
        "compression_ratio": 2.6,
        "layers": 8,
        "rtt_ns": 30_000_000,
        "serialized": True,
    }
    allocatable = sourced(plan, "platform.pools.default.allocatable_cpu")
    assert (allocatable.value, allocatable.status) == ("7.66 cores", "assumed")
    assert allocatable.source == "8 cores less EKS reservation 90 m (documented), daemons 250 m (assumed)"


@pytest.mark.parametrize("name", sorted(instances()))
def test_every_instance_makes_a_node_or_says_that_nothing_is_left(name):
    platform = Platform(preset="kubernetes-on-vms", pools=[Pool(name="a", instance=name)])
    try:
        pool = pool_of(planned(platform, replica=Replica(cpu="10m", memory="10Mi")))
    except ScenarioError as error:
        assert "nothing of a node is left" in error.message  # noqa: PT017 (both ends are right; small machines have nothing to give)
        assert instances()[name].memory.bytes <= 2 * GIB
    else:
        assert 0 < pool["allocatable_cpu_millicores"] < pool["cpu_millicores"]
        assert 0 < pool["allocatable_memory_bytes"] < pool["memory_bytes"]
        assert pool["billing"]["nanousd_per_hour"] > 0


def test_catalogue_prices_are_exact():
    assert instances()["aws/m5.metal"].price.nanousd_per_hour == 4_608_000_000
    assert instances()["gcp/e2-micro"].price.nanousd_per_hour == 8_380_000


def test_gke_nodes_lose_the_kernel_instead_of_a_hypervisor_share():
    pool = Pool(name="a", instance="gcp/n2-standard-4", nodes=1)
    source = sourced(
        planned(Platform(preset="kubernetes-on-vms", pools=[pool])), "platform.pools.a.allocatable_memory"
    ).source
    assert "GCE kernel" in source
    assert "hypervisor" not in source


def test_instant_startup_leaves_only_what_the_service_says():
    platform = {
        "kind": "cluster",
        "startup": "instant",
        "pools": [{"name": "n", "cpu": 64, "memory": "256Gi", "price": "0 USD/h", "nodes": 1}],
    }
    plan = planned(platform)
    pool = pool_of(plan)
    assert pool["startup"] == []
    assert plan.document["platform"]["pull"] is None
    assert plan.document["services"][0]["startup"] == []
    assert pool["allocatable_cpu_millicores"] == 64_000
    assert pool["allocatable_memory_bytes"] == 256 * GIB
    assert pool["speed_ratio"] == 1.0
    own = planned(platform, startup={"init": "2s"})
    assert stages(own.document["services"][0]["startup"]) == {
        "init": {"distribution": "constant", "value_ns": 2 * SECOND}
    }


def test_stages_can_be_replaced_one_by_one():
    platform = Platform(preset="kubernetes-on-vms", startup={"create": "3s", "boot": "4s"}, pull={"layers": 3})
    plan = planned(platform, startup={"init": "5s"})
    assert stages(pool_of(plan)["startup"]).keys() == {"provision", "boot"}
    assert stages(plan.document["services"][0]["startup"]) == {
        "create": {"distribution": "constant", "value_ns": 3 * SECOND},
        "init": {"distribution": "constant", "value_ns": 5 * SECOND},
    }
    assert plan.document["platform"]["pull"]["layers"] == 3
    assert sourced(plan, "platform.pull.layers").status == "user"
    assert sourced(plan, "platform.pull.rtt").status == "assumed"


def test_replica_of_a_fleet_is_the_whole_machine_unless_said():
    whole = planned("vm-fleet", replica=Replica()).document["services"][0]["replica"]
    assert (whole["cpu_millicores"], whole["memory_bytes"]) == (2000, 8 * GIB - 965 * MIB)
    partial = planned("vm-fleet")
    assert partial.document["services"][0]["replica"]["cpu_millicores"] == 1000
    assert any("paid as a whole" in text for text in partial.warnings)


@pytest.mark.parametrize(
    ("platform", "replica", "message"),
    [
        ("kubernetes-on-vms", Replica(cpu=8, memory="1Gi"), "a replica of 8 cores and 1 GiB fits no node: `aws/m7i.2xlarge` offers 7.66 cores and 28.24 GiB of its 8 cores and 32 GiB"),
        ("kubernetes-on-vms", Replica(cpu=1, memory="30Gi"), "a replica of 1 core and 30 GiB fits no node"),
        ("vm-fleet", Replica(cpu=3), "fits no node: `aws/m7i.large` offers 2 cores"),
        ("kubernetes-on-vms", Replica(cpu=1), "`memory` of the replica is missing"),
        ("kubernetes-on-metal", Replica(memory="1Gi"), "`cpu` of the replica is missing"),
    ],
)  # fmt: skip
def test_replica_that_fits_no_node_is_refused(platform, replica, message):
    with pytest.raises(ScenarioError) as caught:
        planned(platform, replica=replica)
    assert message in caught.value.message
    assert caught.value.where.startswith("services.web.replica")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("fields", "message", "path"),
    [
        ({"preset": "vm-fleet", "kind": "fleet"}, "needs a `preset`, or a `kind`", ""),
        ({"kind": "cluster", "startup": "instant"}, "needs `pools`", "pools"),
        ({"kind": "cluster", "pools": [{"name": "a", "instance": "aws/m5.large"}]}, "needs its `startup`", "startup"),
        ({"kind": "cluster", "startup": "instant", "pools": [{"name": "a"}]}, "an `instance`, or `cpu`", "pools.0"),
        ({"preset": "vm-fleet", "pools": []}, "at least 1 entry", "pools"),
        ({"preset": "vm-fleet", "pools": [{"name": "a"}, {"name": "b"}]}, "buys from one pool", "pools.1"),
        ({"preset": "vm-fleet", "pools": [{"name": "a", "nodes": 3}]}, "no fixed nodes", "pools.0.nodes"),
        ({"preset": "vm-fleet", "pools": [{"name": "a", "max_replicas": 3}]}, "is one replica", "pools.0.max_replicas"),
        ({"preset": "vm-fleet", "pull": "none"}, "`pull` has no effect", "pull"),
        ({"preset": "kubernetes-on-vms", "pools": [{"name": "a"}, {"name": "a"}]}, "two pools are named `a`", "pools.1.name"),
        ({"preset": "kubernetes-on-vms", "pools": [{"name": "a", "instance": "aws/m7i.huge"}]}, "unknown instance `aws/m7i.huge`", "pools.0"),
        ({"preset": "kubernetes-on-vms", "pools": [{"name": "a", "instance": "aws/m5.large", "cpu": 2}]}, "`cpu` is given by the `instance`", "pools.0.cpu"),
        ({"preset": "kubernetes-on-vms", "pools": [{"name": "a", "cpu": 2}]}, "needs `cpu` and `memory`", "pools.0.cpu"),
        ({"preset": "kubernetes-on-vms", "pools": [{"name": "a", "cpu": 2, "memory": "8Gi"}]}, "needs a `price`", "pools.0"),
        ({"preset": "kubernetes-on-vms", "pools": [{"name": "a", "min": 3, "max": 2}]}, "`min` (3) is above `max` (2)", "pools.0.min"),
        ({"preset": "kubernetes-on-vms", "speed_ratio": 0}, "expected a number above 0", "speed_ratio"),
        ({"preset": "kubernetes-on-vms", "memory_overhead": 1}, "expected a number below 1", "memory_overhead"),
        ({"preset": "kubernetes-on-vms", "billing": {"granularity": "0s"}}, "longer than 0", "billing.granularity"),
    ],
)  # fmt: skip
def test_platform_that_makes_no_sense_is_refused(fields, message, path):
    with pytest.raises(ScenarioError) as caught:
        Platform(**fields)
    assert message in caught.value.message
    assert caught.value.where == path


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ({"cpu": 2, "memory": "8Gi", "price": "1 USD/h"}, "no provider says what a node of an own kind reserves"),
        ({"instance": "aws/m5.large", "allocatable_cpu": 3}, "`allocatable_cpu` (3 cores) is above what the node has"),
        (
            {"instance": "aws/t3.micro", "max_replicas": 200},
            "nothing of a node is left for replicas: 1 GiB - hypervisor",
        ),
    ],
)
def test_pool_that_cannot_be_resolved_is_refused_with_its_place(tmp_path, pool, message):
    written = ", ".join(f"{key}: {value}" for key, value in pool.items())
    scenario = load(tmp_path, overrides=(f"platform.pools=[{{name: a, {written}}}]",))
    with pytest.raises(ScenarioError) as caught:
        resolve(scenario)
    assert message in caught.value.message
    assert caught.value.where.startswith("override `platform.pools=")


def test_own_kind_of_node_under_a_preset_names_its_rule():
    pool = Pool(name="a", cpu=2, memory="8Gi", price="1 USD/h", nodes=1)
    plan = planned(Platform(preset="kubernetes-on-metal", pools=[pool], reservation="none"))
    assert pool_of(plan)["allocatable_cpu_millicores"] == 1750


def test_pool_bounds_without_a_node_controller_are_told():
    plan = planned(Platform(preset="kubernetes-on-vms", pools=[Pool(name="a", min=2, max=9)]))
    assert pool_of(plan)["nodes"] == 2
    assert plan.warnings == ["no controller scales the nodes of pool `a`: its size stays 2"]


def test_figures_without_a_single_status_need_one():
    assert figure("overhead.cpu.container", status="assumed").status == "assumed"
    with pytest.raises(LookupError, match="status"):
        figure("overhead.cpu.container")
    with pytest.raises(LookupError, match="no figure"):
        figure("overhead.cpu.contaner")
    with pytest.raises(LookupError, match="no lognormal"):
        stage({"key": "startup.node.gke_new_node_pool_extra"})
