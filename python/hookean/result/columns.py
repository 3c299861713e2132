"""The columns of every result table: name, type, unit, meaning.

One table for the engine, the documentation and the tests: a test fails when a frame has a column that is not here, or
lacks one that is. Instants are counted from the start of the scenario.

Rows of `series` and `decisions` are in order of time, those of `requests` by service, request and attempt. When a run
writes its rows while it goes on and they make more than one part, the rows of `requests` come as the attempts end: those
that ended in one stretch of simulated time together, in the order just said, and after all others those that are still
in the system at the end.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column of a result table.

    Attributes:
        name: Column name.
        dtype: `duration` (nanoseconds), `u32`, `u64`, `f64`, `bool` or `str`.
        unit: Unit as shown to people; empty for counts and names.
        meaning: One sentence.
        nullable: Whether the column may hold nulls, and so what a null means is part of `meaning`.
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    nullable: bool = False


_SERVICE = Column("service", "str", "", "Name of the service.")

SUMMARY = (
    _SERVICE,
    Column(
        "fidelity",
        "str",
        "",
        "How closely it was simulated: `exact`, or `binned`, which is approximate (numbers of requests per bin, formulas).",
    ),
    Column("arrivals", "u64", "", "Attempts that arrived: requests and their retries."),
    Column("completed", "u64", "", "Attempts served to the end, each of another request."),
    Column("rejected", "u64", "", "Attempts turned away because the queue was full."),
    Column("timed_out", "u64", "", "Attempts that gave up, waiting or in service."),
    Column("expired", "u64", "", "Attempts that the deadline of their request ended, waiting or in service."),
    Column("lost", "u64", "", "Attempts lost with a replica that was killed or failed."),
    Column(
        "unanswered",
        "u64",
        "",
        "Attempts whose work was done, but that were held for synchronous calls too many of which failed.",
    ),
    Column("retries", "u64", "", "Attempts that are not the first of their request: requests = arrivals - retries."),
    Column("retries_denied", "u64", "", "Retries that the budget did not allow."),
    Column("given_up", "u64", "", "Requests that failed for good."),
    Column("backing_off", "u64", "", "Requests waiting to be tried again at the end."),
    Column("in_system", "u64", "", "Attempts waiting or in service at the end."),
    Column(
        "wait_mean",
        "duration",
        "s",
        "Mean time from arrival to start of service, over started attempts.",
        nullable=True,
    ),
    Column(
        "latency_mean",
        "duration",
        "s",
        "Mean time from arrival to completion of an attempt, as the service sees it.",
        nullable=True,
    ),
    Column("latency_p50", "duration", "s", "Median latency (mid-point of its histogram bucket).", nullable=True),
    Column("latency_p90", "duration", "s", "90 % quantile of latency.", nullable=True),
    Column("latency_p95", "duration", "s", "95 % quantile of latency.", nullable=True),
    Column("latency_p99", "duration", "s", "99 % quantile of latency.", nullable=True),
    Column("latency_p999", "duration", "s", "99.9 % quantile of latency.", nullable=True),
    Column("latency_max", "duration", "s", "Largest latency, exact.", nullable=True),
    Column(
        "request_latency_mean",
        "duration",
        "s",
        "Mean time from the first arrival of a request to its completion, failed attempts and delays included.",
        nullable=True,
    ),
    Column("request_latency_p50", "duration", "s", "Median of the same.", nullable=True),
    Column("request_latency_p95", "duration", "s", "95 % quantile of the same.", nullable=True),
    Column("request_latency_p99", "duration", "s", "99 % quantile of the same.", nullable=True),
    Column("request_latency_max", "duration", "s", "Largest of the same, exact.", nullable=True),
    Column("slo_latency", "duration", "s", "Latency objective; null without one.", nullable=True),
    Column(
        "slo_target_ratio", "f64", "ratio", "Wanted share of good requests; null without an objective.", nullable=True
    ),
    Column(
        "slo_good",
        "u64",
        "",
        "Requests completed within the objective, from their first arrival (counted exactly); null without one.",
        nullable=True,
    ),
    Column(
        "slo_attainment_ratio",
        "f64",
        "ratio",
        "Good requests / all requests that ended; those given up are bad. Null when none ended or without an objective.",
        nullable=True,
    ),
    Column(
        "work_mean",
        "duration",
        "s",
        "Mean CPU time of the arrived attempts on one full bare-metal core.",
        nullable=True,
    ),
    Column("offered_cores_mean", "f64", "cores", "Work that arrived / time, on bare-metal cores."),
    Column("cpu_cores_mean", "f64", "cores", "CPU used / time."),
    Column("utilisation_mean", "f64", "ratio", "CPU used / CPU of ready replicas.", nullable=True),
    Column("replicas_mean", "f64", "", "Ready replicas, averaged over time."),
    Column("replicas_max", "u32", "", "Most ready replicas at once."),
    Column("replicas_created", "u64", "", "Replicas created, initial ones included."),
    Column("scale_outs", "u64", "", "Decisions that raised the wanted count."),
    Column("scale_ins", "u64", "", "Decisions that lowered it."),
    Column(
        "cost_usd",
        "f64",
        "USD",
        "The service's part of the bill of each pool, split by the core-time requested there; pools that nobody used are "
        "split by what was requested in all.",
    ),
)

SERIES = (
    Column(
        "time",
        "duration",
        "s",
        "End of the interval; numbers of replicas and nodes are those after the decisions of this instant, requests are "
        "counted just before it.",
    ),
    _SERVICE,
    Column("arrivals", "u64", "", "Attempts that arrived in the interval, retries included."),
    Column("completed", "u64", "", "Attempts completed in the interval."),
    Column("rejected", "u64", "", "Attempts rejected in the interval."),
    Column("timed_out", "u64", "", "Attempts timed out in the interval."),
    Column("expired", "u64", "", "Attempts ended by their deadline in the interval."),
    Column("lost", "u64", "", "Attempts lost in the interval."),
    Column("unanswered", "u64", "", "Attempts in the interval whose synchronous calls failed."),
    Column("retries", "u64", "", "Attempts that arrived in the interval and are not the first of their request."),
    Column("given_up", "u64", "", "Requests that failed for good in the interval."),
    Column("in_system", "u64", "", "Attempts waiting or in service."),
    Column("waiting", "u64", "", "Attempts waiting."),
    Column(
        "offered_cores",
        "f64",
        "cores",
        "Work that arrived in the interval / its length, on bare-metal cores (a fluid load: its mean demand).",
    ),
    Column("cpu_cores", "f64", "cores", "CPU used in the interval / its length."),
    Column(
        "throttled",
        "duration",
        "s",
        "How long replicas stood still in the interval since their CPU limit was used up, all together; null without one.",
        nullable=True,
    ),
    Column(
        "throttled_ratio",
        "f64",
        "ratio",
        "That / time in which replicas served; null without a limit, or when none served.",
        nullable=True,
    ),
    Column("desired", "u32", "", "Replicas wanted by the controller."),
    Column("ready", "u32", "", "Replicas that take requests: the supply."),
    Column("starting", "u32", "", "Replicas placed and starting."),
    Column("pending", "u32", "", "Replicas no node has room for yet."),
    Column("draining", "u32", "", "Replicas finishing their last requests."),
    Column("nodes", "u32", "", "Nodes that are paid for (all services together)."),
    Column(
        "latency_p50",
        "duration",
        "s",
        "Median latency of the requests completed in the interval; null if none.",
        nullable=True,
    ),
    Column("latency_p95", "duration", "s", "95 % quantile of the same.", nullable=True),
    Column("latency_p99", "duration", "s", "99 % quantile of the same.", nullable=True),
    Column(
        "latency_max", "duration", "s", "Largest latency of the same, as the upper edge of its bucket.", nullable=True
    ),
    Column(
        "slo_good",
        "u64",
        "",
        "Requests completed within the objective in the interval; null without one.",
        nullable=True,
    ),
)

DECISIONS = (
    Column("time", "duration", "s", "When the controller decided."),
    Column("controller", "str", "", "Kind of controller."),
    Column("service", "str", "", "Service it scales; null when it scales a pool.", nullable=True),
    Column("pool", "str", "", "Pool whose nodes it scales; null when it scales a service.", nullable=True),
    Column("current", "u32", "", "Replicas, or nodes, wanted before."),
    Column("desired", "u32", "", "Replicas, or nodes, wanted after."),
    Column("ready", "u32", "", "Ready replicas, or nodes, at that moment."),
    Column("metric", "str", "", "Metric that decided; null when none did.", nullable=True),
    Column("value", "f64", "", "Its value, in the controller's own unit; null when there was none.", nullable=True),
    Column("target", "f64", "", "Its target, in the same unit.", nullable=True),
    Column("inputs", "str", "", "Everything the controller saw, as a JSON object."),
    Column("reason", "str", "", "Why, in words."),
)

REPLICAS = (
    Column("replica", "u32", "", "Number of the replica, in order of creation inside its service."),
    _SERVICE,
    Column("node", "u32", "", "Node it ran on; null if it was never placed.", nullable=True),
    Column("created", "duration", "s", "When a controller asked for it."),
    Column("placed", "duration", "s", "When a node was found (or bought) for it.", nullable=True),
    Column("ready", "duration", "s", "When it began to take requests.", nullable=True),
    Column("drained", "duration", "s", "When it was told to stop.", nullable=True),
    Column("ended", "duration", "s", "When it was gone; null if it was there at the end.", nullable=True),
    Column("place", "duration", "s", "Stage: waiting for a place.", nullable=True),
    Column("provision", "duration", "s", "Stage: buying the node (fleets).", nullable=True),
    Column("boot", "duration", "s", "Stage: booting.", nullable=True),
    Column("join", "duration", "s", "Stage: joining the cluster.", nullable=True),
    Column("pull", "duration", "s", "Stage: image transfer, waiting for other pulls included.", nullable=True),
    Column("create", "duration", "s", "Stage: creating the container.", nullable=True),
    Column("init", "duration", "s", "Stage: the application's own start.", nullable=True),
    Column("completed", "u64", "", "Requests it completed."),
    Column("restarts", "u32", "", "Restarts of its container after crashes."),
    Column("cpu_core_seconds", "f64", "core s", "CPU it used."),
    Column("throttled_periods", "u64", "", "Periods in which it stood still because its CPU limit was used up."),
    Column("throttled", "duration", "s", "How long it stood still for that, pauses meanwhile included."),
    Column(
        "outcome",
        "str",
        "",
        "`ready`, `starting`, `pending`, `drained`, `killed`, `failed` (by a fault) or `cancelled`, at the end.",
    ),
    Column("reason", "str", "", "Why it is not ready, or why it ended; null if it is ready.", nullable=True),
)

NODES = (
    Column("node", "u32", "", "Number of the node, in order of purchase."),
    Column("pool", "str", "", "Pool it was bought from."),
    Column("instance", "str", "", "Instance type."),
    Column("bought", "duration", "s", "When it was asked for; billing starts."),
    Column("ready", "duration", "s", "When it could hold replicas.", nullable=True),
    Column(
        "drained",
        "duration",
        "s",
        "When it was told to go, with its replicas; null if it was not.",
        nullable=True,
    ),
    Column(
        "ended",
        "duration",
        "s",
        "When it was given back or, in a cloud, lost; null if it was there at the end.",
        nullable=True,
    ),
    Column("cpu_cores", "f64", "cores", "Capacity."),
    Column("memory_bytes", "u64", "B", "Capacity."),
    Column("allocatable_cpu_cores", "f64", "cores", "Left for replicas."),
    Column("allocatable_memory_bytes", "u64", "B", "Left for replicas."),
    Column("failures", "u32", "", "How often it was lost."),
    Column("replicas_max", "u32", "", "Most replicas it held at once."),
    Column("cpu_requested_ratio", "f64", "ratio", "Requested core-time / allocatable core-time.", nullable=True),
    Column("billed", "duration", "s", "Billed time, after rounding."),
    Column("cost_usd", "f64", "USD", "Billed time x price."),
)

FAULTS = (
    Column("time", "duration", "s", "When the fault struck."),
    Column("kind", "str", "", "`node_loss`, `replica_crash`, `slow_down` or `pause`."),
    Column("fault", "str", "", "Name of the fault."),
    Column("node", "u32", "", "Node it struck, or that of the replica; null if there was none.", nullable=True),
    Column("service", "str", "", "Service of the replica it struck; null when it struck a node.", nullable=True),
    Column("replica", "u32", "", "Replica it struck; null when it struck a node.", nullable=True),
    Column("replicas", "u32", "", "Replicas it struck; 0 when it found nothing to strike."),
    Column("lost", "u64", "", "Requests lost with them."),
    Column("requeued", "u64", "", "Requests sent back to the queue, or routed again."),
    Column(
        "duration",
        "duration",
        "s",
        "How long it lasts: until the node or the container is back; null for good.",
        nullable=True,
    ),
)

RESIZES = (
    Column("time", "duration", "s", "When replicas were resized, or wanted to be."),
    _SERVICE,
    Column("cpu_cores", "f64", "cores", "CPU of a replica from then on."),
    Column("replicas", "u32", "", "Replicas resized at this instant."),
    Column("deferred", "u32", "", "Replicas that keep their CPU until their node has room."),
)
"""Resizes in place; a replica that had to wait has a row when it is resized."""

REQUESTS = (
    _SERVICE,
    Column(
        "request",
        "u64",
        "",
        "Index of the request in its service, in order of arrival; of a client's request, among those of the client; of "
        "a call, that of the request at the head, which set it off directly or by other calls.",
    ),
    Column("caller", "str", "", "Service that called; null for requests from outside.", nullable=True),
    Column("head", "str", "", "Service of the request at the head of a call; null likewise.", nullable=True),
    Column("attempt", "u32", "", "Which attempt of the request it is, from 1. Each attempt has a row."),
    Column("client", "u32", "", "Client in a closed loop that sent it; null for open arrivals.", nullable=True),
    Column("class", "str", "", "Its class; null when the requests of its service are alike.", nullable=True),
    Column("arrival", "duration", "s", "When the attempt arrived."),
    Column(
        "start",
        "duration",
        "s",
        "When its service began, at last if a fault sent it back; null if it never did.",
        nullable=True,
    ),
    Column(
        "end",
        "duration",
        "s",
        "When it completed, was rejected, gave up, expired, was lost or stayed unanswered; null if still in the system.",
        nullable=True,
    ),
    Column("work", "duration", "s", "Its CPU time on one full bare-metal core."),
    Column("replica", "u32", "", "Replica that served it.", nullable=True),
    Column(
        "outcome",
        "str",
        "",
        "`completed`, `rejected`, `timed_out`, `expired`, `lost`, `unanswered` or `in_system`.",
    ),
)

_ENDS = ("arrivals", "completed", "rejected", "timed_out", "expired", "lost", "unanswered", "in_system")

CLASSES = (
    _SERVICE,
    Column("class", "str", "", "Name of the class."),
    Column("level", "u32", "", "Its level: 0 is the most urgent."),
    Column("share_ratio", "f64", "ratio", "Share of the requests that it was given."),
    *(column for column in SUMMARY if column.name in _ENDS or column.name.startswith(("wait_", "latency_"))),
)
"""Counts and latencies of `summary`, by class."""

END_TO_END = (
    Column("service", "str", "", "Service that calls others and has requests from outside: the head of their trees."),
    Column("completed", "u64", "", "Requests at the head that the service itself has completed."),
    Column("answered", "u64", "", "Those whose calls, and the calls of these, have given the answers they wait for."),
    Column("unanswered", "u64", "", "Those that can get no answer any more: too many of their calls have failed."),
    Column("waiting", "u64", "", "Those that wait for answers at the end."),
    Column(
        "latency_mean",
        "duration",
        "s",
        "Mean time from the first arrival of a request to its answer; null without one.",
        nullable=True,
    ),
    *(column for column in SUMMARY if column.name.startswith("latency_") and column.name != "latency_mean"),
)
"""Latencies from end to end, over answered requests."""

CRITICAL_PATH = (
    Column("head", "str", "", "Service at the head."),
    Column(
        "service",
        "str",
        "",
        "Service on the critical path of requests: the way to the end that the answer waited for; null is the time "
        "between services.",
        nullable=True,
    ),
    Column("requests", "u64", "", "Answered requests whose critical path leads through it."),
    Column("time_mean", "duration", "s", "Time on the critical path, mean over all answered requests of the head."),
    Column(
        "share_ratio",
        "f64",
        "ratio",
        "Share of the latency from end to end; all rows of a head make 1, and are null when that latency is 0.",
        nullable=True,
    ),
)

LATENCIES = (
    _SERVICE,
    Column("low", "duration", "s", "Shortest latency that the requests of the row can have had."),
    Column(
        "high", "duration", "s", "Longest latency that they can have had; the largest `high` of a service is exact."
    ),
    Column(
        "requests", "u64", "", "Completed requests, timed from their first arrival, whose latency lies between the two."
    ),
)
"""The histogram of latencies of each service, shortest first; buckets without requests are left out."""

OPTIONAL = {"requests", "classes", "latencies", "end_to_end", "critical_path", "resizes"}
"""Tables that a result has only when there is something to put into them."""

STREAMED = ("series", "decisions", "requests")
"""Tables whose rows are written while a run goes on, when it has a folder to write them to."""

TABLES: dict[str, tuple[Column, ...]] = {
    "summary": SUMMARY,
    "series": SERIES,
    "decisions": DECISIONS,
    "replicas": REPLICAS,
    "nodes": NODES,
    "faults": FAULTS,
    "resizes": RESIZES,
    "requests": REQUESTS,
    "classes": CLASSES,
    "latencies": LATENCIES,
    "end_to_end": END_TO_END,
    "critical_path": CRITICAL_PATH,
}
"""Every result table by name."""
