"""Figures show the numbers of their tables, for ordinary and odd results."""

import base64
import dataclasses

import numpy as np
import polars as pl
import pytest
from fake_result import fake_result, world_cup_day

from hookean import figures
from hookean.analysis.envelope import POINTS_MAX
from hookean.figures import decisions, style
from hookean.figures.curves import joined_intervals
from hookean.result.frames import schema_of

FIGURES = {
    "supply": (figures.supply_figure, figures.supply_table),
    "latency": (figures.latency_figure, figures.latency_table),
    "decisions": (figures.decisions_figure, figures.decisions_table),
    "startup": (figures.startup_figure, figures.startup_table),
    "cost": (figures.cost_figure, figures.cost_table),
    "outcomes": (figures.outcomes_figure, figures.outcomes_table),
}
ODD = {
    "fluid": lambda: fake_result(minutes=24, requests=False, slo=False),
    "no objective": lambda: fake_result(minutes=24, slo=False),
    "no decisions": lambda: fake_result(minutes=24, decisions_per_minute=0),
    "warm replicas only": lambda: fake_result(minutes=24, stage_seconds={}),
    "one interval": lambda: fake_result(minutes=1),
    "partial": lambda: fake_result(minutes=24, partial=True),
    "no requests with objective": lambda: fake_result(minutes=24, requests=False),
}


def values(data):
    if isinstance(data, dict):
        return np.frombuffer(base64.b64decode(data["bdata"]), dtype=data["dtype"])
    return np.array([] if data is None else data, dtype=float)


def traces(figure, **wanted):
    return [
        trace for trace in figure.to_dict()["data"] if all(trace.get(key) == value for key, value in wanted.items())
    ]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", FIGURES)
def test_odd_results_give_a_figure_and_a_table(name, odd):
    draw, table = FIGURES[name]
    results = {"ordinary": fake_result(minutes=24), "odd": ODD[odd]()}
    for given in (results, {"odd": results["odd"]}):
        figure = draw(given, service="web")
        assert figure.layout.height > 0
        assert set(table(given, service="web")["contender"]) <= set(given)


@pytest.mark.parametrize("name", FIGURES)
def test_equal_results_give_equal_figures(name):
    draw, _ = FIGURES[name]
    assert draw(world_cup_day(30), service="web").to_json() == draw(world_cup_day(30), service="web").to_json()


@pytest.mark.parametrize("curve", ["demand", "ready"])
def test_supply_figure_draws_the_numbers_of_its_table(curve):
    results = world_cup_day(90)
    table = figures.supply_table(results, service="web")
    drawn = traces(figures.supply_figure(results, service="web"), name=curve, showlegend=False)
    assert len(drawn) == 3
    for name, trace in zip(results, drawn, strict=True):
        expected = table.filter(pl.col("contender") == name)[curve]
        assert values(trace["y"]).tolist() == expected.to_list()


def test_supply_shows_every_interval_of_a_day():
    table = figures.supply_table(world_cup_day(), service="web")
    assert table.height == 3 * 1440
    assert table.columns == ["contender", "time", "demand", "ready", "desired"]


def test_long_runs_keep_their_extremes_in_few_points():
    result = fake_result(minutes=5000)
    results = {"long": result}
    assert joined_intervals(results) == 3
    supply = figures.supply_table(results, service="web")
    assert supply.height == 1667 <= POINTS_MAX
    assert supply["ready_max"].max() == result.series["ready"].max()
    assert supply["ready_min"].min() == result.series["ready"].min()
    latency = figures.latency_table(results, service="web")
    assert latency["latency_p99"].max() == result.series["latency_p99"].max()
    assert latency.columns == ["contender", "time", "latency_p50", "latency_p95", "latency_p99"]
    for draw in (figures.supply_figure, figures.latency_figure, figures.decisions_figure):
        for trace in draw(results, service="web").to_dict()["data"]:
            assert values(trace["x"]).size <= POINTS_MAX


def test_latency_figure_leaves_gaps_and_draws_the_objective():
    result = fake_result(minutes=10)
    gap = pl.when(pl.int_range(pl.len()) == 4).then(None).otherwise(pl.col("latency_p99")).alias("latency_p99")
    holed = type(result)(**{**vars(result), "series": result.series.with_columns(gap)})
    figure = figures.latency_figure({"a": holed}, service="web")
    [p99] = traces(figure, name="p99", showlegend=False)
    assert np.isnan(values(p99["y"])).tolist() == [minute == 4 for minute in range(10)]
    assert p99["connectgaps"] is False
    [line] = figure.layout.shapes
    assert line.y0 == line.y1 == 0.25


def test_decisions_are_marked_with_escaped_reasons_and_only_when_they_change_something():
    result = fake_result(minutes=60)
    nasty = result.decisions.with_columns(reason=pl.lit("<b>because</b> & so"))
    results = {"a": type(result)(**{**vars(result), "decisions": nasty})}
    table = figures.decisions_table(results, service="web")
    assert 0 < table.height < result.decisions.height
    assert (table["current"] != table["desired"]).all()
    marks = [trace for trace in traces(figures.decisions_figure(results, service="web")) if "customdata" in trace]
    texts = [text for trace in marks for text in trace["customdata"]]
    assert len(texts) == table.height
    assert all("&lt;b&gt;because&lt;/b&gt; &amp; so" in text for text in texts)


