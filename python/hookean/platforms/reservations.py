"""What a node keeps for itself: the reservation rules of managed Kubernetes, exactly.

Figures come from `data/substrates.toml`, section `reserved`; rules and sources stand there. Arithmetic is rational,
so that a rule that truncates does so at the right place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .substrates import table

if TYPE_CHECKING:
    from decimal import Decimal

    from .catalogue import Instance

MIB = 2**20
GIB = 2**30
MB = 10**6

_ENI_BY_SIZE = {
    "large": "m5.large",
    "xlarge": "m5.xlarge",
    "2xlarge": "m5.2xlarge",
    "4xlarge": "m5.4xlarge",
    "8xlarge": "m7i.8xlarge",
}
_ENI_FAMILIES = ("m5", "m6", "m7", "c5", "c6", "c7", "r5", "r6", "r7")


@dataclass(frozen=True)
class Reserved:
    """What is kept back on a node.

    Attributes:
        cpu_millicores: CPU.
        memory_bytes: Memory, without the eviction threshold.
        eviction_bytes: Memory below which pods are evicted.
    """

    cpu_millicores: Fraction
    memory_bytes: Fraction
    eviction_bytes: int


def _rules(name: str) -> dict[str, Any]:
    rules: dict[str, Any] = table()["reserved"][name]
    return rules


def _fraction(value: Decimal | int) -> Fraction:
    return Fraction(value)


def _bracketed(amount: Fraction, brackets: list[list[Decimal]], *, truncate: bool) -> Fraction:
    """Adds up `rate * amount inside the bracket` over brackets given as (upper end, rate)."""
    total, low = Fraction(0), Fraction(0)
    for upper, rate in brackets:
        high = amount if upper.is_infinite() else min(amount, Fraction(upper))
        if high <= low:
            break
        part = (high - low) * Fraction(rate)
        total += math.floor(part) if truncate else part
        low = high
    return total


def _cpu(cores: int, brackets: list[list[Decimal]], *, truncate: bool) -> Fraction:
    scaled = [[upper, rate * 1000] for upper, rate in brackets]
    return _bracketed(Fraction(cores), scaled, truncate=truncate)


def gke(*, cores: int, memory_bytes: int) -> Reserved:
    """Google Kubernetes Engine."""
    rules = _rules("gke")
    if memory_bytes < _fraction(rules["mem_small_machine_below_gib"]) * GIB:
        memory = Fraction(rules["mem_small_machine_mib"] * MIB)
    else:
        memory = _bracketed(Fraction(memory_bytes, GIB), rules["mem_brackets_gib"], truncate=False) * GIB
    return Reserved(_cpu(cores, rules["cpu_brackets"], truncate=False), memory, rules["eviction_mem_mib"] * MIB)


def eks(*, cores: int, max_pods: int, arm: bool = False) -> Reserved:
    """Amazon Elastic Kubernetes Service; memory grows with the pods a node may have, not with its size."""
    rules = _rules("eks")
    mebibytes = rules["mem_base_mib"] + rules["mem_per_pod_mib"] * max_pods + (rules["arm64_cma_mib"] if arm else 0)
    cpu = _cpu(cores, rules["cpu_brackets"], truncate=True)
    return Reserved(cpu, Fraction(mebibytes * MIB), rules["eviction_mem_mib"] * MIB)


def aks(*, cores: int, memory_bytes: int, max_pods: int) -> Reserved:
    """Azure Kubernetes Service from 1.29 on."""
    rules = _rules("aks")
    by_pods = Fraction((rules["mem_per_pod_mb"] * max_pods + rules["mem_base_mb"]) * MB)
    memory = min(by_pods, _fraction(rules["mem_cap_ratio"]) * memory_bytes)
    return Reserved(_cpu(cores, rules["cpu_brackets"], truncate=False), memory, rules["eviction_mem_mib"] * MIB)


def gce_kernel(*, memory_bytes: int, system: str = "cos") -> Fraction:
    """Memory in bytes that the kernel of a Compute Engine node takes; `system` is `cos` or `ubuntu`."""
    rules = _rules("gce_kernel")
    size = Fraction(memory_bytes)
    total: Fraction = size / rules["ratio"] + rules["base_mib"] * MIB
    if size > _fraction(rules["swiotlb_above_gib"]) * GIB:
        total += rules["swiotlb_mib"] * MIB
    if size <= _fraction(rules["low_mem_max_gib"]) * GIB:
        total += rules["low_mem_offset_mib"] * MIB
    total += min(_fraction(rules["correction_ratio"]) * size, Fraction(rules["correction_max_mib"] * MIB))
    if system == "ubuntu":
        total += rules["ubuntu_offset_mib"] * MIB
    return total


def eks_max_pods(instance_type: str) -> tuple[int, str]:
    """Returns the pods of an EKS node, `ENIs * (addresses per ENI - 1) + 2`, and in words how it was found."""
    rules = _rules("eks")
    family, _, size = instance_type.partition(".")
    key = instance_type if instance_type in rules["eni"] else _ENI_BY_SIZE.get(size, "")
    if key in rules["eni"] and (key == instance_type or family[:2] in _ENI_FAMILIES):
        enis, addresses = rules["eni"][key]
        return enis * (addresses - 1) + 2, f"{enis} ENIs x ({addresses} addresses - 1) + 2: {rules['eni']['src']}"
    return rules["max_pods_fallback"], f"fallback of the EKS node image for unknown types: {rules['src']}"


def default_max_pods(node: Instance) -> tuple[int, str]:
    """Returns the most pods a node may have, and in words which rule says so.

    Bare metal follows the rule of Kubernetes scalability, `min(110, 10 * cores)`: address limits of a cloud network do
    not bind there. Virtual nodes follow the rule of their provider.
    """
    if node.is_metal:
        return min(110, 10 * node.cpu.millicores // 1000), "min(110, 10 x cores): Kubernetes sig-scalability thresholds"
    if node.provider == "aws":
        return eks_max_pods(node.type)
    rules = _rules({"gcp": "gke", "azure": "aks"}[node.provider])
    return rules["max_pods_default"], f"default of the managed service (recalled): {rules['src']}"
