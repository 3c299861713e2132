"""A simulation longer than memory is refused before it starts.

What a run keeps grows with rows that can be counted beforehand. The bytes of each are measured (peak memory of runs
with a million rows and more, engine and tables together), rounded up. Of tables that are written while the run goes on
a few parts are in memory, and what the figures printed at the end are made from.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from hookean.memory import memory_short_of, size_text
from hookean.scenario.fields import FieldError

if TYPE_CHECKING:
    from .workload import Arrays

PART_ROWS = 1 << 17
"""Rows of a table at which a part is written while the run goes on: some tens of MiB."""

_HORIZON_MAX_NS = (2**63 - 1) // 4
_SERIES_ROW_BYTES = 500
_DECISION_BYTES = 750
_NODE_BYTES = 400
_REPLICA_BYTES = 400
_REQUEST_BYTES = 290
_CLIENT_BYTES = 200
_LATENCY_BYTES = 150
_READ_BYTES = 60
"""Of a row of `series` on disk: what figures are computed from."""

_PARTS = 3
"""Parts of a table in memory while rows are written: one that grows, and what becomes of one that is written."""

_BUCKETS_MAX = 20 * 128
"""Rows of `latencies` of a service: latencies that differ a million times fill so many buckets."""

_TO_DISK = "save the result, and rows go there while the run goes on (`--out DIR`, in Python `save_to`)"


class _Part(NamedTuple):
    """Rows of one kind.

    Attributes:
        what: The rows, in words.
        rows: How many.
        size: Bytes of all of them.
        at: Path of the field that makes them many.
        hint: What makes them fewer.
    """

    what: str
    rows: int
    size: int
    at: tuple[str | int, ...]
    hint: str

    def on_disk(self, *, row_bytes: int = 0) -> _Part:
        """The same rows when they are written while the run goes on, with what each still takes at the end."""
        few = math.ceil(self.size / max(self.rows, 1) * min(self.rows, _PARTS * PART_ROWS))
        return self._replace(size=min(self.size, few + self.rows * row_bytes))


def check_size(
    document: dict[str, Any], arrays: Arrays, *, least: dict[str, int], owners: dict[str, str], streamed: bool
) -> int:
    """Checks that a simulation fits the clock of the engine, and what it keeps memory.

    Args:
        document: The plan's document.
        arrays: The plan's arrays.
        least: Replicas that each service of the scenario has at least, by its name.
        owners: The service of the scenario that each service of the plan comes from.
        streamed: Whether rows of `requests`, `series` and `decisions` are written while the run goes on.

    Returns:
        Bytes that it keeps at most.

    Raises:
        FieldError: It does not fit; the path is that of the field which takes most.
    """
    if document["horizon_ns"] > _HORIZON_MAX_NS:
        raise FieldError("the simulation is longer than 73 years", hint="shorten the run", at=("duration",))
    arriving = _arriving(document, arrays)
    series, others = _series(document), [_decisions(document), _requests(document, sum(arriving.values()))]
    if streamed:
        rows = [series.on_disk(row_bytes=_READ_BYTES), *(part.on_disk() for part in others)]
    else:
        rows = [series, *others]
    parts = [*rows, _nodes(document), _replicas(document, least, owners)]
    parts += [_clients(document), _latencies(document, arriving)]
    size = sum(part.size for part in parts)
    available = memory_short_of(size)
    if available is not None:
        most = max(parts, key=lambda part: part.size)
        raise FieldError(
            f"the simulation is longer than memory: {most.rows:,} {most.what} need about {size_text(most.size)}, "
            f"{size_text(available)} are available",
            hint=f"{most.hint}; or {_TO_DISK}" if most in rows and not streamed else most.hint,
            at=most.at,
        )
    return size


def _series(document: dict[str, Any]) -> _Part:
    intervals = math.ceil(document["horizon_ns"] / document["record"]["series_step_ns"])
    rows = intervals * len(document["services"])
    return _Part("rows of `series`", rows, rows * _SERIES_ROW_BYTES, ("record", "series"), "choose a longer `series`")


def _decisions(document: dict[str, Any]) -> _Part:
    log = document["record"]["decisions"]
    one_in = {"all": 1, "changes": math.inf, "off": math.inf, "sampled": log.get("one_in", 1)}[log["keep"]]
    loops = [*document["controllers"], *document["node_controllers"]]
    made = sum(document["horizon_ns"] // each["period_ns"] + 1 for each in loops)
    rows = math.ceil(made / one_in)
    hint = "shorten the run, or keep fewer: `record: {decisions: changes}`"
    return _Part("decisions of controllers", rows, rows * _DECISION_BYTES, ("duration",), hint)


def _nodes(document: dict[str, Any]) -> _Part:
    rows = sum(each["nodes"] or 0 for each in document["platform"]["pools"])
    return _Part("nodes", rows, rows * _NODE_BYTES, ("platform", "pools"), "take fewer `nodes`")


def _replicas(document: dict[str, Any], least: dict[str, int], owners: dict[str, str]) -> _Part:
    counts = dict.fromkeys(least, 0)
    for each in document["services"]:
        owner = owners[each["name"]]
        counts[owner] += max(each["initial_replicas"], least[owner])
    rows = sum(counts.values())
    largest = max(counts, key=counts.__getitem__)
    return _Part("replicas", rows, rows * _REPLICA_BYTES, ("services", largest), "take fewer replicas")


def _arriving(document: dict[str, Any], arrays: Arrays) -> dict[int, float]:
    """Attempts that may arrive at each service."""
    from_outside = dict.fromkeys(range(len(document["services"])), 0.0)
    arriving = dict(from_outside)
    for each in document["workloads"]:
        from_outside[each["service"]] = _arrivals(each["source"], arrays)
        arriving[each["service"]] = from_outside[each["service"]] * _attempts(each)
    requests = _with_calls(from_outside, document["calls"])
    for call in document["calls"]:
        calling = _attempts_at(document, call["service"]) if call["hold"] else 1
        for to in call["to"]:
            arriving[to] += _sent(call, requests) / len(call["to"]) * _attempts(call) * calling
    return arriving


def _requests(document: dict[str, Any], arriving: float) -> _Part:
    log = document["record"]["requests"]
    one_in = {"off": math.inf, "full": 1, "sampled": log.get("one_in", 1)}[log["keep"]]
    rows = math.ceil(arriving / one_in)
    hint = "keep a sample: `requests: {sampled: 1000}`"
    return _Part("single requests", rows, rows * _REQUEST_BYTES, ("record", "requests"), hint)


def _with_calls(from_outside: dict[int, float], calls: list[dict[str, Any]]) -> dict[int, float]:
    """Requests of each service, those of other services included when each that was sent is completed."""
    requests = from_outside
    for _ in from_outside:  # no chain of calls is longer
        found = dict(from_outside)
        for call in calls:
            for to in call["to"]:
                found[to] += _sent(call, requests) / len(call["to"])
        if found == requests:
            break
        requests = found
    return requests


def _sent(call: dict[str, Any], requests: dict[int, float]) -> float:
    return float(requests[call["service"]] * call["probability"] * call["copies"] * len(call["to"]))


def _attempts(sender: dict[str, Any]) -> int:
    """Most rows that a request of a workload, or a call, may have: one for each attempt."""
    retry = sender["retry"]
    return int(retry["attempts_max"]) if retry else 1


def _attempts_at(document: dict[str, Any], service: int) -> int:
    """Most attempts of a request of a service, each of which makes synchronous calls of its own."""
    senders = [each for each in document["workloads"] if each["service"] == service]
    senders += [each for each in document["calls"] if service in each["to"]]
    return max(map(_attempts, senders), default=1)


def _clients(document: dict[str, Any]) -> _Part:
    counts = [each["clients"]["count"] if each["clients"] else 0 for each in document["workloads"]]
    most = counts.index(max(counts)) if counts else 0
    name = document["services"][document["workloads"][most]["service"]]["name"] if counts else ""
    hint = f"take fewer clients of `{name}`, or open arrivals: many clients that think long come like those"
    return _Part("clients", sum(counts), sum(counts) * _CLIENT_BYTES, ("workload",), hint)


def _latencies(document: dict[str, Any], arriving: dict[int, float]) -> _Part:
    """Buckets of histograms; clients in a closed loop may send any number of requests."""
    closed = {each["service"] for each in document["workloads"] if each["clients"]}
    counts = [_BUCKETS_MAX if service in closed else min(_BUCKETS_MAX, of) for service, of in arriving.items()]
    rows = math.ceil(sum(counts)) if document["record"]["latencies"] else 0
    hint = "leave out `latencies`"
    return _Part("rows of `latencies`", rows, rows * _LATENCY_BYTES, ("record", "latencies"), hint)


def _arrivals(source: dict[str, Any], arrays: Arrays) -> float:
    if source["source"] in {"load", "clients"}:
        return 0.0
    by_bin = source["source"] == "counts"
    count = float(arrays.f64[source["counts"]].sum()) if by_bin else float(arrays.u64[source["times"]].size)
    return count * float(source["keep_2_53"]) / 2**53
