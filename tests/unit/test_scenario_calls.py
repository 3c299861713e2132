"""Calls between services, as a person writes them."""

from datetime import timedelta

import polars as pl
import pytest
from scenario_examples import SMALL, load

import hookean
import hookean.memory
from hookean.errors import ScenarioError
from hookean.plan import resolve
from hookean.report import render_report
from hookean.scenario import Service

SHOP = """\
name: shop
seed: 3
workload:
  - {service: front, rate: 20/s, duration: 2min}
services:
  front:
    work: 10ms
    replica: {cpu: 1, memory: 512Mi}
    calls:
      - {to: cart, probability: 0.5, delay: 2ms}
      - {to: [search, stock], copies: 2}
  cart: {work: 20ms, replica: {cpu: 1, memory: 512Mi}, replicas: 2, calls: [{to: stock}]}
  search: {work: {distribution: exponential, mean: 15ms}, replica: {cpu: 1, memory: 512Mi}, replicas: 2}
  stock: {work: 5ms, replica: {cpu: 1, memory: 512Mi}}
platform: {preset: kubernetes-on-vms, pools: [{name: general, instance: aws/m7i.2xlarge, nodes: 2}]}
record: {requests: full}
"""


MANY = "{to: stock, copies: 1000}"


def test_calls_enter_the_plan_by_service(tmp_path):
    plan = resolve(load(tmp_path, SHOP))
    names = [each["name"] for each in plan.document["services"]]
    calls = [(names[call["service"]], [names[to] for to in call["to"]]) for call in plan.document["calls"]]
    assert calls == [("cart", ["stock"]), ("front", ["cart"]), ("front", ["search", "stock"])]
    assert plan.document["calls"][1]["delay"] == {"distribution": "constant", "value_ns": 2_000_000}
    assert plan.warnings == []
    sources = {each.path: each.status for each in plan.provenance}
    assert sources["calls.front.0.probability"] == "user"
    assert sources["calls.cart.0.probability"] == "assumed"


def test_requests_tell_who_called_and_what_set_them_off(tmp_path):
    requests = hookean.simulate(load(tmp_path, SHOP)).requests
    assert requests is not None
    assert requests.filter(pl.col("service") == "front")["caller"].is_null().all()
    called = requests.filter(pl.col("service") != "front")
    assert set(called["head"]) == {"front"}
    of_stock = called.filter(pl.col("service") == "stock")["caller"].value_counts().rows_by_key("caller")
    of_search = called.filter(pl.col("service") == "search").height
    of_cart = called.filter((pl.col("service") == "cart") & (pl.col("outcome") == "completed")).height
    assert of_stock["front"] == [(of_search,)]
    assert of_stock["cart"] == [(of_cart,)]
    # A call begins two milliseconds after its request has ended.
    ends = requests.filter(pl.col("service") == "front").select("request", pl.col("end").alias("sent"))
    gaps = called.filter(pl.col("service") == "cart").join(ends, on="request")
    assert set(gaps["arrival"] - gaps["sent"]) == {timedelta(milliseconds=2)}


