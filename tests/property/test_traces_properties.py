from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from hookean.traces import CountSeries, LoadReport, multiply_exact, repeat, window
from hookean.traces.clock import parse_instants, parse_seconds

SECONDS = st.decimals(min_value=0, max_value=9_000_000_000, places=9, allow_nan=False)


def series(counts):
    start = timedelta(0)
    report = LoadReport(source="x", format="x", rows=1, first=start, last=start, mean_rps=0.0, peak_rps=0.0)
    return CountSeries(
        name="x", kind="recorded", step_ns=10**9, counts=np.array(counts, dtype=float), origin=None, report=report
    )


@given(st.lists(SECONDS, min_size=1, max_size=30))
def test_decimal_seconds_become_exact_nanoseconds(values):
    parsed = parse_seconds(pl.Series([format(value, "f") for value in values]))
    assert parsed.values.tolist() == [int(value * 10**9) for value in values]
    assert not parsed.bad.any()
    assert parsed.rounded == 0


@given(st.lists(st.floats(min_value=0, max_value=9e9, allow_nan=False), min_size=1, max_size=30))
def test_what_python_prints_for_a_float_is_read_as_the_nearest_nanosecond(values):
    parsed = parse_seconds(pl.Series([repr(value) for value in values]))
    exact = [int((Decimal(repr(value)) * 10**9).to_integral_value(ROUND_HALF_UP)) for value in values]
    assert parsed.values.tolist() == exact
    assert not parsed.bad.any()


@given(st.text(max_size=12))
def test_any_text_is_a_number_for_both_or_refused(text):
    parsed = parse_seconds(pl.Series([text]))
    if not parsed.bad[0]:
        assert abs(Decimal(text) * 10**9 - int(parsed.values[0])) <= Decimal("0.5")


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - UTC is added
def test_instants_round_trip(moment):
    moment = moment.replace(tzinfo=UTC)
    nanos = ((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)) * 1000
    assert parse_instants(pl.Series([moment.isoformat(), moment.isoformat(sep=" ")])).values.tolist() == [nanos, nanos]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=200), st.floats(1e-3, 1e3))
def test_exact_scaling_keeps_whole_counts_and_the_rounded_total(counts, factor):
    scaled = multiply_exact(series(counts), factor).counts
    assert np.all(scaled == np.rint(scaled))
    assert scaled.min() >= 0
    assert int(scaled.sum()) == round(sum(counts) * Fraction(factor))
    assert np.all(np.abs(scaled - np.array(counts) * factor) <= 1 + 1e-6)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=50), st.data())
def test_two_windows_side_by_side_are_the_whole(counts, data):
    whole = series(counts)
    cut = data.draw(st.integers(0, len(counts)))
    parts = [
        window(whole, start=timedelta(seconds=start), duration=timedelta(seconds=stop - start)).counts
        for start, stop in ((0, cut), (cut, len(counts)))
        if stop > start
    ]
    assert np.concatenate(parts).tolist() == whole.counts.tolist()


@given(st.lists(st.integers(0, 100), min_size=1, max_size=50), st.integers(1, 5))
def test_repeats_multiply_the_total_and_the_length(counts, times):
    longer = repeat(series(counts), times)
    assert longer.counts.size == times * len(counts)
    assert longer.counts.sum() == times * sum(counts)
