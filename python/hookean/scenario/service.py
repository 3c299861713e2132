"""Services: what receives requests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from hookean.scenario.calls import Call
from hookean.scenario.distribution import Distribution
from hookean.scenario.fidelity import Fidelity
from hookean.scenario.fields import Count, FieldError, Flag, Model, Origin, PositiveCount, Share
from hookean.scenario.request_class import RequestClasses
from hookean.scenario.routing import Routing
from hookean.scenario.units import Cpu, Duration, Memory, as_written
from hookean.scenario.warmup import Warmup

_PS_NEVER_WAITS = (
    "under `processor_sharing` without `concurrency` a replica serves every request at once, so `{name}` could act "
    "only while no replica serves"
)


_QUOTA_MIN_NS = 1_000_000
_PERIOD_MIN_NS, _PERIOD_MAX_NS = 1_000_000, 1_000_000_000


def _concurrency(value: object) -> object:
    if value in (None, "unlimited") or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise FieldError(f"expected a whole number of at least 1, or `unlimited`, got {as_written(value)}")


class Replica(Model):
    """Shape of one replica."""

    cpu: Cpu | None = None
    """CPU requested and usable. May be left out in a VM fleet, where it is the whole instance."""
    memory: Memory | None = None
    """Memory requested. May be left out in a VM fleet, where it is the whole instance."""
    concurrency: Annotated[
        PositiveCount | Literal["unlimited"] | None,
        BeforeValidator(_concurrency, json_schema_input_type=PositiveCount | Literal["unlimited"] | None),
    ] = None
    """Most requests in service at once. Default: unlimited under processor sharing, else one for each whole core."""
    image: Annotated[Memory, Origin("assumed", "images are taken to be on every node already")] = Memory(0)
    """Uncompressed size of the container image; 0 B means that nothing is pulled."""
    memory_idle: Annotated[Memory, Origin("assumed", "no memory use was described")] = Memory(0)
    """Memory in use with no request."""
    memory_per_request: Annotated[Memory, Origin("assumed", "no memory use was described")] = Memory(0)
    """Memory in use for each request waiting or in service."""
    cpu_limit: Annotated[Cpu | None, Origin("assumed", "no limit was described")] = None
    """CPU limit as the kernel enforces it: in each period CPU time of `cpu_limit` x `cfs_period`, on all `cores`.

    When that is used up, everything in the replica stands still until the next period. Default: no limit."""
    cfs_period: Annotated[Duration, Origin("documented", "period of the CFS quota in Kubernetes and Linux")] = Duration(
        100_000_000
    )
    """Length of a period, 1 ms to 1 s; only with `cpu_limit`. Periods of replicas are out of step, at random."""
    cores: Cpu | None = None
    """Cores its requests run on at once until the quota is used up; only with `cpu_limit`, which needs it.

    Without a limit a replica runs on the `cpu` it requests. What is not requested is taken from no other replica."""

    @property
    def describes_memory(self) -> bool:
        """Whether the use of memory was described."""
        return bool(self.model_fields_set & {"memory_idle", "memory_per_request"})

    @property
    def quota_ns(self) -> int | None:
        """CPU time it may use in a period, in nanoseconds, at least 1 ms as in Kubernetes; `None` is no limit."""
        if self.cpu_limit is None:
            return None
        return max(_QUOTA_MIN_NS, self.cpu_limit.millicores * self.cfs_period.nanos // 1000)

    @model_validator(mode="after")
    def _limit(self) -> Replica:
        if self.cpu_limit is None:
            for name in ("cfs_period", "cores"):
                if name in self.model_fields_set:
                    raise FieldError(
                        f"`{name}` has no meaning without `cpu_limit`", hint="add it, or leave this out", at=[name]
                    )
            return self
        if self.cpu_limit.base == 0:
            raise FieldError("nothing runs with a CPU limit of 0", hint="for example `cpu_limit: 1`", at=["cpu_limit"])
        if not _PERIOD_MIN_NS <= self.cfs_period.nanos <= _PERIOD_MAX_NS:
            raise FieldError(f"the kernel takes periods of 1 ms to 1 s, not {self.cfs_period}", at=["cfs_period"])
        if self.cores is None:
            raise FieldError(
                "`cpu_limit` needs `cores`: how many cores its requests run on at once until the quota is used up",
                hint="for example `cores: 4`, the threads of the application or the cores of the node",
                at=["cpu_limit"],
            )
        if self.cores < self.cpu_limit:
            raise FieldError(
                f"`cores` ({self.cores}) is below `cpu_limit` ({self.cpu_limit}), which can never act",
                hint="leave `cpu_limit` out, or give it more cores",
                at=["cores"],
            )
        return self

    @model_validator(mode="after")
    def _sizes(self) -> Replica:
        if self.cpu is not None and self.cpu.base == 0:
            raise FieldError("a replica needs CPU", hint="for example `cpu: 500m`", at=["cpu"])
        if self.cpu is not None and self.cpu_limit is not None and self.cpu_limit < self.cpu:
            raise FieldError(
                f"`cpu_limit` ({self.cpu_limit}) is below `cpu` ({self.cpu}), which is requested", at=["cpu_limit"]
            )
        if self.memory is not None and self.memory_idle > self.memory:
            raise FieldError(
                f"`memory_idle` ({self.memory_idle}) is above `memory` ({self.memory})", at=["memory_idle"]
            )
        return self


class Queue(Model):
    """How requests share the replicas of a service."""

    discipline: Annotated[
        Literal["central_fifo", "central_lifo", "central_priority", "fifo", "lifo", "priority", "processor_sharing"],
        Origin("assumed", "the usual model of a web server"),
    ] = "processor_sharing"
    """`central_fifo`, `central_lifo`, `central_priority`: one queue for all replicas; the others: one for each replica.

    `fifo` serves the oldest waiting request next, `lifo` the newest, `priority` the oldest of the most urgent level
    (see `classes`); a request in service is never interrupted. `processor_sharing` serves all at once."""
    routing: Annotated[
        Routing,
        Origin("recalled", "kube-proxy picks an endpoint at random"),
    ] = "random"
    """How a request finds its replica; from one queue for all only `newest`, else the one that has been free longest.

    `random`; `round_robin`; `least_outstanding`: fewest requests waiting or in service; `weighted`: in turn, as often
    as speed times CPU; `packing`: fills a replica to its `concurrency` before the next; `power_of_choices`: the least
    loaded of `choices` drawn at random; `sticky`: by session; `newest`: of those with a free place the one
    created last, so that old ones idle."""
    limit: Annotated[Count | None, Origin("assumed", "queues are unbounded")] = None
    """Most requests that may wait, in the central queue or in each replica's own; more are rejected."""
    when_full: Annotated[Literal["reject", "push_out"], Origin("assumed", "a full queue turns away whoever comes")] = (
        "reject"
    )
    """Who is rejected when the queue is full. `reject`: the arriving request; `push_out`: the newest waiting request of
    the least urgent level, if that is less urgent than the arriving one."""
    timeout: Annotated[Duration | None, Origin("assumed", "requests wait for ever")] = None
    """Longest time a request waits for its service to start."""
    total_timeout: Annotated[Duration | None, Origin("assumed", "requests stay until they are served")] = None
    """Longest time from the arrival of an attempt to its end.

    One that is in service then is abandoned; what was worked on it stays CPU used. Done at that very instant counts as
    completed."""

    @model_validator(mode="after")
    def _every_field_has_a_use(self) -> Queue:
        if self.total_timeout is not None and self.total_timeout.base == 0:
            raise FieldError("no request can be served in no time", hint="for example `1s`", at=["total_timeout"])
        if self.timeout is not None and self.total_timeout is not None and self.timeout >= self.total_timeout:
            raise FieldError(
                f"`timeout` ({self.timeout}) can never act: `total_timeout` ({self.total_timeout}) comes first",
                hint="leave `timeout` out, or make it shorter",
                at=["timeout"],
            )
        if self.is_central and "routing" in self.model_fields_set and self.routing != "newest":
            own = self.discipline.removeprefix("central_")
            raise FieldError(
                f"this `routing` has no effect with `discipline: {self.discipline}`",
                hint=f"leave it out, take `newest`, or give each replica its own queue: `discipline: {own}`",
                at=["routing"],
            )
        return self

    @model_validator(mode="after")
    def _pushing_out_has_a_use(self) -> Queue:
        if self.when_full != "push_out":
            return self
        if not self.has_levels:
            raise FieldError(
                f"`push_out` compares levels, which `discipline: {self.discipline}` does not have",
                hint="choose `discipline: central_priority` or `priority`, or leave `when_full` out",
                at=["when_full"],
            )
        if self.limit is None:
            raise FieldError(
                "`push_out` never acts: the queue has no `limit`", hint="set `limit` to a number", at=["when_full"]
            )
        return self

    @property
    def is_central(self) -> bool:
        """Whether all replicas take requests from one queue."""
        return self.discipline.startswith("central_")

    @property
    def has_levels(self) -> bool:
        """Whether levels of classes decide who is served next."""
        return self.discipline.endswith("priority")