@pytest.mark.parametrize(
    ("old", "new", "message", "where"),
    [
        ("to: cart", "to: card", "unknown service `card`", "services.front.calls.0.to"),
        ("to: cart", "to: front", "`front` calls itself", "services.front.calls.0.to"),
        ("[search, stock]", "[stock, stock]", "`stock` is named twice", "services.front.calls.1.to"),
        ("[search, stock]", "[]", "at least 1", "services.front.calls.1.to"),
        ("probability: 0.5", "probability: 1.5", "at most 1", "services.front.calls.0.probability"),
        ("probability: 0.5", "probability: 0", "above 0", "services.front.calls.0.probability"),
        ("copies: 2", "copies: 0", "at least 1", "services.front.calls.1.copies"),
        ("copies: 2", "wait_for: 3", "2 calls can never give 3 answers", "services.front.calls.1.wait_for"),
        ("copies: 2", "wait_for: most", "expected `all`, `first`, `none` or a", "services.front.calls.1.wait_for"),
        ("search: {", f"search: {{calls: [{MANY}, {MANY}, {MANY}], ", "more than 16,384 ways", "services.stock"),
        ("copies: 2", "deadline: 0s", "no request can be served in no time", "services.front.calls.1.deadline"),
        ("stock: {work: 5ms,", "stock: {calls: [{to: front}], work: 5ms,", "calls lead back: ", "services.front.calls"),
        ("stock: {work: 5ms,", "stock: {fidelity: binned, work: 5ms,", "`stock` is called by others", "services.stock"),
        ("stock: {work: 5ms,", "stock: {count: 3, work: 5ms,", "`stock` is a group", "services.cart.calls.0.to"),
        ("stock: {work: 5ms,", "stock: {", "`work` is missing", "services.stock.work"),
        (
            "{service: front, rate: 20/s, duration: 2min}",
            "{service: front, load: [{cpu: 1, for: 1min}]}",
            "`front` calls others, and a fluid load has no requests",
            "workload.0.load",
        ),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path, old, new, message, where):
    assert old in SHOP
    with pytest.raises(ScenarioError) as caught:
        resolve(load(tmp_path, SHOP.replace(old, new)))
    told = str(caught.value)
    assert message in told
    assert where in told


def test_kept_requests_that_others_set_off_must_fit_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(hookean.memory, "available_memory_bytes", lambda: 1_000_000)
    monkeypatch.setattr(hookean.memory, "SMALL_BYTES", 0)
    # 2,400 at the front, 1,200 at the cart, 4,800 at the search, and 4,800 + 1,200 at the stock.
    with pytest.raises(ScenarioError, match="14,400 single requests need about"):
        resolve(load(tmp_path, SHOP))


def test_a_ring_of_calls_is_named(tmp_path):
    text = SHOP.replace("stock: {work: 5ms,", "stock: {calls: [{to: cart}], work: 5ms,")
    with pytest.raises(ScenarioError, match="calls lead back: `cart` → `stock` → `cart`"):
        load(tmp_path, text)


def test_a_service_that_is_called_may_scale_on_demand_in_either_engine(tmp_path):
    text = SHOP.replace("cart: {work: 20ms, replica: {cpu: 1, memory: 512Mi}, replicas: 2,", "cart: {work: 20ms, ")
    assert text != SHOP
    text = text.replace("cart: {", "cart: {replica: {cpu: 1, memory: 512Mi}, queue: {discipline: central_fifo}, ")
    text += "controllers:\n  - {kind: on-demand, service: cart, max: 30, keep_alive: 300ms}\n"
    result = hookean.simulate(load(tmp_path, text))
    requests = result.requests
    assert requests is not None
    carts = result.replicas.filter(pl.col("service") == "cart")
    # The first call finds no replica: one is created at that instant.
    first = requests.filter(pl.col("service") == "cart")["arrival"].min()
    assert carts["created"].min() == first
    assert carts.height > 10
    assert hookean.simulate(load(tmp_path, text + "engine: reference\n")).digest == result.digest


def test_a_group_may_call_a_service(tmp_path):
    text = SHOP.replace("  cart: {work", "  cart: {count: 1, work").replace("to: cart, probability: 0.5", "to: search")
    text = text.replace(
        "{service: front, rate", "{service: cart, rate: 1/s, duration: 1min}\n  - {service: front, rate"
    )
    document = resolve(load(tmp_path, text.replace("count: 1,", "count: 2,"))).document
    names = [each["name"] for each in document["services"]]
    callers = [names[call["service"]] for call in document["calls"] if [names[to] for to in call["to"]] == ["stock"]]
    assert callers == ["cart-0", "cart-1"]


def test_latencies_from_end_to_end_are_made_up_of_services_on_critical_paths(tmp_path):
    result = hookean.simulate(load(tmp_path, SHOP))
    assert result.end_to_end is not None
    assert result.critical_path is not None
    [row] = result.end_to_end.rows(named=True)
    assert row["service"] == "front"
    assert row["completed"] == row["answered"] + row["unanswered"] + row["waiting"]
    front = result.summary.row(by_predicate=pl.col("service") == "front", named=True)
    assert row["completed"] == front["completed"]
    assert row["latency_p50"] > front["latency_p50"]
    paths = result.critical_path
    assert paths["share_ratio"].sum() == pytest.approx(1)
    # Means are rounded to the nanosecond, each by itself.
    mean = result.end_to_end["latency_mean"].dt.total_nanoseconds().item()
    assert abs(paths["time_mean"].dt.total_nanoseconds().sum() - mean) <= paths.height
    assert paths.filter(pl.col("service") == "front")["requests"].item() == row["answered"]
    assert set(paths["service"]) == {"front", "cart", "search", "stock", None}


def test_the_report_shows_requests_from_end_to_end_and_nothing_of_it_without_calls(tmp_path):
    result = hookean.simulate(load(tmp_path, SHOP))
    page = render_report({"shop": result})
    assert "Requests of front from end to end" in page
    assert 'id="critical-path-0"' in page
    numbers = page[page.index('id="critical-path-0"') :]
    assert "between services" in numbers[: numbers.index("</figure>")]
    assert "from end to end" not in render_report({"small": hookean.simulate(load(tmp_path, SMALL))})


@pytest.mark.parametrize(
    ("written", "planned"),
    [
        ("all", {"wait": "all"}),
        ("first", {"wait": "some", "count": 1}),
        ("2", {"wait": "some", "count": 2}),
        ("none", {"wait": "nothing"}),
    ],
)
def test_what_an_answer_waits_for(tmp_path, written, planned):
    plan = resolve(load(tmp_path, SHOP.replace("copies: 2", f"wait_for: {written}")))
    assert plan.document["calls"][2]["wait_for"] == planned


def test_a_run_without_calls_has_no_tables_of_them(tmp_path):
    text = SHOP[: SHOP.index("    calls:")] + SHOP[SHOP.index("platform:") :]
    result = hookean.simulate(load(tmp_path, text))
    assert result.end_to_end is None
    assert result.critical_path is None


def test_a_call_to_one_service_needs_no_list():
    service = Service(work="1ms", calls=[{"to": "other"}])
    assert service.calls[0].to == ("other",)
