"""Demand in replicas: how many would have been enough, interval by interval. Analytic, not simulated.

Rule `objective`: the smallest n such that one pooled M/M/c queue with c = n x servers per replica keeps
`P(latency > objective) <= 1 - target` under the load that was offered in the interval. Rule `capacity`, used when a
service has no objective, no known mean work, or an objective shorter than what one idle server can keep: the smallest n
whose capacity covers the offered load. No load needs no replica.

Rule `places`, for a service that holds requests while others answer: where that asks for more, the smallest n with as
many places as are taken on average, at the mean time that requests of this run kept theirs (Little's law).

A replica with k cores serves k requests at once under processor sharing (fewer if its concurrency is lower), each on
one core; a replica with less than one core is one slow server. Under FIFO every slot of the concurrency is a server and
the slots share the cores. A CPU limit bounds what a replica can do on average, in place of its request, and a resize
holds for the intervals that begin after it. The speed of a core is relative to a bare-metal core. Pooling is optimistic
for services whose replicas have queues of their own, and service times are taken as exponential: the curve is a
yardstick, the same for every contender on the same platform (but for rule `places`), not a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from hookean.analysis.queueing import least_servers, reachable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
        service: Entry with `cpu_millicores`, `concurrency` (None is unbounded), `discipline` and `speed_ratio`, and
            with `cpu_limit_millicores` and `cores_millicores` where it has a CPU limit.
    """
    cores = service["cpu_millicores"] / 1000.0
    limit = service.get("cpu_limit_millicores")
    usable = cores
    if limit is not None:
        cores = service["cores_millicores"] / 1000.0
        usable = min(cores, limit / 1000.0)
    speed = float(service["speed_ratio"])
    slots = service["concurrency"]
    if service["discipline"] == "processor_sharing":
        per_request = min(1.0, usable)
        servers = usable / per_request
        if slots is not None:
            servers = min(servers, float(slots))
        return ReplicaServers(servers=servers, speed=per_request * speed)
    slots = float(slots) if slots is not None else max(1.0, cores)
    return ReplicaServers(servers=slots, speed=min(1.0, usable / slots) * speed)


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
        needed = _whole(offered_cores / replica.capacity_cores)
    else:
        load, target = offered_cores / replica.speed, service["slo_target_ratio"]
        scaled = service["slo_latency_ns"] * replica.speed / service["work_mean_ns"]
        needed = _whole(least_servers(load, scaled_time=scaled, target_ratio=target) / replica.servers)
    return np.maximum(needed, _replicas_for_places(offered_cores, service))


def _replicas_for_places(offered_cores: NDArray[np.float64], service: Mapping[str, Any]) -> NDArray[np.uint32]:
    """Returns the replicas whose places are taken on average; none where requests keep no place for others' answers."""
    place_ns, slots, work_ns = service.get("place_ns"), service["concurrency"], service["work_mean_ns"]
    if place_ns is None or slots is None or not work_ns:
        return np.zeros(len(offered_cores), dtype=np.uint32)
    return _whole(offered_cores / work_ns * place_ns / slots)


def _whole(replicas: NDArray[np.float64]) -> NDArray[np.uint32]:
    return np.ceil(replicas - _ROUNDING).clip(min=0.0).astype(np.uint32)


def observed_services(result: ResultLike) -> dict[str, dict[str, Any]]:
    """Returns the manifest's services with what was seen of them: the mean work that really arrived, and `place_ns`.

    The mean work differs when a request table brings its own work. Where no request arrived the manifest's mean stays.
    `place_ns` is how long a request kept its place on average, None unless the service holds requests.

    Args:
        result: A result.
    """
    columns = [pl.col(name).to_physical() for name in ("work_mean", "latency_mean", "wait_mean")]
    seen = {row["service"]: row for row in result.summary.select("service", *columns).iter_rows(named=True)}
    services: Mapping[str, dict[str, Any]] = result.manifest["services"]
    return {name: service | _seen(service, seen.get(name, {})) for name, service in services.items()}


def _seen(service: Mapping[str, Any], means: Mapping[str, float | None]) -> dict[str, Any]:
    work, latency, wait = (means.get(name) for name in ("work_mean", "latency_mean", "wait_mean"))
    place = None
    if service.get("holds") and latency is not None and wait is not None:
        place = max(0.0, latency - wait)
    return {"work_mean_ns": service["work_mean_ns"] if work is None else work, "place_ns": place}


def _by_size(starts_ns: NDArray[np.int64], service: Mapping[str, Any]) -> Iterable[tuple[slice, Mapping[str, Any]]]:
    """Parts the intervals of a service where its replicas were resized; the last resize of an instant counts."""
    edges = [0]
    sizes = [service]
    for resize in sorted(service.get("resizes", ()), key=lambda each: each["at_ns"]):
        edges.append(int(np.searchsorted(starts_ns, resize["at_ns"])))
        sizes.append({**service, "cpu_millicores": resize["cpu_millicores"]})
    yield from zip(map(slice, edges, [*edges[1:], len(starts_ns)]), sizes, strict=True)


def demand(result: ResultLike, *, services: Mapping[str, Mapping[str, Any]] | None = None) -> pl.DataFrame:
    """Returns the demand curve of every service.

    Args:
        result: A result.
        services: Entries to use instead of those of `observed_services`, for what-if questions.

    Returns:
        One row per service and interval: `service`, `start` and `time` (start and end of the interval),
        `offered_cores`, `demand` (replicas, holds from `start` to `time`) and `rule` (`objective`, `capacity` or
        `places`).
    """
    shapes = observed_services(result) if services is None else services
    start = pl.col("time").shift(1).over("service", order_by="time").fill_null(pl.duration(nanoseconds=0))
    rows = result.scan("series").select("service", "time", "offered_cores").collect()
    intervals = rows.select("service", start.alias("start"), "time", "offered_cores").sort("service", "time")
    parts = [
        _part(rows[part], size)
        for (name,), rows in intervals.partition_by("service", as_dict=True, maintain_order=True).items()
        for part, size in _by_size(rows["start"].to_physical().to_numpy(), shapes[str(name)])
    ]
    if not parts:
        return intervals.with_columns(pl.lit(0, dtype=pl.UInt32).alias("demand"), pl.lit("").alias("rule"))
    return pl.concat(parts)


def _part(rows: pl.DataFrame, service: Mapping[str, Any]) -> pl.DataFrame:
    offered = rows["offered_cores"].to_numpy()
    needed = replicas_needed(offered, service)
    rule = pl.lit(demand_rule(service))
    if service.get("place_ns") is not None:
        alone = replicas_needed(offered, {**service, "place_ns": None})
        rule = pl.when(pl.Series(needed > alone)).then(pl.lit("places")).otherwise(rule)
    return rows.with_columns(pl.Series("demand", needed, dtype=pl.UInt32), rule.alias("rule"))
