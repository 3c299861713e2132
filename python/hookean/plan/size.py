"""A simulation longer than memory is refused before it starts.

What a run keeps grows with rows that can be counted beforehand. The bytes of each are measured (peak memory of runs
with a million rows and more, engine and tables together), rounded up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hookean.scenario.fields import FieldError

if TYPE_CHECKING:
    from .workload import Arrays

_SERIES_ROW_BYTES = 500
_DECISION_BYTES = 750
_NODE_BYTES = 400
_REPLICA_BYTES = 400
_REQUEST_BYTES = 220
_CLIENT_BYTES = 200


@dataclass(frozen=True)
class _Part:
    """Rows of one kind.

    Attributes:
        what: The rows, in words.
        count: How many.
        size: Bytes of all of them.
        at: Path of the field that makes them many.
        hint: What makes them fewer.
    """

    what: str
    count: int
    size: int
    at: tuple[str | int, ...]
    hint: str


def check_size(document: dict[str, Any], arrays: Arrays, *, least: dict[str, int], owners: dict[str, str]) -> None:
    """Checks that what a simulation keeps fits in memory.

    Args:
        document: The plan's document.
        arrays: The plan's arrays.
        least: Replicas that each service of the scenario has at least, by its name.
        owners: The service of the scenario that each service of the plan comes from.

    Raises:
        FieldError: It does not fit; the path is that of the field which takes most.
    """
    from hookean.traces.memory import available_memory_bytes, size_text  # noqa: PLC0415 (imports polars)

    parts = [_series(document), _decisions(document), _nodes(document), _replicas(document, least, owners)]
    parts += [_requests(document, arrays), _clients(document)]
    needed, limit = sum(part.size for part in parts), available_memory_bytes()
    if needed > limit:
        most = max(parts, key=lambda part: part.size)
        raise FieldError(
            f"the simulation is longer than memory: {most.count:,} {most.what} need about {size_text(most.size)}, "
            f"{size_text(limit)} are available",
            hint=most.hint,
            at=most.at,
        )


def _series(document: dict[str, Any]) -> _Part:
    intervals = math.ceil(document["horizon_ns"] / document["record"]["series_step_ns"])
    rows = intervals * len(document["services"])
    return _Part("rows of `series`", rows, rows * _SERIES_ROW_BYTES, ("record", "series"), "choose a longer `series`")


def _decisions(document: dict[str, Any]) -> _Part:
    log = document["record"]["decisions"]
    one_in = {"all": 1, "changes": math.inf, "off": math.inf, "sampled": log.get("one_in", 1)}[log["keep"]]
    made = sum(document["horizon_ns"] // each["period_ns"] + 1 for each in document["controllers"])
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


def _requests(document: dict[str, Any], arrays: Arrays) -> _Part:
    log = document["record"]["requests"]
    one_in = {"off": math.inf, "full": 1, "sampled": log.get("one_in", 1)}[log["keep"]]
    from_outside = dict.fromkeys(range(len(document["services"])), 0.0)
    arriving = 0.0
    for each in document["workloads"]:
        from_outside[each["service"]] = _arrivals(each["source"], arrays)
        arriving += from_outside[each["service"]] * _attempts(each)
    requests = _with_calls(from_outside, document["calls"])
    arriving += sum(_sent(call, requests) * _attempts(call) for call in document["calls"])
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


def _clients(document: dict[str, Any]) -> _Part:
    counts = [each["clients"]["count"] if each["clients"] else 0 for each in document["workloads"]]
    most = counts.index(max(counts)) if counts else 0
    name = document["services"][document["workloads"][most]["service"]]["name"] if counts else ""
    hint = f"take fewer clients of `{name}`, or open arrivals: many clients that think long come like those"
    return _Part("clients", sum(counts), sum(counts) * _CLIENT_BYTES, ("workload",), hint)


def _arrivals(source: dict[str, Any], arrays: Arrays) -> float:
    if source["source"] in {"load", "clients"}:
        return 0.0
    by_bin = source["source"] == "counts"
    count = float(arrays.f64[source["counts"]].sum()) if by_bin else float(arrays.u64[source["times"]].size)
    return count * float(source["keep_2_53"]) / 2**53
