"""Cuts, scales and repeats traces. Every function is pure, and says which statistical property it keeps.

Three ways to change the load are not the same thing, so they have different names: `multiply` keeps the relative
burstiness, thinning (a property of the workload, done by the engine request by request) makes it shrink towards
Poisson, and slowing time down is not offered because it turns a day into something else.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from hookean.errors import TraceError
from hookean.traces.series import NS_PER_S, CountSeries, LoadReport, RequestTable, request_rates, to_nanos, to_timedelta

if TYPE_CHECKING:
    import numpy.typing as npt

_WHOLE = 2**53
"""Largest float up to which every whole number is exact."""


def window(
    series: CountSeries, *, start: datetime | timedelta | None = None, duration: timedelta | None = None
) -> CountSeries:
    """Cuts a stretch out of a series; keeps every count inside it as it is.

    Args:
        series: The series.
        start: Absolute time with a zone, or time from the start of the series; the start itself when `None`.
        duration: Length; up to the end when `None`.

    Raises:
        TraceError: If the stretch does not lie inside the series, or its ends do not fall on the ends of bins.
    """
    start_ns = _start_ns(series.origin, start, name=series.name)
    length_ns = series.duration_ns - start_ns if duration is None else to_nanos(duration)
    for word, value in (("start", start_ns), ("duration", length_ns)):
        if value % series.step_ns:
            raise TraceError(
                f"{word} of the window does not fall between two bins of {series.step_ns / NS_PER_S:g} s",
                where=f"`{series.name}`",
                hint=f"move it by {value % series.step_ns / NS_PER_S:g} s: a bin cannot be cut",
            )
    _check_inside(series, start_ns, length_ns)
    first = start_ns // series.step_ns
    counts = series.counts[first : first + length_ns // series.step_ns]
    offset = to_timedelta(start_ns)
    origin = None if series.origin is None else series.origin + offset
    return _derived(series, counts=counts, origin=origin, offset=offset)


def multiply(series: CountSeries, factor: float) -> CountSeries:
    """Multiplies every count as a rate; the result is not whole.

    Keeps: shape, peak-to-mean, relative noise between bins. Requests drawn from it add Poisson noise of their own.

    Raises:
        TraceError: If the factor is not a finite number > 0.
    """
    _check_factor(factor, name=series.name)
    return _derived(series, counts=series.counts * factor, origin=series.origin)


def multiply_exact(series: CountSeries, factor: float) -> CountSeries:
    """Multiplies whole counts into whole counts, by rounding the running total (half to even).

    Keeps: shape, peak-to-mean and relative noise up to one request per bin. The total is the rounded product of the old
    total and the factor, and so is the total up to every bin: rounding never drifts.

    Raises:
        TraceError: If a count is not whole, the total exceeds 2^53, or the factor is not a finite number > 0.
    """
    _check_factor(factor, name=series.name)
    if np.any(series.counts != np.rint(series.counts)):
        raise TraceError(
            "counts are rates, not whole numbers",
            where=f"`{series.name}`",
            hint="use `multiply` for rates and profiles",
        )
    before = np.cumsum(series.counts)
    if before[-1] > _WHOLE or before[-1] * factor > _WHOLE:
        raise TraceError(
            "total exceeds 2^53 requests", where=f"`{series.name}`", hint="cut the trace with `window` first"
        )
    total = float(round(Fraction(int(before[-1])) * Fraction(factor)))
    # A product that is rounded up to a tie may round one above the exact total: the last bins then take nothing.
    after = np.minimum(np.rint(before * factor), total)
    after[-1] = total
    counts = np.diff(after, prepend=0.0)
    return _derived(series, counts=counts, origin=series.origin)


def repeat(series: CountSeries, times: int) -> CountSeries:
    """Appends a series to itself; keeps every statistic inside a copy, and joins the end to the start as they are.

    Raises:
        TraceError: If `times` is below 1.
    """
    _check_times(times, name=series.name)
    return _derived(series, counts=np.tile(series.counts, times), origin=series.origin)


def window_requests(
    table: RequestTable, *, start: datetime | timedelta | None = None, duration: timedelta | None = None
) -> RequestTable:
    """Keeps the requests of `[start, start + duration)`; their distances and work stay as they are.

    Args:
        table: The requests.
        start: Absolute time with a zone, or time from the start of the trace; the start itself when `None`.
        duration: Length; up to and with the last request when `None`.

    Raises:
        TraceError: If no request lies inside, or the stretch starts before the trace.
    """
    start_ns = _start_ns(table.origin, start, name=table.name)
    last_ns = int(table.times_ns[-1])
    end_ns = max(last_ns + 1, start_ns) if duration is None else start_ns + to_nanos(duration)
    if start_ns < 0 or end_ns < start_ns:
        raise TraceError("window starts before the trace or has a negative length", where=f"`{table.name}`")
    low, high = np.searchsorted(table.times_ns, np.array([start_ns, end_ns], dtype=np.uint64)).tolist()
    if low == high:
        raise TraceError(
            f"window [{start_ns / NS_PER_S:g} s, {end_ns / NS_PER_S:g} s) holds no request",
            where=f"`{table.name}`",
            hint=f"requests arrive from {int(table.times_ns[0]) / NS_PER_S:g} s to {last_ns / NS_PER_S:g} s",
        )
    origin = None if table.origin is None else table.origin + to_timedelta(start_ns)
    work = None if table.work_ns is None else table.work_ns[low:high]
    times = table.times_ns[low:high] - np.uint64(start_ns)
    return _replayed(table, times_ns=times, work_ns=work, origin=origin)


def repeat_requests(table: RequestTable, times: int, *, period: timedelta) -> RequestTable:
    """Replays a table several times, one period apart; keeps all distances and work inside a copy.

    Args:
        table: The requests.
        times: How many copies.
        period: Distance of the copies; longer than the table, so that the order stays.

    Raises:
        TraceError: If `times` is below 1 or the period is not longer than the last arrival.
    """
    _check_times(times, name=table.name)
    period_ns = to_nanos(period)
    if period_ns <= int(table.times_ns[-1]):
        raise TraceError(
            f"period of {period_ns / NS_PER_S:g} s is not longer than the last arrival",
            where=f"`{table.name}`",
            hint=f"the last request arrives at {int(table.times_ns[-1]) / NS_PER_S:g} s",
        )
    shifts = np.arange(times, dtype=np.uint64) * np.uint64(period_ns)
    repeated = (shifts[:, np.newaxis] + table.times_ns[np.newaxis, :]).ravel()
    work = None if table.work_ns is None else np.tile(table.work_ns, times)
    return _replayed(table, times_ns=repeated, work_ns=work, origin=table.origin)


def _start_ns(origin: datetime | None, start: datetime | timedelta | None, *, name: str) -> int:
    if start is None:
        return 0
    if isinstance(start, timedelta):
        return to_nanos(start)
    if start.tzinfo is None:
        raise TraceError(
            f"start `{start}` of the window has no time zone", where=f"`{name}`", hint="write it with one, such as `…Z`"
        )
    if origin is None:
        raise TraceError(
            "trace has no absolute time, so its window cannot start at one",
            where=f"`{name}`",
            hint="give the start as a time from the beginning of the trace, such as `2h`",
        )
    return to_nanos(start - origin)


def _check_inside(series: CountSeries, start_ns: int, length_ns: int) -> None:
    if start_ns < 0 or length_ns <= 0 or start_ns + length_ns > series.duration_ns:
        begin = to_timedelta(start_ns)
        start = begin if series.origin is None else f"{series.origin + begin:%Y-%m-%d %H:%M:%S %Z}"
        raise TraceError(
            f"window from {start} for {to_timedelta(length_ns)} is not inside the trace",
            where=f"`{series.name}`",
            hint=f"the trace covers {_span(series)}",
        )


def _span(series: CountSeries) -> str:
    length = to_timedelta(series.duration_ns)
    if series.origin is None:
        return f"{length} from its start"
    return f"{length} from {series.origin:%Y-%m-%d %H:%M:%S %Z} to {series.end:%Y-%m-%d %H:%M:%S %Z}"


def _check_factor(factor: float, *, name: str) -> None:
    if not (math.isfinite(factor) and factor > 0):
        raise TraceError(f"factor {factor} is not a finite number > 0", where=f"`{name}`")


def _check_times(times: int, *, name: str) -> None:
    if times < 1:
        raise TraceError(f"a trace cannot be repeated {times} times", where=f"`{name}`", hint="1 is the trace itself")


def _derived(
    series: CountSeries,
    *,
    counts: npt.NDArray[np.float64],
    origin: datetime | None,
    offset: timedelta = timedelta(0),
) -> CountSeries:
    """Returns a series with other counts, and rates and times in its report that describe them."""
    return replace(series, counts=counts, origin=origin, report=_report(series, counts=counts, offset=offset))


def _replayed(
    table: RequestTable,
    *,
    times_ns: npt.NDArray[np.uint64],
    work_ns: npt.NDArray[np.uint64] | None,
    origin: datetime | None,
) -> RequestTable:
    """Returns a table with other requests, and a report that describes them."""
    mean_rps, peak_rps = request_rates(times_ns)
    first, last = to_timedelta(int(times_ns[0])), to_timedelta(int(times_ns[-1]))
    report = replace(
        table.report,
        rows=times_ns.size,
        first=first if origin is None else origin + first,
        last=last if origin is None else origin + last,
        mean_rps=mean_rps,
        peak_rps=peak_rps,
    )
    return replace(table, times_ns=times_ns, work_ns=work_ns, origin=origin, report=report)


def _report(series: CountSeries, *, counts: npt.NDArray[np.float64], offset: timedelta) -> LoadReport:
    per_bin = NS_PER_S / series.step_ns
    first = series.report.first + offset
    return replace(
        series.report,
        first=first,
        last=first + to_timedelta((counts.size - 1) * series.step_ns),
        mean_rps=float(counts.mean()) * per_bin if counts.size else 0.0,
        peak_rps=float(counts.max()) * per_bin if counts.size else 0.0,
    )