class Slo(Model):
    """Service-level objective."""

    latency: Duration
    """A request is good when it completes within this time."""
    target: Share
    """Wanted share of good requests, 0 to 1."""

    @model_validator(mode="after")
    def _positive(self) -> Slo:
        if self.latency.base == 0:
            raise FieldError("a latency objective of 0 can never be met", at=["latency"])
        return self


class ReplicaStartup(Model):
    """Stages between the placement of a replica and its readiness, in place of those of the platform."""

    create: Distribution | None = None
    """From placement to a running process. Default: of the platform."""
    init: Distribution | None = None
    """From a running process to readiness: the application's own initialisation. Default: none."""


class Service(Model):
    """A service."""

    count: PositiveCount | None = None
    """Makes it a group of this many equal services, each with its own requests, replicas and controllers: `web-000`,
    `web-001` and so on. Workloads and controllers name the group. Default: a service of its own."""
    work: Distribution | None = None
    """CPU time of one request on one full core. Needed unless the workload brings its own."""
    classes: RequestClasses = Field(default_factory=dict)
    """Classes of its requests, by name; results tell them apart under every discipline. Default: all are alike."""
    replica: Replica = Replica()
    """Shape of one replica."""
    replicas: Count | None = None
    """Replicas at creation. Default: the smallest `min` of its controllers, else 1."""
    warm_start: Annotated[Flag, Origin("assumed", "a run begins with a service that is up")] = True
    """Whether the initial replicas are ready at once."""
    start: Annotated[Duration, Origin("assumed", "services exist from the beginning")] = Duration(0)
    """When the service is created."""
    queue: Queue = Queue()
    """Queue and routing."""
    calls: Annotated[tuple[Call, ...], Field(max_length=64)] = ()
    """What a request sets off in other services. Calls never lead back to a service. Default: nothing."""
    fidelity: Fidelity | None = None
    """How closely it is simulated: `exact` or `binned` (see the scenario's `fidelity`). Default: as the scenario."""
    bin: Duration | None = None
    """Width of a bin; only with `binned`. Default: as the scenario."""
    slo: Slo | None = None
    """Objective."""
    startup: ReplicaStartup = ReplicaStartup()
    """Own start-up stages."""
    warmup: Annotated[Warmup, Origin("assumed", "replicas are as fast as ever once they are ready")] = None
    """How fast the cores of a new replica are at first: steps of age and speed, or a ramp.

    Replicas that are ready when the service is created are warm; a restarted container is cold again."""
    termination_grace: Annotated[
        Duration, Origin("recalled", "default grace period of a Kubernetes pod on deletion")
    ] = Duration(30_000_000_000)
    """Longest time a draining replica may finish its requests."""

    @model_validator(mode="after")
    def _levels_are_there(self) -> Service:
        if self.queue.has_levels and not self.classes:
            raise FieldError(
                f"`discipline: {self.queue.discipline}` serves by level, but the service has no `classes`",
                hint="for example `classes: {gold: {share: 0.2, level: 0}, rest: {share: 0.8, level: 1}}`",
                at=["queue", "discipline"],
            )
        return self

    @model_validator(mode="after")
    def _limit_has_queues_of_replicas(self) -> Service:
        if self.replica.cpu_limit is not None and self.queue.is_central:
            own = self.queue.discipline.removeprefix("central_")
            raise FieldError(
                f"`cpu_limit` needs replicas with queues of their own, not `discipline: {self.queue.discipline}`",
                hint=f"choose `discipline: {own}` or `processor_sharing`, or leave `cpu_limit` out",
                at=["replica", "cpu_limit"],
            )
        return self

    @model_validator(mode="after")
    def _queue_can_fill(self) -> Service:
        concurrency = self.replica.concurrency
        bounded = self.queue.discipline != "processor_sharing" or isinstance(concurrency, int)
        if self.queue.routing in ("packing", "newest") and not bounded:
            raise FieldError(
                f"`{self.queue.routing}` never fills a replica of unlimited `concurrency`",
                hint="set `replica.concurrency` to the number of requests that fill one",
                at=["queue", "routing"],
            )
        if self.queue.discipline != "processor_sharing":
            if concurrency == "unlimited":
                raise FieldError(
                    f"`concurrency: unlimited` needs `discipline: processor_sharing`, not `{self.queue.discipline}`",
                    at=["replica", "concurrency"],
                )
            return self
        for name in ("limit", "timeout"):
            if concurrency in (None, "unlimited") and getattr(self.queue, name) is not None:
                raise FieldError(
                    _PS_NEVER_WAITS.format(name=name),
                    hint="set `replica.concurrency` to a number, or choose `discipline: fifo`",
                    at=["queue", name],
                )
        return self

    def concurrency_on(self, cpu_millicores: int) -> int | None:
        """Returns the most requests a replica of this many millicores serves at once; `None` is unlimited."""
        if isinstance(self.replica.concurrency, int):
            return self.replica.concurrency
        if self.queue.discipline == "processor_sharing":
            return None
        return max(1, cpu_millicores // 1000)
