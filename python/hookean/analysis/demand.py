"""Demand in replicas: how many would have been enough, interval by interval. Analytic, not simulated.

Rule `objective`: the smallest n such that one pooled M/M/c queue with c = n x servers per replica keeps
`P(latency > objective) <= 1 - target` under the load that was offered in the interval. Rule `capacity`, used when a
service has no objective, no known mean work, or an objective shorter than what one idle server can keep: the smallest n
whose capacity covers the offered load. No load needs no replica.

A replica with k cores serves k requests at once under processor sharing (fewer if its concurrency is lower), each on
one core; a replica with less than one core is one slow server. Under FIFO every slot of the concurrency is a server and
the slots share the cores. The speed of a core is relative to a bare-metal core. Pooling is optimistic for services
whose replicas have queues of their own, and service times are taken as exponential: the curve is a yardstick, the same
for every contender on the same platform, not a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from hookean.analysis.queueing import least_servers, reachable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hookean.analysis.protocol import ResultLike

_ROUNDING = 1e-9
"""Replicas by which a load may exceed a capacity before it counts: the rounding of a division."""


@dataclass(frozen=True)
class ReplicaServers:
    """A replica as a number of equal servers.

    Attributes:
        servers: Requests it serves at once at full server speed; may be fractional under processor sharing.
        speed: Bare-metal cores that one server is worth.
    """

    servers: float
    speed: float

    @property
    def capacity_cores(self) -> float:
        """Work it can do per time, on bare-metal cores."""
        return self.servers * self.speed


def replica_servers(service: Mapping[str, Any]) -> ReplicaServers:
    """Reads a replica's servers from one entry of the manifest's `services`.

    Args:
        service: Entry with `cpu_millicores`, `concurrency` (None is unbounded), `discipline` and `speed_ratio`.
    """
    cores = service["cpu_millicores"] / 1000.0
    speed = float(service["speed_ratio"])
    slots = service["concurrency"]
    if service["discipline"] == "processor_sharing":
        per_request = min(1.0, cores)
        servers = cores / per_request
        if slots is not None:
            servers = min(servers, float(slots))
        return ReplicaServers(servers=servers, speed=per_request * speed)
    slots = float(slots) if slots is not None else max(1.0, cores)
    return ReplicaServers(servers=slots, speed=min(1.0, cores / slots) * speed)


def demand_rule(service: Mapping[str, Any]) -> str:
    """Names the rule that applies to a service: `objective` or `capacity`."""
    objective, work = service["slo_latency_ns"], service["work_mean_ns"]
    if objective is None or not work:
        return "capacity"
    scaled = objective * replica_servers(service).speed / work
    return "objective" if reachable(scaled_time=scaled, target_ratio=service["slo_target_ratio"]) else "capacity"


def replicas_needed(offered_cores: NDArray[np.float64], service: Mapping[str, Any]) -> NDArray[np.uint32]:
    """Returns the replicas that the offered loads need.

    Args:
        offered_cores: Work arrived per time, on bare-metal cores; shape (n,).
        service: Entry of the manifest's `services`.

    Returns:
        Replicas; shape (n,).
    """
    replica = replica_servers(service)
    if demand_rule(service) == "capacity":
        return np.ceil(offered_cores / replica.capacity_cores - _ROUNDING).clip(min=0.0).astype(np.uint32)
    scaled = service["slo_latency_ns"] * replica.speed / service["work_mean_ns"]
    servers = least_servers(offered_cores / replica.speed, scaled_time=scaled, target_ratio=service["slo_target_ratio"])
    return np.ceil(servers / replica.servers - _ROUNDING).astype(np.uint32)


def observed_services(result: ResultLike) -> dict[str, dict[str, Any]]:
    """Returns the manifest's services with the mean work that really arrived.

    The two differ when a request table brings its own work. Where no request arrived the manifest's mean stays.

    Args:
        result: A result.
    """
    means = result.summary.select("service", pl.col("work_mean").to_physical()).iter_rows()
    observed = {name: work for name, work in means if work is not None}
    return {
        name: {**service, "work_mean_ns": observed.get(name, service["work_mean_ns"])}
        for name, service in result.manifest["services"].items()
    }


def demand(result: ResultLike, *, services: Mapping[str, Mapping[str, Any]] | None = None) -> pl.DataFrame:
    """Returns the demand curve of every service.

    Args:
        result: A result.
        services: Entries to use instead of those of `observed_services`, for what-if questions.

    Returns:
        One row per service and interval: `service`, `start` and `time` (start and end of the interval),
        `offered_cores`, `demand` (replicas, holds from `start` to `time`) and `rule` (`objective` or `capacity`).
    """
    shapes = observed_services(result) if services is None else services
    start = pl.col("time").shift(1).over("service", order_by="time").fill_null(pl.duration(nanoseconds=0))
    rows = result.scan("series").select("service", "time", "offered_cores").collect()
    intervals = rows.select("service", start.alias("start"), "time", "offered_cores").sort("service", "time")
    parts = [
        rows.with_columns(
            pl.Series("demand", replicas_needed(rows["offered_cores"].to_numpy(), shapes[str(name)]), dtype=pl.UInt32),
            pl.lit(demand_rule(shapes[str(name)])).alias("rule"),
        )
        for (name,), rows in intervals.partition_by("service", as_dict=True, maintain_order=True).items()
    ]
    if not parts:
        return intervals.with_columns(pl.lit(0, dtype=pl.UInt32).alias("demand"), pl.lit("").alias("rule"))
    return pl.concat(parts)
