"""Platforms as a scenario writes them: a preset with changes, or an own platform."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from hookean.scenario.distribution import Distribution
from hookean.scenario.fields import (
    Count,
    FieldError,
    Flag,
    LessThanOne,
    Model,
    Name,
    Origin,
    Positive,
    PositiveCount,
    Share,
)
from hookean.scenario.units import Bandwidth, Cpu, Duration, Memory, Price

from .catalogue import instance
from .presets import preset

DEFAULT_POOL = "default"
"""Name of the pool of a preset that is given none."""

PresetName = Literal["vm-fleet", "kubernetes-on-metal", "kubernetes-on-vms"]


class Pool(Model):
    """A pool of equal nodes: of an instance type, or with sizes of its own."""

    name: Name
    """Name of the pool."""
    instance: str | None = None
    """Instance type, `provider/type`. Default: that of the preset."""
    cpu: Cpu | None = None
    """CPU of a node of an own kind."""
    memory: Memory | None = None
    """Memory of a node of an own kind."""
    price: Price | None = None
    """Price of a node. Default: on-demand price of the instance type."""
    nodes: Count | None = None
    """Nodes at the beginning; to the end too, unless a policy scales the pool. Default: `min`, else of the preset."""
    min: Count | None = None
    """Nodes at the beginning when `nodes` is not given. The bounds of a policy that scales the pool are its own."""
    max: PositiveCount | None = None
    """Without effect but for checks. The bounds of a policy that scales the pool are its own."""
    max_replicas: PositiveCount | None = None
    """Most replicas on a node. Default: by the rule of the provider."""
    owned: Flag | None = None
    """Whether its nodes are machines of one's own: one that is lost is still paid for and comes back as itself, while a
    cloud ends the bill and another takes its place. Default: yes for a node of an own kind and for bare metal."""
    allocatable_cpu: Cpu | None = None
    """CPU left for replicas. Default: by the reservation rule."""
    allocatable_memory: Memory | None = None
    """Memory left for replicas. Default: by the reservation rule."""

    @model_validator(mode="after")
    def _one_shape(self) -> Pool:
        own = [name for name in ("cpu", "memory") if getattr(self, name) is not None]
        if self.instance is not None:
            if own:
                raise FieldError(f"`{own[0]}` is given by the `instance`", hint="give one of the two", at=[own[0]])
            instance(self.instance)
        elif own in (["cpu"], ["memory"]):
            raise FieldError("a node of an own kind needs `cpu` and `memory`", at=own)
        elif own and self.price is None:
            raise FieldError(
                "a node of an own kind needs a `price`", hint="for example `price: 0.09 USD/h`, or `0 USD/h`"
            )
        self._check_numbers()
        return self

    def _check_numbers(self) -> None:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise FieldError(f"`min` ({self.min}) is above `max` ({self.max})", hint="exchange the two", at=["min"])
        for name in ("cpu", "memory"):
            size, usable = getattr(self, name), getattr(self, f"allocatable_{name}")
            if size is not None and size.base == 0:
                raise FieldError(f"a node needs more than 0 of `{name}`", at=[name])
            if size is not None and usable is not None and usable > size:
                at = f"allocatable_{name}"
                raise FieldError(f"`{at}` ({usable}) is above `{name}` ({size})", at=[at])


class PlatformStartup(Model):
    """Start-up stages in place of those of the preset."""

    provision: Distribution | None = None
    """From the purchase of a node to its machine running."""
    boot: Distribution | None = None
    """Boot of the operating system."""
    join: Distribution | None = None
    """From a booted node to one that takes replicas."""
    create: Distribution | None = None
    """From the placement of a replica to a running process; the image pull comes first."""


class Pull(Model):
    """Image transfer to nodes: missing / (compression * min(bandwidths)) + missing / unpacking rate + layers * rtt."""

    node_bandwidth: Bandwidth | None = None
    """Network rate of a node."""
    registry_bandwidth: Bandwidth | None = None
    """Registry rate for each node."""
    unpack_rate: Bandwidth | None = None
    """Unpacking rate, uncompressed."""
    compression_ratio: Positive | None = None
    """Uncompressed size / compressed size."""
    layers: PositiveCount | None = None
    """Layers of an image."""
    rtt: Duration | None = None
    """Round trip for each layer."""
    serialized: Flag | None = None
    """Whether a node pulls one image at a time."""


class Daemons(Model):
    """What the agents on every node request (proxy, network, storage, logs, metrics)."""

    cpu: Cpu
    """CPU."""
    memory: Memory
    """Memory."""


class Billing(Model):
    """How time is billed."""

    granularity: Annotated[Duration, Origin("recalled", "clouds bill virtual machines by the second")] = Duration(10**9)
    """Billed time is rounded up to a multiple of this."""
    minimum: Duration | None = None
    """Least billed time. Default: that of the provider."""

    @model_validator(mode="after")
    def _positive(self) -> Billing:
        if self.granularity.base == 0:
            raise FieldError("`granularity` must be longer than 0", at=["granularity"])
        return self


def _preset_name(value: object) -> object:
    return {"preset": value} if isinstance(value, str) else value


class Platform(Model):
    """Where replicas run: a `preset`, changed where wanted, or an own `kind` with its `pools`."""

    preset: PresetName | None = None
    """Preset: `hookean list platforms` shows them."""
    kind: Literal["fleet", "cluster"] | None = None
    """Kind of an own platform: each replica a machine of its own (`fleet`), or replicas on shared nodes (`cluster`)."""
    pools: Annotated[tuple[Pool, ...], Field(min_length=1)] | None = None
    """Pools of nodes. Default: one pool of the preset's instance type."""
    startup: Literal["instant"] | PlatformStartup = PlatformStartup()
    """Start-up stages; `instant` leaves out every stage that the scenario does not give itself."""
    pull: Literal["none"] | Pull = Pull()
    """Image transfer; `none` when images are on the nodes already."""
    daemons: Daemons | None = None
    """What agents request on every node. Default: of the preset; none on an own platform."""
    reservation: Literal["auto", "eks", "gke", "aks", "none"] | None = None
    """What a node keeps for itself: rule of its provider (`auto`), of the one named, or nothing."""
    speed_ratio: Share | None = None
    """Speed of a core relative to bare metal. Default: of the preset; 1 on an own platform."""
    memory_overhead: LessThanOne | None = None
    """Share of a virtual machine's memory that the hypervisor keeps. Default: of the preset; 0 on an own platform."""
    billing: Billing = Billing()
    """How time is billed."""

    @property
    def pool_names(self) -> tuple[str, ...]:
        """Names of its pools; a preset without pools of its own has one."""
        return tuple(pool.name for pool in self.pools) if self.pools else (DEFAULT_POOL,)

    @property
    def is_fleet(self) -> bool:
        """Whether every replica is a machine of its own."""
        return (self.kind or (preset(self.preset).kind if self.preset else "")) == "fleet"

    @model_validator(mode="after")
    def _complete(self) -> Platform:
        if (self.preset is None) == (self.kind is None):
            raise FieldError(
                "a platform needs a `preset`, or a `kind` and its own `pools`",
                hint="presets are `vm-fleet`, `kubernetes-on-metal`, `kubernetes-on-vms`; kinds `fleet`, `cluster`",
            )
        if self.kind is not None and self.pools is None:
            raise FieldError("an own platform needs `pools`", at=["pools"])
        if self.kind is not None and "startup" not in self.model_fields_set:
            raise FieldError(
                "an own platform needs its `startup`",
                hint="`startup: instant`, or stages such as `startup: {provision: 30s, create: 1s}`",
                at=["startup"],
            )
        idle = [name for name in ("pull", "daemons") if name in self.model_fields_set]
        if self.is_fleet and idle:
            raise FieldError(f"`{idle[0]}` has no effect on a fleet", hint="it belongs to a cluster", at=[idle[0]])
        self._check_pools()
        return self

    def _check_pools(self) -> None:
        pools = self.pools or ()
        names = [pool.name for pool in pools]
        for index, pool in enumerate(pools):
            if pool.name in names[:index]:
                raise FieldError(f"two pools are named `{pool.name}`", at=["pools", index, "name"])
            if self.kind is not None and pool.instance is None and pool.cpu is None:
                raise FieldError("a pool needs an `instance`, or `cpu`, `memory` and `price`", at=["pools", index])
            if self.is_fleet and pool.max_replicas is not None:
                raise FieldError("a machine of a fleet is one replica", at=["pools", index, "max_replicas"])
            if self.is_fleet and pool.nodes:
                hint = "its nodes come and go with the replicas; leave `nodes` out"
                raise FieldError("a pool of a fleet has no fixed nodes", hint=hint, at=["pools", index, "nodes"])
        if self.is_fleet and len(pools) > 1:
            raise FieldError("a fleet buys from one pool", hint="keep the first", at=["pools", 1])


AnyPlatform = Annotated[Platform, BeforeValidator(_preset_name, json_schema_input_type=PresetName | Platform)]
"""A platform; the name of a preset alone stands for the preset as it is."""
