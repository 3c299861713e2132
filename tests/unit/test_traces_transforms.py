from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from hookean.errors import TraceError
from hookean.traces import (
    CountSeries,
    LoadReport,
    RequestTable,
    multiply,
    multiply_exact,
    repeat,
    repeat_requests,
    window,
    window_requests,
)

MINUTE = timedelta(minutes=1)
ORIGIN = datetime(1998, 6, 30, tzinfo=UTC)


def series(counts, *, origin=ORIGIN):
    first = timedelta(0) if origin is None else origin
    report = LoadReport(source="x", format="x", rows=len(counts), first=first, last=first, mean_rps=0.0, peak_rps=0.0)
    return CountSeries(
        name="x",
        kind="recorded",
        step_ns=60_000_000_000,
        counts=np.array(counts, dtype=float),
        origin=origin,
        report=report,
    )


def table(times_s, work_s=None, *, origin=None):
    report = LoadReport(
        source="x", format="x", rows=len(times_s), first=timedelta(0), last=timedelta(0), mean_rps=0.0, peak_rps=0.0
    )
    work = None if work_s is None else np.array(work_s, dtype=np.uint64) * np.uint64(10**9)
    return RequestTable(
        name="x",
        times_ns=np.array(times_s, dtype=np.uint64) * np.uint64(10**9),
        work_ns=work,
        origin=origin,
        report=report,
    )


def test_window_takes_absolute_and_relative_starts():
    whole = series([1, 2, 3, 4])
    for start in (MINUTE, ORIGIN + MINUTE, (ORIGIN + MINUTE).astimezone(timezone(timedelta(hours=2)))):
        part = window(whole, start=start, duration=2 * MINUTE)
        assert part.counts.tolist() == [2, 3]
        assert part.origin == ORIGIN + MINUTE
        assert part.report.peak_rps == 3 / 60
        assert (part.report.first, part.report.last) == (ORIGIN + MINUTE, ORIGIN + 2 * MINUTE)
    assert window(whole, start=3 * MINUTE).counts.tolist() == [4]
    assert window(whole).counts.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": timedelta(seconds=90)}, "start of the window does not fall between two bins"),
        ({"duration": timedelta(seconds=90)}, "duration of the window does not fall between two bins"),
        ({"start": 5 * MINUTE}, "not inside the trace"),
        ({"start": -MINUTE}, "not inside the trace"),
        ({"duration": 5 * MINUTE}, "not inside the trace"),
        ({"duration": timedelta(0)}, "not inside the trace"),
        ({"start": ORIGIN - MINUTE}, "not inside the trace"),
        ({"start": datetime(1998, 6, 30)}, "no time zone"),  # noqa: DTZ001 - that is what is tested
    ],
)
def test_windows_that_cannot_be_cut_are_refused(options, words):
    with pytest.raises(TraceError, match=words):
        window(series([1, 2, 3, 4]), **options)


def test_a_trace_without_origin_has_no_absolute_window():
    with pytest.raises(TraceError, match="no absolute time"):
        window(series([1, 2], origin=None), start=ORIGIN)


def test_multiply_keeps_the_shape():
    assert multiply(series([1, 2, 0]), 0.25).counts.tolist() == [0.25, 0.5, 0.0]


def test_multiply_exact_rounds_the_running_total():
    assert multiply_exact(series([1, 1, 1, 1]), 0.5).counts.tolist() == [0, 1, 1, 0]
    assert multiply_exact(series([1, 1, 1]), 1 / 3).counts.tolist() == [0, 1, 0]
    assert multiply_exact(series([3, 0, 5]), 2.0).counts.tolist() == [6, 0, 10]


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_factors_are_refused(factor):
    for scale in (multiply, multiply_exact):
        with pytest.raises(TraceError, match="finite number > 0"):
            scale(series([1, 2]), factor)


def test_multiply_exact_refuses_rates_and_totals_that_floats_cannot_count():
    with pytest.raises(TraceError, match="not whole"):
        multiply_exact(series([1.5]), 2.0)
    with pytest.raises(TraceError, match="2\\^53"):
        multiply_exact(series([2.0**52]), 4.0)


def test_repeat_appends_copies():
    twice = repeat(series([1, 2]), 2)
    assert twice.counts.tolist() == [1, 2, 1, 2]
    assert twice.report.last == ORIGIN + 3 * MINUTE
    with pytest.raises(TraceError, match="0 times"):
        repeat(series([1]), 0)


def test_window_of_requests_is_half_open_and_shifts_times():
    whole = table([0, 10, 20, 30], [1, 2, 3, 4], origin=ORIGIN)
    part = window_requests(whole, start=timedelta(seconds=10), duration=timedelta(seconds=20))
    assert part.times_ns.tolist() == [0, 10_000_000_000]
    assert part.work_ns.tolist() == [2_000_000_000, 3_000_000_000]
    assert part.origin == ORIGIN + timedelta(seconds=10)
    assert window_requests(whole, start=ORIGIN + timedelta(seconds=25)).times_ns.tolist() == [5_000_000_000]
    assert window_requests(whole, duration=timedelta(seconds=10)).report.rows == 1


def test_empty_windows_of_requests_are_refused():
    for start in (timedelta(seconds=11), timedelta(seconds=60)):
        with pytest.raises(TraceError, match="holds no request"):
            window_requests(table([0, 10]), start=start)
    with pytest.raises(TraceError, match="starts before the trace"):
        window_requests(table([0, 10]), start=timedelta(seconds=-1))


def test_repeated_requests_are_one_period_apart():
    twice = repeat_requests(table([0, 10], [1, 2]), 2, period=timedelta(seconds=15))
    assert (twice.times_ns // np.uint64(10**9)).tolist() == [0, 10, 15, 25]
    assert (twice.work_ns // np.uint64(10**9)).tolist() == [1, 2, 1, 2]
    with pytest.raises(TraceError, match="not longer than the last arrival"):
        repeat_requests(table([0, 10]), 2, period=timedelta(seconds=10))


def test_a_series_refuses_what_is_not_a_count():
    for counts in ([], [-1.0], [float("nan")]):
        with pytest.raises(TraceError):
            series(counts)
    with pytest.raises(TraceError, match="no time zone"):
        series([1], origin=datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is tested


def test_a_request_table_refuses_unsorted_times_and_uneven_columns():
    with pytest.raises(TraceError, match="earlier"):
        table([2, 1])
    with pytest.raises(TraceError, match="2 times but 1"):
        table([1, 2], [1])
    with pytest.raises(TraceError, match="no request"):
        table([])
