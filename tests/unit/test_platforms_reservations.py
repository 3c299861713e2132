import pytest

from hookean.platforms.catalogue import instance
from hookean.platforms.reservations import GIB, MB, MIB, aks, default_max_pods, eks, eks_max_pods, gce_kernel, gke
from hookean.platforms.substrates import table

VECTORS = table()["test_vector"]


def vectors(formula):
    found = [vector for vector in VECTORS if vector["formula"] == formula]
    assert found
    return found


@pytest.mark.parametrize("vector", vectors("gke"), ids=lambda vector: f"{vector['cores']} cores")
def test_gke_reservation(vector):
    reserved = gke(cores=vector["cores"], memory_bytes=vector["mem_gib"] * GIB)
    assert reserved.cpu_millicores == vector["reserved_cpu_m"]
    assert float(reserved.memory_bytes / GIB) == pytest.approx(float(vector["reserved_mem_gib"]), abs=1e-3)
    assert reserved.eviction_bytes == vector["eviction_mib"] * MIB
    left = vector["mem_gib"] * GIB - reserved.memory_bytes - reserved.eviction_bytes
    assert float(left / GIB) == pytest.approx(float(vector["allocatable_mem_gib"]), abs=1e-3)


@pytest.mark.parametrize("vector", vectors("eks"), ids=lambda vector: f"{vector['cores']} cores")
def test_eks_reservation_is_exact(vector):
    reserved = eks(cores=vector["cores"], max_pods=vector["max_pods"])
    assert reserved.cpu_millicores == vector["reserved_cpu_m"]
    assert reserved.memory_bytes == vector["reserved_mem_mib"] * MIB
    assert reserved.eviction_bytes == vector["eviction_mib"] * MIB


@pytest.mark.parametrize("vector", vectors("aks"), ids=lambda vector: f"{vector['cores']} cores")
def test_aks_reservation(vector):
    reserved = aks(cores=vector["cores"], memory_bytes=vector["mem_gb"] * 1000 * MB, max_pods=vector["max_pods"])
    assert reserved.cpu_millicores == vector["reserved_cpu_m"]
    assert reserved.memory_bytes == vector["reserved_mem_mb"] * MB


@pytest.mark.parametrize("vector", vectors("gce_kernel"), ids=lambda vector: f"{vector['mem_gib']} GiB {vector['os']}")
def test_gce_kernel_memory(vector):
    size = gce_kernel(memory_bytes=vector["mem_gib"] * GIB, system=vector["os"])
    assert float(size / MIB) == pytest.approx(float(vector["reserved_mib"]), abs=1e-3)


@pytest.mark.parametrize(
    ("cores", "millicores"), [(1, 60), (2, 100), (4, 140), (8, 180), (16, 260), (32, 420), (64, 740)]
)
def test_aks_cpu_table_of_the_documentation(cores, millicores):
    assert aks(cores=cores, memory_bytes=256 * GIB, max_pods=30).cpu_millicores == millicores


def test_eks_truncates_cpu_in_each_bracket():
    assert eks(cores=5, max_pods=10).cpu_millicores == 82
    assert gke(cores=5, memory_bytes=8 * GIB).cpu_millicores == 82.5


def test_eks_keeps_more_on_arm():
    assert eks(cores=2, max_pods=29, arm=True).memory_bytes == eks(cores=2, max_pods=29).memory_bytes + 64 * MIB


def test_small_gke_machine_keeps_a_fixed_amount():
    assert gke(cores=1, memory_bytes=GIB - 1).memory_bytes == 255 * MIB


def test_aks_memory_is_capped_at_a_quarter():
    assert aks(cores=2, memory_bytes=2000 * MB, max_pods=250).memory_bytes == 500 * MB


@pytest.mark.parametrize(
    ("kind", "pods"),
    [
        ("t3.micro", 4),
        ("t3.medium", 17),
        ("t3.large", 35),
        ("m5.large", 29),
        ("r6i.xlarge", 58),
        ("m5.2xlarge", 58),
        ("m5.4xlarge", 234),
        ("m7i.8xlarge", 234),
        ("m5.metal", 737),
        ("x9.large", 110),
        ("m5.24xlarge", 110),
    ],
)
def test_eks_pods_follow_from_network_addresses(kind, pods):
    assert eks_max_pods(kind)[0] == pods


@pytest.mark.parametrize(
    ("name", "pods"),
    [("aws/m5.metal", 110), ("aws/m7i.2xlarge", 58), ("gcp/n2-standard-4", 110), ("azure/Standard_D4s_v5", 30)],
)
def test_pods_of_a_node_by_provider(name, pods):
    assert default_max_pods(instance(name))[0] == pods
