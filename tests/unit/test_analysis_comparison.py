"""Comparison, headline, start-up breakdown, envelopes and wording."""

from datetime import timedelta

import polars as pl
import pytest
from fake_result import SECOND, fake_result, world_cup_day

from hookean.analysis import METRICS, comparison, headline, startup_breakdown, wording
from hookean.analysis.envelope import bucket_size, envelope


def changed(result, **summary):
    frame = result.summary.with_columns(
        pl.Series(name, values, dtype=result.summary.schema[name]) for name, values in summary.items()
    )
    return type(result)(**{**vars(result), "summary": frame})


def judged(attainment, cost=10.0):
    return changed(fake_result(minutes=10), slo_attainment_ratio=[attainment], cost_usd=[cost])


def test_comparison_has_one_row_per_contender_and_service():
    results = {"b": fake_result(minutes=10, services=("web", "api")), "a": fake_result(minutes=10)}
    table = comparison(results)
    assert table.select("contender", "service").rows() == [("b", "api"), ("b", "web"), ("a", "web")]
    assert table.columns == [metric.name for metric in METRICS]


def test_comparison_adds_failures_up_and_prices_completed_requests():
    result = changed(
        fake_result(minutes=10), arrivals=[150], retries=[50], completed=[50], given_up=[25], cost_usd=[0.5]
    )
    row = comparison({"x": result}).row(0, named=True)
    assert row["failed"] == 25
    assert row["failed_ratio"] == pytest.approx(0.25)
    assert row["cost_per_million_usd"] == pytest.approx(10_000.0)


def test_comparison_without_requests_has_nulls_not_zeros():
    row = comparison({"x": fake_result(minutes=24, requests=False, slo=False)}).row(0, named=True)
    for name in ("failed_ratio", "cost_per_million_usd", "slo_met", "slo_attainment_ratio", "latency_p99"):
        assert row[name] is None, name
    assert row["demand_mean"] > 0


def test_comparing_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        comparison({})


def test_headline_names_the_only_one_that_met_the_objective():
    got = headline({"a": judged(0.995, 12.0), "b": judged(0.95, 8.0), "c": judged(0.9, 7.0)})
    assert got == [
        "Only “a” (99.50 %) met the objective of 99 % of requests within 250 ms.",
        "“b” (95.00 %) and “c” (90.00 %) missed it.",
        "“a” costs USD 12.00; “b” costs USD 8.00 and “c” costs USD 7.00.",
    ]


def test_headline_prefers_the_cheapest_of_those_that_met_it():
    got = headline({"a": judged(0.995, 12.0), "b": judged(0.992, 9.0), "c": judged(0.9, 7.0)})
    assert got[0] == "“a” (99.50 %) and “b” (99.20 %) met the objective of 99 % of requests within 250 ms."
    assert got[-1] == "The cheapest that met it is “b” at USD 9.00; “a” costs USD 12.00 and “c” costs USD 7.00."


def test_headline_when_all_or_none_met_it():
    every = headline({"a": judged(0.995), "b": judged(0.992)})
    assert every[0] == "“a” (99.50 %) and “b” (99.20 %) met the objective of 99 % of requests within 250 ms."
    assert len(every) == 2
    none = headline({"a": judged(0.9), "b": judged(0.95)})
    assert none[0] == "No contender met the objective of 99 % of requests within 250 ms. The closest is “b” (95.00 %)."


def test_headline_of_one_contender():
    assert headline({"a": judged(0.98)})[0] == "“a” (98.00 %) missed the objective of 99 % of requests within 250 ms."
    assert headline({"a": judged(0.99)})[0] == "“a” (99.00 %) met the objective of 99 % of requests within 250 ms."


def test_headline_without_objective_or_requests():
    fluid = {"a": fake_result(minutes=24, requests=False, slo=False)}
    assert headline(fluid)[0].startswith("No service has a latency objective")
    unknown = headline({"a": fake_result(minutes=24, requests=False)})
    assert unknown[0] == "“a” cannot be judged: a service with an objective had no request that ended."


def test_headline_says_first_that_a_run_is_partial():
    got = headline({"a": judged(0.995), "b": fake_result(minutes=10, partial=True)})
    assert got[0].startswith("“b” was stopped before the end")


def test_headline_of_several_services_names_the_worst():
    result = changed(fake_result(minutes=10, services=("api", "web")), slo_attainment_ratio=[0.999, 0.97])
    assert headline({"a": result})[0] == (
        "“a” (97.00 % in `web`, its worst of 2 services) missed the objective of 99 % of requests within 250 ms."
    )


def test_startup_stages_add_up_to_the_total():
    result = world_cup_day(240)["VM fleet, target tracking"]
    table = startup_breakdown(result)
    assert table["stage"].to_list() == ["place", "provision", "boot", "init", "total"]
    means = table["mean"].cast(pl.Int64).to_list()
    assert sum(means[:-1]) == pytest.approx(means[-1], rel=1e-6)
    born_later = result.replicas.filter(pl.col("init").is_not_null()).height
    assert table["replicas"].to_list() == [born_later] * 5


def test_startup_of_warm_replicas_only_is_empty():
    assert startup_breakdown(fake_result(minutes=10, stage_seconds={})).height == 0


def test_envelope_keeps_extremes_and_length():
    frame = pl.DataFrame({"time": range(1, 8), "v": [1.0, 9.0, 2.0, 3.0, -4.0, 5.0, 8.0]}).with_columns(
        (pl.col("time") * SECOND).cast(pl.Duration("ns"))
    )
    got = envelope(frame, ["v"], size=3)
    assert got["v_max"].to_list() == [9.0, 5.0, 8.0]
    assert got["v_min"].to_list() == [1.0, -4.0, 8.0]
    assert got["v_mean"].to_list() == pytest.approx([4.0, 4.0 / 3.0, 8.0])
    assert got["time"].cast(pl.Int64).to_list() == [3 * SECOND, 6 * SECOND, 7 * SECOND]


@pytest.mark.parametrize(("rows", "size"), [(0, 1), (1440, 1), (2000, 1), (2001, 2), (125_280, 63)])
def test_bucket_size_keeps_points_below_the_limit(rows, size):
    assert bucket_size(rows) == size


@pytest.mark.parametrize(
    ("ratio", "target", "text"),
    [(0.98996, 0.99, "98.99 %"), (0.99, 0.99, "99.00 %"), (0.999999, 0.99, "99.99 %"), (1.0, 0.99, "100.00 %"),
     (0.9994999, 0.9995, "99.94 %"), (0.99950001, 0.9995, "99.95 %"), (0.999995, 0.99999, "99.999 %"), (None, 0.99, "—")],
)  # fmt: skip
def test_attainment_is_never_rounded_across_its_target(ratio, target, text):
    assert wording.attainment(ratio, target=target) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00025, "250 µs"), (0.25, "250 ms"), (1.5, "1.5 s"), (90.0, "90 s"), (600.0, "10 min"), (86400.0, "24 h"), (7516800.0, "87 days")],
)  # fmt: skip
def test_durations_are_written_in_fitting_units(seconds, text):
    assert wording.duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "USD 0.00"), (0.00123, "USD 0.0012"), (12.345, "USD 12.35"), (1234.5, "USD 1,234"), (None, "—")],
)
def test_money_is_written_with_fitting_digits(amount, text):
    assert wording.usd(amount) == text
