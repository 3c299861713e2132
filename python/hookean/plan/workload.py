"""The workloads of a plan: arrays of counts or requests, and how they are replayed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hookean.memory import memory_short_of, size_text
from hookean.scenario.fields import FieldError, Status
from hookean.scenario.provenance import Fixed, Known, known
from hookean.scenario.units import NANOS_PER_SECOND, Duration

from .callers import callers_end_ns, callers_text, callers_tree, callers_warnings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hookean.scenario.service import Service
    from hookean.scenario.workload import Workload

    from .tree import Branch

_KEEP_ALL = 2**53


@dataclass
class Arrays:
    """The arrays of a plan, in the order in which workloads need them.

    Attributes:
        f64: Counts per bin; equal ones are the same object.
        u64: Times and work of requests.
    """

    f64: list[NDArray[np.float64]] = field(default_factory=list)
    u64: list[NDArray[np.uint64]] = field(default_factory=list)
    _alike: dict[tuple[int, int], list[NDArray[np.float64]]] = field(default_factory=dict)

    def add_counts(self, counts: NDArray[np.float64]) -> int:
        """Appends counts per bin, which nobody may change any more.

        Args:
            counts: At least one.

        Returns:
            Their index.
        """
        bits = counts.tobytes()
        alike = self._alike.setdefault((len(bits), hash(bits)), [])
        same = next((each for each in alike if each.tobytes() == bits), None)
        if same is None:
            counts.flags.writeable = False  # the engine reads it where it is
            alike.append(counts)
        self.f64.append(counts if same is None else same)
        return len(self.f64) - 1


class ResolvedWorkload(NamedTuple):
    """A workload with its data read.

    Attributes:
        tree: The workload as the plan writes it, with provenance, without the index of its service.
        end_ns: When it ends; `None` for a load that goes round.
        makes_requests: Whether requests need the `work` of the service.
        description: The workload in a few words.
        warnings: What the reader of a trace has to say, and what has no effect.
    """

    tree: dict[str, Any] | Branch
    end_ns: int | None
    makes_requests: bool
    description: str
    warnings: tuple[str, ...] = ()

    @property
    def start_ns(self) -> int:
        """When it begins."""
        start: int = dict(self.tree.items())["start_ns"].value
        return start


class _Counts(NamedTuple):
    """Counts per bin, before they are scaled."""

    values: NDArray[np.float64]
    step: Known
    text: str
    status: Status
    source: str
    arrivals: str
    warnings: tuple[str, ...] = ()


def resolve_workload(workload: Workload, service: Service, *, base_dir: Path, arrays: Arrays) -> ResolvedWorkload:
    """Reads what a workload refers to and appends it to the arrays, and adds its callers.

    Raises:
        FileNotFoundError: A trace or request table is not there.
        TraceError: A trace or request table cannot be read.
        FieldError: Options do not fit the data; the path is below the workload.
    """
    start = (
        known(service, "start", value=service.start.nanos)
        if workload.start is None
        else Known(workload.start.nanos, workload.start, "user", "scenario")
    )
    found = _source(workload, start, base_dir=base_dir, arrays=arrays)
    texts = [found.description, *callers_text(workload)]
    return found._replace(
        tree=dict(found.tree.items()) | callers_tree(workload),
        end_ns=callers_end_ns(workload, start.value, found.end_ns),
        makes_requests=found.makes_requests or workload.clients is not None,
        description=", ".join(text for text in texts if text),
        warnings=(*found.warnings, *callers_warnings(workload, service)),
    )


def _source(workload: Workload, start: Known, *, base_dir: Path, arrays: Arrays) -> ResolvedWorkload:
    if workload.load is not None:
        return _load(workload, start)
    if workload.requests is not None:
        return _table(workload, start, base_dir=base_dir, arrays=arrays)
    if workload.source == "clients":
        tree = {"start_ns": start, "source": {"source": Fixed("clients")}}
        return ResolvedWorkload(tree, None, True, "")
    return _counts(workload, start, found=_read_counts(workload, base_dir), arrays=arrays)


def _load(workload: Workload, start: Known) -> ResolvedWorkload:
    steps = workload.load or ()
    length = sum(step.for_.nanos for step in steps)
    text = ", ".join(f"{step.cpu} for {step.for_}" for step in steps)
    source = {
        "source": Fixed("load"),
        "steps": Known(
            [{"millicores": step.cpu.millicores, "duration_ns": step.for_.nanos} for step in steps],
            text,
            "user",
            "scenario",
        ),
        "cycle": known(workload, "cycle", value=workload.cycle),
    }
    end = None if workload.cycle else start.value + length
    return ResolvedWorkload({"start_ns": start, "source": source}, end, False, f"fluid load: {text}")


def _table(workload: Workload, start: Known, *, base_dir: Path, arrays: Arrays) -> ResolvedWorkload:
    from hookean.traces import load_requests, window_requests  # noqa: PLC0415 (imports polars)

    path = workload.requests or ""
    table = load_requests(path, base_dir=base_dir)
    if workload.from_ is not None or workload.duration is not None:
        table = window_requests(table, start=_moment(workload), duration=_timedelta(workload.duration, "duration"))
    arrays.u64.append(table.times_ns)
    text = f"{table.times_ns.size} requests of `{table.name}`"
    times = Known(len(arrays.u64) - 1, text, "user", path)
    work: Known | Fixed = Fixed(None)
    if table.work_ns is not None:
        arrays.u64.append(table.work_ns)
        work = Known(len(arrays.u64) - 1, f"column `work` of `{table.name}`", "user", path)
    source = {"source": Fixed("table"), "times": times, "work": work, "keep_2_53": _keep(workload)}
    length = int(table.times_ns[-1]) + 1 if workload.duration is None else workload.duration.nanos
    end = start.value + length
    tree = {"start_ns": start, "source": source}
    return ResolvedWorkload(tree, end, table.work_ns is None, text, table.report.warnings)


def _read_counts(workload: Workload, base_dir: Path) -> _Counts:
    if workload.trace is not None:
        return _traced(workload, base_dir)
    if workload.rate is not None and workload.duration is not None:
        expected = np.array([workload.rate.expected(workload.duration)])
        step = known(workload, "duration", value=workload.duration.nanos)
        return _Counts(expected, step, f"{workload.rate}", "user", "scenario", "poisson")
    if workload.rates is not None:
        step = known(workload.rates, "step", value=workload.rates.step.nanos)
        values = workload.rates.values.values * (workload.rates.step.nanos / NANOS_PER_SECOND)
        return _Counts(values, step, f"{values.size} rates", "user", "scenario", "poisson")
    if workload.counts is not None and workload.step is not None:
        step = known(workload, "step", value=workload.step.nanos)
        values = workload.counts.values
        return _Counts(values, step, f"{values.size} counts", "user", "scenario", "poisson")
    raise LookupError("a workload without source passed validation")


def _traced(workload: Workload, base_dir: Path) -> _Counts:
    from hookean.traces import load_trace, window  # noqa: PLC0415 (imports polars)

    series = load_trace(workload.trace or "", base_dir=base_dir, format=workload.format)
    if workload.from_ is not None or workload.duration is not None:
        series = window(series, start=_moment(workload), duration=_timedelta(workload.duration, "duration"))
    recorded = series.kind == "recorded"
    step = Duration(series.step_ns)
    status: Status = "measured" if recorded else "fitted"
    licence = f"; {series.report.licence}" if series.report.licence else ""
    source = f"{series.report.source}{licence}"
    return _Counts(
        series.counts,
        Known(step.nanos, str(step), status, source),
        f"`{series.name}`, {series.counts.size} bins of {step}",
        status,
        source,
        "exact" if recorded else "poisson",
        series.report.warnings,
    )


def _counts(workload: Workload, start: Known, *, found: _Counts, arrays: Arrays) -> ResolvedWorkload:
    arrivals = workload.arrivals or found.arrivals
    _check_repeats(found.values.nbytes * workload.repeat)
    values = found.values if workload.repeat == 1 else np.tile(found.values, workload.repeat)
    if arrivals == "exact":
        values = _whole(values, workload.scale)
    elif workload.scale != 1:
        values = values * workload.scale
    total = values.sum()
    if not total < _KEEP_ALL:  # so that a sum that is not a number is refused as well
        hint = "a smaller `scale`, or fewer repetitions"
        raise FieldError("the workload has more requests than can be counted (2^53)", hint=hint)
    if total == 0:
        raise FieldError("the workload has no request", hint=_MORE.get(workload.source, "use a larger `scale`"))
    index = arrays.add_counts(values)
    text = found.text + _changes(workload)
    own = workload.arrivals is not None
    source = {
        "source": Fixed("counts"),
        "counts": Known(index, text, found.status, found.source),
        "step_ns": found.step,
        "arrivals": Known(arrivals, arrivals, *(("user", "scenario") if own else ("assumed", _ARRIVALS[arrivals]))),
        "keep_2_53": _keep(workload),
        "batch": Fixed(None)
        if workload.batch is None
        else Known(workload.batch.plan(), workload.batch.describe(), "user", "scenario"),
    }
    end = start.value + found.step.value * values.size
    return ResolvedWorkload({"start_ns": start, "source": source}, end, True, text, found.warnings)


_COPIES = 4
"""Arrays as long as a repeated trace that exist at once while it is scaled."""


def _check_repeats(size: int) -> None:
    needed = size * _COPIES
    available = memory_short_of(needed)
    if available is not None:
        message = (
            "the workload is longer than memory: "
            f"it needs about {size_text(needed)}, {size_text(available)} are available"
        )
        raise FieldError(message, hint="fewer repetitions, or wider bins", at=["repeat"])


_ARRIVALS = {
    "exact": "recorded counts are replayed exactly; instants inside a bin are drawn",
    "poisson": "a rate or a profile describes an expectation; counts are drawn",
}


_MORE = {
    "trace": "use a larger `scale`, or another part of the trace",
    "rate": "give a `rate` above 0",
    "rates": "give some rate above 0",
    "counts": "give some count above 0",
}


def _changes(workload: Workload) -> str:
    changes = [
        f"{workload.repeat} times" if workload.repeat > 1 else "",
        f"counts times {workload.scale:g}" if workload.scale != 1 else "",
        f"thinned to {workload.thin:g}" if workload.thin != 1 else "",
        workload.batch.describe() if workload.batch else "",
    ]
    return "".join(f", {change}" for change in changes if change)


def _whole(values: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Scales counts to whole numbers by rounding the running total, so that the total is the rounded total."""
    before = np.cumsum(values)
    after = np.rint(before * scale)
    if (values == np.rint(values)).all() and before[-1] < _KEEP_ALL:
        after[-1] = round(Fraction(int(before[-1])) * Fraction(repr(scale)))
    counts: NDArray[np.float64] = np.diff(np.maximum.accumulate(after), prepend=0.0)
    return counts


def _keep(workload: Workload) -> Known:
    parts = _KEEP_ALL if workload.thin == 1 else round(Fraction(repr(workload.thin)) * _KEEP_ALL)
    return known(workload, "thin", value=parts, text=f"{workload.thin:g}")


def _moment(workload: Workload) -> datetime | timedelta | None:
    if isinstance(workload.from_, Duration):
        return _timedelta(workload.from_, "from")
    return workload.from_


def _timedelta(value: Duration | None, name: str) -> timedelta | None:
    if value is None:
        return None
    if value.nanos % 1000:
        raise FieldError(f"`{name}` ({value}) is finer than microseconds", at=[name])
    return timedelta(microseconds=value.nanos // 1000)
