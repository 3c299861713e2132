"""What a node is, and what it leaves for replicas after hypervisor, guest system, reservations and daemons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, cast

from hookean.platforms import reservations
from hookean.platforms.catalogue import Instance, instance
from hookean.platforms.substrates import Figure, figure
from hookean.scenario.fields import FieldError, Status
from hookean.scenario.provenance import Known
from hookean.scenario.units import Cpu, Memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookean.platforms.model import Platform, Pool
    from hookean.platforms.presets import Preset

MIB = 2**20
_RULES = {"aws": "eks", "gcp": "gke", "azure": "aks"}
_TRUST: tuple[Status, ...] = ("assumed", "recalled", "fitted", "documented", "measured", "user")


@dataclass(frozen=True)
class Node:
    """A node of a pool, each figure with its provenance and in base units.

    Attributes:
        instance: Instance type, or `own`.
        provider: Provider of the instance type; empty for an own kind.
        cpu: Millicores.
        memory: Bytes.
        allocatable_cpu: Millicores left for replicas.
        allocatable_memory: Bytes left for replicas.
        max_replicas: Most replicas on the node.
        price: Nano-USD per hour.
    """

    instance: str
    provider: str
    cpu: Known
    memory: Known
    allocatable_cpu: Known
    allocatable_memory: Known
    max_replicas: Known
    price: Known


@dataclass(frozen=True)
class _Taken:
    """Something that a node loses before replicas come."""

    what: str
    cpu: Fraction
    memory: Fraction
    status: Status


def memory_text(size: int) -> str:
    """Writes bytes in GiB, rounded; exact figures stand in the plan itself."""
    return f"{size / 2**30:.4g} GiB"


def node_of(pool: Pool, index: int, *, platform: Platform, base: Preset | None) -> Node:
    """Resolves a pool to its node.

    Raises:
        FieldError: Nothing is left for replicas, or more than there is is said to be left.
    """
    name = pool.instance or (base.data["instance"] if base is not None and pool.cpu is None else None)
    kind = instance(name) if name else None
    cpu, memory = _sizes(pool, kind)
    pods = (
        Known(1, "1", "documented", "a machine of a fleet is one replica")
        if platform.is_fleet
        else _most_replicas(pool, kind)
    )
    setting = _Setting(platform, base, kind, cpu.value // 1000, memory.value, pods.value, index)
    taken = [*_hypervisor(setting), *_guest(setting), *_reserved(setting), *_daemons(setting)]
    return Node(
        instance=kind.name if kind else "own",
        provider=kind.provider if kind else "",
        cpu=cpu,
        memory=memory,
        allocatable_cpu=_left("cpu", size=cpu, taken=taken, pool=pool, index=index),
        allocatable_memory=_left("memory", size=memory, taken=taken, pool=pool, index=index),
        max_replicas=pods,
        price=_price(pool, kind),
    )


@dataclass(frozen=True)
class _Setting:
    """What the deductions depend on."""

    platform: Platform
    base: Preset | None
    kind: Instance | None
    cores: int
    memory_bytes: int
    pods: int
    index: int

    def preset_figure(self, name: str) -> Figure | None:
        """Returns the figure that the preset refers to under a name."""
        reference = self.base.data.get(name) if self.base is not None else None
        return figure(reference["key"], status=reference.get("status")) if reference else None

    def rule(self) -> str:
        """Returns the name of the reservation rule: `eks`, `gke`, `aks` or `none`."""
        rule = self.platform.reservation or (self.base.data["reservation"] if self.base is not None else "none")
        if rule != "auto":
            return str(rule)
        if self.kind is None:
            raise FieldError(
                "no provider says what a node of an own kind reserves",
                hint="set `reservation` of the platform to `eks`, `gke`, `aks` or `none`",
                at=["pools", self.index],
            )
        return _RULES[self.kind.provider]


def _sizes(pool: Pool, kind: Instance | None) -> tuple[Known, Known]:
    if kind is not None:
        sizes, status, source = (kind.cpu, kind.memory), "documented", kind.source
    elif pool.cpu is not None and pool.memory is not None:
        sizes, status, source = (pool.cpu, pool.memory), "user", "scenario"
    else:
        raise LookupError("a pool without size passed validation")
    cpu = Known(sizes[0].millicores, sizes[0], cast("Status", status), source)
    return cpu, Known(sizes[1].bytes, sizes[1], cast("Status", status), source)


def _price(pool: Pool, kind: Instance | None) -> Known:
    if pool.price is not None:
        return Known(pool.price.nanousd_per_hour, pool.price, "user", "scenario")
    if kind is None:
        raise LookupError("a pool without price passed validation")
    return Known(kind.price.nanousd_per_hour, kind.price, "documented", kind.source)


def _most_replicas(pool: Pool, kind: Instance | None) -> Known:
    if pool.max_replicas is not None:
        return Known(pool.max_replicas, pool.max_replicas, "user", "scenario")
    if kind is None:
        return Known(110, "110", "documented", "default of the kubelet: Kubernetes pkg/kubelet")
    count, rule = reservations.default_max_pods(kind)
    return Known(count, count, "recalled" if "recalled" in rule else "documented", rule)


def _hypervisor(setting: _Setting) -> Iterator[_Taken]:
    """Share of a virtual machine's memory that never reaches the guest; the kernel formula stands for it on GKE."""
    own = setting.platform.memory_overhead
    found = setting.preset_figure("memory_overhead")
    if own is not None:
        ratio = Fraction(repr(own))
        status: Status = "user"
    elif found is not None and not (setting.kind and setting.kind.is_metal) and setting.rule() != "gke":
        ratio, status = Fraction(found.value), found.status
    else:
        return
    size = math.ceil(ratio * setting.memory_bytes / MIB) * MIB
    yield _Taken(f"hypervisor {float(ratio * 100):g} %", Fraction(0), Fraction(size), status)


