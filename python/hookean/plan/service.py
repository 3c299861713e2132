"""The services of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookean.scenario.fields import FieldError
from hookean.scenario.provenance import Fixed, Known, known
from hookean.scenario.routing import routing_plan
from hookean.scenario.units import Duration
from hookean.scenario.warmup import warmup_plan, warmup_text

from .nodes import memory_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookean.policies.base import Controller
    from hookean.scenario.fidelity import Bins
    from hookean.scenario.fields import Status
    from hookean.scenario.service import Replica, Service

    from .nodes import Node
    from .platform import ResolvedPlatform

_REPLICA_STAGES = ("create", "init")


def service_tree(  # noqa: PLR0913 (what a service is, and what it depends on)
    name: str,
    service: Service,
    *,
    platform: ResolvedPlatform,
    controllers: Iterable[Controller],
    makes_requests: bool,
    bins: Bins | None,
) -> dict[str, Any]:
    """Returns a service as the plan writes it, with provenance.

    Args:
        name: Its name.
        service: The service as written.
        platform: Where its replicas run.
        controllers: The controllers that scale it.
        makes_requests: Whether its workload needs the service's `work`.
        bins: Its bins, if it is not simulated request by request.

    Raises:
        FieldError: Its replica fits no node, or something is missing; the path is below the service.
    """
    replica = _replica(service, platform)
    return {
        "name": Fixed(name),
        "created_at_ns": known(service, "start", value=service.start.nanos),
        "work": _work(service, makes_requests=makes_requests),
        "classes": _classes(service),
        "replica": replica,
        "initial_replicas": _initial_replicas(service, controllers),
        "warm_start": known(service, "warm_start", value=service.warm_start),
        "queue": _queue(service),
        "fidelity": _fidelity(bins),
        "slo": _slo(service),
        "startup": _startup(service, platform),
        "warmup": known(service, "warmup", value=warmup_plan(service.warmup), text=warmup_text(service.warmup)),
        "termination_grace_ns": known(service, "termination_grace", value=service.termination_grace.nanos),
    }


def _work(service: Service, *, makes_requests: bool) -> Known | Fixed:
    if service.work is not None:
        return Known(service.work.plan(), service.work.describe(), "user", "scenario")
    if makes_requests:
        raise FieldError(
            "`work` is missing",
            hint="the CPU time of one request: `work: 40ms`, or `work: {distribution: lognormal, mean: 40ms, cv: 1.0}`",
            at=["work"],
        )
    return Fixed({"distribution": "constant", "value_ns": 0})


def _classes(service: Service) -> list[dict[str, Any]]:
    """Classes by name, so that their order in the file decides nothing."""
    return [
        {
            "name": Fixed(name),
            "share": Known(each.share, str(each.share), "user", "scenario"),
            "level": known(each, "level", value=each.level),
            "work_factor": known(each, "work_factor", value=each.work_factor),
        }
        for name, each in sorted(service.classes.items())
    ]


def _replica(service: Service, platform: ResolvedPlatform) -> dict[str, Any]:
    replica = service.replica
    sizes = {name: _size(service, name, platform) for name in ("cpu", "memory")}
    _check_fit(sizes["cpu"], sizes["memory"], platform.nodes)
    concurrency = service.concurrency_on(sizes["cpu"].value)
    own = isinstance(replica.concurrency, int) or replica.concurrency == "unlimited"
    rule = "processor sharing serves all at once" if concurrency is None else "one request for each whole core"
    return {
        "cpu_millicores": sizes["cpu"],
        "memory_bytes": sizes["memory"],
        "concurrency": Known(
            concurrency,
            "unlimited" if concurrency is None else str(concurrency),
            *(("user", "scenario") if own else ("assumed", rule)),
        ),
        **{f"{name}_bytes": known(replica, name, value=getattr(replica, name).bytes) for name in _MEMORY_FIELDS},
        "cpu_quota": _cpu_quota(replica),
    }


def _cpu_quota(replica: Replica) -> dict[str, Any] | Known:
    if replica.cpu_limit is None or replica.cores is None:
        return known(replica, "cpu_limit", value=None, text="none")
    quota = Duration(replica.quota_ns or 0)
    return {
        "quota_ns": Known(quota.nanos, f"{quota} (limit {replica.cpu_limit})", "user", "scenario"),
        "period_ns": known(replica, "cfs_period", value=replica.cfs_period.nanos),
        "cores_millicores": Known(replica.cores.millicores, str(replica.cores), "user", "scenario"),
    }


_MEMORY_FIELDS = ("image", "memory_idle", "memory_per_request")


def _size(service: Service, name: str, platform: ResolvedPlatform) -> Known:
    """CPU or memory of a replica; on a fleet it may be left out, and is then what the machine offers."""
    own = getattr(service.replica, name)
    if own is not None:
        return Known(own.base, own, "user", "scenario")
    if platform.tree["kind"].value == "cluster":
        raise FieldError(
            f"`{name}` of the replica is missing",
            hint="for example `replica: {cpu: 1, memory: 512Mi}`; only a fleet has a default, the whole machine",
            at=["replica", name],
        )
    whole: Known = getattr(platform.nodes[0], f"allocatable_{name}")
    return Known(whole.value, whole.shown, whole.status, f"the whole machine: {whole.source}")


def _check_fit(cpu: Known, memory: Known, nodes: tuple[Node, ...]) -> None:
    """Checks that some node can hold one replica."""
    fits = [cpu.value <= node.allocatable_cpu.value and memory.value <= node.allocatable_memory.value for node in nodes]
    if any(fits):
        return
    offered = "; ".join(
        f"`{node.instance}` offers {node.allocatable_cpu.text} and {memory_text(node.allocatable_memory.value)}"
        f" of its {node.cpu.text} and {node.memory.text}"
        for node in nodes
    )
    raise FieldError(
        f"a replica of {cpu.text} and {memory.text} fits no node: {offered}",
        hint="make the replica smaller, or take a larger `instance`",
        at=["replica"],
    )


def _initial_replicas(service: Service, controllers: Iterable[Controller]) -> Known:
    if service.replicas is not None:
        return Known(service.replicas, service.replicas, "user", "scenario")
    least = [(controller.initial_replicas(), controller.name) for controller in controllers]
    if not least:
        return Known(1, "1", "assumed", "one replica, as nothing else was said")
    count, name = min(least)
    return Known(count, str(count), "user", f"smallest count of its controllers (`{name}`)")


def _queue(service: Service) -> dict[str, Any]:
    queue = service.queue
    return {
        "discipline": known(queue, "discipline", value=queue.discipline),
        "routing": Fixed(routing_plan(queue.routing))
        if queue.is_central and queue.routing != "newest"
        else known(queue, "routing", value=routing_plan(queue.routing)),
        "limit": known(
            queue, "limit", value=queue.limit, text="unlimited" if queue.limit is None else str(queue.limit)
        ),
        "when_full": known(queue, "when_full", value=queue.when_full),
        "timeout_ns": known(
            queue,
            "timeout",
            value=None if queue.timeout is None else queue.timeout.nanos,
            text="none" if queue.timeout is None else str(queue.timeout),
        ),
        "total_timeout_ns": known(
            queue,
            "total_timeout",
            value=None if queue.total_timeout is None else queue.total_timeout.nanos,
            text="none" if queue.total_timeout is None else str(queue.total_timeout),
        ),
    }


def _fidelity(bins: Bins | None) -> dict[str, Any]:
    if bins is None:
        return {"tier": Fixed("exact")}
    status: Status = "user" if bins.given else "assumed"
    return {
        "tier": Known("binned", "binned (approximate)", "user", "scenario"),
        "bin_ns": Known(bins.width.nanos, str(bins.width), status, bins.why),
    }


def _slo(service: Service) -> dict[str, Any] | Fixed:
    slo = service.slo
    if slo is None:
        return Fixed(None)
    return {
        "latency_ns": known(slo, "latency", value=slo.latency.nanos),
        "target_ratio": known(slo, "target", value=slo.target),
    }


def _startup(service: Service, platform: ResolvedPlatform) -> list[dict[str, Any]]:
    stages = dict(platform.replica_stages)
    for name in _REPLICA_STAGES:
        own = getattr(service.startup, name)
        if own is not None:
            stages[name] = Known(own.plan(), own.describe(), "user", "scenario")
    return [{"stage": Fixed(name), "duration": stages[name]} for name in _REPLICA_STAGES if name in stages]
