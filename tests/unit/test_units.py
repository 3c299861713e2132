from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookean.scenario.units import Bandwidth, Cpu, Duration, Memory, Price, Quantity, Rate, UnitError


@pytest.mark.parametrize(
    ("kind", "written", "base"),
    [
        (Duration, "15s", 15 * 10**9),
        (Duration, "250ms", 250 * 10**6),
        (Duration, "1h30m", 5400 * 10**9),
        (Duration, "2min 3s", 123 * 10**9),
        (Duration, "1.5 h", 5400 * 10**9),
        (Duration, "1d", 86_400 * 10**9),
        (Duration, "0.000001ms", 1),
        (Duration, timedelta(milliseconds=1.5), 1_500_000),
        (Cpu, 2, 2000),
        (Cpu, 0.1, 100),
        (Cpu, "0.5", 500),
        (Cpu, "500m", 500),
        (Cpu, Decimal("0.25"), 250),
        (Memory, "2Gi", 2 * 2**30),
        (Memory, "512MiB", 512 * 2**20),
        (Memory, "600MB", 600 * 10**6),
        (Memory, "1.5k", 1500),
        (Price, "0.09 USD/h", 90_000_000),
        (Price, "4.60800USD/h", 4_608_000_000),
        (Bandwidth, "125MB/s", 125_000_000),
    ],
)
def test_quantity_is_exact_in_base_units(kind, written, base):
    assert kind.parse(written).base == base


@pytest.mark.parametrize(
    ("written", "expected"), [("8/s", 28_800.0), ("480/min", 28_800.0), ("1/h", 1.0), ("24/d", 1.0)]
)
def test_rate_gives_expected_requests(written, expected):
    assert Rate.parse(written).expected(Duration.parse("1h")) == expected


@pytest.mark.parametrize(
    ("kind", "written", "message"),
    [
        (Duration, 15, "needs a unit, got the bare number `15`"),
        (Duration, "15", "needs a unit, got the bare number `15`"),
        (Duration, "15Mi", "`Mi` in `15Mi` is not a unit of a duration"),
        (Duration, "-3s", "must not be negative, got `-3s`"),
        (Duration, timedelta(seconds=-1), "must not be negative"),
        (Duration, "0.1ns", "`0.1ns` is finer than nanoseconds"),
        (Duration, "soon", "`soon` is not a duration"),
        (Duration, "", "`` is not a duration"),
        (Duration, "300000000000d", "too large"),
        (Duration, True, "expected a duration, got `true`"),
        (Duration, None, "expected a duration, got nothing"),
        (Duration, Cpu(1000), "expected a duration, got the CPU quantity `1 core`"),
        (Cpu, "0.1m", "`0.1m` is finer than millicores"),
        (Cpu, float("nan"), "must be a finite number"),
        (Cpu, float("inf"), "must be a finite number"),
        (Cpu, "1h30m", "`1h30m` is not a CPU quantity"),
        (Memory, "512", "needs a unit"),
        (Memory, 512, "needs a unit"),
        (Price, "0.09 EUR/h", "`EUR/h` in `0.09 EUR/h` is not a unit of a price"),
        (Rate, "8", "needs a unit"),
    ],
)
def test_bad_quantity_is_refused_in_words(kind, written, message):
    with pytest.raises(UnitError, match=message.replace("(", r"\(")):
        kind.parse(written)


def test_a_quantity_that_is_too_fine_is_rounded_in_the_hint():
    with pytest.raises(UnitError) as caught:
        Rate.parse("2.9999999999999996/s")
    assert caught.value.hint == "round it to whole requests per 10^9 days, for example to `3/s`"


def test_missing_unit_lists_the_allowed_ones():
    with pytest.raises(UnitError) as caught:
        Duration.parse(15)
    assert "`15s`" in caught.value.hint
    assert "`ms`" in caught.value.hint


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Duration(15 * 10**9), "15 s"),
        (Duration(250 * 10**6), "250 ms"),
        (Duration(0), "0 s"),
        (Duration(6 * 3600 * 10**9), "6 h"),
        (Cpu(1000), "1 core"),
        (Cpu(500), "0.5 cores"),
        (Memory(512 * 2**20), "512 MiB"),
        (Price(90_000_000), "0.09 USD/h"),
        (Rate.parse("8/s"), "8/s"),
    ],
)
def test_quantity_is_shown_shortly(quantity, text):
    assert str(quantity) == text


@pytest.mark.parametrize("kind", [Duration, Cpu, Memory, Price, Rate, Bandwidth])
@given(base=st.integers(min_value=0, max_value=2**62))
def test_text_of_a_quantity_reads_back_as_the_same_quantity(kind: type[Quantity], base):
    assert kind.parse(str(kind(base))) == kind(base)


def test_a_rate_of_a_million_requests_a_second_is_no_more_than_that():
    assert Rate.parse("1000000/s").expected(Duration.parse("1h")) == 3.6e9