def _guest(setting: _Setting) -> Iterator[_Taken]:
    found = setting.preset_figure("guest_memory_mib")
    if found is not None:
        yield _Taken("guest system", Fraction(0), Fraction(found.value * MIB), found.status)


def _reserved(setting: _Setting) -> Iterator[_Taken]:
    rule = setting.rule()
    if rule == "none":
        return
    if rule == "eks":
        arm = bool(setting.kind and setting.kind.is_arm)
        reserved = reservations.eks(cores=setting.cores, max_pods=setting.pods, arm=arm)
    elif rule == "gke":
        reserved = reservations.gke(cores=setting.cores, memory_bytes=setting.memory_bytes)
        kernel = reservations.gce_kernel(memory_bytes=setting.memory_bytes)
        yield _Taken("GCE kernel", Fraction(0), kernel, "documented")
    else:
        reserved = reservations.aks(cores=setting.cores, memory_bytes=setting.memory_bytes, max_pods=setting.pods)
    yield _Taken(f"{rule.upper()} reservation", reserved.cpu_millicores, reserved.memory_bytes, "documented")
    yield _Taken("eviction threshold", Fraction(0), Fraction(reserved.eviction_bytes), "documented")


def _daemons(setting: _Setting) -> Iterator[_Taken]:
    own = setting.platform.daemons
    if own is not None:
        yield _Taken("daemons", Fraction(own.cpu.millicores), Fraction(own.memory.bytes), "user")
        return
    cpu, memory = setting.preset_figure("daemon_cpu_m"), setting.preset_figure("daemon_memory_mib")
    if cpu is not None and memory is not None:
        yield _Taken("daemons", Fraction(cpu.value), Fraction(memory.value * MIB), cpu.status)


def _left(name: Literal["cpu", "memory"], *, size: Known, taken: list[_Taken], pool: Pool, index: int) -> Known:
    """What remains of a size; rounded down, since a node offers whole millicores and bytes."""
    own: Cpu | Memory | None = getattr(pool, f"allocatable_{name}")
    at: list[str | int] = ["pools", index, f"allocatable_{name}"]
    if own is not None:
        if own.base > size.value:
            raise FieldError(f"`{at[-1]}` ({own}) is above what the node has ({size.text})", at=at)
        return Known(own.base, own, "user", "scenario")
    parts = [each for each in taken if getattr(each, name)]
    left = math.floor(size.value - sum((getattr(each, name) for each in parts), Fraction(0))) if parts else size.value
    if left <= 0:
        what = " - ".join([size.text, *(each.what for each in parts)])
        raise FieldError(f"nothing of a node is left for replicas: {what}", hint="take a larger node", at=at[:2])
    if not parts:
        return Known(left, size.shown, size.status, size.source)
    shown = [f"{each.what} {_amount(name, getattr(each, name))} ({each.status})" for each in parts]
    weakest = min([size.status, *(each.status for each in parts)], key=_TRUST.index)
    text = str(Cpu(left)) if name == "cpu" else memory_text(left)
    return Known(left, text, weakest, f"{size.text} less {', '.join(shown)}")


def _amount(name: str, amount: Fraction) -> str:
    return f"{float(amount):g} m" if name == "cpu" else f"{float(amount / MIB):.6g} MiB"