def test_too_many_decisions_keep_the_largest_and_spread_the_rest(monkeypatch):
    monkeypatch.setattr(decisions, "MARKS_MAX", 20)
    results = {"a": fake_result(minutes=600)}
    every = figures.decisions_table(results, service="web")
    marked = decisions.marked_decisions(results, service="web")
    assert every.height > marked.height == 20
    step = (pl.col("desired").cast(pl.Int64) - pl.col("current").cast(pl.Int64)).abs()
    kept = marked.select(step)["desired"].sort(descending=True)
    assert kept.to_list() == every.select(step)["desired"].sort(descending=True).head(20).to_list()


def test_startup_bars_add_up_to_the_mean_total():
    results = world_cup_day(240)
    bars = traces(figures.startup_figure(results, service="web"), type="bar")
    total = figures.startup_table(results, service="web").filter(pl.col("stage") == "total")
    name = "VM fleet, target tracking"
    drawn = sum(
        float(x) for bar in bars for x, y in zip(values(bar["x"]), bar["y"], strict=True) if y == style.label(name)
    )
    expected = total.filter(pl.col("contender") == name)["mean"].dt.total_seconds(fractional=True)[0]
    assert drawn == pytest.approx(expected, rel=1e-6)


def test_outcomes_are_shares_of_arrivals_and_show_what_the_objective_allows():
    results = world_cup_day()
    figure = figures.outcomes_figure(results, service="web")
    table = figures.outcomes_table(results, service="web")
    assert (table["good"] + table["late"]).to_list() == table["completed"].to_list()
    [rejected] = traces(figure, name="rejected")
    assert values(rejected["x"]).tolist() == pytest.approx((table["rejected"] / table["arrivals"]).to_list())
    assert figure.layout.shapes[0].x0 == pytest.approx(0.01)


def test_cost_is_drawn_against_attainment_only_when_there_is_something_to_compare():
    results = world_cup_day(60)
    points = traces(figures.cost_figure(results, service="web"), type="scatter")
    table = figures.cost_table(results, service="web")
    assert [(p["x"][0], p["y"][0]) for p in points] == table.select("cost_usd", "slo_attainment_ratio").rows()
    alone = {"a": fake_result(minutes=60)}
    assert traces(figures.cost_figure(alone, service="web"), type="scatter") == []


def test_a_contender_keeps_its_colour_in_every_figure():
    results = world_cup_day(120)
    colour = style.contender_colours(results)["Containers on metal, HPA"]
    cost = figures.cost_figure(results, service="web").to_dict()["data"]
    assert cost[0]["marker"]["color"][1] == colour
    assert cost[2]["marker"]["color"] == colour
    ready = traces(figures.supply_figure(results, service="web"), name="ready", showlegend=False)
    assert ready[1]["line"]["color"] == colour


@pytest.mark.parametrize(
    ("minutes", "unit", "tick"),
    [(2, "s", 15), (120, "min", 15), (1440, "h", 3), (10 * 1440, "days", 2), (87 * 1440, "days", 14)],
)
def test_time_axis_has_a_fitting_unit(minutes, unit, tick):
    scale = style.time_scale({"a": fake_result(minutes=minutes, decisions_per_minute=0)})
    assert (scale.unit, scale.tick) == (unit, tick)


def with_calls(parts, *, answered=10):
    """A result whose service `web` calls others: mean nanoseconds on the critical path, by service."""
    whole = sum(parts.values())
    rows = [("web", service, answered, nanos, nanos / whole) for service, nanos in parts.items()]
    path = pl.DataFrame(rows, schema=schema_of("critical_path"), orient="row")
    return dataclasses.replace(fake_result(minutes=24), critical_path=path)


def test_the_critical_path_adds_up_and_names_the_time_between_services():
    results = {"a": with_calls({"web": 3_000_000_000, "stock": 1_000_000_000, None: 500_000_000})}
    table = figures.critical_path_table(results, head="web")
    assert table["service"].to_list() == ["web", "stock", "between services"]
    bars = figures.critical_path_figure(results, head="web").data
    assert [bar.name for bar in bars] == ["web", "stock", "between services"]
    assert [list(bar.x) for bar in bars] == [[3.0], [1.0], [0.5]]


def test_a_critical_path_without_answers_says_so():
    figure = figures.critical_path_figure({"a": with_calls({})}, head="web")
    assert not figure.data
    assert "no request was answered" in figure.layout.annotations[0].text


def test_a_contender_without_calls_has_no_critical_path():
    results = {"a": with_calls({"web": 1}), "b": fake_result(minutes=24)}
    assert figures.critical_path_table(results, head="web")["contender"].to_list() == ["a"]
